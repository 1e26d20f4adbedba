//! `attest`: the statement, compared with the public schema; and everything that must keep it
//! from being printed.

use std::fs;
use std::path::Path;

use palette_sim::HELLO_UNIVERSE_1_2_0;
use serde_json::{Value, json};

use crate::support::bundles::Bundle;
use crate::support::public_schemas::wrong_in_statement;
use crate::support::{HEAD, OVERLAY, Proof, ROOT, Run, Test, archive, content_sha256, sha256};

const BUILD_TYPE: &str = "https://github.com/edgestage/edgestage/blob/main/docs/provenance-v1.md";

/// Returns what `run` prints, which must be a statement as the public schema has it.
#[track_caller]
fn statement(run: Run<'_>) -> Value {
    let done = run.any_stdout().any_stderr().success();
    let statement: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(wrong_in_statement(&statement), [""; 0]);
    statement
}

/// Returns a run that must need no key and write nothing.
fn attest(test: &Test) -> Run<'_> {
    test.run("attest").without_key().keeps_files()
}

fn with_images<'t>(proof: &'t Proof, images: &[&Path]) -> Run<'t> {
    images.iter().fold(attest(&proof.test), |run, image| {
        run.arg("--image").arg(image.to_str().unwrap())
    })
}

#[track_caller]
fn says_nothing(run: Run<'_>, error: &str, code: i32) {
    run.stdout("").error(error).fails(code);
}

/// Returns the dependencies with this name.
fn named<'s>(statement: &'s Value, name: &str) -> Vec<&'s Value> {
    with(statement, "name", name)
}

/// Returns the dependencies with this value of a field.
fn with<'s>(statement: &'s Value, field: &str, value: &str) -> Vec<&'s Value> {
    let all = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    let all = all.as_array().unwrap().iter();
    all.filter(|one| one[field] == value).collect()
}

#[test]
fn the_statement_says_what_is_staged_and_what_it_was_made_of() {
    let test = Test::new().stage();
    let requests = test.sim.connections();
    let statement = statement(attest(&test));
    assert_eq!(test.sim.connections(), requests);
    let staged = test.staged();
    assert_eq!(
        statement["subject"],
        json!([{
            "name": "spc.tgz",
            "digest": { "sha256": sha256(&staged) },
            "annotations": { "edgestage_contentSha256": content_sha256(&staged) },
        }])
    );
    let predicate = &statement["predicate"];
    let definition = &predicate["buildDefinition"];
    assert_eq!(definition["buildType"], BUILD_TYPE);
    assert_eq!(
        definition["externalParameters"],
        json!({
            "definition": "factory",
            "manifest": "profiles.toml",
            "lockfile": "profiles.lock",
        })
    );
    assert_eq!(
        predicate["runDetails"],
        json!({ "builder": {
            "id": format!("{BUILD_TYPE}#unknown-builder"),
            "version": { "edgestage": env!("CARGO_PKG_VERSION") },
        }})
    );
    for file in ["profiles.toml", "profiles.lock"] {
        let digest = json!({ "sha256": sha256(&test.read(file)) });
        assert_eq!(
            named(&statement, file),
            [&json!({ "name": file, "digest": digest })]
        );
    }
    let locked = test.locked("factory");
    for profile in &locked.profiles {
        let uri = format!("{}/v1/clusterprofiles/{}", test.sim.url(), profile.uid);
        assert_eq!(
            with(&statement, "uri", &uri),
            [&json!({
                "name": profile.name,
                "uri": uri,
                "annotations": {
                    "edgestage_uid": profile.uid,
                    "edgestage_version": profile.version,
                    "edgestage_type": profile.kind,
                },
            })]
        );
        for pack in &profile.packs {
            let digits = pack.digest.strip_prefix("sha256:").unwrap();
            let uri = format!("{uri}#packs/{}", pack.name);
            assert_eq!(
                with(&statement, "uri", &uri),
                [&json!({
                    "name": pack.name,
                    "uri": uri,
                    "digest": { "sha256": digits },
                    "annotations": {
                        "edgestage_layer": pack.layer,
                        "edgestage_tag": pack.tag,
                        "edgestage_version": pack.version,
                    },
                })]
            );
        }
    }
}

