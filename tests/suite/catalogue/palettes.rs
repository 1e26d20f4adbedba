//! The answers of Palette, and its rules.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use edgestage::error::Error;
use edgestage::palette::wire::Gap;
use edgestage::palette::{PaletteError, RedirectRefusal};
use edgestage::resolve::{not_all_profiles_offered, not_all_projects_offered};
use palette_sim::{
    Act, EDGE_INFRA_2_1_0, Fault, Pack, Profile, RETAIL_POS_3_2_1, Route, Sim, Tls, World,
};
use serde_json::json;

use super::book::Book;
use crate::outdated::{note, notes};
use crate::support::{FACTORY, HEAD, KEY, Test, trusting, unused_port};

const UID: &str = "65c9000000000000000000aa";

pub fn all(book: &mut Book) {
    lookup(book);
    incomplete(book);
    versions(book);
    rules(book);
    keys(book);
    answers(book);
    connections(book);
    proxies(book);
}

/// A definition with these profiles, and perhaps a world of its own.
fn asked(profiles: &str, world: World) -> Test {
    Test::of(world).definition(&format!("profiles = [{profiles}]"))
}

fn lookup(book: &mut Book) {
    book.part("Projects and profiles");
    let project = |name: &str| {
        let head = HEAD.replace("\"Default\"", &format!("\"{name}\""));
        Test::new().manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
    };
    book.run("a mistyped project", 2, project("Defualt").run("fetch"));
    book.run("another project", 2, project("zzz").run("fetch"));
    let twice = Test::of(World::demo().project(UID, "Default"));
    book.run("two projects of one name", 2, twice.run("fetch"));
    let url = "\"https://console.example/projects/61c4a8b2e7d09f35c6b1a24e/profiles/cluster/65c9771bad9e8f7a6b5c4d3e\"";
    let test = Test::new().definition(&format!("project = \"Default\"\nprofiles = [{url}]"));
    book.run(
        "a URL of another project than the one named",
        2,
        test.run("fetch"),
    );
    for (what, profiles) in [
        ("a mistyped profile", "\"edge-infr@2.1\""),
        ("another profile", "\"zzz@1.0.0\""),
        ("a version in another spelling", "\"edge-infra@v2.10\""),
        ("another version", "\"edge-infra@3.0.0\""),
        ("a uid that Palette has not", "\"65c9000000000000000000ff\""),
    ] {
        book.run(what, 2, asked(profiles, World::demo()).run("fetch"));
    }
    let twin = Profile::add_on(UID, "edge-monitoring", "1.4.0").tenant();
    let test = asked("\"edge-monitoring@1.4.0\"", World::demo().profile(twin));
    book.run("two profiles of one name and version", 2, test.run("fetch"));
    let head = HEAD.replace("project = \"Default\"\n", "");
    let test = Test::new().manifest(&format!(
        "{head}\n[definition.factory]\nprofiles = [\"edge-infr@2.1.0\"]\n"
    ));
    book.run("a name without a project", 2, test.run("fetch"));
}

