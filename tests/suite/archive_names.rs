//! Names in archives that people, terminals or file systems may misinterpret.

use palette_sim::{Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Route};

use crate::support::crafted_archives::{Crafted, DIRECTORY, LINK, PAX, SIZE, SUM};
use crate::support::{Test, content_sha256, profile_directory};

fn good() -> Crafted {
    Crafted::good()
}

/// Names that only some file systems distinguish are different files, as on the host: the
/// comparison is by bytes, and nothing is unpacked here.
#[test]
fn names_that_some_file_systems_merge() {
    for (one, other) in [
        ("spc/Values.yaml", "spc/values.yaml"),
        ("spc/stra\u{df}e", "spc/STRASSE"),
        ("spc/caf\u{e9}", "spc/cafe\u{301}"),
        ("spc/\u{fb01}le", "spc/file"),
        ("spc/a.", "spc/a "),
    ] {
        let both = good()
            .file(one.as_bytes(), b"one")
            .file(other.as_bytes(), b"other")
            .gzip();
        let test = Test::new().write("odd.tgz", &both);
        let shown = test.run("show odd.tgz --json").any_stdout().success();
        assert_eq!(shown.json()["content_sha256"], content_sha256(&both));
        let swapped = good()
            .file(one.as_bytes(), b"other")
            .file(other.as_bytes(), b"one");
        assert_ne!(content_sha256(&both), content_sha256(&swapped.gzip()));
    }
    // The profiles are those that were asked for, to the letter.
    let upper = EDGE_INFRA_2_1_0.to_uppercase();
    let uids = [EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, &upper];
    let tar = uids.iter().fold(good(), |tar, uid| {
        tar.entry(DIRECTORY, profile_directory(uid).as_bytes(), b"")
    });
    let test = Test::new().fault(Fault::on(Route::Download, Act::Bytes(tar.gzip())));
    test.run("stage -q")
        .error("archive-refused")
        .stderr_has(&format!("unexpected {upper}"))
        .keeps_files()
        .fails(6);
}

/// Characters that a terminal would interpret, and characters that a reader would not see.
const ODD: &str = "\u{1b}[2J\u{7}\u{8}\u{9b}5m\u{202e}\u{200b}\u{61c}\u{e0041}";

#[track_caller]
fn is_printable(text: &str) {
    for c in ODD
        .chars()
        .filter(|c| !c.is_ascii_graphic() && *c != '\u{1b}')
    {
        assert!(!text.contains(c), "{c:?} in {text:?}");
    }
    // Colours are our own.
    assert!(!text.contains("\u{1b}[2J"), "{text:?}");
}

/// Colors are switched on; without them, escape sequences are filtered from all output.
#[test]
fn names_are_escaped_in_what_is_said() {
    let name = format!("spc/{ODD}");
    let odd = name.as_bytes();
    let profile = profile_directory(ODD);
    let refused = [
        good().file(odd, b"").file(odd, b""),
        good().file(&[b"/", odd].concat(), b""),
        good().link(LINK, odd, b"/x"),
        good().link(LINK, b"spc/l", &[b"/", odd].concat()),
        good().link(b'3', odd, b""),
        good().file(odd, b"").set(SIZE, b"x\x1b[2J\r"),
        good().file(odd, b"").set(SUM, b"\x1b[2J\r"),
        good().entry(DIRECTORY, profile.as_bytes(), b""),
    ];
    let test = Test::new();
    for tar in refused {
        let act = Act::Bytes(tar.gzip());
        test.sim.clear_faults();
        test.sim.fault(Fault::on(Route::Download, act).forever());
        let run = test.run("fetch --color always").any_stderr().keeps_files();
        is_printable(&run.fails(6).stderr);
    }
    // Its first bytes are shown of what is not an archive at all.
    let act = Act::Bytes(format!("{ODD}\0{{}}").into_bytes());
    test.sim.clear_faults();
    test.sim.fault(Fault::on(Route::Download, act));
    let run = test.run("fetch --color always").any_stderr();
    is_printable(&run.fails(6).stderr);
}

/// Returns an archive of the two profiles with these additional files.
fn definition(files: &[(&[u8], &[u8])]) -> Vec<u8> {
    let uids = [EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0];
    let tar = uids.iter().fold(good(), |tar, uid| {
        tar.entry(DIRECTORY, profile_directory(uid).as_bytes(), b"")
    });
    let all = files
        .iter()
        .fold(tar, |tar, (path, content)| tar.file(path, content));
    all.gzip()
}

/// The archive is accepted; the output is about its changed files and its variables.
#[test]
fn names_are_escaped_in_results() {
    let quoted = serde_json::to_string(ODD).unwrap();
    let json = format!(
        r#"{{"variables":[{{"name":{quoted},"displayName":{quoted},"defaultValue":{quoted},"format":{quoted}}}]}}"#
    );
    let variables = format!("{}variables.json", profile_directory(EDGE_INFRA_2_1_0));
    let serve = |content: &str| {
        definition(&[
            (format!("spc/{ODD}").as_bytes(), content.as_bytes()),
            (b"spc/\xff\xfe\n", content.as_bytes()),
            (variables.as_bytes(), json.as_bytes()),
        ])
    };
    let test = Test::new().fault(Fault::on(Route::Download, Act::Bytes(serve("1"))));
    test.run("stage -q").any_stdout().success();
    let run = test.run("show --color always").any_stdout();
    let shown = run.success().stdout;
    is_printable(&shown);
    assert!(shown.contains("\\u{1b}[2J"), "{shown}");
    let act = Act::Bytes(serve(ODD));
    test.sim.fault(Fault::on(Route::Download, act).forever());
    for (command, code) in [("diff -v", 3), ("fetch", 3), ("update", 0)] {
        let run = test.run(command).arg("--color").arg("always");
        let run = run.any_stdout().any_stderr();
        let done = match code {
            0 => run.success(),
            code => run.fails(code),
        };
        is_printable(&done.stdout);
        is_printable(&done.stderr);
        let said = done.stdout + &done.stderr;
        assert!(said.contains("spc/\\xff\\xfe\\n"), "{command}: {said}");
    }
    let run = test.run("show --json --color always").any_stdout();
    run.success().json();
}

/// A path with a newline in an extended header is a path like any other. One that is not UTF-8
/// requires a record that says so.
#[test]
fn odd_names_are_read_to_the_letter() {
    for path in [
        &b"spc/new\nline"[..],
        b"spc/\xff\xfe",
        b"spc/ leading and trailing ",
        b"spc/-rf",
        b"spc/back\\slash",
        b"spc/..hidden",
        b"spc/.../x",
    ] {
        let test = Test::new();
        let tar = match str::from_utf8(path) {
            Ok(_) => good().pax(PAX, &[(b"path", path)]),
            Err(_) => good().pax(PAX, &[(b"path", path), (b"hdrcharset", b"BINARY")]),
        };
        test.put("long.tgz", tar.file(b"short", b"x").gzip());
        test.put("plain.tgz", good().file(path, b"x").gzip());
        let content = |file: &str| {
            let run = test.run("show --json").arg(file).any_stdout();
            run.success().json()["content_sha256"].to_string()
        };
        assert_eq!(content("long.tgz"), content("plain.tgz"));
    }
}
