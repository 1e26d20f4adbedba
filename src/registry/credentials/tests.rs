//! Files as docker and podman write them, and helpers as programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;

fn environment(variables: &[(&str, &Path)]) -> Environment {
    let mut all: BTreeMap<_, _> = variables
        .iter()
        .map(|(name, value)| ((*name).into(), value.as_os_str().to_owned()))
        .collect();
    all.insert("SECRET_OF_PALETTE".into(), "k3y".into());
    all.entry("PATH".into())
        .or_insert_with(|| "/usr/bin:/bin".into());
    Environment {
        variables: all,
        directory: "/".into(),
        terminal: false,
        interactive: false,
        columns: None,
    }
}

fn found(repository: &str, environment: &Environment) -> Option<String> {
    let repository = Repository::parse(repository).unwrap();
    let found = find(&repository, environment, &["SECRET_OF_PALETTE"]).unwrap()?;
    Some(match found.login {
        Login::Password { user, password } => format!("{user}:{}", password.expose()),
        Login::IdentityToken(token) => format!("token {}", token.expose()),
    })
}

fn encoded(pair: &str) -> String {
    general_purpose::STANDARD.encode(pair)
}

#[test]
fn entries_by_path_by_host_and_by_old_urls() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auth.json");
    let text = serde_json::json!({"auths": {
        "r.example": {"auth": encoded("host:pw")},
        "r.example/edge": {"auth": encoded("edge:p:w")},
        "r.example/edge/site": {"auth": encoded("site:pw\0\0")},
        "https://old.example/v1/": {"auth": encoded("old:pw").trim_end_matches('=')},
        "https://index.docker.io/v1/": {"auth": encoded("hub:pw")},
        "t.example": {"auth": encoded("0000:x"), "identitytoken": "1d"},
        "u.example": {"username": "plain", "password": "pw"},
        "z.example": {"username": "<token>", "password": "1d"},
        "empty.example": {},
        "null.example": null,
    }, "HttpHeaders": {"User-Agent": "x"}, "currentContext": "y"});
    fs::write(&file, text.to_string()).unwrap();
    let environment = environment(&[("REGISTRY_AUTH_FILE", &file)]);
    for (repository, login) in [
        ("r.example/other", Some("host:pw")),
        ("r.example/edge", Some("edge:p:w")),
        ("r.example/edge/x/y", Some("edge:p:w")),
        ("r.example/edge/site/y", Some("site:pw")),
        ("r.example/edgewise", Some("host:pw")),
        ("R.example/other", Some("host:pw")),
        ("r.example:5000/edge", None),
        ("old.example/x", Some("old:pw")),
        ("docker.io/org/x", Some("hub:pw")),
        ("t.example/x", Some("token 1d")),
        ("u.example/x", Some("plain:pw")),
        ("z.example/x", Some("token 1d")),
        ("empty.example/x", None),
        ("null.example/x", None),
        ("unknown.example/x", None),
    ] {
        assert_eq!(
            found(repository, &environment).as_deref(),
            login,
            "{repository}"
        );
    }
}

#[test]
fn the_first_file_that_knows_the_registry_counts() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let write = |path: &Path, host: &str, pair: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = serde_json::json!({"auths": {host: {"auth": encoded(pair)}}});
        fs::write(path, text.to_string()).unwrap();
    };
    write(&at("named.json"), "a.example", "named:pw");
    for host in ["a.example", "b.example"] {
        write(&at("docker/config.json"), host, "docker:pw");
    }
    write(&at("home/.docker/config.json"), "b.example", "home:pw");
    write(&at("run/containers/auth.json"), "c.example", "podman:pw");
    let (named, docker) = (at("named.json"), at("docker"));
    let (home, run) = (at("home"), at("run"));
    let all = environment(&[
        ("REGISTRY_AUTH_FILE", &named),
        ("DOCKER_CONFIG", &docker),
        ("HOME", &home),
        ("XDG_RUNTIME_DIR", &run),
    ]);
    assert_eq!(found("a.example/x", &all).as_deref(), Some("named:pw"));
    assert_eq!(found("b.example/x", &all).as_deref(), Some("docker:pw"));
    assert_eq!(found("c.example/x", &all).as_deref(), Some("podman:pw"));
    let without = environment(&[("HOME", &home)]);
    assert_eq!(found("b.example/x", &without).as_deref(), Some("home:pw"));
    fs::write(&named, " \n").unwrap();
    assert_eq!(found("b.example/x", &all).as_deref(), Some("docker:pw"));
    assert_eq!(found("b.example/x", &environment(&[])), None);
}

