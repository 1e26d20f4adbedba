//! The questions of `init` at a terminal, and what it does with the answers.

use std::fs;

use palette_sim::{Act, Fault, Pack, Profile, Route, Token, World};

use crate::support::{KEY, Run, Test};

const UP: &str = "\u{1b}[A";
const ESC: &str = "\u{1b}";
const CTRL_C: &str = "\u{3}";

const WAY: &str = "How do you want to choose the cluster profiles?";
const FIRST: &str = "The first profile?";
const NEXT: &str = "The next profile?";
const NAME: &str = "What is this cluster definition called?";
const CANVOS: &str = "Where is the CanvOS checkout?";

/// Returns the keys that erase this many characters.
fn erased(characters: usize) -> String {
    "\u{7f}".repeat(characters)
}

fn empty(world: World) -> Test {
    let test = Test::of(world);
    fs::remove_file(test.path("profiles.toml")).unwrap();
    test
}

fn init<'t>(test: &'t Test, arguments: &str) -> Run<'t> {
    test.run(&format!("init {arguments}"))
        .env("TERM", "xterm-256color")
        // So that what is waited for stands there in one piece.
        .env("NO_COLOR", "1")
}

/// Runs with a key and an address in the environment, like most users.
fn with_palette(test: &Test) -> Run<'_> {
    init(test, "").env("PALETTE_HOST", "{endpoint}")
}

/// Returns the lines of `profiles.toml` without comments and empty lines.
fn lines(test: &Test) -> Vec<String> {
    let text = test.text("profiles.toml");
    let lines = text.lines().map(|line| match line.split_once("  #") {
        Some((line, _)) => line.trim_end().to_owned(),
        None => line.to_owned(),
    });
    lines
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(|line| line.replace(test.sim.url(), "{endpoint}"))
        .collect()
}

#[test]
fn profiles_are_chosen_from_what_palette_has() {
    let test = empty(World::demo());
    let screen = with_palette(&test).in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            ("Which project?", "\r"),
            // The first one, and what a few letters find.
            ("Which profiles?", " "),
            ("[x] edge-infra", "hlouniv"),
            ("] hello-universe", " "),
            ("[x] hello-universe", "\r"),
            (NAME, "store-1\r"),
            (CANVOS, "\r"),
        ],
    );
    assert!(screen.contains("edgestage stage store-1"), "{screen:?}");
    assert_eq!(
        lines(&test),
        [
            "[palette]",
            "endpoint = \"{endpoint}\"",
            "project = \"Default\"",
            "[canvos]",
            "dir = \"CanvOS\"",
            "[definition.store-1]",
            "profiles = [",
            "  \"edge-infra@2.1.0\",",
            "  \"hello-universe@1.2.0\",",
            "]",
        ]
    );
    let text = test.text("profiles.toml");
    assert!(
        text.contains("\"edge-infra@2.1.0\",      # infra\n"),
        "{text}"
    );
    test.run("check -q").any_stdout().success();
}

/// A choice has the name, version, type and day of the last change; only published profiles for
/// edge hosts are offered.
#[test]
fn what_is_offered() {
    let test = empty(World::demo());
    let screen = with_palette(&test).in_a_dialogue(
        1,
        &[
            (WAY, "\r"),
            ("Which project?", "\r"),
            ("tenant-baseline", ESC),
        ],
    );
    for row in [
        "edge-infra       2.1.0  infra   changed 20",
        "edge-infra       2.0.0  infra   changed 20",
        "hello-universe   1.2.0  add-on  changed 20",
        "tenant-baseline  1.0.0  add-on  changed 20",
    ] {
        assert!(screen.contains(row), "{row}: {screen:?}");
    }
    for other in ["edge-gpu", "retail-pos"] {
        assert!(!screen.contains(other), "{screen:?}");
    }
    assert!(
        screen.contains("stopped before anything was written"),
        "{screen:?}"
    );
    assert!(!test.path("profiles.toml").exists());
}

