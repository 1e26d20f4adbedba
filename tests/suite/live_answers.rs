//! Answers of live Palettes that differ from the contract (docs/facts.md): nulls, unexpected
//! types, profiles without a version, packs without a layer, empty drafts. A field that is not
//! needed does not matter; one that is needed is named in the error.

use palette_sim::{
    Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Kind, Pack, Profile, Route, World,
};
use serde_json::{Value, json};

use crate::support::Test;

const UID: &str = "65c9000000000000000000aa";

/// Checks that with this fault on every answer of a route, the definition is accepted without a
/// message and fetched.
#[track_caller]
fn borne(route: Route, act: &Act) {
    let test = Test::new();
    test.sim.fault(Fault::on(route, act.clone()).forever());
    let done = test.run("check").any_stdout().success();
    assert_eq!(done.stderr, "", "{act:?}");
    test.run("fetch -q").any_stdout().success();
}

/// Checks that the definition is refused for a field, which is named by its path.
#[track_caller]
fn named(route: Route, act: Act, said: &str) {
    let reference = match route {
        Route::Profile => EDGE_INFRA_2_1_0,
        _ => "hello-universe@1.2.0",
    };
    let test = Test::new()
        .definition(&format!("profiles = [\"{reference}\"]"))
        .patience("retries = 2");
    test.sim.fault(Fault::on(route, act).forever());
    let run = test.run("stage").keeps_files();
    let done = run
        .stderr_has(&format!("note: {said}\n"))
        .stderr_has("error[unusable-answer]: Palette's answer to ")
        .fails(6);
    done.says("proxy", 0).says("Retrying", 0);
}

#[test]
fn what_is_not_needed_may_be_anything() {
    for odd in [
        json!(null),
        json!(false),
        json!(16),
        json!([]),
        json!({ "a": [1] }),
    ] {
        for place in [
            "/metadata/annotations",
            "/metadata/annotations/description",
            "/metadata/annotations/scope",
            "/metadata/labels",
            "/metadata/creationTimestamp",
            "/status",
            "/spec/versions",
            "/spec/published/version",
            "/spec/published/packs/0/values",
            "/spec/published/packs/0/manifests",
            "/spec/published/packs/0/annotations",
            "/spec/published/packs/0/inValidReason",
            "/spec/something",
        ] {
            borne(Route::Profile, &Act::set(place, odd.clone()));
        }
        for place in [
            "/items/-",
            "/items/0/spec",
            "/items/0/spec/version",
            "/items/0/metadata/uid",
            "/items/0/something",
            "/listmeta",
        ] {
            // The first of the demo's is another one than those asked for.
            borne(Route::Metadata, &Act::set(place, odd.clone()));
        }
        borne(Route::Projects, &Act::set("/items/0/spec", odd.clone()));
        borne(Route::Projects, &Act::set("/items/-", odd));
    }
    for flag in [json!("false"), json!(0), json!(null), json!({})] {
        borne(
            Route::Profile,
            &Act::set("/spec/published/packs/0/isInvalid", flag),
        );
    }
}

/// A flag that is written as a text is still a flag.
#[test]
fn an_invalid_pack_is_found_however_that_is_written() {
    for flag in [json!(true), json!("true"), json!("True"), json!(1)] {
        let act = Act::set("/spec/published/packs/0/isInvalid", flag);
        let test = Test::new().fault(Fault::on(Route::Profile, act).times(9));
        test.run("check")
            .any_stdout()
            .error("invalid-pack")
            .error("invalid-pack")
            .fails(2);
    }
}

#[test]
fn nulls_stand_for_nothing_anywhere() {
    for route in [Route::Projects, Route::Metadata, Route::Profile] {
        borne(route, &Act::Nulls);
    }
}

