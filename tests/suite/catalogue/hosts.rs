//! Edge hosts: their certificates, logins, answers and uploads.

use edgestage::edge_host::{Certificate, HostError, HostName};
use edgestage::error::Error;
use edgestage::host_password::PasswordError;
use palette_sim::{HostFault, HostWorld, Tls};
use serde_json::json;

use super::book::Book;
use crate::host_signing::signed;
use crate::support::{Host, Test, host_world, unused_port};

pub fn all(book: &mut Book) {
    book.part("Edge hosts");
    tables(book);
    commands(book);
    certificates(book);
    logins(book);
    checks(book);
    uploads(book);
    values(book);
}

fn tables(book: &mut Book) {
    let address = "address = \"192.0.2.1\"";
    for (what, lines) in [
        ("a host without an address", "[host.a]\n".to_owned()),
        (
            "plain HTTP",
            "[host.a]\naddress = \"http://192.0.2.1\"\n".into(),
        ),
        (
            "another scheme",
            "[host.a]\naddress = \"ssh://192.0.2.1\"\n".into(),
        ),
        (
            "a user in the address",
            "[host.a]\naddress = \"me@192.0.2.1\"\n".into(),
        ),
        ("a path", "[host.a]\naddress = \"192.0.2.1/ui\"\n".into()),
        ("no brackets", "[host.a]\naddress = \"fd00::21\"\n".into()),
        (
            "no such port",
            "[host.a]\naddress = \"192.0.2.1:99999\"\n".into(),
        ),
        ("no address at all", "[host.a]\naddress = \"a b\"\n".into()),
        (
            "a definition that is not there",
            format!("[host.a]\n{address}\ndefinition = \"factori\"\n"),
        ),
        (
            "one that resembles none",
            format!("[host.a]\n{address}\ndefinition = \"x\"\n"),
        ),
        (
            "no digest of a certificate",
            format!("[host.a]\n{address}\ncertificate-sha256 = \"9c1e\"\n"),
        ),
        (
            "two hosts with one address",
            format!("[host.a]\n{address}\n[host.b]\n{address}\n"),
        ),
        (
            "a name that is none",
            format!("[host.\"a b\"]\n{address}\n"),
        ),
        (
            "a password",
            format!("[host.a]\n{address}\npassword = \"hunter2\"\n"),
        ),
    ] {
        let test = Test::new();
        let manifest = test.text("profiles.toml");
        let test = test.write("profiles.toml", format!("{manifest}\n{lines}"));
        book.run(what, 2, test.run("list"));
    }
}

/// A host as `line-1`, and a test whose definition is locked and cached.
fn ready(world: HostWorld) -> (Host, Test) {
    let host = Host::start(world);
    let test = Test::with_host(&host);
    (host, test)
}

fn commands(book: &mut Book) {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    book.run("no hosts", 2, test.host_run("host check"));
    book.run("no user", 2, test.host_run("host check 192.0.2.1"));
    book.run(
        "an upload to nobody, without hosts",
        2,
        test.host_run("host upload"),
    );
    let (_host, test) = ready(host_world());
    book.run("an upload to nobody", 2, test.host_run("host upload"));
    book.run(
        "plain HTTP",
        2,
        test.host_run("host check http://192.0.2.1"),
    );
    book.run("a mistyped host", 2, test.host_run("host check line-2"));
    book.run("offline", 2, test.host_run("host check --offline"));
    let digest = "9c".repeat(32);
    let several = format!("host check line-1 192.0.2.1 --certificate-sha256 {digest}");
    book.run("one digest for several hosts", 2, test.host_run(&several));
    let wrong = "host check line-1 --certificate-sha256 9c1e";
    book.run("no digest", 2, test.host_run(wrong));
}

fn certificates(book: &mut Book) {
    let host = Host::start(host_world());
    let table = |lines: &str| format!("[host.line-1]\naddress = \"{}\"\n{lines}\n", host.address());
    let with = |lines: &str| {
        let test = Test::new().hosts(&[table(lines)]);
        test.run("fetch -q").any_stdout().success();
        test
    };
    let test = with("");
    let check = || test.host_run("host check").any_stdout();
    book.run("an unknown certificate", 5, check());
    let test = Test::new().hosts(&[]);
    test.run("fetch -q").any_stdout().success();
    let run = test.host_run(&format!("host check {}", host.address()));
    book.run("the same without an entry", 5, run.any_stdout());
    let test = with(&format!("certificate-sha256 = \"{}\"", "9c".repeat(32)));
    let run = test.host_run("host check").any_stdout();
    book.run("another than the pin", 5, run);
    let test = with("ca-cert = \"none.pem\"").write("none.pem", "");
    let run = test.host_run("host check").any_stdout();
    book.run("no certificate in ca-cert", 2, run);
    let tls = Tls::expired(&["127.0.0.1"]);
    let ca = tls.ca_pem().to_owned();
    let expired = Host::with_certificate(host_world(), tls);
    let lines = format!(
        "[host.line-1]\naddress = \"{}\"\nca-cert = \"ca.pem\"\n",
        expired.address()
    );
    let test = Test::new().hosts(&[lines]).write("ca.pem", ca);
    test.run("fetch -q").any_stdout().success();
    let run = test.host_run("host check").any_stdout();
    book.run("an expired certificate of a known authority", 5, run);
    let test = Test::new().hosts(&[expired.table("line-1")]);
    test.run("fetch -q").any_stdout().success();
    let shown = test.cached_details();
    expired.world(|world| drop(world.slots.insert("embedded", shown)));
    let run = test.host_run("host check").any_stdout();
    book.run("the same with a pin", 0, run);
}

