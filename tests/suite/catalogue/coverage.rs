//! No message is missing from the catalogue: the texts in the sources are looked for in
//! it.

use std::path::Path;

use super::reviewed;

/// Sources whose texts are all for messages.
const WHOLE: [&str; 24] = [
    "archive/entries.rs",
    "archive/header.rs",
    "archive/pax.rs",
    "archive/refusal.rs",
    "archive/tree.rs",
    "drift.rs",
    "drift/excerpt.rs",
    "util/endpoint.rs",
    "lockfile/damage.rs",
    "manifest.rs",
    "manifest/definition.rs",
    "manifest/reader.rs",
    "manifest/reference.rs",
    "manifest/source.rs",
    "manifest/tables.rs",
    "canvos/preflight/checks.rs",
    "canvos/preflight/clusterconfig_checks.rs",
    "canvos/preflight/invocation_checks.rs",
    "resolve/lookup.rs",
    "resolve/rules.rs",
    "palette/node.rs",
    "palette/proxy.rs",
    "error/messages.rs",
    "error/messages/",
];

/// What begins a message elsewhere.
const BEGINS: [&str; 5] = [
    "Diagnostic::error(",
    "Diagnostic::warning(",
    ".note(",
    ".help(",
    "Error::Staged {",
];

/// Texts that no entry of the catalogue has, and why.
const ABSENT: [(&str, &str); 26] = [
    (
        "`--json` and `--format {}` ask for two forms of one result",
        "for JSON only",
    ),
    ("leave one of them out", "for JSON only"),
    ("<!doctype html", "looked for in answers"),
    ("missing field", "looked for in the deserialiser's words"),
    ("unknown field", "looked for in the deserialiser's words"),
    ("a sequence", "the deserialiser's word for an array"),
    ("a map", "the deserialiser's word for a table"),
    ("a key is missing", "the deserialiser always names it"),
    (
        "the checkout would embed something else",
        "its traps have words of their own",
    ),
    (
        "profiles.toml is wrong",
        "its problems have words of their own",
    ),
    (
        "see `edgestage --help`",
        "for JSON only; clap prints its own",
    ),
    ("{what} cannot be locked: {why}", NO_LOCKS),
    ("runs on this file system do not see each other", NO_LOCKS),
    (
        "run one edgestage at a time there; for NFS, mount it with locks",
        NO_LOCKS,
    ),
    (
        "it is not in the file",
        "for a file that changes while it is read",
    ),
    (
        "give it the mode 600",
        "for a key file whose name no shell can be given",
    ),
    ("run `chmod u+r {}`", "as root, every file can be read"),
    (
        "a file that the build cannot read is an empty file in the image",
        "as root, every file can be read",
    ),
    (
        "CLUSTERCONFIG names the directory `{path}`, which cannot be read",
        "as root, every directory can be read",
    ),
    (
        "but `{directory}` cannot be read",
        "as root, every directory can be read",
    ),
    (
        "CLUSTERCONFIG is `{shown}`, a pattern that fits too much to tell",
        "it takes thousands of directories",
    ),
    (
        "another file may match it and replace the staged definition in the image",
        "it takes thousands of directories",
    ),
    (
        "embeds no definition",
        "of a checkout that makes cloud images alone",
    ),
    ("`{left}` cannot be removed", OF_ROOT),
    (
        "it is the copy of the checkout that the rehearsal ran in",
        OF_ROOT,
    ),
    ("remove it: `sudo rm -rf {left}`", OF_ROOT),
];
const OF_ROOT: &str = "as root, everything can be removed";
const NO_LOCKS: &str = "a file system without locks is not at hand";

/// The sources below `src`, with their paths from there.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut directories = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                found.push((name.to_owned(), text.to_owned()));
            }
        }
    }
    found.sort();
    found
}

/// The string literals of a source, escapes resolved; comments are left out.
fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (mark, behind) = rest[at..].split_at(1);
        rest = match mark {
            "/" if behind.starts_with('/') => behind.split_once('\n').map_or("", |(_, rest)| rest),
            "'" => character(behind),
            "\"" => {
                let (text, behind) = literal(behind);
                found.push(text);
                behind
            }
            _ => behind,
        };
    }
    found
}

