//! What is visible of a run while it continues: bars and spinners on a terminal, periodic lines
//! in a log.

use std::time::Duration;

use palette_sim::{Act, Archive, Fault, Framing, Key, Route, World};

use crate::support::{HEAD, Test, shown};

/// An archive with a length that is known: 29 KiB, which unpack to 400.
fn large() -> Test {
    Test::of(World::demo().archive(Archive {
        padding: 400 << 10,
        framing: Framing::Length,
        ..Archive::default()
    }))
}

/// For as long as a test likes.
const LONG: Duration = Duration::from_secs(600);

/// Three definitions, with a checkout each.
fn fleet(test: Test) -> Test {
    let mut text = HEAD.to_owned();
    for (name, profiles) in [
        ("a", "\"edge-infra@2.1.0\""),
        ("b", "\"edge-infra@2.0.0\""),
        ("c", "\"edge-infra@2.1.0\", \"edge-monitoring@1.4.0\""),
    ] {
        let table = format!("[definition.{name}]\nprofiles = [{profiles}]");
        text.extend(["\n", &table, "\ncanvos = \"CanvOS-", name, "\"\n"]);
        test.checkout(&format!("CanvOS-{name}"));
    }
    test.manifest(&text)
}

/// Nothing but lines with a verb, a path or a word.
#[track_caller]
fn is_log(text: &str) {
    assert!(!text.contains(['\u{1b}', '\r', '\u{8}']), "{text:?}");
}

#[test]
fn a_bar_has_size_speed_and_time_and_goes_without_a_trace() {
    for (columns, bar, left) in [
        (80, "     factory [=", " KiB/s, 1 s left"),
        (60, " KiB/s", " s left"),
        (40, "     factory [=", " %, "),
    ] {
        let test = large().fault(Fault::on(Route::Download, Act::Slow(20 << 10)));
        let mut run = test.run("fetch").on_a_screen(columns, 24);
        run.shows(bar);
        run.shows(left);
        let text = run.ends(0);
        let screen = shown(&text, columns.into());
        let verbs: Vec<&str> = screen
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(&verbs[..4], ["Resolving", "Fetching", "Verified", "Locked"]);
        assert!(!screen.contains('['), "{screen}");
        // Nobody hid the cursor, so nobody has to bring it back.
        assert!(!text.contains("?25"), "{text:?}");
    }
}

/// If the key is given in the place of a name, it is not visible, whether whole or cut to the
/// width.
#[test]
fn the_key_is_in_no_line_that_is_drawn() {
    let key = "twenty-characters-of-it";
    let test = Test::of(World::demo().key(Key::admin(key))).manifest(&format!(
        "{HEAD}\n[definition.{key}]\nprofiles = [\"edge-infra@2.1.0\"]\n"
    ));
    let test = test.fault(Fault::on(Route::Download, Act::Slow(1 << 10)).forever());
    for columns in [80, 30] {
        let run = test.run("fetch").env("PALETTE_API_KEY", key);
        let mut run = run.on_a_screen(columns, 24);
        run.shows("   [api key] ");
        // It is not locked under such a name.
        let text = run.ends(6);
        assert!(!text.contains(&key[..6]), "{text:?}");
    }
}

#[test]
fn a_length_that_nobody_says_gives_no_bar() {
    let test = Test::of(World::demo().archive(Archive {
        padding: 400 << 10,
        framing: Framing::Chunked,
        ..Archive::default()
    }));
    let test = test.fault(Fault::on(Route::Download, Act::Slow(14 << 10)));
    let mut run = test.run("fetch").on_a_screen(80, 24);
    run.shows("     factory 1");
    run.shows(" KiB/s ");
    assert!(!run.ends(0).contains("factory ["));
}

#[test]
fn a_question_that_takes_long_has_a_spinner() {
    let stall = || Act::StallBeforeHead(Duration::from_millis(1500));
    let test = Test::new()
        .fault(Fault::on(Route::Projects, stall()))
        .fault(Fault::on(Route::Download, stall()));
    let mut run = test.run("fetch").on_a_screen(80, 24);
    run.shows("      Asking Palette: GET /v1/dashboard/projects/metadata, 1 s ");
    run.shows("     factory waiting for Palette, 1 s ");
    let screen = shown(&run.ends(0), 80);
    assert!(!screen.contains("Asking"), "{screen}");
    assert!(!screen.contains("waiting"), "{screen}");
}

/// A release build cannot be parked while it holds what the other run waits for.
#[cfg(debug_assertions)]
#[test]
fn a_wait_for_another_run_has_a_spinner_and_signs_of_life() {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    let parked = test.run("stage -q").any_stdout().park_at("checkout-held");
    let mut screen = test.run("stage").on_a_screen(60, 24);
    screen.shows("     Waiting for the checkout, 1 s ");
    let log = test.run("stage").env("EDGESTAGE_HEARTBEAT", "1");
    let mut log = log.any_stdout().any_stderr().start();
    log.says("       Still waiting for the checkout, 1 s\n");
    parked.success();
    let text = screen.ends(0);
    assert!(!shown(&text, 60).contains("1 s "), "{text:?}");
    log.success();
}

#[test]
fn the_time_until_the_next_attempt_is_shown() {
    let test = Test::new().patience("retries = 1");
    let act = Act::status(503).header("Retry-After", "2");
    let test = test.fault(Fault::on(Route::Download, act));
    let mut run = test.run("fetch").on_a_screen(80, 24);
    run.shows("     factory next attempt in 1 s ");
    let screen = shown(&run.ends(0), 80);
    assert!(screen.contains("    Retrying download of `factory` in 2.0 s: "));
    assert!(!screen.contains("next attempt"), "{screen}");
}

