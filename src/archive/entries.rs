//! tar: from headers to entries that mean what GNU tar would make of them.
//!
//! The `tar` crate reads blocks and checks their sums. Extended headers are read here,
//! because the crate would read them whole, whatever their size, and because a size in
//! a PAX record that disagrees with the header is how two readers are made to see two
//! archives in one stream: it is refused, not reconciled.

use std::io::{self, Read};

use tar::{Archive, EntryType, PaxExtensions};

use super::decode::refuse;
use super::refusal::{Limit, Refusal};
use crate::limits::Limits;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// Another name of this path.
    Hardlink(Vec<u8>),
}

/// Names that an extended header gives to the next entry.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Calls `visit` with each entry's path, kind, size in bytes and content.
///
/// # Errors
/// The visitor's, or a refusal wrapped in an [`io::Error`].
pub fn for_each<R: Read>(
    source: R,
    mut visit: impl FnMut(Vec<u8>, Kind, u64, &mut dyn Read) -> io::Result<()>,
) -> io::Result<R> {
    let mut archive = Archive::new(source);
    let mut extension = Extension::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let size = entry.size();
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => extension.path = Some(long_name(&mut entry, size)?),
            EntryType::GNULongLink => extension.target = Some(long_name(&mut entry, size)?),
            EntryType::XHeader => extension.read_pax(&header_data(&mut entry, size)?)?,
            EntryType::XGlobalHeader => check_global(&header_data(&mut entry, size)?)?,
            _ => {
                let Extension {
                    path,
                    target,
                    size: pax_size,
                } = std::mem::take(&mut extension);
                let path = path.unwrap_or_else(|| entry.header().path_bytes().into_owned());
                if pax_size.is_some_and(|pax_size| pax_size != size) {
                    return Err(damaged("a PAX size disagrees with its header"));
                }
                let target = target.or_else(|| entry.header().link_name_bytes().map(Into::into));
                let kind = judge(kind, &path, target, size)?;
                visit(path, kind, size, &mut entry)?;
            }
        }
    }
    Ok(archive.into_inner())
}

/// What an entry of this type is to us.
fn judge(kind: EntryType, path: &[u8], target: Option<Vec<u8>>, size: u64) -> io::Result<Kind> {
    let refused = |kind| {
        Err(refuse(Refusal::Kind {
            path: path.to_owned(),
            kind,
        }))
    };
    let kind = match kind {
        // POSIX: a name that ends in a slash is a directory's, whatever the old type says.
        EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous => return Ok(Kind::File),
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink(target.unwrap_or_default()),
        EntryType::Link => Kind::Hardlink(target.unwrap_or_default()),
        EntryType::Char => return refused("a character device"),
        EntryType::Block => return refused("a block device"),
        EntryType::Fifo => return refused("a FIFO"),
        EntryType::GNUSparse => return refused("a sparse file"),
        _ => return refused("of an unknown type"),
    };
    if size > 0 {
        return Err(damaged("an entry that is no file has content"));
    }
    Ok(kind)
}

/// The content of an extended header, which must be small.
fn header_data(entry: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    if size > Limits::HEADER {
        return Err(refuse(Refusal::TooLarge(Limit::Header)));
    }
    let mut data = Vec::new();
    entry.read_to_end(&mut data)?;
    if data.len() as u64 != size {
        return Err(refuse(Refusal::Truncated));
    }
    Ok(data)
}

/// A GNU long name: the path and a NUL.
fn long_name(entry: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut name = header_data(entry, size)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

impl Extension {
    /// Takes in PAX records (POSIX.1-2001, pax, "Extended Header Keywords").
    fn read_pax(&mut self, data: &[u8]) -> io::Result<()> {
        for record in PaxExtensions::new(data) {
            let record = record?;
            let value = record.value_bytes();
            match record.key_bytes() {
                b"path" => self.path = Some(value.to_owned()),
                b"linkpath" => self.target = Some(value.to_owned()),
                b"size" => {
                    let size = std::str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or_else(|| damaged("a PAX size is not a number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(damaged(
                        "it has sparse files, which no cluster definition needs",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Global records would rename every later entry; `git archive` writes a harmless one.
fn check_global(data: &[u8]) -> io::Result<()> {
    let mut global = Extension::default();
    global.read_pax(data)?;
    if global.path.is_some() || global.target.is_some() || global.size.is_some() {
        return Err(damaged("a global PAX header sets a path or size"));
    }
    Ok(())
}

fn damaged(why: &str) -> io::Error {
    refuse(Refusal::Damaged(why.to_owned()))
}
