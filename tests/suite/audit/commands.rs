//! Every command in its successful case.

use super::{FORMS, audit_all, ends};
use crate::support::{KEY, Proof, Test};

/// Staged, with an image of it beside `profiles.toml`.
fn with_image() -> Test {
    Proof::new().beside_manifest()
}

/// Staged; then Palette has changed.
fn drifted() -> Test {
    let test = Test::new().stage();
    test.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    test
}

fn staged() -> Test {
    Test::new().stage()
}

#[test]
fn every_command() {
    audit_all(&[
        (
            Test::new,
            "init --file other/profiles.toml",
            0,
            "other/profiles.toml",
        ),
        (Test::new, "add a@1", 0, "Added a@1"),
        (Test::new, "remove hello-universe", 0, "Removed"),
        (staged, "rename factory plant", 0, "Renamed"),
        (Test::new, "check", 0, "accept"),
        (staged, "check --locked --target iso", 0, "accept"),
        (Test::new, "fetch", 0, "factory"),
        (Test::new, "fetch --output out.tgz", 0, "out.tgz"),
        (Test::new, "stage", 0, "Staged factory"),
        (staged, "stage --locked --offline", 0, "Unchanged factory"),
        (staged, "unstage", 0, "spc.tgz"),
        (staged, "diff", 0, "factory"),
        (drifted, "diff", 3, "edge-k3s"),
        (drifted, "diff -v", 3, "edge-k3s"),
        (drifted, "update", 0, "edge-k3s"),
        (drifted, "fetch", 3, "edge-k3s"),
        (staged, "outdated", 0, "current"),
        (staged, "upgrade", 0, "Unchanged"),
        (staged, "verify", 0, "locked"),
        (Test::new, "verify --expect-none", 0, "none"),
        (with_image, "verify --image installer.iso", 0, "locked"),
        (staged, "attest", 0, "edge-infra"),
        (
            with_image,
            "attest --image installer.iso",
            0,
            "installer.iso",
        ),
        (staged, "show", 0, "edge-infra"),
        (staged, "show CanvOS/spc.tgz", 0, "edge-infra"),
        (Test::new, "explain T10", 0, "T10"),
        (staged, "list", 0, "factory"),
        (staged, "cache list", 0, "factory"),
        (staged, "cache clean", 0, ".tgz"),
        (staged, "completions bash", 0, "EDGESTAGE_COMPLETE"),
        (staged, "man", 0, "EXIT STATUS"),
        (staged, "schema lock", 0, "$schema"),
        (staged, "explain drift", 0, "edgestage update"),
    ]);
}

#[test]
fn a_wrong_command_line() {
    audit_all(&[
        (Test::new, "stage --no-such-flag", 2, "--no-such-flag"),
        (Test::new, "stage nobody", 2, "no definition `nobody`"),
        (Test::new, "stage --jobs 0", 2, "--jobs"),
        (Test::new, "diff --offline", 2, "--offline"),
    ]);
}

/// The key is given in the place of a name or a path: the process list shows it, nothing else
/// does.
#[test]
fn the_key_in_place_of_a_name() {
    let test = Test::new();
    for (command, code) in [
        ("stage", 2),
        ("show", 2),
        ("fetch --from", 2),
        ("list", 2),
        ("explain", 2),
        ("cache list", 2),
        ("--color", 2),
        ("check --file", 2),
        ("check --endpoint", 2),
        ("check --canvos", 0),
    ] {
        for form in FORMS {
            let run = test.run(&format!("{command} {KEY} {form}"));
            ends(run.any_stdout().any_stderr(), code);
        }
    }
}
