//! `show --format cyclonedx`: the BOM, compared with the public schema.

use std::collections::BTreeSet;

use palette_sim::HELLO_UNIVERSE_1_2_0;
use serde_json::{Value, json};

use crate::support::public_schemas::wrong_in_bom;
use crate::support::{Run, Test, archive, content_sha256, sha256};

/// Returns what `run` prints, which must be a BOM as the public schema has it.
#[track_caller]
fn bom(run: Run<'_>) -> Value {
    let done = run.any_stdout().any_stderr().success();
    let bom: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(wrong_in_bom(&bom), [""; 0]);
    let mut references = BTreeSet::new();
    collect(&bom["metadata"]["component"], &mut references);
    for component in bom["components"].as_array().unwrap() {
        collect(component, &mut references);
    }
    // Whatever is referred to is there.
    let of = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let used = of(&bom["dependencies"]).into_iter().flat_map(|one| {
        let mut used = of(&one["dependsOn"]);
        used.push(one["ref"].clone());
        used
    });
    let opaque = of(&bom["compositions"]).into_iter();
    let opaque = opaque.flat_map(|one| of(&one["assemblies"]));
    for used in used.chain(opaque) {
        assert!(references.contains(used.as_str().unwrap()), "{used}");
    }
    bom
}

/// Collects the references of a component and its parts; each is its only one.
fn collect(component: &Value, references: &mut BTreeSet<String>) {
    let reference = component["bom-ref"].as_str().unwrap().to_owned();
    assert!(references.insert(reference), "{component}");
    for part in component["components"].as_array().into_iter().flatten() {
        collect(part, references);
    }
}

fn show<'t>(test: &'t Test, what: &str) -> Run<'t> {
    test.run("show --format cyclonedx").arg(what).without_key()
}

#[test]
fn a_locked_definition_with_its_profiles_and_packs() {
    let test = Test::new().stage();
    let bom = bom(show(&test, "factory").keeps_files());
    let staged = test.staged();
    assert_eq!(
        bom["metadata"],
        json!({
            "tools": { "components": [{
                "type": "application",
                "name": "edgestage",
                "version": env!("CARGO_PKG_VERSION"),
            }]},
            "component": {
                "type": "platform",
                "bom-ref": "definition:factory",
                "name": "factory",
                "version": content_sha256(&staged),
                "hashes": [{ "alg": "SHA-256", "content": sha256(&staged) }],
            },
        })
    );
    let locked = test.locked("factory");
    let profiles = bom["components"].as_array().unwrap();
    assert_eq!(profiles.len(), locked.profiles.len());
    let mut opaque = Vec::new();
    for (profile, locked) in profiles.iter().zip(&locked.profiles) {
        assert_eq!(profile["name"], locked.name);
        assert_eq!(profile["version"], locked.version);
        assert_eq!(profile["properties"][0]["value"], locked.uid.as_str());
        let packs = profile["components"].as_array().unwrap();
        assert_eq!(packs.len(), locked.packs.len());
        for pack in packs {
            let name = pack["name"].as_str().unwrap();
            let locked = locked.packs.iter().find(|pack| pack.name == name).unwrap();
            let kind = match &*locked.layer {
                "os" => "operating-system",
                "k8s" => "platform",
                _ => "application",
            };
            let digits = locked.digest.strip_prefix("sha256:").unwrap();
            let mut expected = pack.clone();
            expected["type"] = kind.into();
            expected["version"] = locked.version.clone().into();
            expected["hashes"] = json!([{ "alg": "SHA-256", "content": digits }]);
            expected["properties"] = json!([
                { "name": "edgestage:layer", "value": locked.layer },
                { "name": "edgestage:tag", "value": locked.tag },
            ]);
            assert_eq!(*pack, expected);
            opaque.push(pack["bom-ref"].clone());
        }
    }
    assert!(opaque.len() > 3, "{opaque:?}");
    // What is inside a pack is not known.
    let unknown = json!([{ "aggregate": "unknown", "assemblies": opaque }]);
    assert_eq!(bom["compositions"], unknown);
    let of_definition = profiles.iter().map(|profile| &profile["bom-ref"]);
    let of_definition: Vec<_> = of_definition.collect();
    let first = json!({ "ref": "definition:factory", "dependsOn": of_definition });
    assert_eq!(bom["dependencies"][0], first);
    // Neither is it known in which ecosystem a pack is.
    assert!(!bom.to_string().contains("\"purl\""));
}

#[test]
fn the_same_definition_gives_the_same_bytes() {
    let test = Test::new().stage();
    let first = show(&test, "factory").any_stdout().success();
    let text = first.stdout.clone();
    first.again().stdout(&text).success();
    // The archive need not be there, and its variables are not in the BOM.
    test.forget_cache();
    let run = show(&test, "factory").warning("not-cached");
    run.stdout(&text).success();
    // Other contents have another number, in the form of RFC 9562.
    let number = |text: &str| {
        let bom: Value = serde_json::from_str(text).unwrap();
        bom["serialNumber"].as_str().unwrap().to_owned()
    };
    let at = |epoch: &str| {
        let run = show(&test, "factory").arg("--timestamp");
        let run = run.env("SOURCE_DATE_EPOCH", epoch).any_stderr();
        run.any_stdout().success().stdout.clone()
    };
    assert_eq!(at("1"), at("1"));
    let numbers = [number(&text), number(&at("1")), number(&at("2"))];
    assert_eq!(BTreeSet::from(numbers.clone()).len(), 3);
    for number in numbers {
        let digits = number.strip_prefix("urn:uuid:").unwrap().as_bytes();
        assert_eq!(digits[14], b'8', "{number}");
        assert!(b"89ab".contains(&digits[19]), "{number}");
    }
}

