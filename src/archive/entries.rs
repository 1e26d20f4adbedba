//! Parses tar: from blocks to entries that every reader understands in the same way.
//!
//! Input: the bytes of a tar. Output: the path, kind, size and content of each entry, in order.
//! Anything that GNU tar, bsdtar, Python's and Go's readers are known to understand differently
//! is refused rather than reconciled: for example, a size in a PAX record that disagrees with
//! the header makes two readers see two archives in the same stream.

use std::io::{self, Read};

use super::decode::refuse;
use super::header::{self, BLOCK, Header, Type};
use super::pax::Pax;
use super::refusal::{Limit, Refusal};
use crate::util::limits::Limits;

/// The smallest size that the eleven octal digits of a header cannot express, in bytes.
const BEYOND_HEADER: u64 = 8 << 30;

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link to this target.
    Symlink(Vec<u8>),
    /// A hard link to this path.
    Hardlink(Vec<u8>),
}

/// The extended headers of the next entry.
#[derive(Default)]
struct Extension {
    /// The name of the last extended header, for messages.
    last: Option<Vec<u8>>,
    is_global: bool,
    is_pax: bool,
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// How the archive ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A block of zeros.
    Marker,
    Nothing,
}

/// Calls `visit` with the path, kind, size in bytes and content of each entry. The data after
/// the end is left to the caller.
///
/// # Errors
/// Returns the error of `visit`, or a refusal wrapped in an [`io::Error`].
pub(crate) fn for_each<R: Read>(
    source: &mut R,
    mut visit: impl FnMut(Vec<u8>, Kind, u64, &mut dyn Read) -> io::Result<()>,
) -> io::Result<End> {
    let mut extension = Extension::default();
    let mut is_first = true;
    let mut block = [0; BLOCK];
    let end = loop {
        match fill(source, &mut block)? {
            0 => break End::Nothing,
            BLOCK if block == [0; BLOCK] => break End::Marker,
            BLOCK => {}
            _ => return Err(refuse(Refusal::Truncated)),
        }
        let mut header = Header::read(&block).map_err(refuse)?;
        if !header.kind.is_extension() {
            header.size = extension.size_beyond_header(&header).unwrap_or(header.size);
        }
        if std::mem::take(&mut is_first) && header::is_another_format(&block) {
            return Err(ambiguous(&header.path, "it begins like another format"));
        }
        let size = header.size;
        let mut content = source.by_ref().take(size);
        if header.kind.is_extension() {
            extension.read(&header, &mut content)?;
            // Python takes it for a part of the header.
            if !skip_padding(source, size)? {
                return Err(ambiguous(&header.path, "data follows in its last block"));
            }
        } else {
            let (path, kind) = std::mem::take(&mut extension).apply(header)?;
            visit(path, kind, size, &mut content)?;
            if content.limit() > 0 {
                return Err(refuse(Refusal::Truncated));
            }
            skip_padding(source, size)?;
        }
    };
    match extension.last {
        None => Ok(end),
        // Python considers such an archive damaged.
        Some(last) => Err(ambiguous(&last, "the entry that it describes is missing")),
    }
}

/// Fills `buffer` as far as `source` has data. Returns the number of bytes.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// Reads the padding after content of this size. Returns whether it consists of zeros.
fn skip_padding(source: &mut impl Read, size: u64) -> io::Result<bool> {
    let mut block = [0; BLOCK];
    let used = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    let padding = &mut block[used..];
    if used > 0 && fill(source, padding)? < padding.len() {
        return Err(refuse(Refusal::Truncated));
    }
    Ok(block == [0; BLOCK])
}

impl Extension {
    /// Reads an extended header.
    fn read(&mut self, header: &Header, content: &mut io::Take<&mut impl Read>) -> io::Result<()> {
        let refused = |why: &str| ambiguous(&header.path, why);
        self.last = Some(header.path.clone());
        let is_pax = matches!(header.kind, Type::Pax | Type::PaxGlobal);
        let is_gnu = !self.is_pax && (self.path.is_some() || self.target.is_some());
        // Readers disagree about which of two headers counts.
        let is_second = self.is_pax || self.is_global && header.kind == Type::PaxGlobal;
        if is_second && is_pax {
            return Err(refused("two PAX headers describe one entry"));
        }
        if self.is_pax || is_gnu && is_pax {
            return Err(refused("a PAX header and a GNU header describe one entry"));
        }
        let is_taken = match header.kind {
            Type::LongName => self.path.is_some(),
            Type::LongTarget => self.target.is_some(),
            _ => false,
        };
        if is_taken {
            return Err(refused("two GNU headers describe one entry"));
        }
        let data = header_data(header.size, content)?;
        match header.kind {
            Type::LongName => self.path = Some(without_zeros(data)),
            Type::LongTarget => self.target = Some(without_zeros(data)),
            Type::PaxGlobal => {
                Pax::check_global(&data).map_err(|why| refused(&why))?;
                self.is_global = true;
            }
            _ => {
                let pax = Pax::read(&data).map_err(|why| refused(&why))?;
                self.is_pax = true;
                (self.path, self.target, self.size) = (pax.path, pax.target, pax.size);
            }
        }
        Ok(())
    }

