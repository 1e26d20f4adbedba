//! Runs with their own mounts, and other things that only root may create.
//!
//! If something is not allowed here, a message on standard error says so, past the test
//! harness, and the rows that need it are skipped.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::Run;

impl Run<'_> {
    /// Runs the command with these mounts, which no other process sees. They are lines of a
    /// shell in which `{dir}` is replaced. Use this only if [`can_mount`] returns true.
    pub fn mounted(self, mounts: &str) -> Self {
        let flags = namespace().expect("can_mount");
        assert!(!mounts.contains('\''), "{mounts}");
        let script = format!("{mounts} && exec \"$0\" \"$@\"");
        self.prelude(format!(
            "exec unshare {flags} sh -c '{script}' \"$0\" \"$@\""
        ))
    }
}

/// Whether runs can have their own mounts. Root can, and other users can on most systems.
pub fn can_mount() -> bool {
    namespace().is_some() || left_out("mounts")
}

/// Returns a directory on a file system other than the tests'.
pub fn other_disk() -> Option<tempfile::TempDir> {
    let other = tempfile::tempdir_in("/dev/shm").ok()?;
    let device = |path: &Path| path.metadata().unwrap().dev();
    let is_other = device(other.path()) != device(&std::env::temp_dir());
    if !is_other {
        left_out("another file system");
    }
    is_other.then_some(other)
}

/// Gives a file or directory an attribute, such as `i`, until this is dropped.
#[must_use]
pub struct Attribute<'p> {
    path: &'p Path,
    letter: char,
}

impl<'p> Attribute<'p> {
    pub fn set(path: &'p Path, letter: char) -> Option<Self> {
        if !change(path, &format!("+{letter}")) {
            left_out("chattr");
            return None;
        }
        Some(Self { path, letter })
    }
}

impl Drop for Attribute<'_> {
    fn drop(&mut self) {
        change(self.path, &format!("-{}", self.letter));
    }
}

fn change(path: &Path, how: &str) -> bool {
    let done = Command::new("chattr").arg(how).arg(path).output();
    done.is_ok_and(|done| done.status.success())
}

/// Returns the option that creates a namespace, if one works.
fn namespace() -> Option<&'static str> {
    static FLAGS: OnceLock<Option<&str>> = OnceLock::new();
    *FLAGS.get_or_init(|| {
        let mut ways = ["-m", "-Urm"].into_iter();
        ways.find(|flags| {
            let script = "mount --bind /dev/shm /dev/shm";
            let tried = Command::new("unshare")
                .args([flags, "sh", "-c", script])
                .output();
            tried.is_ok_and(|tried| tried.status.success())
        })
    })
}

/// Reports that rows are skipped.
pub fn left_out(what: &str) -> bool {
    let text = format!("\n*** LEFT OUT: no {what} for this user ***\n\n");
    let _ = std::io::stderr().write_all(text.as_bytes());
    false
}
