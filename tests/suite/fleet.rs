//! Many definitions in one run: shared answers, several downloads at once, and failures that
//! affect only one definition.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use palette_sim::{Act, Fault, Route, World, site_uid};

use crate::support::{HEAD, KEY, Test, until};

/// The number of definitions in a fleet.
const SITES: u32 = 12;

/// Returns a manifest with a definition for each site: two profiles that all share, and the
/// site's own.
fn manifest(sites: u32) -> String {
    let mut text = HEAD.to_owned();
    for site in 1..=sites {
        let _ = write!(
            text,
            "\n[definition.site-{site:04}]\nprofiles = [\"edge-infra@2.1.0\", \
             \"65c92d0f4b3c2e1a8d7f6a90\", \"site-{site:04}@1.0.0\"]\n"
        );
    }
    text
}

fn names(sites: u32) -> Vec<String> {
    (1..=sites).map(|site| format!("site-{site:04}")).collect()
}

fn fleet() -> Test {
    Test::of(World::demo().fleet(SITES)).manifest(&manifest(SITES))
}

/// Returns the names in the lock, in its order.
fn locked(test: &Test) -> Vec<String> {
    if !test.path("profiles.lock").exists() {
        return Vec::new();
    }
    let lock = test.text("profiles.lock");
    let names = lock.lines().filter_map(|line| {
        let name = line.strip_prefix("[definition.")?.strip_suffix(']')?;
        Some(name.to_owned())
    });
    names.collect()
}

/// Returns a fault that delays an answer for longer than any test lasts.
fn hangs() -> Act {
    Act::StallBeforeHead(Duration::from_secs(600))
}

#[test]
fn what_definitions_share_is_asked_once() {
    let test = fleet();
    for (command, downloads) in [
        ("check", 0),
        ("fetch", 12),
        ("fetch --jobs 1", 12),
        ("diff", 12),
        ("update --jobs 3", 12),
    ] {
        test.sim.clear_requests();
        test.run(command).any_stdout().any_stderr().success();
        assert_eq!(test.asked(Route::Projects).len(), 1, "{command}");
        assert_eq!(test.asked(Route::Metadata).len(), 1, "{command}");
        let profiles = test.asked(Route::Profile);
        let different: BTreeSet<&str> = profiles.iter().map(|ask| &*ask.path).collect();
        assert_eq!((profiles.len(), different.len()), (14, 14), "{command}");
        assert_eq!(test.downloads(), downloads, "{command}");
    }
    assert_eq!(locked(&test), names(SITES));
}

#[test]
fn as_many_downloads_are_under_way_as_there_are_jobs() {
    for (flag, jobs) in [("--jobs 5", 5), ("-j 2", 2), ("", 12)] {
        let test = fleet();
        test.sim
            .fault(Fault::on(Route::Download, hangs()).forever());
        let going = test.run(&format!("fetch {flag}")).start();
        until("the downloads", || test.downloads() == jobs);
        going.kill();
        assert_eq!(test.downloads(), jobs);
        assert_eq!(locked(&test), Vec::<String>::new());
    }
}

/// Every answer takes a while, so two requests that are closer together than that were under
/// way at the same time.
#[test]
fn no_more_downloads_are_under_way_than_there_are_jobs() {
    let latency = Duration::from_millis(60);
    for jobs in [1, 3] {
        let test = Test::of(World::demo().fleet(SITES).latency(latency));
        let test = test.manifest(&manifest(SITES));
        let run = test.run(&format!("fetch -q --jobs {jobs}"));
        run.any_stdout().success();
        let asked = test.asked(Route::Download);
        for (first, later) in asked.iter().zip(&asked[jobs..]) {
            assert!(later.at - first.at >= latency, "--jobs {jobs}");
        }
    }
}

#[test]
fn with_one_job_they_go_in_the_order_of_their_names() {
    let test = fleet();
    test.run("fetch -q -j1").any_stdout().success();
    let asked = test.asked(Route::Download);
    assert_eq!(asked.len(), 12);
    for (site, ask) in (1..).zip(asked) {
        let body = String::from_utf8(ask.body).unwrap();
        assert!(body.contains(&site_uid(site)), "{body}");
    }
}

#[test]
fn jobs_that_are_no_number_of_jobs() {
    let test = fleet();
    for jobs in ["0", "257", "-1", "many"] {
        let run = test.run(&format!("fetch --jobs={jobs}")).keeps_files();
        run.stderr_has("--jobs").fails(2);
    }
    assert_eq!(test.sim.connections(), 0);
}