    /// Returns the size that only the PAX header has, because it is too large for the digits of
    /// the header. All readers agree on that form, which GNU tar, Go and Python write; a content
    /// bundle may have such files.
    fn size_beyond_header(&self, header: &Header) -> Option<u64> {
        self.size
            .filter(|size| header.size == 0 && *size >= BEYOND_HEADER)
    }

    /// Returns the path and the kind of the entry.
    fn apply(self, header: Header) -> io::Result<(Vec<u8>, Kind)> {
        let kind = match header.kind {
            // Before POSIX, only the name distinguished a directory from a file.
            Type::OldFile if self.path(&header).ends_with(b"/") => Type::Directory,
            Type::OldFile => Type::File,
            kind => kind,
        };
        let oddity = self.oddity(&header, kind);
        let path = self.path.unwrap_or(header.path);
        let target = self.target.unwrap_or(header.target);
        let kind = match (kind, oddity) {
            (Type::Other(kind), _) => return Err(refuse(Refusal::Kind { path, kind })),
            (_, Some(why)) => return Err(ambiguous(&path, why)),
            (Type::Directory, _) => Kind::Directory,
            (Type::Symlink, _) => Kind::Symlink(target),
            (Type::Hardlink, _) => Kind::Hardlink(target),
            _ => Kind::File,
        };
        Ok((path, kind))
    }

    fn path<'a>(&'a self, header: &'a Header) -> &'a [u8] {
        self.path.as_deref().unwrap_or(&header.path)
    }

    /// Returns why readers understand the entry differently, if they do.
    fn oddity(&self, header: &Header, kind: Type) -> Option<&'static str> {
        let path = self.path(header);
        let target = self.target.as_ref().unwrap_or(&header.target);
        let is_link = matches!(kind, Type::Symlink | Type::Hardlink);
        let ends_as_directory =
            |name: &[u8]| name == b"." || name.ends_with(b"/") || name.ends_with(b"/.");
        let has_slash = path.ends_with(b"/") || header.path.ends_with(b"/");
        let oddities = [
            (
                header.kind == Type::OldFile && self.path.is_some() && has_slash,
                "its type depends on which of its names is used",
            ),
            (
                self.size.is_some_and(|size| size != header.size),
                "its PAX size differs from the size in its header",
            ),
            (
                kind != Type::File && header.size > 0,
                "it is not a file but has content",
            ),
            (
                kind != Type::Directory && ends_as_directory(path),
                "its name ends like the name of a directory",
            ),
            (
                !is_link && self.target.is_some(),
                "it is not a link but has a target",
            ),
            // Whatever the extended headers say: bsdtar treats it as an empty file then.
            (
                is_link && header.target.is_empty(),
                "its header has no target",
            ),
            (
                kind == Type::Hardlink && ends_as_directory(target),
                "its target ends like the name of a directory",
            ),
        ];
        let found = oddities.into_iter().find(|(is_there, _)| *is_there);
        found.map(|(_, why)| why)
    }
}

/// Returns the content of an extended header, which must be small.
fn header_data(size: u64, content: &mut impl Read) -> io::Result<Vec<u8>> {
    if size > Limits::HEADER {
        return Err(refuse(Refusal::TooLarge(Limit::Header)));
    }
    let mut data = Vec::new();
    content.read_to_end(&mut data)?;
    if data.len() as u64 != size {
        return Err(refuse(Refusal::Truncated));
    }
    Ok(data)
}

/// Removes the zeros that end a GNU long name.
fn without_zeros(mut name: Vec<u8>) -> Vec<u8> {
    while name.last() == Some(&0) {
        name.pop();
    }
    name
}

fn ambiguous(path: &[u8], why: &str) -> io::Error {
    refuse(Refusal::Ambiguous {
        path: path.to_owned(),
        why: why.to_owned(),
    })
}
