//! Downloads the archive of a [`Plan`] to disk, and hashes and inspects it while it streams.
//!
//! Input: a client, a plan and an open file. Output: the archive's digests and inventory; the
//! file then contains exactly the bytes that were checked. After an error, the content of the
//! file is undefined. Two threads share the work: one receives, hashes and writes the bytes,
//! the other decompresses and inspects them. A bounded queue between them limits the memory.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::archive::{self, ArchiveIdentity, InspectError, Inventory, Refusal};
use crate::diagnostic::Diagnostic;
use crate::http::{AttemptError, Observer};
use crate::manifest::{Allow, Definition};
use crate::palette::{DownloadResponse, FirstAttempt, Palette, PaletteError};
use crate::resolve::Plan;
use crate::util::digest::{Digest, Hasher};
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

mod messages;

/// The size of a buffer in the queue, in bytes.
const CHUNK: usize = 128 * 1024;
/// The number of buffers in the queue.
const QUEUE: usize = 8;

/// Observes the progress of a download.
pub(crate) trait Progress: Observer {
    /// Called when the answer to an attempt begins, with its length in bytes if Palette
    /// provides it.
    fn begins(&self, length: Option<u64>);
    /// Called when this number of further bytes has arrived.
    fn advances(&self, bytes: u64);
}

/// An archive that was received completely and passed the check.
#[derive(Debug)]
pub(crate) struct Received {
    /// The identity of the archive.
    pub archive: ArchiveIdentity,
    /// The content of the archive.
    pub inventory: Inventory,
    /// Warnings about refusals that the definition allows.
    pub warnings: Vec<Diagnostic>,
}

/// Why the archive could not be downloaded.
#[derive(Debug)]
pub enum FetchError {
    /// The call to Palette failed.
    Palette(PaletteError),
    /// The archive is refused.
    Refused(Refusal),
    /// The file cannot be written.
    Disk(PathError),
}

/// The destination of a download.
pub(crate) struct DownloadTarget<'a> {
    /// The file, open for writing.
    pub(crate) file: &'a mut File,
    /// The path of the file, for messages.
    pub(crate) path: &'a Path,
}

/// Downloads the archive of `plan` into `target`. `first` is the first attempt if it has begun.
///
/// # Errors
/// Returns [`FetchError`] after the client's attempts are used up.
pub(crate) fn fetch(
    palette: &Palette,
    plan: &Plan<'_>,
    mut first: Option<FirstAttempt<DownloadResponse>>,
    limits: &Limits,
    target: DownloadTarget<'_>,
    progress: &dyn Progress,
) -> Result<Received, FetchError> {
    let DownloadTarget { file, path } = target;
    let request = plan.request();
    let call = format!("download of `{}`", plan.definition.name);
    let received = palette.retry(&call, progress, |attempt| {
        // A repeated download starts with an empty file.
        let write = PathError::when("write", path);
        file.rewind()
            .and_then(|()| file.set_len(0))
            .map_err(|error| AttemptError::Final(FetchError::Disk(write(error))))?;
        progress.asks(&call);
        let begun = first.take().and_then(FirstAttempt::wait);
        let body =
            begun.unwrap_or_else(|| palette.download(&request, plan.project.as_ref(), attempt));
        progress.is_answered(&call);
        let body = body.map_err(|failure| failure.map(FetchError::Palette))?;
        progress.begins(body.length);
        receive(body, file, limits, progress).map_err(|error| judge(error, palette, path, attempt))
    })?;
    let asked = plan.profiles.iter().map(|profile| profile.uid.as_str());
    accept(received, plan.definition, asked).map_err(FetchError::Refused)
}

/// Checks that the archive contains exactly the profiles `asked`, unless `definition` allows
/// one to be missing.
///
/// # Errors
/// Returns [`Refusal::Profiles`].
pub(crate) fn accept<'a>(
    mut received: Received,
    definition: &Definition,
    asked: impl IntoIterator<Item = &'a str>,
) -> Result<Received, Refusal> {
    if !received.inventory.has_end_marker {
        let told = messages::no_end_of_archive(&definition.name);
        received.warnings.push(told);
    }
    match received.inventory.expect_profiles(asked) {
        Err(Refusal::Profiles {
            missing,
            unexpected,
        }) if unexpected.is_empty() && definition.allow.contains(&Allow::ProfileMissing) => {
            let told = messages::profile_missing(&definition.name, &missing);
            received.warnings.push(told);
            Ok(received)
        }
        Err(refusal) => Err(refusal),
        Ok(()) => Ok(received),
    }
}

/// Why an attempt to receive the archive failed.
#[derive(Debug)]
pub(crate) enum ReceiveError {
    /// The source cannot be read.
    Network(io::Error),
    /// The file cannot be written.
    Disk(io::Error),
    /// The inspecting thread cannot be started.
    NoThread(io::Error),
    /// The archive is refused.
    Refused(Refusal),
}

