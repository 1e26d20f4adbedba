//! Resolving names to uids: profiles, versions and projects of Palette.

use palette_sim::{
    Act, EDGE_INFRA_2_1_0, Fault, Key, NameMatch, PROJECT_DEFAULT, PROJECT_RETAIL, Pack, Profile,
    RETAIL_POS_3_2_1, Route, TENANT_BASELINE_1_0_0, World,
};

use serde_json::json;

use crate::support::{HEAD, KEY, Test};

/// Returns a test with a manifest that has no project, and this definition.
fn without_project(world: World, body: &str) -> Test {
    let head = HEAD.replace("project = \"Default\"\n", "");
    Test::of(world).manifest(&format!("{head}\n[definition.factory]\n{body}\n"))
}

#[test]
fn a_version_is_found_by_name() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\"]");
    test.run("fetch -q").any_stdout().success();
    let body = test.download().json().unwrap();
    assert_eq!(body["spec"]["profiles"][0]["uid"], EDGE_INFRA_2_1_0);
}

#[test]
fn an_unknown_version_lists_the_known_ones() {
    let test = Test::new().definition("profiles = [\"edge-infra@2.2.0\"]");
    test.run("stage")
        .error("profile-not-found")
        .stderr_has("`edge-infra@2.2.0`")
        .stderr_has("available versions: 2.0.0, 2.1.0")
        .stderr_has("such as `edge-infra@2.1.0`")
        .stderr_has("profiles.toml:10:13")
        .keeps_files()
        .fails(2);
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let test = Test::new().definition("profiles = [\"edge-infr@2.1.0\", \"warehouse@1.0.0\"]");
    test.run("stage")
        .error("profile-not-found")
        .error("profile-not-found")
        .stderr_has("`edge-infr@2.1.0`")
        .stderr_has("did you mean `edge-infra@2.1.0`?")
        .stderr_has("`warehouse@1.0.0`")
        .stderr_has("paste the profile's URL from the console")
        .fails(2)
        .says("error[", 2);
}

/// A version with another spelling is a different text; the error suggests the existing one.
#[test]
fn a_version_in_another_spelling_suggests_the_one_that_is_there() {
    for (given, meant) in [
        ("edge-infra@v2.1.0", "edge-infra@2.1.0"),
        ("edge-infra@2.1", "edge-infra@2.1.0"),
        ("edge-infra@2.10", "edge-infra@2.1.0"),
        ("edge-infra@2", "edge-infra@2.0.0"),
        ("Edge-Infra@2.1", "edge-infra@2.1.0"),
    ] {
        let test = Test::new().definition(&format!("profiles = [\"{given}\"]"));
        test.run("stage")
            .error("profile-not-found")
            .stderr_has(&format!("help: did you mean `{meant}`?"))
            .keeps_files()
            .fails(2);
    }
}

/// A version is a text: `1.10` is not `1.1`.
#[test]
fn a_version_is_compared_as_text() {
    let uid = "65c9000000000000000000aa";
    let world = World::demo()
        .profile(Profile::add_on(uid, "edge-note", "1.10").pack(Pack::add_on("note", "1")));
    let test = Test::of(world).definition("profiles = [\"edge-note@1.1\"]");
    test.run("check")
        .any_stdout()
        .error("profile-not-found")
        .stderr_has("available versions: 1.10")
        .fails(2);
}

#[test]
fn an_ambiguous_name_shows_both_uids() {
    let twin = "65c9000000000000000000aa";
    let world = World::demo().profile(
        Profile::add_on(twin, "hello-universe", "1.2.0")
            .tenant()
            .pack(Pack::add_on("x", "1")),
    );
    let test = Test::of(world);
    test.run("stage")
        .error("ambiguous-profile")
        .stderr_has("`hello-universe@1.2.0`")
        .stderr_has(twin)
        .stderr_has(palette_sim::HELLO_UNIVERSE_1_2_0)
        .keeps_files()
        .fails(2);
}

#[test]
fn an_unknown_uid_is_shown_in_its_place() {
    let test = Test::new().definition("profiles = [\"65c9000000000000000000aa\"]");
    test.run("stage")
        .error("profile-not-found")
        .stderr_has("`65c9000000000000000000aa`")
        .stderr_has("profiles.toml:10:13")
        .stderr_has("HTTP 404 ResourceNotFound")
        .keeps_files()
        .fails(2);
    // 404 is an answer: asked once.
    assert_eq!(test.asked(Route::Profile).len(), 1);
}