#[test]
fn a_needed_field_is_named_by_its_path_and_type() {
    for (place, value, said) in [
        (
            "/spec/version",
            json!(1),
            "`spec.version` is a number, not a string",
        ),
        (
            "/spec/published/profileVersion",
            json!(1.5),
            "`spec.published.profileVersion` is a number, not a string",
        ),
        (
            "/spec/published/packs/0/tag",
            json!(22.04),
            "`spec.published.packs[0].tag` is a number, not a string",
        ),
        (
            "/spec/published/packs/1/layer",
            json!(["os"]),
            "`spec.published.packs[1].layer` is a list, not a string",
        ),
        (
            "/spec/published/packs/0/name",
            json!(null),
            "`spec.published.packs[0].name` is missing; it must be a string",
        ),
        (
            "/spec/published/packs/-",
            json!("x"),
            "`spec.published.packs[3]` is a string, not an object",
        ),
        (
            "/spec/published/packs",
            json!({ "0": {} }),
            "`spec.published.packs` is an object, not a list",
        ),
        (
            "/spec/published/cloudType",
            json!(true),
            "`spec.published.cloudType` is true or false, not a string",
        ),
        (
            "/spec/published",
            json!("yes"),
            "`spec.published` is a string, not an object",
        ),
        (
            "/metadata/name",
            json!(null),
            "`metadata.name` is missing; it must be a string",
        ),
        (
            "/metadata/uid",
            json!(7),
            "`metadata.uid` is a number, not a string",
        ),
        (
            "/metadata",
            json!([]),
            "`metadata` is a list, not an object",
        ),
    ] {
        named(Route::Profile, Act::set(place, value), said);
    }
    // Of a list, the items that are asked for.
    let at = hello_in_the_list();
    for (place, value, said) in [
        (
            "spec/version",
            json!(2),
            format!("`items[{at}].spec.version` is a number, not a string"),
        ),
        (
            "metadata/uid",
            json!("x"),
            format!("`items[{at}].metadata.uid` is a string, not a uid of 24 hexadecimal digits"),
        ),
    ] {
        named(
            Route::Metadata,
            Act::set(&format!("/items/{at}/{place}"), value),
            &said,
        );
    }
    named(
        Route::Metadata,
        Act::set("/items", json!({})),
        "`items` is an object, not a list",
    );
    named(
        Route::Projects,
        Act::set("/items/0/metadata/uid", json!(null)),
        "`items[0].metadata.uid` is missing; it must be a string",
    );
}

/// Where the list has `hello-universe`.
pub fn hello_in_the_list() -> usize {
    let test = Test::new();
    test.run("check -q").any_stdout().success();
    let list = test.asked(Route::Metadata)[0].answer.json().unwrap();
    let items = list["items"].as_array().unwrap();
    let is_it = |item: &Value| item["metadata"]["uid"] == HELLO_UNIVERSE_1_2_0;
    items.iter().position(is_it).unwrap()
}

/// The demo with this profile, and a definition of it and the demo's infrastructure.
fn beside(profile: Profile, reference: &str) -> Test {
    Test::of(World::demo().profile(profile)).definition(&format!(
        "profiles = [\"{EDGE_INFRA_2_1_0}\", \"{reference}\"]"
    ))
}

/// The vendor's own tools treat it as 1.0.0.
#[test]
fn a_profile_without_a_version_is_the_first_one() {
    let old = || Profile::add_on(UID, "edge-old", "").pack(Pack::add_on("note", "1"));
    for reference in ["edge-old@1.0.0", UID] {
        let test = beside(old(), reference).stage();
        let lock = test.text("profiles.lock");
        assert!(
            lock.contains("name = \"edge-old\"\nversion = \"1.0.0\"\n"),
            "{lock}"
        );
        test.run("diff").any_stdout().any_stderr().success();
        test.run("stage -q --locked")
            .any_stdout()
            .keeps_files()
            .success();
    }
    // In words, too.
    let other = Profile::add_on("65c9000000000000000000ab", "edge-old", "1.1.0");
    let test = Test::of(World::demo().profile(old()).profile(other));
    let test = test.definition("profiles = [\"edge-old@1.2.0\"]");
    test.run("check")
        .any_stdout()
        .error("profile-not-found")
        .stderr_has("available versions: 1.0.0, 1.1.0\n")
        .fails(2);
    // One that says so and one that does not are two.
    let twin = Profile::add_on("65c9000000000000000000ab", "edge-old", "1.0.0");
    let test = Test::of(World::demo().profile(old()).profile(twin));
    let test = test.definition("profiles = [\"edge-old@1.0.0\"]");
    test.run("check")
        .any_stdout()
        .error("ambiguous-profile")
        .stderr_has("`edge-old@1.0.0`")
        .fails(2);
}