/// A digest by an unknown algorithm is not one that a verifier may compare.
#[test]
fn a_digest_of_an_unknown_form_is_an_annotation() {
    let test = Test::new();
    test.sim.world(|world| {
        let pack = &mut world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap().packs[0];
        pack.name = "hello/uni verse".into();
        pack.digest = "0a1b2c".into();
        pack.tag.clear();
    });
    let test = test.stage();
    let statement = statement(attest(&test));
    let [pack] = named(&statement, "hello/uni verse")[..] else {
        panic!("{statement}");
    };
    assert!(pack.get("digest").is_none(), "{pack}");
    assert_eq!(pack["annotations"]["edgestage_digest"], "0a1b2c");
    assert!(pack["annotations"].get("edgestage_tag").is_none(), "{pack}");
    let uri = pack["uri"].as_str().unwrap();
    assert!(uri.ends_with("#packs/hello%2Funi%20verse"), "{uri}");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let test = Test::new().stage();
    let first = attest(&test).any_stdout().any_stderr().success();
    assert!(first.stdout.ends_with("}\n"));
    let text = first.stdout.clone();
    first.again().stdout(&text).any_stderr().success();
    // Neither does it matter where the files are.
    let elsewhere = test.path("elsewhere");
    for file in ["profiles.toml", "profiles.lock"] {
        test.put(&format!("elsewhere/{file}"), test.read(file));
    }
    let canvos = test.path("CanvOS");
    let run = test
        .run("attest --file")
        .arg(elsewhere.join("profiles.toml").to_str().unwrap());
    let run = run.arg("--canvos").arg(canvos.to_str().unwrap());
    run.stdout(&text).any_stderr().success();
}

#[test]
fn a_time_is_there_if_it_is_asked_for() {
    let test = Test::new().stage();
    let of = |epoch: &str| {
        attest(&test)
            .arg("--timestamp")
            .env("SOURCE_DATE_EPOCH", epoch)
    };
    let said = statement(of("1767225599"));
    assert_eq!(
        said["predicate"]["runDetails"]["metadata"],
        json!({ "finishedOn": "2025-12-31T23:59:59Z" })
    );
    let now = statement(attest(&test).arg("--timestamp"));
    let now = &now["predicate"]["runDetails"]["metadata"]["finishedOn"];
    assert!(now.as_str().unwrap() > "2025-12-31T23:59:59Z", "{now}");
    // The variable alone changes nothing.
    let without = statement(attest(&test).env("SOURCE_DATE_EPOCH", "x"));
    assert!(without["predicate"]["runDetails"].get("metadata").is_none());
    for wrong in ["x", "-1", "253402300800"] {
        says_nothing(of(wrong), "invalid-variable", 2);
    }
}

#[test]
fn the_builder_is_the_one_that_is_named() {
    let test = Test::new().stage();
    for id in [
        "https://ci.example.com/runners/line?a=b#c",
        "urn:example:runner",
    ] {
        let said = statement(attest(&test).arg("--builder-id").arg(id));
        assert_eq!(said["predicate"]["runDetails"]["builder"]["id"], id);
    }
    for id in [
        "runner",
        "/runner",
        " https://a.example",
        "https://a.example/ä",
        "",
    ] {
        let run = attest(&test).arg("--builder-id").arg(id);
        run.stderr_has("--builder-id").fails(2);
    }
}

/// CI systems have such addresses, with a token, in variables of their jobs.
#[test]
fn a_builder_with_a_password_is_refused() {
    let test = Test::new().stage();
    for id in [
        "https://ci-token:s3cr3t@ci.example.com/x",
        "https://s3cr3t@ci.example.com/x",
        "ssh://git:s3cr3t@ci.example.com/x",
    ] {
        let run = attest(&test).arg("--builder-id").arg(id);
        let done = run.stdout("").error("conflicting-options").fails(2);
        assert!(!done.stderr.contains("s3cr3t"), "{}", done.stderr);
    }
}

