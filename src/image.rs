//! What CanvOS built: the cluster definition inside an image, found without mounting it,
//! without root and without other programs.
//!
//! In: an image file, which nobody vouches for. Out: what is where the definition
//! belongs, by its digests. ISO 9660 images carry it at
//! `/opt/spectrocloud/clusterconfig/spc.tgz`, disk images (raw, or compressed with gzip)
//! in the ext4 partition `COS_CONTENT` at `/spc-config/spc.tgz` (canvos.md, 5). Lengths
//! and names are never trusted; an image that does not add up is refused.

use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use crate::archive::{self, InspectError, Refusal};
use crate::digest::Digest;
use crate::disk::PathError;
use crate::limits::Limits;

mod bytes;
mod checksum;
mod ext4;
mod gpt;
mod iso;
mod partition;
mod source;

pub use checksum::{Checksum, checksum};

use source::Window;

/// Where an ISO has the definition.
const IN_ISO: [&str; 4] = ["opt", "spectrocloud", "clusterconfig", "spc.tgz"];
/// What CanvOS tracks in the same overlay: missing, the whole overlay was lost
/// (canvos.md, T23).
const CANARY: [&str; 4] = ["opt", "spectrocloud", "content", "Readme.txt"];
/// Where a content partition has the definition.
const IN_PARTITION: [&str; 2] = ["spc-config", "spc.tgz"];
/// The label of the partition that carries it.
pub const PARTITION: &str = partition::LABEL;
/// The labels of CanvOS's ISOs (canvos.md, 5).
const LABELS: [&str; 2] = ["COS_LIVE", "UKI_ISO_INSTALL"];
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An image, looked into.
#[derive(Debug)]
pub struct Image {
    /// What kind of image it is.
    pub format: Format,
    /// What is where the definition belongs.
    pub entry: Entry,
    /// When it was written last, as its file has it.
    pub modified: Option<SystemTime>,
}

/// The kinds of images that carry a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// ISO 9660, with its label.
    Iso(String),
    /// A raw disk.
    Disk,
    /// A raw disk, compressed with gzip.
    CompressedDisk,
}

