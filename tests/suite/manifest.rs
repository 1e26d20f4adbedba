//! Every mistake in `profiles.toml`: exit 2, its location, and what to do; nothing is requested
//! and nothing is changed.

use palette_sim::PROJECT_RETAIL;

use crate::support::{Done, FACTORY, HEAD, Test};

/// Checks that every command refuses an invalid file in the same way.
#[track_caller]
fn refused<'t>(test: &'t Test, said: &[&str]) -> Done<'t> {
    let run = said
        .iter()
        .fold(test.run("stage"), |run, said| run.stderr_has(said));
    let done = run.keeps_files().stderr_has("= help: ").fails(2);
    assert!(has_caret(&done.stderr), "no caret: {}", done.stderr);
    assert_eq!(test.sim.connections(), 0);
    done
}

/// Whether an excerpt has a line that points at something.
fn has_caret(text: &str) -> bool {
    text.lines().any(|line| {
        let mark = line.trim_start().strip_prefix("| ");
        mark.is_some_and(|mark| mark.trim_start().starts_with('^'))
    })
}

/// A definition with this body.
#[track_caller]
fn body(body: &str, said: &[&str]) {
    refused(&Test::new().definition(body), said);
}

/// `[palette]` with this line more.
#[track_caller]
fn palette(line: &str, said: &[&str]) {
    let text = format!(
        "{}\n[definition.factory]\n{FACTORY}\n",
        HEAD.replace("retries = 0", line)
    );
    refused(&Test::new().manifest(&text), said);
}

/// A file with this at its end.
#[track_caller]
fn tail(text: &str, said: &[&str]) {
    let text = format!("{HEAD}\n[definition.factory]\n{FACTORY}\n{text}\n");
    refused(&Test::new().manifest(&text), said);
}

#[test]
fn unknown_keys_name_the_nearest() {
    palette(
        "retry = 3",
        &[
            "unknown key `retry` in [palette]",
            "did you mean `retries`?",
        ],
    );
    palette(
        "ca_cert = \"a\"",
        &["unknown key `ca_cert`", "write `ca-cert`"],
    );
    palette(
        "zzz = 1",
        &["unknown key `zzz` in [palette]", "`endpoint`", "`timeout`"],
    );
    tail(
        "[paltte]\n",
        &[
            "unknown key `paltte` in the file",
            "did you mean `palette`?",
        ],
    );
    tail("[canvas]\ndir = \"x\"", &["did you mean `canvos`?"]);
    tail(
        "[limits]\nentry = 1",
        &["unknown key `entry` in [limits]", "`entries`"],
    );
    tail(
        "[cache]\ndirectory = \"x\"",
        &["unknown key `directory` in [cache]"],
    );
    body(
        &format!("{FACTORY}\ncloudType = \"x\""),
        &["did you mean `cloud-type`?"],
    );
    body(
        "profiles = [{ name = \"a\", verison = \"1\" }]",
        &["did you mean `version`?"],
    );
    body(
        "profiles = [{ uid = \"65c90a1b2c3d4e5f770daee5\", packs = [{ name = \"a\", tag = \"1\", value = \"x\" }] }]",
        &["unknown key `value` in a pack", "did you mean `values`?"],
    );
}

#[test]
fn wrong_types_say_what_is_meant() {
    palette(
        "timeout = \"30\"",
        &["`timeout` must be a whole number", "this is a string"],
    );
    palette("timeout = 0", &["`timeout` is out of range", "at least 1"]);
    palette("retries = -1", &["`retries` is out of range"]);
    palette(
        "allow-http = \"yes\"",
        &["`allow-http` must be true or false"],
    );
    palette(
        "api-key-command = \"pass palette\"",
        &["`api-key-command` must be an array of strings"],
    );
    palette(
        "api-key-command = []",
        &["`api-key-command` does not name a program"],
    );
    palette(
        "ca-cert = [\"a\"]",
        &["`ca-cert` must be a string", "this is an array"],
    );
    palette("ca-cert = \"\"", &["`ca-cert` is empty"]);
    tail(
        "[limits]\narchive = \"2 GB\"",
        &["`archive` is not a size", "GiB"],
    );
    tail("[limits]\nunpacked = 1.5", &["`unpacked` must be a size"]);
    tail("[limits]\nentries = 0", &["`entries` is out of range"]);
    body(
        "profiles = \"edge-infra@2.1.0\"",
        &["`profiles` must be an array of profiles"],
    );
    body(
        "profiles = [7]",
        &["must be a string or a table", "this is an integer"],
    );
    body(
        &format!("{FACTORY}\nallow = \"profile-missing\""),
        &["`allow` must be an array of strings"],
    );
    body(
        &format!("{FACTORY}\nallow = [\"profile-mising\"]"),
        &["write `profile-missing`"],
    );
}

