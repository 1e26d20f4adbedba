//! The JSON documents: the fields that are printed are those of the reference.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;

use palette_sim::{EdgeHost, HostWorld, Kind, Pack, Profile};
use serde_json::{Value, json};

use crate::handmade_images::Disk;
use crate::markdown::{read, rows, section, spans};
use crate::site::Site;

/// What has rows of its own in the reference, and where it is.
const DESCRIBED_ONCE: [&str; 16] = [
    "warnings[]",
    "error.problems[]",
    "images[]",
    "archives[]",
    "removed[]",
    "profiles[].packs[]",
    "profiles[].variables[]",
    "definitions[].changes[]",
    "hosts[].slots.embedded",
    "hosts[].slots.overridden",
    "hosts[].slots.update",
    "hosts[].overridden",
    "differences[]",
    "pack",
    "from",
    "to",
];

/// The paths of all values in a document, such as `definitions[].path`. The fields of
/// what is described once stand alone.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    if !path.is_empty() {
        found.insert(path.to_owned());
    }
    if DESCRIBED_ONCE.contains(&path) && value.is_object() {
        found.insert(path.to_owned());
        return fields(value, "", found);
    }
    match value {
        // Not a document, but a schema.
        Value::Object(_) if path == "json_schema" => {}
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                fields(value, &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(items) => {
            found.remove(path);
            found.insert(format!("{path}[]"));
            for item in items {
                fields(item, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

fn documented(command: &str) -> BTreeSet<String> {
    let page = read("docs/reference.md");
    let of = |row: &&Vec<String>| {
        let word = &row[0];
        let is_thing = word == "every" || ["a ", "an "].iter().any(|a| word.starts_with(a));
        spans(word).iter().any(|name| name == command) || is_thing
    };
    rows(&section(&page, "JSON"))
        .iter()
        .filter(of)
        .flat_map(|row| spans(&row[1]))
        .collect()
}

#[test]
fn nothing_is_printed_that_is_not_documented_and_nothing_documented_is_gone() {
    let site = Site::with_palette();
    bundle_without_definition(&site);
    let mut missing: BTreeSet<String> = BTreeSet::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let lines = [
        "init",
        "list",
        "check",
        "fetch",
        "list",
        "cache list",
        "fetch factory --output spc.tgz",
        "verify factory --bundle spc.tgz",
        "verify factory --bundle images.tar",
        "sign factory",
        "verify factory --signature factory.sig.bin --public-key signer.pub",
        "stage factory",
        "stage factory",
        "check",
        "diff",
        "show factory",
        "verify factory",
        "verify warehouse",
        "verify --expect-none",
        "verify factory --image profiles.toml",
        "rehearse factory",
        "build factory",
        "explain T11",
        "schema lock",
        "explain drift",
        "update",
        "unstage",
        "cache clean --keep-locked",
        "cache clean",
        "outdated",
        "upgrade",
        "add edge-monitoring@1.4.0 --to factory",
        "remove edge-monitoring@1.4.0 --from factory",
        "rename warehouse depot",
        "init --make",
        "completions bash",
        "man",
        "man --output manual",
        "check nothing",
        "fetch --timeout 3",
    ];
    for line in lines {
        if *line == *"sign factory" {
            signing_keys(&site);
        }
        let mut words: Vec<&str> = line.split(' ').collect();
        words.push("--json");
        let run = site.edgestage(&words);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            document["error"]["exit_code"].as_i64().unwrap_or(0),
            i64::from(run.code)
        );
        let mut found = BTreeSet::new();
        fields(&document, "", &mut found);
        let command = document["command"].as_str().unwrap();
        assert!(line.starts_with(command));
        let documented = documented(command);
        let unknown: Vec<_> = found.difference(&documented).collect();
        assert!(unknown.is_empty(), "{line}: {unknown:?}");
        missing.extend(documented);
        seen.extend(found);
    }
    // What lies beside a definition, and in a second partition, needs an image.
    two_partitions(&site);
    let two = document(&site, "verify --expect-none --image two.raw");
    fields(&two, "", &mut seen);
    // A place in a file, and a change, need a mistake and a drift.
    for document in drifts(&site) {
        fields(&document, "", &mut seen);
    }
    for document in hosts(&Site::with_palette()) {
        let mut found = BTreeSet::new();
        fields(&document, "", &mut found);
        let documented = documented(document["command"].as_str().unwrap());
        let unknown: Vec<_> = found.difference(&documented).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        missing.extend(documented);
        seen.extend(found);
    }
    site.write("profiles.toml", "[palette]\nprojekt = 1\n");
    fields(&document(&site, "check"), "", &mut seen);
    let gone: Vec<_> = missing.difference(&seen).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// Makes a pair of keys with openssl, and names the private half in `profiles.toml`.
fn signing_keys(site: &Site) {
    for arguments in [
        "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out signer.pem",
        "pkey -in signer.pem -pubout -out signer.pub",
    ] {
        let made = std::process::Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(site.path(""))
            .status()
            .unwrap_or_else(|error| {
                panic!("`openssl` is needed: run `scripts/setup test` ({error})")
            });
        assert!(made.success());
    }
    let manifest = std::fs::read_to_string(site.path("profiles.toml")).unwrap();
    let table = "\n[signing]\nprivate-key-file = \"signer.pem\"\n";
    site.write("profiles.toml", &(manifest + table));
}

/// Writes the content bundle `images.tar`: its index lists an image.
fn bundle_without_definition(site: &Site) {
    let index = json!({ "manifests": [{
        "digest": format!("sha256:{}", "0".repeat(64)),
        "annotations": { "io.image.ref.spectrocloud.type": "image" },
    }] });
    let index = index.to_string();
    let mut header = tar::Header::new_ustar();
    header.set_size(index.len() as u64);
    header.set_mode(0o644);
    let file = File::create(site.path("images.tar")).unwrap();
    let mut tar = tar::Builder::new(file);
    tar.append_data(&mut header, "index.json", index.as_bytes())
        .unwrap();
    tar.finish().unwrap();
}

/// Writes the disk `two.raw`: two content partitions, in each a file of another name.
fn two_partitions(site: &Site) {
    site.write("content/spc-config/README", "text");
    let mut path = std::env::var_os("PATH").unwrap();
    // Where Debian has it.
    path.push(":/usr/sbin:/sbin");
    let made = Command::new("mke2fs")
        .args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-L",
            "COS_CONTENT",
            "-d",
            "content",
            "fs",
            "1024k",
        ])
        .env("PATH", path)
        .current_dir(site.path("."))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let system = std::fs::read(site.path("fs")).unwrap();
    let disk = Disk::of(&[("content", &system), ("content", &system)]);
    std::fs::write(site.path("two.raw"), disk.bytes).unwrap();
}

fn document(site: &Site, line: &str) -> Value {
    let mut words: Vec<&str> = line.split(' ').collect();
    words.push("--json");
    serde_json::from_str(&site.edgestage(&words).stdout).unwrap()
}

/// Documents about hosts, with differences of every kind.
fn hosts(site: &Site) -> Vec<Value> {
    let host = EdgeHost::start(HostWorld::new("kairos", "demo-host-password"));
    let manifest = format!(
        "\n[hosts]\nuser = \"kairos\"\npassword-file = \"password\"\n\n[host.a]\n\
         address = \"{}\"\ndefinition = \"factory\"\ncertificate-sha256 = \"{}\"\n",
        host.address(),
        host.fingerprint()
    );
    let before = std::fs::read_to_string(site.path("profiles.toml")).unwrap();
    site.write("profiles.toml", &(before + &manifest));
    site.write("password", "demo-host-password\n");
    site.edgestage(&["fetch", "factory"]);
    let mut documents = vec![
        document(site, "host upload a"),
        document(site, "host check"),
    ];
    let locked = host.world(|world| world.slots["overridden"].clone());
    let changes: [fn(&mut Value); 10] = [
        |all| drop(all.as_array_mut().unwrap().remove(1)),
        |all| all[1]["profileUid"] = "x".into(),
        |all| all[0]["profileName"] = "x".into(),
        |all| drop(all[0]["packs"].as_array_mut().unwrap().remove(0)),
        |all| all[0]["packs"][0]["name"] = "x".into(),
        |all| all[0]["packs"][0]["version"] = "x".into(),
        |all| drop(all[1]["variables"].as_array_mut().unwrap().remove(0)),
        |all| all[1]["variables"][0]["name"] = "x".into(),
        |all| all[1]["variables"][0]["defaultValue"] = "x".into(),
        |all| all[1]["variables"][0]["required"] = false.into(),
    ];
    for change in changes {
        let mut other = locked.clone();
        change(&mut other["clusterProfileDetails"]);
        host.world(|world| drop(world.slots.insert("embedded", other)));
        documents.push(document(site, "host check"));
    }
    documents
}

#[test]
fn every_difference_of_a_host_is_documented() {
    let mut seen = BTreeSet::new();
    for document in hosts(&Site::with_palette()) {
        let slot = &document["hosts"][0]["slots"]["embedded"];
        let differences = slot["differences"].as_array().into_iter().flatten();
        seen.extend(differences.map(|one| one["kind"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, values("a host's difference", "kind"));
}

/// Documents about changes of every kind.
fn drifts(site: &Site) -> Vec<Value> {
    const INFRA: &str = "65c90a1b2c3d4e5f770daee5";
    const HELLO: &str = "65c92d0f4b3c2e1a8d7f6a90";
    let update_of = |first: &str, second: &str| {
        let head = "[palette]\nproject = \"Default\"\n[definition.factory]";
        let manifest = format!("{head}\nprofiles = [\"{first}\", \"{second}\"]\n");
        site.write("profiles.toml", &manifest);
        document(site, "update")
    };
    let edit = |uid: &str, change: &dyn Fn(&mut Profile)| {
        site.edit(|world| {
            let mut all = world.profiles.iter_mut();
            change(all.find(|profile| profile.uid == uid).unwrap());
        });
    };
    let mut documents = vec![update_of(INFRA, HELLO)];

    site.publish("edge-k3s", "1.31.1");
    edit(INFRA, &|profile| profile.kind = Kind::Cluster);
    edit(HELLO, &|profile| {
        profile.packs.push(Pack::add_on("more", "1.0.0"));
    });
    documents.push(document(site, "diff -v"));
    documents.push(document(site, "update"));
    edit(HELLO, &|profile| {
        profile.packs.pop();
        profile.version = "1.3.0".into();
    });
    documents.push(document(site, "update"));
    documents.push(document(site, "cache clean"));
    edit(HELLO, &|profile| profile.variables.truncate(1));
    documents.push(document(site, "diff"));
    documents.push(update_of(HELLO, INFRA));
    documents.push(update_of(INFRA, "edge-monitoring@1.4.0"));
    documents
}

#[test]
fn every_kind_of_change_is_documented() {
    let site = Site::with_palette();
    let mut seen = BTreeSet::new();
    for document in drifts(&site) {
        let definitions = document["definitions"].as_array().into_iter().flatten();
        let changes = definitions
            .filter_map(|one| one["changes"].as_array())
            .flatten();
        seen.extend(changes.map(|change| change["kind"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, values("a change", "kind"));
}

/// The values that the reference gives for a field.
fn values(of: &str, field: &str) -> BTreeSet<String> {
    let rows = rows(&section(&read("docs/reference.md"), "JSON"));
    let row = rows
        .iter()
        .find(|row| row[0] == of && spans(&row[1]) == [field]);
    spans(&row.unwrap()[2]).into_iter().collect()
}