#[test]
fn a_file_that_cannot_be_used_is_named_without_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("auth.json");
    let environment = environment(&[("REGISTRY_AUTH_FILE", &file)]);
    let repository = Repository::parse("r.example/x").unwrap();
    for (text, why) in [
        (
            r#"{"auths": {"r.example": {"auth": "hunter2!"}}}"#,
            "its entry `r.example` has an `auth`",
        ),
        (
            r#"{"auths": {"r.example": {"auth": "aHVudGVyMg=="}}}"#,
            "its entry `r.example` has an `auth`",
        ),
        (
            r#"{"auths": {"r.example": "hunter2"}}"#,
            "it is not the JSON",
        ),
        ("hunter2", "it is not the JSON"),
    ] {
        fs::write(&file, text).unwrap();
        let error = find(&repository, &environment, &[]).unwrap_err();
        let CredentialsError::File { path, why: found } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*path, file.display().to_string());
        assert!(found.starts_with(why), "{found}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(find(&repository, &environment, &[]).is_err());
}

#[cfg(unix)]
#[test]
fn helpers_as_docker_asks_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let helper = |name: &str, script: &str| {
        let path = directory.path().join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    helper(
        "good",
        r#"read -r host; [ "$1" = get ] || exit 9
        printf '{"ServerURL":"%s","Username":"%s","Secret":"s%s"}' "$host" "$host" "$SECRET_OF_PALETTE""#,
    );
    helper("token", r#"printf '{"Username":"<token>","Secret":"1d"}'"#);
    helper(
        "none",
        "echo credentials not found in native keychain; exit 1",
    );
    helper("broken", "echo hunter2; exit 3");
    helper("odd", "echo hunter2");
    let docker = directory.path().join("docker");
    fs::create_dir(&docker).unwrap();
    let config = docker.join("config.json");
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let environment = environment(&[("DOCKER_CONFIG", &docker), ("PATH", Path::new(&path))]);
    let text = serde_json::json!({
        "auths": {"r.example": {}, "n.example": {"auth": encoded("file:pw")}},
        "credsStore": "none",
        "credHelpers": {
            "r.example": "good", "docker.io": "good", "t.example": "token",
            "b.example": "broken", "o.example": "odd", "m.example": "missing", "p.example": "../x",
        },
    });
    fs::write(&config, text.to_string()).unwrap();
    for (repository, login) in [
        ("r.example/x", Some("r.example:s")),
        ("docker.io/org/x", Some("https://index.docker.io/v1/:s")),
        ("t.example/x", Some("token 1d")),
        // The store knows nothing, so the file counts.
        ("n.example/x", Some("file:pw")),
        ("q.example/x", None),
    ] {
        assert_eq!(
            found(repository, &environment).as_deref(),
            login,
            "{repository}"
        );
    }
    for (repository, helper, why) in [
        (
            "b.example/x",
            "docker-credential-broken",
            "it ended with exit code 3",
        ),
        (
            "o.example/x",
            "docker-credential-odd",
            "it did not print the JSON",
        ),
        ("m.example/x", "docker-credential-missing", ""),
        (
            "p.example/x",
            "docker-credential-../x",
            "its name has a slash",
        ),
    ] {
        let repository = Repository::parse(repository).unwrap();
        let error = find(&repository, &environment, &[]).unwrap_err();
        let CredentialsError::Helper {
            program,
            path,
            why: found,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(
            (program.as_str(), path.as_str()),
            (helper, config.to_str().unwrap())
        );
        assert!(found.starts_with(why), "{found}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
