//! Paths in the container that `earthly.sh` starts. The working directory is mounted there, and
//! nothing else of this machine.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the directory where the working directory is mounted.
const WORKSPACE: &str = "workspace";
/// The number of links that a path may lead through, as on Linux.
const LINKS: usize = 40;

/// Returns the file of this machine that `path` refers to in the container of `directory`;
/// `None` if it is one of the container's own. Links are followed as the container sees them: a
/// link with an absolute path of this machine leads nowhere.
pub(super) fn host_path(path: &str, directory: &Path) -> Option<PathBuf> {
    let mut links = 0;
    let mut at: Vec<String> = vec![WORKSPACE.to_owned()];
    let mut left = VecDeque::new();
    enter(Path::new(path), &mut at, &mut left);
    while let Some(part) = left.pop_front() {
        match part.as_str() {
            "" | "." => continue,
            ".." => drop(at.pop()),
            _ => at.push(part),
        }
        let Some(file) = on_host(&at, directory) else {
            continue;
        };
        if let Ok(target) = fs::read_link(&file)
            && at.len() > 1
        {
            links += 1;
            if links > LINKS {
                return None;
            }
            at.pop();
            enter(&target, &mut at, &mut left);
        }
    }
    on_host(&at, directory)
}

/// Puts the parts of `path` before those in `left`.
fn enter(path: &Path, at: &mut Vec<String>, left: &mut VecDeque<String>) {
    if path.is_absolute() {
        at.clear();
    }
    let text = path.to_string_lossy();
    for part in text.split('/').rev() {
        left.push_front(part.to_owned());
    }
}

fn on_host(at: &[String], directory: &Path) -> Option<PathBuf> {
    let (first, rest) = at.split_first()?;
    (first == WORKSPACE).then(|| {
        rest.iter()
            .fold(directory.to_owned(), |path, part| path.join(part))
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_the_mounted_directory_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("sub")).unwrap();
        symlink("../x.arg", root.join("sub/up")).unwrap();
        symlink(root.join("x.arg"), root.join("absolute")).unwrap();
        symlink("/workspace/x.arg", root.join("mounted")).unwrap();
        symlink("../x.arg", root.join("outside")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let host = |path: &str| {
            let path = host_path(path, root)?;
            Some(
                path.strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            )
        };
        for (path, expected) in [
            (".arg", Some(".arg")),
            ("./sub/../.arg", Some(".arg")),
            ("sub/up", Some("x.arg")),
            ("mounted", Some("x.arg")),
            ("/workspace/.arg", Some(".arg")),
            ("../workspace/.arg", Some(".arg")),
            ("", Some("")),
            ("absolute", None),
            ("outside", None),
            ("loop", None),
            ("../.arg", None),
            ("/etc/x.arg", None),
        ] {
            assert_eq!(host(path).as_deref(), expected, "{path:?}");
        }
    }
}
