//! The flags of Earthly v0.8.15 and of EarthBuild's `earth`, and their settings in a run.
//!
//! Both programs have nearly the same flags, but their flag libraries parse a command line
//! differently ([`super::earthly_flags`], [`super::earth_flags`]).

use std::collections::BTreeMap;

use super::variables::Variables;

/// The program that parses the flags. CanvOS's wrapper runs Earthly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    Earthly,
    Earth,
}

/// The kind of value that a flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// None, or `=BOOLEAN`.
    Switch,
    /// One value.
    Text,
    /// Values, separated by commas; may be repeated.
    List,
}

/// The environment variables that set a flag.
#[derive(Clone, Copy)]
enum Sources {
    None,
    /// The suffix after `EARTHLY_` or `EARTH_`.
    Suffix(&'static str),
    /// Whole names.
    Names(&'static [&'static str]),
}

/// A flag.
pub(super) struct Flag {
    pub name: &'static str,
    pub alias: Option<&'static str>,
    pub kind: Kind,
    sources: Sources,
    earthly_only: bool,
    /// Whether the command `build` has the flag too.
    pub of_build: bool,
}

impl Flag {
    const fn new(name: &'static str, kind: Kind, sources: Sources) -> Self {
        Self {
            name,
            alias: None,
            kind,
            sources,
            earthly_only: false,
            of_build: false,
        }
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    const fn earthly_only(mut self) -> Self {
        self.earthly_only = true;
        self
    }

    pub(super) fn has_name(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }

    /// Returns the variables that set the flag, in order of precedence.
    pub(super) fn variables(&self, client: Client) -> Vec<String> {
        match (self.sources, client) {
            (Sources::None, _) => Vec::new(),
            (Sources::Names(names), _) => names.iter().map(|name| (*name).to_owned()).collect(),
            (Sources::Suffix(suffix), Client::Earthly) => vec![format!("EARTHLY_{suffix}")],
            (Sources::Suffix(suffix), Client::Earth) => {
                vec![format!("EARTH_{suffix}"), format!("EARTHLY_{suffix}")]
            }
        }
    }
}

const fn switch(name: &'static str, suffix: &'static str) -> Flag {
    Flag::new(name, Kind::Switch, Sources::Suffix(suffix))
}

const fn text(name: &'static str, suffix: &'static str) -> Flag {
    Flag::new(name, Kind::Text, Sources::Suffix(suffix))
}

const fn list(name: &'static str, suffix: &'static str) -> Flag {
    let mut flag = Flag::new(name, Kind::List, Sources::Suffix(suffix));
    flag.of_build = true;
    flag
}

/// The flag `--help`, which every command has.
pub(super) static HELP: Flag = Flag::new("help", Kind::Switch, Sources::None).alias("h");
/// The flag `--version`.
pub(super) static VERSION: Flag = Flag::new("version", Kind::Switch, Sources::None).alias("v");

/// All other flags. A duration is treated as text: an invalid one ends the build by itself.
static FLAGS: [Flag; 67] = [
    text("installation-name", "INSTALLATION_NAME"),
    text("config", "CONFIG"),
    text("ssh-auth-sock", "SSH_AUTH_SOCK"),
    text("auth-token", "TOKEN").earthly_only(),
    text("auth-jwt", "JWT").earthly_only(),
    Flag::new(
        "git-username",
        Kind::Text,
        Sources::Names(&["GIT_USERNAME"]),
    ),
    Flag::new(
        "git-password",
        Kind::Text,
        Sources::Names(&["GIT_PASSWORD"]),
    ),
    text("git-branch", "GIT_BRANCH_OVERRIDE"),
    switch("verbose", "VERBOSE").alias("V"),
    switch("debug", "DEBUG").alias("D"),
    switch("exec-stats", "EXEC_STATS"),
    text("exec-stats-summary", "EXEC_STATS_SUMMARY"),
    switch("profiler", "PROFILER"),
    text("buildkit-host", "BUILDKIT_HOST"),
    text("server", "SERVER_ADDRESS").earthly_only(),
    text("grpc", "GRPC_ADDRESS").earthly_only(),
    switch("grpc-insecure", "GRPC_INSECURE").earthly_only(),
    text("satellite-address", "SATELLITE_ADDRESS").earthly_only(),
    text("request-id", "REQUEST_ID").earthly_only(),
    switch("no-buildkit-update", "NO_BUILDKIT_UPDATE"),
    // Earthly lost the name of this flag, but its variables still apply.
    Flag::new(
        "",
        Kind::Switch,
        Sources::Names(&["EARTHLY_DISABLE_ANALYTICS", "DO_NOT_TRACK"]),
    )
    .earthly_only(),
    text("version-flag-overrides", "VERSION_FLAG_OVERRIDES"),
    text(ENV_FILE, "ENV_FILE_PATH"),
    text(ARG_FILE, "ARG_FILE_PATH"),
    text(SECRET_FILE, "SECRET_FILE_PATH"),
    text("logstream-debug-file", "LOGSTREAM_DEBUG_FILE"),
    text(
        "logstream-debug-manifest-file",
        "LOGSTREAM_DEBUG_MANIFEST_FILE",
    ),
    text("logstream-address", "LOGSTREAM_ADDRESS").earthly_only(),
    text("build-id", "BUILD_ID").earthly_only(),
    text("server-conn-timeout", "SERVER_CONN_TIMEOUT"),
    Flag::new("artifact", Kind::Switch, Sources::None).alias("a"),
    Flag::new("image", Kind::Switch, Sources::None),
    switch("pull", "PULL"),
    switch("push", "PUSH"),
    switch("ci", "CI"),
    switch("ticktock", "TICKTOCK"),
    switch("output", "OUTPUT"),
    switch("no-output", "NO_OUTPUT"),
    switch("no-cache", "NO_CACHE"),
    switch("auto-skip", "AUTO_SKIP"),
    switch("allow-privileged", "ALLOW_PRIVILEGED").alias("P"),
    switch("max-remote-cache", "MAX_REMOTE_CACHE"),
    switch("save-inline-cache", "SAVE_INLINE_CACHE"),
    switch("use-inline-cache", "USE_INLINE_CACHE"),
    switch("interactive", "INTERACTIVE").alias("i"),
    switch("no-fake-dep", "NO_FAKE_DEP"),
    switch("strict", "STRICT"),
    switch("global-wait-end", "GLOBAL_WAIT_END"),
    text("git-lfs-pull-include", "GIT_LFS_PULL_INCLUDE"),
    switch("earthly-ci-runner", "CI_RUNNER").earthly_only(),
    text("auto-skip-db-path", "AUTO_SKIP_DB_PATH"),
    text("org", "ORG").earthly_only(),
    text("project", "PROJECT").earthly_only(),
    text("satellite", "SATELLITE").alias("sat").earthly_only(),
    switch("no-satellite", "NO_SATELLITE")
        .alias("no-sat")
        .earthly_only(),
    text("buildkit-image", "BUILDKIT_IMAGE"),
    text("buildkit-container-name", "CONTAINER_NAME"),
    text("buildkit-volume-name", "VOLUME_NAME"),
    text("remote-cache", "REMOTE_CACHE"),
    switch(
        "disable-remote-registry-proxy",
        "DISABLE_REMOTE_REGISTRY_PROXY",
    ),
    switch("no-auto-skip", "NO_AUTO_SKIP"),
    Flag::new(
        "github-annotations",
        Kind::Switch,
        Sources::Names(&["GITHUB_ACTIONS"]),
    ),
    list("platform", "PLATFORMS"),
    list(BUILD_ARG, "BUILD_ARGS"),
    list("secret", "SECRETS").alias("s"),
    list("secret-file", "SECRET_FILES"),
    list("cache-from", "CACHE_FROM"),
];

pub(super) const ENV_FILE: &str = "env-file-path";
pub(super) const ARG_FILE: &str = "arg-file-path";
pub(super) const SECRET_FILE: &str = "secret-file-path";
pub(super) const BUILD_ARG: &str = "build-arg";

/// Returns the flags of `client` itself, including those of `build`.
pub(super) fn all(client: Client) -> impl Iterator<Item = &'static Flag> {
    FLAGS
        .iter()
        .filter(move |flag| !flag.earthly_only || client == Client::Earthly)
}

