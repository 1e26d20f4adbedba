//! The cluster definition inside an image that CanvOS built. It is found without mounting the
//! image, without root, and without other programs.
//!
//! The input is an untrusted image file. The output is what is at the definition's path and
//! beside it, identified by digests. ISO 9660 images have the definition at
//! `/opt/spectrocloud/clusterconfig/spc.tgz`, disk images (raw, or compressed with gzip) at
//! `/spc-config/spc.tgz` in the ext4 partition `COS_CONTENT` (canvos.md, 5), and content bundles
//! in `/opt/spectrocloud/content` and `/bundle-content`. Lengths and names are never trusted; an
//! inconsistent image is refused.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::bundle::LargeBundles;
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

mod bundles;
mod bytes;
mod checksum;
mod ext4;
mod foreign;
mod gpt;
mod gzip;
mod iso;
mod partition;
mod place;
mod source;

pub use bundles::{BundleContent, ImageBundle};
pub use checksum::{Checksum, checksum};
pub use place::{Beside, EdgeConfigEntry, HeldFile, ImagePlace, NeighbourFile, PlaceEntry};

use place::{ImageFileSystem as _, ImagePaths, Node};
use source::Window;

/// The paths in an ISO (canvos.md, T35 for the custom configuration, and 5).
const IN_ISO: ImagePaths<'_> = ImagePaths {
    definition: &["opt", "spectrocloud", "clusterconfig", "spc.tgz"],
    edge_config: &[".edge_custom_config.yaml"],
    bundles: &["opt", "spectrocloud", "content"],
};
/// A file that CanvOS tracks in the same overlay. If it is missing, the whole overlay was lost
/// (canvos.md, T23).
const CANARY: [&str; 4] = ["opt", "spectrocloud", "content", "Readme.txt"];
/// The paths in a content partition.
const IN_PARTITION: ImagePaths<'_> = ImagePaths {
    definition: &["spc-config", "spc.tgz"],
    edge_config: &["edge-config", ".edge_custom_config.yaml"],
    bundles: &["bundle-content"],
};
/// The label of the content partition, which has the definition.
pub const PARTITION: &str = partition::LABEL;
/// The labels of CanvOS's ISOs (canvos.md, 5).
const LABELS: [&str; 2] = ["COS_LIVE", "UKI_ISO_INSTALL"];
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An image that was examined.
#[derive(Debug)]
pub struct Image {
    /// The kind of image.
    pub format: ImageFormat,
    /// The places where a definition belongs: one, or one for each content partition of a disk
    /// that has several. Never empty.
    pub places: Vec<ImagePlace>,
    /// The time of the last change of the image's file.
    pub changed: Option<SystemTime>,
}

/// The kinds of images that carry a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFormat {
    /// ISO 9660, with its volume label.
    Iso(String),
    /// A raw disk.
    Disk,
    /// A raw disk, compressed with gzip.
    CompressedDisk,
}

/// Why an image cannot be judged.
#[derive(Debug)]
pub enum ImageError {
    /// The image cannot be opened or read.
    Disk(PathError),
    /// Reading the image failed; the caller adds the path.
    Read(io::Error),
    /// A temporary file for a part of the image cannot be written.
    Spool(PathError),
    /// The image ends before the end of the contents that it describes.
    Truncated,
    /// The image contradicts itself, at this place.
    Damaged(&'static str),
    /// The journal of the content partition was not replayed: the partition was copied while it
    /// was mounted. What a host will find there is not known.
    NeedsRecovery,
    /// The content partition has ext4 features with these names, which are not supported.
    Unsupported(String),
    /// The image is of this kind, compressed with a method that is not supported.
    Compressed(&'static str),
    /// The file is of this kind, which CanvOS does not build.
    Foreign(String),
}

/// How archives are recognized and judged.
pub struct Judge<'a> {
    /// The limits on an archive.
    pub limits: &'a Limits,
    /// Whether the custom configuration is read, too.
    pub edge_config: ReadEdgeConfig,
    /// Whether large content bundles are read.
    pub bundles: LargeBundles,
}

/// Whether the custom configuration of an image is read, which has the public key for
/// signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEdgeConfig {
    /// It is read.
    Yes,
    /// It is not looked for.
    No,
}

