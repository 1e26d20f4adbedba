//! What a registry does wrong, and what becomes of it.

use std::time::Instant;

use palette_sim::{Act, Fault, Route, World};

use crate::support::{FaultyRegistry, Guard, On, Reply, Test, gzip, sha256, unused_port};

/// Returns a registry that has the locked archive, a test whose cache is empty, and the archive.
fn ready() -> (FaultyRegistry, Test, Vec<u8>) {
    let registry = FaultyRegistry::start();
    let test = Test::new().repository(&registry.repository());
    test.run("fetch -q").any_stdout().success();
    let archive = std::fs::read(test.cached().remove(0)).unwrap();
    registry.put(&archive);
    test.forget_cache();
    test.sim.clear_requests();
    (registry, test, archive)
}

/// Lacking and unreachable are warnings while Palette can still be asked, and otherwise an error
/// with both reasons.
#[test]
fn palette_is_asked_for_what_the_registry_does_not_have() {
    let (registry, test, _) = ready();
    registry.clear();
    test.run("stage --locked")
        .without_key()
        .error("no-source")
        .stderr_has("registry: `127.0.0.1:")
        .stderr_has("does not have the archive")
        .stderr_has("Palette: no API key")
        .keeps_files()
        .fails(5);
    test.run("stage --locked -v")
        .any_stdout()
        .warning("registry-lacks")
        .stderr_has("factory: from Palette")
        .success();
    assert_eq!(test.downloads(), 1);

    let unreachable = Test::new().repository(&format!("127.0.0.1:{}/edge/x", unused_port()));
    unreachable.run("fetch -q").any_stdout().success();
    unreachable.forget_cache();
    unreachable
        .run("stage --locked")
        .without_key()
        .error("no-source")
        .stderr_has("cannot reach the registry: connection refused")
        .keeps_files()
        .fails(5);
    unreachable
        .run("pull")
        .error("registry-unreachable")
        .keeps_files()
        .fails(5);
    unreachable
        .run("stage --locked")
        .any_stdout()
        .warning("registry-unreachable")
        .success();
    // If Palette fails too, both reasons are told.
    unreachable.forget_cache();
    unreachable.forget_staged();
    unreachable
        .sim
        .fault(Fault::on(Route::Any, Act::status(503)));
    unreachable
        .run("stage --locked")
        .warning("registry-unreachable")
        .error("kept-failing")
        .fails(5);
}

#[test]
fn what_the_registry_lacks_is_not_pulled_from_palette() {
    let (registry, test, _) = ready();
    registry.clear();
    test.run("pull")
        .error("registry-lacks")
        .keeps_files()
        .fails(5);
    assert!(test.sim.requests().is_empty());
}

/// Equal content in other bytes is refused as well, and Palette is not asked in its place.
#[test]
fn other_bytes_are_refused() {
    let (registry, test, archive) = ready();
    let tar = {
        use std::io::Read as _;
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(&archive[..])
            .read_to_end(&mut tar)
            .unwrap();
        tar
    };
    let (a, b) = tar.split_at(512);
    let same_content = [gzip(a), gzip(b)].concat();
    for command in ["stage", "pull", "show"] {
        registry.fault(On::GetBlob, [Reply::Bytes(same_content.clone())]);
        test.run(command)
            .error("registry-other-bytes")
            .stderr_has(&format!("the lock has sha256:{}", sha256(&archive)))
            .stderr_has(&format!(
                "the registry served sha256:{}",
                sha256(&same_content)
            ))
            .keeps_files()
            .fails(6);
    }
    for page in ["<html>Log in</html>", "{\"errors\":[]}"] {
        registry.fault(On::GetBlob, [Reply::Bytes(page.into())]);
        test.run("stage")
            .error("archive-refused")
            .stderr_has(&format!("it begins with `{page}`"))
            .keeps_files()
            .fails(6);
    }
    assert!(test.sim.requests().is_empty());
}

#[test]
fn a_blob_that_is_cut_is_tried_again() {
    let (registry, test, archive) = ready();
    registry.fault(On::GetBlob, [Reply::Cut(700)]);
    test.run("pull")
        .error("registry-unreachable")
        .keeps_files()
        .fails(5);
    let test = test.patience("retries = 2");
    registry.fault(On::GetBlob, [Reply::Cut(0), Reply::Cut(archive.len() - 1)]);
    let done = test
        .run("stage")
        .without_key()
        .any_stdout()
        .any_stderr()
        .success();
    done.says("Retrying", 2);
    assert_eq!(test.staged(), archive);
}

