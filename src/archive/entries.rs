//! tar: from headers to entries that mean what GNU tar would make of them.
//!
//! The `tar` crate reads blocks and checks their sums. Extended headers are read here,
//! because the crate would read them whole, whatever their size, and because a size in
//! a PAX record that disagrees with the header is how two readers are made to see two
//! archives in one stream: it is refused, not reconciled. So is everything else that
//! GNU tar, bsdtar and Go's reader are known to understand in different ways.

use std::io::{self, Read};

use tar::{Archive, EntryType, Header};

use super::decode::refuse;
use super::pax;
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
    /// Whether PAX records were read.
    pax: bool,
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
        check_header(entry.header())?;
        let size = entry.size();
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                once(&mut extension.path, long_name(&mut entry, size)?)?;
            }
            EntryType::GNULongLink => {
                once(&mut extension.target, long_name(&mut entry, size)?)?;
            }
            EntryType::XHeader if extension.pax => return Err(described_twice()),
            EntryType::XHeader => extension.read_pax(&header_data(&mut entry, size)?)?,
            EntryType::XGlobalHeader if !extension.is_empty() => {
                return Err(damaged("a global PAX header parts an entry from its names"));
            }
            EntryType::XGlobalHeader => check_global(&header_data(&mut entry, size)?)?,
            _ => {
                let Extension {
                    path,
                    target,
                    size: pax_size,
                    ..
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
    if !extension.is_empty() {
        return Err(damaged("names are given to an entry that is not there"));
    }
    Ok(archive.into_inner())
}

/// Refuses a header that readers understand in different ways.
fn check_header(header: &Header) -> io::Result<()> {
    // Which of these bytes are the front of the path is told by the version, which not
    // all readers look at. Archivers that leave the version out leave the prefix empty.
    let prefix = &header.as_bytes()[345..500];
    let claims_posix = header.as_bytes()[257..].starts_with(b"ustar\0");
    let is_other = claims_posix && header.as_ustar().is_none() && prefix[0] != 0;
    let is_star = header.as_bytes().ends_with(b"tar\0") && !prefix[..131].contains(&0);
    if is_other || is_star {
        return Err(damaged("a header is of an unknown version"));
    }
    if !is_plain_size(&header.as_old().size) {
        return Err(damaged("a size in a header is no plain number"));
    }
    Ok(())
}

/// Whether all readers take `field` for the same number: octal digits, or GNU's binary
/// form without a sign and within 64 bits. A leading `+` or `-` was base 64 once.
fn is_plain_size(field: &[u8; 12]) -> bool {
    if field[0] & 0x80 != 0 {
        return field[..4] == [0x80, 0, 0, 0];
    }
    let text = field.trim_ascii_start();
    let digits = text.iter().take_while(|byte| (b'0'..=b'7').contains(byte));
    let rest = &text[digits.count()..];
    rest.len() < text.len() && rest.first().is_none_or(|byte| matches!(byte, 0 | b' '))
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

/// Where two headers name one entry, readers differ in which of them counts.
fn once<T>(place: &mut Option<T>, value: T) -> io::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(described_twice()),
    }
}

fn described_twice() -> io::Error {
    damaged("two extended headers describe one entry")
}

impl Extension {
    fn is_empty(&self) -> bool {
        !self.pax && self.path.is_none() && self.target.is_none()
    }

    /// Takes in PAX records.
    fn read_pax(&mut self, data: &[u8]) -> io::Result<()> {
        self.pax = true;
        for record in pax::records(data) {
            let (keyword, value) = record.ok_or_else(|| damaged("a PAX header is malformed"))?;
            match keyword {
                b"path" => once(&mut self.path, value.to_owned())?,
                b"linkpath" => once(&mut self.target, value.to_owned())?,
                b"size" => {
                    let size = pax::number(value);
                    let size = size.ok_or_else(|| damaged("a PAX size is not a number"))?;
                    once(&mut self.size, size)?;
                }
                _ if keyword.starts_with(b"GNU.sparse.") => {
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
