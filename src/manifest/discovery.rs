//! Where `profiles.toml` is if nobody names it: in the working directory, or in the nearest
//! directory above it, as cargo, git and uv look for their files.
//!
//! The search ends at the root of the git repository, at the home directory and where
//! another file system begins. A file above that belongs to somebody else is not used: it
//! says where the API key is sent and which command prints it, and a shared directory such as
//! `/tmp` is above many others.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::FILE_NAME;
use crate::util::environment::Environment;

/// What became of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// The file was named, so nothing was searched.
    Named,
    /// It is in the working directory.
    Here,
    /// It is above the working directory; its path from there.
    Above(PathBuf),
    /// It is nowhere; which one was passed over.
    Nowhere(Option<Passed>),
}

/// A file that was found and is not used; its path from the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// It is above the root of the git repository.
    OutsideRepository(PathBuf),
    /// It belongs to another user.
    Foreign(PathBuf),
}

impl Passed {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::OutsideRepository(path) | Self::Foreign(path) => path,
        }
    }
}

impl Located {
    /// Looks for the file from the working directory.
    #[must_use]
    pub fn from(environment: &Environment) -> Self {
        locate(
            &environment.directory,
            environment.variable("HOME").map(Path::new),
        )
    }

    /// Where the file is, or would be, as seen from the working directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Above(path) => path.clone(),
            Self::Named | Self::Here | Self::Nowhere(_) => FILE_NAME.into(),
        }
    }
}

/// Looks for the file from `directory` upwards.
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

/// Whether a file belongs to this user, to root, or to whoever has the working directory.
fn is_trusted(file: &Metadata, start: &Metadata) -> bool {
    let own = rustix::process::geteuid().as_raw();
    [own, 0, start.uid()].contains(&file.uid())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A tree with these files below it, and what is found from `start` in it.
    fn found(files: &[&str], start: &str, home: Option<&str>) -> Located {
        let root = tempfile::tempdir().unwrap();
        // Whatever is above the temporary directory is not this test's.
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

    /// As root, files can be given away; as anybody else, there are some of root's only.
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