#[test]
fn a_project_is_found_by_its_name_alone() {
    // More match than are equal; the nearest are not meant.
    for matching in [NameMatch::Contains, NameMatch::Ignored, NameMatch::Exact] {
        let mut world = World::demo()
            .project("61c4a8b2e7d09f35c6b1a2aa", "Default old")
            .project("61c4a8b2e7d09f35c6b1a2bb", "default");
        world.project_names = matching;
        let test = Test::of(world).stage();
        assert_eq!(test.download().header("ProjectUid"), Some(PROJECT_DEFAULT));
        assert_eq!(
            test.asked(Route::Projects)[0].parameter("name"),
            Some("Default")
        );
    }
}

#[test]
fn an_unknown_project_suggests_the_nearest() {
    let test = Test::new().definition("project = \"Retial\"\nprofiles = [\"a@1\"]");
    test.run("stage")
        .error("project-not-found")
        .stderr_has("`Retial`")
        .keeps_files()
        .fails(2);
    let mut world = World::demo();
    world.project_names = NameMatch::Ignored;
    let test = Test::of(world).definition("project = \"Retial\"\nprofiles = [\"a@1\"]");
    test.run("stage")
        .error("project-not-found")
        .stderr_has("did you mean `Retail`?")
        .fails(2);
}

#[test]
fn two_projects_of_one_name_need_a_uid() {
    let other = "61c4a8b2e7d09f35c6b1a2aa";
    let test = Test::of(World::demo().project(other, "Default"));
    test.run("stage")
        .error("ambiguous-project")
        .stderr_has("`Default`")
        .stderr_has(other)
        .stderr_has(PROJECT_DEFAULT)
        .fails(2);
}

#[test]
fn a_definitions_own_project_beats_the_files() {
    let test = Test::new().definition("project = \"Retail\"\nprofiles = [\"retail-pos@3.2.1\"]");
    test.run("fetch -q").any_stdout().success();
    let request = test.download();
    assert_eq!(request.header("ProjectUid"), Some(PROJECT_RETAIL));
    assert_eq!(
        request.json().unwrap()["spec"]["profiles"][0]["uid"],
        RETAIL_POS_3_2_1
    );
}

/// By name, the contradiction shows only when Palette has said whose name it is.
#[test]
fn an_own_project_by_name_must_agree_with_the_urls() {
    let url =
        format!("https://c.example/projects/{PROJECT_RETAIL}/profiles/cluster/{RETAIL_POS_3_2_1}");
    let test = Test::new().definition(&format!("project = \"Default\"\nprofiles = [\"{url}\"]"));
    test.run("stage")
        .error("project-mismatch")
        .stderr_has("`factory`")
        .stderr_has(PROJECT_RETAIL)
        .stderr_has(PROJECT_DEFAULT)
        .keeps_files()
        .fails(2);
    let test = Test::new().definition(&format!("project = \"Retail\"\nprofiles = [\"{url}\"]"));
    test.run("fetch -q").any_stdout().success();
}

/// The tenant's own URLs say nothing about a project, and need none.
#[test]
fn tenant_profiles_need_no_project() {
    let url = format!("https://c.example/admin/profiles/cluster/{TENANT_BASELINE_1_0_0}");
    let test = without_project(World::demo(), &format!("profiles = [\"{url}\"]"));
    test.run("stage -q").any_stdout().any_stderr().success();
    assert_eq!(test.download().header("ProjectUid"), None);
    assert!(!test.text("profiles.lock").contains("\nproject = "));
    let test = without_project(World::demo(), "profiles = [\"tenant-baseline@1.0.0\"]");
    test.run("fetch -q").any_stdout().any_stderr().success();
}

/// An empty list suggests a mistake in the project rather than in the name.
#[test]
fn a_project_without_profiles_is_told() {
    let empty = Fault::on(Route::Metadata, Act::Json200(json!({ "items": [] })));
    let test = Test::new().fault(empty);
    test.run("stage")
        .error("profile-not-found")
        .stderr_has("`hello-universe@1.2.0`")
        .stderr_has("Palette lists no profiles there")
        .stderr_has("help: check that `project`")
        .fails(2);
}

