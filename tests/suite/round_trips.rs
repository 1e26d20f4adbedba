//! Requests that do not wait for each other, and what becomes of an archive that was requested
//! too early.
//!
//! No test measures a time: an answer that never comes shows which requests do not wait for it.

use std::time::Duration;

use palette_sim::{
    Act, EDGE_INFRA_2_1_0, EDGE_MONITORING_1_4_0, Fault, HELLO_UNIVERSE_1_2_0, PROJECT_DEFAULT,
    Route,
};

use crate::support::{HEAD, Test, until};

/// The profile that a name leads to after it has moved.
const MOVED: &str = "65c9000000000000000000aa";
/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

/// An answer that never comes, unless the client gives up, which it does later.
fn hangs() -> Act {
    Act::StallBeforeHead(LONG)
}

/// Returns a definition whose project and profiles are uids.
fn by_uid() -> Test {
    let head = HEAD.replace("Default", PROJECT_DEFAULT);
    Test::new().manifest(&format!(
        "{head}\n[definition.factory]\nprofiles = [\"{EDGE_INFRA_2_1_0}\", \"{HELLO_UNIVERSE_1_2_0}\"]\n"
    ))
}

/// Returns a definition whose project and profiles are names.
fn by_name() -> Test {
    Test::new().definition("profiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]")
}

/// Returns the same, staged, locked and cached, without a record of these requests.
fn locked() -> Test {
    let test = by_name().stage();
    test.sim.clear_requests();
    test
}

/// The same, after a profile of the definition got another uid.
fn moved() -> Test {
    let test = locked();
    test.sim
        .world(|world| world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap().uid = MOVED.into());
    test
}

/// Returns the requests by kind: projects, list, profiles, downloads; and how many there are.
fn asked(test: &Test) -> [usize; 5] {
    let routes = [
        Route::Projects,
        Route::Metadata,
        Route::Profile,
        Route::Download,
    ];
    let [projects, list, profiles, downloads] = routes.map(|route| test.asked(route).len());
    [
        projects,
        list,
        profiles,
        downloads,
        test.sim.requests().len(),
    ]
}

/// Checks that the run makes these requests although `route` is not answered.
#[track_caller]
fn does_not_wait_for(route: Route, test: &Test, command: &str, expected: [usize; 5]) {
    test.sim.fault(Fault::on(route, hangs()).forever());
    let going = test.run(command).start();
    until(&format!("{expected:?}"), || asked(test) == expected);
    going.kill();
    assert_eq!(asked(test), expected);
}

/// Whether a request for the archive lists this profile.
fn lists(body: &[u8], uid: &str) -> bool {
    String::from_utf8_lossy(body).contains(uid)
}

#[test]
fn the_archive_is_requested_while_the_profiles_are_read() {
    for command in ["fetch", "stage", "update"] {
        let test = by_uid();
        does_not_wait_for(Route::Profile, &test, command, [0, 0, 2, 1, 3]);
        let test = by_name();
        does_not_wait_for(Route::Profile, &test, command, [1, 1, 2, 1, 5]);
    }
    let test = by_uid();
    does_not_wait_for(Route::Download, &test, "fetch", [0, 0, 2, 1, 3]);
}

#[test]
fn with_a_lock_nothing_waits_for_anything() {
    for command in ["fetch", "update", "diff"] {
        for route in [
            Route::Projects,
            Route::Metadata,
            Route::Profile,
            Route::Download,
        ] {
            // Without the project's uid, nobody can ask for the list.
            let test = locked();
            does_not_wait_for(route, &test, command, [1, 1, 2, 1, 5]);
        }
    }
}

/// An archive that is neither cached nor served as locked would be requested for nothing.
#[test]
fn without_the_locked_archive_the_rest_is_requested_at_once() {
    for command in ["fetch", "stage"] {
        let test = locked();
        test.forget_cache();
        test.forget_staged();
        does_not_wait_for(Route::Projects, &test, command, [1, 1, 2, 0, 4]);
        test.sim.clear_faults();
        test.sim.clear_requests();
        test.run(command).any_stdout().any_stderr().success();
        assert_eq!(asked(&test), [1, 1, 2, 1, 5], "{command}");
    }
}

