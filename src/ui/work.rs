//! The work in progress: calls to Palette, downloads, and waits for other runs. This module
//! only holds data; other modules render it for a terminal and for a log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time in which two thirds of the known speed are forgotten.
const MEMORY: Duration = Duration::from_secs(3);
/// The minimum interval between two measurements of a download's speed.
const APART: Duration = Duration::from_millis(200);

/// All work in progress.
#[derive(Default)]
pub(super) struct Work {
    next: u64,
    tasks: BTreeMap<u64, Task>,
    /// The progress of a run with several definitions.
    pub fleet: Option<Fleet>,
}

/// A task in progress.
pub(super) struct Task {
    /// The time when the task began.
    pub since: Instant,
    /// The kind of the task.
    pub what: What,
}

/// The kind of a task.
pub(super) enum What {
    /// A call that Palette has not answered yet.
    Question(String),
    /// A download.
    Download(Transfer),
    /// A wait for another run or for something on this machine: a verb and its object.
    Wait(&'static str, String),
}

/// A download, or a file that is read.
pub(super) struct Transfer {
    /// The name of the definition or of the file.
    pub name: String,
    /// The other end, and the direction.
    pub kind: TransferKind,
    /// The phase of the download.
    pub phase: Phase,
    /// The number of bytes of this attempt.
    pub bytes: Arc<AtomicU64>,
    /// The speed of the download.
    pub speed: Speed,
}

/// The other end of a transfer, and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferKind {
    /// From Palette.
    Fetch,
    /// From the registry.
    Pull,
    /// To the registry.
    Push,
    /// From a file.
    Read,
    /// To an edge host.
    Upload,
}

impl TransferKind {
    /// Returns the name of the other end.
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::Fetch => "Palette",
            Self::Pull | Self::Push => "the registry",
            Self::Read => "the file",
            Self::Upload => "the host",
        }
    }

    /// Returns what is being done.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Fetch | Self::Pull => "downloading",
            Self::Push | Self::Upload => "uploading",
            Self::Read => "reading",
        }
    }
}

/// The phase of a download.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    /// No byte of the answer has arrived; contains the time of the request.
    Asked(Instant),
    /// The answer is arriving; contains its length in bytes if Palette provides it.
    Receiving(Option<u64>),
    /// The attempt failed; contains the time of the next attempt.
    Paused(Instant),
}

/// The progress of a run with several definitions.
pub(super) struct Fleet {
    /// The time when the run began.
    pub since: Instant,
    /// The number of definitions.
    pub total: usize,
    /// The number of definitions that are done, whether they succeeded or not.
    pub done: usize,
    /// The number of definitions that failed.
    pub failed: usize,
}

impl Work {
    /// Adds a task that begins.
    pub(super) fn begin(&mut self, what: What, since: Instant) -> u64 {
        let id = self.next;
        self.next += 1;
        self.tasks.insert(id, Task { since, what });
        id
    }

    /// Removes a task that has ended.
    pub(super) fn end(&mut self, id: u64) {
        self.tasks.remove(&id);
    }

    /// Removes a call that was answered.
    pub(super) fn answered(&mut self, call: &str) {
        let asked = |task: &Task| matches!(&task.what, What::Question(asked) if asked == call);
        let found = self.tasks.iter().find(|(_, task)| asked(task));
        if let Some(id) = found.map(|(id, _)| *id) {
            self.end(id);
        }
    }

    /// Returns a download.
    pub(super) fn transfer(&mut self, id: u64) -> Option<&mut Transfer> {
        match &mut self.tasks.get_mut(&id)?.what {
            What::Download(transfer) => Some(transfer),
            What::Question(_) | What::Wait(..) => None,
        }
    }

    /// Returns the tasks, in the order in which they began.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Measures the progress of the downloads.
    pub(super) fn measure(&mut self, now: Instant) {
        for task in self.tasks.values_mut() {
            if let What::Download(transfer) = &mut task.what
                && matches!(transfer.phase, Phase::Receiving(_))
            {
                let bytes = transfer.received();
                transfer.speed.measure(now, bytes);
            }
        }
    }

