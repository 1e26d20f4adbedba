//! Reading files without blocking forever and without unbounded memory.
//!
//! Every file that a run reads is opened here or by the same rules: opening a file never waits
//! for another process, and the number of bytes that are read into memory is limited. A pipe
//! without a writer, a socket, a device or an endless file in place of a regular file is an
//! error that names the file, and never makes a run hang. Pipes are read only where people use
//! them ([`read_piped`], [`Piped`]), with a time-out.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::util::sanitize;
use crate::util::stamp::Stamp;

/// Returns whether an error means that the file does not exist.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The identity of what a path leads to, since symbolic links and bind mounts give a directory
/// several paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// The device number of the file system and the inode number of the file.
    Node(u64, u64),
    /// The canonical path, if nothing exists there or if the system has no such numbers.
    Path(PathBuf),
}

impl Identity {
    /// Returns the identity of what `path` leads to.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        #[cfg(unix)]
        if let Ok(metadata) = path.metadata() {
            use std::os::unix::fs::MetadataExt as _;
            return Self::Node(metadata.dev(), metadata.ino());
        }
        Self::Path(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }
}

/// The maximum size of a text file that people write, in bytes.
pub const TEXT: u64 = 16 << 20;
/// The maximum size of `profiles.lock`, in bytes: enough for more than ten thousand
/// definitions.
pub const LOCK: u64 = 64 << 20;

/// Opens the regular file `path` for reading.
///
/// # Errors
/// Fails if the operating system reports an error, or if `path` is not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    let (file, metadata) = open_checked(path, &|kind| kind.is_file())?;
    debug_assert!(metadata.is_file());
    Ok(file)
}

/// Reads the file `path` of at most `limit` bytes. A character device is accepted, too, since
/// `/dev/null` is commonly used as an empty file.
///
/// # Errors
/// Fails if the operating system reports an error, if `path` is a pipe, a socket or a block
/// device, or if it has more than `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    Ok(read_stamped(path, limit)?.0)
}

/// Reads the file `path` like [`read`], and returns the stamp of what was read.
///
/// # Errors
/// Fails for the same reasons as [`read`].
pub fn read_stamped(path: &Path, limit: u64) -> io::Result<(Vec<u8>, Stamp)> {
    let (file, metadata) = open_checked(path, &|kind| kind.is_file() || is_device(kind))?;
    if metadata.len() > limit {
        return Err(too_large(limit));
    }
    let bytes = read_to_limit(&file, metadata.len(), limit)?;
    // Afterwards: a change while the file is read then shows in the stamp.
    Ok((bytes, Stamp::of(&file.metadata()?)))
}

/// Reads the regular file `path` like [`read`], unless it belongs to another user than this one
/// and root: what is not checked again must not come from somebody else.
///
/// # Errors
/// Fails for the same reasons as [`read`], and if the file belongs to another user.
pub fn read_own(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !is_own(&metadata) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    read_to_limit(&file, metadata.len(), limit)
}

#[cfg(unix)]
fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    may_own(metadata.uid(), rustix::process::geteuid().as_raw())
}