/// What is known about a definition that has changed since says nothing about it now.
#[test]
fn an_outdated_lock_is_not_asked() {
    let test = locked().definition("profiles = [\"edge-infra@2.1.0\", \"edge-monitoring@1.4.0\"]");
    test.run("update -q").any_stdout().success();
    assert_eq!(asked(&test), [1, 1, 2, 1, 5]);
    assert!(lists(&test.download().body, EDGE_MONITORING_1_4_0));
}

/// Nothing is requested twice.
#[test]
fn each_answer_is_requested_once() {
    for (test, requests) in [
        (by_uid as fn() -> Test, [0, 0, 2, 1, 3]),
        (by_name, [1, 1, 2, 1, 5]),
    ] {
        let test = test();
        for command in ["fetch", "fetch", "update", "diff", "update --jobs 1"] {
            test.sim.clear_requests();
            let run = test.run(command).any_stdout().any_stderr();
            run.success();
            assert_eq!(asked(&test), requests, "{command}");
        }
    }
}

/// The old profile's archive is dropped, whatever is answered, and nobody waits for it.
#[test]
fn a_name_that_has_moved_starts_again() {
    let refused = Act::status(403);
    for old in [None, Some(refused), Some(hangs())] {
        let test = moved();
        if let Some(old) = &old {
            test.sim.fault(Fault::on(Route::Download, old.clone()));
        }
        let run = test.run("update -q").any_stdout();
        run.success();
        assert_eq!(asked(&test), [1, 1, 3, 2, 7], "{old:?}");
        let downloads = test.asked(Route::Download);
        assert!(lists(&downloads[0].body, HELLO_UNIVERSE_1_2_0));
        assert!(lists(&downloads[1].body, MOVED));
        let lock = test.text("profiles.lock");
        assert!(lock.contains(MOVED) && !lock.contains(HELLO_UNIVERSE_1_2_0));
        test.run("stage -q --offline --locked")
            .any_stdout()
            .success();
    }
    let test = moved();
    let run = test.run("diff").keeps_files().error("drift");
    run.stdout_has(MOVED).fails(3);
}

/// The project's name leads to another project, in which everything has to be asked again.
#[test]
fn a_project_that_has_moved_starts_again() {
    let test = locked();
    let lock = test.text("profiles.lock");
    let elsewhere = lock.replace(PROJECT_DEFAULT, "5fbbf0c1d2e3f4a5b6c7d8ea");
    test.put("profiles.lock", elsewhere);
    test.run("update -q").any_stdout().success();
    assert_eq!(asked(&test), [1, 2, 4, 2, 9]);
    assert_eq!(test.text("profiles.lock"), lock);
}

/// Nothing is kept of an archive whose profiles break a rule, and nobody waits for its rest.
#[test]
fn a_broken_rule_drops_the_archive() {
    for act in [
        Act::CloseAfter,
        Act::StallInBody(1000, LONG),
        hangs(),
        Act::Slow(10),
        Act::status(401),
        Act::status(503),
        Act::Html200,
        Act::Bytes(b"nothing".to_vec()),
    ] {
        let test = Test::new()
            .definition("profiles = [\"edge-infra@2.1.0\", \"edge-storage@1.0.0\"]")
            .patience("retries = 4\ntimeout = 3600")
            .fault(Fault::on(Route::Download, act.clone()).forever());
        for command in ["fetch", "stage", "update"] {
            test.sim.clear_requests();
            let run = test.run(command).keeps_files().any_stdout();
            let done = run.error("several-infrastructures").fails(2);
            done.says("Retrying", 0);
            assert!(test.downloads() <= 1, "{command}: {act:?}");
        }
        assert!(!test.path("profiles.lock").exists());
        assert_eq!(test.cached().len(), 0);
    }
}

