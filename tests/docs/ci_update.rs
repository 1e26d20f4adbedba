//! `templates/github-update.yml` and `templates/gitlab-update.yml`: the scripts are run as they
//! are written, with the real git and a bare repository as the remote. `gh` is a stand-in that
//! records what it is asked; on GitLab, the remote itself records the push options.

mod github;
mod gitlab;

use std::fs;

use yaml_rust2::Yaml;

use crate::accepted;
use crate::ci::{
    KEY, commands, environment_of, is_careful, login, scripts, shell, site, site_with_registry,
    succeeds,
};
use crate::docker_registry::DockerRegistry;
use crate::markdown::read;
use crate::site::{Run, Site};
use crate::yaml::{Variables, list, names, scalars, template, text, variables};

const GITHUB: &str = "templates/github-update.yml";
const GITLAB: &str = "templates/gitlab-update.yml";
const TITLE: &str = "Update cluster definitions";
const TOKEN: &str = "glpat-token-of-the-project";

/// Records each call. `pr list` prints `requests`, and a `fail` lets `pr create` fail. `pr edit`
/// fails with the permissions of the job.
const GH: &str = r#"#!/bin/bash
echo "$*" >> "$STATE/calls"
case "$1 $2" in
  'auth setup-git') ;;
  'pr list') cat "$STATE/requests" ;;
  'pr close') ;;
  'pr create')
    [ ! -e "$STATE/fail" ] || exit 1
    while [ $# != 1 ]; do
      [ "$1" != --body-file ] || cp "$2" "$STATE/body"
      shift
    done
    ;;
  'api --silent')
    [ "${*: -2:1} ${*: -1}" = '--field body=@changes.md' ] || exit 1
    cp changes.md "$STATE/body"
    ;;
  *) exit 1 ;;
esac
"#;

/// Records its arguments, and what the credential helper of a push answers.
const GIT: &str = r#"#!/bin/bash
PATH=${PATH#*:}
printf '%s\n' "$@" >> "$STATE/arguments"
case " $* " in
  *' push '*)
    printf 'protocol=https\nhost=gitlab.test:443\nusername=edgestage\n\n' |
      git "${@:1:4}" credential fill > "$STATE/credentials"
    ;;
esac
exec git "$@"
"#;

/// Answers a push as GitLab does. A `fail` lets it refuse the request, but not the push.
const ANSWER: &str = r#"#!/bin/bash
if [ "$GIT_PUSH_OPTION_0" = merge_request.create ] && [ -e fail ]; then
  echo '  WARNINGS: Error encountered with push options'
  echo "  'merge_request.create' 'merge_request.target=main': a reason"
elif [ "$GIT_PUSH_OPTION_0" = merge_request.create ]; then
  echo 'View merge request for edgestage/update:'
fi
"#;

/// Writes each push option of each push down.
const HOOK: &str = r#"#!/bin/bash
for ((i = 0; i < ${GIT_PUSH_OPTION_COUNT:-0}; i++)); do
  option=GIT_PUSH_OPTION_$i
  printf '%s\n' "${!option}" >> options
done
"#;

/// A site whose `profiles.toml` and `profiles.lock` are on the branch `main` of a remote.
struct Repository {
    site: Site,
    registry: Option<DockerRegistry>,
}

impl Repository {
    fn of(site: Site, registry: Option<DockerRegistry>) -> Self {
        for (path, text) in [
            ("bin/gh", GH),
            ("bin/git", GIT),
            ("origin.git/hooks/pre-receive", HOOK),
            ("origin.git/hooks/post-receive", ANSWER),
            ("state/requests", "[]"),
        ] {
            site.write(path, text);
            succeeds(&site.run("chmod", &["+x", path]));
        }
        let repository = Self { site, registry };
        repository.git("init -q --bare origin.git");
        repository.git("-C origin.git config receive.advertisePushOptions true");
        repository.git("init -q");
        repository.git("remote add origin origin.git");
        let url = format!(
            "url.file://{}.insteadOf",
            repository.site.path("origin.git").display()
        );
        let of_gitlab = "https://edgestage@gitlab.test:443/group/site.git";
        succeeds(&repository.site.run("git", &["config", &url, of_gitlab]));
        repository.git("add profiles.toml profiles.lock");
        repository.git("-c user.name=x -c user.email=x@x commit -qm first");
        repository.git("push -q origin HEAD:refs/heads/main");
        repository
    }

    /// Both definitions are locked and in the registry, and Palette has something newer.
    fn with_registry() -> Self {
        let (registry, site) = site_with_registry();
        site.publish("edge-k3s", "1.31.1");
        Self::of(site, Some(registry))
    }

    fn without_registry() -> Self {
        let site = site();
        site.publish("edge-k3s", "1.31.1");
        Self::of(site, None)
    }

