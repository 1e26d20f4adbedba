//! Certificates, passwords and sessions of edge hosts.

use std::time::{Duration, Instant};

use palette_sim::{HostFault, Tls};
use serde_json::Value;

use crate::support::{
    HOST_PASSWORD, HOST_USER, Host, Proxy, Test, forms, host_world, leaked, until, unused_port,
};

/// A test with these lines for the one host, which holds the locked definition.
fn site(host: &Host, lines: &str) -> Test {
    let table = format!("[host.line-1]\naddress = \"{}\"\n{lines}\n", host.address());
    let test = Test::new().hosts(&[table]);
    test.run("fetch -q").any_stdout().success();
    let shown = test.cached_details();
    host.world(|world| drop(world.slots.insert("embedded", shown)));
    test
}

/// The password is not sent to whoever answers.
#[test]
fn an_unknown_certificate_stops_before_the_password() {
    let host = Host::start(host_world());
    let test = site(&host, "");
    let done = test
        .host_run("host check")
        .any_stdout()
        .error("unknown-certificate")
        .stderr_has("the certificate of the host `line-1` is not known")
        .stderr_has(&format!("its SHA-256 is {}", host.fingerprint()))
        .stderr_has("it is valid from 2020-01-01 to 2120-01-01")
        .stderr_has("it is for `edge-host-sim`")
        .stderr_has("the password was not sent")
        .stderr_has(&format!(
            "add `certificate-sha256 = \"{}\"` to `[host.line-1]`",
            host.fingerprint()
        ))
        .fails(5);
    assert_eq!(host.requests().len(), 0);
    assert!(host.connections() > 0);
    // The line of the message is the one that is needed.
    let line = done
        .stderr
        .split('`')
        .find(|part| part.starts_with("certificate-sha256 = "));
    let line = line.unwrap().to_owned();
    let manifest = test.text("profiles.toml") + &line + "\n";
    let test = test.write("profiles.toml", manifest);
    test.host_run("host check")
        .any_stdout()
        .any_stderr()
        .success();
    let upload = test.host_run(&format!("host upload {}", host.address()));
    upload.any_stdout().any_stderr().success();
}

#[test]
fn another_certificate_than_the_pin() {
    let host = Host::start(host_world());
    let pin = format!("certificate-sha256 = \"{}\"", "9c1e".repeat(16));
    let test = site(&host, &pin);
    test.host_run("host check")
        .any_stdout()
        .error("unknown-certificate")
        .stderr_has("has another certificate than `certificate-sha256` names")
        .fails(5);
    // A pin stands above an authority, too.
    let test = site(&host, &format!("{pin}\nca-cert = \"own.pem\""));
    let test = test.write("own.pem", host.certificate_pem());
    test.host_run("host check")
        .any_stdout()
        .error("unknown-certificate")
        .fails(5);
    assert_eq!(host.requests().len(), 0);
}

/// Names and dates do not count for a pin: the host's name is whatever DHCP gave it.
#[test]
fn a_pinned_certificate_may_be_out_of_date() {
    let tls = Tls::of_edge_host(&["somebody-else.invalid"], (2018, 2019));
    let host = Host::with_certificate(host_world(), tls);
    let colons: Vec<String> = host
        .fingerprint()
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
        .collect();
    let test = site(
        &host,
        &format!("certificate-sha256 = \"{}\"", colons.join(":")),
    );
    test.host_run("host check")
        .any_stdout()
        .warning("certificate-out-of-date")
        .stderr_has("it is valid from 2018-01-01 to 2019-01-01")
        .success();
    // Without the pin, the dates are shown.
    let test = site(&host, "");
    test.host_run("host check")
        .any_stdout()
        .stderr_has("it is valid from 2018-01-01 to 2019-01-01, which is not now")
        .fails(5);
}

