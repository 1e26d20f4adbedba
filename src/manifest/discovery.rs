//! Finds `profiles.toml` if no file is named: in the working directory, or in the nearest
//! directory above it, as cargo, git and uv find their files.
//!
//! The search ends at the root of the git repository, at the home directory and at the boundary
//! of the file system. A file above the working directory that belongs to another user is not
//! used: it says where the API key is sent and which command prints it, and a shared directory
//! such as `/tmp` is above many others.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::FILE_NAME;
use crate::util::environment::Environment;

/// The result of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// The file was named, so there was no search.
    Named,
    /// The file is in the working directory.
    Here,
    /// The file is above the working directory; contains its path relative to it.
    Above(PathBuf),
    /// The file was not found; contains a file that was passed over, if there is one.
    Nowhere(Option<Passed>),
}

/// A file that was found but is not used; contains its path relative to the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The file is above the root of the git repository.
    OutsideRepository(PathBuf),
    /// The file belongs to another user.
    Foreign(PathBuf),
}

impl Passed {
    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::OutsideRepository(path) | Self::Foreign(path) => path,
        }
    }
}

impl Located {
    /// Searches for the file from the working directory upwards.
    #[must_use]
    pub fn from(environment: &Environment) -> Self {
        locate(
            &environment.directory,
            environment.variable("HOME").map(Path::new),
        )
    }

    /// Returns where the file is, or would be, relative to the working directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Above(path) => path.clone(),
            Self::Named | Self::Here | Self::Nowhere(_) => FILE_NAME.into(),
        }
    }
}

/// Searches for the file from `directory` upwards.
fn locate(directory: &Path, home: Option<&Path>) -> Located {
    let is_there = |directory: &Path| directory.join(FILE_NAME).symlink_metadata().is_ok();
    if is_there(directory) {
        return Located::Here;
    }
    let Ok(start) = directory.metadata() else {
        return Located::Nowhere(None);
    };
    let mut relative = PathBuf::new();
    let mut below = directory;
    let mut is_outside = false;
    for above in directory.ancestors().skip(1) {
        let same_device = above.metadata().is_ok_and(|m| m.dev() == start.dev());
        if home == Some(below) || !same_device {
            break;
        }
        is_outside |= below.join(".git").symlink_metadata().is_ok();
        relative.push("..");
        below = above;
        if !is_there(above) {
            continue;
        }
        let path = relative.join(FILE_NAME);
        let metadata = above.join(FILE_NAME).metadata();
        return if !metadata.is_ok_and(|file| is_trusted(&file, &start)) {
            Located::Nowhere(Some(Passed::Foreign(path)))
        } else if is_outside {
            Located::Nowhere(Some(Passed::OutsideRepository(path)))
        } else {
            Located::Above(path)
        };
    }
    Located::Nowhere(None)
}

/// Returns whether a file belongs to this user, to root, or to the owner of the working
/// directory.
fn is_trusted(file: &Metadata, start: &Metadata) -> bool {
    let own = rustix::process::geteuid().as_raw();
    [own, 0, start.uid()].contains(&file.uid())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Creates a tree with `files`, and returns the result of a search from `start` in it.
    fn found(files: &[&str], start: &str, home: Option<&str>) -> Located {
        let root = tempfile::tempdir().unwrap();
        // Files above the temporary directory must not affect the test.
        fs::create_dir(root.path().join(".git")).unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let start = root.path().join(start);
        fs::create_dir_all(&start).unwrap();
        let home = home.map(|home| root.path().join(home));
        locate(&start, home.as_deref())
    }

    #[test]
    fn the_nearest_file_is_found_as_far_as_the_boundary() {
        let above = |path: &str| Located::Above(path.into());
        let outside = |path: &str| Located::Nowhere(Some(Passed::OutsideRepository(path.into())));
        for (files, start, home, expected) in [
            (&["profiles.toml"][..], "", None, Located::Here),
            (&["profiles.toml"], "a", None, above("../profiles.toml")),
            (
                &["profiles.toml"],
                "a/b",
                None,
                above("../../profiles.toml"),
            ),
            (
                &["profiles.toml", "a/profiles.toml"],
                "a/b",
                None,
                above("../profiles.toml"),
            ),
            (
                &["a/profiles.toml", "a/.git"],
                "a/b",
                None,
                above("../profiles.toml"),
            ),
            (
                &["profiles.toml", "a/.git"],
                "a/b",
                None,
                outside("../../profiles.toml"),
            ),
            (
                &["profiles.toml", "a/.git"],
                "a",
                None,
                outside("../profiles.toml"),
            ),
            (
                &["profiles.toml"],
                "a/b",
                Some(""),
                above("../../profiles.toml"),
            ),
            (&["profiles.toml"], "a/b", Some("a"), Located::Nowhere(None)),
            (
                &["profiles.toml.bak"],
                "a",
                Some(""),
                Located::Nowhere(None),
            ),
        ] {
            assert_eq!(found(files, start, home), expected, "{files:?} {start}");
        }
    }

    /// Root can give files away; other users can only use files of root.
    #[test]
    fn a_file_of_another_user_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let (file, start) = (root.path().join(FILE_NAME), root.path().join("a"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&start).unwrap();
        let metadata = |path: &Path| path.metadata().unwrap();
        assert!(is_trusted(&metadata(&file), &metadata(&start)));
        if std::os::unix::fs::chown(&file, Some(4242), None).is_ok() {
            assert!(!is_trusted(&metadata(&file), &metadata(&start)));
            let passed = Passed::Foreign("../profiles.toml".into());
            assert_eq!(locate(&start, None), Located::Nowhere(Some(passed)));
            std::os::unix::fs::chown(&start, Some(4242), None).unwrap();
            assert_eq!(
                locate(&start, None),
                Located::Above("../profiles.toml".into())
            );
        }
    }
}
