//! Places between two steps, where a test can stop a run: to kill it there, to look at
//! what another run sees, or to let it go on.
//!
//! Only builds with debug assertions have them; in a release [`hit`] is nothing. With
//! `EDGESTAGE_FAILPOINT=NAME:FILE` a run that reaches NAME makes FILE and stays for as
//! long as that is there; with `NAME:panic` it panics there instead, with whatever it has
//! in memory.

/// Every failpoint, in the order in which a run that does everything reaches them. A
/// test kills a run at each.
pub const ALL: [&str; 17] = [
    "archive-begun",
    "archive-received",
    "archive-cached",
    "lock-held",
    "written-aside",
    "lock-written",
    "checkout-held",
    "overlay-copied",
    "root-copied",
    "replaced-kept",
    "stage-remembered",
    "overlay-renamed",
    "root-renamed",
    "overlay-removed",
    "root-removed",
    "directories-removed",
    "entry-removed",
];

#[cfg(debug_assertions)]
mod armed {
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::time::Duration;

    use crate::util::environment::Environment;

    static ARMED: OnceLock<(String, PathBuf)> = OnceLock::new();

    /// Takes the failpoint from the environment, once for the process.
    pub fn arm(environment: &Environment) {
        let Some(value) = environment.variable("EDGESTAGE_FAILPOINT") else {
            return;
        };
        if let Some((name, file)) = value.to_string_lossy().split_once(':') {
            let _ = ARMED.set((name.to_owned(), Path::new(file).to_owned()));
        }
    }

    /// Stays here, if this is the failpoint that was asked for.
    ///
    /// # Panics
    /// If that was asked for.
    pub fn hit(name: &'static str) {
        debug_assert!(super::ALL.contains(&name), "unlisted failpoint {name}");
        let Some((_, file)) = ARMED.get().filter(|(armed, _)| armed == name) else {
            return;
        };
        assert!(file != Path::new("panic"), "told to panic at {name}");
        if std::fs::write(file, "").is_err() {
            return;
        }
        while file.exists() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[cfg(debug_assertions)]
pub use armed::{arm, hit};

/// Nothing, in a release.
#[cfg(not(debug_assertions))]
pub fn arm(_: &crate::util::environment::Environment) {}

/// Nothing, in a release.
#[cfg(not(debug_assertions))]
pub fn hit(_: &'static str) {}