fn logins(book: &mut Book) {
    let (_host, test) = ready(host_world());
    book.run("no password", 4, test.run("host check"));
    let wrong = test
        .run("host check")
        .env("EDGESTAGE_HOST_PASSWORD", "wrong");
    book.run("a refused login", 4, wrong.any_stdout());
    let lines = |test: &Test, line: &str| {
        let manifest = test.text("profiles.toml");
        test.put("profiles.toml", manifest + line + "\n");
    };
    let (_host, test) = ready(host_world());
    lines(&test, "password-file = \"secret\"");
    book.run("no such file", 4, test.run("host check"));
    test.put("secret", "");
    book.run("an empty file", 4, test.run("host check"));
    let (_host, test) = ready(host_world());
    lines(&test, "password-command = [\"false\"]");
    book.run("a command that fails", 4, test.run("host check"));
    let (host, test) = ready(host_world().fault(HostFault::Answer("/login", 500, "broken")));
    let check = || test.host_run("host check").any_stdout();
    book.run("a login that fails", 5, check());
    host.world(|world| world.order(HostFault::Answer("/embedded/details", 401, "expired")));
    book.run("a session that is over", 4, check());
    let first = Host::start(host_world());
    let second = Host::start(host_world());
    let test = Test::new().hosts(&[first.table("line-1"), second.table("line-2")]);
    test.run("fetch -q").any_stdout().success();
    let wrong = test
        .run("host check --jobs 1")
        .env("EDGESTAGE_HOST_PASSWORD", "wrong");
    book.run("a refused login, and another host", 4, wrong.any_stdout());
    first.world(|world| world.order(HostFault::Answer("/login", 500, "broken")));
    let run = test.host_run("host check --jobs 1");
    book.run("a login that fails, and another host", 5, run.any_stdout());
    let stuck = Host::start(host_world().fault(HostFault::Answer("/logout", 500, "broken")));
    let stuck = stuck.leaves_sessions();
    let test = Test::with_host(&stuck);
    let shown = test.cached_details();
    stuck.world(|world| drop(world.slots.insert("embedded", shown)));
    let run = test.host_run("host check").any_stdout();
    book.run("a logout that fails", 0, run);
}

fn checks(book: &mut Book) {
    let (host, test) = ready(host_world());
    let check = || test.host_run("host check").any_stdout();
    book.run("a host without a definition", 3, check());
    let locked = test.cached_details();
    let put = |details| host.world(|world| drop(world.slots.insert("embedded", details)));
    let mut other = locked.clone();
    other["clusterProfileDetails"][0]["packs"][1]["version"] = "1.29.8".into();
    other["clusterProfileDetails"][0]["packs"][0]["name"] = "other".into();
    other["clusterProfileDetails"][1]["variables"][0]["name"] = "other".into();
    other["clusterProfileDetails"][1]["variables"][1]["required"] = false.into();
    other["clusterProfileDetails"][1]["variables"][4]["defaultValue"] = "x".into();
    put(other);
    book.run("another definition", 3, check());
    let mut other = locked.clone();
    other["clusterProfileDetails"][0]["profileUid"] = "x".into();
    other["clusterProfileDetails"][1]["profileName"] = "other".into();
    put(other);
    book.run("other profiles", 3, check());
    let mut other = locked.clone();
    other["clusterProfileDetails"][0]["packs"][0]["values"] = "x".into();
    put(other);
    book.run("other values", 0, check());
    for (what, code, fault) in [
        (
            "a request that is rejected",
            1,
            HostFault::Answer("/details", 418, "tea"),
        ),
        (
            "a host that keeps failing",
            5,
            HostFault::Answer("/details", 503, "starting"),
        ),
        ("a page", 1, HostFault::Body("/details", "<html>")),
        (
            "another document",
            1,
            HostFault::Body("/details", "{\"clusterProfileDetails\":1}"),
        ),
        (
            "a login without a token",
            1,
            HostFault::Body("/login", "{}"),
        ),
    ] {
        host.world(|world| world.order(fault));
        book.run(what, code, check());
    }
    put(locked);
    test.forget_cache();
    book.run("no archive to compare with", 0, check());
    let gone = format!("[host.line-1]\naddress = \"127.0.0.1:{}\"\n", unused_port());
    let test = Test::new().hosts(&[gone]);
    test.run("fetch -q").any_stdout().success();
    let run = test.host_run("host check").any_stdout();
    book.run("a host that is not there", 5, run);
    let plain = format!(
        "[host.line-1]\naddress = \"127.0.0.1:{}\"\n",
        test.sim.port()
    );
    let test = Test::new().hosts(&[plain]);
    test.run("fetch -q").any_stdout().success();
    let run = test.host_run("host check").any_stdout();
    book.run("plain HTTP in place of TLS", 5, run);
}