/// A lock from before is not drift: a missing version means today's interpretation.
#[test]
fn a_lock_without_that_version_still_holds() {
    let old = Profile::add_on(UID, "edge-old", "").pack(Pack::add_on("note", "1"));
    let test = beside(old, "edge-old@1.0.0").stage();
    let lock = test.text("profiles.lock");
    let before = lock
        .replace(
            "name = \"edge-old\"\nversion = \"1.0.0\"",
            "name = \"edge-old\"\nversion = \"\"",
        )
        .replace("type = \"add-on\"", "type = \"addon\"")
        .replace(
            "name = \"note\", layer = \"addon\"",
            "name = \"note\", layer = \"\"",
        );
    assert_ne!(lock, before);
    test.put("profiles.lock", &before);
    test.forget_cache();
    test.run("fetch -q --locked").any_stdout().success();
    test.run("diff -q").any_stdout().success();
    assert_eq!(test.text("profiles.lock"), before);
}

#[test]
fn packs_without_a_layer_are_what_their_profile_is() {
    let bare = |kind: Kind| {
        Profile::new(kind, UID, "bare", "1.0.0")
            .pack(Pack::manifests("mine"))
            .pack(Pack::add_on("note", "1"))
    };
    let without =
        || Act::unset("/spec/published/packs/0/layer").and_unset("/spec/published/packs/1/layer");
    for spelling in ["add-on", "addon", "Add-On"] {
        let act = without().and_set("/spec/published/type", spelling);
        let test = Test::of(World::demo().profile(bare(Kind::AddOn)))
            .definition(&format!("profiles = [\"{UID}\"]"));
        test.sim.fault(Fault::on(Route::Profile, act).forever());
        test.run("check")
            .any_stdout()
            .warning("no-infrastructure")
            .success();
        test.run("fetch -q").any_stdout().success();
        let lock = test.text("profiles.lock");
        assert!(lock.contains("type = \"add-on\""), "{lock}");
        let pack = "{ name = \"mine\", layer = \"addon\", tag = \"\" },";
        assert!(lock.contains(pack), "{lock}");
        // Named or not, it is the same layer.
        test.sim.clear_faults();
        test.run("diff -q").any_stdout().success();
        test.run("show").any_stdout().any_stderr().success();
    }
    // A whole profile is infrastructure, whether its layers have names or not.
    let test = beside(bare(Kind::Infra), UID);
    let nameless = Act::unset("/spec/published/packs/0/layer");
    test.sim
        .fault(Fault::on(Route::Profile, nameless).forever());
    test.run("check")
        .any_stdout()
        .error("several-infrastructures")
        .stderr_has("two profiles have infrastructure layers")
        .fails(2);
}

#[test]
fn manifests_of_ones_own_have_no_tag() {
    let mine = Profile::add_on(UID, "mine", "1.0.0")
        .pack(Pack::manifests("namespaces"))
        .pack(Pack::manifests("namespaces"));
    let test = beside(mine, "mine@1.0.0").stage();
    test.run("verify").any_stdout().success();
    test.run("diff").any_stdout().any_stderr().success();
    for format in ["table", "markdown", "html", "json"] {
        let command = match format {
            "table" => "show".to_owned(),
            format => format!("show --format {format}"),
        };
        let shown = test
            .run(&command)
            .any_stdout()
            .any_stderr()
            .success()
            .stdout;
        assert!(shown.contains("namespaces"), "{shown}");
    }
    test.sim.world(|world| {
        let packs = &mut world.find_mut(UID).unwrap().packs;
        drop(packs.remove(1));
    });
    test.run("diff --json")
        .stdout_has("mine@1.0.0: namespaces removed (layer addon)")
        .any_stderr()
        .fails(3);
}

