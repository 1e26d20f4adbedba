//! Recognizes the conditions and values that the build program can evaluate without running
//! commands of the Earthfile.
//!
//! Input: the words of a condition or value. Output: whether it depends on variables only.

/// Whether `condition` tests variables and nothing else, so that it holds in a reduced target
/// exactly where it holds in the whole one.
pub(super) fn tests_variables(condition: &[String]) -> bool {
    let words: Vec<&str> = condition.iter().map(String::as_str).collect();
    let mut commands = words.split(|word| matches!(*word, "&&" | "||"));
    !words.iter().any(|word| runs_program(word)) && commands.all(is_test)
}

fn is_test(command: &[&str]) -> bool {
    match command {
        ["!", rest @ ..] => is_test(rest),
        ["[", inner @ .., "]"] | ["[[", inner @ .., "]]"] | ["test", inner @ ..] => {
            !inner.iter().any(|word| looks_at_files(word))
        }
        [word] => matches!(*word, "true" | "false" | ":") || is_variable(word),
        _ => false,
    }
}

/// `$NAME`, which CanvOS's conditions run: `true` and `false` are programs everywhere.
fn is_variable(word: &str) -> bool {
    let word = word.trim_matches('"');
    let name = word.strip_prefix('$').unwrap_or_default();
    let name = name.trim_start_matches('{').trim_end_matches('}');
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An operator that asks for a file.
fn looks_at_files(word: &str) -> bool {
    let letter = word.strip_prefix('-').filter(|rest| rest.len() == 1);
    letter.is_some_and(|letter| "abcdefghkprstuwxGLNOS".contains(letter) && letter != "a")
        || matches!(word, "-nt" | "-ot" | "-ef")
}

/// Whether a word has a part that a program prints.
pub(super) fn runs_program(word: &str) -> bool {
    word.contains("$(") || word.contains('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_variables_and_others() {
        for (condition, expected) in [
            ("[ \"$CLUSTERCONFIG\" != \"\" ]", true),
            ("[ \"$A\" = x ] && [ -n \"$B\" ] || ! [ -z $C ]", true),
            ("[ \"$A\" = x -a \"$B\" = y ]", true),
            ("[[ \"$BASE_IMAGE\" =~ nvidia ]]", true),
            ("$FIPS_ENABLED", true),
            ("true", true),
            ("[ -f /etc/x ]", false),
            ("[ -n \"$A\" ] && test -d /x", false),
            ("[ \"$A\" -nt /x ]", false),
            ("grep -q x /etc/y", false),
            ("[ \"$(cat /x)\" = y ]", false),
            ("[ `id -u` = 0 ]", false),
            ("--privileged [ \"$A\" = x ]", false),
        ] {
            let words: Vec<String> = condition.split(' ').map(Into::into).collect();
            assert_eq!(tests_variables(&words), expected, "{condition}");
        }
    }
}
