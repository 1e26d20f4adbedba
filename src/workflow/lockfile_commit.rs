//! The commit that `profiles.lock` comes from.
//!
//! The input is the lock as it was read. The output is the last commit that changed it, which
//! is the same in all clones of the repository. There is none if the file differs in any byte
//! from that commit's, or in a shallow clone that does not reach back to it.

use std::ffi::{OsStr, OsString};

use crate::lockfile::Lockfile;
use crate::util::environment::Environment;
use crate::workflow::git::Git;

/// Missing objects of a partial clone are not fetched, and no replacement is used for a commit.
const OFFLINE: [&str; 3] = ["-c", "protocol.allow=never", "--no-replace-objects"];

/// Returns the commit that the text of `lock` comes from, as hexadecimal digits.
pub(crate) fn lockfile_commit(lock: &Lockfile, environment: &Environment) -> Option<String> {
    let text = lock.text()?;
    let name = lock.path().file_name()?;
    let git = Git::in_directory(lock.path().parent()?, environment)?;
    let ask = |question: &[&OsStr]| {
        let arguments: Vec<&OsStr> = OFFLINE.iter().map(OsStr::new).collect();
        git.ask(&[&arguments, question].concat(), b"")
    };
    let [rev_list, max_count] = ["rev-list", "--max-count=1"].map(OsStr::new);
    let path = joined(":(literal)", name);
    let found = ask(&[rev_list, max_count, "HEAD".as_ref(), "--".as_ref(), &path])?;
    let commit = String::from_utf8(found).ok()?.trim_end().to_owned();
    if commit.is_empty() {
        return None;
    }
    let blob = joined(&format!("{commit}:./"), name);
    if ask(&["cat-file".as_ref(), "blob".as_ref(), &blob])? != text.as_bytes() {
        return None;
    }
    // Where the history is cut off, the oldest commit seems to have changed every file.
    let shallow = ask(&["rev-parse".as_ref(), "--is-shallow-repository".as_ref()])?;
    if shallow != b"false\n" {
        let with_parents = ask(&[rev_list, max_count, "--parents".as_ref(), commit.as_ref()])?;
        if with_parents.trim_ascii_end() == commit.as_bytes() {
            return None;
        }
    }
    Some(commit)
}

fn joined(prefix: &str, name: &OsStr) -> OsString {
    let mut joined = OsString::from(prefix);
    joined.push(name);
    joined
}
