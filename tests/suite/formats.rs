//! `--format` of `show`, `diff` and `list`: for a terminal, for machines, and for a comment on
//! a merge request.

use palette_sim::{HELLO_UNIVERSE_1_2_0, Pack, Variable, World};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::support::{FACTORY, HEAD, Test};

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";

/// Names that would be something else in a comment.
const HOSTILE: [&str; 12] = [
    "a|b",
    "a\\|b|c\\",
    "`a` ``b``",
    "``` ```",
    " a ",
    "@team/leads #12 !34 $5 %6 &7 ~8 GH-9",
    "https://e.example www.e.example x@e.example",
    "[a](https://e.example) ![b](c) <https://e.example>",
    "<img src=x onerror=alert(1)></details><!-- &amp; &#124;",
    "**a** _b_ ~~c~~ # d\\",
    "/close",
    "line\nline\n| --- |\u{202e}\u{1b}[2J",
];

/// As it is to be read: nothing is hidden, everything on one line.
fn said(hostile: &str) -> String {
    let odd = |c: &char| c.is_control() || *c == '\u{202e}';
    let shown = hostile.chars().map(|c| match c {
        c if odd(&c) => c.escape_default().to_string(),
        c => c.to_string(),
    });
    // A pipe behind a backslash is told by its number.
    shown.collect::<String>().replace("\\|", "\\\\u{7c}")
}

/// What a reader of the comment gets: the cells of its tables, row by row, and the blocks
/// of code. Of HTML there is only what folds a file away, and nothing is a link.
#[derive(Default)]
struct Comment {
    rows: Vec<Vec<String>>,
    blocks: Vec<String>,
    summaries: Vec<String>,
}

#[track_caller]
fn read(markdown: &str) -> Comment {
    let mut comment = Comment::default();
    let (mut cell, mut block) = (None::<String>, None::<String>);
    for event in Parser::new_ext(
        markdown,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH,
    ) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => comment.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::End(TagEnd::TableCell) => {
                comment.rows.last_mut().unwrap().extend(cell.take());
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) => {
                assert_eq!(&*kind, "diff");
                block = Some(String::new());
            }
            Event::End(TagEnd::CodeBlock) => comment.blocks.extend(block.take()),
            Event::Code(code) => cell.iter_mut().for_each(|cell| cell.push_str(&code)),
            Event::Text(text) => match (&mut block, &mut cell) {
                (Some(block), _) => block.push_str(&text),
                (None, Some(cell)) => cell.push_str(&text),
                // A heading or a paragraph.
                (None, None) => assert!(!text.contains(['|', '`', '<', '@']), "{text}"),
            },
            Event::Html(html) => {
                let html = html.trim_end();
                let summary = html.strip_prefix("<summary><code>");
                match summary.and_then(|html| html.strip_suffix("</code></summary>")) {
                    Some(path) => {
                        assert!(!path.contains(['<', '>']), "{path}");
                        comment.summaries.push(path.to_owned());
                    }
                    None => assert!(["<details>", "</details>"].contains(&html), "{html}"),
                }
            }
            Event::InlineHtml(html) => panic!("{html}"),
            Event::Start(
                Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::List(_)
                | Tag::Item
                | Tag::BlockQuote(_),
            ) => panic!("{event:?}"),
            _ => {}
        }
    }
    comment
}

/// Staged, and then two packs and a file changed in Palette, one came and one went.
fn drifted() -> Test {
    let test = Test::new().stage();
    test.sim.world(|world| {
        world.publish("edge-k3s", "1.31.1");
        let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        hello.packs[0].name = "hello".into();
        hello.variables.truncate(2);
    });
    test
}

