//! Ctrl-C, and what is finished before a run ends by it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;
use signal_hook::{flag, low_level};

/// Kept for the life of the process: a handler cannot be taken back.
static HANDLER: OnceLock<Handler> = OnceLock::new();

struct Handler {
    /// Whether Ctrl-C ends us at once, as it does by default.
    ends: Arc<AtomicBool>,
    /// Whether there was one.
    came: Arc<AtomicBool>,
}

impl Handler {
    /// Where no handler can be installed, Ctrl-C does what it does by default.
    fn install() -> Self {
        let (ends, came) = (Arc::default(), Arc::default());
        let handler = Self { ends, came };
        if flag::register_conditional_default(SIGINT, Arc::clone(&handler.ends)).is_ok() {
            let _ = flag::register(SIGINT, Arc::clone(&handler.came));
        }
        handler
    }
}

/// Lets Ctrl-C wait until this is dropped, and ends the process then if one came. While a
/// build runs, the terminal sends it to the build as well, which has things to clean up.
pub struct Deferred(&'static Handler);

impl Deferred {
    /// From now on.
    #[must_use]
    pub fn begin() -> Self {
        let handler = HANDLER.get_or_init(Handler::install);
        handler.ends.store(false, Ordering::SeqCst);
        Self(handler)
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::SeqCst);
        if self.0.came.load(Ordering::SeqCst) {
            // By the signal and not by a code: shells and CI tell the two apart.
            let _ = low_level::emulate_default_handler(SIGINT);
        }
    }
}