/// The file gets the version that it stands for.
#[test]
fn a_profile_without_a_version_is_offered_as_the_first() {
    let uid = "65c9000000000000000000aa";
    let old = Profile::infra(uid, "aa-old", "").pack(Pack::new("edge-k3s", "k8s", "1"));
    let test = empty(World::demo().profile(old));
    with_palette(&test).in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            ("Which project?", "\r"),
            ("[ ] aa-old           1.0.0  infra", " "),
            ("[x] aa-old", "\r"),
            (NAME, "\r"),
            (CANVOS, "\r"),
        ],
    );
    assert!(lines(&test).contains(&"  \"aa-old@1.0.0\",".to_owned()));
    test.run("check -q").any_stdout().success();
}

/// A user who chooses must know that there are more profiles.
#[test]
fn a_list_that_lacks_some_is_told() {
    let test = empty(World::demo());
    for route in [Route::Projects, Route::Dashboard] {
        let act = Act::ShortList { held: 2, count: 65 };
        test.sim.fault(Fault::on(route, act).forever());
    }
    let screen = with_palette(&test).in_a_dialogue(
        1,
        &[
            (WAY, "\r"),
            ("list of projects is incomplete", ""),
            ("Which project?", "\r"),
            ("list of profiles is incomplete", ""),
            ("Which profiles?", ESC),
        ],
    );
    assert!(screen.contains("it contains 2 of 65 items"), "{screen:?}");
}

/// Repeated pages end the list, and nothing is offered twice.
#[test]
fn pages_that_come_again() {
    for token in [Token::Same, Token::New] {
        let test = empty(World::demo().fleet(60));
        let act = Act::RepeatPage(token);
        test.sim.fault(Fault::on(Route::Dashboard, act).forever());
        with_palette(&test).in_a_dialogue(
            1,
            &[
                (WAY, "\r"),
                ("Which project?", "\r"),
                ("Which profiles?", ESC),
            ],
        );
        let requests = test.sim.requests().into_iter();
        let pages = requests.filter(|request| request.path == "/v1/dashboard/clusterprofiles");
        assert_eq!(pages.count(), 2, "{token:?}");
    }
}

/// Palette returns fifty items at a time.
#[test]
fn more_than_one_page() {
    let profile = |number: usize| {
        Profile::add_on(
            &format!("65c9{number:020}"),
            &format!("many-{number:03}"),
            "1.0.0",
        )
        .pack(Pack::add_on("p", "1"))
    };
    let world = (0..120).fold(World::demo(), |world, number| {
        world.profile(profile(number))
    });
    let test = empty(world);
    with_palette(&test).in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            ("Which project?", "\r"),
            ("Which profiles?", "many-119"),
            ("] many-119", " "),
            ("[x] many-119", "\r"),
            (NAME, "\r"),
            (CANVOS, "\r"),
        ],
    );
    assert!(lines(&test).contains(&"  \"many-119@1.0.0\",".to_owned()));
}

/// The tenant's profiles need no project; a project without any profile says so.
#[test]
fn without_a_project() {
    let test = empty(World::demo());
    let tenant = [
        (WAY, "\r"),
        ("Which project?", UP),
        ("> none: the tenant's profiles only", "\r"),
        ("Which profiles?", " "),
        ("[x] tenant-baseline", "\r"),
        (NAME, "\r"),
        (CANVOS, "../edge\r"),
    ];
    with_palette(&test).in_a_dialogue(0, &tenant);
    assert_eq!(
        lines(&test)[1..4],
        ["endpoint = \"{endpoint}\"", "[canvos]", "dir = \"../edge\""]
    );
    let nothing = World::new("unused").project("5fbbf0c1d2e3f4a5b6c7d8e9", "Empty");
    let test = empty(nothing);
    let screen = with_palette(&test).in_a_dialogue(2, &[(WAY, "\r"), ("Which project?", "\r")]);
    assert!(
        screen.contains("the project `Empty` has no published profile for edge hosts"),
        "{screen:?}"
    );
    assert!(!test.path("profiles.toml").exists());
}