#[test]
fn a_definition_as_tables() {
    let test = Test::new().stage();
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    let locked = &lock["definition"]["factory"];
    let text = |key: &str| locked[key].as_str().unwrap().to_owned();
    let size = locked["size"].as_integer().unwrap();
    let expected = format!(
        "definition      factory\n\
         content-sha256  {}\n\
         archive sha256  {}\n\
         archive size    {}.{} KiB ({size} bytes)\n\
         endpoint        {{endpoint}}\n\
         project         Default (5fbbf0c1d2e3f4a5b6c7d8e9)\n\
         lock            current\n\
         \n\
         profile         version  type    uid\n\
         edge-infra      2.1.0    infra   65c90a1b2c3d4e5f770daee5\n\
         hello-universe  1.2.0    add-on  65c92d0f4b3c2e1a8d7f6a90\n\
         \n\
         layer  pack              version  profile\n\
         os     edge-native-byoi  2.1.0    edge-infra@2.1.0\n\
         k8s    edge-k3s          1.30.4   edge-infra@2.1.0\n\
         cni    cni-flannel       0.26.1   edge-infra@2.1.0\n\
         addon  hello-universe    1.2.0    hello-universe@1.2.0\n\
         \n\
         The operator is asked for\n\
         variable    shown as           format  default         required  profile\n\
         namespace   Namespace          string  hello-universe  yes       hello-universe@1.2.0\n\
         port        Port               number  8080            yes       hello-universe@1.2.0\n\
         dbPassword  Database password  string  (sensitive)               hello-universe@1.2.0\n\
         gateway     Gateway            ipv4    192.168.10.1              hello-universe@1.2.0\n",
        text("content-sha256"),
        text("sha256"),
        size / 1024,
        size * 10 / 1024 % 10,
    );
    for command in ["show", "show --format table", "show factory --format=table"] {
        test.run(command).stdout(&expected).keeps_files().success();
    }
}

#[test]
fn a_definition_as_a_comment() {
    let test = Test::new().stage();
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    let locked = &lock["definition"]["factory"];
    let text = |key: &str| locked[key].as_str().unwrap().to_owned();
    let size = locked["size"].as_integer().unwrap();
    test.run("show --format markdown")
        .stdout(&format!(
            "### `factory`\n\
             \n\
             | fact | value |\n\
             | --- | --- |\n\
             | definition | `factory` |\n\
             | content-sha256 | `{}` |\n\
             | archive sha256 | `{}` |\n\
             | archive size | `{}.{} KiB ({size} bytes)` |\n\
             | endpoint | `{{endpoint}}` |\n\
             | project | `Default (5fbbf0c1d2e3f4a5b6c7d8e9)` |\n\
             | lock | `current` |\n\
             \n\
             | profile | version | type | uid |\n\
             | --- | --- | --- | --- |\n\
             | `edge-infra` | `2.1.0` | `infra` | `65c90a1b2c3d4e5f770daee5` |\n\
             | `hello-universe` | `1.2.0` | `add-on` | `65c92d0f4b3c2e1a8d7f6a90` |\n\
             \n\
             | layer | pack | version | profile |\n\
             | --- | --- | --- | --- |\n\
             | `os` | `edge-native-byoi` | `2.1.0` | `edge-infra@2.1.0` |\n\
             | `k8s` | `edge-k3s` | `1.30.4` | `edge-infra@2.1.0` |\n\
             | `cni` | `cni-flannel` | `0.26.1` | `edge-infra@2.1.0` |\n\
             | `addon` | `hello-universe` | `1.2.0` | `hello-universe@1.2.0` |\n\
             \n\
             The operator is asked for:\n\
             \n\
             | variable | shown as | format | default | required | profile |\n\
             | --- | --- | --- | --- | --- | --- |\n\
             | `namespace` | `Namespace` | `string` | `hello-universe` | yes | `hello-universe@1.2.0` |\n\
             | `port` | `Port` | `number` | `8080` | yes | `hello-universe@1.2.0` |\n\
             | `dbPassword` | `Database password` | `string` | `(sensitive)` |  | `hello-universe@1.2.0` |\n\
             | `gateway` | `Gateway` | `ipv4` | `192.168.10.1` |  | `hello-universe@1.2.0` |\n",
            text("content-sha256"),
            text("sha256"),
            size / 1024,
            size * 10 / 1024 % 10,
        ))
        .keeps_files()
        .success();
    test.forget_cache();
    test.run("show -q --format markdown")
        .stdout_has("\n`hello-universe@1.2.0`: variables not known\n")
        .success();
}

