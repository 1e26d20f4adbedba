//! Where requests go: the flag, the variables and the file, in this order.

use palette_sim::{DEMO_KEY, Sim, World};

use crate::support::{HEAD, Test};

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

/// Palette behind a reverse proxy's path: the path is kept. Nothing is there here.
#[test]
fn a_path_prefix_is_kept() {
    let test = Test::new();
    test.run("check --endpoint")
        .arg("{endpoint}/palette/")
        .any_stdout()
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

/// A server for each place that may name one; only the first may be asked.
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

/// The Terraform provider's variable holds a host without a scheme: HTTPS is meant.
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
    run.stderr_has("`--endpoint` is not the address of a Palette: the scheme is `ftp`")
        .fails(2);
    let run = test
        .run("check")
        .env("PALETTE_HOST", "https://me:hunter2@palette.example");
    let done = run
        .stderr_has("`PALETTE_HOST`")
        .stderr_has("password")
        .fails(2);
    assert!(!done.stderr.contains("hunter2"));
    let page = "https://console.example/projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/x";
    let run = test.run("check --endpoint").arg(page);
    run.stderr_has("it is the page of a profile in the console")
        .fails(2);
}

#[test]
fn plain_http_to_another_host_is_refused_before_anything_is_sent() {
    let test = Test::new();
    for command in ["check", "fetch", "stage", "update"] {
        test.run(command)
            .arg("--endpoint")
            // RFC 5737, 3: nobody's address. A connection would hang, not fail.
            .arg("http://192.0.2.1")
            .stderr_has("the endpoint `http://192.0.2.1` is plain HTTP")
            .stderr_has("--allow-http")
            .keeps_files()
            .fails(2);
    }
}

/// Through a proxy, so that nothing leaves the machine.
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
