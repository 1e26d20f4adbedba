//! Tests of the layout of excerpts.

use std::sync::Arc;

use super::*;
use crate::diagnostic::{Code, Source};

fn plain(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Returns an excerpt of `text` with the caret below `marked`; if that is empty, at the end.
fn told(text: &str, marked: &str) -> Diagnostic {
    let start = match marked {
        "" => text.len(),
        _ => text.find(marked).unwrap(),
    };
    let source = Arc::new(Source::whole("a.toml".into(), text.to_owned()));
    Diagnostic::error(Code::InvalidToml, "it is wrong").at(
        &source,
        start..start + marked.len(),
        "here",
    )
}

/// Returns the line of the excerpt and the line of the caret.
fn shown(text: &str, marked: &str) -> [String; 2] {
    let rendered = plain(&render(&told(text, marked)));
    let mut lines = rendered.lines().skip(3).map(str::to_owned);
    [lines.next().unwrap(), lines.next().unwrap()]
}

#[test]
fn the_caret_stands_below_what_it_is_about() {
    for (text, marked, line, caret) in [
        ("a = \"x\"\n", "\"x\"", "1 | a = \"x\"", "  |     ^^^ here"),
        (
            "a\tb\t\"x\"\n",
            "\"x\"",
            "1 | a    b    \"x\"",
            "  |           ^^^ here",
        ),
        (
            "a = 1\r\nb = \"x\"\r\n",
            "\"x\"",
            "2 | b = \"x\"",
            "  |     ^^^ here",
        ),
        (
            "本社 = \"x\"\n",
            "\"x\"",
            "1 | 本社 = \"x\"",
            "  |        ^^^ here",
        ),
        ("a = 1\n", "", "1 | a = 1", "  |      ^ here"),
        ("a = 1", "", "1 | a = 1", "  |      ^ here"),
        ("", "", "1 |", "  | ^ here"),
    ] {
        assert_eq!(shown(text, marked), [line, caret], "{text:?}");
    }
}

/// Hidden characters and cursor sequences in a file are visible and have no effect.
#[test]
fn nothing_hidden_gets_into_an_excerpt() {
    let [line, caret] = shown("\u{200b}a\u{e0041} = \"\u{1b}[2J\u{202e}\" # x\n", "# x");
    assert_eq!(line, "1 | �a� = \"␛[2J�\" # x");
    assert_eq!(caret, "  |               ^^^ here");
}

#[test]
fn a_long_line_is_cut_around_the_caret() {
    let many = "\"abcdefghij\", ".repeat(20);
    let text = format!("a = [{many}\"x\", {many}]\n");
    for width in [40, 80, 120] {
        let rendered = plain(&render_within(&told(&text, "\"x\""), width, See::Shown));
        let lines: Vec<&str> = rendered.lines().collect();
        assert!(
            lines.iter().all(|line| line.chars().count() <= width),
            "{rendered}"
        );
        let at = lines[3].find("\"x\"").unwrap();
        assert_eq!(lines[4].find("^^^ here"), Some(at), "{rendered}");
        assert!(
            lines[3].contains("...") && lines[3].ends_with("..."),
            "{rendered}"
        );
    }
}

/// A long span is shown by its ends.
#[test]
fn a_long_span_is_cut_inside() {
    let value = format!("\"{}\"", "0123456789".repeat(30));
    let [line, caret] = shown(&format!("a = {value}\n"), &value);
    assert!(
        line.chars().count() <= WIDTH && line.contains("..."),
        "{line}"
    );
    assert!(caret.ends_with("^ here"), "{caret}");
}

#[test]
fn what_to_read_is_said_once_for_all_that_is_about_it() {
    let about = |title: &str, code| Diagnostic::error(code, title);
    let all = [
        about("a", Code::InvalidLockfile),
        about("b", Code::KeyMissing),
        about("c", Code::NewerLockfile),
    ];
    assert_eq!(
        plain(&render_all(&all, WIDTH)),
        "error[invalid-lockfile]: a\n\n\
         error[key-missing]: b\nsee: `edgestage explain key`\n\n\
         error[newer-lockfile]: c\nsee: `edgestage explain lock`"
    );
}