/// What `outdated` and `upgrade` say.
fn versions(book: &mut Book) {
    book.part("Newer versions");
    let with = |profiles: &str| asked(profiles, notes());
    let two = "\"edge-infra@2.0.0\", \"edge-note@1.10.0\"";
    let test = with(two);
    let run = test.run("outdated --exit-code");
    book.run("newer versions, as an exit code", 3, run);
    let test = with("\"edge-note@1.10.0\"");
    let one = test.run("outdated --exit-code");
    book.run("one, as an exit code", 3, one);
    let other = note(7, "latest");
    let test = asked("\"edge-note@latest\"", notes().profile(other.clone()));
    book.run("a version without an order", 0, test.run("outdated"));
    let test = asked("\"edge-note@2.0.0\"", notes().profile(other));
    book.run("others without an order", 0, test.run("outdated"));
    let test = with("\"edge-note@1.8.0\"");
    let gone = test.run("outdated");
    book.run("a version that is gone", 0, gone);
    let twin = asked(
        "\"edge-note@1.9.0\"",
        notes().profile(note(7, "2.0.0").tenant()),
    );
    let run = twin.run("outdated");
    book.run("a newer version of two profiles", 0, run);
    let run = twin.run("upgrade --major");
    book.run("a version of two profiles to write", 2, run);
    for (what, code, version) in [
        ("nothing newer in an incomplete list", 5, "2.0.0"),
        ("a newer version in an incomplete list", 0, "1.9.0"),
    ] {
        let test = with(&format!("\"edge-note@{version}\""));
        for route in [Route::Metadata, Route::Dashboard] {
            let short = Act::ShortList {
                held: 15,
                count: 146,
            };
            test.sim.fault(Fault::on(route, short).forever());
        }
        book.run(what, code, test.run("outdated"));
    }
    let url = format!("\"https://c.example/admin/profiles/cluster/{EDGE_INFRA_2_1_0}\"");
    for (what, to) in [
        ("a version to write that does not exist", "1.11.0"),
        ("a draft to write", "2.1.0"),
        ("a version to write of another cloud type", "3.0.0"),
    ] {
        let test = with(two);
        let run = test.run("upgrade edge-note --to").arg(to);
        book.run(what, 2, run);
    }
    let test = with(&format!("{url}, \"edge-note@1.9.0\""));
    book.run("a URL beside a name", 0, test.run("upgrade"));
    let run = test.run("upgrade").arg(EDGE_INFRA_2_1_0);
    book.run("a uid to upgrade", 2, run);
    let several = with(&format!("{url}, \"65c92d0f4b3c2e1a8d7f6a90\""));
    book.run("a URL and a uid", 0, several.run("upgrade"));
    let run = several.run("upgrade edge-note");
    book.run("a name in a file without names", 2, run);
    book.run(
        "a mistyped profile to upgrade",
        2,
        test.run("upgrade edge-nota"),
    );
    let run = test.run("upgrade zzz --in factory");
    book.run("a profile that a definition has not", 2, run);
    book.run(
        "versions without a network",
        2,
        test.run("outdated --offline"),
    );
    book.run(
        "an upgrade without a network",
        2,
        test.run("upgrade --offline"),
    );
}

/// Lists that lack what they count.
fn incomplete(book: &mut Book) {
    book.part("Lists");
    let nothing = Act::Json200(json!({ "items": [] }));
    let test = Test::new().fault(Fault::on(Route::Metadata, nothing));
    book.run("a project without profiles", 2, test.run("fetch"));
    let on = |test: Test, routes: &[Route], act: &Act| {
        for route in routes {
            test.sim.fault(Fault::on(*route, act.clone()).forever());
        }
        test
    };
    let lists = [Route::Metadata, Route::Dashboard];
    let short = Act::ShortList {
        held: 2,
        count: 146,
    };
    for (what, profile) in [
        ("a profile that is not listed", "\"edge-gpus@1.0.0\""),
        ("a version that is not listed", "\"edge-infra@3.0.0\""),
        ("a profile like no other", "\"zzz@1.0.0\""),
    ] {
        let test = on(asked(profile, World::demo()), &lists, &short);
        book.run(what, 5, test.run("fetch"));
    }
    let item = json!({ "metadata": { "name": "edge-infra", "uid": UID } });
    let goes_on = Act::Json200(json!({ "items": [item], "listmeta": { "continue": "x" } }));
    let test = on(asked("\"zzz@1.0.0\"", World::demo()), &lists, &goes_on);
    book.run("a list that goes on and does not", 5, test.run("fetch"));
    let test = on(asked("\"zzz@1.0.0\"", World::demo()), &lists[..1], &short);
    let refused = Act::framework(405, 405, "method POST is not allowed");
    let test = on(test, &lists[1..], &refused);
    book.run("a list whose rest is refused", 5, test.run("fetch"));
    let odd = Act::set("/items/0/metadata/name", 5);
    let test = on(asked("\"zzz@1.0.0\"", World::demo()), &lists, &odd);
    book.run("an item that cannot be read", 5, test.run("fetch"));
    let gap = Gap::Counted {
        held: 50,
        count: 65,
    };
    book.warned(
        "not all projects are offered",
        &not_all_projects_offered(&gap),
    );
    book.warned(
        "not all profiles are offered",
        &not_all_profiles_offered(&gap),
    );
    let number = Act::set("/items/0/spec/version", 2);
    let test = on(
        asked("\"edge-infra@1.0.0\"", World::demo()),
        &lists[..1],
        &number,
    );
    book.run("a version of another type", 6, test.run("fetch"));
    for (what, name) in [
        ("a project that is not listed", "Retale"),
        ("a project like no other", "zzz"),
    ] {
        let head = HEAD.replace("\"Default\"", &format!("\"{name}\""));
        let test = Test::new().manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"));
        let test = on(
            test,
            &[Route::Projects],
            &Act::ShortList { held: 2, count: 65 },
        );
        book.run(what, 5, test.run("fetch"));
    }
}

