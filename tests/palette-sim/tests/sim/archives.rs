//! The archive of a download: real gzip, real tar, new bytes and old content.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use flate2::read::MultiGzDecoder;
use palette_sim::{
    Archive, EDGE_INFRA_2_1_0, Framing, HELLO_UNIVERSE_1_2_0, Payload, Sent, Sim,
    TENANT_BASELINE_1_0_0, World, site_uid,
};
use serde_json::{Value, json};

use crate::support::{DOWNLOAD, Raw, check_all, definition, get, last, post};

/// Path and content of every regular file.
fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive));
    let mut files = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(files.insert(path, content).is_none(), "an entry twice");
        }
    }
    files
}

fn order(archive: &[u8]) -> Vec<PathBuf> {
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive));
    let entries = tar.entries().unwrap();
    entries
        .map(|entry| entry.unwrap().path().unwrap().into_owned())
        .collect()
}

fn download(sim: &Sim) -> Raw {
    let body = definition(&[
        EDGE_INFRA_2_1_0,
        HELLO_UNIVERSE_1_2_0,
        TENANT_BASELINE_1_0_0,
    ]);
    let answer = post(DOWNLOAD, &body).send(sim);
    assert_eq!(answer.status(), 200);
    answer
}

fn demo(archive: Archive) -> Sim {
    Sim::start(World::demo().archive(archive))
}

#[test]
fn a_definition_of_a_site() {
    let sim = Sim::start(World::demo().fleet(3));
    let site = site_uid(3);
    let body = definition(&[EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, &site]);
    let answer = post(DOWNLOAD, &body).send(&sim);
    assert_eq!(answer.status(), 200);
    let home = format!("spc/app/profiles/{site}");
    let files = files(&answer.body());
    assert!(files.contains_key(&format!("{home}/packs/site-0003-settings/values.yaml")));
    assert!(files.contains_key(&format!("{home}/variables.json")));
    get(&format!("/v1/clusterprofiles/{site}")).send(&sim);
    get("/v1/dashboard/clusterprofiles/metadata").send(&sim);
    check_all(&sim);
}

#[test]
fn layout() {
    let sim = Sim::start(World::demo());
    let answer = download(&sim);
    assert_eq!(
        answer.header("Content-Type"),
        Some("application/octet-stream")
    );
    let disposition = answer.header("Content-Disposition");
    assert_eq!(
        disposition,
        Some("attachment; filename=\"cluster-profiles.tgz\"")
    );
    let files = files(&answer.body());
    let home = format!("spc/app/profiles/{HELLO_UNIVERSE_1_2_0}");
    let json = |path: String| -> Value { serde_json::from_slice(&files[&path]).unwrap() };
    let variables = json(format!("{home}/variables.json"));
    assert_eq!(variables["variables"][0]["name"], "namespace");
    let profile = json(format!("{home}/profile.json"));
    assert_eq!(
        profile["spec"]["published"]["packs"][0]["name"],
        "hello-universe"
    );
    assert!(files.contains_key(&format!("{home}/packs/hello-universe/values.yaml")));
    let issuer = format!(
        "spc/app/profiles/{TENANT_BASELINE_1_0_0}/packs/cert-manager/manifests/issuer.yaml"
    );
    assert!(files.contains_key(&issuer));
    // A profile without variables lacks the file.
    assert!(!files.contains_key(&format!(
        "spc/app/profiles/{EDGE_INFRA_2_1_0}/variables.json"
    )));
    assert_eq!(
        json("spc/manifest.json".into())["profiles"][1]["name"],
        "hello-universe"
    );
    check_all(&sim);
}

#[test]
fn other_bytes_same_content() {
    for shuffle in [false, true] {
        let sim = demo(Archive {
            shuffle,
            ..Archive::default()
        });
        let (first, second) = (download(&sim).body(), download(&sim).body());
        assert_ne!(first, second);
        assert_eq!(files(&first), files(&second));
        assert_eq!(order(&first) != order(&second), shuffle);
    }
}

#[test]
fn a_published_change_arrives() {
    let sim = Sim::start(World::demo());
    let before = files(&download(&sim).body());
    assert_eq!(sim.world(|world| world.publish("edge-k3s", "1.31.1")), 2);
    let after = files(&download(&sim).body());
    let values = format!("spc/app/profiles/{EDGE_INFRA_2_1_0}/packs/edge-k3s/values.yaml");
    assert_ne!(before[&values], after[&values]);
    let changed: Vec<&String> = after
        .keys()
        .filter(|path| before[*path] != after[*path])
        .collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    let path = format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}");
    let profile = get(&path).send(&sim).json();
    assert_eq!(
        profile["spec"]["published"]["packs"][1]["version"],
        "1.31.1"
    );
    check_all(&sim);
}