/// The source of a setting.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The flag on the command line.
    Flag,
    /// The environment variable of this name.
    Variable(String),
}

/// An item of a list.
#[derive(Clone)]
pub(super) struct Item {
    pub text: String,
    pub source: Source,
    /// The position of the item in the flag's or variable's value, from 1.
    pub number: usize,
}

/// The items of a list, and whether the next value replaces them.
#[derive(Clone, Default)]
pub(super) struct List {
    pub items: Vec<Item>,
    pub appends: bool,
}

/// The settings of the flags. Values may be secrets, so there is no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub switches: BTreeMap<&'static str, (bool, Source)>,
    pub texts: BTreeMap<&'static str, (String, Source)>,
    pub lists: BTreeMap<&'static str, List>,
}

/// A value that Go does not accept as a boolean.
pub(super) struct NotBoolean;

impl Settings {
    /// Returns the source of a switch that is on.
    pub(super) fn on(&self, name: &str) -> Option<&Source> {
        self.switches
            .get(name)
            .and_then(|(on, source)| on.then_some(source))
    }

    pub(super) fn text(&self, name: &str) -> Option<&(String, Source)> {
        self.texts.get(name)
    }

    pub(super) fn items(&self, name: &str) -> &[Item] {
        self.lists.get(name).map_or(&[], |list| &list.items)
    }

    /// Sets `flag` as the command line or a variable does. Earthly trims the items of a list.
    pub(super) fn set(
        &mut self,
        flag: &'static Flag,
        value: &str,
        source: Source,
        client: Client,
    ) -> Result<(), NotBoolean> {
        match flag.kind {
            Kind::Switch => {
                let on = boolean(value).ok_or(NotBoolean)?;
                self.switches.insert(flag.name, (on, source));
            }
            Kind::Text => {
                self.texts.insert(flag.name, (value.to_owned(), source));
            }
            Kind::List => {
                let list = self.lists.entry(flag.name).or_default();
                if !std::mem::replace(&mut list.appends, true) {
                    list.items.clear();
                }
                let items = value.split(',').zip(1..).map(|(text, number)| Item {
                    text: match client {
                        Client::Earthly => text.trim().to_owned(),
                        Client::Earth => text.to_owned(),
                    },
                    source: source.clone(),
                    number,
                });
                list.items.extend(items);
            }
        }
        Ok(())
    }
}

/// Returns the name and value of the first variable of `flag` that is set.
pub(super) fn variable_of<'v>(
    flag: &Flag,
    client: Client,
    variables: &'v Variables,
) -> Option<(String, &'v str)> {
    flag.variables(client).into_iter().find_map(|name| {
        let variable = variables.get(&name)?;
        Some((name, variable.value.as_str()))
    })
}

/// Parses a boolean like Go's `strconv.ParseBool`.
pub(super) fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
