//! What is said of each error: what is wrong, what was found, what to do.

use super::Error;
use crate::canvos::CanvosError;
use crate::diagnostic::Diagnostic;
use crate::manifest::ManifestError;
use crate::printable;

mod archive;
mod build;
mod canvos;
mod drift;
mod init;
mod key;
mod lock;
mod manifest;
mod palette;

use archive::archive;
use build::build;
use canvos::canvos;
use drift::drift;
use init::nothing_offered;
use key::key;
use lock::{lock, outdated};
use manifest::{manifest, some_of, unknown_definition};
use palette::palette;

impl Error {
    /// The error in words, one diagnostic for each thing that is wrong.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Usage(diagnostic) => vec![(**diagnostic).clone()],
            Self::Manifest(ManifestError::Invalid(list))
            | Self::Broken(list)
            | Self::Canvos(CanvosError::Trapped(list)) => list.clone(),

            Self::Several(errors) => {
                let mut all: Vec<Diagnostic> = Vec::new();
                for diagnostic in errors.iter().flat_map(Self::diagnostics) {
                    // A key that is refused is refused for every definition.
                    if !all.iter().any(|told| told.says_the_same(&diagnostic)) {
                        all.push(diagnostic);
                    }
                }
                all
            }
            one => vec![one.words()],
        }
    }

    /// A stable name for scripts.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::NameNeeded(_) | Self::UnknownDefinition { .. } => "usage",
            Self::Manifest(_) => "manifest",
            Self::PlainHttp(_) => "plain-http",
            Self::Lock(_) => "lock",
            Self::NoLock { .. } | Self::NotLocked(_) => "not-locked",
            Self::Outdated { .. } => "outdated",
            Self::Key(_) => "key",
            Self::Palette(_) => "palette",
            Self::Broken(_) => "rules",
            Self::Archive { .. } => "archive",
            Self::Offline { .. } => "offline",
            Self::CacheDamaged(_) => "cache",
            Self::Drift { .. } => "drift",
            Self::Canvos(CanvosError::Trapped(_)) => "trap",
            Self::Canvos(_) => "canvos",
            Self::Staged { .. } => "staged",
            Self::Disk(_) | Self::NoCache => "disk",
            Self::Exists(_) => "exists",
            Self::Stopped | Self::Unasked(_) => "unanswered",
            Self::NothingOffered { .. } => "nothing-offered",
            Self::Build(_) => "build",
            Self::Busy { .. } => "busy",
            Self::SharedCheckout { .. } => "shared-checkout",
            Self::Several(_) => "several",
        }
    }

    fn words(&self) -> Diagnostic {
        match self {
            Self::Manifest(error) => manifest(error),
            Self::NameNeeded(known) => Diagnostic::error("which definition?")
                .note(format!("there are {}", some_of(known)))
                .help("add its name to the command"),
            Self::UnknownDefinition { name, known } => unknown_definition(name, known),
            Self::PlainHttp(endpoint) => {
                Diagnostic::error(format!("the endpoint `{endpoint}` is plain HTTP"))
                    .note("the API key would travel unencrypted")
                    .help("write `https://`, or pass `--allow-http` if the network is trusted")
            }
            Self::Lock(error) => lock(error),
            Self::NoLock { path, definition } => {
                Diagnostic::error(format!("there is no `{}`", printable::path(path)))
                    .note(format!("so `{definition}` is not locked"))
                    .help(format!("run `edgestage fetch {definition}` and commit profiles.lock"))
            }
            Self::NotLocked(name) => Diagnostic::error(format!("`{name}` is not in profiles.lock"))
                .help(format!(
                    "run `edgestage fetch {name}` and commit profiles.lock"
                )),
            Self::Outdated { definition, why } => outdated(definition, *why),
            Self::Key(error) => key(error),
            Self::Palette(error) => palette(error),
            Self::Archive { of, refusal } => archive(of, refusal),
            Self::Offline {
                definition: name,
                lacks,
            } => Diagnostic::error(format!("`{name}` {lacks}"))
                .note("`--offline` opens no connection")
                .help(format!("run `edgestage fetch {name}` with a network")),
            Self::CacheDamaged(path) => {
                Diagnostic::error(format!("the cached archive `{path}` is damaged"))
                    .note("`--offline` opens no connection to replace it")
                    .help("run the command again without `--offline`")
            }
            Self::Drift {
                definition,
                changes,
            } => drift(definition, changes),
            Self::Build(error) => build(error),
            Self::Busy {
                what,
                holder,
                waited,
            } => Diagnostic::error(format!("another run still has {what}"))
                .note(format!("it is {holder}; waited {} s", waited.as_secs()))
                .help("see whether it still works; `--lock-timeout SECONDS` waits longer"),
            Self::SharedCheckout {
                definitions,
                checkout,
            } => Diagnostic::error(format!(
                "{} cannot be staged together",
                definitions.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
            ))
            .named("T30")
            .note(format!(
                "they share the checkout `{}`, which holds one definition at a time",
                printable::path(checkout)
            ))
            .help("give each a checkout of its own: `git worktree add` in CanvOS, then `canvos` in its table")
            .help("or stage one, build its image, then stage the next"),
            Self::Canvos(error) => canvos(error),
            Self::Staged { what, help } => Diagnostic::error(what.clone()).help(help.clone()),
            Self::Disk(error) => Diagnostic::error(error.to_string()).help(
                "check its permissions and the room on its disk; `--cache-dir` moves the cache",
            ),
            Self::NoCache => {
                Diagnostic::error("there is no directory for the cache: HOME is not set")
                    .help("pass `--cache-dir DIR`, or set `EDGESTAGE_CACHE_DIR`")
            }
            Self::Stopped => Diagnostic::error("stopped: nothing was written")
                .help("run it again; `edgestage init --no-input` asks nothing"),
            Self::Unasked(why) => Diagnostic::error(format!("the terminal failed: {why}"))
                .help("run `edgestage init --no-input`, which asks nothing"),
            Self::NothingOffered { project, seen } => nothing_offered(project.as_deref(), *seen),
            Self::Exists(files) => {
                Diagnostic::error(format!("already there: {}", files.join(", ")))
                    .note("nothing was written")
                    .help("move it away, or edit it by hand")
            }
            // Those above in `diagnostics` have words of their own.
            Self::Usage(_) | Self::Broken(_) | Self::Several(_) => Diagnostic::error("failed"),
        }
    }
}