/// What is where the definition belongs.
#[derive(Debug)]
pub enum Entry {
    /// Nothing.
    Missing,
    /// Nothing, and the rest of the overlay is missing too.
    OverlayLost,
    /// A disk without the partition that carries a definition.
    NoPartition,
    /// No regular file: what it is.
    Odd(&'static str),
    /// A file.
    File {
        /// Of its bytes.
        sha256: Digest,
        /// In bytes.
        size: u64,
        /// Of what it holds, or why it is no archive of a definition.
        content: Result<Digest, Refusal>,
    },
}

/// Why an image tells nothing.
#[derive(Debug)]
pub enum ImageError {
    /// It cannot be opened or read.
    Disk(PathError),
    /// Reading it failed; the caller knows its path.
    Read(io::Error),
    /// A temporary file for a part of it cannot be written.
    Spool(PathError),
    /// It ends before what it says it holds.
    Truncated,
    /// It contradicts itself: where.
    Damaged(&'static str),
    /// It is no image that CanvOS builds: what it is.
    Foreign(String),
}

/// How archives are recognised and judged.
pub struct Judge<'a> {
    /// The content of archives whose bytes are known by their SHA-256.
    pub known: &'a dyn Fn(Digest) -> Option<Digest>,
    /// What an archive may hold.
    pub limits: &'a Limits,
}

/// Looks into the image `path`. A part of a compressed one goes into a temporary file in
/// the directory `spool`.
///
/// # Errors
/// [`ImageError`].
pub fn examine(path: &Path, spool: &Path, judge: &Judge<'_>) -> Result<Image, ImageError> {
    let opened = || PathError::when("read", path);
    let opening = source::open(path).map_err(opened());
    let Some((file, metadata)) = opening.map_err(ImageError::Disk)? else {
        return Err(ImageError::Foreign("no regular file".into()));
    };
    let image = Window::whole(file).map_err(ImageError::Read)?;
    let (format, entry) = look(&image, path, spool, judge).map_err(|error| match error {
        ImageError::Read(error) => ImageError::Disk(opened()(error)),
        error => error,
    })?;
    Ok(Image {
        format,
        entry,
        modified: metadata.modified().ok(),
    })
}

fn look(
    image: &Window,
    path: &Path,
    spool: &Path,
    judge: &Judge<'_>,
) -> Result<(Format, Entry), ImageError> {
    // An ISO may have a partition table too, for booting from a stick.
    if iso::is_one(image)? {
        let iso = iso::Iso::open(image)?;
        if !LABELS.contains(&iso.label.as_str()) {
            let label = crate::printable::excerpt(iso.label.as_bytes(), 32);
            return Err(ImageError::Foreign(format!(
                "an ISO with the label `{label}`"
            )));
        }
        // What is appended for sticks stands behind the volume.
        if partition::is_cut(image)? {
            return Err(ImageError::Truncated);
        }
        let entry = in_iso(&iso, judge)?;
        return Ok((Format::Iso(iso.label), entry));
    }
    if image.has(0, &GZIP).map_err(cut)? {
        let content =
            partition::open_compressed(image.reopen().map_err(ImageError::Read)?, path, spool)?;
        return Ok((Format::CompressedDisk, in_partition(content, judge)?));
    }
    Ok((Format::Disk, in_partition(partition::open(image)?, judge)?))
}

fn in_iso(iso: &iso::Iso<'_>, judge: &Judge<'_>) -> Result<Entry, ImageError> {
    match iso.find(&IN_ISO)? {
        iso::Node::File(file) => read(file.size(), || iso.read(&file), judge),
        iso::Node::Directory => Ok(Entry::Odd("a directory")),
        iso::Node::Odd(kind) => Ok(Entry::Odd(kind)),
        iso::Node::Missing => match iso.find(&CANARY)? {
            iso::Node::Missing => Ok(Entry::OverlayLost),
            _ => Ok(Entry::Missing),
        },
    }
}

fn in_partition(
    content: Option<partition::Content>,
    judge: &Judge<'_>,
) -> Result<Entry, ImageError> {
    let Some(content) = content else {
        return Ok(Entry::NoPartition);
    };
    match content.find(&IN_PARTITION)? {
        partition::Node::Missing => Ok(Entry::Missing),
        partition::Node::Odd(kind) => Ok(Entry::Odd(kind)),
        partition::Node::File(file) => read(file.size(), || content.read(&file), judge),
    }
}

/// Hashes the file and, unless its bytes are known, reads what it holds.
fn read<R: Read>(size: u64, open: impl Fn() -> R, judge: &Judge<'_>) -> Result<Entry, ImageError> {
    // Of what is too large to be an archive nothing more needs to be known.
    if size > judge.limits.archive {
        return Ok(Entry::Odd("a file larger than an archive may be"));
    }
    let (sha256, length) = Digest::of_reader(&mut open().take(size)).map_err(cut)?;
    if length != size {
        return Err(ImageError::Truncated);
    }
    let content = match (judge.known)(sha256) {
        Some(content) => Ok(content),
        None => match archive::inspect(open().take(size), judge.limits, archive::NOTHING) {
            Ok(inventory) => Ok(inventory.content_sha256),
            Err(InspectError::Refused(refusal)) => Err(refusal),
            Err(InspectError::Io(error)) => return Err(cut(error)),
        },
    };
    Ok(Entry::File {
        sha256,
        size,
        content,
    })
}

/// What an error says of an image that was read.
fn cut(error: io::Error) -> ImageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ImageError::Truncated,
        // What `ext4` finds wrong; the system's own errors have another kind.
        io::ErrorKind::Other => ImageError::Damaged("the file system of the content partition"),
        _ => ImageError::Read(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A medium that fails is no image that was cut: nobody should build it again.
    #[test]
    fn what_cannot_be_read_is_not_truncated() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image");
        std::fs::write(&path, vec![0; 64 * 1024]).unwrap();
        // Every read of a file that was opened for writing fails.
        let file = || std::fs::File::options().write(true).open(&path).unwrap();
        let image = || Window::whole(file()).unwrap();
        assert!(matches!(iso::is_one(&image()), Err(ImageError::Read(_))));
        assert!(matches!(iso::Iso::open(&image()), Err(ImageError::Read(_))));
        assert!(matches!(
            partition::open(&image()),
            Err(ImageError::Read(_))
        ));
        assert!(matches!(
            partition::is_cut(&image()),
            Err(ImageError::Read(_))
        ));
        assert!(matches!(
            ext4::Ext4::open(image()),
            Err(ImageError::Read(_))
        ));
        let packed = partition::open_compressed(file(), &path, Path::new("/nowhere"));
        assert!(matches!(packed, Err(ImageError::Read(_))));
    }
}