#[test]
fn a_definition_needs_profiles() {
    body(
        "profiles = []",
        &["`factory` has no profiles", "run `edgestage add PROFILE"],
    );
    body(
        "name = \"x\"",
        &["`factory` has no profiles", "`profiles` is missing"],
    );
}

#[test]
fn a_file_needs_a_definition() {
    refused(
        &Test::new().manifest(HEAD),
        &["no definition", "edgestage add PROFILE --to NAME"],
    );
    refused(
        &Test::new().manifest(&format!("{HEAD}\n[definition]\n")),
        &["no definition"],
    );
    let test = Test::new().manifest("");
    test.run("stage")
        .error("no-definition")
        .keeps_files()
        .fails(2);
}

#[test]
fn a_definitions_name_is_fit_for_a_command_line() {
    for name in ["\"-q\"", "\"a b\"", "\"../x\"", "\"\""] {
        let text = format!("{HEAD}\n[definition.{name}]\n{FACTORY}\n");
        refused(&Test::new().manifest(&text), &["invalid definition name"]);
    }
}

#[test]
fn the_same_profile_twice() {
    let twice = "has the same profile twice";
    body("profiles = [\"a@1\", \"b@1\", \"a@1\"]", &[twice]);
    // Two spellings of one reference.
    body(
        "profiles = [\"65c90a1b2c3d4e5f770daee5\",\n \"https://c.example/admin/profiles/cluster/65C90A1B2C3D4E5F770DAEE5\"]",
        &[twice, "already on line"],
    );
    body(
        "profiles = [\"a@1\", { name = \"a\", version = \"1\" }]",
        &[twice],
    );
}

#[test]
fn profiles_of_two_projects() {
    let url = |project: &str, profile: char| {
        let profile = profile.to_string().repeat(24);
        format!("https://c.example/projects/{project}/profiles/cluster/{profile}")
    };
    let [one, other] = [url(&"a".repeat(24), '1'), url(&"b".repeat(24), '2')];
    body(
        &format!("profiles = [\"{one}\",\n\"{other}\"]"),
        &["`factory` has profiles from two projects", &"a".repeat(24)],
    );
    body(
        &format!("project = \"{PROJECT_RETAIL}\"\nprofiles = [\"{one}\"]"),
        &[
            "`factory` has profiles from another project",
            &"a".repeat(24),
        ],
    );
}

/// The project of a URL overrides the file's; only the definition's own project must agree with
/// it.
#[test]
fn a_urls_project_beats_the_files() {
    let test = Test::new().definition(&format!(
        "profiles = [\"https://c.example/projects/{PROJECT_RETAIL}/profiles/cluster/65c9771bad9e8f7a6b5c4d3e\"]"
    ));
    test.run("fetch -q").any_stdout().success();
    assert_eq!(test.download().header("ProjectUid"), Some(PROJECT_RETAIL));
}

#[test]
fn references_that_are_none_say_what_they_look_like() {
    let reference = |text: &str, said: &[&str]| body(&format!("profiles = [\"{text}\"]"), said);
    reference(
        "65c90a1b2c3d4e5f770daee",
        &["a uid has 24 hexadecimal digits, but this has 23"],
    );
    reference("65c90a1b2c3d4e5f770dae", &["this has 22"]);
    reference(
        "65c90a1b2c3d4e5f770daeO5",
        &["not a hexadecimal digit: `O`"],
    );
    reference(
        "edge-infra",
        &[
            "not a uid, a console URL or name@version",
            "`edge-infra@1.0.0`",
        ],
    );
    reference("edge-infra@", &["expected a name before the `@`"]);
    reference(" edge-infra@2.1.0", &["white space"]);
    reference("", &["empty"]);
    reference(
        "https://c.example/projects/x/clusters/y",
        &["not the page of a cluster profile", "copy its URL"],
    );
    reference(
        "https://c.example/projects/x/profiles/cluster/y",
        &["`x` is not a uid"],
    );
    reference("https://", &["not a URL"]);
}

