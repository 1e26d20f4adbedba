//! Suggestions ("did you mean"): the known name that is nearest to a mistyped one.

use std::path::{Path, PathBuf};

/// The maximum number of names in a directory that are compared.
const NAMES: usize = 4096;

/// Returns the name in `known` that is nearest to `given`, or `None` if no name is near enough
/// for a suggestion to help more than it misleads.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (score(&given, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

/// Returns the similarity of two names, from 0 to 1. Jaro-Winkler favors a common prefix
/// (`profile` for `profiles`); the separators that people confuse (`cloud_type`, `cloudType`)
/// are ignored.
fn score(given: &str, known: &str) -> f64 {
    let bare = |text: &str| text.replace(['-', '_', ' '], "");
    strsim::jaro_winkler(&bare(given), &bare(known))
}

/// Returns the version in `known` that `given` probably means: a version that is spelled
/// differently (`v2.1` for `2.1.0`), otherwise the highest with that prefix (`2` for `2.1.0`),
/// otherwise one with its dots elsewhere (`2.10` for `2.1.0`). Versions that differ in a number
/// are different versions, not typing mistakes.
pub(crate) fn nearest_version<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_by_key(|version| numbers(version));
    let wanted = significant(given);
    let find = |fits: &dyn Fn(&str) -> bool| known.iter().rev().copied().find(|v| fits(v));
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    find(&|version| version.trim().eq_ignore_ascii_case(given.trim()))
        .or_else(|| find(&|version| bare(version) == bare(given)))
        .or_else(|| find(&|v| plain(v) && plain(given) && significant(v) == wanted))
        .or_else(|| find(&|v| plain(v) && plain(given) && numbers(v).starts_with(&wanted)))
        .filter(|_| !wanted.is_empty())
        .or_else(|| find(&|v| !wanted.is_empty() && digits(v) == digits(given)))
}

/// Returns the numbers in a version, so that 1.10.0 sorts after 1.9.0.
#[must_use]
pub(crate) fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// Returns the numbers without trailing zeros.
fn significant(version: &str) -> Vec<u64> {
    let mut numbers = numbers(version);
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

/// Returns the version without a leading `v`.
fn bare(version: &str) -> &str {
    version.trim().trim_start_matches(['v', 'V'])
}

/// Returns whether a version consists of numbers and dots only: in `1.0.0-rc1`, the suffix is
/// significant.
fn plain(version: &str) -> bool {
    bare(version)
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'.')
}

/// Returns the file that the missing file `path` probably means: one with a similar name in the
/// same directory.
#[must_use]
pub(crate) fn nearest_file(path: &Path) -> Option<PathBuf> {
    let given = path.file_name()?.to_str()?;
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(directory).ok()?.take(NAMES);
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(given, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near))
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_file, nearest_version};

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let known = ["project", "profiles", "cloud-type", "canvos"];
        assert_eq!(nearest("profile", known), Some("profiles"));
        assert_eq!(nearest("cloudType", known), Some("cloud-type"));
        assert_eq!(nearest("canvas", known), Some("canvos"));
        assert_eq!(nearest("zzz", known), None);
    }

    #[test]
    fn a_version_that_is_written_in_another_way() {
        let known = ["2.0.0", "2.1.0", "1.9.1", "1.10.0", "3.0.0-rc1"];
        for (given, meant) in [
            ("v2.1.0", Some("2.1.0")),
            ("2.1", Some("2.1.0")),
            ("2.10", Some("2.1.0")),
            ("2", Some("2.0.0")),
            ("1", Some("1.10.0")),
            ("1.9", Some("1.9.1")),
            ("1100", Some("1.10.0")),
            ("3.0.0-RC1", Some("3.0.0-rc1")),
            ("3.0.0", None),
            ("2.2.0", None),
            ("4", None),
            ("latest", None),
            ("", None),
        ] {
            assert_eq!(nearest_version(given, known), meant, "{given}");
        }
    }

    #[test]
    fn a_file_beside_the_one_that_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("profiles.toml"), "").unwrap();
        let path = |name: &str| directory.path().join(name);
        assert_eq!(
            nearest_file(&path("profile.toml")),
            Some(path("profiles.toml"))
        );
        assert_eq!(nearest_file(&path("zzz")), None);
        assert_eq!(nearest_file(&path("gone/profile.toml")), None);
    }
}