#[cfg(unix)]
fn may_own(owner: u32, user: u32) -> bool {
    [user, 0].contains(&owner)
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

/// Returns whether `path` is a regular file with exactly these bytes.
#[must_use]
pub fn has_content(path: &Path, bytes: &[u8]) -> bool {
    const CHUNK: usize = 128 << 10;
    let Ok(mut file) = open(path) else {
        return false;
    };
    let mut chunk = vec![0; CHUNK.min(bytes.len())];
    let is_next = |expected: &[u8]| {
        let read = &mut chunk[..expected.len()];
        file.read_exact(read).is_ok() && read == expected
    };
    bytes.chunks(CHUNK).all(is_next) && matches!(file.read(&mut [0]), Ok(0))
}

/// Returns the text of the file `path`, with a replacement character for invalid UTF-8, or an
/// empty text if the file cannot be read. For files that may be missing.
#[must_use]
pub fn text_or_empty(path: &Path) -> String {
    let bytes = read(path, TEXT).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads `path`, which may be a pipe or a terminal, up to `limit` bytes.
///
/// # Errors
/// Fails for the same reasons as [`read`], except that a pipe is accepted unless it stays
/// silent.
pub fn read_piped(path: &Path, limit: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let piped = Piped::open(path)?;
    let metadata = piped.file.metadata()?;
    if metadata.len() > limit {
        return Err(too_large(limit));
    }
    Ok((read_to_limit(piped, metadata.len(), limit)?, metadata))
}

/// Checks that the file `path` can be opened for reading.
///
/// # Errors
/// Fails if the operating system reports an error.
pub fn try_open(path: &Path) -> io::Result<()> {
    for_reading().open(path).map(drop)
}

/// Returns the permission bits of a regular file that other users can read. A pipe or a
/// terminal stores nothing.
#[cfg(unix)]
#[must_use]
pub fn mode_that_others_read(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    const READ_BY_OTHERS: u32 = 0o044;
    let mode = metadata.permissions().mode() & 0o7777;
    (metadata.is_file() && mode & READ_BY_OTHERS != 0).then_some(mode)
}

/// Returns nothing, since the system has no such bits.
#[cfg(not(unix))]
#[must_use]
pub fn mode_that_others_read(_: &Metadata) -> Option<u32> {
    None
}

/// Reads up to `limit` bytes of what probably has `length`.
fn read_to_limit(source: impl Read, length: u64, limit: u64) -> io::Result<Vec<u8>> {
    // One more, so that the end is found without a larger buffer.
    let expected = usize::try_from(length.min(limit)).unwrap_or_default() + 1;
    let mut bytes = Vec::with_capacity(expected);
    source.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        length if length > limit => Err(too_large(limit)),
        _ => Ok(bytes),
    }
}

fn too_large(limit: u64) -> io::Error {
    let text = format!("it is larger than {}", sanitize::size(limit));
    io::Error::new(io::ErrorKind::FileTooLarge, text)
}

/// Opens `path` and checks its type. The type is checked before opening, since opening some
/// devices has side effects, and again afterwards, since the file may have been replaced.
fn open_checked(path: &Path, is_wanted: &dyn Fn(FileType) -> bool) -> io::Result<(File, Metadata)> {
    let check = |metadata: Metadata| match metadata.file_type() {
        kind if is_wanted(kind) => Ok(metadata),
        kind => Err(not_a_file(kind)),
    };
    check(path.metadata()?)?;
    let file = for_reading().open(path)?;
    let metadata = check(file.metadata()?)?;
    Ok((file, metadata))
}

/// Checks that an opened file is a regular file.
///
/// # Errors
/// Fails if the operating system reports an error, or if `file` is not a regular file.
pub fn check_is_file(file: &File) -> io::Result<()> {
    match file.metadata()?.file_type() {
        kind if kind.is_file() => Ok(()),
        kind => Err(not_a_file(kind)),
    }
}

fn not_a_file(kind: FileType) -> io::Error {
    if kind.is_dir() {
        return io::ErrorKind::IsADirectory.into();
    }
    let text = format!("it is {}, not a file", kind_of(kind));
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Returns options that open a pipe without waiting for its writer.
#[cfg(unix)]
fn for_reading() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn for_reading() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

#[cfg(unix)]
fn is_device(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_char_device(&kind)
}

#[cfg(not(unix))]
fn is_device(_: FileType) -> bool {
    false
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}

/// Returns the name of a file type other than a regular file.
#[cfg(unix)]
#[must_use]
pub fn kind_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else if kind.is_dir() {
        "a directory"
    } else {
        "something else"
    }
}

#[cfg(not(unix))]
#[must_use]
pub fn kind_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else {
        "something else"
    }
}

/// A file, pipe or terminal that is read once, from the beginning to the end.
#[derive(Debug)]
pub struct Piped {
    file: File,
    opened: Instant,
    /// When the silence began; `None` until somebody has written.
    silent_since: Option<Instant>,
    patience: Patience,
}

/// How long to wait for a pipe.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// How long to wait for a writer to open the pipe.
    writer: Duration,
    /// How long to wait for more data: a password manager may ask a person first.
    more: Duration,
}

impl Piped {
    const PATIENCE: Patience = Patience {
        writer: Duration::from_secs(5),
        more: Duration::from_secs(120),
    };
    /// The interval between two attempts to read a silent pipe.
    const LOOK: Duration = Duration::from_millis(5);

    /// Opens `path`.
    ///
    /// # Errors
    /// Fails if the operating system reports an error, or if `path` is a directory, a socket or
    /// a block device.
    pub fn open(path: &Path) -> io::Result<Self> {
        let is_wanted = |kind: FileType| kind.is_file() || is_device(kind) || is_pipe(kind);
        let (file, metadata) = open_checked(path, &is_wanted)?;
        let now = Instant::now();
        Ok(Self {
            file,
            opened: now,
            silent_since: (!is_pipe(metadata.file_type())).then_some(now),
            patience: Self::PATIENCE,
        })
    }