fn uploads(book: &mut Book) {
    let mut unknown = host_world();
    unknown.management_mode = None;
    for (what, code, world) in [
        ("a centrally managed host", 1, host_world().mode("central")),
        ("an appliance", 1, host_world().appliance("paletteai")),
        ("an unknown mode", 0, host_world().mode("hybrid")),
        ("no mode", 0, unknown),
        (
            "a host that another one leads",
            0,
            host_world().role("worker"),
        ),
        ("a host with a cluster", 0, host_world().with_cluster()),
        ("a host with a key", 2, host_world().key("LS0t")),
        (
            "an upload that is not shown",
            3,
            host_world().fault(HostFault::Forget),
        ),
        (
            "an upload that is shown otherwise",
            3,
            host_world().fault(HostFault::StoreOther(Box::new(json!({
                "clusterProfileDetails": [{ "profileName": "other" }]
            })))),
        ),
        (
            "a host without settings",
            1,
            host_world().fault(HostFault::Answer("/settings", 404, "no")),
        ),
    ] {
        let (_host, test) = ready(world);
        let run = test.host_run("host upload line-1").any_stdout();
        book.run(what, code, run);
    }
    let command = "sign-command = [\"openssl\", \"dgst\", \"-sha256\", \"-sign\", \"other.pem\"]";
    for (what, code, lines, key) in [
        (
            "the key of another image",
            2,
            "private-key-file = \"other.pem\"",
            None,
        ),
        ("a command with another key", 2, command, None),
        (
            "a host's key that is none",
            1,
            "private-key-file = \"signer.pem\"",
            Some("LS0t"),
        ),
    ] {
        let (test, hosts) = signed(1, lines);
        if let Some(key) = key {
            hosts[0].world(|world| world.signing_key = Some(key.into()));
        }
        let run = test.host_run("host upload line-1").any_stdout();
        book.run(what, code, run);
    }
}

/// What takes another machine, or another state of this one.
fn values(book: &mut Book) {
    let host = HostName {
        shown: "line-1".into(),
        is_named: true,
        address: "192.168.7.21:5080".into(),
    };
    let unreadable = Certificate {
        sha256: edgestage::util::digest::Digest::of("x"),
        valid: None,
        is_out_of_date: false,
        names: Vec::new(),
    };
    for (what, error) in [
        (
            "a certificate that cannot be parsed",
            HostError::UnknownCertificate {
                certificate: unreadable,
                is_pinned: false,
                why: None,
            },
        ),
        (
            "silence",
            HostError::Unreachable {
                call: "GET /v1/edge-mgmt/settings".into(),
                why: "no answer within 90 s".into(),
                attempts: 5,
                waited: Some(edgestage::http::Waited::Whole(
                    std::time::Duration::from_secs(90),
                )),
            },
        ),
        (
            "what the machine lacks",
            HostError::NoThread("Resource temporarily unavailable".into()),
        ),
        (
            "what the machine lacks",
            HostError::Setup("no such address".into()),
        ),
        (
            "an archive that changed",
            HostError::File("it was shortened or replaced meanwhile".into()),
        ),
        ("Ctrl-C", HostError::Stopped),
    ] {
        let error = Error::Host {
            host: host.clone(),
            error: Box::new(error),
        };
        book.told(what, &error);
    }
    let unusable = |why| {
        Error::HostPassword(PasswordError::Unusable {
            place: "`EDGESTAGE_HOST_PASSWORD`".into(),
            why,
        })
    };
    book.told("a password that is not text", &unusable("is not UTF-8"));
    book.told(
        "a password in several lines",
        &unusable("has several lines"),
    );
}
