//! From a [`Plan`] to an archive on disk, hashed and inspected while it streams.
//!
//! In: a client, a plan, an open file. Out: the archive's digests and inventory; the
//! file then holds exactly the bytes that were judged. On any error the file's content
//! means nothing. Two threads share the work: one takes bytes from the network, hashes
//! and writes them, the other inflates and inspects; a bounded queue between them keeps
//! memory flat.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::archive::{self, ArchiveIdentity, InspectError, Inventory, Refusal};
use crate::diagnostic::Diagnostic;
use crate::manifest::Allow;
use crate::palette::{AttemptError, Observer, Palette, PaletteError};
use crate::resolve::Plan;
use crate::util::digest::{Digest, Hasher};
use crate::util::limits::Limits;
use crate::util::path_error::PathError;

mod messages;

/// One buffer of the queue, in bytes.
const CHUNK: usize = 128 * 1024;
/// Buffers in the queue.
const QUEUE: usize = 8;

/// Told how a download goes.
pub(crate) trait Progress: Observer {
    /// An attempt's answer begins; its length in bytes, where Palette says it.
    fn begins(&self, length: Option<u64>);
    /// So many more bytes arrived.
    fn advances(&self, bytes: u64);
}

/// An archive that was received whole and passed the check.
#[derive(Debug)]
pub(crate) struct Received {
    /// Which archive it is.
    pub archive: ArchiveIdentity,
    /// What it holds.
    pub inventory: Inventory,
    /// Refusals that the definition allows.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no archive.
#[derive(Debug)]
pub enum FetchError {
    /// Palette did not answer as it should.
    Palette(PaletteError),
    /// It answered with something that is refused.
    Refused(Refusal),
    /// The file cannot be written.
    Disk(PathError),
}

/// Where a download goes to.
pub(crate) struct DownloadTarget<'a> {
    /// The file, open for writing.
    pub(crate) file: &'a mut File,
    /// Its path, for messages.
    pub(crate) path: &'a Path,
}

/// Downloads what `plan` describes into `target`.
///
/// # Errors
/// [`FetchError`], after as many attempts as the client's policy has.
pub(crate) fn fetch(
    palette: &Palette,
    plan: &Plan<'_>,
    limits: &Limits,
    target: DownloadTarget<'_>,
    progress: &dyn Progress,
) -> Result<Received, FetchError> {
    let DownloadTarget { file, path } = target;
    let request = plan.request();
    let call = format!("download of `{}`", plan.definition.name);
    let received = palette.retry(&call, progress, |attempt| {
        // A repeated download starts clean.
        let write = PathError::when("write", path);
        file.rewind()
            .and_then(|()| file.set_len(0))
            .map_err(|error| AttemptError::Final(FetchError::Disk(write(error))))?;
        progress.asks(&call);
        let body = palette.download(&request, plan.project.as_ref(), attempt);
        progress.is_answered(&call);
        let body = body.map_err(|failure| failure.map(FetchError::Palette))?;
        progress.begins(body.length);
        receive(body, file, limits, progress).map_err(|error| judge(error, palette, path, attempt))
    })?;
    accept(received, plan)
}

/// The profiles found are exactly the profiles asked for, unless the definition allows
/// one to be missing.
fn accept(mut received: Received, plan: &Plan<'_>) -> Result<Received, FetchError> {
    if !received.inventory.has_end_marker {
        let told = messages::no_end_of_archive(&plan.definition.name);
        received.warnings.push(told);
    }
    let asked = plan.profiles.iter().map(|profile| profile.uid.as_str());
    match received.inventory.expect_profiles(asked) {
        Err(Refusal::Profiles {
            missing,
            unexpected,
        }) if unexpected.is_empty() && plan.definition.allow.contains(&Allow::ProfileMissing) => {
            let told = messages::profile_missing(&plan.definition.name, &missing);
            received.warnings.push(told);
            Ok(received)
        }
        Err(refusal) => Err(FetchError::Refused(refusal)),
        Ok(()) => Ok(received),
    }
}

/// Why one attempt to receive failed.
enum ReceiveError {
    Network(io::Error),
    Disk(io::Error),
    NoThread(io::Error),
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
        // Without a length nobody but the archive itself tells that it was cut.
        ReceiveError::Refused(Refusal::Truncated) => AttemptError::Transient {
            error: FetchError::Refused(Refusal::Truncated),
            why: "the archive was cut short".into(),
            retry_after: None,
        },
        ReceiveError::Refused(refusal) => AttemptError::Final(FetchError::Refused(refusal)),
    }
}

fn receive(
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
        // A network error comes first: the inspector saw only that the stream ended.
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
            // The inspector goes away early only with a refusal; were it otherwise, half
            // an archive must not pass.
            (Copied::Abandoned, Ok(_)) => Err(ReceiveError::Refused(Refusal::Truncated)),
        }
    })
}

/// How the copying thread ended.
enum Copied {
    Whole(Digest, u64),
    Broken(ReceiveError),
    /// The inspector has refused the archive and takes no more.
    Abandoned,
}

/// Takes `full` by value: dropping it at the end is what tells the inspector that the
/// stream is over.
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

/// The inspector's end of the queue. Spent buffers go back to be filled again.
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
            // The other side may have stopped listening; then nobody needs it.
            let _ = self.spent.send(spent);
        }
        let n = (&self.current[self.at..]).read(buffer)?;
        self.at += n;
        Ok(n)
    }
}
