//! Lists that lack items that they count, repeat items, or hold items that cannot be parsed:
//! they do not prove that a name does not exist (docs/facts.md).

use palette_sim::{Act, Fault, HELLO_UNIVERSE_1_2_0, Profile, Route, Token, World};
use serde_json::json;

use crate::live_answers::hello_in_the_list;
use crate::support::{HEAD, Test};

const UID: &str = "65c9000000000000000000aa";

/// A definition of one name that the list lacks.
fn asking(reference: &str) -> Test {
    Test::of(World::demo().fleet(120)).definition(&format!("profiles = [\"{reference}\"]"))
}

/// The single answer that should have all items is incomplete; the pages are complete.
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
        .error("ambiguous-profile")
        .stderr_has("`hello-universe@1.2.0`")
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
            .error("list-incomplete")
            .stderr_has(&format!("Palette does not list profile `{reference}`"))
            .stderr_has("profiles.toml:10:13")
            .stderr_has("its list is incomplete: it contains ")
            .stderr_has(" of 146 items")
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
        assert_eq!(json["error"]["code"], "list-incomplete", "{json}");
        // Beside what is certainly wrong, that decides.
        let both = format!("profiles = [\"{reference}\", \"{UID}\"]");
        let test = test.definition(&both);
        test.run("check").any_stdout().any_stderr().fails(5);
    }
}

/// An item that cannot be parsed may be the requested one.
#[test]
fn an_item_that_cannot_be_read_is_no_proof_either() {
    let test = Test::new().definition("profiles = [\"edge-nothing@1.0.0\"]");
    let odd = Act::set("/items/0/metadata/name", 5);
    for route in [Route::Metadata, Route::Dashboard] {
        test.sim.fault(Fault::on(route, odd.clone()).forever());
    }
    test.run("check")
        .any_stdout()
        .error("list-incomplete")
        .stderr_has(
            "one of its items cannot be read: `items[0].metadata.name` is a number, not a string",
        )
        .fails(5);
    // The pages can show what the one answer spoils.
    test.sim.clear_faults();
    test.sim.fault(Fault::on(Route::Metadata, odd).forever());
    test.run("check")
        .any_stdout()
        .error("profile-not-found")
        .stderr_has("`edge-nothing@1.0.0`")
        .fails(2);
}

/// If the pages are refused, the items of the list are used, and nothing else is known.
#[test]
fn pages_that_are_refused() {
    let short = Act::ShortList {
        held: 50,
        count: 132,
    };
    let refused = Act::framework(405, 405, "method POST is not allowed");
    for (reference, code) in [("site-0001@1.0.0", 0), ("site-0118@1.0.0", 5)] {
        let test = asking(reference);
        test.sim
            .fault(Fault::on(Route::Metadata, short.clone()).forever());
        test.sim
            .fault(Fault::on(Route::Dashboard, refused.clone()).forever());
        let run = test.run("check").any_stdout().any_stderr();
        let done = run.ends(code);
        let said = ", answered HTTP 405: method POST is not allowed";
        done.says(said, usize::from(code == 5));
    }
}

/// Pages and tokens that repeat end the list, and do not duplicate profiles.
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
            .error("list-incomplete")
            .stderr_has("of 132 items")
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
        .error("list-incomplete")
        .stderr_has("Palette does not list project `Retale`")
        .stderr_has("profiles.toml:3:11")
        .stderr_has("its list is incomplete: it contains 1 of 65 items")
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
        .error("project-not-found")
        .stderr_has("`Retale`")
        .stderr_has("profiles.toml:3:11")
        .stderr_has("help: check `project`: did you mean `Retail`?")
        .fails(2);
}