/// Examines the image `path`. Parts of a compressed image and of content bundles go into temporary
/// files in the directory `spool`.
///
/// # Errors
/// Returns an [`ImageError`] if the image cannot be judged.
pub fn examine(path: &Path, spool: &Path, judge: &Judge<'_>) -> Result<Image, ImageError> {
    let opened = || PathError::when("read", path);
    let opening = source::open(path).map_err(opened());
    let Some((file, metadata)) = opening.map_err(ImageError::Disk)? else {
        return Err(ImageError::Foreign("no regular file".into()));
    };
    let image = Window::whole(file).map_err(ImageError::Read)?;
    let (format, places) = look(&image, path, spool, judge).map_err(|error| match error {
        ImageError::Read(error) => ImageError::Disk(opened()(error)),
        error => error,
    })?;
    Ok(Image {
        format,
        places,
        changed: changed(&metadata),
    })
}

/// Returns when a file was last changed: written, renamed, or given other permissions. The
/// modification time is not usable: Earthly sets it to 2020-04-16 for every file that it
/// exports (canvos.md, T22).
#[cfg(unix)]
#[must_use]
pub fn changed(metadata: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;
    let seconds = Duration::from_secs(metadata.ctime().try_into().ok()?);
    let rest = Duration::from_nanos(metadata.ctime_nsec().try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds + rest)
}

/// Returns `None`: the system has no such time.
#[cfg(not(unix))]
#[must_use]
pub fn changed(_: &Metadata) -> Option<SystemTime> {
    None
}

fn look(
    image: &Window,
    path: &Path,
    spool: &Path,
    judge: &Judge<'_>,
) -> Result<(ImageFormat, Vec<ImagePlace>), ImageError> {
    // An ISO may have a partition table too, for booting from a USB stick.
    if iso::is_one(image)? {
        let iso = iso::Iso::open(image)?;
        if !LABELS.contains(&iso.label.as_str()) {
            let label = crate::util::sanitize::excerpt(iso.label.as_bytes(), 32);
            return Err(ImageError::Foreign(format!(
                "an ISO with the label `{label}`"
            )));
        }
        // What is appended for USB sticks follows the volume.
        if partition::is_cut(image)? {
            return Err(ImageError::Truncated);
        }
        let place = in_iso(&iso, spool, judge)?;
        return Ok((ImageFormat::Iso(iso.label), vec![place]));
    }
    if image.has(0, &GZIP).map_err(cut)? {
        let contents =
            partition::open_compressed(image.reopen().map_err(ImageError::Read)?, path, spool)?;
        return Ok((
            ImageFormat::CompressedDisk,
            in_partitions(contents, spool, judge)?,
        ));
    }
    match partition::open(image) {
        Ok(contents) => Ok((ImageFormat::Disk, in_partitions(contents, spool, judge)?)),
        // Only a file that is not a disk is checked for other kinds.
        Err(ImageError::Foreign(what)) => Err(foreign::named(image, what)?),
        Err(error) => Err(error),
    }
}

fn in_iso(iso: &iso::Iso<'_>, spool: &Path, judge: &Judge<'_>) -> Result<ImagePlace, ImageError> {
    let mut place = ImagePlace::look(iso, &IN_ISO, spool, judge)?;
    if matches!(place.entry, PlaceEntry::Missing) && matches!(iso.find(&CANARY)?, Node::Missing) {
        place.entry = PlaceEntry::OverlayLost;
    }
    Ok(place)
}

fn in_partitions(
    contents: partition::Contents,
    spool: &Path,
    judge: &Judge<'_>,
) -> Result<Vec<ImagePlace>, ImageError> {
    let several = contents.len() > 1;
    let mut places = Vec::new();
    for content in contents {
        let place =
            content.and_then(|content| ImagePlace::look(&content, &IN_PARTITION, spool, judge));
        places.push(match place {
            Ok(place) => place,
            // The findings in the other partitions are still reported.
            Err(error) if several => ImagePlace::of(PlaceEntry::Failed(error)),
            Err(error) => return Err(error),
        });
    }
    if places.is_empty() {
        places.push(ImagePlace::of(PlaceEntry::NoPartition));
    }
    Ok(places)
}

/// Converts an error from reading an image.
fn cut(error: io::Error) -> ImageError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ImageError::Truncated,
        // An inconsistency that `ext4` found; the system's own errors have another kind.
        io::ErrorKind::Other => ImageError::Damaged("the file system of the content partition"),
        _ => ImageError::Read(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A failing medium is not a truncated image: nobody should build the image again.
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