#[test]
fn files_with_values_are_dependencies() {
    let test = Test::new()
        .write("values/hello.yaml", "replicas: 2\n")
        .definition(
            "profiles = [\"edge-infra@2.1.0\", { name = \"hello-universe\", version = \"1.2.0\", \
             packs = [{ name = \"hello-universe\", values = \"values/hello.yaml\" }] }]",
        )
        .stage();
    let said = statement(attest(&test));
    let digest = json!({ "sha256": sha256(b"replicas: 2\n") });
    assert_eq!(
        named(&said, "values/hello.yaml"),
        [&json!({ "name": "values/hello.yaml", "digest": digest })]
    );
    // Other values are another definition.
    test.put("values/hello.yaml", "replicas: 3\n");
    says_nothing(attest(&test), "outdated", 3);
}

/// A directory elsewhere is not named, so files of two of them can have the same name.
#[test]
fn files_with_values_and_the_same_name_are_all_dependencies() {
    let test = Test::new()
        .write("one/values.yaml", "replicas: 1\n")
        .write("two/values.yaml", "replicas: 2\n");
    let values = |directory: &str| {
        test.path(directory)
            .join("values.yaml")
            .display()
            .to_string()
    };
    let (one, two) = (values("one"), values("two"));
    test.put("site/profiles.toml", {
        let head = HEAD.replace("{endpoint}", test.sim.url());
        let head = head.replace("\"CanvOS\"", "\"../CanvOS\"");
        format!(
            "{head}\n[definition.factory]\nprofiles = [{{ name = \"edge-infra\", version = \"2.1.0\", \
             packs = [{{ name = \"edge-k3s\", values = '{one}' }}, \
             {{ name = \"cni-flannel\", values = '{two}' }}] }}]\n"
        )
    });
    test.run("stage -q").within("site").any_stdout().success();
    let said = statement(attest(&test).within("site"));
    let mut digests: Vec<&Value> = named(&said, "values.yaml")
        .into_iter()
        .map(|one| &one["digest"]["sha256"])
        .collect();
    digests.sort_by_key(ToString::to_string);
    let mut expected = ["replicas: 1\n", "replicas: 2\n"].map(|text| sha256(text.as_bytes()));
    expected.sort();
    assert_eq!(digests, [&json!(expected[0]), &json!(expected[1])]);
}

/// The digest of the manifest is that of its bytes.
#[test]
fn a_byte_order_mark_counts() {
    let test = Test::new().stage();
    let text = format!("\u{feff}{}", test.text("profiles.toml"));
    test.put("profiles.toml", &text);
    let said = statement(attest(&test));
    let digest = json!({ "sha256": sha256(text.as_bytes()) });
    assert_eq!(named(&said, "profiles.toml")[0]["digest"], digest);
}

type Change<'c> = &'c dyn Fn(&Test);