fn rules(book: &mut Book) {
    book.part("Rules");
    let with = |profile: Profile, profiles: &str| asked(profiles, World::demo().profile(profile));
    let monitoring =
        Profile::add_on(UID, "other", "1.0.0").pack(Pack::add_on("prometheus-operator", "60.0.0"));
    let vsphere = Profile::add_on(UID, "other", "1.0.0").cloud("vsphere");
    let invalid = Profile::add_on(UID, "other", "1.0.0")
        .pack(Pack::add_on("gone", "1.2.3").invalid("tag 1.2.3 is not in the registry"));
    let unset = HEAD.replace("project = \"Default\"\n", "");
    let other = format!("\"{RETAIL_POS_3_2_1}\"");
    let over = |pack: &str| {
        let packs = format!("packs = [{{ name = \"{pack}\", tag = \"1\" }}]");
        let profile = format!("{{ uid = \"{EDGE_INFRA_2_1_0}\", {packs} }}");
        asked(&profile, World::demo())
    };
    for (what, test) in [
        (
            "two profiles with infrastructure",
            asked("\"edge-infra@2.0.0\", \"edge-infra@2.1.0\"", World::demo()),
        ),
        (
            "one profile in two spellings",
            asked(
                &format!("\"{EDGE_INFRA_2_1_0}\", \"edge-infra@2.1.0\""),
                World::demo(),
            ),
        ),
        (
            "a pack in two profiles",
            with(monitoring, "\"edge-monitoring@1.4.0\", \"other@1.0.0\""),
        ),
        ("another cloud type", with(vsphere, "\"other@1.0.0\"")),
        ("an invalid pack", with(invalid, "\"other@1.0.0\"")),
        ("two profiles whose layers have no names", nameless()),
        (
            "a profile that was never published",
            asked("\"edge-gpu@0.1.0\"", World::demo()),
        ),
        (
            "a profile of another project",
            foreign().definition(&format!("profiles = [{other}]")),
        ),
        (
            "a profile of a project, and none is set",
            foreign().manifest(&format!(
                "{unset}\n[definition.factory]\nprofiles = [{other}]\n"
            )),
        ),
        ("a mistyped pack", over("edge-k3")),
        ("a pack that the profile has not", over("zzz")),
    ] {
        book.run(what, 2, test.run("fetch"));
    }
    let test = asked(
        "\"edge-infra@2.1.0\", \"edge-logging@0.9.0\"",
        World::demo(),
    );
    book.run("a draft on top", 0, test.run("fetch"));
    let test = asked("\"edge-monitoring@1.4.0\"", World::demo());
    book.run("no infrastructure", 0, test.run("fetch"));
}

/// A Palette that does not say what the layers of infrastructure are.
fn nameless() -> Test {
    let other = Profile::infra(UID, "other", "1.0.0").pack(Pack::new("x", "os", "1"));
    let test = asked(
        "\"edge-infra@2.1.0\", \"other@1.0.0\"",
        World::demo().profile(other),
    );
    let act = Act::unset("/spec/published/packs/0/layer");
    test.sim.fault(Fault::on(Route::Profile, act).forever());
    test
}

/// A Palette that serves this key a profile of another project, which the simulator does
/// not.
fn foreign() -> Test {
    let profile = json!({
        "metadata": {
            "uid": RETAIL_POS_3_2_1,
            "name": "retail-pos",
            "annotations": { "scope": "project", "projectUid": "61c4a8b2e7d09f35c6b1a24e" },
        },
        "spec": {
            "version": "3.2.1",
            "published": { "cloudType": "edge-native", "type": "add-on", "packs": [] },
        },
    });
    Test::new().fault(Fault::on(Route::Profile, Act::Json200(profile)))
}