#[test]
fn changes_as_a_comment_with_the_files_folded_away() {
    let test = drifted();
    let done = test
        .run("diff -q -j 1 --format markdown")
        .stdout(
            "### `factory` differs from its lock\n\
             \n\
             | change | part | name | detail | profile |\n\
             | --- | --- | --- | --- | --- |\n\
             | changed | `k8s` | `edge-k3s` | `1.30.4 → 1.31.1` | `edge-infra@2.1.0` |\n\
             | removed | `addon` | `hello-universe` | `1.2.0` | `hello-universe@1.2.0` |\n\
             | added | `addon` | `hello` | `1.2.0` | `hello-universe@1.2.0` |\n\
             | changed | variables | `variables.json` |  | `hello-universe@1.2.0` |\n\
             | changed | file | `packs/edge-k3s/values.yaml` |  | `edge-infra@2.1.0` |\n\
             | changed | file | `profile.json` |  | `edge-infra@2.1.0` |\n\
             | removed | file | `packs/hello-universe/values.yaml` |  | `hello-universe@1.2.0` |\n\
             | added | file | `packs/hello/values.yaml` |  | `hello-universe@1.2.0` |\n\
             | changed | file | `profile.json` |  | `hello-universe@1.2.0` |\n",
        )
        .error("drift")
        .stderr_has("`factory`")
        .fails(3);
    done.says("edgestage update factory", 1);
    let run = test.run("diff -v --format markdown").any_stderr();
    let text = run.any_stdout().fails(3).stdout;
    let comment = read(&text);
    assert_eq!(comment.summaries.len(), 6);
    assert_eq!(comment.blocks.len(), 6);
    assert!(comment.summaries[0].ends_with("/packs/edge-k3s/values.yaml"));
    assert!(comment.blocks[0].starts_with("--- locked/spc/app/profiles/65c9"));
    assert!(!text.contains("changeme"));
}

#[test]
fn what_did_not_change_is_a_line() {
    let test = Test::new().manifest(&format!(
        "{HEAD}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]\n\
         [definition.store]\nprofiles = [\"edge-infra@2.0.0\"]\n"
    ));
    test.run("fetch -q").any_stdout().success();
    test.run("diff -q --format markdown")
        .stdout("`factory`: no change\n\n`store`: no change\n")
        .success();
    test.run("list --format markdown factory")
        .stdout_has("| definition | canvos | profiles | content | size | lock |\n")
        .stdout_has("\n| `factory` | `CanvOS` | 1 | `")
        .stdout_has(" | current |\n")
        .success();
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    test.run("diff -q --format markdown")
        .stdout_has("\nThe lock is outdated: profiles.toml has changed since it was locked.\n")
        .any_stderr()
        .fails(3);
}

#[test]
fn what_is_not_locked_yet_has_a_heading() {
    let factory = format!("[definition.factory]\n{FACTORY}\n");
    let test = Test::new().manifest(&format!("{HEAD}{factory}"));
    test.run("fetch -q").any_stdout().success();
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.0.0\"]\n";
    let test = test.manifest(&format!("{HEAD}{factory}{store}"));
    let expected = "### `store` is not locked yet\n\nThere is nothing to compare with: all that it has is new.\n";
    test.run("diff -q --format markdown store")
        .stdout(expected)
        .error("not-locked")
        .fails(3);
    test.run("diff -q --format markdown")
        .stdout_has(&format!("`factory`: no change\n\n{expected}"))
        .any_stderr()
        .fails(3);
}

