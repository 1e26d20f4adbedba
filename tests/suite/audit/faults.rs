//! Failures of Palette: connections that fail, invalid answers, archives that are refused, and
//! servers that repeat the key.

use std::fs;
use std::time::Duration;

use palette_sim::{
    Act, ConnectionFault, Fault, HELLO_UNIVERSE_1_2_0, Pack, Profile, Route, Tls, World,
};
use serde_json::json;

use super::{FORMS, audit};
use crate::support::{
    FACTORY, HEAD, KEY, Test, archive, gzip, profile_directory, tarball, trusting,
};

const UID: &str = "65c9000000000000000000aa";
const UNREACHABLE: i32 = 5;

/// `stage`, answered like this.
#[track_caller]
fn answered(route: Route, act: &Act, code: i32, says: &str) {
    for form in FORMS {
        let test = Test::new().fault(Fault::on(route, act.clone()).forever());
        audit(test, "stage", form, (code, says));
    }
}

#[test]
fn every_status() {
    for (status, code) in [
        (400, 1),
        (401, 4),
        (403, 4),
        (407, UNREACHABLE),
        (408, UNREACHABLE),
        (418, 1),
        (429, UNREACHABLE),
        (500, UNREACHABLE),
        (503, UNREACHABLE),
    ] {
        let said = format!("HTTP {status}");
        answered(Route::Projects, &Act::status(status), code, &said);
        answered(Route::Download, &Act::text(status, "no"), code, &said);
    }
}

#[test]
fn every_broken_connection() {
    let broken = [
        Act::ResetBeforeHead,
        Act::CloseBeforeHead,
        Act::ResetInHead,
        Act::ResetInBody(10),
        Act::CloseInBody(10),
        Act::WrongLength(50),
    ];
    for act in broken {
        for route in [Route::Projects, Route::Profile, Route::Download] {
            answered(route, &act, UNREACHABLE, "cannot reach Palette");
        }
    }
}

#[test]
fn every_silence() {
    let long = Duration::from_secs(60);
    for act in [Act::StallBeforeHead(long), Act::StallInBody(10, long)] {
        for form in FORMS {
            let test = Test::new().patience("retries = 0\ntimeout = 1");
            let test = test.fault(Fault::on(Route::Download, act.clone()).forever());
            let end = (UNREACHABLE, "cannot reach Palette");
            audit(test, "stage", form, end);
        }
    }
}

#[test]
fn connections_that_never_come_about() {
    for fault in [ConnectionFault::Reset, ConnectionFault::Close] {
        for form in FORMS {
            let test = Test::new();
            test.sim.fault_connections(9, fault);
            let end = (UNREACHABLE, "cannot reach Palette");
            audit(test, "stage", form, end);
        }
    }
    for form in FORMS {
        let test = trusting(Tls::expired(&["127.0.0.1"]));
        audit(test, "stage", form, (UNREACHABLE, "certificate expired"));
    }
}

#[test]
fn answers_that_are_none() {
    for (act, says) in [
        (Act::Html200, "it begins with"),
        (Act::Json200(json!(["x"])), "it begins with"),
        (Act::EmptyBody, "is "),
    ] {
        for route in [Route::Projects, Route::Profile, Route::Download] {
            answered(route, &act, 6, says);
        }
    }
}

#[test]
fn redirects() {
    let elsewhere = Act::Redirect(307, "https://192.0.2.1/v1".into());
    for route in [Route::Projects, Route::Download] {
        answered(route, &elsewhere, UNREACHABLE, "another origin");
    }
    let endless = Act::Redirect(307, "/v1/dashboard/projects/metadata".into());
    answered(Route::Projects, &endless, UNREACHABLE, "redirect");
}

