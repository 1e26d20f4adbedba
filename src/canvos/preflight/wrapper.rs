//! CanvOS's wrapper `earthly.sh`, and whether it tells of a build that failed (canvos.md,
//! T41).

use std::path::Path;

use crate::util::path_error;

/// The line of the checkout's `earthly.sh`, from 1, that makes it end with 0 after a failed
/// build: `if $? -ne 0` runs a program of the name `1`, which there is not, so the branch
/// that ends with 1 is never taken. Judged by the text: sixteen tags have it, and no name of
/// a tag tells.
#[must_use]
pub fn swallows_failure(checkout: &Path) -> Option<usize> {
    let bytes = path_error::read(&checkout.join("earthly.sh"), path_error::TEXT).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let at = text.lines().position(is_defective)?;
    Some(at + 1)
}

fn is_defective(line: &str) -> bool {
    let mut words = line.split([' ', '\t', ';']).filter(|word| !word.is_empty());
    words.next() == Some("if")
        && matches!(words.next(), Some("$?" | "\"$?\"" | "${?}"))
        && words.next().is_some_and(|word| word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::{is_defective, swallows_failure};

    #[test]
    fn a_test_without_brackets_is_defective() {
        for line in [
            "if $? -ne 0 ; then",
            "if $? -ne 0; then",
            "  if  \"$?\" -gt 0;then",
        ] {
            assert!(is_defective(line), "{line}");
        }
        for line in [
            "if [ $? -ne 0 ]; then",
            "if [[ $? -ne 0 ]]; then",
            "if (( $? != 0 )); then",
            "if test $? -ne 0; then",
            "# if $? -ne 0 ; then",
            "if $?; then",
            "if [ $BUILD_EXIT -ne 0 ]; then",
        ] {
            assert!(!is_defective(line), "{line}");
        }
    }

    #[test]
    fn the_line_is_that_of_the_file() {
        let checkout = tempfile::tempdir().unwrap();
        assert_eq!(swallows_failure(checkout.path()), None);
        let path = checkout.path().join("earthly.sh");
        std::fs::write(&path, b"#!/bin/bash\n\xc3\nif $? -ne 0 ; then\n").unwrap();
        assert_eq!(swallows_failure(checkout.path()), Some(3));
        std::fs::write(&path, "#!/bin/bash\nif [ $? -ne 0 ]; then\n").unwrap();
        assert_eq!(swallows_failure(checkout.path()), None);
    }
}