/// Palette's contract forbids a request that lists a profile twice.
#[test]
fn a_profile_that_is_there_twice_is_not_requested() {
    let twice = format!("profiles = [\"{EDGE_INFRA_2_1_0}\", \"edge-infra@2.1.0\"]");
    let test = Test::new().definition(&twice);
    let run = test.run("fetch").keeps_files();
    run.error("duplicate-profile").fails(2);
    assert_eq!(test.downloads(), 0);
}

/// The same while the archive of the locked definition is served as before.
#[test]
fn a_rule_that_is_broken_since_keeps_what_is_locked() {
    let test = locked();
    test.sim.world(|world| {
        let hello = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        hello.cloud_type = "aws".into();
    });
    for command in ["fetch", "update", "diff"] {
        let run = test.run(command).keeps_files();
        run.error("wrong-cloud-type").fails(2);
    }
    test.run("stage --offline --locked")
        .any_stdout()
        .any_stderr()
        .success();
}

/// What is wrong with the profiles is reported, however the archive's answer fails.
#[test]
fn a_profile_comes_before_its_archive() {
    let unknown = Act::status(404);
    for (profile, code, exit) in [
        (Act::status(401), "key-refused", 4),
        (Act::status(403), "forbidden", 4),
        (unknown, "profile-not-found", 2),
        (Act::status(501), "kept-failing", 5),
    ] {
        for archive in [Act::status(401), Act::status(403), Act::status(501)] {
            for test in [by_uid(), locked()] {
                let profile = Fault::on(Route::Profile, profile.clone());
                let archive = Fault::on(Route::Download, archive.clone()).forever();
                let test = test.fault(profile).fault(archive);
                let run = test.run("update").keeps_files();
                run.error(code).fails(exit);
            }
        }
    }
    // An incomplete list comes before both.
    let short = Act::ShortList { held: 0, count: 9 };
    let test = locked()
        .fault(Fault::on(Route::Metadata, short).forever())
        .fault(Fault::on(Route::Dashboard, Act::status(403)).forever())
        .fault(Fault::on(Route::Profile, Act::status(401)).forever())
        .fault(Fault::on(Route::Download, Act::status(401)).forever());
    let run = test.run("update").keeps_files();
    run.any_stderr().fails(5);
}

/// The archive's own failure is reported if nothing is wrong with the profiles.
#[test]
fn an_archive_that_was_requested_early_fails_like_any_other() {
    for (archive, code, exit) in [
        (Act::status(401), "key-refused", 4),
        (Act::status(403), "forbidden", 4),
        (Act::status(503), "kept-failing", 5),
        (Act::CloseInBody(100), "unreachable", 5),
        (Act::Html200, "archive-refused", 6),
    ] {
        for test in [by_uid(), locked()] {
            let test = test.fault(Fault::on(Route::Download, archive.clone()).forever());
            let run = test.run("update").keeps_files();
            run.error(code).fails(exit);
            assert_eq!(test.downloads(), 1, "{archive:?}");
        }
    }
}

/// The first attempt counts, whenever it was made.
#[test]
fn a_first_attempt_that_was_made_early_is_repeated() {
    for route in [Route::Metadata, Route::Profile, Route::Download] {
        let later = Act::status(503).header("Retry-After", "0");
        let test = locked()
            .patience("retries = 1")
            .fault(Fault::on(route, later));
        let done = test.run("update").any_stdout().any_stderr().success();
        done.says("Retrying", 1);
        assert_eq!(test.sim.requests().len(), 6, "{route:?}");
    }
}

/// Ctrl-C ends a run that waits for answers that were requested early.
#[test]
fn ctrl_c_ends_a_run_whose_archive_was_requested_early() {
    for route in [Route::Projects, Route::Profile, Route::Download] {
        let test = locked().fault(Fault::on(route, hangs()).forever());
        let going = test.run("update").interruptible();
        until("every request", || asked(&test) == [1, 1, 2, 1, 5]);
        going.interrupt();
        test.run("stage --offline --locked")
            .any_stdout()
            .any_stderr()
            .success();
    }
}