#[test]
fn refusals_that_ask_for_patience() {
    let (registry, test, _) = ready();
    let test = test.patience("retries = 3");
    let busy = |status| Reply::with(status, "Retry-After: 1");
    registry.fault(On::GetBlob, [busy(429), busy(503)]);
    let began = Instant::now();
    let done = test.run("pull").any_stdout().any_stderr().success();
    done.says("Retrying", 2);
    assert!(began.elapsed().as_secs() >= 2);
    test.forget_cache();
    registry.fault(
        On::GetBlob,
        vec![Reply::error(500, "UNKNOWN", "disk\u{1b}[2J full"); 4],
    );
    test.run("pull")
        .error("registry-unreachable")
        .stderr_has("HTTP 500 UNKNOWN: disk\\u{1b}[2J full, 4 attempts")
        .fails(5);
}

#[test]
fn other_refusals_are_not_tried_again() {
    let (registry, test, _) = ready();
    let test = test.patience("retries = 3");
    for (status, code, exit) in [(400, "registry-rejected", 1), (403, "registry-refused", 4)] {
        registry.calls();
        registry.fault(On::GetBlob, [Reply::error(status, "X", "no")]);
        test.run("stage")
            .error(code)
            .stderr_has(&format!("HTTP {status} X: no"))
            .keeps_files()
            .fails(exit);
        assert_eq!(registry.calls().len(), 1);
    }
    assert!(test.sim.requests().is_empty());
}

#[test]
fn silence_ends_after_the_time_out() {
    let (registry, test, _) = ready();
    let test = test.patience("retries = 0\ntimeout = 1");
    for (reply, said) in [
        (Reply::Stall, "no further byte within 1 s"),
        (Reply::Deaf, "no answer within 1 s"),
    ] {
        registry.fault(On::GetBlob, [reply]);
        let began = Instant::now();
        test.run("pull")
            .error("registry-unreachable")
            .stderr_has(said)
            .keeps_files()
            .fails(5);
        assert!(began.elapsed().as_secs() < 30);
    }
}

#[test]
fn an_upload_that_nobody_reads_ends() {
    let registry = FaultyRegistry::start();
    let archive = palette_sim::Archive {
        padding: 24 << 20,
        ..palette_sim::Archive::default()
    };
    let test = Test::of(World::demo().archive(archive)).repository(&registry.repository());
    let test = test.patience("retries = 0\ntimeout = 2");
    test.run("fetch -q").any_stdout().success();
    registry.fault(On::PutBlob, [Reply::Deaf]);
    let began = Instant::now();
    test.run("push")
        .error("registry-unreachable")
        .stderr_has("no byte was accepted within 2 s")
        .keeps_files()
        .fails(5);
    assert!(began.elapsed().as_secs() < 60);
    // It may take longer in all, as long as bytes are accepted.
    test.run("push -q").any_stdout().success();
}

#[test]
fn an_upload_whose_answer_is_lost_is_not_repeated() {
    let (registry, test, _) = ready();
    test.run("pull -q").any_stdout().success();
    registry.clear();
    registry.calls();
    let test = test.patience("retries = 1");
    registry.fault(On::PutBlob, [Reply::Lost]);
    test.run("push").any_stdout().any_stderr().success();
    let calls = registry.calls();
    let uploads = calls
        .iter()
        .filter(|call| call.starts_with("PUT /blobs/uploads"));
    // The archive and the config, once each.
    assert_eq!(uploads.count(), 2, "{calls:?}");
    let done = test.run("push").any_stdout().any_stderr().success();
    done.says("Unchanged factory", 1);
    assert_eq!(
        registry.calls(),
        ["HEAD /blobs/SHA", "HEAD /blobs/SHA", {
            let tag = format!(
                "HEAD /manifests/factory-{}",
                &test.locked("factory").sha256.to_string()[..12]
            );
            Box::leak(tag.into_boxed_str())
        }]
    );
}

#[test]
fn a_registry_that_stores_something_else() {
    let (registry, test, _) = ready();
    test.run("pull -q").any_stdout().success();
    registry.clear();
    let lie = format!("Docker-Content-Digest: sha256:{}", "0".repeat(64));
    registry.fault(
        On::PutBlob,
        [Reply::Status(201, vec![lie.clone()], Vec::new())],
    );
    test.run("push")
        .error("registry-answer")
        .stderr_has("it stored `sha256:0000")
        .fails(6);
    registry.fault(On::PutManifest, [Reply::Status(201, vec![lie], Vec::new())]);
    test.run("push").error("registry-answer").fails(6);
    registry.clear();
    registry.fault(On::Begin, [Reply::with(200, "X: y")]);
    test.run("push").error("registry-answer").fails(6);
    registry.fault(On::Begin, [Reply::with(202, "X: y")]);
    test.run("push")
        .error("registry-unreachable")
        .stderr_has("it does not name a target")
        .fails(5);
}