#[test]
fn nothing_is_said_about_what_is_not_staged() {
    let other = archive(&[("spc/x", "y")]);
    let changes: [(&str, Change<'_>); 6] = [
        ("staged-differs", &|test| {
            test.put(&Test::placement(OVERLAY), &other);
        }),
        ("staged-differs", &|test| {
            test.put(&Test::placement(ROOT), &other);
        }),
        ("staged-differs", &|test| {
            fs::remove_file(test.path(&Test::placement(ROOT))).unwrap();
        }),
        ("staged-differs", &Test::forget_staged),
        ("staged-differs", &|test| {
            let root = test.path(&Test::placement(ROOT));
            fs::rename(&root, test.path("kept.tgz")).unwrap();
            std::os::unix::fs::symlink(test.path("kept.tgz"), root).unwrap();
        }),
        ("staged-leftover", &|test| {
            let overlay = test.path(&Test::placement(OVERLAY));
            fs::write(overlay.with_file_name(".edgestage-a1B2c3.tmp"), "").unwrap();
        }),
    ];
    for (error, change) in changes {
        let test = Test::new().stage();
        change(&test);
        let verified = test.run("verify").any_stdout().any_stderr().ends(3);
        assert!(verified.stderr.contains(error), "{}", verified.stderr);
        says_nothing(attest(&test), error, 3);
        // The document has the error, and no statement.
        let done = attest(&test).arg("--json").any_stdout().fails(3);
        assert_eq!(done.json()["error"]["code"], error);
        assert!(done.json().get("statement").is_none());
    }
}

#[test]
fn nothing_is_said_without_a_lock_that_is_current() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    fs::remove_file(test.path("profiles.lock")).unwrap();
    says_nothing(attest(&test), "no-lockfile", 3);
    // A lock without the definition.
    test.put(
        "profiles.lock",
        lock.replace("definition.factory", "definition.depot"),
    );
    says_nothing(attest(&test), "not-locked", 3);
    // A lock of another definition, and what is staged for it.
    test.put("profiles.lock", &lock);
    let test = test.definition("profiles = [\"edge-infra@2.1.0\"]");
    says_nothing(attest(&test), "outdated", 3);
    // A lock that was edited by hand.
    let test = Test::new().stage();
    let edited = lock_without_address(&test);
    test.put("profiles.lock", edited);
    says_nothing(attest(&test), "invalid-endpoint", 2);
}

fn lock_without_address(test: &Test) -> String {
    test.text("profiles.lock").replace(test.sim.url(), "a b")
}

#[test]
fn an_image_is_a_subject_by_its_own_digest() {
    let proof = Proof::new();
    let iso = proof.iso("live.iso", &proof.overlay());
    let other = proof.iso("other.iso", &proof.overlay().with("etc/x", "y"));
    let said = statement(with_images(&proof, &[&iso, &other, &iso]));
    let content = content_sha256(&proof.test.staged());
    let subject = |name: &str, bytes: &[u8]| {
        json!({
            "name": name,
            "digest": { "sha256": sha256(bytes) },
            "annotations": { "edgestage_contentSha256": content },
        })
    };
    assert_eq!(
        said["subject"],
        json!([
            subject("spc.tgz", &proof.test.staged()),
            subject("live.iso", &fs::read(&iso).unwrap()),
            subject("other.iso", &fs::read(&other).unwrap()),
        ])
    );
}

/// What `verify --image` refuses is not a subject, and neither is anything beside it.
#[test]
fn nothing_is_said_about_an_image_that_is_not_as_locked() {
    let proof = Proof::new();
    let good = proof.iso("good.iso", &proof.overlay());
    let lost = proof.iso("lost.iso", &proof.overlay().without("opt"));
    let other = archive(&[("spc/x", "y")]);
    let another = proof.iso("another.iso", &super::support::Tree::overlay(&other));
    let text = proof.put("text.iso", "text");
    for (image, row) in [
        (&lost, "`: overlay dropped"),
        (&another, "`: another definition"),
        (&text, "`: not a CanvOS image"),
    ] {
        proof.run(&[image]).any_stdout().any_stderr().fails(3);
        let named = format!("{}{row}", image.display());
        let run = with_images(&proof, &[&good, image]);
        run.stdout("")
            .any_stderr()
            .stderr_has(&named)
            .error("image-differs")
            .fails(3);
    }
    let missing = proof.path("missing.iso");
    says_nothing(with_images(&proof, &[&good, &missing]), "image-missing", 2);
    // A checksum of another file.
    proof.put("good.iso.sha256", format!("{}  good.iso\n", "0".repeat(64)));
    says_nothing(with_images(&proof, &[&good]), "image-differs", 3);
    statement(with_images(&proof, &[&good]).arg("--no-checksum"));
    // An image is not enough: what is staged is a subject, too.
    proof.test.forget_staged();
    let run = with_images(&proof, &[&good]).arg("--no-checksum");
    says_nothing(run, "staged-differs", 3);
}