#[test]
fn archives_that_are_refused() {
    let file = format!("{}file", profile_directory(UID));
    for entries in [
        &[(file.as_str(), KEY), ("../evil", KEY)][..],
        &[(file.as_str(), KEY), (file.as_str(), KEY)],
        &[(file.as_str(), KEY)],
        &[("other", KEY)],
    ] {
        let bytes = archive(entries);
        answered(Route::Download, &Act::Bytes(bytes), 6, "is refused");
    }
    let mut damaged = gzip(&tarball(&[(&file, KEY)]));
    let half = damaged.len() / 2;
    answered(
        Route::Download,
        &Act::Bytes(damaged[..half].to_vec()),
        6,
        "is refused",
    );
    damaged[half] ^= 0x55;
    answered(Route::Download, &Act::Bytes(damaged), 6, "is refused");
    answered(Route::Download, &Act::Trailing(KEY.into()), 6, "is refused");
}

/// The forms in which a server may repeat the key: unchanged or in another case, in a URL, in
/// JSON and HTML, escaped twice by different programs, as hexadecimal digits, and in base64
/// alone and after a name.
const WRITINGS: [&str; 18] = [
    KEY,
    "k3y%2Bof%2Fthe%7Esuite%3D42",
    "k3y%2bof/the~suite%3d42",
    r"k3y+of\/the~suite=42",
    r"k3y\u002bof\u002fthe~suite\u003d42",
    "azN5K29mL3RoZX5zdWl0ZT00Mg==",
    "dXNlcjprM3krb2YvdGhlfnN1aXRlPTQy",
    "K3Y+OF/THE~SUITE=42",
    "K3Y%2bOF%2fTHE%7eSUITE%3d42",
    "k3y&#43;of&#47;the&#126;suite&#61;42",
    "k3y&#x2B;of&#x2f;the~suite&#x3D;42",
    "k3y&plus;of&sol;the~suite&equals;42",
    "k3y&amp;#43;of&amp;#47;the~suite&amp;#61;42",
    "k3y%252Bof%252Fthe~suite%253D42",
    r"k3y\\u002bof\\/the~suite\\u003d42",
    "k3y%26%2343%3Bof%2Fthe~suite%3D42",
    "azN5K29mL3RoZX5zdWl0ZT00Mg%3D%3D",
    "6b33792b6f662f7468657e73756974653d3432",
];

#[test]
fn answers_that_repeat_the_key() {
    for written in WRITINGS {
        let message = json!({ "code": written, "message": format!("bad <{written}>") });
        for (act, code) in [
            (Act::text(400, &format!("no such key: {written}!")), 1),
            (Act::text(401, written), 4),
            (Act::text(503, written), UNREACHABLE),
            (Act::text(200, &format!("<p>{written}</p>")), 6),
            (Act::Json200(message), 6),
            (Act::text(200, &format!("{{\"status\": \"{written}\"}}")), 6),
        ] {
            answered(Route::Projects, &act, code, "[api key]");
        }
        // Of a field that cannot be used, its type is shown and never its value.
        let odd = Act::text(200, &format!("{{\"items\": \"{written}\"}}"));
        answered(Route::Projects, &odd, 6, "`items` is a string, not a list");
        answered(Route::Download, &Act::text(200, written), 6, "[api key]");
    }
}

/// The reason for a retry is printed, too.
#[test]
fn answers_that_repeat_the_key_and_are_tried_again() {
    for written in WRITINGS {
        let act = Act::text(503, written).header("Retry-After", "0");
        for form in FORMS {
            let test = Test::new().patience("retries = 1");
            let test = test.fault(Fault::on(Route::Projects, act.clone()));
            audit(test, "stage", form, (0, "Retrying"));
        }
    }
}

/// The key is in the URL and in other headers, which are printed in part or not at all.
#[test]
fn headers_that_repeat_the_key() {
    for written in WRITINGS.map(|written| written.replace('\\', "")) {
        for (to, says) in [
            (
                format!("https://192.0.2.1/?key={written}"),
                "another origin",
            ),
            (format!("https://{written}@192.0.2.1/"), "redirect"),
            (format!("http://{written}:x/"), "redirect"),
        ] {
            answered(Route::Projects, &Act::Redirect(302, to), UNREACHABLE, says);
        }
        let act = Act::status(429).header("Retry-After", &written);
        answered(
            Route::Projects,
            &act.header("X-Key", &written),
            UNREACHABLE,
            "HTTP 429",
        );
    }
}

