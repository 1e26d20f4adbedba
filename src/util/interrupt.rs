//! Signals such as Ctrl-C, and what a run finishes before they end it.
//!
//! A run that is interrupted always ends by the signal itself and never with an exit code
//! instead, since shells and CI systems distinguish the two.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// The handler, which is kept for the life of the process since it cannot be uninstalled.
static HANDLER: OnceLock<Handler> = OnceLock::new();

/// The state of the handler of Ctrl-C, or of another signal that ends a run.
struct Handler {
    /// Whether Ctrl-C ends the process at once, as it does by default.
    at_once: Arc<AtomicBool>,
    /// Whether Ctrl-C was pressed.
    came: Arc<AtomicBool>,
    /// Whether a [`Deferred`] is alive.
    deferred: AtomicBool,
    /// Whether a callback runs before the process ends.
    watched: AtomicBool,
}

impl Handler {
    fn installed() -> &'static Self {
        HANDLER.get_or_init(|| Self::install(SIGINT))
    }

    /// Installs the handler. If that fails, Ctrl-C keeps its default effect. A process that was
    /// started to ignore Ctrl-C gets no handler: it keeps ignoring the signal, as do the
    /// programs that it runs.
    fn install(signal: i32) -> Self {
        let handler = Self {
            at_once: Arc::default(),
            came: Arc::default(),
            deferred: AtomicBool::default(),
            watched: AtomicBool::default(),
        };
        if !ignored().contains(signal)
            && flag::register_conditional_default(signal, Arc::clone(&handler.at_once)).is_ok()
        {
            let _ = flag::register(signal, Arc::clone(&handler.came));
        }
        handler
    }

    fn settle(&self) {
        let waits = self.deferred.load(Ordering::SeqCst) || self.watched.load(Ordering::SeqCst);
        self.at_once.store(!waits, Ordering::SeqCst);
    }
}

/// Defers Ctrl-C until this value is dropped; if the signal came meanwhile, the process ends
/// then. While a build runs, the terminal also sends Ctrl-C to the build, which has to clean
/// up.
pub(crate) struct Deferred(&'static Handler);

impl Deferred {
    /// Defers Ctrl-C from now on.
    #[must_use]
    pub(crate) fn begin() -> Self {
        let handler = Handler::installed();
        handler.deferred.store(true, Ordering::SeqCst);
        handler.settle();
        Self(handler)
    }

    /// Handles Ctrl-C that arrived as a key like the signal. It has no effect if the process
    /// ignores the signal.
    pub(crate) fn interrupt(&self) {
        if !ignored().contains(SIGINT) {
            self.0.came.store(true, Ordering::SeqCst);
        }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        self.0.deferred.store(false, Ordering::SeqCst);
        self.0.settle();
        if self.0.came.load(Ordering::SeqCst) {
            let _ = low_level::emulate_default_handler(SIGINT);
        }
    }
}

/// Delays Ctrl-C, a request to terminate and the end of the terminal until this is dropped, and
/// then ends the process if one came. The owner asks whether one came, and stops its work.
pub(crate) struct Stoppable {
    interrupted: Deferred,
    others: [(i32, &'static Handler); 2],
}

/// The handler of a request to terminate; see [`HANDLER`].
static TERMINATION: OnceLock<Handler> = OnceLock::new();
/// The handler of the end of the terminal, for example of a connection; see [`HANDLER`].
static HANGUP: OnceLock<Handler> = OnceLock::new();

impl Stoppable {
    /// From now on.
    #[must_use]
    pub(crate) fn begin() -> Self {
        let others = [(SIGTERM, &TERMINATION), (SIGHUP, &HANGUP)];
        let others = others.map(|(signal, handler)| {
            let handler = handler.get_or_init(|| Handler::install(signal));
            handler.deferred.store(true, Ordering::SeqCst);
            handler.settle();
            (signal, handler)
        });
        Self {
            interrupted: Deferred::begin(),
            others,
        }
    }

    /// Whether the run is to end.
    #[must_use]
    pub(crate) fn came(&self) -> bool {
        let mut handlers = self.others.iter().map(|(_, handler)| *handler);
        let came = |handler: &Handler| handler.came.load(Ordering::SeqCst);
        came(self.interrupted.0) || handlers.any(came)
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        for (signal, handler) in self.others {
            handler.deferred.store(false, Ordering::SeqCst);
            handler.settle();
            if handler.came.load(Ordering::SeqCst) {
                let _ = low_level::emulate_default_handler(signal);
            }
        }
    }
}

/// Calls `tidy` before Ctrl-C or a request to terminate ends the process; while a [`Deferred`]
/// is alive, Ctrl-C then waits for it. A signal that the process was started to ignore stays
/// ignored. Can be called once per process and cannot be undone.
pub(crate) fn tidy_first(tidy: impl Fn() + Clone + Send + 'static) {
    let ignored = ignored();
    if !ignored.contains(SIGINT) {
        let handler = Handler::installed();
        let ends = || !handler.deferred.load(Ordering::SeqCst);
        if watch(SIGINT, tidy.clone(), ends).is_ok() {
            handler.watched.store(true, Ordering::SeqCst);
            handler.settle();
        }
    }
    if !ignored.contains(SIGTERM) {
        // If the signal cannot be watched, it keeps its default effect.
        let deferred = || {
            let handler = TERMINATION.get();
            handler.is_some_and(|handler| handler.deferred.load(Ordering::SeqCst))
        };
        let _ = watch(SIGTERM, tidy, move || !deferred());
    }
}

/// Watches a signal in a separate thread, since a signal handler may do hardly anything.
fn watch(
    signal: i32,
    tidy: impl Fn() + Send + 'static,
    ends: impl Fn() -> bool + Send + 'static,
) -> io::Result<()> {
    let (mut came, tell) = UnixStream::pair()?;
    let wait = move || {
        while came.read_exact(&mut [0]).is_ok() {
            tidy();
            if ends() {
                let _ = low_level::emulate_default_handler(signal);
            }
        }
    };
    // The thread starts first: without it, a signal would be lost.
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    low_level::pipe::register(signal, tell)?;
    Ok(())
}

/// A set of signals as the kernel prints it, with one bit for each signal.
struct Signals(u64);

impl Signals {
    fn contains(&self, signal: i32) -> bool {
        self.0 >> (signal - 1) & 1 == 1
    }
}

/// Returns the signals that this process ignores. A shell without job control starts background
/// processes that way. Only Linux publishes the set in a file.
fn ignored() -> Signals {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let set = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    Signals(set.unwrap_or_default())
}