fn keys(book: &mut Book) {
    book.part("The API key");
    let test = Test::new();
    book.run("no key", 4, test.run("fetch").without_key());
    let run = test.run("fetch").env("PALETTE_API_KEY", " ");
    book.run("an empty key", 4, run);
    let run = test.run("fetch").env("PALETTE_API_KEY", "a b");
    book.run("no key at all", 4, run);
    let test = test.key_file("palette-key", KEY);
    book.run(
        "a mistyped key file",
        4,
        test.run("fetch --api-key-file palete-key"),
    );
    book.run("no key file", 4, test.run("fetch --api-key-file zzz"));
    book.run(
        "the key in the place of its file",
        4,
        test.run("fetch --api-key-file q7Zx3mV9Lk2Rt8Bw5Ny1Hs6D"),
    );
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(test.path("palette-key"), mode).unwrap();
    book.run(
        "a key file for all",
        0,
        test.run("check --api-key-file palette-key"),
    );
    let command = |argv: &str| {
        let head = HEAD.replace(
            "retries = 0",
            &format!("retries = 0\napi-key-command = {argv}"),
        );
        Test::new().manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
    };
    for (what, argv) in [
        ("a command that there is not", "[\"no-such-program\"]"),
        ("a command that fails", "[\"false\"]"),
        ("a command that says nothing", "[\"true\"]"),
    ] {
        book.run(what, 4, command(argv).run("fetch").without_key());
    }
    let head = HEAD.replace("retries = 0", "retries = 0\nca-cert = \"ca.pm\"");
    let test = Test::new().manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"));
    book.run("no authority", 2, test.run("fetch"));
    test.put("ca.pem", "x");
    book.run("a mistyped authority", 2, test.run("fetch"));
    let test = test.write("ca.pm", "no certificate");
    book.run("an authority that is none", 2, test.run("fetch"));
}

fn answers(book: &mut Book) {
    book.part("Answers");
    let on = |act: Act| Test::new().fault(Fault::on(Route::Profile, act).forever());
    let run = Test::new();
    let key = run
        .run("fetch")
        .env("PALETTE_API_KEY", "of-another-palette");
    book.run("a key that Palette does not know", 4, key);
    for (what, key) in [
        ("a key in quotes", "'k3y'"),
        ("a key behind its name", "PALETTE_API_KEY=k3y"),
        ("a reference in place of a key", "op://team/palette/key"),
        ("a placeholder in place of a key", "<your-api-key>"),
    ] {
        let run = run.run("fetch").env("PALETTE_API_KEY", key);
        book.run(what, 4, run);
    }
    book.run(
        "a gateway that wants a login",
        4,
        on(Act::gateway(401, "Log in")).run("fetch"),
    );
    book.run(
        "a gateway that forbids it",
        4,
        on(Act::gateway(403, "Blocked")).run("fetch"),
    );
    book.run(
        "a key without the permission",
        4,
        on(Act::status(403)).run("fetch"),
    );
    let head = HEAD.replace("project = \"Default\"\n", "");
    let text = format!("{head}\n[definition.factory]\nprofiles = [\"{EDGE_INFRA_2_1_0}\"]\n");
    let test = on(Act::status(403)).manifest(&text);
    book.run("the same without a project", 4, test.run("fetch"));
    book.run(
        "a request that is rejected",
        1,
        on(Act::status(422)).run("fetch"),
    );
    let unknown = Act::framework(404, 404, "path /v1/clusterprofiles was not found");
    book.run("a call that is not known", 1, on(unknown).run("fetch"));
    let backend = Act::text(404, "default backend - 404");
    book.run("a gateway without a Palette", 1, on(backend).run("fetch"));
    let odd = Act::set("/spec/published/packs/0/tag", 22.04);
    book.run("a field of another type", 6, on(odd).run("fetch"));
    let moved =
        Act::set("/spec/version", "9.0.0").and_set("/spec/published/profileVersion", "9.0.0");
    let test = Test::new().definition("profiles = [\"edge-infra@2.1.0\"]");
    let test = test.fault(Fault::on(Route::Profile, moved));
    book.run("another version than the list has", 6, test.run("fetch"));
    let list = Act::set("/metadata", json!([]));
    book.run("a list for an object", 6, on(list).run("fetch"));
    let lacking = Act::set("/metadata/name", json!(null));
    book.run("a field that is missing", 6, on(lacking).run("fetch"));
    book.run("trouble, tried once", 5, on(Act::status(503)).run("fetch"));
    let test = on(Act::status(429).header("Retry-After", "0")).patience("retries = 2");
    book.run("trouble, tried often", 5, test.run("fetch"));
    book.run("a login page", 6, on(Act::Html200).run("fetch"));
    book.run("an empty answer", 6, on(Act::EmptyBody).run("fetch"));
    let error = json!({ "code": "Oops", "message": "no" });
    book.run(
        "an error with status 200",
        6,
        on(Act::Json200(error)).run("fetch"),
    );
    let other = World::demo().find(RETAIL_POS_3_2_1).map(|p| p.uid.clone());
    let other = json!({ "metadata": { "uid": other, "name": "x" }, "spec": {} });
    book.run(
        "an answer about another profile",
        6,
        on(Act::Json200(other)).run("fetch"),
    );
}

