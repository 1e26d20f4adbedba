//! Files and directories without permissions, and runs that respect them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use super::{Run, Test};

/// Root bypasses permissions; without these two capabilities, it is subject to them like any
/// other user.
const STOPPED: &str = "exec setpriv --bounding-set=-dac_override,-dac_read_search \"$0\" \"$@\"";

/// A path that has another mode until this is dropped.
#[must_use]
pub struct Sealed {
    path: PathBuf,
    mode: u32,
}

impl Test {
    /// Gives a file or directory another mode for a while; a relative path starts beside
    /// `profiles.toml`, and `{home}` is replaced.
    pub fn seal(&self, path: &str, mode: u32) -> Sealed {
        let path = self.path(&self.fill(path));
        let before = fs::metadata(&path).unwrap().mode() & 0o7777;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Sealed { path, mode: before }
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode));
    }
}

impl Run<'_> {
    /// Runs the command subject to permissions, whoever runs the tests.
    pub fn unprivileged(self) -> Self {
        let owner = fs::metadata(self.test().root.path()).unwrap().uid();
        if owner == 0 {
            self.prelude(STOPPED)
        } else {
            self
        }
    }
}