/// Palette describes it as missing permissions; what is missing is the project.
#[test]
fn a_403_without_a_project_says_so() {
    let test = without_project(World::demo(), "profiles = [\"65c90a1b2c3d4e5f770daee5\"]");
    test.run("stage")
        .error("forbidden")
        .stderr_has("Palette denied the request: no project is set")
        .stderr_has("HTTP 403 OperationForbidden: Operation v1ClusterProfilesGet is forbidden")
        .stderr_has("set `project` in profiles.toml")
        .keeps_files()
        .fails(4);
    // A list without it is empty, with 200.
    let test = without_project(World::demo(), "profiles = [\"edge-infra@2.1.0\"]");
    test.run("stage")
        .error("profile-not-found")
        .stderr_has("the tenant only: no project is set")
        .fails(2);
}

#[test]
fn a_403_in_a_project_names_the_project() {
    let limited = "limited-key";
    let world = World::demo().key(Key::limited(limited, &[PROJECT_RETAIL]));
    let test = Test::of(world).definition(&format!(
        "project = \"{PROJECT_DEFAULT}\"\nprofiles = [\"65c90a1b2c3d4e5f770daee5\"]"
    ));
    test.run("stage")
        .env("PALETTE_API_KEY", limited)
        .error("forbidden")
        .stderr_has(&format!(
            "Palette denied the request in project `{PROJECT_DEFAULT}`"
        ))
        .keeps_files()
        .fails(4);
}

#[test]
fn a_401_is_the_keys() {
    let test = Test::new();
    test.run("stage")
        .env("PALETTE_API_KEY", "an-old-key")
        .error("key-refused")
        .stderr_has("note: the request went to `{endpoint}` with the key from `PALETTE_API_KEY`\n")
        .stderr_has("HTTP 401 InvalidApiKey: The API key is invalid")
        .keeps_files()
        .fails(4);
    assert_eq!(test.sim.requests().len(), 1, "a 401 is not retried");
    test.sim.fault(Fault::on(Route::Download, Act::status(401)));
    test.run("stage").any_stderr().error("key-refused").fails(4);
}

/// If a server repeats what it was sent, edgestage does not print it.
#[test]
fn an_answer_that_echoes_the_key_is_masked() {
    for (act, code) in [
        (Act::text(400, &format!("no such key: {KEY}!")), 1),
        (Act::text(401, KEY), 4),
        (Act::text(200, &format!("<html>{KEY}</html>")), 6),
        (Act::Json200(json!({ "code": "x", "message": KEY })), 6),
    ] {
        for command in ["check", "check --json"] {
            let test = Test::new().fault(Fault::on(Route::Projects, act.clone()));
            let done = test.run(command).any_stdout().any_stderr().fails(code);
            let all = done.stdout + &done.stderr;
            assert!(all.contains("[api key]"), "{all}");
        }
    }
}

/// No part of the key is printed if an excerpt is cut inside it.
#[test]
fn an_excerpt_does_not_end_inside_the_key() {
    for (route, command, code) in [(Route::Projects, "check", 6), (Route::Download, "fetch", 6)] {
        for length in 60..80 {
            let act = Act::text(200, &format!("{}{KEY}", "x".repeat(length)));
            let test = Test::new().fault(Fault::on(route, act));
            let done = test.run(command).any_stdout().any_stderr().fails(code);
            let all = done.stdout + &done.stderr;
            assert!(!all.contains(&KEY[..6]), "{all}");
        }
    }
}

/// A key that JSON and Rust write in another way than it is.
#[test]
fn a_key_that_needs_escaping_is_masked_too() {
    let odd = r#"k"ey\odd\"#;
    for (route, code) in [(Route::Projects, 6), (Route::Download, 6)] {
        let act = Act::text(200, &format!("<{odd}>"));
        let world = World::demo().key(Key::admin(odd));
        let test = Test::of(world).fault(Fault::on(route, act));
        let run = test.run("fetch --json").env("PALETTE_API_KEY", odd);
        let json = run.any_stdout().any_stderr().fails(code).json();
        let notes = json["error"]["problems"][0]["notes"][0]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            !notes.contains(odd) && notes.contains("[api key]"),
            "{notes}"
        );
    }
}