/// A finished definition is locked, whatever happens to the others.
#[test]
fn one_that_hangs_does_not_hold_up_the_others() {
    let test = fleet();
    let stall = Act::StallInBody(100, Duration::from_secs(600));
    test.sim.fault(Fault::on(Route::Download, stall));
    let going = test.run("fetch --jobs 4").start();
    until("eleven in the lock", || locked(&test).len() == 11);
    going.kill();
    assert_eq!(test.cached().len(), 11);
    let name = locked(&test).remove(0);
    test.run(&format!("stage -q --locked --offline {name}"))
        .any_stdout()
        .success();
    test.run("fetch -q").any_stdout().success();
    assert_eq!(locked(&test), names(SITES));
}

#[test]
fn results_and_lock_are_in_the_order_of_names() {
    let test = fleet();
    let late = Act::StallBeforeHead(Duration::from_millis(300));
    test.sim.fault(Fault::on(Route::Download, late.clone()));
    let done = test.run("fetch -q").any_stdout().success();
    let first = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    let told: Vec<String> = done.stdout.lines().map(first).collect();
    assert_eq!(told, names(SITES));
    assert_eq!(locked(&test), names(SITES));
    for command in ["update -q --json", "fetch -q --json", "diff -q --json"] {
        test.sim.fault(Fault::on(Route::Download, late.clone()));
        let document = test.run(command).any_stdout().success().json();
        let told = document["definitions"].as_array().unwrap().iter();
        let told: Vec<&str> = told
            .map(|one| one["definition"].as_str().unwrap())
            .collect();
        assert_eq!(told, names(SITES), "{command}");
    }
}

/// The valid definitions are staged and locked; each failure of the others is reported.
#[test]
fn failures_stay_where_they_happen() {
    let test = fleet();
    for act in [Act::Html200, Act::CloseInBody(200), Act::status(503)] {
        test.sim.fault(Fault::on(Route::Download, act).skip(1));
    }
    let done = test.run("fetch").any_stdout().any_stderr().fails(6);
    assert_eq!(done.stdout.lines().count(), 9);
    done.says("error[", 3);
    assert_eq!((locked(&test).len(), test.cached().len()), (9, 9));
    let known = names(SITES);
    let told = done
        .stdout
        .lines()
        .map(|line| line.split_once(' ').unwrap().0);
    assert_eq!(told.collect::<Vec<_>>(), locked(&test));
    assert!(locked(&test).iter().all(|name| known.contains(name)));
    let document = test.run("fetch --json").any_stdout().any_stderr();
    let document = document.success().json();
    assert_eq!(document["definitions"].as_array().unwrap().len(), 12);
}

/// What two failures of one run end with.
#[test]
fn the_gravest_of_two_failures() {
    let rejected = || Act::status(400);
    for (acts, code) in [
        ([Act::Html200, Act::status(503)], 6),
        ([Act::status(403), Act::Html200], 6),
        ([Act::status(403), rejected()], 4),
        ([Act::status(503), Act::status(403)], 4),
        ([Act::status(503), rejected()], 1),
    ] {
        let test = fleet();
        for act in acts {
            test.sim.fault(Fault::on(Route::Download, act));
        }
        let done = test.run("fetch -q --json").any_stdout().fails(code);
        let error = &done.json()["error"];
        assert_eq!(error["exit_code"], code);
        assert_eq!(error["problems"].as_array().unwrap().len(), 2);
    }
}

/// Drift takes precedence over a temporary failure, and over a mistake in the file.
#[test]
fn drift_among_other_failures() {
    let test = fleet();
    test.run("fetch -q").any_stdout().success();
    test.forget_cache();
    test.sim.world(|world| {
        let profile = world.find_mut(&site_uid(7)).unwrap();
        profile.packs[0].set_version("1.1.0");
    });
    test.sim.fault(Fault::on(Route::Download, Act::status(400)));
    let done = test.run("fetch").any_stdout().any_stderr().fails(3);
    done.says("the locked `site-0007`", 1).says("error[", 2);
    assert_eq!(done.stdout.lines().count(), 10);
    let text = test.text("profiles.toml");
    test.put(
        "profiles.toml",
        text.replace("site-0003@1.0.0", "site-0003@9.0.0"),
    );
    test.sim.fault(Fault::on(Route::Download, Act::status(403)));
    let done = test.run("fetch").any_stdout().any_stderr().fails(3);
    done.says("error[", 3);
    test.run("update -q site-0007").any_stdout().success();
    test.sim.fault(Fault::on(Route::Download, Act::status(403)));
    test.run("fetch").any_stdout().any_stderr().fails(2);
}

