//! The environment of the process: variables, working directory, terminals.
//!
//! `main` reads it once and passes an [`Environment`] on, so that a test can decide what a run
//! sees. Three libraries read variables themselves: the HTTP client reads the proxy variables,
//! the TLS library reads `SSL_CERT_FILE` and `SSL_CERT_DIR`, and the completion library reads
//! those that its scripts set (`_CLAP_…`).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// The variables, the working directory and the terminals of a run.
#[derive(Clone)]
pub struct Environment {
    /// The environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The working directory, which relative paths on the command line start from.
    pub directory: PathBuf,
    /// Whether standard error is a terminal.
    pub terminal: bool,
    /// Whether a person can answer questions: standard input is a terminal, too.
    pub interactive: bool,
    /// The width of standard output in columns, if it is a terminal.
    pub columns: Option<u16>,
}

impl Environment {
    /// Returns the value of a variable. An empty variable counts as unset.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns the variables except those called `names`.
    pub(crate) fn without<'e>(
        &'e self,
        names: &'e [&str],
    ) -> impl Iterator<Item = (&'e OsString, &'e OsString)> {
        let is_named = |name: &OsStr| names.iter().any(|one| name == OsStr::new(one));
        self.variables
            .iter()
            .filter(move |(name, _)| !is_named(name))
    }

    /// Returns `path` resolved against the working directory.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// Returns the user's cache directory: `XDG_CACHE_HOME` if it is absolute (the XDG Base
    /// Directory Specification ignores a relative path), otherwise `~/Library/Caches` on macOS
    /// and `~/.cache` elsewhere. Returns `None` without `HOME`.
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

/// Prints only the names of the variables: their values include the API key and possibly other
/// secrets.
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
