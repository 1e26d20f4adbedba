//! Asking git about a file in its repository.
//!
//! The input is the arguments of git. The output is its answer; there is none without git,
//! without a repository, or if git fails. git does not get the API key, runs no program of the
//! repository, and changes nothing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use crate::util::environment::Environment;

/// The environment variables that git gets: where it is, and where the user's rules are. A
/// hook's `GIT_DIR` may refer to another repository.
const PASSED: [&str; 6] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
];

/// git in a directory of a repository.
pub(super) struct Git<'a> {
    directory: &'a Path,
    variables: BTreeMap<&'a OsStr, &'a OsStr>,
}

impl<'a> Git<'a> {
    /// Returns git for `directory`, if that is in a repository.
    pub(super) fn in_directory(directory: &'a Path, environment: &'a Environment) -> Option<Self> {
        let is_root = |directory: &Path| directory.join(".git").symlink_metadata().is_ok();
        directory.ancestors().any(is_root).then(|| Self {
            directory,
            variables: PASSED
                .iter()
                .filter_map(|name| Some((OsStr::new(*name), environment.variable(name)?)))
                .collect(),
        })
    }

    /// Returns the output of `git ARGUMENTS` with the standard input `input`.
    pub(super) fn ask<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Option<Vec<u8>> {
        // A hook that watches the files is a program of the repository, and is not needed.
        let options = ["-c", "core.fsmonitor=false"].map(OsStr::new);
        let arguments = arguments.iter().map(AsRef::as_ref);
        let output = duct::cmd("git", options.into_iter().chain(arguments))
            .dir(self.directory)
            .full_env(&self.variables)
            .stdin_bytes(input)
            .stdout_capture()
            .stderr_null()
            .unchecked()
            .run()
            .ok()?;
        output.status.success().then_some(output.stdout)
    }
}