/// The names of profiles, packs and files occur in messages, in the lock and in the archive.
#[test]
fn names_that_are_the_key() {
    let profile = |name: &str, pack: &str, version: &str| {
        let pack = Pack::new(pack, "k8s", version).values(KEY);
        Profile::infra(UID, name, "1.0.0").pack(pack)
    };
    let place = |profile: Profile| {
        let test = Test::of(World::demo().profile(profile));
        test.definition(&format!("profiles = [\"{UID}\"]"))
    };
    for named in [
        profile(KEY, "k3s", "1.0.0"),
        profile("edge", KEY, "1.0.0"),
        profile("edge", "k3s", KEY),
        profile("edge", "k3s", "1.0.0").cloud(KEY),
    ] {
        let end = match named.cloud_type.as_str() {
            KEY => (2, "[api key]"),
            _ => (6, "the API key is a name in it"),
        };
        for form in FORMS {
            audit(place(named.clone()), "stage", form, end);
        }
    }
    // Values are no names: whoever puts a key there means to.
    for form in FORMS {
        audit(
            place(profile("edge", "k3s", "1.0.0")),
            "stage",
            form,
            (0, "Staged"),
        );
    }
}

/// `diff -v` prints what changed inside files.
#[test]
fn values_that_become_the_key() {
    for form in FORMS {
        let test = Test::new().stage();
        test.sim.world(|world| {
            let profile = world.find_mut(palette_sim::EDGE_INFRA_2_1_0).unwrap();
            profile.packs[0].values = format!("key: {KEY}\n");
        });
        audit(test, "diff -v", form, (3, "[api key]"));
    }
}

/// The variables of a definition hold the key, as `show` and `diff` print them. If the key
/// comes from a file or a command, a run that needs no key does not know it.
#[test]
fn archives_that_hold_the_key() {
    for written in WRITINGS {
        let mut world = World::demo();
        let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        let variable = &mut hello.variables[0];
        variable.display_name = format!("Name {written}");
        variable.description = format!("<b>{written}</b>");
        variable.default_value = written.into();
        let test = Test::of(world).key_file("key", KEY);
        let body = format!("\n[definition.factory]\n{FACTORY}\n");
        for place in ["environment", "flag", "file", "command"] {
            let line = match place {
                "file" => "api-key-file = \"key\"",
                "command" => "api-key-command = [\"cat\", \"key\"]",
                _ => "",
            };
            let head = HEAD.replace("retries = 0", &format!("retries = 0\n{line}"));
            test.put(
                "profiles.toml",
                format!("{head}{body}").replace("{endpoint}", test.sim.url()),
            );
            let run = |command: &str| {
                let run = test.run(command).any_stdout();
                match place {
                    "environment" => run,
                    "flag" => run.without_key().arg("--api-key-file=key"),
                    _ => run.without_key(),
                }
            };
            run("fetch -q").success();
            fs::copy(&test.cached()[0], test.path("a.tgz")).unwrap();
            for command in [
                "show",
                "show --json",
                "show --format html",
                "show --format markdown",
                "show ./a.tgz",
                "show --offline --json",
            ] {
                let done = run(command).success();
                // The harness has looked for the key; this shows that it would be there.
                assert!(
                    done.stdout.contains("[api key]"),
                    "{place}: {}",
                    done.stdout
                );
            }
        }
    }
}

/// `show` runs the command only if a text of the archive may be a key.
#[test]
fn the_command_is_not_asked_without_a_reason() {
    let line = "retries = 0\napi-key-command = [\"sh\", \"-c\", \"echo x >> asked; cat key\"]";
    let head = HEAD.replace("retries = 0", line);
    let test = Test::new().key_file("key", KEY).manifest(&format!(
        "{head}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]\n"
    ));
    test.run("fetch -q").without_key().any_stdout().success();
    let asked = test.text("asked");
    for command in ["show", "list", "verify", "check --offline"] {
        let run = test.run(command).without_key().any_stdout().any_stderr();
        run.ends(if command == "verify" { 3 } else { 0 });
    }
    assert_eq!(test.text("asked"), asked);
}