fn judge(
    error: ReceiveError,
    palette: &Palette,
    path: &Path,
    attempt: u32,
) -> AttemptError<FetchError> {
    match error {
        ReceiveError::Network(error) => palette
            .broken_body(&error, attempt)
            .map(FetchError::Palette),
        ReceiveError::Disk(error) => {
            AttemptError::Final(FetchError::Disk(PathError::when("write", path)(error)))
        }
        ReceiveError::NoThread(error) => {
            AttemptError::Final(FetchError::Palette(PaletteError::no_thread(&error)))
        }
        // Without a length, only the archive itself shows that it was truncated.
        ReceiveError::Refused(Refusal::Truncated) => AttemptError::Transient {
            error: FetchError::Refused(Refusal::Truncated),
            why: "the archive was cut short".into(),
            retry_after: None,
        },
        ReceiveError::Refused(refusal) => AttemptError::Final(FetchError::Refused(refusal)),
    }
}

/// Copies `body` to `file` while it is hashed and inspected.
///
/// # Errors
/// Returns [`ReceiveError`]; the content of the file is then undefined.
pub(crate) fn receive(
    mut body: impl Read,
    file: &mut File,
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Received, ReceiveError> {
    let (full, queue) = sync_channel(QUEUE);
    let (spent, empty) = channel();
    thread::scope(|scope| {
        let inspect = move || {
            let source = QueueReader {
                queue,
                spent,
                current: Vec::new(),
                at: 0,
            };
            archive::inspect(source, limits, archive::NOTHING)
        };
        let inspector = thread::Builder::new().spawn_scoped(scope, inspect);
        let inspector = inspector.map_err(ReceiveError::NoThread)?;
        let copied = copy(&mut body, file, full, &empty, progress);
        let inspected = inspector
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A network error takes precedence: the inspector only saw that the stream ended.
        match (copied, inspected) {
            (Copied::Broken(error), _) => Err(error),
            (_, Err(InspectError::Refused(refusal))) => Err(ReceiveError::Refused(refusal)),
            (_, Err(InspectError::Io(error))) => Err(ReceiveError::Network(error)),
            (Copied::Whole(sha256, size), Ok(inventory)) => Ok(Received {
                archive: ArchiveIdentity {
                    sha256,
                    size,
                    content_sha256: inventory.content_sha256,
                },
                inventory,
                warnings: Vec::new(),
            }),
            // The inspector stops early only with a refusal. This arm ensures that an
            // incomplete archive cannot pass, even if that changed.
            (Copied::Abandoned, Ok(_)) => Err(ReceiveError::Refused(Refusal::Truncated)),
        }
    })
}

/// The result of the copying thread.
enum Copied {
    Whole(Digest, u64),
    Broken(ReceiveError),
    /// The inspector has refused the archive and accepts no more data.
    Abandoned,
}

/// Copies `body` to the file and the queue. Takes `full` by value: dropping it at the end tells
/// the inspector that the stream is complete.
#[allow(clippy::needless_pass_by_value)]
fn copy(
    body: &mut impl Read,
    file: &mut File,
    full: SyncSender<Vec<u8>>,
    empty: &Receiver<Vec<u8>>,
    progress: &dyn Progress,
) -> Copied {
    let mut hasher = Hasher::new();
    let mut size = 0;
    loop {
        let mut buffer = empty.try_recv().unwrap_or_default();
        buffer.resize(CHUNK, 0);
        let length = match fill(body, &mut buffer, progress) {
            Ok(length) => length,
            Err(error) => return Copied::Broken(ReceiveError::Network(error)),
        };
        if length == 0 {
            return Copied::Whole(hasher.finish(), size);
        }
        buffer.truncate(length);
        hasher.update(&buffer);
        size += length as u64;
        if let Err(error) = file.write_all(&buffer) {
            return Copied::Broken(ReceiveError::Disk(error));
        }
        if full.send(buffer).is_err() {
            return Copied::Abandoned;
        }
    }
}

/// Reads until `buffer` is full or the body ends.
fn fill(body: &mut impl Read, buffer: &mut [u8], progress: &dyn Progress) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match body.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(n) => {
                length += n;
                progress.advances(n as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// The inspector's end of the queue. Used buffers are returned to be filled again.
struct QueueReader {
    queue: Receiver<Vec<u8>>,
    spent: Sender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
}

impl Read for QueueReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.len() {
            let Ok(next) = self.queue.recv() else {
                return Ok(0);
            };
            let spent = std::mem::replace(&mut self.current, next);
            self.at = 0;
            // The other thread may have ended, in which case it does not need the buffer.
            let _ = self.spent.send(spent);
        }
        let n = (&self.current[self.at..]).read(buffer)?;
        self.at += n;
        Ok(n)
    }
}
