//! The output on a person's terminal, on a dumb terminal, in a log, and without any reader.

use palette_sim::{Act, Archive, Fault, Route, World};

use crate::support::{Run, Test, shown};

/// A download of 20 KiB that takes long enough for a bar to be drawn more than once.
fn slow() -> Test {
    let archive = Archive {
        padding: 256 << 10,
        ..Archive::default()
    };
    let test = Test::of(World::demo().archive(archive));
    test.fault(Fault::on(Route::Download, Act::Slow(32 << 10)).forever())
}

/// How the line of a download begins.
const BAR: &str = "     factory";

/// A run in a terminal that can do everything.
fn xterm<'t>(test: &'t Test, command: &str) -> Run<'t> {
    test.run(command).env("TERM", "xterm-256color")
}

/// Checks that a text has no escape sequences, line by line.
#[track_caller]
fn is_plain(text: &str) {
    assert!(!text.is_empty());
    // A terminal's driver ends lines with both.
    let text = text.replace("\r\n", "\n");
    assert!(!text.contains(['\u{1b}', '\r', '\u{8}']), "{text:?}");
}

/// Whether a text has a Select Graphic Rendition other than the one that resets all.
fn is_coloured(text: &str) -> bool {
    let sequences = text.split("\u{1b}[").skip(1);
    let codes = sequences.filter_map(|rest| rest.split_once('m').map(|(code, _)| code));
    codes
        .filter(|code| !code.is_empty() && *code != "0")
        .any(|code| {
            code.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';')
        })
}

#[test]
fn a_terminal_has_colours_and_a_bar() {
    let test = slow();
    let text = xterm(&test, "fetch").on_a_terminal(0);
    assert!(is_coloured(&text), "{text:?}");
    assert!(text.contains(BAR), "{text:?}");
    assert!(!shown(&text, 80).contains(BAR), "{text:?}");
    let error = xterm(&test, "stag").on_a_terminal(2);
    assert!(is_coloured(&error), "{error:?}");
}

#[test]
fn quiet_draws_no_bar() {
    let test = slow();
    let text = xterm(&test, "fetch -q").on_a_terminal(0);
    is_plain(&text);
    assert_eq!(text.lines().count(), 1, "{text:?}");
}

#[test]
fn no_color_takes_the_colours_away() {
    let test = slow();
    for value in ["1", "yes"] {
        let run = xterm(&test, "update").env("NO_COLOR", value);
        let text = run.on_a_terminal(0);
        assert!(!is_coloured(&text), "{text:?}");
        assert!(text.contains("Fetching factory"), "{text:?}");
    }
    let run = xterm(&test, "stag").env("NO_COLOR", "1");
    is_plain(&run.on_a_terminal(2));
    // Set to nothing it is not set (no-color.org), and a flag beats it.
    let text = xterm(&test, "list").env("NO_COLOR", "").arg("nobody");
    assert!(is_coloured(&text.on_a_terminal(2)));
    let run = xterm(&test, "list nobody --color always").env("NO_COLOR", "1");
    assert!(is_coloured(&run.on_a_terminal(2)));
    let run = xterm(&test, "list nobody --color never");
    is_plain(&run.on_a_terminal(2));
}

/// A dumb terminal, a terminal without a name, and the logs of CI jobs, which some runners
/// write through a pseudo-terminal.
#[test]
fn where_nothing_obeys_escape_sequences() {
    let test = slow();
    for variables in [
        &[("TERM", "dumb")][..],
        &[("TERM", "dumb"), ("CI", "true")],
        &[("TERM", "dumb"), ("COLORTERM", "truecolor")],
        &[],
        &[("CI", "true")],
        &[("TERM", "xterm-256color"), ("CI", "true")],
        &[("TERM", "xterm-256color"), ("CI", "woodpecker")],
    ] {
        for (command, code) in [
            ("update", 0),
            ("list nobody", 2),
            ("stag", 2),
            ("--help", 0),
        ] {
            let run = variables
                .iter()
                .fold(test.run(command), |run, (name, value)| run.env(name, value));
            is_plain(&run.on_a_terminal(code));
        }
    }
    let run = test.run("list nobody").env("TERM", "dumb");
    assert!(is_coloured(
        &run.env("CLICOLOR_FORCE", "1").on_a_terminal(2)
    ));
    let run = xterm(&test, "list nobody").env("CI", "false");
    assert!(is_coloured(&run.on_a_terminal(2)));
}

/// The output is not a terminal: a bar would be a line for every step.
#[test]
fn a_log_has_neither_colours_nor_bars() {
    let test = slow();
    let run = xterm(&test, "update").any_stdout().any_stderr();
    let done = run.success();
    is_plain(&done.stderr);
    is_plain(&done.stdout);
    assert!(!done.stderr.contains(BAR), "{}", done.stderr);
}

/// Cron and daemons start programs in this way. The next file that is opened must not take the
/// place of a stream: if a staged file had the number of standard output, the result would be
/// written into it.
#[test]
fn streams_that_are_closed_from_the_start() {
    for closed in [
        "exec <&-",
        "exec >&-",
        "exec 2>&-",
        "exec >&- 2>&-",
        "exec <&- >&-",
        "exec <&- 2>&-",
        "exec <&- >&- 2>&-",
    ] {
        let test = Test::new();
        let quiet = |command| test.run(command).prelude(closed).any_stdout().any_stderr();
        quiet("stage").success();
        let staged = test.staged();
        assert!(flate2::read::GzDecoder::new(&staged[..]).header().is_some());
        quiet("stage --json").keeps_files().success();
        quiet("verify").keeps_files().success();
        quiet("stage nobody").keeps_files().fails(2);
        test.put("CanvOS/spc.tgz", "x");
        quiet("verify").keeps_files().fails(3);
        quiet("stage").success();
        assert_eq!(test.staged(), staged);
    }
}

/// Both readers go away.
#[test]
fn streams_that_are_closed_on_the_way() {
    let test = Test::new();
    for (command, code) in [
        ("stage -v", 0),
        ("list nobody", 2),
        ("--help", 0),
        ("stag", 2),
    ] {
        let mut child = test.run(command).spawn();
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{command}: {status}");
    }
    test.run("verify").any_stdout().success();
}

/// The work is done, but the reader of the result must not mistake its absence for success.
#[test]
fn a_result_that_cannot_be_written() {
    let test = Test::new();
    for command in [
        "stage",
        "fetch",
        "show",
        "list",
        "stage --json",
        "show --json",
    ] {
        test.run(command)
            .prelude("exec >/dev/full")
            .error("output-failed")
            .stderr_has("cannot write to standard output: no space left on device")
            .fails(1);
    }
    test.run("verify").any_stdout().success();
    // What is worse decides, and is said as well.
    test.put("CanvOS/spc.tgz", "x");
    test.run("verify")
        .prelude("exec >/dev/full")
        .error("output-failed")
        .error("staged-differs")
        .stderr_has("the staged files differ from the locked `factory`")
        .fails(3);
    // Messages are lost without harm.
    test.run("stage -v")
        .prelude("exec 2>/dev/full")
        .any_stdout()
        .success();
}