/// The address and the project are in the URLs.
#[test]
fn profiles_are_pasted() {
    let test = empty(World::demo());
    let page = |rest: &str| format!("{}/{rest}\r", test.sim.url());
    let first = page("projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/65c90a1b2c3d4e5f770daee5");
    let second = page("admin/profiles/cluster/65c9660a9c8d7e6f5a4b3c2d");
    let screen = init(&test, "").without_key().in_a_dialogue(
        0,
        &[
            // Without a key Palette cannot be asked.
            (WAY, "\r"),
            (FIRST, "edge-infra\r"),
            ("not a uid, a console URL or name@version", &erased(10)),
            (FIRST, &first),
            (NEXT, &second),
            (NEXT, "\r"),
            (NAME, "a b\r"),
            ("letters, digits", &format!("{}\r", erased(3))),
            (CANVOS, "\r"),
        ],
    );
    assert!(!screen.contains("choose them"), "{screen:?}");
    assert!(screen.contains("export PALETTE_API_KEY"), "{screen:?}");
    let lines = lines(&test);
    assert_eq!(lines[1], "endpoint = \"{endpoint}\"");
    assert_eq!(lines[2], "[canvos]");
    assert_eq!(lines[4], "[definition.factory]");
    test.run("check -q").any_stdout().success();
}

/// What `check` would refuse is refused while the user can still fix it.
#[test]
fn what_does_not_go_together_is_told_at_once() {
    let test = empty(World::demo());
    let page = |project: char, profile: char| {
        format!(
            "{}/projects/5fbbf0c1d2e3f4a5b6c7d8e{project}/profiles/cluster/65c90a1b2c3d4e5f770daee{profile}\r",
            test.sim.url()
        )
    };
    let gone = erased(page('9', '5').len());
    init(&test, "").without_key().in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            (FIRST, &page('9', '5')),
            (NEXT, &page('9', '5')),
            ("it is given already", &gone),
            (NEXT, &page('1', '6')),
            ("it is of another project", &gone),
            (NEXT, "\r"),
            (NAME, "\r"),
            (CANVOS, "~/CanvOS\r"),
            ("write it out", &format!("{}x\r", erased(8))),
        ],
    );
    assert!(lines(&test).contains(&"dir = \"x\"".to_owned()));
    let test = empty(World::demo());
    with_palette(&test).in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            ("Which project?", "\r"),
            ("Which profiles?", "\r"),
            ("choose at least one", " "),
            ("[x] edge-infra       2.1.0", "\u{1b}[B"),
            ("> [ ] edge-infra       2.0.0", " "),
            ("> [x] edge-infra       2.0.0", "\r"),
            ("at most one of them", " "),
            ("> [ ] edge-infra       2.0.0", "\r"),
            (NAME, "\r"),
            (CANVOS, "\r"),
        ],
    );
    test.run("check -q").any_stdout().success();
}

/// Names come from Palette: the key may be one of them, and must appear neither on the screen
/// nor in the file.
#[test]
fn a_profile_that_is_called_like_the_key() {
    let named =
        Profile::add_on("65c9000000000000000000aa", KEY, "1.0.0").pack(Pack::add_on("p", "1"));
    let test = empty(World::demo().profile(named));
    let screen = with_palette(&test).in_a_dialogue(
        6,
        &[
            (WAY, "\r"),
            ("Which project?", "\r"),
            ("Which profiles?", "key"),
            ("] [api key]", " "),
            ("[x] [api key]", "\r"),
            (NAME, "\r"),
            (CANVOS, "\r"),
        ],
    );
    assert!(screen.contains("the API key is a name in it"), "{screen:?}");
    assert!(!test.path("profiles.toml").exists());
}

/// Names do not imply a project, so the user is asked for it.
#[test]
fn the_project_of_names_is_asked_for() {
    let test = empty(World::demo());
    init(&test, "--to plant").without_key().in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            (FIRST, "edge-infra@2.1.0\r"),
            (NEXT, "\r"),
            ("Which project are they in?", "Retail\r"),
            (CANVOS, "\r"),
        ],
    );
    let lines = lines(&test);
    assert_eq!(lines[1], "project = \"Retail\"");
    assert_eq!(lines[4], "[definition.plant]");
}

#[test]
fn later_is_an_answer_too() {
    let test = empty(World::demo());
    let screen = init(&test, "").without_key().in_a_dialogue(
        0,
        &[(WAY, UP), ("> later", "\r"), (NAME, "\r"), (CANVOS, "\r")],
    );
    assert!(screen.contains("edgestage add PROFILE"), "{screen:?}");
    test.run("add edge-infra@2.1.0 -q").success();
    assert!(!test.text("profiles.toml").contains("edge-infra@1.0.0"));
}

