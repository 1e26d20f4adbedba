//! What the real programs answered for 700 ignore files, and corner cases that those do not
//! cover.

use serde::Deserialize;

use super::*;

const ROOT: &str = "spc.tgz";
const OVERLAY: &str = "overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz";

fn parse(text: &str) -> Ignore {
    Ignore::parse(NAMES[0], text.as_bytes())
}

/// What Earthly's filter said about the two placements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    text: String,
    root_hidden: Option<bool>,
    overlay_hidden: Option<bool>,
    #[serde(default)]
    error: bool,
}

#[test]
fn rules_hide_what_the_real_programs_hide() {
    let rows = include_str!("../../../../tests/fixtures/real/earthlyignore.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows.lines() {
        let row: Row = serde_json::from_str(row).expect("a row");
        let ignore = parse(&row.text);
        let hidden = |path| (!row.error).then(|| ignore.hides(path).is_some());
        let seen = (hidden(ROOT), hidden(OVERLAY), ignore.error().is_some());
        if seen != (row.root_hidden, row.overlay_hidden, row.error) {
            wrong.push(row);
        }
        count += 1;
    }
    assert_eq!(count, 700);
    assert!(wrong.is_empty(), "{} rows: {wrong:#?}", wrong.len());
}

/// The fix that a message suggests: a `!` rule for the file itself, after all others.
#[test]
fn an_exception_for_the_file_takes_it_back() {
    let rows = include_str!("../../../../tests/fixtures/real/earthlyignore.jsonl");
    let mut taken_back = 0;
    for row in rows.lines() {
        let row: Row = serde_json::from_str(row).expect("a row");
        for path in [ROOT, OVERLAY] {
            let hidden = parse(&row.text);
            if hidden.error().is_some() || hidden.hides(path).is_none() {
                continue;
            }
            let ignore = parse(&format!("{}\n!{path}\n", row.text));
            assert_eq!(ignore.hides(path), None, "{:?}", row.text);
            taken_back += 1;
        }
    }
    assert!(taken_back > 300, "{taken_back}");
}

#[test]
fn the_rule_that_hides_is_named() {
    let hidden = |rules: &str, path| parse(rules).hides(path).map(|rule| rule.line);
    for (rules, path, expected) in [
        ("local/\nbuild/*\n", "spc.tgz", None),
        ("local/\nbuild/*\n", "build/spc.tgz", Some(2)),
        ("*.tgz\n", "spc.tgz", Some(1)),
        // A star stays within a name, and at the top.
        ("*.tgz\n", OVERLAY, None),
        ("**/*.tgz\n", OVERLAY, Some(1)),
        ("**/*.tgz\n", "spc.tgz", Some(1)),
        ("overlay\n", OVERLAY, Some(1)),
        ("/overlay/\n", OVERLAY, Some(1)),
        ("./overlay/files-iso/opt\n", OVERLAY, Some(1)),
        ("files-iso\n", OVERLAY, None),
        ("*.tgz\n!spc.tgz\n", "spc.tgz", None),
        ("!spc.tgz\n*.tgz\n", "spc.tgz", Some(2)),
        ("# *.tgz\n\n  spc.tg?  \n", "spc.tgz", Some(3)),
        (" #spc.tgz\n", "#spc.tgz", Some(1)),
        ("\u{feff}*\n", "spc.tgz", Some(1)),
        ("a/../spc.tgz\r\n", "spc.tgz", Some(1)),
        // Two rules hide it; the exception takes back what it matches itself.
        ("**/*.tgz\n!overlay/\n", OVERLAY, Some(1)),
        ("**/*.tgz\n!overlay/**\n", OVERLAY, None),
        ("overlay\n!overlay/files-iso\n", OVERLAY, None),
        (
            "overlay\n!overlay/files-iso\noverlay/*/opt\n",
            OVERLAY,
            Some(3),
        ),
        ("overlay/files-iso/opt\n!overlay\n", OVERLAY, Some(1)),
        // A `!` after a leading slash or dot may still mark an exception.
        ("*.tgz\n/!spc.tgz\n", "spc.tgz", None),
        ("*.tgz\n./!spc.tgz\n", "spc.tgz", None),
        // A caret is an anchor once the pattern has a star.
        ("^spc.tgz\n", "spc.tgz", None),
        ("^s*.tgz\n", "spc.tgz", Some(1)),
        // `\s` is a blank, `\p` alone an error, a star ends a class.
        ("\\spc.tgz\n", "spc.tgz", None),
        ("\\Qspc\n", "spc.tgz", None),
        ("\\x73pc.tgz\n", "spc.tgz", Some(1)),
        ("[[:lower:]]pc.tgz\n", "spc.tgz", Some(1)),
        ("[*]pc.tgz\n", "spc.tgz", None),
        // `|` is an alternative and `{2}` a repetition as soon as the pattern has a star.
        ("a|spc.tgz\n", "spc.tgz", None),
        ("a*|spc.tgz\n", "spc.tgz", Some(1)),
        ("a*|spc.tgz\n", OVERLAY, Some(1)),
        ("a*|\n", "spc.tgz", Some(1)),
        ("s{1}pc*\n", "spc.tgz", Some(1)),
        ("s{2}pc*\n", "spc.tgz", None),
        ("s{0,}p{1,2}c*\n", "spc.tgz", Some(1)),
        ("\\w\\D[[:^digit:]].*\n", "spc.tgz", Some(1)),
        ("\\pL\\P{N}c*\n", "spc.tgz", Some(1)),
        ("spc\\b*\n", "spc.tgz", Some(1)),
        ("sp\\b*\n", "spc.tgz", None),
        ("\\Qspc\\E*\n", "spc.tgz", Some(1)),
        ("\\163pc*\n", "spc.tgz", Some(1)),
        ("[^a]pc.tgz\n", "spc.tgz", Some(1)),
    ] {
        assert_eq!(hidden(rules, path), expected, "{rules:?} {path}");
    }
}