/// A bundle that was not read may have another definition, which a host may take (T37). `verify`
/// warns of it.
#[test]
fn nothing_is_said_about_an_image_with_a_bundle_that_was_not_read() {
    let proof = Proof::new();
    let directory = "opt/spectrocloud/content";
    let nothing = Bundle::without_definition().zstd();
    let last = |bytes: &[u8]| {
        let tree = (0..16).fold(proof.overlay(), |tree, number| {
            tree.with(&format!("{directory}/{number:02}.zst"), &nothing)
        });
        tree.with(&format!("{directory}/zz.zst"), bytes)
    };
    let good = proof.iso("good.iso", &last(&nothing));
    let damaged = proof.iso("damaged.iso", &last(&nothing[..nothing.len() / 2]));
    let other = Bundle::of(&archive(&[("spc/app/x", "another")])).zstd();
    let another = proof.iso("another.iso", &last(&other));
    for image in [&good, &damaged, &another] {
        let verified = proof.run(&[image]).any_stdout().warning("T37");
        verified.any_stderr().success();
        let run = with_images(&proof, &[image]).any_stderr();
        let run = run.stderr_has(&format!("`{}`: bundle unread: ", image.display()));
        says_nothing(run.stderr_has("help: add `--bundles`"), "image-differs", 3);
    }
    let read = |image| with_images(&proof, &[image]).arg("--bundles").any_stderr();
    statement(read(&good));
    for (image, row) in [
        (&damaged, "bundle unread: "),
        (&another, "bundle differs: "),
    ] {
        says_nothing(read(image).stderr_has(row), "image-differs", 3);
    }
}

/// What was examined and what has the digest are the same bytes.
#[test]
#[cfg(debug_assertions)]
fn nothing_is_said_about_an_image_that_changes_meanwhile() {
    let proof = Proof::new();
    let image = proof.iso("live.iso", &proof.overlay());
    let other = proof.iso("other.iso", &proof.overlay().without("opt"));
    let run = with_images(&proof, &[&image]);
    let going = run
        .stdout("")
        .error("image-differs")
        .park_at("image-examined");
    fs::rename(&other, &image).unwrap();
    going.fails(3);
}

#[test]
fn the_document_has_the_statement() {
    let test = Test::new().stage();
    let said = statement(attest(&test));
    let done = attest(&test)
        .arg("--json")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(done.json()["statement"], said);
    assert_eq!(done.json()["definition"], "factory");
    let content = content_sha256(&test.staged());
    assert_eq!(done.json()["content_sha256"], content);
}

/// Names from Palette can neither end a text nor move a cursor.
#[test]
fn names_are_harmless() {
    let test = Test::new();
    let name = "a\"b\\c\n\u{1b}[2J\u{202e}\u{9b}é";
    test.sim.world(|world| {
        world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap().packs[0].name = name.into();
    });
    let test = test.stage();
    let done = attest(&test).any_stdout().any_stderr().success();
    let said: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(named(&said, name).len(), 1, "{}", done.stdout);
    let is_odd = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!done.stdout.contains(is_odd), "{}", done.stdout);
}

/// A schema that accepts everything would prove nothing.
#[test]
fn the_schema_refuses_what_is_wrong() {
    let test = Test::new().stage();
    let right = statement(attest(&test));
    let wrong: [fn(&mut Value); 8] = [
        |all| all["_type"] = "https://in-toto.io/Statement/v0.1".into(),
        |all| all["subject"] = json!([]),
        |all| all["subject"][0]["digest"] = json!({}),
        |all| all["subject"][0]["digest"]["sha256"] = "0a".into(),
        |all| all["predicate"]["buildDefinition"]["externalParameters"] = json!({}),
        |all| all["predicate"]["buildDefinition"]["resolvedDependencies"][0] = json!({"name": "a"}),
        |all| all["predicate"]["runDetails"]["builder"]["id"] = "a b".into(),
        |all| all["predicate"]["runDetails"]["metadata"] = json!({"finishedOn": "2026-01-01"}),
    ];
    for change in wrong {
        let mut changed = right.clone();
        change(&mut changed);
        assert_ne!(wrong_in_statement(&changed), [""; 0]);
    }
}
