//! Where the credentials for the registry come from, and what becomes of them.

use crate::support::{FaultyRegistry, Guard, On, Reply, Test, leaked};

/// A password that every encoding changes, and that is masked in all of them.
const PASSWORD: &str = "p4ss w0rd+of/the~team=42";
/// An identity token.
const IDENTITY: &str = "1dentity.t0ken-of_the-team";

/// Returns a registry that has the locked archive, and a test whose cache is empty.
fn ready(guard: Guard) -> (FaultyRegistry, Test) {
    let registry = FaultyRegistry::guarded(guard);
    let test = Test::new().repository(&registry.repository());
    test.run("fetch -q").any_stdout().success();
    let cached = test.cached().remove(0);
    registry.put(&std::fs::read(cached).unwrap());
    test.forget_cache();
    (registry, test)
}

fn auths(registry: &FaultyRegistry, entry: &serde_json::Value) -> String {
    let repository = registry.repository();
    let host = repository.split('/').next().unwrap();
    serde_json::json!({"auths": {host: entry}}).to_string()
}

#[test]
fn a_token_costs_two_more_requests_and_a_password_one() {
    let pair = format!("builder:{PASSWORD}");
    for (guard, calls) in [
        (Guard::Nobody, &["GET /blobs/SHA"][..]),
        (
            Guard::Basic(pair.clone()),
            &["GET /blobs/SHA", "GET /blobs/SHA"],
        ),
        (
            Guard::Token(pair),
            &["GET /blobs/SHA", "GET /token", "GET /blobs/SHA"],
        ),
        // A token service that gives tokens to everybody needs no login.
        (
            Guard::Token(String::new()),
            &["GET /blobs/SHA", "GET /token", "GET /blobs/SHA"],
        ),
    ] {
        let is_open = matches!(&guard, Guard::Token(pair) if pair.is_empty());
        let (registry, test) = ready(guard);
        if !is_open {
            test.docker_login(&registry.repository(), "builder", PASSWORD);
        }
        test.run("stage --locked -q")
            .env("DOCKER_CONFIG", "{dir}/docker")
            .without_key()
            .any_stdout()
            .success();
        assert_eq!(registry.calls(), calls);
    }
}

#[test]
fn an_identity_token_is_exchanged() {
    let (registry, test) = ready(Guard::Token(IDENTITY.into()));
    test.put(
        "auth.json",
        auths(&registry, &serde_json::json!({"identitytoken": IDENTITY})),
    );
    test.run("pull -q")
        .env("REGISTRY_AUTH_FILE", "{dir}/auth.json")
        .any_stdout()
        .success();
    let seen = registry.seen();
    let token = seen
        .iter()
        .find(|one| one.target.starts_with("/token"))
        .unwrap();
    assert_eq!(
        (token.method.as_str(), &token.authorization),
        ("POST", &None)
    );
    let form = String::from_utf8(token.body.clone()).unwrap();
    for part in [
        "grant_type=refresh_token",
        "client_id=edgestage",
        "service=team",
        "scope=repository%3Aedge%2Fdefinitions%3Apull",
    ] {
        assert!(form.contains(part), "{form}");
    }
    // It is sent to the token service and not to the registry.
    assert!(
        seen.iter()
            .all(|one| one.authorization.as_deref() != Some(IDENTITY))
    );
}