#[test]
fn an_authority_or_the_hosts_own_certificate() {
    let tls = Tls::self_signed(&["127.0.0.1"]);
    let ca = tls.ca_pem().to_owned();
    let host = Host::with_certificate(host_world(), tls);
    let test = site(&host, "ca-cert = \"ca.pem\"").write("ca.pem", &ca);
    test.host_run("host check")
        .any_stdout()
        .any_stderr()
        .success();
    // Its own certificate, whatever its names.
    let own = Host::start(host_world());
    let test = site(&own, "ca-cert = \"own.pem\"").write("own.pem", own.certificate_pem());
    test.host_run("host check")
        .any_stdout()
        .any_stderr()
        .success();
    for (tls, says) in [
        (
            Tls::self_signed(&["127.0.0.1"]),
            "signed by an authority that is not trusted",
        ),
        (Tls::wrong_name(), "for another name"),
        (Tls::expired(&["127.0.0.1"]), "expired"),
    ] {
        let own_ca = tls.ca_pem().to_owned();
        let is_other = says.contains("not trusted");
        let host = Host::with_certificate(host_world(), tls);
        let test = site(&host, "ca-cert = \"ca.pem\"");
        let test = test.write("ca.pem", if is_other { &ca } else { &own_ca });
        test.host_run("host check")
            .any_stdout()
            .error("unknown-certificate")
            .stderr_has(says)
            .fails(5);
        assert_eq!(host.requests().len(), 0);
    }
    let test = site(&own, "ca-cert = \"none.pem\"").write("none.pem", "nothing");
    test.host_run("host check")
        .any_stdout()
        .error("unusable-ca-cert")
        .fails(2);
    let test = site(&own, "ca-cert = \"gone.pem\"");
    test.host_run("host check")
        .error("unusable-ca-cert")
        .fails(2);
}

/// Those of the system do not count: hosts sign for themselves.
#[test]
fn the_systems_authorities_do_not_count() {
    let tls = Tls::self_signed(&["127.0.0.1"]);
    let ca = tls.ca_pem().to_owned();
    let host = Host::with_certificate(host_world(), tls);
    let test = site(&host, "").write("ca.pem", ca);
    let run = test
        .host_run("host check")
        .env("SSL_CERT_FILE", "{dir}/ca.pem");
    run.any_stdout().error("unknown-certificate").fails(5);
}

#[test]
fn a_refused_login_is_tried_once_and_stops_the_others() {
    let hosts: Vec<Host> = (0..4).map(|_| Host::start(host_world())).collect();
    let tables: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| host.table(&format!("line-{at}")))
        .collect();
    let test = Test::new().hosts(&tables).patience("retries = 3");
    test.run("fetch -q").any_stdout().success();
    let done = test
        .run("host check --json")
        .env("EDGESTAGE_HOST_PASSWORD", "wrong")
        .any_stdout()
        .any_stderr()
        .fails(4);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let errors: Vec<&str> = document["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["error"].as_str().unwrap())
        .collect();
    assert_eq!(
        errors
            .iter()
            .filter(|error| **error == "host-login-refused")
            .count(),
        1
    );
    assert_eq!(
        errors
            .iter()
            .filter(|error| **error == "host-not-tried")
            .count(),
        3
    );
    let logins: usize = hosts.iter().map(|host| host.asked("/login").len()).sum();
    assert_eq!(logins, 1);
    test.run("host check line-0")
        .env("EDGESTAGE_HOST_PASSWORD", "wrong")
        .any_stdout()
        .error("host-login-refused")
        .stderr_has(
            "does not accept the user `kairos` with the password from `EDGESTAGE_HOST_PASSWORD`",
        )
        .stderr_has("at most four tries are left before the host locks the user for 15 minutes")
        .fails(4);
    // The locked-out user is refused as well, with what the host says.
    for host in &hosts {
        host.world(|world| world.delay = Duration::ZERO);
    }
}

/// 400 is a refusal in the contract. After 500 nothing is known, so nothing is repeated.
#[test]
fn other_answers_to_a_login() {
    for (status, code, exit) in [
        (400, "host-login-refused", 4),
        (403, "host-login-refused", 4),
        (404, "host-rejected", 1),
        (500, "host-login-failed", 5),
        (503, "host-login-failed", 5),
    ] {
        let host = Host::start(host_world().fault(HostFault::Answer("/login", status, "no")));
        let test = site(
            &host,
            &format!("certificate-sha256 = \"{}\"", host.fingerprint()),
        );
        let test = test.patience("retries = 3");
        test.host_run("host check")
            .any_stdout()
            .error(code)
            .fails(exit);
        assert_eq!(host.asked("/login").len(), 1, "{status}");
    }
}

/// A 500 may be a wrong password, so the others are spared, unless one accepted it.
#[test]
fn an_unclear_login_stops_the_others_too() {
    let bad = Host::start(host_world().fault(HostFault::Answer("/login", 500, "no")));
    let good = Host::start(host_world());
    let test = Test::new().hosts(&[bad.table("a"), good.table("b")]);
    test.run("fetch -q").any_stdout().success();
    let shown = test.cached_details();
    good.world(|world| drop(world.slots.insert("embedded", shown)));
    test.host_run("host check --jobs 1")
        .any_stdout()
        .error("host-login-failed")
        .error("host-not-tried")
        .fails(5);
    assert_eq!(good.requests().len(), 0);
    bad.world(|world| world.order(HostFault::Answer("/login", 500, "no")));
    test.host_run("host check b a --jobs 1")
        .any_stdout()
        .error("host-login-failed")
        .fails(5);
}