/// Names come from anybody who may edit a profile; a comment is posted with the rights of
/// another account.
#[test]
fn names_from_outside_are_only_names_in_a_comment() {
    for hostile in HOSTILE {
        let mut world = World::demo();
        let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        hello.name = hostile.trim().into();
        hello.packs[0] = Pack::add_on(hostile, hostile).values("a: 1\n");
        let mut variable = Variable::new(hostile).default_value(hostile);
        variable.description = hostile.into();
        hello.variables = vec![variable];
        let test = Test::of(world)
            .definition(&format!(
                "profiles = [\"edge-infra@2.1.0\", \"{HELLO_UNIVERSE_1_2_0}\"]"
            ))
            .stage();
        let show = test
            .run("show --format markdown")
            .any_stdout()
            .success()
            .stdout;
        let comment = read(&show);
        let widths: Vec<usize> = comment.rows.iter().map(Vec::len).collect();
        assert_eq!(
            widths,
            [[2; 8].as_slice(), &[4; 8], &[5; 2]].concat(),
            "{show}"
        );
        let variable = comment.rows.last().unwrap();
        assert_eq!(variable[0], said(hostile), "{show}");
        assert_eq!(variable[2], said(hostile));
        let pack = &comment.rows[15];
        assert_eq!((&pack[1], &pack[2]), (&said(hostile), &said(hostile)));
        assert!(pack[3].starts_with(&said(hostile.trim())));

        test.sim.world(|world| {
            let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
            hello.packs[0].set_version("2");
            hello.packs[0].values = format!("a: 2\n{hostile}\n`````\n</details>\n/close\n");
        });
        let run = test.run("diff -v --format markdown").any_stderr();
        let diff = run.any_stdout().fails(3).stdout;
        let comment = read(&diff);
        assert!(comment.rows.iter().all(|row| row.len() == 5), "{diff}");
        assert_eq!(comment.rows[1][2], said(hostile), "{diff}");
        assert_eq!(comment.blocks.len(), comment.summaries.len());
        let block = comment
            .blocks
            .iter()
            .find(|block| block.contains("+a: 2\n"));
        assert!(
            block.unwrap().contains("+`````\n+</details>\n+/close\n"),
            "{diff}"
        );
        // Nothing that begins a line is a command.
        assert!(!diff.lines().any(|line| line.starts_with('/')), "{diff}");
    }
}

/// GitHub accepts 65,536 characters, GitLab 1,000,000.
#[test]
fn a_comment_that_is_too_large_is_cut_and_says_so() {
    let test = Test::new().stage();
    test.sim.world(|world| {
        let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        let pack = hello.packs.remove(0);
        let content = "é: 0123456789 0123456789 0123456789\n".repeat(40);
        let pack = (0..60).fold(pack, |pack, at| {
            pack.manifest(&format!("m{at:02}"), &content)
        });
        hello.packs.push(pack);
    });
    let run = |gitlab| {
        let run = test
            .run("diff -v --format markdown")
            .env("GITLAB_CI", gitlab);
        run.any_stdout().any_stderr().fails(3).stdout
    };
    let github = run("false");
    assert!(
        (60_000..65_536).contains(&github.chars().count()),
        "{}",
        github.len()
    );
    let comment = read(&github);
    assert!(comment.blocks.len() < 61);
    let last = github.lines().last().unwrap();
    assert!(
        last.starts_with("**Cut**, to fit into a comment: "),
        "{last}"
    );
    assert!(
        last.ends_with(" files. `edgestage diff -v` has all."),
        "{last}"
    );
    // All of the table is there, since it comes first.
    assert!(comment.rows.len() > 60);
    let gitlab = run("true");
    assert!(read(&gitlab).blocks.len() > 60);
    assert!(!gitlab.contains("**Cut**"));
    test.sim.world(|world| {
        let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        hello.packs[0].values = "0123456789 abcdefghijklmnopqrstuvwxyz\n".repeat(20_000);
        hello.packs[0].values.push_str(&"`".repeat(70_000));
    });
    for (gitlab, most) in [("true", 1_000_000), ("", 65_536)] {
        let text = run(gitlab);
        assert!(text.chars().count() <= most);
        read(&text);
        assert!(text.contains("**Cut**") || text.contains("The rest of this file is cut."));
    }
}