#[test]
fn one_rule_that_is_not_ascii_voids_the_others() {
    for (rules, root, voiding) in [
        ("spc.tgz\n!spc.tgz\nbüro/\n", true, Some(3)),
        ("*.tgz\né\n", false, Some(2)),
        ("spc.tgz\né\n", true, Some(2)),
        ("# é\n*.tgz\n!spc.tgz\n", false, None),
        ("\u{feff}*.tgz\n!spc.tgz\n", false, None),
        // White space is not one of them.
        ("\u{a0}*.tgz\n", true, None),
        // A control character is encoded too, so that the build goes on.
        ("a\tb\né\n", false, Some(2)),
    ] {
        let ignore = parse(rules);
        assert_eq!(ignore.hides(ROOT).is_some(), root, "{rules:?}");
        assert_eq!(ignore.voiding().map(|rule| rule.line), voiding, "{rules:?}");
        assert_eq!(ignore.error(), None, "{rules:?}");
    }
    // UTF-16: every byte counts, and none is UTF-8.
    let utf16 = Ignore::parse(NAMES[0], b"\xff\xfe*\0.\0t\0g\0z\0\n\0");
    assert_eq!(utf16.hides(ROOT), None);
    assert_eq!(utf16.error(), None);
    assert!(utf16.voiding().is_some());
}

#[test]
fn some_rules_end_every_build() {
    let long = format!("a\n{}\n", "x".repeat(LINE));
    for (rules, line, fault) in [
        ("a\n!\n", 2, RuleFault::Syntax),
        ("! \n", 1, RuleFault::Syntax),
        ("[\n", 1, RuleFault::Syntax),
        ("x\\\n", 1, RuleFault::Syntax),
        ("[]x]\n", 1, RuleFault::Syntax),
        ("a\tb\n", 1, RuleFault::Control),
        ("a\rb\n", 1, RuleFault::Control),
        ("a\n\u{7f}\n", 2, RuleFault::Control),
        (&long, 2, RuleFault::TooLong),
    ] {
        let ignore = parse(rules);
        let error = ignore.error().map(|(rule, fault)| (rule.line, fault));
        assert_eq!(error, Some((line, fault)), "{line}");
        // So nothing gets into the build.
        assert_eq!(ignore.hides(ROOT).map(|rule| rule.line), Some(line));
    }
    for harmless in ["\ta\n", "a\t\n", "a\t/../b\n", "# a\tb\n", "a\r\n"] {
        assert_eq!(parse(harmless).error(), None, "{harmless:?}");
    }
}

#[test]
fn the_file_is_looked_for_as_earthly_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let rules = || match read(directory.path()) {
        Ok(Found::Rules(ignore)) => Some(ignore.rules.len()),
        Ok(Found::Both) => None,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(rules(), Some(0));
    // A directory and a link that leads nowhere are no ignore files.
    std::fs::create_dir(path(NAMES[0])).expect("a directory");
    std::os::unix::fs::symlink("nowhere", path(NAMES[1])).expect("a link");
    assert_eq!(rules(), Some(0));
    std::fs::write(path("nowhere"), "a\nb\n").expect("a file");
    assert_eq!(rules(), Some(2));
    std::fs::remove_dir(path(NAMES[0])).expect("no directory");
    std::fs::write(path(NAMES[0]), "").expect("a file");
    assert_eq!(rules(), None);
    // A loop is an error, for Earthly too.
    std::fs::remove_file(path(NAMES[1])).expect("no link");
    std::os::unix::fs::symlink(NAMES[1], path(NAMES[1])).expect("a link");
    assert!(read(directory.path()).is_err());
}

#[test]
fn a_pipe_is_not_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let pipe = directory.path().join(NAMES[0]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe");
    let error = read(directory.path()).expect_err("no rules");
    assert!(
        error.to_string().contains("it is a pipe, not a file"),
        "{error}"
    );
}

#[test]
fn a_rule_may_be_refused_once_it_is_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = |rules: &str| {
        std::fs::write(directory.path().join(NAMES[0]), rules).expect("a file");
        match read(directory.path()) {
            Ok(Found::Rules(ignore)) => ignore.error().map(|(rule, _)| rule.line),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error("[z-a]\n"), Some(1));
    assert_eq!(error("local\\packs\n"), Some(1));
    assert_eq!(error("x*[\n"), Some(1));
    // Everything is hidden by then, so it never is.
    assert_eq!(error("*\n[z-a]\n"), None);
    // It is asked only for what is hidden.
    assert_eq!(error("local\n![z-a]\n"), None);
    assert_eq!(error("spc.tgz\n![z-a]\n"), Some(2));
    // A `\` in front of a letter that means something is not an error.
    assert_eq!(error("local\\drive\n"), None);
}