    fn git(&self, arguments: &str) -> String {
        let words: Vec<&str> = arguments.split(' ').collect();
        let run = self.site.run("git", &words);
        succeeds(&run);
        run.stdout
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.site.path(path)).unwrap_or_default()
    }

    /// Removes and returns what was recorded.
    fn take(&self, path: &str) -> String {
        let text = self.text(path);
        let _ = fs::remove_file(self.site.path(path));
        text
    }

    /// A job starts with what is on `main`, and with an empty cache.
    fn check_out(&self) {
        let _ = fs::remove_dir_all(self.site.path("cache"));
        self.git("fetch -q origin +refs/heads/main:refs/remotes/origin/main");
        self.git("checkout -q --force --detach origin/main");
    }

    /// Returns the branches of the remote, and the commit of each.
    fn branches(&self) -> Variables {
        let refs = self.git("ls-remote --heads origin");
        let refs = refs.lines().map(|line| line.split_once('\t').unwrap());
        refs.map(|(commit, name)| (name.to_owned(), commit.to_owned()))
            .collect()
    }

    /// Returns the commit of the branch that was pushed; there is no other beside `main`.
    fn pushed(&self) -> String {
        self.proposed().unwrap()
    }

    /// Returns the commit of the branch that was pushed, if it exists.
    fn proposed(&self) -> Option<String> {
        let mut branches = self.branches();
        branches.remove("refs/heads/main").unwrap();
        let commit = branches.remove("refs/heads/edgestage/update");
        assert_eq!(branches, Variables::new());
        commit
    }

    /// Does the same as [`Repository::pushed`], and fetches the commit.
    fn fetch_pushed(&self) -> String {
        self.git("fetch -q origin edgestage/update");
        self.pushed()
    }

    /// Returns what `diff` prints after `upgrade`, before anything is accepted.
    fn diff(&self) -> String {
        self.check_out();
        let mut environment = Variables::new();
        self.environment(&mut environment);
        environment.insert("EDGESTAGE_CACHE_DIR".into(), "cache".into());
        environment.insert(KEY.into(), "demo-palette-api-key".into());
        let script = "[ -z \"$REGISTRY\" ] || printf %s \"$TOKEN\" | docker --config login login \"$REGISTRY\" --username \"$GITHUB_ACTOR\" --password-stdin\n\
                      edgestage upgrade -q\n\
                      REGISTRY_AUTH_FILE=login/config.json edgestage diff -q --format markdown 2> /dev/null";
        let run = shell(&self.site, &environment, script);
        assert_eq!(run.code, 3, "{}", run.stderr);
        let _ = fs::remove_dir_all(self.site.path("login"));
        run.stdout
    }

    /// Merges what was proposed.
    fn merge(&self) {
        let pushed = self.pushed();
        self.git(&format!(
            "--git-dir origin.git update-ref refs/heads/main {pushed}"
        ));
    }

    fn environment(&self, environment: &mut Variables) {
        let registry = self.registry.as_ref().map(login);
        let set = [
            ("STATE", self.site.path("state").display().to_string()),
            ("REGISTRY", String::new()),
            ("GITHUB_REF_NAME", "main".to_owned()),
            ("GITHUB_REPOSITORY", "group/site".to_owned()),
            ("CI_DEFAULT_BRANCH", "main".to_owned()),
            ("CI_SERVER_PROTOCOL", "https".to_owned()),
            ("CI_SERVER_HOST", "gitlab.test".to_owned()),
            ("CI_SERVER_PORT", "443".to_owned()),
            ("CI_PROJECT_PATH", "group/site".to_owned()),
            (
                "CI_JOB_URL",
                "https://gitlab.test/group/site/-/jobs/1".to_owned(),
            ),
            ("UPDATE_TOKEN", TOKEN.to_owned()),
        ];
        environment.extend(set.map(|(name, value)| (name.to_owned(), value)));
        environment.extend(registry.into_iter().flatten());
    }

    /// Runs the job on GitHub, up to the step that fails.
    fn github(&self) -> Run {
        self.check_out();
        let workflow = template(GITHUB);
        let mut ran = None;
        for step in scripts(&workflow, "update") {
            let mut environment = environment_of(&workflow, "update", step, "");
            self.environment(&mut environment);
            environment.insert("GITHUB_ACTIONS".into(), "true".into());
            let run = shell(&self.site, &environment, text(&step["run"]));
            assert!(!self.site.path("login").exists());
            if run.code != 0 {
                return run;
            }
            // The page of a run that proposes changes shows no errors.
            assert!(!run.stderr.contains("::error"), "{}", run.stderr);
            ran = Some(run);
        }
        ran.unwrap()
    }

    /// Runs the job on GitLab.
    fn gitlab(&self) -> Run {
        self.gitlab_with_key("demo-palette-api-key")
    }

    fn gitlab_with_key(&self, key: &str) -> Run {
        self.check_out();
        let pipeline = template(GITLAB);
        let mut environment = variables(&pipeline["update"]["variables"]);
        environment.insert("GITLAB_CI".into(), "true".into());
        environment.insert(KEY.into(), key.into());
        self.environment(&mut environment);
        shell(&self.site, &environment, &script(&pipeline))
    }

    /// Says what requests GitHub has for the branch.
    fn requests(&self, requests: &serde_json::Value) {
        self.site.write("state/requests", &requests.to_string());
    }

    /// Returns the calls that write something on GitHub, without their common arguments.
    fn written(&self) -> Vec<String> {
        let calls = self.take("state/calls");
        let calls = calls.lines().filter(|call| !call.starts_with("pr list "));
        calls
            .filter(|call| *call != "auth setup-git")
            .map(|call| {
                let of_create = format!(" --title {TITLE} --body-file changes.md");
                let of_edit = format!(" --raw-field title={TITLE} --field body=@changes.md");
                let common = [of_create, of_edit];
                let has_text = common.iter().any(|common| call.ends_with(common));
                assert_ne!(has_text, call.starts_with("pr close "), "{call}");
                common
                    .iter()
                    .fold(call.to_owned(), |call, common| call.replace(common, ""))
            })
            .collect()
    }
}

