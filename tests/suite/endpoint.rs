//! The endpoint of requests: from the flag, the variables or the file, in this order.

use palette_sim::{DEMO_KEY, Key, Sim, Tls, World};

use crate::support::{HEAD, KEY, Proxy, Test, trusting};

#[test]
fn a_trailing_slash_is_no_difference() {
    let test = Test::new().manifest(&format!(
        "{}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]",
        HEAD.replace("{endpoint}", "{endpoint}/")
    ));
    test.run("fetch -q").any_stdout().success();
    for request in test.sim.requests() {
        assert!(request.target.starts_with("/v1/"), "{}", request.target);
    }
    // Nor is it one for the lock.
    test.run("stage -q --locked --offline --endpoint")
        .arg("{endpoint}")
        .any_stdout()
        .success();
}

/// If Palette is at a path of a reverse proxy, the path is kept. Here, nothing answers there.
#[test]
fn a_path_prefix_is_kept() {
    let test = Test::new();
    test.run("check --endpoint")
        .arg("{endpoint}/palette/")
        .any_stdout()
        .error("rejected")
        .stderr_has("HTTP 404")
        .fails(1);
    let requests = test.sim.requests();
    assert_eq!(
        requests[0].target,
        "/palette/v1/dashboard/projects/metadata?name=Default"
    );
    // Not in the contract, which knows no prefix.
    test.sim.clear_requests();
}

/// Each place that may name a server has one; only the first may get a request.
#[test]
fn flag_then_variables_then_file() {
    let test = Test::new();
    let others: Vec<Sim> = (0..3).map(|_| Sim::start(World::demo())).collect();
    let urls: Vec<&str> = others.iter().map(Sim::url).collect();
    let check = || {
        test.run("check -q")
            .env("PALETTE_API_KEY", DEMO_KEY)
            .any_stdout()
    };
    let asked = || {
        let all = others.iter().chain([&test.sim]);
        let counts = all.map(|sim| sim.requests().len());
        let asked: Vec<usize> = counts.collect();
        others
            .iter()
            .chain([&test.sim])
            .for_each(Sim::clear_requests);
        asked
            .iter()
            .map(|count| usize::from(*count > 0))
            .collect::<Vec<_>>()
    };
    check()
        .env("SPECTROCLOUD_HOST", urls[0])
        .env("PALETTE_HOST", urls[1])
        .arg("--endpoint")
        .arg(urls[2])
        .success();
    assert_eq!(asked(), [0, 0, 1, 0]);
    check()
        .env("SPECTROCLOUD_HOST", urls[0])
        .env("PALETTE_HOST", urls[1])
        .success();
    assert_eq!(asked(), [0, 1, 0, 0]);
    check()
        .env("SPECTROCLOUD_HOST", urls[0])
        .env("PALETTE_HOST", "")
        .success();
    assert_eq!(asked(), [1, 0, 0, 0]);
    check().success();
    assert_eq!(asked(), [0, 0, 0, 1]);
}

/// The Terraform provider's variable holds a host without a scheme, which means HTTPS.
#[test]
fn a_bare_host_means_https() {
    let test = Test::new();
    let host = format!("127.0.0.1:{}", test.sim.port());
    for name in ["SPECTROCLOUD_HOST", "PALETTE_HOST"] {
        test.run("check --json")
            .env(name, &host)
            .stdout_has(&format!("\"https://{host}\""))
            .any_stderr()
            .fails(5);
    }
    assert_eq!(test.sim.requests().len(), 0);
}

#[test]
fn what_is_no_endpoint_is_refused_by_its_place() {
    let test = Test::new();
    let run = test.run("check --endpoint").arg("ftp://palette.example");
    run.error("invalid-endpoint")
        .stderr_has("`--endpoint` is not a Palette address: the scheme is `ftp`")
        .fails(2);
    let run = test
        .run("check")
        .env("PALETTE_HOST", "https://me:hunter2@palette.example");
    let done = run
        .error("invalid-endpoint")
        .stderr_has("`PALETTE_HOST`")
        .stderr_has("password")
        .fails(2);
    assert!(!done.stderr.contains("hunter2"));
    for (text, why, corrected) in [
        (
            "https://console.example/projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/x",
            "it is a page of the console",
            "https://console.example",
        ),
        (
            "https://console.spectrocloud.com/projects/5fbbf0c1d2e3f4a5b6c7d8e9/overview",
            "it is a page of the console",
            "https://api.spectrocloud.com",
        ),
        (
            "https://palette.example/v1/",
            "it contains the API path `/v1`",
            "https://palette.example",
        ),
        (
            "palette.example:8443",
            "it does not begin with `https://`",
            "https://palette.example:8443",
        ),
    ] {
        // In the file, with its line; on the command line, and in a variable.
        let help = format!("help: write `{corrected}`");
        let run = test.run("check --endpoint").arg(text);
        run.error("invalid-endpoint")
            .stderr_has(why)
            .stderr_has(&help)
            .fails(2);
        if text.contains("://") {
            let run = test.run("check").env("PALETTE_HOST", text);
            run.error("invalid-endpoint")
                .stderr_has("`PALETTE_HOST`")
                .stderr_has(&help)
                .fails(2);
        }
        let head = HEAD.replace("{endpoint}", text);
        let test = Test::new().manifest(&format!(
            "{head}\n[definition.factory]\nprofiles = [\"a@1\"]\n"
        ));
        test.run("check")
            .error("invalid-value")
            .stderr_has("`endpoint` is not a Palette address")
            .stderr_has("profiles.toml:2:12")
            .stderr_has(why)
            .stderr_has(&help)
            .fails(2);
    }
}