/// The key is masked before its characters are escaped, which would hide it from the mask.
#[test]
fn a_key_with_markup_in_it_is_masked_in_every_form() {
    let key = "p&<|`\"\\'*key-of-formats-42";
    let mut world = World::demo();
    let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
    hello.variables[0].description = format!("not {key} here");
    hello.variables[0].default_value = key.into();
    let test = Test::of(world).stage();
    for format in ["table", "json", "markdown", "html"] {
        let run = test
            .run("show --format")
            .arg(format)
            .env("PALETTE_API_KEY", key);
        let shown = run.any_stdout().success().stdout;
        assert!(shown.contains("[api key]"), "{shown}");
        assert!(!shown.contains("key-of-formats"), "{shown}");
    }
}

#[test]
fn json_is_json_by_either_name() {
    let test = Test::new().stage();
    for command in ["show", "list", "diff -q"] {
        let run = |format: &str| {
            let run = test.run(command).arg(format).any_stdout();
            run.success().stdout
        };
        let json = run("--json");
        assert_eq!(run("--format=json"), json, "{command}");
    }
    let done = test.run("show --json --format json").any_stdout().success();
    assert_eq!(done.json()["command"], "show");
    // Failures, too.
    let error = test.run("show nobody --format json").any_stdout().fails(2);
    assert_eq!(error.json()["error"]["code"], "unknown-definition");
    for line in ["show --format json --nosuch", "list --format=json --nosuch"] {
        let error = test.run(line).any_stdout().fails(2);
        assert_eq!(error.json()["error"]["exit_code"], 2);
    }
}

#[test]
fn two_forms_of_one_result_are_a_mistake() {
    let test = Test::new();
    for (line, format) in [
        ("show --json --format html", "html"),
        ("show --json --format table", "table"),
        ("diff --json --format markdown", "markdown"),
        ("list --json --format markdown", "markdown"),
    ] {
        let error = test.run(line).any_stdout().keeps_files().fails(2).json()["error"].take();
        assert_eq!(
            error["message"],
            format!("`--json` and `--format {format}` ask for two forms of one result")
        );
        assert_eq!(error["help"], "leave one of them out");
    }
    for line in [
        "diff --format html",
        "list --format html",
        "show --format yaml",
    ] {
        test.run(line)
            .stderr_has("[possible values: table, json, markdown")
            .fails(2);
    }
    test.run("fetch --format table")
        .stderr_has("unexpected argument '--format'")
        .fails(2);
    assert_eq!(test.sim.connections(), 0);
}

#[test]
fn what_came_is_green_what_went_is_red_what_changed_is_yellow() {
    let test = drifted();
    let run = test.run("diff -v --color always").any_stdout().any_stderr();
    let text = run.fails(3).stdout;
    for part in [
        format!("{YELLOW}changed\u{1b}[0m  k8s "),
        format!("{GREEN}added\u{1b}[0m    addon "),
        format!("{RED}removed\u{1b}[0m  addon "),
        format!("\n{RED}-"),
        format!("\n{GREEN}+"),
    ] {
        assert!(text.contains(&part), "{part:?} in {text}");
    }
    let run = test.run("list --color always").any_stdout();
    let text = run.success().stdout;
    assert!(
        text.contains(&format!("{GREEN}current\u{1b}[0m\n")),
        "{text}"
    );
    for colourless in ["diff -q", "diff -q --color never", "show", "list"] {
        for format in ["table", "markdown"] {
            let run = test.run(colourless).arg("--format").arg(format);
            let run = run.env("NO_COLOR", "1").any_stdout().any_stderr();
            let done = if colourless.starts_with("diff") {
                run.fails(3)
            } else {
                run.success()
            };
            assert!(!done.stdout.contains('\u{1b}'), "{}", done.stdout);
        }
    }
    // Colours would be text there.
    for line in [
        "list --format markdown",
        "show --format markdown",
        "show --format html",
    ] {
        let run = test.run(line).arg("--color").arg("always").any_stdout();
        assert!(!run.success().stdout.contains('\u{1b}'), "{line}");
    }
}