fn connections(book: &mut Book) {
    book.part("Connections");
    let test = Test::new();
    let nobody = format!("fetch --endpoint http://127.0.0.1:{}", unused_port());
    book.run("nobody listens", 5, test.run(&nobody));
    let test = test.fault(Fault::on(Route::Any, Act::ResetBeforeHead).forever());
    book.run("a broken connection", 5, test.run("fetch"));
    book.run(
        "plain HTTP",
        2,
        test.run("fetch --endpoint http://palette.example"),
    );
    let to = Act::Redirect(302, "https://login.example/".into());
    let test = Test::new().fault(Fault::on(Route::Any, to).forever());
    book.run("a redirect elsewhere", 5, test.run("fetch"));
    for (what, why) in [
        ("redirects in a circle", RedirectRefusal::Loop),
        ("a redirect to nowhere", RedirectRefusal::NoLocation),
    ] {
        let error = PaletteError::Redirect {
            from: "https://palette.example/v1/clusterprofiles".into(),
            to: "https://palette.example/v1/clusterprofiles".into(),
            why,
        };
        book.told(what, &Error::Palette(error));
    }
    let setup = PaletteError::Setup("the API key is not a valid header value".into());
    book.told("a connection that cannot be set up", &Error::Palette(setup));
    // `few_threads` shows that it comes about.
    let no_thread = PaletteError::NoThread("resource temporarily unavailable".into());
    book.told("no more threads", &Error::Palette(no_thread));
    let sim = Sim::start_tls(World::demo(), Tls::self_signed(&["127.0.0.1"]));
    book.run("an unknown authority", 5, Test::with_sim(sim).run("fetch"));
    let test = trusting(Tls::expired(&["127.0.0.1"]));
    book.run("an expired certificate", 5, test.run("fetch"));
    book.run(
        "somebody else's certificate",
        5,
        trusting(Tls::wrong_name()).run("fetch"),
    );
    let test = Test::new();
    let tls = format!("fetch --endpoint https://127.0.0.1:{}", test.sim.port());
    book.run("no TLS at all", 5, test.run(&tls));
    let bare = format!("127.0.0.1:{}", test.sim.port());
    let run = test.run("fetch").env("PALETTE_HOST", &bare);
    book.run("no TLS at a bare host", 5, run);
    let slow = |act: Act| {
        let test = Test::new().patience("retries = 0\ntimeout = 1");
        test.fault(Fault::on(Route::Projects, act))
    };
    let silent = slow(Act::StallBeforeHead(Duration::from_secs(600)));
    book.run("no answer in time", 5, silent.run("fetch"));
    let long = Act::Json200(json!({ "items": ["x".repeat(2000)] }));
    let trickle = slow(Act::Drip(Box::new(long), 20));
    book.run("an answer that trickles", 5, trickle.run("fetch"));
}

/// What the variables about proxies may hold.
fn proxies(book: &mut Book) {
    book.part("Proxies");
    let nobody = format!("http://127.0.0.1:{}", unused_port());
    for (what, value, code) in [
        ("a proxy that cannot be reached", nobody.as_str(), 5),
        ("quotes around the proxy", "'http://127.0.0.1:1'", 0),
        (
            "a sign in the proxy's password",
            "http://me:pass#word@127.0.0.1:1",
            5,
        ),
        ("a proxy's port that is none", "http://127.0.0.1:port", 5),
        ("a sign in the proxy's host", "'127.0.0.1:1'", 5),
        ("a SOCKS proxy", "socks5://127.0.0.1:1", 5),
    ] {
        let test = trusting(Tls::self_signed(&["127.0.0.1"])).patience("retries = 0\ntimeout = 1");
        book.run(what, code, test.run("check").env("HTTPS_PROXY", value));
    }
    let test = trusting(Tls::self_signed(&["127.0.0.1"]));
    let run = test.run("check").env("HTTPS_PROXY", "");
    let run = run.env("https_proxy", "http://127.0.0.1:1");
    book.run("a proxy in the shade of another", 0, run);
    let test = trusting(Tls::self_signed(&["127.0.0.1"])).patience("retries = 0");
    let run = test.run("check").env("HTTPS_PROXY", &nobody);
    book.run(
        "an exception with a port",
        5,
        run.env("NO_PROXY", "127.0.0.1:443"),
    );
}