/// A host that is not there proves nothing about the password.
#[test]
fn an_unreachable_host_stops_nobody() {
    let good = Host::start(host_world());
    let gone = format!("[host.a]\naddress = \"127.0.0.1:{}\"\n", unused_port());
    let test = Test::new().hosts(&[gone, good.table("b")]);
    test.run("fetch -q").any_stdout().success();
    let shown = test.cached_details();
    good.world(|world| drop(world.slots.insert("embedded", shown)));
    test.host_run("host check --jobs 1")
        .any_stdout()
        .error("host-unreachable")
        .fails(5);
    assert_eq!(good.world(|world| world.logins()), 1);
}

#[test]
fn hosts_with_passwords_of_their_own() {
    let one = Host::start(host_world());
    let mut world = host_world();
    world.password = "another one".into();
    let two = Host::start(world);
    let own = two.table("b") + "password-command = [\"./print\"]\nuser = \"kairos\"\n";
    let test = Test::new().hosts(&[one.table("a"), own]);
    let manifest = test.text("profiles.toml");
    let user = format!("user = \"{HOST_USER}\"\n\n");
    let file = format!("user = \"{HOST_USER}\"\npassword-file = \"secret\"\n\n");
    let test = test
        .write("profiles.toml", manifest.replacen(&user, &file, 1))
        .write("secret", format!("{HOST_PASSWORD}\n"))
        .write("print", "#!/bin/sh\nenv > seen\necho another one\n");
    executable(&test, "print");
    mode(&test, "secret", 0o600);
    test.run("fetch -q").any_stdout().success();
    for host in [&one, &two] {
        let shown = test.cached_details();
        host.world(|world| drop(world.slots.insert("embedded", shown)));
    }
    test.run("host check").any_stdout().any_stderr().success();
    let seen = test.text("seen");
    assert!(!seen.contains("PALETTE"), "{seen}");
    mode(&test, "secret", 0o644);
    test.run("host check")
        .any_stdout()
        .warning("key-exposed")
        .success();
    // The variable comes first.
    test.host_run("host check a")
        .any_stdout()
        .any_stderr()
        .success();
    test.host_run("host check b")
        .any_stdout()
        .error("host-login-refused")
        .fails(4);
}

fn executable(test: &Test, path: &str) {
    mode(test, path, 0o755);
}