#[test]
fn whoever_stops_has_written_nothing() {
    for (keys, code) in [(ESC, 1), (CTRL_C, 130)] {
        for question in [WAY, NAME, CANVOS] {
            let test = empty(World::demo());
            let dialogue: Vec<(&str, &str)> =
                [(WAY, UP), ("> later", "\r"), (NAME, "\r"), (CANVOS, "\r")]
                    .into_iter()
                    .take_while(|(asked, _)| *asked != question)
                    .chain([(question, keys)])
                    .collect();
            let screen = init(&test, "").in_a_dialogue(code, &dialogue);
            let told = screen.contains("stopped before anything was written");
            assert_eq!(told, code == 1, "{screen:?}");
            // The cursor is to be seen again.
            let (_, rest) = screen.rsplit_once("\u{1b}[?25").unwrap();
            assert!(rest.starts_with('h'), "{screen:?}");
            assert!(!test.path("profiles.toml").exists());
        }
    }
}

/// The key press still means that the user wants to stop, even if the signal is ignored.
#[test]
fn ctrl_c_stops_a_dialogue_that_ignores_the_signal() {
    let test = empty(World::demo());
    let run = init(&test, "").prelude("trap '' INT");
    let screen = run.in_a_dialogue(1, &[(WAY, CTRL_C)]);
    assert!(
        screen.contains("stopped before anything was written"),
        "{screen:?}"
    );
    assert!(!test.path("profiles.toml").exists());
}

/// A script, a log, a dumb terminal, and a user who does not want questions.
#[test]
fn nobody_is_asked_who_cannot_answer() {
    for (arguments, term, ci) in [
        ("--no-input", "xterm", ""),
        ("-q", "xterm", ""),
        ("--json", "xterm", ""),
        ("", "dumb", ""),
        ("", "xterm", "true"),
    ] {
        let test = empty(World::demo());
        let run = test
            .run(&format!("init {arguments}"))
            .env("TERM", term)
            .env("CI", ci);
        let screen = run.on_a_terminal(0);
        assert!(!screen.contains('?'), "{screen:?}");
        assert!(test.path("profiles.toml").exists());
    }
    let test = empty(World::demo());
    init(&test, "").any_stdout().any_stderr().success();
    assert!(test.path("profiles.toml").exists());
}

/// A user is not asked six questions in vain.
#[test]
fn a_file_that_is_there_is_told_before_anything_is_asked() {
    let test = Test::new();
    let screen = init(&test, "").on_a_terminal(1);
    assert!(screen.contains("already exists"), "{screen:?}");
    assert!(!screen.contains(WAY), "{screen:?}");
}

/// A key that may not list the projects gives the same error as everywhere else.
#[test]
fn a_key_that_is_refused() {
    let test = empty(World::demo());
    let run = with_palette(&test).env("PALETTE_API_KEY", "another");
    let screen = run.in_a_dialogue(4, &[(WAY, "\r")]);
    assert!(screen.contains("error[key-refused]"), "{screen:?}");
    assert!(!test.path("profiles.toml").exists());
    // The address is asked for where no variable has it.
    let again = format!("{}http://palette.example\r", erased(7));
    let screen = init(&test, "").in_a_dialogue(
        2,
        &[
            (WAY, "\r"),
            ("Where is Palette?", "ftp://x\r"),
            ("the scheme is `ftp`", &again),
        ],
    );
    assert!(screen.contains("is plain HTTP"), "{screen:?}");
}