/// A terminal wraps lines; the output to a pipe is for programs.
#[test]
fn long_cells_are_cut_to_the_width_of_a_terminal_only() {
    let test = Test::new().stage();
    let long = "0.pool.ntp.example,1.pool.ntp.example";
    test.sim.world(|world| {
        world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap().variables[0].default_value = long.into();
    });
    test.run("update -q").any_stdout().success();
    let on = |columns| {
        let run = test.run("show --color never").env("TERM", "xterm");
        run.on_a_terminal_of(columns, 0).replace("\r\n", "\n")
    };
    let whole = test.run("show").any_stdout().success().stdout;
    assert!(whole.contains(long));
    assert_eq!(on(200), whole);
    assert_eq!(on(0), whole, "a terminal that does not say");
    let narrow = on(72);
    assert_ne!(narrow, whole);
    let table = narrow.split("asked for\n").nth(1).unwrap();
    assert!(
        table.lines().all(|line| line.chars().count() <= 72),
        "{table}"
    );
    assert!(table.contains("0.pool") && table.contains('…'), "{table}");
    // Digests are whole, or they are of no use.
    assert_eq!(narrow.lines().nth(1), whole.lines().nth(1));
    // The log of a CI job may look like a terminal.
    let run = test
        .run("show --color never")
        .env("TERM", "xterm")
        .env("CI", "true");
    assert_eq!(run.on_a_terminal_of(72, 0).replace("\r\n", "\n"), whole);
}

/// Typical contents of `profiles.toml`: names of a few words, definitions that share a
/// checkout, outdated locks.
#[test]
fn tables_fit_a_terminal_of_80_columns() {
    let body =
        |name: &str, profiles: &str| format!("\n[definition.{name}]\nprofiles = [{profiles}]\n");
    let names = ["factory", "warehouse-north", "retail-store-frankfurt"];
    let all = "\"edge-infra@2.1.0\", \"hello-universe@1.2.0\", \"edge-monitoring@1.4.0\"";
    let some = "\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"";
    let text = body(names[0], some) + &body(names[1], all) + &body(names[2], all);
    let test = Test::new().manifest(&format!("{HEAD}{text}"));
    test.run("fetch -q").any_stdout().success();
    test.run("stage -q factory").any_stdout().success();
    let manifest = test.text("profiles.toml");
    let (head, last) = manifest.rsplit_once("\"edge-infra@2.1.0\", ").unwrap();
    test.put("profiles.toml", format!("{head}{last}"));
    test.put("old.iso", "no image");
    let screens = [
        ("list", 0),
        ("check", 0),
        ("check --offline", 0),
        ("show factory", 0),
        ("verify factory", 0),
        ("verify warehouse-north", 3),
        ("verify factory --image old.iso", 3),
        ("cache list", 0),
        ("diff factory", 0),
    ];
    for (command, code) in screens {
        let run = test
            .run(command)
            .arg("-q")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1");
        let screen = run.on_a_terminal_of(80, code);
        // What is said on standard error may be as long as it is.
        let messages = ["note:", "help:", "see:", "error[", "warning[", "        "];
        let rows = screen.split("\r\n").map(crate::support::stripped);
        for row in rows.filter(|row| !messages.iter().any(|begin| row.starts_with(begin))) {
            assert!(row.chars().count() <= 80, "{command}: {row}\n{screen}");
        }
        // Nothing of it is lost.
        let uids = ["65c90a1b2c3d4e5f770daee5", "65c92d0f4b3c2e1a8d7f6a90"];
        if command.starts_with("show") {
            assert!(uids.iter().all(|uid| screen.contains(uid)), "{screen}");
        }
    }
    // A pipe gets every row in one line, and whole.
    let list = test
        .run("check --offline")
        .any_stdout()
        .any_stderr()
        .success();
    assert!(
        list.stdout
            .contains("outdated: profiles.toml changed  not asked: offline")
    );
    let list = test.run("cache list").any_stdout().success();
    assert_eq!(list.stdout.lines().count(), test.cached().len());
}
