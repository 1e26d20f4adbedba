//! The job on GitLab: what it pushes, and with which push options.

use std::fs;

use super::{DELETED, GITLAB, NOTHING, Repository, TITLE, TOKEN, script};
use crate::ci::succeeds;
use crate::site::Site;
use crate::yaml::template;

/// Returns the options of the last push, and the description as GitLab reads it.
fn pushed_with(repository: &Repository) -> (Vec<String>, String) {
    let options = repository.take("origin.git/options");
    let mut options: Vec<String> = options.lines().map(str::to_owned).collect();
    let description = options.pop().unwrap();
    let description = description
        .strip_prefix("merge_request.description=")
        .unwrap();
    (options, description.replace("\\n", "\n"))
}

#[test]
fn on_gitlab_one_request_says_what_changed_and_is_renewed() {
    let repository = Repository::with_registry();
    let expected = [
        "merge_request.create".to_owned(),
        "merge_request.target=main".to_owned(),
        "merge_request.remove_source_branch".to_owned(),
        format!("merge_request.title={TITLE}"),
    ];
    let changes = repository.diff();
    succeeds(&repository.gitlab());
    assert!(!repository.site.path("login").exists());
    assert_eq!(pushed_with(&repository), (expected.to_vec(), changes));
    let first = repository.pushed();
    let files = repository.git(&format!("diff --name-only origin/main {first}"));
    assert_eq!(files, "profiles.lock\nprofiles.toml\n");

    // Nothing is new: nothing is pushed.
    let run = repository.gitlab();
    succeeds(&run);
    let told = "The branch edgestage/update has these changes already.\n";
    assert!(run.stdout.ends_with(told), "{}", run.stdout);
    assert_eq!(repository.text("origin.git/options"), "");
    assert_eq!(repository.pushed(), first);

    // Something is new: GitLab renews the open request of the same branch.
    repository.site.publish("edge-k3s", "1.31.2");
    let changes = repository.diff();
    succeeds(&repository.gitlab());
    assert_eq!(pushed_with(&repository), (expected.to_vec(), changes));
    let third = repository.pushed();
    assert_ne!(third, first);
    let count = repository.git(&format!("rev-list --count origin/main..{third}"));
    assert_eq!(count, "1\n");

    // Somebody else changed `main`: the branch is based on it again.
    repository.check_out();
    repository.git("-c user.name=x -c user.email=x@x commit -q --allow-empty -m other");
    repository.git("push -q origin HEAD:refs/heads/main");
    succeeds(&repository.gitlab());
    let count = repository.git(&format!("rev-list --count {}", repository.fetch_pushed()));
    assert_eq!(count, "3\n");
    assert_eq!(pushed_with(&repository).0, expected);

    // The branch was deleted: a request is opened again.
    repository.git("--git-dir origin.git update-ref -d refs/heads/edgestage/update");
    succeeds(&repository.gitlab());
    assert_eq!(pushed_with(&repository).0, expected);

    // After the merge there is nothing to propose, and a branch that is left is deleted.
    repository.merge();
    for expected in [format!("{NOTHING}{DELETED}"), NOTHING.to_owned()] {
        let run = repository.gitlab();
        succeeds(&run);
        assert_eq!(run.stdout, expected);
        assert_eq!(repository.text("origin.git/options"), "");
        assert_eq!(repository.proposed(), None);
    }

    // Git got the token, and no argument of a process had it.
    let credentials = repository.text("state/credentials");
    assert!(
        credentials.contains("username=edgestage\n"),
        "{credentials}"
    );
    assert!(credentials.contains(&format!("password={TOKEN}\n")));
    assert!(!repository.text("state/arguments").contains(TOKEN));
}

/// GitLab closes a request whose branch is deleted.
#[test]
fn on_gitlab_the_branch_is_deleted_if_its_changes_are_withdrawn() {
    let repository = Repository::with_registry();
    succeeds(&repository.gitlab());
    repository.merge();
    repository.site.publish("edge-k3s", "1.31.2");
    succeeds(&repository.gitlab());
    assert_ne!(repository.pushed(), "");
    repository.site.publish("edge-k3s", "1.31.1");
    let run = repository.gitlab();
    succeeds(&run);
    assert_eq!(run.stdout, format!("{NOTHING}{DELETED}"));
    assert_eq!(repository.proposed(), None);
}

#[test]
fn on_gitlab_a_request_that_is_refused_is_tried_again() {
    let repository = Repository::without_registry();
    let refused = || {
        repository.site.write("origin.git/fail", "");
        let run = repository.gitlab();
        fs::remove_file(repository.site.path("origin.git/fail")).unwrap();
        assert_eq!(run.code, 1, "{}", run.stderr);
        // GitLab's own words, and then those of the job.
        assert!(run.stdout.contains("=main': a reason"), "{}", run.stdout);
        let told = "GitLab refused the request. The next run tries again.\n";
        assert!(run.stdout.ends_with(told), "{}", run.stdout);
    };
    refused();
    assert_eq!(repository.proposed(), None);
    let run = repository.gitlab();
    succeeds(&run);
    assert!(run.stdout.contains("View merge request"), "{}", run.stdout);
    let first = repository.pushed();

    // A request that is open stays as it was.
    repository.site.publish("edge-k3s", "1.31.2");
    refused();
    assert_eq!(repository.pushed(), first);
    succeeds(&repository.gitlab());
    assert_ne!(repository.pushed(), first);

    // A push that is refused ends the job, too.
    repository.site.publish("edge-k3s", "1.31.3");
    repository.site.write(
        "origin.git/hooks/pre-receive",
        "#!/bin/sh\necho protected\nexit 1\n",
    );
    let run = repository.gitlab();
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("protected"), "{}", run.stdout);
}

#[test]
fn on_gitlab_without_a_registry() {
    let repository = Repository::without_registry();
    // If Palette does not answer, the job fails, and nothing is proposed.
    let refused = repository.gitlab_with_key("another-key");
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert_eq!(repository.branches().len(), 1);
    let changes = repository.diff();
    succeeds(&repository.gitlab());
    assert_eq!(pushed_with(&repository).1, changes);
}

/// Runs the lines between `diff` and the push with this text of `diff`.
fn description(changes: &str) -> String {
    let site = Site::empty();
    site.write("changes.md", changes);
    let script = script(&template(GITLAB));
    let lines = script.split_once("\nsed ").unwrap().1;
    let lines = lines.split_once("if git diff --cached").unwrap().0;
    let environment = [("CI_JOB_URL".to_owned(), "https://gitlab.test/1".to_owned())];
    let script = format!("sed {lines}");
    let run = site.run(
        "bash",
        &[
            "-eo",
            "pipefail",
            "-c",
            &format!("{}={}\n{script}", environment[0].0, environment[0].1),
        ],
    );
    succeeds(&run);
    fs::read_to_string(site.path("description")).unwrap()
}

#[test]
fn on_gitlab_no_text_from_palette_begins_a_line_and_a_long_text_is_a_link() {
    assert_eq!(
        description("| `a\\n/merge` |\n\\\\n/close\n`$(x)` 100 %s\\\n"),
        "| `a\\ n/merge` |\\n\\\\ n/close\\n`$(x)` 100 %s\\\\n"
    );
    let long = "| `pack` |\n".repeat(6000);
    assert_eq!(
        description(&long),
        "The list of changes is too long for this text: https://gitlab.test/1/artifacts/file/changes.md\n"
    );
}
