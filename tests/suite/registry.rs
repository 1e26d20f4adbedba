//! The team's registry, as Debian's `docker-registry` serves it and skopeo reads it.

use std::collections::BTreeMap;

use edgestage::util::digest::Digest;
use palette_sim::World;
use serde_json::Value;

use crate::support::{
    DockerRegistry, PASSWORD, Proxy, Test, USER, content_sha256, gzip, sha256, skopeo, unused_port,
};

/// Returns a test whose registry requires the password, with the login in `docker/`.
fn with_password() -> (DockerRegistry, Test) {
    let registry = DockerRegistry::with_password();
    let test = Test::new().repository(&registry.repository());
    test.docker_login(&registry.repository(), USER, PASSWORD);
    (registry, test)
}

/// Returns the arguments by which skopeo logs in.
fn login() -> [String; 2] {
    ["--creds".into(), format!("{USER}:{PASSWORD}")]
}

#[test]
fn what_was_pushed_is_staged_without_a_key_and_without_palette() {
    let (_registry, test) = with_password();
    test.run("fetch --push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    test.forget_cache();
    test.sim.clear_requests();
    let connections = test.sim.connections();
    let done = test
        .run("stage --locked --json")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .without_key()
        .any_stdout()
        .any_stderr()
        .success();
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(document["definitions"][0]["origin"], "registry");
    assert_eq!(test.sim.connections(), connections);
    let locked = test.locked("factory");
    assert_eq!(sha256(&test.staged()), locked.sha256.to_string());
    // The archive is in the cache now, for a run without any network.
    test.forget_staged();
    test.run("stage --locked --offline -v")
        .without_key()
        .any_stdout()
        .stderr_has("factory: from the cache")
        .success();
}

/// Without `--locked` too, as long as the lock is current.
#[test]
fn a_current_lock_needs_no_key() {
    let (_registry, test) = with_password();
    test.run("fetch --push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    test.forget_cache();
    test.run("stage -v")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .without_key()
        .any_stdout()
        .stderr_has("factory: from the registry")
        .success();
    let changed = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    changed
        .run("stage")
        .without_key()
        .error("key-missing")
        .keeps_files()
        .fails(4);
}

#[test]
fn skopeo_reads_the_manifest_and_copies_the_archive() {
    let (registry, test) = with_password();
    let done = test
        .run("fetch --push --json")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .any_stderr()
        .success();
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let pushed = document["definitions"][0]["pushed"].as_str().unwrap();
    let locked = test.locked("factory");
    let tag = format!("factory-{}", &locked.sha256.to_string()[..12]);
    let [flag, creds] = &login();
    let image = format!("docker://{}:{tag}", registry.repository());
    let raw = skopeo(&[
        "inspect",
        "--raw",
        "--tls-verify=false",
        flag,
        creds,
        &image,
    ]);
    let reference = format!("{}@sha256:{}", registry.repository(), Digest::of(&raw));
    assert_eq!(pushed, reference);
    let manifest: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(
        manifest["artifactType"],
        "application/vnd.edgestage.cluster-definition.v1"
    );
    let layer = &manifest["layers"][0];
    assert_eq!(
        layer["digest"],
        format!("sha256:{}", locked.sha256).as_str()
    );
    assert_eq!(layer["size"], locked.size);
    assert_eq!(
        layer["annotations"]["org.opencontainers.image.title"],
        "spc.tgz"
    );
    let annotations: BTreeMap<String, String> =
        serde_json::from_value(manifest["annotations"].clone()).unwrap();
    let expected = [
        (
            "vnd.edgestage.content-sha256",
            locked.content_sha256.to_string(),
        ),
        ("vnd.edgestage.definition", "factory".into()),
        (
            "vnd.edgestage.packs",
            "edge-native-byoi@2.1.0, edge-k3s@1.30.4, cni-flannel@0.26.1, hello-universe@1.2.0"
                .into(),
        ),
        (
            "vnd.edgestage.profiles",
            "edge-infra@2.1.0, hello-universe@1.2.0".into(),
        ),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(annotations, BTreeMap::from(expected));

    let directory = test.path("copied");
    let to = format!("dir:{}", directory.display());
    skopeo(&[
        "copy",
        "-q",
        "--src-tls-verify=false",
        "--src-creds",
        creds,
        &image,
        &to,
    ]);
    let copied = std::fs::read(directory.join(locked.sha256.to_string())).unwrap();
    assert_eq!(sha256(&copied), locked.sha256.to_string());
    assert_eq!(content_sha256(&copied), locked.content_sha256.to_string());
}

#[test]
fn a_second_push_sends_nothing() {
    let (registry, test) = with_password();
    test.run("fetch -q").any_stdout().success();
    let first = test
        .run("push")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .stderr_has("      Pushed factory as ")
        .stderr_has("    Finished factory, pushed in ")
        .success();
    let before = registry.blobs();
    let second = test
        .run("push")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .stdout(&first.stdout)
        .stderr_has("   Unchanged factory as ")
        .success();
    assert_eq!(registry.blobs(), before);
    assert!(
        second
            .stdout
            .starts_with(&format!("{}@sha256:", registry.repository()))
    );
    // Neither a cache nor Palette is needed for what the registry has.
    test.forget_cache();
    test.run("push")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .without_key()
        .stdout(&first.stdout)
        .any_stderr()
        .success();
}

#[test]
fn pull_fills_the_cache_and_never_asks_palette() {
    let (_registry, test) = with_password();
    test.run("fetch --push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    let cached = test.cached();
    test.forget_cache();
    let connections = test.sim.connections();
    let pull = || test.run("pull --json").env("DOCKER_CONFIG", "{dir}/docker");
    for origin in ["registry", "cache"] {
        let done = pull().any_stdout().any_stderr().success();
        let document: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(document["definitions"][0]["origin"], origin);
        let path = document["definitions"][0]["path"].as_str().unwrap();
        assert_eq!(
            std::fs::read(path).unwrap(),
            std::fs::read(&cached[0]).unwrap()
        );
    }
    assert_eq!(test.sim.connections(), connections);
}

#[test]
fn show_and_diff_read_the_archive_of_the_registry() {
    let (_registry, test) = with_password();
    test.run("fetch --push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    test.forget_cache();
    test.run("show")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .without_key()
        .stdout_has("dbPassword")
        .stderr_has("     Pulling factory from ")
        .success();
    test.forget_cache();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    test.run("diff")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .stdout_has("edge-k3s")
        .stdout_has("packs/edge-k3s/values.yaml")
        .error("drift")
        .fails(3);
    // `update` names the files that changed, and both archives are in the registry afterwards.
    test.forget_cache();
    test.run("update --push")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .stderr_has("     Changed factory: ")
        .stderr_has("      Pushed factory as ")
        .success();
}

#[test]
fn check_says_whether_the_registry_has_it() {
    let (_registry, test) = with_password();
    let check = || {
        test.run("check --json")
            .env("DOCKER_CONFIG", "{dir}/docker")
            .any_stdout()
    };
    let state = |stdout: &str| {
        let document: Value = serde_json::from_str(stdout).unwrap();
        document["definitions"][0]["registry"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(state(&check().any_stderr().success().stdout), "not-locked");
    test.run("fetch -q").any_stdout().success();
    assert_eq!(
        state(&check().warning("registry-lacks").success().stdout),
        "lacks"
    );
    test.run("push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    assert_eq!(state(&check().any_stderr().success().stdout), "has");
    test.run("check")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .stdout_has("definition  profiles  lock     palette     registry  staged")
        .stdout_has("accepts it  has it ")
        .any_stderr()
        .success();
    let offline = test.run("check --offline --json").any_stdout().any_stderr();
    assert_eq!(state(&offline.success().stdout), "offline");
    let test = test.text("profiles.toml");
    let unused = format!("127.0.0.1:{}/edge/x", unused_port());
    let other = Test::new().repository(&unused);
    other.run("fetch -q").any_stdout().success();
    let done = other
        .run("check --json")
        .any_stdout()
        .warning("registry-unreachable")
        .success();
    assert_eq!(state(&done.stdout), "unreachable");
    let none = Test::new();
    let done = none.run("check --json").any_stdout().any_stderr().success();
    assert_eq!(state(&done.stdout), "none");
    drop(test);
}

#[test]
fn a_wrong_password_names_its_file_and_asks_nobody_else() {
    let (registry, test) = with_password();
    test.run("fetch --push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    test.forget_cache();
    test.docker_login(&registry.repository(), USER, "wr0ng-passw0rd");
    test.sim.clear_requests();
    for command in ["stage", "pull", "push", "check"] {
        let done = test
            .run(command)
            .env("DOCKER_CONFIG", "{dir}/docker")
            .any_stdout()
            .error("registry-refused")
            .stderr_has("`{dir}/docker/config.json`")
            .stderr_has("docker login 127.0.0.1")
            .fails(4);
        assert!(!done.stderr.contains("wr0ng-passw0rd"));
    }
    assert_eq!(test.downloads(), 0);
    test.run("stage")
        .error("registry-refused")
        .stderr_has("neither docker's `config.json` nor podman's `auth.json`")
        .keeps_files()
        .fails(4);
    assert_eq!(test.downloads(), 0);
}

#[test]
fn tls_of_a_private_authority_and_through_a_proxy() {
    let registry = DockerRegistry::with_tls(&["127.0.0.1", "registry.test"]);
    let lines = format!(
        "repository = \"{}\"\nca-cert = \"trust/ca.pem\"",
        registry.repository()
    );
    let test = Test::new()
        .registry(&lines)
        .write("trust/ca.pem", registry.ca());
    test.docker_login(&registry.repository(), USER, PASSWORD);
    test.run("fetch --push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    test.forget_cache();
    test.run("pull -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    // A name that only the proxy can resolve.
    let proxy = Proxy::to(registry.port());
    let manifest = test.text("profiles.toml");
    let name = registry.repository().replace("127.0.0.1", "registry.test");
    test.put(
        "profiles.toml",
        manifest.replace(&registry.repository(), &name),
    );
    test.docker_login(&name, USER, PASSWORD);
    test.forget_cache();
    test.run("pull -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .env("HTTPS_PROXY", &format!("http://{}", proxy.address()))
        .any_stdout()
        .success();
    // Another authority, and one that the system does not know.
    test.forget_cache();
    test.put(
        "trust/ca.pem",
        palette_sim::Tls::self_signed(&["127.0.0.1"]).ca_pem(),
    );
    test.run("pull")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .env("HTTPS_PROXY", &format!("http://{}", proxy.address()))
        .error("registry-unreachable")
        .stderr_has("its certificate is ")
        .keeps_files()
        .fails(5);
    test.put("trust/ca.pem", "nothing");
    test.run("pull")
        .error("unusable-ca-cert")
        .keeps_files()
        .fails(2);
}

#[test]
fn sixty_four_definitions_at_once() {
    let registry = DockerRegistry::open();
    let test = Test::of(World::demo().fleet(64)).repository(&registry.repository());
    let head = test.text("profiles.toml");
    let head = head.split("[definition.").next().unwrap().to_owned();
    let definition = |n: u32| {
        format!(
            "[definition.site-{n:04}]\nprofiles = [\"edge-infra@2.1.0\", \"site-{n:04}@1.0.0\"]\n"
        )
    };
    let definitions: Vec<String> = (1..=64).map(definition).collect();
    test.put("profiles.toml", head + &definitions.join("\n"));
    test.run("fetch --push -q").any_stdout().success();
    let before = registry.blobs();
    // An archive and a manifest each, and one config for all.
    assert_eq!(before.len(), 129);
    let done = test.run("push --json").any_stdout().any_stderr().success();
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let definitions = document["definitions"].as_array().unwrap();
    assert_eq!(definitions.len(), 64);
    assert!(definitions.iter().all(|one| one["result"] == "unchanged"));
    assert_eq!(registry.blobs(), before);
    test.forget_cache();
    test.run("pull -q").without_key().any_stdout().success();
    assert_eq!(test.cached().len(), 64);
}

/// The lock and Palette agree on the content, and the bytes differ.
#[test]
fn only_the_locked_bytes_are_pushed() {
    let registry = DockerRegistry::open();
    let test = Test::new().repository(&registry.repository());
    test.run("fetch -q").any_stdout().success();
    let path = test.cached().remove(0);
    let tar = {
        use std::io::Read as _;
        let mut tar = Vec::new();
        let file = std::fs::File::open(&path).unwrap();
        flate2::read::MultiGzDecoder::new(file)
            .read_to_end(&mut tar)
            .unwrap();
        tar
    };
    let other = gzip(&tar);
    let locked = test.locked("factory");
    let other = if sha256(&other) == locked.sha256.to_string() {
        // Another compression of the same content: two members.
        let (a, b) = tar.split_at(512);
        [gzip(a), gzip(b)].concat()
    } else {
        other
    };
    std::fs::write(&path, &other).unwrap();
    test.sim.clear_requests();
    test.run("push")
        .error("not-the-locked-bytes")
        .stderr_has(&format!("the lock has sha256:{}", locked.sha256))
        .stderr_has("run `edgestage update factory`")
        .keeps_files()
        .fails(3);
    assert!(registry.blobs().is_empty());
    assert_eq!(test.downloads(), 0);
    // What `update` locks is what there is.
    test.run("update --push -q").any_stdout().success();
    assert_eq!(test.locked("factory").sha256.to_string(), sha256(&other));
    assert_eq!(registry.blobs().len(), 3);
}

#[test]
fn what_is_not_locked_is_not_pushed_and_not_pulled() {
    let registry = DockerRegistry::open();
    let test = Test::new().repository(&registry.repository());
    for command in ["push", "pull"] {
        test.run(command)
            .error("no-lockfile")
            .keeps_files()
            .fails(3);
    }
    test.run("fetch -q").any_stdout().success();
    let test = test
        .definition("profiles = [\"edge-infra@2.0.0\"]")
        .repository(&registry.repository());
    for command in ["push", "pull"] {
        test.run(command).error("outdated").keeps_files().fails(3);
    }
    assert!(registry.blobs().is_empty());
}

#[test]
fn a_registry_is_needed_and_a_network() {
    let test = Test::new();
    for command in ["push", "pull", "fetch --push", "update --push"] {
        test.run(command)
            .error("no-registry")
            .keeps_files()
            .fails(2);
    }
    let test = test.repository(&format!("127.0.0.1:{}/edge/x", unused_port()));
    for command in ["push --offline", "pull --offline", "fetch --push --offline"] {
        test.run(command)
            .error("conflicting-options")
            .keeps_files()
            .fails(2);
    }
}
