//! `host upload`: what is sent, to whom, and what counts as done.

use std::time::Duration;

use palette_sim::{HostFault, HostWorld, World};
use serde_json::{Value, json};

use crate::support::{Host, Run, Test, gzip, host_world, sha256, until};

fn json_of(run: Run<'_>, code: i32) -> Value {
    let done = run.arg("--json").any_stdout().any_stderr().ends(code);
    serde_json::from_str(&done.stdout).unwrap()
}

const UPLOAD: &str = "/upload-clusterconfig";

#[test]
fn the_locked_bytes_arrive_and_are_proven() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    test.host_run("host upload line-1")
        .stdout("line-1  factory  uploaded\n")
        .stderr("    Uploaded factory on line-1\n    Finished line-1, uploaded in {time}\n")
        .keeps_files()
        .success();
    let uploads = host.world(|world| world.uploads().to_vec());
    let [(file, signature)] = &uploads[..] else {
        panic!("{} uploads", uploads.len());
    };
    assert_eq!(sha256(file), test.locked("factory").sha256.to_string());
    assert_eq!(*signature, None);
    let request = &host.asked(UPLOAD)[0];
    let length: usize = request.header("Content-Length").unwrap().parse().unwrap();
    assert_eq!(length, request.body.len());
    assert_eq!(
        host.calls(),
        [
            "login",
            "settings",
            "edgehosts/current",
            "cluster",
            "clusters/archive/overridden/details",
            "edgehosts/current/actions/content/signing-public-key",
            "edgehosts/current/actions/upload-clusterconfig",
            "clusters/archive/overridden/details",
            "logout"
        ]
    );
    // The host has it now, and gets nothing.
    host.clear_requests();
    test.host_run("host upload --all")
        .stdout("line-1  factory  unchanged\n")
        .stderr("   Unchanged factory on line-1\n")
        .success();
    assert!(host.asked(UPLOAD).is_empty());
    let document = json_of(test.host_run("host upload line-1"), 0);
    assert_eq!(document["hosts"][0]["result"], "unchanged");
    assert_eq!(document["hosts"][0]["overridden"]["verdict"], "same");
    test.host_run("host check")
        .any_stdout()
        .any_stderr()
        .success();
}

/// A host shows profiles, versions and packs. What differs in values alone is uploaded: the lock
/// of values is the archive.
#[test]
fn other_values_are_not_unchanged() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let mut other = test.cached_details();
    other["clusterProfileDetails"][1]["packs"][0]["values"] = "old: values\n".into();
    host.world(|world| drop(world.slots.insert("overridden", other)));
    let document = json_of(test.host_run("host upload line-1"), 0);
    assert_eq!(document["hosts"][0]["result"], "uploaded");
    assert_eq!(host.world(|world| world.uploads().len()), 1);
    // A host that does not show the values proves nothing, either.
    let mut hidden = test.cached_details();
    for profile in hidden["clusterProfileDetails"].as_array_mut().unwrap() {
        for pack in profile["packs"].as_array_mut().unwrap() {
            pack.as_object_mut().unwrap().remove("values");
        }
    }
    host.world(|world| drop(world.slots.insert("overridden", hidden)));
    let document = json_of(test.host_run("host upload line-1"), 0);
    assert_eq!(document["hosts"][0]["result"], "uploaded");
}

#[test]
fn hosts_that_take_no_upload() {
    let mut worlds = vec![host_world().mode("central"), host_world().mode("Central")];
    for kind in [
        "paletteai",
        "vertexai",
        "vm-launchpad",
        "vm-launchpad-vertex",
        "ai-launchpad",
        "ai-launchpad-vertex",
    ] {
        worlds.push(host_world().appliance(kind));
    }
    for world in worlds {
        let kind = world.appliance_type.clone();
        let host = Host::start(world);
        let test = Test::with_host(&host);
        let done = test
            .host_run("host upload line-1")
            .any_stdout()
            .error("host-takes-no-upload")
            .stderr_has("nothing was sent")
            .fails(1);
        assert!(kind.is_none_or(|kind| done.stderr.contains(&format!("`{kind}`"))));
        assert!(host.asked(UPLOAD).is_empty());
    }
}