/// If an answer that all definitions need fails, all of them fail, and the failure is reported
/// once.
#[test]
fn a_failure_that_is_shared_is_told_once() {
    for (route, status, code) in [
        (Route::Metadata, 401, 4),
        (Route::Projects, 401, 4),
        (Route::Metadata, 503, 5),
    ] {
        let test = fleet();
        for command in ["fetch", "check"] {
            test.sim.clear_requests();
            test.sim.fault(Fault::on(route, Act::status(status)));
            let run = test.run(command).any_stdout().any_stderr().keeps_files();
            run.fails(code).says("error[", 1);
            assert_eq!(test.asked(route).len(), 1, "{command}");
        }
        test.sim.fault(Fault::on(route, Act::status(status)));
        let run = test.run("fetch -q --json").any_stdout().keeps_files();
        let error = run.fails(code).json()["error"].take();
        assert_eq!(error["problems"].as_array().unwrap().len(), 1, "{error}");
        assert_ne!(error["code"], "several", "{error}");
    }
}

/// Every download is refused for the same reason.
#[test]
fn a_key_that_expires_is_told_once() {
    let test = fleet();
    let refused = Fault::on(Route::Download, Act::status(401)).forever();
    test.sim.fault(refused);
    let done = test.run("fetch").any_stderr().keeps_files().fails(4);
    done.says("error[key-refused]: Palette does not accept the API key", 1);
}

#[test]
fn the_command_for_the_key_runs_once() {
    let head = HEAD.replace(
        "retries = 0",
        "retries = 0\napi-key-command = [\"sh\", \"-c\", \"echo x >> runs; cat key\"]",
    );
    let test = Test::of(World::demo().fleet(SITES))
        .key_file("key", KEY)
        .manifest(&manifest(SITES).replace(HEAD, &head));
    for (runs, command) in (1..).zip(["fetch -q", "update -q", "diff -q", "check -q"]) {
        let run = test.run(command).without_key();
        run.any_stdout().success();
        assert_eq!(test.text("runs"), "x\n".repeat(runs));
    }
}

/// More requests than the documented bursts allow.
#[test]
fn no_429_where_the_documented_limits_are_enforced() {
    let sites = 300;
    let test = Test::of(World::demo().fleet(sites).rate_limited());
    let test = test.manifest(&manifest(sites));
    test.run("fetch -q --jobs 64").any_stdout().success();
    let requests = test.sim.requests();
    assert!(requests.iter().all(|ask| ask.answer.status == 200));
    assert_eq!(test.downloads(), 300);
    assert_eq!(locked(&test), names(sites));
}

/// Other clients share the address: a request that is refused for that reason is retried.
#[test]
fn who_is_told_to_wait_waits() {
    let patient = manifest(SITES).replace("retries = 0", "retries = 2");
    let test = fleet().manifest(&patient);
    let later = Act::status(429).header("Retry-After", "1");
    test.sim
        .fault(Fault::on(Route::Download, later).skip(2).times(4));
    let done = test.run("fetch").any_stdout().any_stderr().success();
    done.says("Retrying", 4);
    assert_eq!(test.downloads(), 16);
    assert_eq!(locked(&test), names(SITES));
}

/// `--locked` uses what is locked, and never writes.
#[test]
fn a_fleet_with_locked_and_offline() {
    let test = fleet();
    test.run("fetch -q").any_stdout().success();
    test.forget_cache();
    // One of many, while the others are not at hand.
    let lock = test.facts("profiles.lock");
    test.run("fetch -q --locked site-0005")
        .any_stdout()
        .success();
    let run = test.run("fetch -q --offline").without_key().any_stdout();
    let done = run.any_stderr().keeps_files().fails(5);
    assert_eq!(done.stdout.lines().count(), 1);
    done.says("is not in the cache", 11);
    // A definition more than the lock has.
    let more = manifest(SITES) + "\n[definition.zoo]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    let test = test.manifest(&more);
    let run = test.run("fetch -q --locked").any_stdout();
    let done = run.error("not-locked").stderr_has("`zoo`").fails(3);
    assert_eq!(done.stdout.lines().count(), 12);
    assert_eq!(test.facts("profiles.lock"), lock);
}