/// Behind a character literal, or a lifetime's mark.
fn character(behind: &str) -> &str {
    let mut chars = behind.char_indices();
    let escaped = behind.starts_with('\\');
    let end = chars.nth(if escaped { 2 } else { 1 });
    match end {
        Some((at, '\'')) => &behind[at + 1..],
        _ => behind,
    }
}

/// A literal up to its closing quote, and what is behind it.
fn literal(behind: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = behind.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek().map(|(_, c)| *c)) {
            ('"', _) => return (text, &behind[at + 1..]),
            ('\\', Some('\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                chars.next();
                text.push('\n');
            }
            ('\\', Some(_)) => text.extend(chars.next().map(|(_, c)| c)),
            _ => text.push(c),
        }
    }
    (text, "")
}

/// The parts of `source` that make messages, each from its beginning to the bracket that
/// closes it.
fn messages(source: &str) -> Vec<&str> {
    let starts = BEGINS
        .iter()
        .flat_map(|begins| source.match_indices(begins));
    let part = |(at, begins): (usize, &str)| {
        let mut depth = 0;
        let inside = &source[at + begins.len() - 1..];
        let end = inside.find(|c| {
            depth += match c {
                '(' | '{' => 1,
                ')' | '}' => -1,
                _ => 0,
            };
            depth == 0
        });
        &inside[..end.unwrap_or(inside.len())]
    };
    starts.map(part).collect()
}

/// The fixed parts of a format string.
fn fixed(text: &str) -> Vec<String> {
    let text = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = Vec::new();
    for (at, piece) in text.split('{').enumerate() {
        let piece = match (at, piece.split_once('}')) {
            (1.., Some((_, piece))) => piece,
            _ => piece,
        };
        parts.push(piece.replace('\u{1}', "{").replace('\u{2}', "}"));
    }
    parts
}

/// Whether `line` has these one after the other.
fn has_all(line: &str, parts: &[String]) -> bool {
    let mut rest = line;
    parts
        .iter()
        .all(|part| match rest.split_once(part.as_str()) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
}

/// Whether a text is one that people read, and not a name or a mark.
fn is_prose(text: &str) -> bool {
    let letters: usize = fixed(text)
        .iter()
        .map(|part| part.chars().filter(char::is_ascii_lowercase).count())
        .sum();
    text.trim().contains(' ') && letters > 3
}

#[test]
fn every_text_of_a_message_is_in_the_catalogue() {
    let catalogue = reviewed();
    let lines: Vec<&str> = catalogue.lines().collect();
    let mut missing = Vec::new();
    let mut texts = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for whole in WHOLE {
        assert!(root.join(whole).exists(), "{whole} has moved");
    }
    for (name, source) in sources() {
        let is_whole = WHOLE.iter().any(|whole| match whole.strip_suffix('/') {
            Some(_) => name.starts_with(whole),
            None => name == *whole,
        });
        let found: Vec<String> = if is_whole {
            literals(&source)
        } else {
            messages(&source).into_iter().flat_map(literals).collect()
        };
        for text in found.into_iter().filter(|text| is_prose(text)) {
            texts += 1;
            let parts = fixed(&text);
            let is_absent = ABSENT.iter().any(|(absent, _)| *absent == text);
            let is_there = lines.iter().any(|line| has_all(line, &parts));
            if is_there == is_absent {
                missing.push(format!("{name}: {text:?}"));
            }
        }
    }
    assert!(texts > 250, "{texts}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_texts_of_a_source_are_found() {
    let source = r#"
        // "a comment"
        let c = '"'; let d = '\''; let life: &'static str = "one \"two\"";
        Diagnostic::error(format!("there is `{}` {{x}} here", "b c"))
            .note("a long \
                   text");
    "#;
    let found = [
        "one \"two\"",
        "there is `{}` {{x}} here",
        "b c",
        "a long text",
    ];
    assert_eq!(literals(source), found);
    let said: Vec<String> = messages(source).into_iter().flat_map(literals).collect();
    assert_eq!(said, found[1..]);
    let parts = fixed(found[1]);
    assert_eq!(parts, ["there is `", "` {x} here"]);
    assert!(has_all("error: there is `a b` {x} here", &parts));
    assert!(!has_all("error: there is `a b` here", &parts));
}
