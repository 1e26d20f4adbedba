//! Which state of a file was read, so that a later run can tell whether it is still the same.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// How long ago a file must have changed before its stamp is remembered. Two changes within the
/// resolution of the file system's clock, which is at most two seconds, have one stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// The state of a file. If the file is replaced or written, its stamp changes, whatever
/// modification time the file is given: no program can set the change time. A file system that
/// has no change times is recognized by [`Stamp::is_reliable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds since the epoch.
    modified: (i64, i64),
    /// Seconds and nanoseconds since the epoch.
    changed: (i64, i64),
}

impl Stamp {
    /// Returns the stamp of the file that `metadata` describes.
    #[cfg(unix)]
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns the stamp of the file that `metadata` describes, without the numbers that only
    /// Unix has.
    #[cfg(not(unix))]
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let since = since.unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
        Self {
            device: 0,
            inode: 0,
            size: metadata.len(),
            modified: (seconds, i64::from(since.subsec_nanos())),
            changed: (0, 0),
        }
    }

    /// Returns whether the stamp has a change time, so that a later run can rely on it. File
    /// systems without change times (sshfs, FAT, some read-only images) return the modification
    /// time in whole seconds for it.
    #[must_use]
    pub fn is_reliable(&self) -> bool {
        let is_own = self.changed != self.modified || self.changed.1 != 0;
        cfg!(unix) && is_own
    }

    /// Returns whether the stamp is reliable, and any later change of the file gives it another.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let latest = now.ok().and_then(|now| now.checked_sub(SETTLED));
        let latest = latest.and_then(|latest| i64::try_from(latest.as_secs()).ok());
        let last = self.changed.0.max(self.modified.0);
        self.is_reliable() && latest.is_some_and(|latest| last < latest)
    }

    /// Returns whether an open file has not been written from one stamp to the other. It may
    /// have been replaced at its path, which gives it another change time.
    #[must_use]
    pub fn has_same_content(&self, other: &Self) -> bool {
        let content = |stamp: &Self| (stamp.node(), stamp.size, stamp.modified);
        content(self) == content(other)
    }

    /// Returns the device number and the inode number.
    #[must_use]
    pub fn node(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn a_change_shows_whatever_time_the_file_is_given() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        let stamp = || Stamp::of(&path.metadata().unwrap());
        let before = stamp();
        assert_eq!(stamp(), before);
        let modified = path.metadata().unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&path, "two").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        assert_eq!(path.metadata().unwrap().modified().unwrap(), modified);
        assert_ne!(stamp(), before);
    }

    #[test]
    fn only_an_old_change_is_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "one").unwrap();
        let stamp = Stamp::of(&path.metadata().unwrap());
        assert!(!stamp.is_settled());
        let old = Stamp {
            modified: (stamp.modified.0 - 4, 0),
            changed: (stamp.changed.0 - 4, 1),
            ..stamp.clone()
        };
        assert!(old.is_settled());
        // A file system that has no change times.
        let copied = Stamp {
            changed: old.modified,
            ..old.clone()
        };
        assert!(!copied.is_reliable() && !copied.is_settled());
        // The modification time was set to the future.
        let odd = Stamp {
            modified: (stamp.modified.0 + 100, 0),
            ..old
        };
        assert!(!odd.is_settled());
    }
}
