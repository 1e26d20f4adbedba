//! What an `IF` of an Earthfile decides, as far as that can be determined without running it.
//!
//! Conditions are shell commands. CanvOS and its forks use tests of variables: `[ "$ARCH" =
//! "arm64" ]`, `[ -n "$X" ] && …`, `$FIPS_ENABLED`. Everything else gives `None`: it may hold
//! or not.

use super::scope::Scope;

/// Whether `condition` holds; `None` if that cannot be determined.
pub(super) fn holds(condition: &[String], scope: &Scope) -> Option<bool> {
    let words: Vec<&str> = condition.iter().map(String::as_str).collect();
    alternatives(&words, scope)
}

/// Evaluates `a || b && c`: in a shell, both operators have the same precedence, from left to
/// right.
fn alternatives(words: &[&str], scope: &Scope) -> Option<bool> {
    let mut value = None;
    let mut operator = "";
    for part in words.split_inclusive(|word| matches!(*word, "&&" | "||")) {
        let (command, next) = match part {
            [command @ .., next @ ("&&" | "||")] => (command, *next),
            command => (command, ""),
        };
        let right = simple(command, scope);
        value = match (operator, value) {
            ("&&", Some(false)) => Some(false),
            ("||", Some(true)) => Some(true),
            ("&&" | "||", Some(_)) | ("", _) => right,
            ("&&", None) if right == Some(false) => Some(false),
            ("||", None) if right == Some(true) => Some(true),
            _ => None,
        };
        operator = next;
    }
    value
}

fn simple(command: &[&str], scope: &Scope) -> Option<bool> {
    match command {
        ["!", rest @ ..] => simple(rest, scope).map(|holds| !holds),
        ["[", inner @ .., "]"] | ["[[", inner @ .., "]]"] | ["test", inner @ ..] => {
            test(inner, scope)
        }
        [word] => match scope.expand(word)?.as_str() {
            "true" | ":" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn test(words: &[&str], scope: &Scope) -> Option<bool> {
    let value = |word: &str| scope.expand(word);
    match words {
        ["!", rest @ ..] => test(rest, scope).map(|holds| !holds),
        ["-n", word] | [word] => Some(!value(word)?.is_empty()),
        ["-z", word] => Some(value(word)?.is_empty()),
        [left, "=" | "==", right] => Some(value(left)? == value(right)?),
        [left, "!=", right] => Some(value(left)? != value(right)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_variables_are_decided() {
        let mut scope = Scope::default();
        scope.set("ARCH", Some("amd64".into()));
        scope.set("EMPTY", Some(String::new()));
        scope.set("NO", Some("false".into()));
        for (condition, expected) in [
            ("[ \"$ARCH\" = \"amd64\" ]", Some(true)),
            ("[ \"${ARCH}\" == 'arm64' ]", Some(false)),
            ("[ $ARCH != arm64 ]", Some(true)),
            ("[ -n \"$EMPTY\" ]", Some(false)),
            ("[ -z \"$EMPTY\" ]", Some(true)),
            ("[ \"$EMPTY\" ]", Some(false)),
            ("! [ -z \"$EMPTY\" ]", Some(false)),
            ("[ ! -z \"$ARCH\" ]", Some(true)),
            ("test \"$ARCH\" = amd64", Some(true)),
            ("$NO", Some(false)),
            ("true", Some(true)),
            ("[ -f x ]", None),
            ("[ \"$OTHER\" = 1 ]", None),
            ("[ -f x ] && $NO", Some(false)),
            ("$NO && [ -f x ]", Some(false)),
            ("[ -f x ] || true", Some(true)),
            ("[ -f x ] || $NO", None),
            ("$NO || [ \"$ARCH\" = amd64 ] && true", Some(true)),
            ("grep -q x y", None),
            ("[ \"$(cat x)\" = 1 ]", None),
        ] {
            let words: Vec<String> = condition.split(' ').map(str::to_owned).collect();
            assert_eq!(holds(&words, &scope), expected, "{condition}");
        }
    }
}