    /// Returns the size in bytes, or `None` if this is not a regular file.
    ///
    /// # Errors
    /// Fails if the operating system reports an error.
    pub fn size(&self) -> io::Result<Option<u64>> {
        let metadata = self.file.metadata()?;
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    /// Goes back to the beginning. Returns false if this is not a regular file.
    ///
    /// # Errors
    /// Fails if the operating system reports an error.
    pub fn rewind(&mut self) -> io::Result<bool> {
        let is_file = self.size()?.is_some();
        if is_file {
            self.file.rewind()?;
        }
        Ok(is_file)
    }
}

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let silent = |text: &str| Err(io::Error::new(io::ErrorKind::TimedOut, text));
        loop {
            match self.file.read(buffer) {
                // Either the end, or nobody has opened the pipe for writing yet.
                Ok(0) if self.silent_since.is_some() || buffer.is_empty() => return Ok(0),
                Ok(0) if self.opened.elapsed() >= self.patience.writer => {
                    return silent("it is a pipe without a writer");
                }
                Ok(0) => {}
                Ok(length) => {
                    self.silent_since = Some(Instant::now());
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let since = *self.silent_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= self.patience.more {
                        return silent("it sends no more data");
                    }
                }
                Err(error) => return Err(error),
            }
            thread::sleep(Self::LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[cfg(unix)]
    #[test]
    fn what_belongs_to_another_user_is_not_read() {
        use std::os::unix::fs::chown;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(read_own(&path, TEXT).unwrap(), b"text");
        assert!(may_own(1000, 1000) && may_own(0, 1000));
        assert!(!may_own(1001, 1000) && !may_own(1000, 0));
        // Only root can give a file away.
        if chown(&path, Some(1), None).is_ok() {
            assert!(read_own(&path, TEXT).is_err());
        }
    }

    /// Like a bind mount, a hard link has the same numbers under two unrelated paths, but it
    /// needs no privileges.
    #[test]
    fn two_paths_to_one_file_are_one() {
        let directory = tempfile::tempdir().unwrap();
        let [first, second] = ["a", "b"].map(|name| directory.path().join(name));
        std::fs::write(&first, "").unwrap();
        assert_ne!(Identity::of(&first), Identity::of(&second));
        std::fs::hard_link(&first, &second).unwrap();
        assert_ne!(
            first.canonicalize().unwrap(),
            second.canonicalize().unwrap()
        );
        assert_eq!(Identity::of(&first), Identity::of(&second));
        assert_ne!(Identity::of(&first), Identity::of(directory.path()));
    }

    #[test]
    fn content_is_compared_to_its_last_byte() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        // More than is read at a time.
        let bytes = vec![b'a'; 300 << 10];
        std::fs::write(&path, &bytes).unwrap();
        assert!(has_content(&path, &bytes));
        assert!(!has_content(&path, &bytes[1..]));
        assert!(!has_content(&path, &[&bytes[..], b"a"].concat()));
        let other = [&bytes[1..], b"b"].concat();
        assert!(!has_content(&path, &other));
        std::fs::write(&path, "").unwrap();
        assert!(has_content(&path, b"") && !has_content(&path, b"a"));
        assert!(!has_content(&directory.path().join("b"), b""));
    }

    fn pipe(directory: &Path) -> PathBuf {
        let path = directory.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        path
    }

    #[test]
    fn what_is_not_a_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = pipe(directory.path());
        let socket = directory.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, opened, read) in [
            (
                pipe.as_path(),
                "it is a pipe, not a file",
                "it is a pipe, not a file",
            ),
            (
                &socket,
                "it is a socket, not a file",
                "it is a socket, not a file",
            ),
            (directory.path(), "is a directory", "is a directory"),
            (
                Path::new("/dev/zero"),
                "it is a device, not a file",
                "it is larger than 1.0 KiB",
            ),
            (Path::new("/dev/null"), "it is a device, not a file", ""),
        ] {
            let said =
                |error: Option<io::Error>| error.map(|e| sanitize::io(&e)).unwrap_or_default();
            assert_eq!(said(super::open(path).err()), opened, "{path:?}");
            assert_eq!(said(super::read(path, 1 << 10).err()), read, "{path:?}");
        }
        let file = directory.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(super::read(&file, 5).unwrap(), b"12345");
        assert!(super::read(&file, 4).is_err());
        // A file that is longer than its metadata says, such as those in /proc.
        assert!(super::read(Path::new("/proc/self/status"), 10).is_err());
    }

    #[test]
    fn a_pipe_is_waited_for_and_not_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let path = pipe(directory.path());
        let wait = Duration::from_millis(50);
        let impatient = || Piped {
            patience: Patience {
                writer: wait,
                more: wait,
            },
            ..Piped::open(&path).unwrap()
        };
        let mut text = String::new();
        let nobody = impatient().read_to_string(&mut text).unwrap_err();
        assert_eq!(nobody.to_string(), "it is a pipe without a writer");

        let mut reader = impatient();
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        let silent = reader.read_to_string(&mut text).unwrap_err();
        assert_eq!(silent.to_string(), "it sends no more data");

        // The pipe is opened before its writer, which takes some time.
        let mut reader = Piped::open(&path).unwrap();
        drop(writer);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
                writer.write_all(b"a").unwrap();
                thread::sleep(wait);
                writer.write_all(b"b").unwrap();
            });
            reader.read_to_string(&mut text).unwrap();
        });
        assert_eq!(text, "ab");
    }
}
