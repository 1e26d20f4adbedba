//! The workflow on GitHub: what it asks of `gh`, and what it pushes.

use std::fs;

use super::{DELETED, NOTHING, Repository};
use crate::ci::succeeds;

const EDITED: &str = "api --silent --method PATCH repos/group/site/pulls/7";
const CREATED: &str = "pr create --head edgestage/update --base main";

fn open(number: u32, commit: &str) -> serde_json::Value {
    request(number, "OPEN", commit, false)
}

fn request(number: u32, state: &str, commit: &str, fork: bool) -> serde_json::Value {
    serde_json::json!({
        "number": number, "state": state, "headRefOid": commit, "isCrossRepository": fork,
    })
}

#[test]
fn on_github_one_request_says_what_changed_and_is_renewed() {
    let repository = Repository::with_registry();
    let blobs = repository.registry.as_ref().unwrap().blobs().len();
    let changes = repository.diff();
    for part in ["`factory`", "`warehouse`", "edge-k3s", "1.31.1"] {
        assert!(changes.contains(part), "{part}: {changes}");
    }
    succeeds(&repository.github());
    assert_eq!(repository.written(), [CREATED]);
    assert_eq!(repository.take("state/body"), changes);
    let first = repository.pushed();
    let files = repository.git(&format!("diff --name-only origin/main {first}"));
    assert_eq!(files, "profiles.lock\nprofiles.toml\n");
    let manifest = repository.git(&format!("show {first}:profiles.toml"));
    assert!(!manifest.contains("edge-infra@2.0.0"), "{manifest}");
    let now = repository.registry.as_ref().unwrap().blobs().len();
    assert!(now > blobs, "the archives are in the registry");

    // Nothing is new: no request is opened, and the branch stays, although Palette packs the
    // same content into another archive.
    repository.requests(&serde_json::json!([open(7, &first)]));
    succeeds(&repository.github());
    assert_eq!(repository.written(), [EDITED]);
    assert_eq!(repository.pushed(), first);

    // Something is new: the same branch, again one commit after `main`.
    repository.site.publish("edge-k3s", "1.31.2");
    let changes = repository.diff();
    assert!(changes.contains("1.31.2"), "{changes}");
    succeeds(&repository.github());
    assert_eq!(repository.written(), [EDITED]);
    assert_eq!(repository.text("state/body"), changes);
    let third = repository.pushed();
    assert_ne!(third, first);
    let count = repository.git(&format!("rev-list --count origin/main..{third}"));
    assert_eq!(count, "1\n");

    // After the merge there is nothing to propose, and a branch that is left is deleted.
    repository.merge();
    repository.requests(&serde_json::json!([request(7, "MERGED", &third, false)]));
    for expected in [format!("{NOTHING}{DELETED}"), NOTHING.to_owned()] {
        let run = repository.github();
        succeeds(&run);
        assert_eq!(run.stdout, expected);
        assert_eq!(repository.written(), [""; 0]);
        assert_eq!(repository.proposed(), None);
    }
}

#[test]
fn on_github_a_request_whose_changes_are_withdrawn_is_closed() {
    let repository = Repository::with_registry();
    succeeds(&repository.github());
    repository.merge();
    repository.site.publish("edge-k3s", "1.31.2");
    succeeds(&repository.github());
    let commit = repository.pushed();
    repository.take("state/calls");

    repository.site.publish("edge-k3s", "1.31.1");
    repository.requests(&serde_json::json!([
        request(9, "OPEN", &commit, true),
        open(8, &commit),
        request(7, "MERGED", &commit, false),
    ]));
    let run = repository.github();
    succeeds(&run);
    assert_eq!(run.stdout, format!("{NOTHING}{DELETED}"));
    let comment = "Palette serves what is locked: there is nothing to update any more.";
    assert_eq!(
        repository.written(),
        [format!("pr close 8 --comment {comment}")]
    );
    assert_eq!(repository.proposed(), None);
}

#[test]
fn on_github_a_closed_request_stays_closed_and_one_of_a_fork_is_left_alone() {
    let repository = Repository::without_registry();
    // The branch is pushed, and GitHub refuses the request: the next run opens it.
    repository.site.write("state/fail", "");
    assert_eq!(repository.github().code, 1);
    fs::remove_file(repository.site.path("state/fail")).unwrap();
    assert_eq!(repository.written(), [CREATED]);
    let first = repository.pushed();
    repository.requests(&serde_json::json!([
        request(9, "OPEN", &first, true),
        request(
            3,
            "MERGED",
            "0000000000000000000000000000000000000000",
            false
        ),
    ]));
    succeeds(&repository.github());
    assert_eq!(repository.written(), [CREATED]);
    assert_eq!(repository.pushed(), first);

    repository.requests(&serde_json::json!([request(7, "CLOSED", &first, false)]));
    succeeds(&repository.github());
    assert_eq!(repository.written(), [EDITED], "only its text");
    repository.site.publish("edge-k3s", "1.31.2");
    succeeds(&repository.github());
    assert_eq!(repository.written(), [CREATED]);
    assert_ne!(repository.pushed(), first);
}