#[test]
fn a_fleet_has_a_counter_below_its_bars() {
    let test = fleet(large()).fault(Fault::on(Route::Download, Act::Slow(20 << 10)).forever());
    for command in ["fetch", "stage a b c"] {
        let mut run = test.run(command).on_a_screen(80, 24);
        for text in [
            "           a [",
            "           c [",
            "       Fleet [",
            "] 0 of 3, ",
        ] {
            run.shows(text);
        }
        let screen = shown(&run.ends(0), 80);
        assert!(!screen.contains("Fleet"), "{screen}");
        test.forget_cache();
    }
    // Two lines: the counter, and all the bars.
    let mut run = test.run("update -j 3").on_a_screen(40, 3);
    run.shows("             3 more downloads");
    shown(&run.ends(0), 40);
    let test = test.fault(Fault::on(
        Route::Projects,
        Act::StallBeforeHead(Duration::from_secs(1)),
    ));
    let mut run = test.run("check").on_a_screen(80, 24);
    run.shows("       Fleet [");
    shown(&run.ends(0), 80);
}

/// The terminal wraps the drawn lines again: three bars above the counter take two rows each.
#[test]
fn a_terminal_may_change_its_size_on_the_way() {
    let test = fleet(large()).fault(Fault::on(Route::Download, Act::Slow(6 << 10)).forever());
    let mut run = test.run("fetch").on_a_screen(80, 24);
    // On a busy machine the three do not begin at once.
    for bar in ["a", "b", "c"] {
        run.shows(&format!("           {bar} ["));
    }
    run.shows(" KiB/s, ");
    run.resize(40, 24);
    run.shows("           c [");
    run.resize(120, 24);
    run.shows("           c [");
    let text = run.ends(0);
    assert_eq!(text.matches("\r\u{1b}[6A").count(), 1, "{text:?}");
    assert!(text.contains("\r\u{1b}[3A"), "{text:?}");
}

#[test]
fn ctrl_c_leaves_a_clean_line_and_the_cursor() {
    let test = large().fault(Fault::on(Route::Download, Act::StallInBody(10 << 10, LONG)));
    let mut run = test.run("fetch").on_a_screen(40, 24);
    run.shows("     factory [");
    let text = run.interrupt();
    let screen = shown(&text, 40);
    assert_eq!(screen, "   Resolving factory\n    Fetching factory\n");
    assert!(!text.contains("?25"), "{text:?}");
    // Nothing is in the way of the next run.
    test.sim.clear_faults();
    test.run("stage -q").any_stdout().success();
}

#[test]
fn a_log_says_now_and_then_that_it_is_alive() {
    let test = large()
        .fault(Fault::on(
            Route::Projects,
            Act::StallBeforeHead(Duration::from_millis(1500)),
        ))
        .fault(Fault::on(Route::Download, Act::Slow(9 << 10)));
    let done = test
        .run("fetch")
        .env("EDGESTAGE_HEARTBEAT", "1")
        .any_stdout()
        .stderr_has("       Still asking Palette: GET /v1/dashboard/projects/metadata, 1 s\n")
        .stderr_has("       Still downloading factory: ")
        .success();
    is_log(&done.stderr);
    let size = done.stderr.split("downloading factory: ").nth(1).unwrap();
    let size = size.lines().next().unwrap();
    assert!(
        size.contains(" KiB of 29.") && size.ends_with(" s"),
        "{size}"
    );
}

#[test]
fn a_log_that_is_quiet_stays_so() {
    let stalled = || large().fault(Fault::on(Route::Download, Act::Slow(30 << 10)));
    let run = |command: &str, silence: &str| {
        let test = stalled();
        let run = test.run(command).env("EDGESTAGE_HEARTBEAT", silence);
        run.any_stdout().any_stderr().success().stderr
    };
    assert_eq!(run("fetch -q", "1"), "");
    for silence in ["0", "15", ""] {
        let said = run("fetch", silence);
        assert!(
            said.contains("Fetching") && !said.contains("Still"),
            "{said}"
        );
    }
    let test = Test::new();
    test.run("list")
        .env("EDGESTAGE_HEARTBEAT", "often")
        .error("invalid-variable")
        .stderr_has("`EDGESTAGE_HEARTBEAT`")
        .fails(2);
}

#[test]
fn a_log_of_a_fleet_has_one_line_for_all() {
    let test = fleet(large()).fault(Fault::on(Route::Download, Act::Slow(9 << 10)).forever());
    let run = test.run("fetch").env("EDGESTAGE_HEARTBEAT", "1");
    run.any_stdout()
        .stderr_has("       Still working: 0 of 3 done, 3 downloads, ")
        .success();
}

/// A CI job has a pseudo-terminal, or a terminal that ignores escape sequences.
#[test]
fn a_plain_terminal_is_a_log() {
    for (name, value) in [("CI", "true"), ("TERM", "dumb")] {
        let test = large().fault(Fault::on(Route::Download, Act::Slow(14 << 10)));
        let run = test.run("fetch").env("TERM", "xterm").env(name, value);
        let text = run.env("EDGESTAGE_HEARTBEAT", "1").on_a_terminal(0);
        is_log(&text.replace("\r\n", "\n"));
        assert!(text.contains("Still downloading factory: "), "{text}");
    }
}
