//! What the process was started with: variables, working directory, terminals.
//!
//! `main` reads it once; everybody else is handed an [`Environment`], so that a test
//! can say what a run sees. Three libraries read variables of their own, which cannot be
//! handed over: the HTTP client the proxy variables, the TLS library `SSL_CERT_FILE`
//! and `SSL_CERT_DIR`, the completion those that its scripts set (`_CLAP_…`).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// Variables, working directory and terminals of one run.
#[derive(Clone)]
pub struct Environment {
    /// The environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The working directory; relative paths on the command line start here.
    pub directory: PathBuf,
    /// Whether standard error is a terminal.
    pub terminal: bool,
    /// Whether a person can be asked: standard input is a terminal too.
    pub interactive: bool,
    /// How many columns standard output has, where it is a terminal.
    pub columns: Option<u16>,
}

impl Environment {
    /// A variable's value; one that is set to nothing counts as not set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// `path`, seen from the working directory.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The user's cache directory: `XDG_CACHE_HOME` where it is absolute (the XDG Base
    /// Directory Specification ignores a relative one), else `~/Library/Caches` on
    /// macOS and `~/.cache` elsewhere. `None` without `HOME`.
    #[must_use]
    pub fn cache_directory(&self) -> Option<PathBuf> {
        let xdg = self
            .variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        xdg.or_else(|| {
            let home = PathBuf::from(self.variable("HOME")?);
            Some(home.join(if cfg!(target_os = "macos") {
                "Library/Caches"
            } else {
                ".cache"
            }))
        })
    }
}

/// The names of the variables only: the API key is among the values, and so may be
/// secrets of others.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("directory", &self.directory)
            .field("terminal", &self.terminal)
            .field("interactive", &self.interactive)
            .field("columns", &self.columns)
            .finish()
    }
}