fn mode(test: &Test, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(test.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn no_password() {
    let host = Host::start(host_world());
    let with = |lines: &str| {
        site(
            &host,
            &format!("certificate-sha256 = \"{}\"\n{lines}", host.fingerprint()),
        )
    };
    let test = with("");
    test.run("host check")
        .error("host-password-missing")
        .fails(4);
    let test = with("password-file = \"gone\"");
    test.run("host check")
        .error("host-password-unusable")
        .fails(4);
    let test = with("password-file = \"empty\"").write("empty", "\n");
    mode(&test, "empty", 0o600);
    test.run("host check")
        .error("host-password-unusable")
        .fails(4);
    let test = with("password-command = [\"false\"]");
    test.run("host check")
        .error("host-password-unusable")
        .fails(4);
    assert_eq!(host.connections(), 0);
}

/// A session ends whatever happens in it, and says so if it cannot.
#[test]
fn every_session_ends() {
    let host = Host::start(host_world().fault(HostFault::Answer("/embedded/details", 401, "x")));
    let test = site(
        &host,
        &format!("certificate-sha256 = \"{}\"", host.fingerprint()),
    );
    test.host_run("host check")
        .any_stdout()
        .error("host-forbidden")
        .fails(4);
    assert_eq!(host.asked("/logout").len(), 1);
    let host =
        Host::start(host_world().fault(HostFault::Answer("/logout", 500, "x"))).leaves_sessions();
    let test = site(
        &host,
        &format!("certificate-sha256 = \"{}\"", host.fingerprint()),
    );
    test.host_run("host check")
        .any_stdout()
        .warning("host-logout")
        .success();
}

/// Ctrl-C during a call: the run ends by the signal, at once, and logs out first.
#[test]
fn ctrl_c_logs_out() {
    let stall = HostFault::Stall("/embedded/details", Duration::from_secs(60));
    let host = Host::start(host_world().fault(stall));
    let test = site(
        &host,
        &format!("certificate-sha256 = \"{}\"", host.fingerprint()),
    );
    let child = test.host_run("host check").interruptible();
    until("the host is asked", || {
        host.world(|world| world.logins()) == 1
    });
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    child.interrupt();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(host.asked("/logout").len(), 1);
    // And while the login is on its way.
    let stall = HostFault::Stall("/login", Duration::from_secs(1));
    host.world(|world| world.order(stall));
    let child = test.host_run("host check").interruptible();
    until("the host is asked", || {
        host.world(|world| world.logins()) == 2
    });
    child.interrupt();
    assert_eq!(host.asked("/logout").len(), 2);
}

/// Hosts are in the same network; a proxy must not see the password.
#[test]
fn proxies_do_not_count() {
    let host = Host::start(host_world());
    let test = site(
        &host,
        &format!("certificate-sha256 = \"{}\"", host.fingerprint()),
    );
    let proxy = Proxy::to(unused_port());
    let address = proxy.address();
    let mut run = test.host_run("host check");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"] {
        run = run.env(name, &address);
    }
    run.any_stdout().any_stderr().success();
    assert!(proxy.heads().is_empty());
}

/// Hosts that echo secrets, in every form of output.
#[test]
fn neither_password_nor_token_is_shown() {
    for form in ["", " -vv", " --json"] {
        // A list of numbers is not a form in which a server would echo it.
        let echo: Vec<String> = forms(HOST_PASSWORD)
            .into_iter()
            .filter(|form| !form.contains(", "))
            .collect();
        let echo = echo.join(" ");
        let host = Host::start(host_world());
        let test = site(
            &host,
            &format!("certificate-sha256 = \"{}\"", host.fingerprint()),
        );
        let echo: &'static str = Box::leak(format!("no {echo}").into_boxed_str());
        for path in ["/login", "/embedded/details"] {
            host.world(|world| world.order(HostFault::Answer(path, 403, echo)));
            let run = test.host_run(&format!("host check{form}"));
            let done = run.any_stdout().any_stderr().fails(4);
            for text in [&done.stdout, &done.stderr] {
                assert_eq!(leaked(HOST_PASSWORD, text.as_bytes()), None, "{text}");
                assert!(!text.contains("eyJh"), "{text}");
            }
        }
        // Nor is it in any file that the run leaves.
        for (path, bytes) in test.contents() {
            assert_eq!(leaked(HOST_PASSWORD, &bytes), None, "{}", path.display());
        }
    }
}

/// A password in the file is refused like a key.
#[test]
fn a_password_in_the_manifest_is_refused_and_not_shown() {
    for lines in [
        "[hosts]\nuser = \"kairos\"\npassword = \"hunter2hunter2\"\n",
        "[host.a]\naddress = \"192.0.2.1\"\npassword = \"hunter2hunter2\"\n",
    ] {
        let test = Test::new();
        let manifest = test.text("profiles.toml");
        let test = test.write("profiles.toml", format!("{manifest}\n{lines}"));
        let done = test
            .run("list")
            .error("secret-in-manifest")
            .stderr_has("set `EDGESTAGE_HOST_PASSWORD`")
            .fails(2);
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    }
}

/// Neither the build nor any command sees the variable.
#[test]
fn a_build_sees_no_password() {
    let test = Test::new();
    let manifest = test.text("profiles.toml");
    let manifest = manifest.replace(
        "dir = \"CanvOS\"",
        "dir = \"CanvOS\"\nbuild = [\"./record\"]",
    );
    let test = test
        .write("profiles.toml", manifest)
        .write("CanvOS/record", "#!/bin/sh\nenv > seen\nexit 7\n");
    executable(&test, "CanvOS/record");
    test.run("build")
        .env("EDGESTAGE_HOST_PASSWORD", HOST_PASSWORD)
        .any_stdout()
        .any_stderr()
        .fails(1);
    assert_eq!(leaked(HOST_PASSWORD, &test.read("CanvOS/seen")), None);
}

/// After the first login, no host waits for another one: all have a session before one has
/// answered what it holds.
#[test]
fn sixteen_hosts_are_asked_at_once() {
    let stall = HostFault::Stall("/details", Duration::from_secs(60));
    let hosts: Vec<Host> = (0..16)
        .map(|_| Host::start(host_world().fault(stall.clone())))
        .collect();
    let tables: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| host.table(&format!("h{at}")))
        .collect();
    let test = Test::new().hosts(&tables);
    test.run("fetch -q").any_stdout().success();
    let child = test.host_run("host check").interruptible();
    until("every host has a session", || {
        hosts
            .iter()
            .all(|host| host.world(|world| world.logins()) == 1)
    });
    child.interrupt();
    for host in &hosts {
        assert_eq!(host.asked("/logout").len(), 1);
    }
}