#[test]
fn tables_that_are_no_reference() {
    let table = |text: &str, said: &[&str]| body(&format!("profiles = [{{ {text} }}]"), said);
    table("name = \"a\"", &["`version` is missing"]);
    table("version = \"1\"", &["`name` is missing"]);
    table(
        "uid = \"a@1\"",
        &["expected a uid of 24 hexadecimal digits"],
    );
    table(
        "uid = \"65c90a1b2c3d4e5f770daee5\", name = \"a\", version = \"1\"",
        &["more than one of"],
    );
    table("url = \"65c9\"", &["invalid profile reference"]);
    table(
        "url = \"a@1\"",
        &[
            "expected the URL of the profile's page in the console",
            "paste the URL of that page",
        ],
    );
    let page = "https://c.example/admin/profiles/cluster/65c90a1b2c3d4e5f770daee5";
    table(
        &format!("uid = \"{page}\""),
        &["expected a uid of 24 hexadecimal digits"],
    );
    table(
        "name = \"a\", version = 2.1",
        &["`version` must be a string", "this is a number"],
    );
}

#[test]
fn overrides_that_cannot_be() {
    let pack = |text: &str, said: &[&str]| {
        body(
            &format!("profiles = [{{ name = \"a\", version = \"1\", packs = [{text}] }}]"),
            said,
        );
    };
    pack("{ name = \"p\" }", &["pack `p` overrides nothing"]);
    pack("{ values = \"profiles.toml\" }", &["the pack has no name"]);
    pack(
        "{ name = \"p\", tag = \"1\" }, { name = \"p\", tag = \"2\" }",
        &["pack `p` is overridden twice"],
    );
    pack("\"p\"", &["`packs` must be an array of tables"]);
}

#[test]
fn values_files_that_cannot_be_read() {
    let with = |path: &str| {
        format!(
            "profiles = [{{ name = \"a\", version = \"1\", packs = [{{ name = \"p\", values = \"{path}\" }}] }}]"
        )
    };
    body(
        &with("values/none.yaml"),
        &[
            "values file `values/none.yaml` cannot be read",
            "no such file",
        ],
    );
    body(&with("CanvOS"), &["is a directory"]);
    let test = Test::new()
        .write("latin.yaml", b"a: \xe9\n")
        .definition(&with("latin.yaml"));
    refused(&test, &["not UTF-8"]);
    let test = Test::new()
        .write("big.yaml", vec![b' '; (4 << 20) + 1])
        .definition(&with("big.yaml"));
    refused(&test, &["larger than 4.0 MiB"]);
}

#[test]
fn a_key_in_the_file_is_refused_and_shown_nowhere() {
    for line in [
        "api-key = \"hunter2-hunter2\"",
        "apiKey = 'hunter2-hunter2'",
        "token = \"hunter2-hunter2\"",
        "api_key = \"\"\"hunter2-hunter2\"\"\"",
    ] {
        let text = format!(
            "{}\n[definition.factory]\n{FACTORY}\n",
            HEAD.replace("retries = 0", line)
        );
        let test = Test::new().manifest(&text);
        let done = refused(&test, &["must not be in this file", "PALETTE_API_KEY"]);
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
        done.says("unknown key", 0);
        for command in [
            "check --json",
            "fetch -v",
            "show",
            "verify",
            "unstage",
            "update",
        ] {
            let done = test.run(command).any_stdout().any_stderr().fails(2);
            let all = done.stdout + &done.stderr;
            assert!(!all.contains("hunter2"), "{command}: {all}");
        }
    }
}

/// The line is not shown in another mistake's excerpt either.
#[test]
fn a_key_beside_another_mistake_is_hidden_too() {
    for text in [
        "palette = { endpoint = 7, api-key = \"hunter2-hunter2\" }\n",
        "[palette]\nendpoint = \"https://me:hunter2-hunter2@palette.example\"\n",
        "[palette]\napi-key = \"hunter2-hunter2\" x\n",
        "[palette]\napi-key = hunter2-hunter2\n",
        "[palette]\napi-key = \"\"\"\nhunter2-hunter2\"\"\" x\n",
        "api-key = \"hunter2-hunter2\"\n",
        "[definition.factory]\napi-key = \"hunter2-hunter2\"\n",
    ] {
        let test = Test::new().manifest(&format!("{text}[definition.x]\nprofiles = [\"a@1\"]\n"));
        let done = test.run("stage").any_stderr().keeps_files().fails(2);
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
        let done = test.run("stage --json").any_stdout().fails(2);
        assert!(!done.stdout.contains("hunter2"), "{}", done.stdout);
    }
}
