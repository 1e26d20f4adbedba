//! Features of the Earthfile's language that a flag or variable switches on.

/// The contents of a list of features.
pub(super) struct Features {
    /// The names in the list.
    pub names: Vec<String>,
    /// Whether both programs know all of them.
    pub known: bool,
    /// Whether the oldest of CanvOS's Earthfiles has all of them anyway.
    pub usual: bool,
}

/// Parses a list such as `pass-args,--git-refs=true`. A value after the name has no meaning:
/// every named feature is switched on.
pub(super) fn parse(text: &str) -> Features {
    let text = text.trim();
    let items = text.split(',').filter(|_| !text.is_empty());
    let names: Vec<&str> = items
        .map(|item| {
            let name = item.split('=').next().unwrap_or_default().trim();
            name.strip_prefix("--").unwrap_or(name)
        })
        .collect();
    let usual = |name: &&str| USUAL.contains(name);
    Features {
        known: names
            .iter()
            .all(|name| usual(name) || OTHERS.contains(name)),
        usual: names.iter().all(usual),
        names: names.into_iter().map(str::to_owned).collect(),
    }
}

/// The features of `VERSION 0.6`, the oldest version in a CanvOS with `CLUSTERCONFIG`.
const USUAL: [&str; 8] = [
    "exec-after-parallel",
    "parallel-load",
    "use-registry-for-with-docker",
    "for-in",
    "no-implicit-ignore",
    "referenced-save-only",
    "require-force-for-unsafe-saves",
    "use-copy-include-patterns",
];

/// All other features.
const OTHERS: [&str; 40] = [
    "no-use-registry-for-with-docker",
    "earthly-ci-runner-arg",
    "check-duplicate-images",
    "ci-arg",
    "earthly-git-author-args",
    "earthly-locally-arg",
    "earthly-version-arg",
    "explicit-global",
    "git-commit-author-timestamp",
    "new-platform",
    "no-tar-build-output",
    "save-artifact-keep-own",
    "shell-out-anywhere",
    "use-cache-command",
    "use-chmod",
    "use-copy-link",
    "use-host-command",
    "use-no-manifest-list",
    "use-project-secrets",
    "wait-block",
    "no-network",
    "arg-scope-and-set",
    "use-docker-ignore",
    "pass-args",
    "global-cache",
    "cache-persist-option",
    "git-refs",
    "use-visited-upfront-hash-collection",
    "use-function-keyword",
    "try",
    "wildcard-builds",
    "build-auto-skip",
    "allow-privileged-from-dockerfile",
    "run-with-aws",
    "wildcard-copy",
    "raw-output",
    "git-author-email-name-args",
    "allow-without-earthly-labels",
    "docker-cache",
    "run-with-aws-oidc",
];
