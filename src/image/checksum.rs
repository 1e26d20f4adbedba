//! The `.sha256` that CanvOS writes beside an image.

use std::io::Read as _;
use std::path::Path;

use super::source;
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::path_error::PathError;

/// The largest part of such a file that is read, in bytes. The file has one line.
const LARGEST: u64 = 4096;

/// The result of comparing an image with its `.sha256`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// There is no `.sha256`.
    None,
    /// The file has the image's digest.
    Agrees,
    /// The file has another digest.
    Disagrees,
    /// The file does not have the format that `sha256sum` writes.
    Unreadable,
}

/// Compares the image `path` with the `.sha256` beside it. If there is one, the whole image is
/// read.
///
/// # Errors
/// Fails if a file exists and cannot be read.
pub fn checksum(path: &Path) -> Result<Checksum, PathError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sha256");
    let beside = Path::new(&beside);
    let file = match source::open(beside) {
        Ok(Some((file, _))) => file,
        Ok(None) => return Ok(Checksum::Unreadable),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Checksum::None),
        Err(error) => return Err(PathError::when("read", beside)(error)),
    };
    let mut text = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut text)
        .map_err(PathError::when("read", beside))?;
    let text = String::from_utf8_lossy(&text);
    let first = text.split_whitespace().next().unwrap_or_default();
    let Ok(said) = Digest::try_from(first.trim_start_matches('\\').to_ascii_lowercase()) else {
        return Ok(Checksum::Unreadable);
    };
    let mut image = files::open(path).map_err(PathError::when("read", path))?;
    let (is, _) = Digest::of_reader(&mut image).map_err(PathError::when("read", path))?;
    Ok(if is == said {
        Checksum::Agrees
    } else {
        Checksum::Disagrees
    })
}
