//! The password and the token of the registry are secrets like the key: with every command that
//! uses them, whatever the registry answers, they are in no output and no file but docker's own.

use super::FORMS;
use crate::support::{FaultyRegistry, Guard, On, Reply, Run, Test, leaked};

const PASSWORD: &str = "r3g+of/the~team w0rd=42";
/// The tokens of the first run and of the second.
const FIRST: &str = "t0ken-1-of-the-team";
const TOKEN: &str = "t0ken-2-of-the-team";

/// Searches everything that a run printed and left.
#[track_caller]
fn search(test: &Test, printed: &str) {
    for secret in [PASSWORD, FIRST, TOKEN] {
        assert_eq!(leaked(secret, printed.as_bytes()), None, "{printed}");
        for (path, bytes) in test.contents() {
            if !path.ends_with("docker/config.json") {
                assert_eq!(leaked(secret, &bytes), None, "{}", path.display());
            }
        }
    }
}

/// A registry with a token service, and a test with the login for it.
fn ready() -> (FaultyRegistry, Test) {
    let registry = FaultyRegistry::guarded(Guard::Token(format!("builder:{PASSWORD}")));
    let test = Test::new().repository(&registry.repository());
    test.docker_login(&registry.repository(), "builder", PASSWORD);
    test.run("fetch -q").any_stdout().success();
    (registry, test)
}

#[track_caller]
fn audit(test: &Test, command: &str, form: &str, code: i32) {
    let run = test.run(command).env("DOCKER_CONFIG", "{dir}/docker");
    let run = form.split_whitespace().fold(run, Run::arg);
    let done = run.any_stdout().any_stderr().ends(code);
    search(test, &format!("{}{}", done.stdout, done.stderr));
}

#[test]
fn commands_that_succeed() {
    for form in FORMS {
        let (registry, test) = ready();
        for command in ["push", "push", "check", "update --push", "fetch --push"] {
            audit(&test, command, form, 0);
        }
        for command in ["pull", "show", "stage", "diff"] {
            test.forget_cache();
            audit(&test, command, form, 0);
        }
        let asked = registry.calls();
        assert!(asked.iter().filter(|call| *call == "GET /token").count() >= 8);
    }
}

/// Servers that send back what they got, in a message, in a header and in an address.
#[test]
fn answers_that_repeat_them() {
    let pair = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("builder:{PASSWORD}"))
    };
    let echo = format!("{PASSWORD} {TOKEN} {pair}");
    let page = format!("<html>{echo}</html>");
    let location = format!("Location: http://{TOKEN}.invalid/{TOKEN}?token={TOKEN}");
    for (on, reply, code) in [
        (On::GetBlob, Reply::error(403, &echo, &echo), 4),
        (On::GetBlob, Reply::error(400, "X", &echo), 1),
        (On::GetBlob, Reply::error(500, "X", &echo), 5),
        (On::GetBlob, Reply::Status(418, Vec::new(), page.into()), 1),
        (On::GetBlob, Reply::with(307, location), 5),
    ] {
        for form in FORMS {
            let (registry, test) = ready();
            audit(&test, "push", form, 0);
            test.forget_cache();
            registry.fault_after(1, on, [reply.clone()]);
            audit(&test, "pull", form, code);
        }
    }
    // The service itself.
    for form in FORMS {
        let (registry, test) = ready();
        let echo = Reply::error(401, "X", &format!("{PASSWORD} {pair}"));
        registry.fault(On::Token, [echo]);
        audit(&test, "push", form, 4);
        let text = format!("{{\"token\": \"{TOKEN} {PASSWORD}\"}}");
        registry.fault(On::Token, [Reply::Bytes(text.into())]);
        audit(&test, "push", form, 6);
    }
}

/// What is uploaded is the archive and its manifest, and what is sent with it is the token.
#[test]
fn what_the_registry_gets() {
    let (registry, test) = ready();
    audit(&test, "push", "", 0);
    let seen = registry.seen();
    assert!(seen.iter().any(|one| one.authorization.is_some()));
    for request in seen {
        let mut sent = format!("{} {}\n", request.method, request.target);
        sent.push_str(&String::from_utf8_lossy(&request.body));
        assert_eq!(leaked(PASSWORD, sent.as_bytes()), None, "{sent}");
        // The key for Palette goes to Palette alone.
        let header = request.authorization.unwrap_or_default();
        for text in [&sent, &header] {
            assert_eq!(leaked(crate::support::KEY, text.as_bytes()), None, "{text}");
        }
    }
}