fn script(pipeline: &Yaml) -> String {
    let lines = list(&pipeline["update"]["script"]).iter().map(text);
    lines.collect::<Vec<_>>().join("\n")
}

const NOTHING: &str = "Nothing changed in Palette.\n";
const DELETED: &str =
    "Deleted the branch edgestage/update: its changes are merged, or Palette no longer has them.\n";
#[test]
fn a_definition_that_is_not_locked_yet_is_proposed() {
    for job in [Repository::github, Repository::gitlab] {
        let repository = Repository::without_registry();
        let manifest = repository.text("profiles.toml");
        let added = "\n[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
        repository
            .site
            .write("profiles.toml", &format!("{manifest}{added}"));
        repository.git("add profiles.toml");
        repository.git("-c user.name=x -c user.email=x@x commit -qm store");
        repository.git("push -q origin HEAD:refs/heads/main");
        succeeds(&job(&repository));
        let changes = repository.text("changes.md");
        assert!(
            changes.contains("### `store` is not locked yet\n"),
            "{changes}"
        );
        let lock = repository.git(&format!("show {}:profiles.lock", repository.fetch_pushed()));
        assert!(lock.contains("[definition.store]"), "{lock}");
    }
}

#[test]
fn they_run_commands_and_flags_that_there_are() {
    let workflow = template(GITHUB);
    let steps = scripts(&workflow, "update").into_iter();
    let steps: Vec<String> = steps.map(|step| text(&step["run"]).to_owned()).collect();
    for script in [steps.join("\n"), script(&template(GITLAB))] {
        let script = script.replace("${REGISTRY:+--push}", "--push");
        let commands = commands(&script);
        let names: Vec<&str> = commands.iter().map(|words| words[1].as_str()).collect();
        assert_eq!(names, ["upgrade", "diff", "update"]);
        for words in &commands {
            assert_eq!(accepted(words), Ok(()));
        }
    }
}

#[test]
fn they_may_do_no_more_than_they_need() {
    let workflow = template(GITHUB);
    is_careful(&workflow);
    assert_eq!(names(&workflow["jobs"]), ["update"]);
    let permissions = variables(&workflow["permissions"]);
    assert_eq!(permissions, [("contents".into(), "read".into())].into());
    let job = &workflow["jobs"]["update"];
    let write = |what: &str| (what.to_owned(), "write".to_owned());
    let needed = ["contents", "packages", "pull-requests"].map(write);
    assert_eq!(variables(&job["permissions"]), needed.into());
    // One step has the key, in an environment that the settings can protect.
    assert_eq!(text(&job["environment"]), "palette");
    let mut found = Vec::new();
    scalars(&workflow, &mut found);
    let of_the_key = |scalar: &&&str| scalar.contains(KEY) || scalar.contains("secrets");
    assert_eq!(found.iter().filter(of_the_key).count(), 2);
    for step in scripts(&workflow, "update") {
        let has = variables(&step["env"]).contains_key(KEY);
        assert_eq!(has, text(&step["run"]).contains("edgestage update"));
    }
    // Two runs at once would push in the order of chance.
    assert!(workflow["concurrency"].as_str().is_some());

    let pipeline = template(GITLAB);
    assert_eq!(names(&pipeline), ["update"]);
    assert_eq!(text(&pipeline["update"]["environment"]["name"]), "palette");
    assert!(pipeline["update"]["resource_group"].as_str().is_some());
    let mut found = Vec::new();
    scalars(&pipeline, &mut found);
    assert!(!found.iter().any(|scalar| scalar.contains(KEY)));
}

/// The pipeline that builds includes the job, has its stage, and leaves these runs to it.
#[test]
fn the_pipeline_that_builds_includes_the_job() {
    let path = ".gitlab/edgestage-update.yml";
    let pipeline = template("templates/gitlab-ci.yml");
    let include = &list(&pipeline["include"])[0];
    assert_eq!(text(&include["local"]), path);
    assert_eq!(text(&list(&include["rules"][0]["exists"])[0]), path);
    let stage = text(&template(GITLAB)["update"]["stage"]).to_owned();
    assert_eq!(text(&list(&pipeline["stages"])[0]), stage);
    for job in ["definitions", "iso"] {
        let rule = &pipeline[job]["rules"][0];
        assert_eq!(text(&rule["when"]), "never");
        assert_eq!(text(&list(&rule["exists"])[0]), path);
    }
    assert!(read(GITLAB).contains(&format!("#     - local: {path}\n")));
}