    /// Returns the beginning of the current uninterrupted work, or `None` if there is none.
    pub(super) fn since(&self) -> Option<Instant> {
        let fleet = self.fleet.as_ref().map(|fleet| fleet.since);
        let tasks = self.tasks.values().map(|task| task.since);
        tasks.chain(fleet).min()
    }
}

impl Transfer {
    /// Creates a download that has not been requested yet.
    pub(super) fn new(name: &str, kind: TransferKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            phase: Phase::Asked(Instant::now()),
            bytes: Arc::default(),
            speed: Speed::default(),
        }
    }

    /// Returns the number of bytes of this attempt so far.
    pub(super) fn received(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records that the answer begins.
    pub(super) fn begins(&mut self, length: Option<u64>, now: Instant) {
        self.bytes.store(0, Ordering::Relaxed);
        self.speed = Speed::default();
        self.speed.measure(now, 0);
        self.phase = Phase::Receiving(length);
    }
}

/// The speed of a download: a mean in which the last seconds count most.
#[derive(Default)]
pub(super) struct Speed {
    last: Option<(Instant, u64)>,
    /// The weighted number of bytes per second, followed by the sum of all weights, at most 1.
    mean: f64,
    weight: f64,
}

impl Speed {
    /// Records that the total is now `bytes`.
    #[allow(clippy::cast_precision_loss)] // a speed is shown with two or three digits
    pub(super) fn measure(&mut self, now: Instant, bytes: u64) {
        let Some((then, before)) = self.last else {
            self.last = Some((now, bytes));
            return;
        };
        let time = now.saturating_duration_since(then);
        if time < APART {
            return;
        }
        let current = bytes.saturating_sub(before) as f64 / time.as_secs_f64();
        let kept = (-time.as_secs_f64() / MEMORY.as_secs_f64()).exp();
        self.mean = self.mean * kept + current * (1.0 - kept);
        self.weight = self.weight * kept + (1.0 - kept);
        self.last = Some((now, bytes));
    }

    /// Returns the number of bytes per second, if it is known.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is never negative
    pub(super) fn per_second(&self) -> Option<u64> {
        (self.weight > 0.0).then(|| (self.mean / self.weight).round() as u64)
    }

    /// Returns the time that `bytes` more will take, or `None` while hardly anything arrives.
    pub(super) fn left(&self, bytes: u64) -> Option<Duration> {
        let rate = self.per_second().filter(|rate| *rate > 0)?;
        Some(Duration::from_secs(bytes.div_ceil(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_that_of_the_last_seconds() {
        let mut speed = Speed::default();
        let start = Instant::now();
        let second = |n: u64| start + Duration::from_secs(n);
        speed.measure(start, 0);
        assert_eq!(speed.per_second(), None);
        speed.measure(start + Duration::from_millis(50), 500_000);
        assert_eq!(speed.per_second(), None, "too near");
        for n in 1..=10 {
            speed.measure(second(n), n * 1000);
        }
        assert_eq!(speed.per_second(), Some(1000));
        assert_eq!(speed.left(4001), Some(Duration::from_secs(5)));
        // No more data arrives.
        speed.measure(second(13), 10_000);
        let slower = speed.per_second().unwrap();
        assert!((300..450).contains(&slower), "{slower}");
        for n in 14..60 {
            speed.measure(second(n), 10_000);
        }
        assert_eq!(speed.left(1), None);
    }

    #[test]
    fn of_two_equal_questions_one_is_answered() {
        let mut work = Work::default();
        let now = Instant::now();
        let first = work.begin(What::Question("GET /a".into()), now);
        work.begin(What::Question("GET /a".into()), now);
        work.begin(What::Question("GET /b".into()), now);
        work.answered("GET /a");
        assert_eq!(work.tasks().count(), 2);
        work.end(first);
        work.answered("GET /c");
        assert_eq!(work.tasks().count(), 2);
        work.answered("GET /a");
        work.answered("GET /b");
        assert!(work.since().is_none());
    }
}
