//! Standard error of a run: messages, and what is under way.
//!
//! On a terminal the lines of what is under way stand below all messages, and are drawn
//! anew ten times a second; in a log a line breaks long silence. One lock keeps all of
//! that apart. The key is masked in whatever is said; what is under way comes without it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::heartbeat::{Beat, sentence};
use super::screen::Drawn;
use super::work::Work;
use super::{Stderr, lock, verb};
use crate::ui::progress_bars;
use crate::util::interrupt;
use crate::util::secret::ApiKey;

/// Between two looks of a terminal.
const FRAME: Duration = Duration::from_millis(100);
/// The most that the end of a run waits for somebody who is writing to the terminal.
const LAST_WORD: Duration = Duration::from_millis(200);

/// How what is under way is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Not at all.
    Silent,
    /// A line after this much silence, and less often later; never with nothing.
    Log(Duration),
    /// Lines that are drawn over again.
    Screen,
}

/// See the module.
pub(super) struct Console {
    stderr: Stderr,
    view: View,
    keys: Mutex<Vec<ApiKey>>,
    /// Of all downloads, in bytes.
    received: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    work: Work,
    drawn: Drawn,
    beat: Beat,
    pulse: Pulse,
}

/// The thread that draws.
#[derive(PartialEq, Eq)]
enum Pulse {
    /// Nothing has been under way yet.
    NotStarted,
    Beats,
    /// Nothing may be drawn any more.
    Ended,
}

impl Console {
    pub(super) fn new(stderr: Stderr, view: View, keys: Vec<ApiKey>) -> Arc<Self> {
        let silence = match view {
            View::Log(silence) => silence,
            View::Silent | View::Screen => Duration::ZERO,
        };
        Arc::new(Self {
            stderr,
            view,
            keys: Mutex::new(keys),
            received: AtomicU64::default(),
            state: Mutex::new(State {
                work: Work::default(),
                drawn: Drawn::default(),
                beat: Beat::new(silence),
                pulse: Pulse::NotStarted,
            }),
            changed: Condvar::new(),
        })
    }

    /// Masks `key` from now on.
    pub(super) fn hide(&self, key: ApiKey) {
        let mut keys = lock(&self.keys);
        if keys.iter().all(|known| known.expose() != key.expose()) {
            keys.push(key);
        }
    }

    pub(super) fn masked(&self, text: &str) -> String {
        let keys = lock(&self.keys);
        keys.iter()
            .fold(text.to_owned(), |text, key| key.mask(&text))
    }

    /// The keys, to mask what is not a text yet.
    pub(super) fn with_keys(&self, see: impl FnMut(&ApiKey)) {
        lock(&self.keys).iter().for_each(see);
    }

    /// A message, above what is under way.
    pub(super) fn say(&self, line: &str) {
        self.above(|| self.stderr.write(&(self.masked(line) + "\n")));
    }

    /// A mark for a program that reads the log, as it is.
    pub(super) fn mark(&self, text: &str) {
        self.above(|| self.stderr.control(text));
    }

    /// Writes where nothing is drawn.
    fn above(&self, write: impl FnOnce()) {
        let mut state = lock(&self.state);
        let erased = state.drawn.erase(self.stderr.size());
        self.stderr.control(&erased);
        write();
        state.beat.said();
        if !erased.is_empty() {
            self.draw(&mut state);
        }
    }

    /// So many bytes came.
    pub(super) fn count(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Of all downloads, in bytes.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Takes note of what begins, goes on or ends.
    pub(super) fn note<T>(self: &Arc<Self>, change: impl FnOnce(&mut Work) -> T) -> T {
        let mut state = lock(&self.state);
        let changed = change(&mut state.work);
        let idle = state.work.since().is_none();
        if !idle && state.pulse == Pulse::NotStarted && self.is_seen() {
            state.pulse = Pulse::Beats;
            self.start();
        }
        if idle {
            // Nothing stays for longer than what it is about.
            self.stderr.control(&state.drawn.erase(self.stderr.size()));
        }
        self.changed.notify_one();
        changed
    }

    /// Whether lines are drawn.
    pub(super) fn is_screen(&self) -> bool {
        self.view == View::Screen
    }

    fn is_seen(&self) -> bool {
        !matches!(self.view, View::Silent | View::Log(Duration::ZERO))
    }

    /// Without a thread nothing is drawn, and all else goes on.
    fn start(self: &Arc<Self>) {
        let console = Arc::clone(self);
        let pulse = thread::Builder::new().name("progress".into());
        let started = pulse.spawn(move || console.beat()).is_ok();
        if started && self.is_screen() {
            let console = Arc::clone(self);
            interrupt::tidy_first(move || console.tidy());
        }
    }

    /// The thread's work, until the run ends.
    fn beat(&self) {
        let mut state = lock(&self.state);
        while state.pulse != Pulse::Ended {
            let now = Instant::now();
            let due = match self.view {
                View::Screen => state.work.since().map(|_| now + FRAME),
                View::Log(_) | View::Silent => state.beat.due(&state.work),
            };
            if self.is_screen() {
                self.draw(&mut state);
            } else if due.is_some_and(|due| due <= now) {
                let sentence = sentence(&state.work, self.received(), now);
                self.stderr
                    .write(&(self.masked(&verb("Still", &sentence)) + "\n"));
                state.beat.beaten(now);
                continue;
            }
            state = match due {
                Some(due) => wait_for(&self.changed, state, due.saturating_duration_since(now)),
                None => wait(&self.changed, state),
            };
        }
    }

    fn draw(&self, state: &mut State) {
        if !self.is_screen() || state.pulse == Pulse::Ended {
            return;
        }
        let now = Instant::now();
        let size = self.stderr.size();
        state.work.measure(now);
        let lines = progress_bars::lines(&state.work, self.received(), now, size);
        let frame = state
            .drawn
            .redraw(lines, size, |head| self.stderr.head(head));
        self.stderr.control(&frame);
    }

    /// Leaves nothing on the screen, for good.
    fn tidy(&self) {
        let lock_options = Instant::now() + LAST_WORD;
        loop {
            match self.state.try_lock() {
                Ok(state) => return self.close(state),
                Err(TryLockError::Poisoned(state)) => return self.close(state.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() > lock_options => return,
                Err(TryLockError::WouldBlock) => thread::sleep(FRAME / 20),
            }
        }
    }

    fn close(&self, mut state: MutexGuard<'_, State>) {
        let erased = state.drawn.erase(self.stderr.size());
        self.stderr.control(&erased);
        state.pulse = Pulse::Ended;
        self.changed.notify_one();
    }

    /// The run ends.
    pub(super) fn end(&self) {
        self.close(lock(&self.state));
    }
}

fn wait<'s>(changed: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    changed
        .wait(state)
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn wait_for<'s>(
    changed: &Condvar,
    state: MutexGuard<'s, State>,
    time: Duration,
) -> MutexGuard<'s, State> {
    changed
        .wait_timeout(state, time)
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .0
}