#[test]
fn what_is_only_worth_a_warning() {
    let unknown = |change: fn(&mut HostWorld)| {
        let mut world = host_world();
        change(&mut world);
        world
    };
    for (world, code) in [
        (host_world().with_cluster(), "host-has-cluster"),
        (host_world().role("worker"), "host-not-leader"),
        (host_world().role("controlplane"), "host-not-leader"),
        (host_world().mode("hybrid"), "host-mode"),
        (unknown(|world| world.management_mode = None), "host-mode"),
    ] {
        let host = Host::start(world);
        let test = Test::with_host(&host);
        test.host_run("host upload line-1")
            .any_stdout()
            .warning(code)
            .success();
        assert_eq!(host.world(|world| world.uploads().len()), 1, "{code}");
    }
    // These say nothing.
    for world in [
        host_world().role("unknown"),
        unknown(|world| world.node_role = None),
        host_world().appliance("edge"),
    ] {
        let host = Host::start(world);
        let test = Test::with_host(&host);
        let run = test.host_run("host upload line-1").any_stdout();
        let done = run.any_stderr().success();
        assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    }
}

/// Without a key of ours nothing is sent to a host with one; an empty one is none.
#[test]
fn a_host_with_a_key_needs_a_signature() {
    let host = Host::start(host_world().key("LS0tLS1CRUdJTg=="));
    let test = Test::with_host(&host);
    test.host_run("host upload line-1")
        .any_stdout()
        .error("signature-needed")
        .stderr_has("`[signing]`")
        .fails(2);
    assert!(host.asked(UPLOAD).is_empty());
    host.world(|world| world.signing_key = Some(String::new()));
    test.host_run("host upload line-1")
        .any_stdout()
        .any_stderr()
        .success();
}

/// Other bytes of the same content are another file than the one that was locked.
#[test]
fn other_bytes_are_not_sent() {
    use std::io::Read as _;
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    let cached = test.cached().remove(0);
    let mut tar = Vec::new();
    let file = std::fs::File::open(&cached).unwrap();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_end(&mut tar)
        .unwrap();
    let (a, b) = tar.split_at(512);
    std::fs::write(&cached, [gzip(a), gzip(b)].concat()).unwrap();
    test.host_run("host upload line-1")
        .error("not-the-locked-bytes")
        .fails(3);
    assert_eq!(host.connections(), 0);
}

#[test]
fn an_archive_that_is_not_cached_is_fetched() {
    let host = Host::start(host_world());
    let test = Test::with_host(&host);
    // The same download gives other bytes each time, which cannot be the locked ones.
    test.forget_cache();
    test.host_run("host upload line-1")
        .error("key-missing")
        .fails(4);
    assert_eq!(host.connections(), 0);
}

/// 201 alone is no proof.
#[test]
fn an_upload_that_is_not_shown_is_not_done() {
    let host = Host::start(host_world().fault(HostFault::Forget));
    let test = Test::with_host(&host);
    test.host_run("host upload line-1")
        .any_stdout()
        .error("host-upload-unproven")
        .fails(3);
    let mut other = test.cached_details();
    other["clusterProfileDetails"][0]["packs"][0]["version"] = "9".into();
    host.world(|world| world.order(HostFault::StoreOther(Box::new(other))));
    let document = json_of(test.host_run("host upload line-1"), 3);
    assert_eq!(document["hosts"][0]["result"], Value::Null);
    assert_eq!(document["hosts"][0]["error"], "host-upload-unproven");
    host.world(|world| world.order(HostFault::StoreOther(Box::new(json!({})))));
    test.host_run("host upload line-1")
        .any_stdout()
        .error("host-upload-unproven")
        .fails(3);
}

/// Sending failed, and the host is as it was: that may be repeated.
#[test]
fn a_cut_upload_is_repeated() {
    let host = Host::start(host_world().fault(HostFault::CutUpload(1000)));
    let test = Test::of(padded())
        .hosts(&[host.table("line-1")])
        .patience("retries = 1");
    test.run("fetch -q").any_stdout().success();
    let run = test.host_run("host upload line-1").any_stdout();
    run.stderr_has("Retrying line-1: POST").success();
    assert_eq!(host.asked(UPLOAD).len(), 2);
    assert_eq!(host.world(|world| world.uploads().len()), 1);
}

/// An archive that does not fit into the buffers of a socket.
fn padded() -> World {
    let mut world = World::demo();
    world.archive.padding = 24 << 20;
    world.archive.level = 0;
    world
}