#[test]
fn an_expired_token_is_replaced() {
    let (registry, test) = ready(Guard::Token(format!("builder:{PASSWORD}")));
    test.docker_login(&registry.repository(), "builder", PASSWORD);
    test.run("pull -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    registry.clear();
    registry.calls();
    // The registry takes back the token in the middle of a push.
    registry.fault(
        On::PutBlob,
        [Reply::with(
            401,
            format!(
                "WWW-Authenticate: Bearer realm=\"http://{}/token\",service=\"team\"",
                registry.repository().split('/').next().unwrap()
            ),
        )],
    );
    test.run("push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    let calls = registry.calls();
    assert_eq!(
        calls.iter().filter(|call| *call == "GET /token").count(),
        2,
        "{calls:?}"
    );
    let asked = calls
        .iter()
        .filter(|call| call.starts_with("PUT /blobs/uploads"))
        .count();
    // The archive twice, and the config.
    assert_eq!(asked, 3, "{calls:?}");
}

#[test]
fn a_push_asks_for_a_token_that_may_write() {
    let (registry, test) = ready(Guard::Token(format!("builder:{PASSWORD}")));
    test.docker_login(&registry.repository(), "builder", PASSWORD);
    test.run("pull -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    registry.clear();
    registry.calls();
    test.run("push -q")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .any_stdout()
        .success();
    let seen = registry.seen();
    let tokens: Vec<_> = seen
        .iter()
        .filter(|one| one.target.starts_with("/token"))
        .collect();
    assert_eq!(tokens.len(), 1);
    assert!(
        tokens[0]
            .target
            .contains("scope=repository%3Aedge%2Fdefinitions%3Apull%2Cpush")
    );
    assert!(tokens[0].target.contains("account=builder"));
}

#[test]
fn a_login_that_is_refused() {
    let pair = format!("builder:{PASSWORD}");
    for guard in [Guard::Basic(pair.clone()), Guard::Token(pair)] {
        let (registry, test) = ready(guard);
        test.docker_login(&registry.repository(), "builder", "another-password");
        test.sim.clear_requests();
        let done = test
            .run("stage")
            .env("DOCKER_CONFIG", "{dir}/docker")
            .error("registry-refused")
            .stderr_has("`{dir}/docker/config.json`")
            .keeps_files()
            .fails(4);
        assert!(!done.stderr.contains("another-password"));
        assert_eq!(test.downloads(), 0);
        // It is not tried again.
        assert!(registry.calls().len() <= 2);
    }
}

/// A token that the registry does not accept is not asked for again and again.
#[test]
fn a_token_that_is_good_for_nothing() {
    let (registry, test) = ready(Guard::Token(format!("builder:{PASSWORD}")));
    test.docker_login(&registry.repository(), "builder", PASSWORD);
    let host = registry.repository().split('/').next().unwrap().to_owned();
    let denied = Reply::with(
        401,
        format!(
            "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"team\",error=\"insufficient_scope\""
        ),
    );
    registry.fault(On::GetBlob, vec![denied; 9]);
    test.run("pull")
        .env("DOCKER_CONFIG", "{dir}/docker")
        .error("registry-refused")
        .keeps_files()
        .fails(4);
    assert_eq!(
        registry.calls(),
        ["GET /blobs/SHA", "GET /token", "GET /blobs/SHA"]
    );
}

#[test]
fn a_token_service_at_another_address_gets_no_password_over_plain_http() {
    for realm in [
        "http://auth.invalid/token",
        "ftp://127.0.0.1/token",
        "nothing",
    ] {
        let (registry, test) = ready(Guard::Elsewhere(realm.into()));
        test.docker_login(&registry.repository(), "builder", PASSWORD);
        test.run("pull")
            .env("DOCKER_CONFIG", "{dir}/docker")
            .error("registry-answer")
            .stderr_has("its token service is not ")
            .keeps_files()
            .fails(6);
    }
}

#[test]
fn what_servers_echo_is_masked() {
    let pair = format!("builder:{PASSWORD}");
    let token = "t0ken-1-of-the-team";
    let basic = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&pair)
    };
    for flags in ["-v", "--json", "-q"] {
        // The registry echoes the token and the login.
        let (registry, test) = ready(Guard::Token(pair.clone()));
        test.docker_login(&registry.repository(), "builder", PASSWORD);
        let echo = Reply::error(
            403,
            "DENIED",
            &format!("{PASSWORD} and {token} and {basic}"),
        );
        registry.fault_after(1, On::GetBlob, [echo]);
        let pull = || {
            test.run(&format!("pull {flags}"))
                .env("DOCKER_CONFIG", "{dir}/docker")
                .any_stdout()
                .any_stderr()
        };
        let refused = pull().fails(4);
        // So does the token service.
        let echo = Reply::error(500, "X", &format!("{PASSWORD} and {basic}"));
        registry.fault(On::Token, [echo]);
        let failed = pull().fails(5);
        for done in [refused, failed] {
            let whole = format!("{}{}", done.stdout, done.stderr);
            assert!(whole.contains("[secret] and "), "{whole}");
            for secret in [PASSWORD, token] {
                assert_eq!(leaked(secret, whole.as_bytes()), None, "{whole}");
            }
        }
        for (path, bytes) in test.contents() {
            if !path.ends_with("docker/config.json") {
                assert_eq!(leaked(PASSWORD, &bytes), None, "{}", path.display());
                assert_eq!(leaked(token, &bytes), None, "{}", path.display());
            }
        }
    }
}

#[test]
fn credentials_that_cannot_be_read() {
    let (registry, test) = ready(Guard::Basic("builder:x".into()));
    test.put("auth.json", "hunter2");
    let done = test
        .run("pull")
        .env("REGISTRY_AUTH_FILE", "{dir}/auth.json")
        .error("registry-credentials")
        .stderr_has("`{dir}/auth.json`")
        .keeps_files()
        .fails(4);
    assert!(!done.stderr.contains("hunter2"));
    // A registry that asks for nothing needs no credentials, and no file is read.
    registry.open();
    test.run("pull -q")
        .env("REGISTRY_AUTH_FILE", "{dir}/auth.json")
        .any_stdout()
        .success();
}

#[cfg(unix)]
#[test]
fn a_helper_has_the_password_and_not_our_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let (registry, test) = ready(Guard::Basic("from-helper:hunter2-".into()));
    let path = "bin/docker-credential-team";
    test.put(
        path,
        "#!/bin/sh\nread -r host\nprintf '{\"Username\":\"from-helper\",\"Secret\":\"hunter2-%s\"}' \"$PALETTE_API_KEY\"\n",
    );
    std::fs::set_permissions(test.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    test.put("docker/config.json", r#"{"credsStore": "team"}"#);
    let pull = |path: &str| {
        test.run("pull")
            .env("DOCKER_CONFIG", "{dir}/docker")
            .env("PATH", path)
    };
    pull("{dir}/bin:/usr/bin:/bin")
        .any_stdout()
        .any_stderr()
        .success();
    test.forget_cache();
    pull("/usr/bin:/bin")
        .error("registry-credentials")
        .stderr_has("`docker-credential-team`")
        .stderr_has("`{dir}/docker/config.json` names it")
        .fails(4);
    // A refused password of a helper names the helper.
    test.put(
        path,
        "#!/bin/sh\nprintf '{\"Username\":\"a\",\"Secret\":\"wr0ng-one\"}'\n",
    );
    let done = pull("{dir}/bin:/usr/bin:/bin")
        .error("registry-refused")
        .stderr_has("the credentials are those of `docker-credential-team`")
        .fails(4);
    assert!(!done.stderr.contains("wr0ng-one"));
    drop(registry);
}
