use super::*;

/// Returns `K` after `text` was sourced with `HOME` and an exported `E`.
fn value(text: &str) -> Value {
    let environment = |name: &str| match name {
        "HOME" => Value::Set("/home/me".to_owned()),
        "E" => Value::Set("e f".to_owned()),
        "U" => Value::Unknown,
        _ => Value::Unset,
    };
    source(text.as_bytes(), &environment).value("K")
}

fn check(cases: &[(&str, Option<&str>)]) {
    for (text, expected) in cases {
        let expected = expected.map_or(Value::Unset, |value| Value::Set(value.to_owned()));
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn assignments() {
    check(&[
        ("K=v", Some("v")),
        (" \tK=v # c\n", Some("v")),
        ("K=a\nK=b\n", Some("b")),
        ("K=v\r\n", Some("v\r")),
        ("K = v\n", None),
        ("K: v\n", None),
        ("K= v\n", None),
        ("K=\n", Some("")),
        ("K=#c", Some("#c")),
        ("K=a b\n", None),
        ("A=1 K=2\n", Some("2")),
        ("A=1 K=$A\n", Some("1")),
        ("A=1 K=2 true\n", None),
        ("K=a\nK+=b\n", Some("ab")),
        ("K+=b\n", Some("b")),
        ("'K'=v\n", None),
        ("K\u{a0}=v\n", None),
        ("\u{feff}K=v\n", None),
        ("A.K=v\n", None),
        ("K=v >/dev/null A=1", Some("v")),
        ("K=v\nUID=1; K=w\n", Some("v")),
    ]);
}

#[test]
fn quotes_and_continuations() {
    check(&[
        ("K='a b'\"c d\"e", Some("a bc de")),
        ("K=\"a\\\"b\\nc\\$d\\\\\"", Some("a\"b\\nc$d\\")),
        ("K=a\\ b\\c", Some("a bc")),
        ("K=a\\\nb", Some("ab")),
        ("K=a\\", Some("a\\")),
        ("A=1 &\\\n& K=2", Some("2")),
        ("A=it's\nK=v\nB=that's", None),
        ("A=\"x\nK=v\n\"\nK=w", Some("w")),
        ("K=v\nA=\"x", Some("v")),
        ("K=$'a\\tb\\'c'", Some("a\tb'c")),
        ("K=$\"a\"", Some("a")),
        ("K='a' # it's\n", Some("a")),
    ]);
}

#[test]
fn expansions() {
    check(&[
        ("A=x\nK=$A${A}y", Some("xxy")),
        ("A=x\nK=\"$A\"'$A'\\$A", Some("x$A$A")),
        ("K=$B", Some("")),
        ("K=$E", Some("e f")),
        ("K=${B:-d}${E-d}${E:+f}", Some("de ff")),
        ("K=${B:=d}$B", Some("dd")),
        ("K=~/a:~:b~", Some("/home/me/a:/home/me:b~")),
        ("K=\"~/a\"", Some("~/a")),
        ("export K=~/a", Some("/home/me/a")),
        ("K=$", Some("$")),
        ("K=*.tgz", Some("*.tgz")),
        ("K={a,b}", Some("{a,b}")),
        ("K=$(echo a  b)`echo c`", Some("a bc")),
    ]);
}

#[test]
fn lists_pipelines_and_groups() {
    check(&[
        ("A=1; K=v\n", Some("v")),
        ("true && K=v", Some("v")),
        ("false && K=v", None),
        ("false || K=v", Some("v")),
        ("! false && K=v", Some("v")),
        ("K=v | cat", None),
        ("K=v &", None),
        ("K=http://h/?a=1&K=2", Some("2")),
        ("(K=v)", None),
        ("{ K=v; }", Some("v")),
        ("if false; then K=a\nelse K=b; fi", Some("b")),
        ("cat <<E\nK=v\nE\n", None),
        ("cat <<-'E'\nK=v\n\tE\nK=w", Some("w")),
        ("no-such-command\nK=v", Some("v")),
    ]);
}

#[test]
fn builtins() {
    check(&[
        ("export K=v\n", Some("v")),
        ("export\tA K=v B\n", Some("v")),
        ("export A = 1 K=v\n", Some("v")),
        ("\"export\" K=v", Some("v")),
        ("declare -x K=v\n", Some("v")),
        ("typeset K=v\n", Some("v")),
        ("local K=v\n", None),
        ("set K=v\n", None),
        ("K=v\nunset K\n", None),
        ("readonly K=v\nK=w; A=1\n", Some("v")),
        ("exportK=v\n", None),
        ("A= .\nK=v\n", Some("v")),
        ("exec\nK=v\n", Some("v")),
        ("K=v\nreturn\nK=w\n", Some("v")),
    ]);
}

#[test]
fn a_syntax_error_ends_the_file() {
    for (text, line) in [
        ("K=a\n\n# c\nK=b; )\nK=c", 4),
        ("K=a\nfi\nK=b", 2),
        ("K=a\nA=+(x)\nK=b", 2),
        ("K=a\nK=b\\\n;;\n", 2),
        ("K=a\n  A='x\ny", 2),
    ] {
        let sourced = source(text.as_bytes(), &|_| Value::Unset);
        assert_eq!(sourced.end(), End::Syntax(line), "{text:?}");
        assert_eq!(sourced.value("K"), Value::Set("a".to_owned()), "{text:?}");
    }
}

/// Each of these may leave something other than it seems.
#[test]
fn what_is_not_followed_is_unknown() {
    for text in [
        "K=$(date)",
        "K=`date`",
        "K=a$1",
        "K=$U",
        "K=$RANDOM",
        "K=$PATH",
        "RANDOM=1\nK=$RANDOM",
        "K=~other/a",
        "K=(a b)",
        "K=${E%f}",
        "no-such-command && K=v",
        "if no-such-command; then K=v; fi",
        "no-such-command && return\nK=v",
        "if a; then K=v; elif b; then return; else K=w; fi",
        "{ K=v; } >/dev/null",
        "K=v\neval \"$A\"",
        "K=v\n. other",
        "K=v\nexit",
        "K=v\nset -e",
        "K=v\nfor a in b; do K=w; done",
        "K=v\nf() { K=w; }",
        "K=v\n[[ -n $A ]]",
        "K=v\nprintf -v K w",
        "K=v\nread K",
        "K=v\n$(date) K=w",
        "K=v\n(( K = 1 ))",
        "K=$((1))",
        "K=v\nexport $(cat other)",
        "K=v\nunset *",
        "K=v\ndeclare -i K",
        "K=v\nPOSIXLY_CORRECT=1",
        "cat >\"${K:=v}\"",
        "\\export K=$E$",
        "K='v\n' && A=\\",
        "K=v\0",
        "K=v\ncat <<E\n${K:=$A}\nE\n",
    ] {
        assert_eq!(value(text), Value::Unknown, "{text:?}");
    }
    // Variables that it cannot change stay known.
    for text in [
        "K=v\nA=$(date)",
        "K=v\nno-such-command && A=w",
        "K=v\nno-such-command && K=v",
        "K=v\nexport A=$(date)",
        "eval \"$(echo)\" | cat\nK=v",
    ] {
        assert_eq!(value(text), Value::Set("v".to_owned()), "{text:?}");
    }
}

#[test]
fn what_the_callers_programs_get() {
    let environment = |name: &str| Value::from((name == "E").then(|| "e".to_owned()));
    for (text, exported) in [
        ("E=1", true),
        ("unset E\nE=1", false),
        ("export -n E", false),
        ("declare +x E", false),
    ] {
        let sourced = source(text.as_bytes(), &environment);
        assert_eq!(sourced.exported("E"), exported, "{text:?}");
    }
    for (text, exported) in [
        ("K=v", false),
        ("export K=v", true),
        ("export K\nK=v", true),
        ("K=v\nexport K", true),
        ("K=v export K", true),
    ] {
        let sourced = source(text.as_bytes(), &environment);
        let unknown = sourced.value("K") == Value::Unknown;
        assert!(unknown || sourced.exported("K") == exported, "{text:?}");
    }
}

#[test]
fn files_that_may_be_called_like_assignments_are_told() {
    let sourced = |text: &str| source(text.as_bytes(), &|_| Value::Unset).matches_files();
    assert!(sourced("export K *.tgz"));
    assert!(!sourced("export K=*.tgz"));
    assert!(!sourced("echo *.tgz"));
}

#[test]
fn large_and_hostile_files_end_soon() {
    let text = "K=v\n".repeat(100_000);
    assert_eq!(value(&text), Value::Set("v".to_owned()));
    let doubling = "K=$K$K\n".repeat(100);
    assert_eq!(value(&format!("K=v\n{doubling}")), Value::Unknown);
    let many = "A=$B\n".repeat(1000);
    let large = format!("B={}\n{many}K=v", "x".repeat(1 << 19));
    assert_eq!(value(&large), Value::Unknown);
    for open in [
        "(", "{ ", "$(", "\"$(", "${A:-", "\"${A:-", "<(", "if ", "`", "A=(", "<<1",
    ] {
        let text = format!("K=v\nA={}", open.repeat(20_000));
        assert_ne!(value(&text), Value::Unset, "{open}");
        let text = format!("K=v\n{}", open.repeat(20_000));
        assert_ne!(value(&text), Value::Unset, "{open}");
    }
    let text = format!("K=v\n{}", "x && ".repeat(50_000));
    assert_eq!(value(&text), Value::Set("v".to_owned()));
    let branches = "elif x; then A=1; ".repeat(10_000);
    let text = format!("K=v\nif x; then A=1; {branches}fi");
    assert_eq!(value(&text), Value::Set("v".to_owned()));
    let text = format!("K=v\n{}K=w", "! ".repeat(50_001));
    assert_eq!(value(&text), Value::Set("w".to_owned()));
}