#[test]
fn a_cut_upload_without_further_attempts_fails() {
    let host = Host::start(host_world().fault(HostFault::CutUpload(1000)));
    let test = Test::of(padded()).hosts(&[host.table("line-1")]);
    test.run("fetch -q").any_stdout().success();
    test.host_run("host upload line-1")
        .any_stdout()
        .error("host-unreachable")
        .fails(5);
    assert_eq!(host.asked(UPLOAD).len(), 1);
}

/// The host has stored it, and its answer was lost: that is seen, and nothing is sent again.
#[test]
fn a_lost_answer_is_not_a_reason_to_send_again() {
    let host = Host::start(host_world().fault(HostFault::LoseAnswer));
    let test = Test::with_host(&host).patience("retries = 3");
    test.host_run("host upload line-1")
        .any_stdout()
        .any_stderr()
        .success();
    assert_eq!(host.asked(UPLOAD).len(), 1);
    assert_eq!(host.world(|world| world.uploads().len()), 1);
}

/// An answer is an answer: it is not repeated, whatever it is.
#[test]
fn a_refused_upload_is_not_repeated() {
    for (status, code, exit) in [
        (500, "host-unreachable", 5),
        (400, "host-rejected", 1),
        (401, "host-forbidden", 4),
    ] {
        let fault = HostFault::Answer("/upload-clusterconfig", status, "verification failed");
        let host = Host::start(host_world().fault(fault));
        let test = Test::with_host(&host).patience("retries = 3");
        test.host_run("host upload line-1")
            .any_stdout()
            .error(code)
            .stderr_has("verification failed")
            .fails(exit);
        assert_eq!(host.asked(UPLOAD).len(), 1);
    }
}

#[test]
fn several_hosts_at_once() {
    let hosts: Vec<Host> = (0..4).map(|_| Host::start(host_world())).collect();
    let central = Host::start(host_world().mode("central"));
    let mut tables: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| host.table(&format!("line-{at}")))
        .collect();
    tables.push(central.table("zentral"));
    let test = Test::new().hosts(&tables);
    test.run("fetch -q").any_stdout().success();
    test.host_run("host upload --all")
        .stdout_has("line-3   factory  uploaded\nzentral  factory  host-takes-no-upload\n")
        .stderr_has("Finished 5 hosts, 4 uploaded, 1 failed in ")
        .error("host-takes-no-upload")
        .fails(1);
    for host in &hosts {
        assert_eq!(host.world(|world| world.uploads().len()), 1);
    }
}

/// Ctrl-C in the middle of an upload ends it at once, and logs out.
#[test]
fn ctrl_c_ends_an_upload() {
    let stall = HostFault::Stall("/upload-clusterconfig", Duration::from_secs(60));
    let host = Host::start(host_world().fault(stall));
    let test = Test::with_host(&host);
    let child = test.host_run("host upload line-1").interruptible();
    until("the key is asked for", || {
        !host.asked("/signing-public-key").is_empty()
    });
    std::thread::sleep(Duration::from_millis(300));
    child.interrupt();
    assert_eq!(host.asked("/logout").len(), 1);
}

/// 100 MB stream through: memory does not grow with the archive. An optimized build needs less
/// than a debug build, whose own code takes a part of it.
#[cfg(target_os = "linux")]
#[test]
fn a_large_upload_needs_little_memory() {
    const MOST: u64 = if cfg!(debug_assertions) { 32 } else { 24 } << 20;
    let peak = |padding: u64| {
        let mut world = World::demo();
        world.archive.padding = padding;
        world.archive.level = 0;
        let host = Host::start(host_world());
        let test = Test::of(world).hosts(&[host.table("line-1")]);
        test.run("fetch -q").any_stdout().success();
        let locked = test.locked("factory");
        assert!(locked.size > padding);
        let run = test.host_run("host upload line-1");
        let peak = run.any_stdout().any_stderr().peak(0);
        let uploads = host.world(|world| world.uploads().to_vec());
        assert_eq!(sha256(&uploads[0].0), locked.sha256.to_string());
        peak
    };
    let (small, large) = (peak(0), peak(100_000_000));
    assert!(large <= MOST, "{} KiB", large >> 10);
    assert!(
        large <= small + (6 << 20),
        "{} and {} KiB",
        small >> 10,
        large >> 10
    );
}
