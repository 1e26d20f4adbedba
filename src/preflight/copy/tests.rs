//! What the real programs answered for 736 values, and the corners that those do not
//! reach.

use std::fs;
use std::os::unix::fs::symlink;

use serde::Deserialize;
use tempfile::TempDir;

use super::*;
use crate::canvos::Placement;
use crate::preflight::ignore::Found;

/// The files of the checkout that the real programs were run in.
const FILES: [&str; 23] = [
    "a.tgz",
    "b.tgz",
    "sub/b.tgz",
    "sub/deep/c.tgz",
    "edge[1].tgz",
    "edge1.tgz",
    "build/x.tgz",
    "é.tgz",
    "a b.tgz",
    "_u.tgz",
    ".h.tgz",
    "1.tgz",
    "p+q.tgz",
    "^c.tgz",
    "-d.tgz",
    "x{y}.tgz",
    "q?.tgz",
    "a,b.tgz",
    "a:b.tgz",
    "a@b.tgz",
    "a=b.tgz",
    "~t.tgz",
    "dir/in.tgz",
];

/// A checkout, and what is found in it.
struct Checkout {
    directory: TempDir,
}

impl Checkout {
    fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory }
    }

    /// The checkout that the real programs were run in.
    fn real() -> Self {
        let checkout = Self::empty();
        let staged = Placement::ALL.map(Placement::path);
        for path in FILES.into_iter().chain(staged) {
            checkout.write(path, path);
        }
        checkout.link("b.tgz", "link.tgz");
        checkout.link("sub", "ldir");
        checkout.write(".earthlyignore", "local/\nbuild/*\n");
        checkout.write("Earthfile", "VERSION 0.6\n");
        checkout
    }

    fn of(files: &[&str]) -> Self {
        let checkout = Self::empty();
        for file in files {
            checkout.write(file, file);
        }
        checkout
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory above")).expect("directories");
        fs::write(path, text).expect("a file");
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.path(path)).expect("a link");
    }

    fn ignore(&self) -> Ignore {
        match ignore::read(self.directory.path()) {
            Ok(Found::Rules(ignore)) => ignore,
            other => panic!("{other:?}"),
        }
    }

    fn resolve(&self, value: &str) -> Copied {
        resolve(value, self.directory.path(), &self.ignore(), &[])
    }

    /// The file that `value` finds.
    fn file(&self, value: &str) -> Option<String> {
        match self.resolve(value) {
            Copied::File { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// What the real programs did with a value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    value: String,
    outcome: String,
    file: Option<String>,
}

#[test]
fn values_find_what_the_real_programs_find() {
    let checkout = Checkout::real();
    let rows = include_str!("../../../tests/fixtures/real/clusterconfig.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows.lines() {
        let row: Row = serde_json::from_str(row).expect("a row");
        let copied = checkout.resolve(&row.value);
        let (outcome, file) = match &copied {
            // The two staged files are equal.
            Copied::File { path, .. } if Placement::ALL.iter().any(|p| p.path() == path) => {
                ("file", Some("spc.tgz"))
            }
            Copied::File { path, .. } => ("file", Some(path.as_str())),
            Copied::Nothing(_) => ("nothing", None),
            Copied::NotAFile { .. } => ("no-regular-file", None),
            Copied::Fails(_) => ("build-fails", None),
            Copied::Empty { .. } | Copied::Artifact | Copied::Unclear => ("other", None),
        };
        if (outcome, file) != (row.outcome.as_str(), row.file.as_deref()) {
            wrong.push((row, copied));
        }
        count += 1;
    }
    assert_eq!(count, 736);
    assert!(wrong.is_empty(), "{} rows: {wrong:#?}", wrong.len());
}
