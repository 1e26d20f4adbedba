//! The interface through which commands and stages report progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Report;
use super::console::Console;
use super::work::{Fleet, Phase, Transfer, TransferKind, What};
use crate::download::Progress;
use crate::http::Observer;
use crate::registry::Secrets;
use crate::util::sanitize;
use crate::util::secret::ApiKey;

/// The progress of a download or of a file that is read, until this value is dropped.
pub struct Download<'r> {
    report: &'r Report,
    id: u64,
    bytes: Arc<AtomicU64>,
    kind: TransferKind,
}

/// A wait, until this value is dropped.
pub struct Waiting {
    console: Arc<Console>,
    id: u64,
}

/// The progress of a run with several definitions, until this value is dropped.
pub struct Counter {
    console: Arc<Console>,
}

impl Report {
    /// Begins the download of `definition` from Palette.
    #[must_use]
    pub fn download(&self, definition: &str) -> Download<'_> {
        self.transfer(definition, TransferKind::Fetch)
    }

    /// Begins to read the file `name`.
    #[must_use]
    pub fn reading(&self, name: &str) -> Download<'_> {
        self.transfer(name, TransferKind::Read)
    }

    /// Begins the transfer of `name`, a definition or a file.
    #[must_use]
    pub fn transfer(&self, name: &str, kind: TransferKind) -> Download<'_> {
        // The name is masked before it is truncated, since a part of a key would not be found.
        let transfer = Transfer::new(&self.masked(name), kind);
        let bytes = Arc::clone(&transfer.bytes);
        let id = self
            .console
            .note(|work| work.begin(What::Download(transfer), Instant::now()));
        Download {
            report: self,
            id,
            bytes,
            kind,
        }
    }

    /// Begins another operation that takes time: a verb and its object.
    #[must_use]
    pub fn waiting(&self, verb: &'static str, object: &str) -> Waiting {
        let what = What::Wait(verb, self.masked(object));
        Waiting {
            console: Arc::clone(&self.console),
            id: self.console.note(|work| work.begin(what, Instant::now())),
        }
    }

    /// Creates a counter for `total` definitions. A single definition is not counted.
    #[must_use]
    pub fn counter(&self, total: usize) -> Counter {
        let fleet = (total > 1).then(|| Fleet {
            since: Instant::now(),
            total,
            done: 0,
            failed: 0,
        });
        self.console.note(|work| work.fleet = fleet);
        Counter {
            console: Arc::clone(&self.console),
        }
    }
}

impl Counter {
    /// Counts a definition as done, whether it succeeded or not.
    pub fn count<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        self.console.note(|work| {
            if let Some(fleet) = &mut work.fleet {
                fleet.done += 1;
                fleet.failed += usize::from(result.is_err());
            }
        });
        result
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.console.note(|work| work.fleet = None);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.console.note(|work| work.end(self.id));
    }
}

impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.report.console.note(|work| work.end(self.id));
    }
}

impl Download<'_> {
    fn change(&self, change: impl FnOnce(&mut Transfer)) {
        self.report
            .console
            .note(|work| work.transfer(self.id).map(change));
    }
}

impl Secrets for Console {
    fn hide(&self, secret: &ApiKey) {
        Console::hide(self, secret.clone());
    }
}

impl Observer for Report {
    fn asks(&self, call: &str) {
        let call = self.clean(call);
        self.console
            .note(|work| work.begin(What::Question(call), Instant::now()));
    }

    fn is_answered(&self, call: &str) {
        let call = self.clean(call);
        self.console.note(|work| work.answered(&call));
    }

    fn retrying(&self, call: &str, why: &str, wait: Duration) {
        self.status(
            "Retrying",
            &format!(
                "{} in {:.1} s: {}",
                sanitize::line(call.as_bytes()),
                wait.as_secs_f64(),
                sanitize::line(why.as_bytes())
            ),
        );
    }
}

impl Observer for Download<'_> {
    fn asks(&self, _: &str) {
        self.change(|transfer| transfer.phase = Phase::Asked(Instant::now()));
    }

    /// The data that follows is reported through `Progress`.
    fn is_answered(&self, _: &str) {}

    fn retrying(&self, call: &str, why: &str, wait: Duration) {
        self.report.retrying(call, why, wait);
        self.change(|transfer| transfer.phase = Phase::Paused(later(wait)));
    }
}

impl Progress for Download<'_> {
    fn begins(&self, length: Option<u64>) {
        self.change(|transfer| transfer.begins(length, Instant::now()));
    }

    fn advances(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // What was sent or read is not a part of what was fetched.
        if !matches!(
            self.kind,
            TransferKind::Push | TransferKind::Upload | TransferKind::Read
        ) {
            self.report.console.count(bytes);
        }
    }
}

/// Returns the end of a wait that begins now. A wait beyond the range of the clock is shown as
/// over.
fn later(wait: std::time::Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now)
}