#[test]
fn a_redirect_to_storage_carries_no_credentials() {
    let (registry, test, archive) = ready();
    let storage = FaultyRegistry::start();
    storage.put(&archive);
    let password = "hunter2-of-the-team";
    let guarded = FaultyRegistry::guarded(Guard::Basic(format!("builder:{password}")));
    guarded.put(&archive);
    drop(registry);
    let test = test
        .definition(crate::support::FACTORY)
        .repository(&guarded.repository());
    test.docker_login(&guarded.repository(), "builder", password);
    let to = format!(
        "Location: {}?signature=s3cret-signature",
        storage.blob_url(sha256(&archive))
    );
    guarded.fault(
        On::GetBlob,
        [
            Reply::with(401, "WWW-Authenticate: Basic realm=\"x\""),
            Reply::with(307, to),
        ],
    );
    test.run("pull -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    assert!(guarded.seen().iter().any(|one| one.authorization.is_some()));
    let seen = storage.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].authorization, None);
    assert!(seen[0].target.ends_with("?signature=s3cret-signature"));
    // Storage whose signature has expired is asked anew.
    test.forget_cache();
    let test = test.patience("retries = 1");
    storage.fault(
        On::GetBlob,
        [Reply::error(403, "Expired", "s3cret-signature")],
    );
    let to = format!("Location: {}", storage.blob_url(sha256(&archive)));
    guarded.fault(
        On::GetBlob,
        [
            Reply::with(401, "WWW-Authenticate: Basic realm=\"x\""),
            Reply::with(302, to.clone()),
            Reply::with(302, to),
        ],
    );
    test.run("pull")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .any_stderr()
        .success();
}

#[test]
fn redirects_that_are_not_followed() {
    let (registry, test, archive) = ready();
    let own = registry.blob_url(sha256(&archive));
    for (replies, why) in [
        (
            vec![Reply::with(
                307,
                "Location: http://storage.invalid/b?signature=s3cret",
            )],
            "it leads to plain HTTP",
        ),
        (vec![Reply::with(307, "X: y")], "it does not name a target"),
        (
            vec![Reply::with(307, format!("Location: {own}")); 9],
            "too many redirects in a row",
        ),
    ] {
        registry.fault(On::GetBlob, replies);
        let done = test
            .run("pull")
            .error("registry-unreachable")
            .stderr_has(why)
            .keeps_files()
            .fails(5);
        assert!(!done.stderr.contains("s3cret"));
        registry.clear_faults();
    }
    test.run("pull -q").any_stdout().success();
    registry.clear();
    registry.fault(On::Begin, [Reply::with(307, format!("Location: {own}"))]);
    test.run("push")
        .error("registry-unreachable")
        .stderr_has("it is the answer to a request that changes something")
        .fails(5);
}

/// An entry of the lock that names the archive of another definition.
#[test]
fn an_archive_that_the_lock_does_not_describe() {
    let registry = FaultyRegistry::start();
    let test = Test::with_other().repository(&registry.repository());
    for path in test.cached() {
        registry.put(&std::fs::read(path).unwrap());
    }
    test.forget_cache();
    let lock = test.text("profiles.lock");
    let [factory, other] = ["factory", "other"].map(|name| test.locked(name).sha256.to_string());
    let swapped = lock
        .replace(&factory, "SWAP")
        .replace(&other, &factory)
        .replace("SWAP", &other);
    test.put("profiles.lock", swapped);
    test.run("pull factory")
        .error("outdated")
        .keeps_files()
        .fails(3);
    assert!(test.cached().is_empty());
}

/// A registry by another name, which the proxy reaches by plain HTTP only.
#[test]
fn plain_http_to_another_host_has_to_be_allowed() {
    let (registry, test, _) = ready();
    let address = registry.repository().split('/').next().unwrap().to_owned();
    let test = test
        .definition(crate::support::FACTORY)
        .repository("registry.test/edge/definitions");
    let pull = |flags: &str| {
        let proxy = format!("http://{address}");
        test.run(&format!("pull {flags}"))
            .env("HTTPS_PROXY", &proxy)
            .env("HTTP_PROXY", &proxy)
    };
    registry.calls();
    pull("")
        .error("registry-unreachable")
        .keeps_files()
        .fails(5);
    assert!(
        registry
            .calls()
            .iter()
            .all(|call| call.starts_with("CONNECT "))
    );
    pull("--allow-http -q").any_stdout().success();
    let calls = registry.calls();
    assert!(
        calls
            .last()
            .unwrap()
            .starts_with("GET http://registry.test/blobs/"),
        "{calls:?}"
    );
}

/// A login page answers every question with a success.
#[test]
fn a_success_that_is_about_something_else_is_no_proof() {
    let (registry, test, _) = ready();
    let page = Reply::Status(200, Vec::new(), b"<html>Log in</html>".to_vec());
    for command in ["check", "push"] {
        registry.fault(On::HasBlob, [page.clone()]);
        test.run(command)
            .any_stdout()
            .error("registry-answer")
            .keeps_files()
            .fails(6);
    }
    let digest = format!("Docker-Content-Digest: sha256:{}", "0".repeat(64));
    registry.fault(On::HasBlob, [Reply::with(200, digest)]);
    test.run("check")
        .any_stdout()
        .error("registry-answer")
        .fails(6);
}
