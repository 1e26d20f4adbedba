//! Whether git ignores `profiles.lock`, which is meant to be committed.
//!
//! The answer comes from `git check-ignore`, because only git knows everything that counts:
//! nested files, `.git/info/exclude`, the user's own rules, and that a tracked file is not
//! ignored. Without git, without a repository, or if git fails, nothing is reported.

use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::messages;
use crate::manifest;
use crate::util::environment::Environment;
use crate::util::files;
use crate::util::sanitize;
use crate::workflow::context::Context;
use crate::workflow::git::Git;

/// A rule that hides a file.
struct Rule {
    file: PathBuf,
    line: usize,
    pattern: String,
}

/// Warns if git ignores the lock at `path`.
pub(crate) fn warn_of_ignored_lock(context: &Context<'_>, path: &Path) {
    let Some(rule) = rule(path, context.environment) else {
        return;
    };
    let name = path.file_name().unwrap_or_default();
    let name = sanitize::path(Path::new(name));
    let pattern = sanitize::line(rule.pattern.as_bytes());
    let told = messages::lockfile_ignored(&name, &pattern);
    let told = match files::read(&rule.file, files::TEXT) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let span = line_of(&text, rule.line);
            told.at(
                &manifest::masked(&rule.file, &text),
                span,
                "this rule ignores it",
            )
        }
        Err(_) => told,
    };
    context.report.warn(&told);
}

/// Returns the byte range of a line, counted from 1.
fn line_of(text: &str, line: usize) -> Range<usize> {
    let mut lines = text.split_inclusive('\n');
    let start = lines
        .by_ref()
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let length = lines.next().map_or(0, |line| line.trim_end().len());
    start..start + length
}

/// Returns the rule by which git ignores `path`.
fn rule(path: &Path, environment: &Environment) -> Option<Rule> {
    let directory = path.parent()?;
    let name = path.file_name()?.as_bytes();
    let git = Git::in_directory(directory, environment)?;
    let question = ["check-ignore", "-v", "-z", "--stdin"];
    read(directory, &git.ask(&question, &[name, b"\0"].concat())?)
}

/// Parses git's answer: the file of the rule, its line, the rule and the path, each terminated
/// by a zero byte.
fn read(directory: &Path, answer: &[u8]) -> Option<Rule> {
    let mut fields = answer.split(|byte| *byte == 0);
    let file = fields.next().filter(|file| !file.is_empty())?;
    let line = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let pattern = String::from_utf8_lossy(fields.next()?).into_owned();
    // With `-v`, older versions of git also report a rule that takes the file back.
    (!pattern.starts_with('!')).then(|| Rule {
        file: directory.join(OsString::from_vec(file.to_vec())),
        line,
        pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_answers() {
        let read = |answer: &[u8]| {
            let rule = read(Path::new("/site"), answer)?;
            Some((rule.file, rule.line, rule.pattern))
        };
        assert_eq!(
            read(b".gitignore\x003\x00*.lock\x00profiles.lock\x00"),
            Some(("/site/.gitignore".into(), 3, "*.lock".into()))
        );
        let back = b".gitignore\x004\x00!profiles.lock\x00profiles.lock\x00";
        assert_eq!(read(back), None);
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\x00\x00\x00profiles.lock\x00"), None);
    }

    #[test]
    fn the_bytes_of_a_line() {
        let text = "a\r\nbc \nd";
        let line = |n| &text[line_of(text, n)];
        assert_eq!([line(1), line(2), line(3), line(4)], ["a", "bc", "d", ""]);
    }
}