/// What comes with Palette, and what is the tenant's, is not a profile of another project.
#[test]
fn a_profile_of_the_system_is_in_every_project() {
    for kind in [Kind::System, Kind::AddOn] {
        let base = Profile::new(kind, UID, "base", "1.0.0")
            .system()
            .pack(Pack::add_on("x", "1"));
        let test = beside(base, "base@1.0.0").stage();
        test.run("verify").any_stdout().success();
    }
}

/// A draft that is empty, or equal to what is published, causes no message.
#[test]
fn a_draft_that_says_nothing_is_silent() {
    let published = || {
        let test = Test::new();
        test.run("check -q").any_stdout().success();
        let answer = test.asked(Route::Profile).into_iter();
        let mut answers = answer.map(|request| request.answer.json().unwrap());
        let own = answers.find(|answer| answer["metadata"]["uid"] == EDGE_INFRA_2_1_0);
        own.unwrap()["spec"]["published"].clone()
    };
    let check = |draft: Value| {
        let test = Test::new().definition(&format!("profiles = [\"{EDGE_INFRA_2_1_0}\"]"));
        let act = Act::set("/spec/draft", draft);
        test.sim.fault(Fault::on(Route::Profile, act).forever());
        test.run("check").any_stdout().any_stderr().success().stderr
    };
    // As Palette makes one: a copy with a number of its own.
    let mut copy = published();
    copy["version"] = 2.into();
    copy["uid"] = UID.into();
    copy["packServerRefs"] = Value::Null;
    copy["relatedObject"] = json!({ "kind": "" });
    for silent in [
        json!(null),
        json!({}),
        json!({ "packs": [], "type": "" }),
        json!([]),
        published(),
        copy.clone(),
    ] {
        assert_eq!(check(silent.clone()), "", "{silent}");
    }
    copy["packs"][0]["values"] = "other: true".into();
    for said in [
        copy,
        json!({ "packs": [{ "tag": 5 }] }),
        json!("x"),
        json!({ "name": "y" }),
    ] {
        let stderr = check(said.clone());
        assert!(
            stderr.contains("has a draft that is not published"),
            "{said}: {stderr}"
        );
    }
}

/// A name and a version were reviewed: a list that leads to another version is not trusted.
#[test]
fn a_list_that_leads_to_another_version() {
    let reference = "edge-infra@2.1.0";
    let test = || Test::new().definition(&format!("profiles = [\"{reference}\"]"));
    let versions = |own: &str, published: &str| {
        Act::set("/spec/version", own).and_set("/spec/published/profileVersion", published)
    };
    let renamed = Act::set("/metadata/name", "other");
    for (act, said) in [
        (versions("2.2.0", "2.2.0"), "it describes edge-infra@2.2.0"),
        (versions("", ""), "it describes edge-infra@1.0.0"),
        (renamed, "it describes other@2.1.0"),
    ] {
        let test = test();
        test.sim.fault(Fault::on(Route::Profile, act).forever());
        test.run("stage")
            .error("unusable-answer")
            .stderr_has(said)
            .stderr_has("but Palette's list names it edge-infra@2.1.0")
            .keeps_files()
            .fails(6);
        assert!(test.downloads() <= 1);
    }
    // One of the two is enough: the published one may be left out, or be behind.
    for act in [
        versions("2.1.0", ""),
        versions("", "2.1.0"),
        versions("2.1.0", "2.0.9"),
    ] {
        let test = test();
        test.sim.fault(Fault::on(Route::Profile, act).forever());
        test.run("check -q").any_stdout().success();
    }
}
