//! What the real programs answered for 736 values, and corner cases that those do not cover.

use std::fs;
use std::os::unix::fs::symlink;

use serde::Deserialize;
use tempfile::TempDir;

use super::*;
use crate::canvos::Placement;
use crate::canvos::preflight::ignore::Found;

/// The files of the checkout that the real programs were run in.
const FILES: [&str; 23] = [
    "a.tgz",
    "b.tgz",
    "sub/b.tgz",
    "sub/deep/c.tgz",
    "edge[1].tgz",
    "edge1.tgz",
    "build/x.tgz",
    "é.tgz",
    "a b.tgz",
    "_u.tgz",
    ".h.tgz",
    "1.tgz",
    "p+q.tgz",
    "^c.tgz",
    "-d.tgz",
    "x{y}.tgz",
    "q?.tgz",
    "a,b.tgz",
    "a:b.tgz",
    "a@b.tgz",
    "a=b.tgz",
    "~t.tgz",
    "dir/in.tgz",
];

/// A checkout, and what a value finds in it.
struct Checkout {
    directory: TempDir,
}

impl Checkout {
    fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory }
    }

    /// The checkout that the real programs were run in.
    fn real() -> Self {
        let checkout = Self::empty();
        let staged = Placement::ALL.map(Placement::path);
        for path in FILES.into_iter().chain(staged) {
            checkout.write(path, path);
        }
        checkout.link("b.tgz", "link.tgz");
        checkout.link("sub", "ldir");
        checkout.write(".earthlyignore", "local/\nbuild/*\n");
        checkout.write("Earthfile", "VERSION 0.6\n");
        checkout
    }

    fn of(files: &[&str]) -> Self {
        let checkout = Self::empty();
        for file in files {
            checkout.write(file, file);
        }
        checkout
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory above")).expect("directories");
        fs::write(path, text).expect("a file");
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.path(path)).expect("a link");
    }

    fn ignore(&self) -> Ignore {
        match ignore::read(self.directory.path()) {
            Ok(Found::Rules(ignore)) => ignore,
            other => panic!("{other:?}"),
        }
    }

    fn resolve(&self, value: &str) -> Copied {
        resolve(value, self.directory.path(), &self.ignore(), &[])
    }

    /// Returns the file that `value` finds.
    fn file(&self, value: &str) -> Option<String> {
        match self.resolve(value) {
            Copied::File { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// What the real programs did with a value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    value: String,
    outcome: String,
    file: Option<String>,
}

#[test]
fn values_find_what_the_real_programs_find() {
    let checkout = Checkout::real();
    let rows = include_str!("../../../../tests/fixtures/real/clusterconfig.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows.lines() {
        let row: Row = serde_json::from_str(row).expect("a row");
        let copied = checkout.resolve(&row.value);
        let (outcome, file) = match &copied {
            // The two staged files are equal.
            Copied::File { path, .. } if Placement::ALL.iter().any(|p| p.path() == path) => {
                ("file", Some("spc.tgz"))
            }
            Copied::File { path, .. } => ("file", Some(path.as_str())),
            Copied::Nothing(_) => ("nothing", None),
            Copied::NotAFile { .. } => ("no-regular-file", None),
            Copied::Fails(_) => ("build-fails", None),
            Copied::Empty { .. } | Copied::Artifact | Copied::Unclear => ("other", None),
        };
        if (outcome, file) != (row.outcome.as_str(), row.file.as_deref()) {
            wrong.push((row, copied));
        }
        count += 1;
    }
    assert_eq!(count, 736);
    assert!(wrong.is_empty(), "{} rows: {wrong:#?}", wrong.len());
}

// What the real programs did in a checkout with these files and links.
#[test]
fn corners_find_what_the_real_programs_find() {
    let checkout = Checkout::of(&[
        "b.tgz",
        "aa.tgz",
        "a|b.tgz",
        "!n.tgz",
        "[s]pc.tgz",
        "spc.tgz",
        "back\\slash.tgz",
        "%C3%A9.tgz",
        "p+q.tgz",
        "x/b+.tgz",
        "x+1/c.tgz",
        "x+Y/c.tgz",
        "edge1.tgz",
        "edge2.tgz",
        "sub/b.tgz",
        "sub/deep/c.tgz",
        "mix1.tgz",
        "mix2/in.tgz",
        "lib/x.tgz",
        "zz/b.tgz",
        "build/x.tgz",
        "build/ok1.tgz",
    ]);
    checkout.link("b.tgz", "link.tgz");
    checkout.link("link.tgz", "l2.tgz");
    checkout.link("/b.tgz", "bz.tgz");
    checkout.link("nowhere", "dang.tgz");
    checkout.link("loop.tgz", "loop.tgz");
    checkout.link("x.tgz", "lib/link-ok");
    checkout.link("nothing", "zz/dangling");
    checkout.write(".earthlyignore", "build/*\n!build/ok*.tgz\n");
    for (value, expected) in [
        ("edge*.tgz", "file:edge2.tgz"),
        ("edge[12].tgz", "file:edge2.tgz"),
        ("edge[^1].tgz", "file:edge2.tgz"),
        // No class of Go's; `!` is a member.
        ("edge[!1].tgz", "file:edge1.tgz"),
        // A class may match a slash.
        ("sub[/]b.tgz", "file:sub/b.tgz"),
        ("sub/*/c.tgz", "file:sub/deep/c.tgz"),
        ("sub/**/c.tgz", "file:sub/deep/c.tgz"),
        ("build/*", "file:build/ok1.tgz"),
        ("build/x.tgz", "nothing"),
        // The pattern of what is copied and that of what is sent must both match; the first has
        // no `|`.
        ("a|b.tgz", "file:a|b.tgz"),
        ("a{2}.tgz", "nothing"),
        ("back\\slash.tgz", "nothing"),
        ("back\\\\slash.tgz", "file:back\\slash.tgz"),
        ("!n.tgz", "nothing"),
        ("[s]pc.tgz", "nothing"),
        ("[s]*.tgz", "nothing"),
        ("é.tgz", "nothing"),
        ("%C3%A9.tgz", "file:%C3%A9.tgz"),
        // A plus sign means an artifact only before a target's name and a slash.
        ("p+q.tgz", "file:p+q.tgz"),
        ("p\\+q.tgz", "file:p+q.tgz"),
        ("x/b+.tgz", "file:x/b+.tgz"),
        ("x+1/c.tgz", "file:x+1/c.tgz"),
        ("x+Y/c.tgz", "file:x+Y/c.tgz"),
        ("x+y/c.tgz", "artifact"),
        ("+y/c.tgz+", "artifact"),
        ("./x+y/c.tgz", "artifact"),
        // Of a link only the link is sent, so that its target has to match as well.
        ("link.tgz", "fails"),
        ("dang*", "fails"),
        ("loop.tgz", "fails"),
        ("b*.tgz", "file:b.tgz"),
        ("[bl]*.tgz", "nothing"),
        ("x/../[bl]*.tgz", "fails"),
        ("lib", "directory"),
        ("lib/*", "file:lib/x.tgz"),
        ("bz.tgz", "fails"),
        ("l*.tgz", "fails"),
        ("x/../[be]*.tgz", "file:edge2.tgz"),
        // The directory has a link that leads nowhere.
        ("zz", "fails"),
        ("zz*", "fails"),
        // A file precedes a directory that would replace it, and the other way round.
        ("mix*", "fails"),
        ("su*", "directory"),
        ("x/../nope.tgz", "fails"),
        ("x/../nope/*", "fails"),
        ("x/../.", "directory"),
        ("s*[", "fails"),
        ("b\\t.tgz", "nothing"),
        ("./", "fails"),
    ] {
        let found = match checkout.resolve(value) {
            Copied::File { path, .. } => format!("file:{path}"),
            Copied::Nothing(_) => "nothing".to_owned(),
            Copied::NotAFile { .. } => "directory".to_owned(),
            Copied::Fails(_) => "fails".to_owned(),
            Copied::Artifact => "artifact".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{value:?}");
    }
}

#[test]
fn of_several_files_the_last_one_stays() {
    let checkout = Checkout::of(&["e/1.tgz", "e/2.tgz", "e-3.tgz", "e.tgz"]);
    // Sorted by name, directory by directory: `e`, `e-3.tgz`, `e.tgz`.
    let copied = checkout.resolve("e*.tgz");
    let (path, replaced) = ("e.tgz".to_owned(), vec!["e-3.tgz".to_owned()]);
    assert_eq!(copied, Copied::File { path, replaced });
    let copied = checkout.resolve("e*/*.tgz");
    let (path, replaced) = ("e/2.tgz".to_owned(), vec!["e/1.tgz".to_owned()]);
    assert_eq!(copied, Copied::File { path, replaced });
}

#[test]
fn what_is_staged_later_counts_as_there() {
    let staged = Placement::ALL.map(Placement::path);
    let overlay = Placement::Overlay.path();
    let checkout = Checkout::of(&["sz.tgz"]);
    let file = |ignore: &str, value: &str| {
        checkout.write(".earthlyignore", ignore);
        match resolve(
            value,
            checkout.directory.path(),
            &checkout.ignore(),
            &staged,
        ) {
            Copied::File { path, .. } => Some(path),
            Copied::Nothing(Missed::Ignored(rule)) => Some(format!("line {}", rule.line)),
            Copied::Nothing(_) => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(checkout.file("spc.tgz"), None);
    assert_eq!(file("", "spc.tgz").as_deref(), Some("spc.tgz"));
    assert_eq!(file("", "./spc.tgz/").as_deref(), Some("spc.tgz"));
    assert_eq!(file("", "s*.tgz").as_deref(), Some("sz.tgz"));
    assert_eq!(file("", "sp*.tgz").as_deref(), Some("spc.tgz"));
    assert_eq!(file("", overlay).as_deref(), Some(overlay));
    assert_eq!(file("", "overlay/*/*/*/*/*").as_deref(), Some(overlay));
    assert_eq!(file("", "SPC.tgz"), None);
    assert_eq!(file("x\n*.tgz\n", "spc.tgz").as_deref(), Some("line 2"));
    assert_eq!(file("overlay\n", overlay).as_deref(), Some("line 1"));
    // A link in its place is replaced; one above it is not.
    checkout.link("nowhere", "spc.tgz");
    assert_eq!(file("", "spc.tgz").as_deref(), Some("spc.tgz"));
    checkout.link("elsewhere", "overlay");
    assert_eq!(file("", overlay), None);
}

#[test]
fn what_cannot_be_read_arrives_empty() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    let checkout = Checkout::of(&["closed.tgz", "closed/b.tgz", "listed/b.tgz"]);
    let _socket = UnixListener::bind(checkout.path("socket.tgz")).expect("a socket");
    let path = "socket.tgz".to_owned();
    let cause = Unread::Socket;
    assert_eq!(
        checkout.resolve("socket.tgz"),
        Copied::Empty { path, cause }
    );

    let set = |path: &str, mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(checkout.path(path), permissions).expect("permissions");
    };
    for (path, mode) in [("closed.tgz", 0o000), ("closed", 0o000), ("listed", 0o444)] {
        set(path, mode);
    }
    let everything = fs::File::open(checkout.path("closed.tgz")).is_ok();
    let file = checkout.resolve("closed.tgz");
    let below = checkout.resolve("closed/b.tgz");
    let listed = checkout.resolve("listed/b.tgz");
    let directory = checkout.resolve("closed");
    let among = checkout.resolve("c*");
    set("closed", 0o700);
    set("listed", 0o700);
    if everything {
        // The superuser reads everything, and so does an Earthly that it starts.
        assert!(matches!(file, Copied::File { .. }), "{file:?}");
        assert!(matches!(below, Copied::File { .. }), "{below:?}");
        assert!(matches!(listed, Copied::File { .. }), "{listed:?}");
        assert!(
            matches!(directory, Copied::NotAFile { .. }),
            "{directory:?}"
        );
        assert!(matches!(among, Copied::NotAFile { .. }), "{among:?}");
        return;
    }
    let path = "closed.tgz".to_owned();
    let cause = Unread::Forbidden;
    assert_eq!(file, Copied::Empty { path, cause });
    let closed = |path: &str| path.to_owned();
    let fails = |path| Copied::Fails(Failure::Closed { path: closed(path) });
    assert_eq!(below, Copied::Nothing(Missed::Closed(closed("closed"))));
    assert_eq!(directory, fails("closed"));
    assert_eq!(among, fails("closed"));
    assert_eq!(listed, fails("listed"));
}

#[test]
fn a_pipe_is_neither_a_file_nor_waited_for() {
    let checkout = Checkout::empty();
    let pipe = checkout.path("pipe.tgz");
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).expect("a pipe");
    let copied = checkout.resolve("pipe.tgz");
    assert!(matches!(copied, Copied::NotAFile { .. }), "{copied:?}");
}

#[test]
fn the_reason_is_named() {
    let checkout = Checkout::of(&["spc.tgz", "b.tgz", "local/l.tgz", "sub/b.tgz"]);
    checkout.link("sub", "ldir");
    checkout.write(".earthlyignore", "local\n");
    let path = |path: &str| path.to_owned();
    for (value, expected) in [
        ("", None),
        ("né.tgz", Some(Missed::NotAscii('é'))),
        ("b.tgz ", Some(Missed::Blank)),
        (" b.tgz", Some(Missed::Blank)),
        ("https://host/b.tgz", Some(Missed::Url)),
        ("~/b.tgz", Some(Missed::Home)),
        ("/b.tgz", Some(Missed::Absolute)),
        ("../b.tgz", Some(Missed::Dots)),
        ("././b.tgz", Some(Missed::Dots)),
        ("b.tgz/.", Some(Missed::Dots)),
        (".", Some(Missed::Dots)),
        ("*.tgz", Some(Missed::Pattern)),
        ("?.tgz", Some(Missed::Pattern)),
        ("[b].tgz", Some(Missed::Pattern)),
        ("!b.tgz", Some(Missed::Pattern)),
        (".//!b.tgz", Some(Missed::Pattern)),
        ("ldir/b.tgz", Some(Missed::BelowLink(path("ldir")))),
        ("SPC.tgz", Some(Missed::OtherCase(path("spc.tgz")))),
        ("Sub/B.TGZ", Some(Missed::OtherCase(path("sub/b.tgz")))),
        ("c.tgz", Some(Missed::Absent)),
        ("sub/c.tgz", Some(Missed::Absent)),
        ("b.tgz/c.tgz", Some(Missed::Absent)),
    ] {
        let missed = match checkout.resolve(value) {
            Copied::Nothing(missed) => Some(missed),
            // An empty value copies the checkout, of which nothing is sent.
            Copied::NotAFile { .. } => None,
            other => panic!("{value:?}: {other:?}"),
        };
        assert_eq!(missed, expected, "{value:?}");
    }
    let ignored = checkout.resolve("local/l.tgz");
    assert!(matches!(&ignored, Copied::Nothing(Missed::Ignored(rule)) if rule.line == 1));
}

#[test]
fn the_failure_is_named() {
    let checkout = Checkout::of(&["b.tgz", "mix1", "mix2/in"]);
    checkout.link("b.tgz", "link.tgz");
    let link = Failure::Link {
        path: "link.tgz".to_owned(),
    };
    let over = Failure::DirectoryOverFile {
        path: "mix2".to_owned(),
    };
    for (value, expected) in [
        ("/", Failure::Crash),
        (".//", Failure::Crash),
        ("-b.tgz", Failure::BadPattern),
        ("^b.tgz", Failure::BadPattern),
        ("b[z-a]", Failure::BadPattern),
        ("b*[", Failure::BadPattern),
        ("!", Failure::BadPattern),
        ("a\tb", Failure::Control),
        ("x/../c.tgz", Failure::NotThere(Missed::Absent)),
        ("x/../é.tgz", Failure::NotThere(Missed::NotAscii('é'))),
        ("link.tgz", link),
        ("mix*", over),
    ] {
        assert_eq!(
            checkout.resolve(value),
            Copied::Fails(expected),
            "{value:?}"
        );
    }
    checkout.write(".earthlyignore", "a\n!\n");
    let copied = checkout.resolve("b.tgz");
    assert!(matches!(
        &copied,
        Copied::Fails(Failure::Rule(rule, RuleFault::Syntax)) if rule.line == 2
    ));
}

#[test]
fn a_directory_is_sent_for_what_is_in_it() {
    let checkout = Checkout::of(&["overlay/files-iso/opt/Readme.txt", "overlay/x", "b.tgz"]);
    let staged = Placement::ALL.map(Placement::path);
    for (rules, sent) in [
        ("", true),
        ("overlay\n", false),
        ("overlay/*\n", false),
        ("overlay/**\n", false),
        ("overlay/files-iso\n", false),
        ("*\n", false),
        // The directory is sent, but nothing in it.
        ("overlay/files-iso/*\n", true),
        ("overlay/files-iso/**\n", true),
        // One file that is taken back is enough.
        ("*\n!overlay/files-iso/opt/Readme.txt\n", true),
        ("overlay\n!**/spc.tgz\n", true),
        ("overlay\n!overlay/x\n", false),
        ("!\n", false),
    ] {
        checkout.write(".earthlyignore", rules);
        let directory = checkout.directory.path();
        for source in [
            "overlay/files-iso",
            "overlay/files-iso/",
            "./overlay/files-iso",
        ] {
            let found = sends_directory(source, directory, &checkout.ignore(), &staged);
            assert_eq!(found, Some(sent), "{rules:?} {source}");
        }
    }
    checkout.write(".earthlyignore", "");
    let directory = checkout.directory.path();
    let sends = |source| sends_directory(source, directory, &checkout.ignore(), &[]);
    assert_eq!(sends("b.tgz"), Some(false));
    assert_eq!(sends("nowhere"), Some(false));
}
