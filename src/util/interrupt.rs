//! Ctrl-C and its like: what is finished before a run ends by them.
//!
//! A run always ends by the signal itself and never by a code instead: shells and CI tell
//! the two apart.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Kept for the life of the process: a handler cannot be taken back.
static HANDLER: OnceLock<Handler> = OnceLock::new();

/// Of Ctrl-C, or another signal that ends a run.
struct Handler {
    /// Whether it ends us at once, as it does by default.
    at_once: Arc<AtomicBool>,
    /// Whether there was one.
    came: Arc<AtomicBool>,
    /// Whether a [`Deferred`] is alive.
    deferred: AtomicBool,
    /// Whether there is something to do first.
    watched: AtomicBool,
}

impl Handler {
    fn installed() -> &'static Self {
        HANDLER.get_or_init(|| Self::install(SIGINT))
    }

    /// If no handler can be installed, Ctrl-C does what it does by default. A process that
    /// was started to ignore Ctrl-C gets no handler: it keeps ignoring it, and so does every
    /// program that it runs.
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

/// Lets Ctrl-C wait until this is dropped, and ends the process then if one came. While a
/// build runs, the terminal sends it to the build as well, which has things to clean up.
pub(crate) struct Deferred(&'static Handler);

impl Deferred {
    /// From now on.
    #[must_use]
    pub(crate) fn begin() -> Self {
        let handler = Handler::installed();
        handler.deferred.store(true, Ordering::SeqCst);
        handler.settle();
        Self(handler)
    }

    /// Ctrl-C came as a key: it is treated like the signal. One that the process ignores
    /// stays without effect.
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

/// Lets Ctrl-C and a request to terminate wait until this is dropped, and ends the process
/// then if one came. Whoever has it asks whether one did, and ends what it does.
pub(crate) struct Stoppable {
    interrupted: Deferred,
    terminated: &'static Handler,
}

/// Of a request to terminate; see [`HANDLER`].
static TERMINATION: OnceLock<Handler> = OnceLock::new();

impl Stoppable {
    /// From now on.
    #[must_use]
    pub(crate) fn begin() -> Self {
        let terminated = TERMINATION.get_or_init(|| Handler::install(SIGTERM));
        terminated.deferred.store(true, Ordering::SeqCst);
        terminated.settle();
        Self {
            interrupted: Deferred::begin(),
            terminated,
        }
    }

    /// Whether the run is to end.
    #[must_use]
    pub(crate) fn came(&self) -> bool {
        [self.interrupted.0, self.terminated]
            .iter()
            .any(|handler| handler.came.load(Ordering::SeqCst))
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.terminated.deferred.store(false, Ordering::SeqCst);
        self.terminated.settle();
        if self.terminated.came.load(Ordering::SeqCst) {
            let _ = low_level::emulate_default_handler(SIGTERM);
        }
    }
}

/// Calls `tidy` before Ctrl-C or a request to terminate ends the process; while a
/// [`Deferred`] is alive, Ctrl-C then waits for that. A signal that the process was
/// started to ignore stays ignored. For good, and at most once in a process.
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
        // Where it cannot be watched, it does what it does by default.
        let deferred = || {
            let handler = TERMINATION.get();
            handler.is_some_and(|handler| handler.deferred.load(Ordering::SeqCst))
        };
        let _ = watch(SIGTERM, tidy, move || !deferred());
    }
}

/// A thread of its own: hardly anything may be done in a handler.
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
    // First the thread: a signal that is told to nobody would be lost.
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    low_level::pipe::register(signal, tell)?;
    Ok(())
}

/// Signals as the kernel lists them, a bit each.
struct Signals(u64);

impl Signals {
    fn contains(&self, signal: i32) -> bool {
        self.0 >> (signal - 1) & 1 == 1
    }
}

/// The signals that this process ignores: a shell without job control starts what it runs
/// in the background so. Only Linux says it in a file.
fn ignored() -> Signals {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let set = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    Signals(set.unwrap_or_default())
}