#[test]
fn a_time_is_there_if_it_is_asked_for() {
    let test = Test::new().stage();
    let with = |epoch: &str| {
        let run = show(&test, "factory").arg("--timestamp");
        run.env("SOURCE_DATE_EPOCH", epoch)
    };
    let bom = bom(with("951782400"));
    assert_eq!(bom["metadata"]["timestamp"], "2000-02-29T00:00:00Z");
    with("x").stdout("").error("invalid-variable").fails(2);
    for format in ["table", "json", "markdown", "html"] {
        let run = test
            .run("show --timestamp --format")
            .arg(format)
            .any_stdout();
        match format {
            "json" => {
                let done = run.fails(2);
                assert_eq!(done.json()["error"]["code"], "conflicting-options");
            }
            _ => drop(run.error("conflicting-options").fails(2)),
        }
    }
    test.run("show --timestamp").stderr_has("--format").fails(2);
    let both = test
        .run("show --format cyclonedx --json")
        .any_stdout()
        .fails(2);
    assert_eq!(both.json()["error"]["code"], "conflicting-options");
}

/// Packs may have the same name, no version, and a digest of an unknown form.
#[test]
fn odd_packs() {
    let test = Test::new();
    test.sim.world(|world| {
        let profile = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        let mut pack = profile.packs[0].clone();
        pack.name = "a\"b\u{202e}\u{1b}[2J".into();
        pack.digest = "0a1b2c".into();
        pack.version.clear();
        pack.tag.clear();
        profile.packs.push(pack.clone());
        pack.version = "2.0.0".into();
        pack.tag = "2.x".into();
        profile.packs.push(pack);
    });
    let test = test.stage();
    let bom = bom(show(&test, "factory"));
    let packs = bom["components"][1]["components"].as_array().unwrap();
    let [_, first, second] = &packs[..] else {
        panic!("{packs:?}");
    };
    assert!(first.get("version").is_none() && first.get("hashes").is_none());
    let digest = json!({ "name": "edgestage:digest", "value": "0a1b2c" });
    assert!(first["properties"].as_array().unwrap().contains(&digest));
    assert_eq!(second["version"], "2.0.0");
    let tag = json!({ "name": "edgestage:tag", "value": "2.x" });
    assert!(second["properties"].as_array().unwrap().contains(&tag));
    let reference = first["bom-ref"].as_str().unwrap();
    assert_eq!(second["bom-ref"], format!("{reference}#2"));
}

/// A file with the locked content is that definition; another one has no names, and no packs
/// that the BOM would know.
#[test]
fn an_archive() {
    let test = Test::new().stage();
    let of_lock = bom(show(&test, "factory"));
    assert_eq!(bom(show(&test, "CanvOS/spc.tgz")), of_lock);
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    let bom = bom(show(&test, "CanvOS/spc.tgz"));
    let staged = test.staged();
    let definition = &bom["metadata"]["component"];
    assert_eq!(definition["name"], "spc.tgz");
    assert_eq!(definition["version"], content_sha256(&staged));
    let profiles = bom["components"].as_array().unwrap();
    let mut uids: Vec<_> = profiles.iter().map(|one| one["name"].clone()).collect();
    uids.sort_by_key(Value::to_string);
    let mut locked: Vec<_> = of_lock["components"].as_array().unwrap().iter().collect();
    locked.sort_by_key(|one| one["properties"][0]["value"].to_string());
    assert_eq!(uids.len(), locked.len());
    for (uid, locked) in uids.iter().zip(locked) {
        assert_eq!(*uid, locked["properties"][0]["value"]);
    }
    assert!(profiles.iter().all(|one| one.get("components").is_none()));
    let references: Vec<_> = profiles.iter().map(|one| &one["bom-ref"]).collect();
    assert_eq!(
        bom["compositions"],
        json!([{ "aggregate": "unknown", "assemblies": references }])
    );
}

/// Of an archive with a layout that is not known, a BOM must not say that nothing is in it.
#[test]
fn an_archive_whose_profiles_are_not_known() {
    let test = Test::new().write("other.tgz", archive(&[("spc/x", "y")]));
    let bom = bom(show(&test, "other.tgz"));
    assert_eq!(bom["components"], json!([]));
    assert_eq!(bom["dependencies"], json!([]));
    assert_eq!(
        bom["compositions"],
        json!([{ "aggregate": "unknown", "assemblies": ["definition:other.tgz"] }])
    );
}

/// A BOM of a lock entry that is no longer asked for says so.
#[test]
fn an_outdated_entry() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.1.0\"]");
    let bom = bom(show(&test, "factory").warning("outdated"));
    let property = &bom["metadata"]["component"]["properties"][0];
    assert_eq!(property["name"], "edgestage:outdated");
    assert_eq!(bom["components"].as_array().unwrap().len(), 2);
}

/// A schema that accepts everything would prove nothing.
#[test]
fn the_public_schema_refuses_what_is_wrong() {
    let test = Test::new().stage();
    let right = bom(show(&test, "factory"));
    let wrong: [fn(&mut Value); 5] = [
        |bom| bom["serialNumber"] = "urn:uuid:1".into(),
        |bom| bom["components"][0]["type"] = "profile".into(),
        |bom| bom["metadata"]["component"]["hashes"][0]["alg"] = "sha256".into(),
        |bom| bom["metadata"]["timestamp"] = "now".into(),
        |bom| bom["components"][0]["more"] = 1.into(),
    ];
    for change in wrong {
        let mut changed = right.clone();
        change(&mut changed);
        assert_ne!(wrong_in_bom(&changed), [""; 0]);
    }
}