#[test]
fn overrides_replace_values_and_manifests() {
    let sim = Sim::start(World::demo());
    let mut body = definition(&[TENANT_BASELINE_1_0_0]);
    body["spec"]["profiles"][0]["packs"] = json!([{
        "name": "cert-manager",
        "tag": "1.15.3",
        "type": "spectro",
        "values": "replicas: 3\n",
        "manifests": [{ "name": "issuer", "content": "kind: Other\n" }, { "name": "new", "content": "x: 1\n" }],
    }]);
    let files = files(&post(DOWNLOAD, &body).send(&sim).body());
    let pack = format!("spc/app/profiles/{TENANT_BASELINE_1_0_0}/packs/cert-manager");
    assert_eq!(files[&format!("{pack}/values.yaml")], b"replicas: 3\n");
    assert_eq!(
        files[&format!("{pack}/manifests/issuer.yaml")],
        b"kind: Other\n"
    );
    assert_eq!(files[&format!("{pack}/manifests/new.yaml")], b"x: 1\n");
    check_all(&sim);
}

#[test]
fn system_tools_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let path = directory.join("spc.tgz");
    let sim = demo(Archive {
        padding: 100_000,
        ..Archive::default()
    });
    let answer = download(&sim);
    std::fs::write(&path, answer.body()).unwrap();
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    };
    run(Command::new("gzip").arg("-t").arg(&path));
    let listing = run(Command::new("tar").arg("-tzf").arg(&path));
    assert!(
        listing.lines().all(|line| line.starts_with("spc/")),
        "{listing}"
    );
    run(Command::new("tar")
        .arg("-xzf")
        .arg(&path)
        .arg("-C")
        .arg(directory));
    let filler = directory.join("spc/content/filler-00000.txt");
    assert_eq!(filler.metadata().unwrap().len(), 100_000);
}

#[test]
fn padding_is_deterministic_and_chunked_by_default() {
    // Two files of filler: one of text, one that does not compress.
    let padding = 5 * 1024 * 1024;
    let sim = demo(Archive {
        padding,
        level: 1,
        ..Archive::default()
    });
    let (first, second) = (download(&sim), download(&sim));
    assert_eq!(first.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(first.header("Content-Length"), None);
    assert!(first.coded().ends_with(b"\r\n0\r\n\r\n"));
    let (first, second) = (first.body(), second.body());
    assert_ne!(first, second);
    assert!(first.len() > 1024 * 1024);
    let (first, second) = (files(&first), files(&second));
    assert!(first == second);
    let filler = first.iter().filter(|(path, _)| path.contains("filler"));
    assert_eq!(
        filler.map(|(_, content)| content.len() as u64).sum::<u64>(),
        padding
    );
    check_all(&sim);
}

#[test]
fn framing_is_switchable() {
    for (framing, padding) in [
        (Framing::Length, 100_000),
        (Framing::Chunked, 0),
        (Framing::Auto, 0),
    ] {
        let sim = demo(Archive {
            framing,
            padding,
            ..Archive::default()
        });
        let answer = download(&sim);
        let length = answer
            .header("Content-Length")
            .map(|text| text.parse().unwrap());
        let expected = (framing != Framing::Chunked).then(|| answer.coded().len());
        assert_eq!(length, expected, "{framing:?}");
        assert!(!files(&answer.body()).is_empty());
        let sent = Sent::Stream(answer.body().len() as u64);
        assert_eq!(last(&sim).answer.body, sent, "{framing:?}");
    }
}

#[test]
fn levels() {
    let size = |level| {
        download(&demo(Archive {
            level,
            ..Archive::default()
        }))
        .body()
        .len()
    };
    assert!(size(0) > size(9));
}

#[test]
fn a_fixed_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fixed.tgz");
    let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &content).unwrap();
    for framing in [Framing::Auto, Framing::Chunked] {
        let payload = Payload::File(path.clone());
        let sim = demo(Archive {
            payload,
            framing,
            ..Archive::default()
        });
        assert!(download(&sim).body() == content, "{framing:?}");
        assert_eq!(last(&sim).answer.body, Sent::Stream(content.len() as u64));
        check_all(&sim);
        sim.world(|world| world.archive.payload = Payload::File("/nowhere/at/all".into()));
        let answer = post(DOWNLOAD, &definition(&[EDGE_INFRA_2_1_0])).send(&sim);
        assert_eq!(answer.status(), 500);
    }
}