/// The editing keys of a shell, and text as it is copied from a file or a mail.
#[test]
fn a_line_is_edited_as_in_a_shell() {
    let test = empty(World::demo());
    init(&test, "").without_key().in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            // Ctrl-U, Ctrl-W, Ctrl-A with Ctrl-K, arrows.
            (FIRST, "nonsense\u{15}edge-infra@2.1.0 more\u{17}\r"),
            (NEXT, "x\u{1}\u{b}\"hello-universe@1.2.0\",\r"),
            (NEXT, "  'edge-monitoring@1.4.0'\t\r"),
            (NEXT, " \r"),
            ("Which project are they in?", "Retail \r"),
            (NAME, "tore\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[Ds\r"),
            (CANVOS, " '../fork' \r"),
        ],
    );
    assert_eq!(
        lines(&test),
        [
            "[palette]",
            "project = \"Retail\"",
            "[canvos]",
            "dir = \"../fork\"",
            "[definition.store]",
            "profiles = [",
            "  \"edge-infra@2.1.0\",",
            "  \"hello-universe@1.2.0\",",
            "  \"edge-monitoring@1.4.0\",",
            "]",
        ]
    );
}

/// Several lines are pasted at once.
#[test]
fn lines_that_are_pasted_at_once_are_answers() {
    let test = empty(World::demo());
    let screen = init(&test, "--to plant").without_key().in_a_dialogue(
        0,
        &[
            (WAY, "\r"),
            (
                FIRST,
                "\nedge-infra@2.1.0\nhello-universe@1.2.0\n\nRetail\n",
            ),
            (CANVOS, "\r"),
        ],
    );
    let lines = lines(&test);
    assert_eq!(lines[1], "project = \"Retail\"", "{screen:?}");
    assert_eq!(
        lines[6..8],
        ["  \"edge-infra@2.1.0\",", "  \"hello-universe@1.2.0\","]
    );
}

/// A URL is wider than many terminals: nothing of it is lost, and the lines below the question
/// do not move down the screen.
#[test]
fn an_answer_takes_more_than_one_row() {
    let test = empty(World::demo());
    let url = format!(
        "{}/projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/65c90a1b2c3d4e5f770daee5",
        test.sim.url()
    );
    let line = format!("{url}\r");
    let screen = init(&test, "--to plant").without_key().in_a_dialogue(
        0,
        &[(WAY, "\r"), (FIRST, &line), (NEXT, "\r"), (CANVOS, "\r")],
    );
    assert!(
        lines(&test)
            .iter()
            .any(|line| line.contains("65c90a1b2c3d4e5f770daee5"))
    );
    // What is left in place of the question is broken by the terminal itself.
    let asked = &screen[screen.find("? The first").unwrap()..];
    let asked = &asked[..asked.find("? The next").unwrap()];
    let asked = asked.rsplit_once('\n').unwrap().0.to_owned() + "\n";
    let seen = crate::support::shown(&asked, 200);
    assert_eq!(seen, format!("> {FIRST} {url}\n"));
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    for question in [WAY, FIRST, CANVOS] {
        let test = empty(World::demo());
        let dialogue: Vec<(&str, &str)> = [
            (WAY, "\r"),
            (FIRST, "a@1\r"),
            (NEXT, "\r"),
            ("project", "\r"),
            (NAME, "\r"),
        ]
        .into_iter()
        .take_while(|(asked, _)| *asked != question)
        .chain([(question, "half\u{3}")])
        .collect();
        let screen = init(&test, "").without_key().in_a_dialogue(130, &dialogue);
        // The shell's next prompt begins a line of its own, with nothing below.
        let end = screen.rsplit_once("half").map_or(&*screen, |(_, end)| end);
        assert!(end.contains("\r\n\u{1b}[J"), "{screen:?}");
        assert!(screen.ends_with("\u{1b}[J"), "{screen:?}");
        assert!(!test.path("profiles.toml").exists());
    }
}

#[test]
fn why_there_is_no_list_is_said() {
    let test = empty(World::demo());
    let said = "Note to choose profiles from what Palette has, first `export PALETTE_API_KEY=…`";
    let screen = init(&test, "")
        .without_key()
        .in_a_dialogue(1, &[(said, ""), (WAY, ESC)]);
    assert!(!screen.contains("choose them"), "{screen:?}");
    let said = "Note without `--offline`, profiles can be chosen";
    init(&test, "--offline").in_a_dialogue(1, &[(said, ""), (WAY, ESC)]);
    let screen = with_palette(&test).in_a_dialogue(1, &[("choose them", ESC)]);
    assert!(!screen.contains("Note"), "{screen:?}");
}
