//! Failpoints: places between two steps at which a test can stop a run, to kill it there, to
//! check what another run sees, or to let it continue.
//!
//! Only builds with debug assertions contain them; in a release build, [`hit`] does nothing.
//! With `EDGESTAGE_FAILPOINT=NAME:FILE`, a run that reaches NAME creates FILE and waits until
//! the file is removed. With `NAME:panic`, the run panics at NAME.

/// Every failpoint, in the order in which a run that does everything reaches them. A test kills
/// a run at each of them.
pub const ALL: [&str; 18] = [
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
    "image-examined",
];

#[cfg(debug_assertions)]
mod armed {
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::time::Duration;

    use crate::util::environment::Environment;

    static ARMED: OnceLock<(String, PathBuf)> = OnceLock::new();

    /// Reads the failpoint from the environment, once per process.
    pub fn arm(environment: &Environment) {
        let Some(value) = environment.variable("EDGESTAGE_FAILPOINT") else {
            return;
        };
        if let Some((name, file)) = value.to_string_lossy().split_once(':') {
            let _ = ARMED.set((name.to_owned(), Path::new(file).to_owned()));
        }
    }

    /// Stops here if `name` is the selected failpoint.
    ///
    /// # Panics
    /// Panics if the environment requests a panic at this failpoint.
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

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn arm(_: &crate::util::environment::Environment) {}

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn hit(_: &'static str) {}