/// Returns a Palette that answers for each of these hosts through a proxy.
fn named(hosts: &[&str]) -> (Test, Proxy) {
    let test = trusting(Tls::self_signed(hosts));
    let proxy = Proxy::to(test.sim.port());
    (test, proxy)
}

const API: &str = "api.spectrocloud.com";
const CONSOLE: &str = "console.spectrocloud.com";
const TENANT: &str = "acme.console.spectrocloud.com";

/// The API, the console and a tenant's console: another name for it neither outdates the
/// lock nor rewrites it.
#[test]
fn the_three_hosts_of_saas_are_one_palette() {
    let (test, proxy) = named(&[API, TENANT]);
    let address = format!("http://{}", proxy.address());
    let run = |command: &str, host: &str| {
        let run = test.run(command).env("HTTPS_PROXY", &address);
        run.env("PALETTE_HOST", host).any_stdout()
    };
    run("stage -q", "https://api.spectrocloud.com").success();
    let lock = test.text("profiles.lock");
    assert!(lock.contains("endpoint = \"https://api.spectrocloud.com\""));
    for (host, asked) in [
        (API, API),
        ("https://console.spectrocloud.com/", API),
        (CONSOLE, API),
        ("https://acme.console.spectrocloud.com", TENANT),
    ] {
        let before = proxy.targets().len();
        for command in ["fetch -q", "update -q", "fetch -q --locked", "diff -q"] {
            run(command, host).success();
            assert_eq!(test.text("profiles.lock"), lock, "{command}, {host}");
        }
        let targets = proxy.targets().split_off(before);
        let asked = format!("{asked}:443");
        assert!(
            targets.iter().all(|target| *target == asked),
            "{host}: {targets:?}"
        );
        assert!(!targets.is_empty());
        run("stage -q --locked --offline", host)
            .keeps_files()
            .success();
        run("verify", host).success();
        run("list", host).stdout_has("current").success();
    }
    let note = "Note the SaaS console has no API: using https://api.spectrocloud.com\n";
    let done = run("check", CONSOLE).stderr_has(note).success();
    done.says("Note the SaaS", 1);
    run("check", API)
        .any_stderr()
        .success()
        .says("Note the SaaS", 0);
}

/// A reviewer of the file would not expect the variable.
#[test]
fn a_variable_that_overrides_the_file_is_told() {
    let test = Test::new();
    let other = Sim::start(World::demo().key(Key::admin(KEY)));
    let said = format!(
        "Note using {} from `SPECTROCLOUD_HOST`, not {} from profiles.toml\n",
        other.url(),
        test.sim.url()
    );
    let run = test.run("check").env("SPECTROCLOUD_HOST", other.url());
    run.any_stdout().stderr_has(&said).success();
    // Not where it says the same, or where a person says it now.
    let run = test.run("check").env("PALETTE_HOST", "{endpoint}/");
    run.any_stdout().success();
    let run = test.run("check --endpoint").arg(other.url());
    run.any_stdout().success();
    // Nor where the file says nothing.
    let head = HEAD.replace("endpoint = \"{endpoint}\"\n", "");
    let test = Test::new().manifest(&format!(
        "{head}\n[definition.factory]\nprofiles = [\"edge-infra@2.1.0\"]\n"
    ));
    let run = test.run("check").env("PALETTE_HOST", "{endpoint}");
    run.any_stdout().success();
}

/// Plain HTTP at a bare host looks like a TLS failure.
#[test]
fn a_bare_host_of_plain_http_is_told_how_to_write_it() {
    let test = Test::new();
    let host = format!("127.0.0.1:{}", test.sim.port());
    test.run("check")
        .env("PALETTE_HOST", &host)
        .any_stdout()
        .error("tls-refused")
        .stderr_has("the endpoint has no scheme, so `https://` was assumed")
        .stderr_has(&format!("help: for plain HTTP, write `http://{host}`"))
        .fails(5);
}

#[test]
fn plain_http_to_another_host_is_refused_before_anything_is_sent() {
    let test = Test::new();
    for command in ["check", "fetch", "stage", "update"] {
        test.run(command)
            .arg("--endpoint")
            // RFC 5737, 3: nobody's address. A connection would hang, not fail.
            .arg("http://192.0.2.1")
            .error("plain-http")
            .stderr_has("`http://192.0.2.1`")
            .stderr_has("--allow-http")
            .keeps_files()
            .fails(2);
    }
}

/// The request goes through a proxy, so that nothing leaves the machine.
#[test]
fn plain_http_is_possible_where_it_is_allowed() {
    let test = Test::new();
    let run = test.run("fetch -q --allow-http --endpoint http://palette.test");
    run.env("http_proxy", "{endpoint}").any_stdout().success();
    let request = test.download();
    assert!(
        request.target.starts_with("http://palette.test/v1/"),
        "{}",
        request.target
    );
}
