//! What live Palettes answer beside the contract (docs/facts.md): nulls, odd types, profiles
//! without a version, packs without a layer, lists that lack what they count, and errors of
//! three kinds. What is not needed stops nobody; what is needed is named.

use std::time::{Duration, Instant};

use palette_sim::{
    Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, Kind, PROJECT_DEFAULT, Pack, Profile,
    Route, Token, World,
};
use serde_json::{Value, json};

use crate::support::{HEAD, Test};

const UID: &str = "65c9000000000000000000aa";

/// With this fault on every answer of a route, the definition is accepted without a word
/// and fetched.
#[track_caller]
fn borne(route: Route, act: &Act) {
    let test = Test::new();
    test.sim.fault(Fault::on(route, act.clone()).forever());
    let done = test.run("check").any_stdout().success();
    assert_eq!(done.stderr, "", "{act:?}");
    test.run("fetch -q").any_stdout().success();
}

/// The definition is refused for a field, by its path; nobody else is blamed.
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
        .stderr_has("error: Palette's answer to ")
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

/// A flag that is written as a text is a flag all the same.
#[test]
fn an_invalid_pack_is_found_however_that_is_written() {
    for flag in [json!(true), json!("true"), json!("True"), json!(1)] {
        let act = Act::set("/spec/published/packs/0/isInvalid", flag);
        let test = Test::new().fault(Fault::on(Route::Profile, act).times(9));
        test.run("check")
            .any_stdout()
            .stderr_has("is invalid in Palette")
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
fn hello_in_the_list() -> usize {
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

/// The vendor's own tools take it for 1.0.0.
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
        .stderr_has("it has 1.0.0, 1.1.0\n")
        .fails(2);
    // One that says so and one that does not are two.
    let twin = Profile::add_on("65c9000000000000000000ab", "edge-old", "1.0.0");
    let test = Test::of(World::demo().profile(old()).profile(twin));
    let test = test.definition("profiles = [\"edge-old@1.0.0\"]");
    test.run("check")
        .any_stdout()
        .stderr_has("several profiles are `edge-old@1.0.0`")
        .fails(2);
}

/// A lock of before is not drift: what it left open is what is understood today.
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
            .stderr_has("has no profile with infrastructure layers")
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

/// What comes with Palette, and what is the tenant's, is no profile of another project.
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

/// A draft that says nothing, or just what is published, is not worth a word.
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

/// A definition of one name that the list lacks.
fn asking(reference: &str) -> Test {
    Test::of(World::demo().fleet(120)).definition(&format!("profiles = [\"{reference}\"]"))
}

/// The one answer that should have all of them has not: the pages have.
#[test]
fn what_a_list_lacks_is_asked_for_page_by_page() {
    let test = asking("site-0117@1.0.0");
    let short = Act::ShortList {
        held: 50,
        count: 132,
    };
    test.sim
        .fault(Fault::on(Route::Metadata, short.clone()).forever());
    test.run("check").any_stdout().any_stderr().success();
    let pages = || {
        let requests = test.sim.requests().into_iter();
        requests
            .filter(|request| request.path == "/v1/dashboard/clusterprofiles")
            .count()
    };
    assert_eq!(pages(), 3);
    // A list that says itself that it goes on is one, too.
    test.sim.clear_requests();
    test.sim.clear_faults();
    let goes_on = Act::set("/listmeta", json!({ "continue": "x" })).and_unset("/items/100");
    test.sim
        .fault(Fault::on(Route::Metadata, goes_on).forever());
    test.run("check").any_stdout().any_stderr().success();
    assert_eq!(pages(), 3);
    // One that is whole is not asked for again.
    test.sim.clear_requests();
    test.sim.clear_faults();
    test.run("check").any_stdout().any_stderr().success();
    assert_eq!(pages(), 0);
}

/// Two profiles of one name are found where the list has one of them only.
#[test]
fn a_twin_that_the_list_lacks_is_found() {
    let twin = Profile::add_on(UID, "hello-universe", "1.2.0").tenant();
    let test =
        Test::of(World::demo().profile(twin)).definition("profiles = [\"hello-universe@1.2.0\"]");
    let held = Test::new().sim.world(|world| world.profiles.len()) - 2;
    let short = Act::ShortList { held, count: 99 };
    test.sim.fault(Fault::on(Route::Metadata, short).forever());
    test.run("check")
        .any_stdout()
        .stderr_has("several profiles are `hello-universe@1.2.0`")
        .stderr_has(UID)
        .fails(2);
}

#[test]
fn a_name_that_an_incomplete_list_lacks_is_not_called_unknown() {
    for (reference, label, help) in [
        (
            "site-0118@1.0.0",
            "no such name",
            "did you mean `site-0011@1.0.0`?",
        ),
        (
            "site-0001@7.0.0",
            "no such version",
            "write one of them, such as `site-0001@1.0.0`",
        ),
    ] {
        let test = asking(reference);
        for route in [Route::Metadata, Route::Dashboard] {
            let short = Act::ShortList {
                held: 50,
                count: 146,
            };
            test.sim.fault(Fault::on(route, short).forever());
        }
        let done = test
            .run("check")
            .stdout_has("does not list it")
            .stderr_has(&format!(
                "error: Palette does not list profile `{reference}`"
            ))
            .stderr_has("profiles.toml:10:13")
            .stderr_has("its list is not complete: it holds ")
            .stderr_has(" of the 146 that it counts")
            .stderr_has(help)
            .stderr_has("help: paste the profile's URL from the console instead")
            .stderr_has("see: `edgestage explain list-incomplete`")
            .keeps_files()
            .fails(5);
        assert!(done.stderr.contains(label), "{}", done.stderr);
        done.says("has no profile", 0);
        let json = done
            .again()
            .arg("--json")
            .any_stdout()
            .any_stderr()
            .fails(5)
            .json();
        assert_eq!(json["error"]["kind"], "list-incomplete", "{json}");
        // Beside what is certainly wrong, that decides.
        let both = format!("profiles = [\"{reference}\", \"{UID}\"]");
        let test = test.definition(&both);
        test.run("check").any_stdout().any_stderr().fails(5);
    }
}

/// Items of which nobody can tell what they are may be the one that is asked for.
#[test]
fn an_item_that_cannot_be_read_is_no_proof_either() {
    let test = Test::new().definition("profiles = [\"edge-nothing@1.0.0\"]");
    let odd = Act::set("/items/0/metadata/name", 5);
    for route in [Route::Metadata, Route::Dashboard] {
        test.sim.fault(Fault::on(route, odd.clone()).forever());
    }
    test.run("check")
        .any_stdout()
        .stderr_has(
            "an item of it cannot be read: `items[0].metadata.name` is a number, not a string",
        )
        .fails(5);
    // The pages can show what the one answer spoils.
    test.sim.clear_faults();
    test.sim.fault(Fault::on(Route::Metadata, odd).forever());
    test.run("check")
        .any_stdout()
        .stderr_has("Palette has no profile `edge-nothing@1.0.0`")
        .fails(2);
}

/// Where the pages cannot be had, what the list has is enough, and nothing else is known.
#[test]
fn pages_that_are_refused() {
    let short = Act::ShortList {
        held: 50,
        count: 132,
    };
    let refused = Act::framework(405, 405, "method POST is not allowed");
    for (reference, code) in [("site-0001@1.0.0", 0), ("site-0118@1.0.0", 1)] {
        let test = asking(reference);
        test.sim
            .fault(Fault::on(Route::Metadata, short.clone()).forever());
        test.sim
            .fault(Fault::on(Route::Dashboard, refused.clone()).forever());
        let run = test.run("check").any_stdout().any_stderr();
        let done = run.ends(code);
        let said = "HTTP 405: method POST is not allowed";
        done.says(said, usize::from(code == 1));
    }
}

/// Pages and tokens that come again end, and do not make profiles twice.
#[test]
fn a_page_that_is_repeated_is_the_last() {
    for token in [Token::Same, Token::New] {
        let test = asking("site-0118@1.0.0");
        let short = Act::ShortList {
            held: 50,
            count: 132,
        };
        test.sim.fault(Fault::on(Route::Metadata, short).forever());
        test.sim
            .fault(Fault::on(Route::Dashboard, Act::RepeatPage(token)).forever());
        test.run("check")
            .any_stdout()
            .stderr_has("of the 132 that it counts")
            .fails(5);
        let requests = test.sim.requests().into_iter();
        let pages = requests.filter(|request| request.path == "/v1/dashboard/clusterprofiles");
        assert_eq!(pages.count(), 2, "{token:?}");
    }
    // An item that is there twice is one profile.
    let test = Test::new();
    let at = hello_in_the_list();
    let twice = json!({
        "metadata": { "name": "hello-universe", "uid": HELLO_UNIVERSE_1_2_0 },
        "spec": { "cloudType": "all", "version": "1.2.0" },
    });
    let act = Act::set(&format!("/items/{at}"), twice.clone()).and_set("/items/-", twice);
    test.sim.fault(Fault::on(Route::Metadata, act).forever());
    test.run("check").any_stdout().success();
}

#[test]
fn a_project_that_an_incomplete_list_lacks() {
    let short = Act::ShortList { held: 1, count: 65 };
    let head = HEAD.replace("\"Default\"", "\"Retale\"");
    let test = Test::new().manifest(&format!(
        "{head}\n[definition.factory]\nprofiles = [\"a@1\"]\n"
    ));
    test.sim
        .fault(Fault::on(Route::Projects, short.clone()).forever());
    test.run("check")
        .stdout_has("does not list it")
        .stderr_has("error: Palette does not list project `Retale`")
        .stderr_has("profiles.toml:3:11")
        .stderr_has("its list is not complete: it holds 1 of the 65 that it counts")
        .stderr_has("help: check `project`")
        .keeps_files()
        .fails(5);
    // The one that is there is found, however many there are.
    let test = Test::new();
    test.sim.fault(Fault::on(Route::Projects, short).forever());
    test.run("check").any_stdout().success();
    // A list that is whole is a proof, and names the line.
    let head = HEAD.replace("\"Default\"", "\"Retale\"");
    let test = Test::new().manifest(&format!(
        "{head}\n[definition.factory]\nprofiles = [\"a@1\"]\n"
    ));
    test.run("check")
        .any_stdout()
        .stderr_has("Palette has no project `Retale`")
        .stderr_has("profiles.toml:3:11")
        .stderr_has("help: check `project`: did you mean `Retail`?")
        .fails(2);
}

/// The framework knows calls and no profiles; a gateway knows nothing.
#[test]
fn errors_that_are_not_palettes_own() {
    let gateway = "does not answer like a Palette";
    let rejects = "Palette rejects the request";
    for (act, said, code) in [
        (
            Act::framework(404, 404, "path /v1/x was not found"),
            &[
                rejects,
                "HTTP 404: path /v1/x was not found",
                "check the endpoint",
            ][..],
            1,
        ),
        (
            Act::framework(405, 405, "method GET is not allowed"),
            &[rejects, "HTTP 405: method GET"],
            1,
        ),
        (
            Act::framework(422, 602, "uid in path is required"),
            &[rejects, "HTTP 422 602: uid in path"],
            1,
        ),
        (
            Act::framework(401, 401, "unauthenticated"),
            &[
                "Palette does not accept the API key",
                "HTTP 401: unauthenticated",
            ],
            4,
        ),
        (
            Act::text(404, "default backend - 404"),
            &[gateway, "HTTP 404: default backend - 404"],
            1,
        ),
        (
            Act::gateway(404, "404 Not Found"),
            &[gateway, "HTTP 404: 404 Not Found 404 Not Found nginx\n"],
            1,
        ),
        (
            Act::Status {
                status: 404,
                body: palette_sim::Reply::Json(
                    json!({ "message": "no Route matched with those values" }),
                ),
                headers: Vec::new(),
            },
            &[gateway, "HTTP 404: no Route matched with those values"],
            1,
        ),
        (
            Act::gateway(403, "Blocked"),
            &[
                "the request is forbidden, in words that are not Palette's",
                "HTTP 403: Blocked",
            ],
            4,
        ),
        (
            Act::gateway(401, "Log in"),
            &[
                "Palette does not accept the API key",
                "these are not Palette's words",
            ],
            4,
        ),
        (
            Act::gateway(502, "502 Bad Gateway"),
            &["Palette failed", "HTTP 502: 502 Bad Gateway"],
            5,
        ),
    ] {
        for route in [
            Route::Projects,
            Route::Metadata,
            Route::Profile,
            Route::Download,
        ] {
            let test = Test::new();
            test.sim.fault(Fault::on(route, act.clone()).forever());
            let run = test.run("stage").keeps_files();
            let run = said.iter().fold(run, |run, said| run.stderr_has(said));
            // Of a profile nothing is said, whatever the path was.
            run.fails(code).says("Palette has no profile", 0);
        }
    }
}

/// An answer that trickles is never silent, and would never end.
#[test]
fn an_answer_that_trickles_ends_within_three_times_the_timeout() {
    let long = json!({ "items": [{ "metadata": { "name": "x".repeat(2000), "uid": UID } }] });
    let error = Act::text(503, &"y".repeat(2000));
    for (route, act, said) in [
        (
            Route::Projects,
            Act::Json200(long),
            "the answer took longer than 3 s",
        ),
        (Route::Projects, error.clone(), "HTTP 503: yyy"),
        (Route::Download, error, "HTTP 503: yyy"),
    ] {
        let test = Test::new().patience("retries = 0\ntimeout = 1");
        test.sim
            .fault(Fault::on(route, Act::Drip(Box::new(act), 20)).forever());
        let began = Instant::now();
        test.run("stage").stderr_has(said).keeps_files().fails(5);
        let took = began.elapsed();
        assert!(took > Duration::from_secs(2), "{took:?}");
        // Twice as long as it may take, for a machine that has other things to do.
        assert!(took < Duration::from_secs(9), "{took:?}");
    }
    // The setting is named.
    let test = Test::new().patience("retries = 0\ntimeout = 1");
    let silent = Act::StallBeforeHead(Duration::from_secs(60));
    test.sim.fault(Fault::on(Route::Projects, silent));
    test.run("stage")
        .stderr_has("no answer within 1 s")
        .stderr_has("help: if it is slow, raise `timeout` in `[palette]`, which is 1 s\n")
        .fails(5);
    let drip = Act::Drip(
        Box::new(Act::Json200(json!({ "items": ["x".repeat(2000)] }))),
        20,
    );
    test.sim.fault(Fault::on(Route::Projects, drip));
    test.run("stage")
        .stderr_has(
            "raise `timeout` in `[palette]`: an answer may take three times that, which is 3 s\n",
        )
        .fails(5);
}

/// The name of a download, and its type, are whatever they are.
#[test]
fn a_download_has_any_name_and_type() {
    for (name, value) in [
        (
            "Content-Disposition",
            "attachment; filename=cluster-profiles-65c90a1b2c3d4e5f770daee5.tgz",
        ),
        ("Content-Disposition", "inline"),
        ("Content-Type", "application/json"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Type", "application/x-gzip"),
    ] {
        let act = Act::Headers(vec![(name.into(), value.into())]);
        let test = Test::new().fault(Fault::on(Route::Download, act));
        test.run("stage -q").any_stdout().success();
        test.run("verify").any_stdout().success();
    }
}

/// A 403 is about the project, and says where that is written.
#[test]
fn a_403_points_at_the_line_that_names_the_project() {
    let url = format!(
        "https://console.example/projects/{PROJECT_DEFAULT}/profiles/cluster/{EDGE_INFRA_2_1_0}"
    );
    let of_uid = format!("profiles = [\"{EDGE_INFRA_2_1_0}\"]");
    let without = HEAD.replace("project = \"Default\"\n", "");
    for (head, body, place, name) in [
        (HEAD, of_uid.clone(), "profiles.toml:3:11", "Default"),
        (
            &without,
            format!("project = \"Default\"\n{of_uid}"),
            "profiles.toml:9:11",
            "Default",
        ),
        (
            &without,
            format!("profiles = [\"{url}\"]"),
            "profiles.toml:9:13",
            PROJECT_DEFAULT,
        ),
    ] {
        let text = format!("{head}\n[definition.factory]\n{body}\n");
        for route in [Route::Profile, Route::Download] {
            let test = Test::new().manifest(&text);
            test.sim.fault(Fault::on(route, Act::status(403)).forever());
            test.run("fetch")
                .stderr_has(&format!("error: Palette forbids it in project `{name}`"))
                .stderr_has(&format!("--> {place}\n"))
                .stderr_has("help: check `project`")
                .keeps_files()
                .fails(4);
        }
    }
    let test = Test::new();
    test.sim
        .fault(Fault::on(Route::Profile, Act::status(403)).forever());
    let done = test
        .run("check")
        .stdout_has("forbids it")
        .any_stderr()
        .fails(4);
    assert!(!done.stdout.contains("refused the key"), "{}", done.stdout);
}
