//! What is said of each error: what is wrong, what was found, what to do.

use super::Error;
use crate::build::BuildError;
use crate::canvos::CanvosError;
use crate::diagnostic::Diagnostic;
use crate::drift::Change;
use crate::key::KeyError;
use crate::lock::{LockError, Outdated};
use crate::manifest::ManifestError;
use crate::palette::{PaletteError, RedirectRefusal, Refusal};
use crate::printable;
use crate::secret::InvalidKey;

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

fn build(error: &BuildError) -> Diagnostic {
    match error {
        BuildError::Start { program, error } => {
            let program = printable::line(program.as_bytes());
            let why = printable::io(error);
            Diagnostic::error(format!("the build `{program}` cannot be started: {why}"))
                .help("set `build` in `[canvos]` to the command that builds")
        }
        BuildError::Failed { program, status } => {
            let program = printable::line(program.as_bytes());
            Diagnostic::error(format!("the build `{program}` failed: {status}"))
                .note("the definition is staged; no image was looked at")
                .help("its own output says why")
        }
        BuildError::NoImage(directory) => {
            let directory = printable::path(directory);
            Diagnostic::error("the build ended well and wrote no image")
                .note(format!(
                    "looked for in `{directory}`; older images do not count"
                ))
                .help("only `+iso`, `+uki-iso`, `+cloud-image` and `+maas-image` export one (T22)")
        }
    }
}

/// Files by the dozen say no more than a few of them.
const FILES_SHOWN: usize = 24;

fn drift(definition: &str, changes: &[Change]) -> Diagnostic {
    let start = Diagnostic::error(format!(
        "Palette no longer serves `{definition}` as it is locked"
    ));
    let (files, others): (Vec<&Change>, Vec<&Change>) = changes
        .iter()
        .partition(|change| matches!(change, Change::File { .. }));
    let shown = others.iter().chain(files.iter().take(FILES_SHOWN));
    let mut diagnostic = shown.fold(start, |d, change| d.note(change.to_string()));
    if let Some(more) = files
        .len()
        .checked_sub(FILES_SHOWN)
        .filter(|more| *more > 0)
    {
        diagnostic = diagnostic.note(format!(
            "and {} more",
            printable::count(more, "changed file")
        ));
    }
    if !files.is_empty() {
        diagnostic = diagnostic.help(format!(
            "see inside the files with `edgestage diff -v {definition}`"
        ));
    }
    diagnostic.help(format!(
        "accept it with `edgestage update {definition}`, or change it back in Palette"
    ))
}

fn manifest(error: &ManifestError) -> Diagnostic {
    match error {
        ManifestError::Missing(path) => {
            Diagnostic::error(format!("there is no `{}`", printable::path(path)))
                .help("run `edgestage init` to write one, or name another with `--file FILE`")
        }
        ManifestError::Unreadable(path, error) => {
            let path = printable::path(path);
            Diagnostic::error(format!("cannot read `{path}`: {}", printable::io(error)))
        }
        ManifestError::Invalid(_) => Diagnostic::error("profiles.toml is wrong"),
    }
}

/// Names by the thousand are none that anybody reads.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 20;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!(
            "{} and {more} more: `edgestage list`",
            names[..SHOWN].join(", ")
        ),
    }
}

fn nothing_offered(project: Option<&str>, seen: usize) -> Diagnostic {
    let place = match project {
        Some(project) => format!("the project `{}`", printable::line(project.as_bytes())),
        None => "the tenant".to_owned(),
    };
    Diagnostic::error(format!("{place} has no published profile for edge hosts"))
        .note(format!(
            "of other kinds, or not published, it has {}",
            printable::count(seen, "profile")
        ))
        .help("publish a profile of the type Edge Native there, or choose another project")
}

fn unknown_definition(name: &str, known: &[String]) -> Diagnostic {
    let error = Diagnostic::error(format!("there is no definition `{}`", name.escape_debug()));
    match crate::nearest::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help(format!("there are {}", some_of(known))),
    }
}

fn lock(error: &LockError) -> Diagnostic {
    match error {
        LockError::Io(error) => Diagnostic::error(error.to_string()),
        LockError::Unreadable(diagnostic) => (**diagnostic).clone(),
    }
}

fn outdated(definition: &str, why: Outdated) -> Diagnostic {
    Diagnostic::error(format!("the lock of `{definition}` is outdated"))
        .note(why.to_string())
        .help(format!(
            "run `edgestage fetch {definition}` and commit profiles.lock"
        ))
}

fn key(error: &KeyError) -> Diagnostic {
    match error {
        KeyError::None => Diagnostic::error("there is no API key").help(
            "set `PALETTE_API_KEY`, pass `--api-key-file FILE`, or put `api-key-file` or \
             `api-key-command` into `[palette]`",
        ),
        KeyError::File(error) => Diagnostic::error(format!("no API key: {error}"))
            .help("name a file that holds nothing but the key"),
        KeyError::Command { program, why } => {
            let program = printable::line(program.as_bytes());
            Diagnostic::error(format!("no API key: `{program}` failed: {why}"))
                .help("run the `api-key-command` of `[palette]` by hand to see why")
        }
        KeyError::Invalid { place, why } => {
            let why = match why {
                InvalidKey::Empty => "is empty",
                InvalidKey::Character => "holds characters that an API key never has",
            };
            Diagnostic::error(format!("the API key from {place} {why}"))
                .help("copy the key anew from Palette, under My API Keys")
        }
    }
}

fn palette(error: &PaletteError) -> Diagnostic {
    let said = |refusal: &Refusal| {
        format!(
            "{} answered {refusal}",
            printable::line(refusal.call.as_bytes())
        )
    };
    match error {
        PaletteError::KeyRefused(refusal) => Diagnostic::error("Palette does not accept the API key")
            .note(said(refusal))
            .help("check that the key has not expired, and that it is of this Palette: My API Keys in the console"),
        PaletteError::Forbidden { refusal, project: None } => {
            Diagnostic::error("Palette forbids it: no project was named")
                .note(said(refusal))
                .note("it says this where `ProjectUid` is missing, too, whatever the key's permissions")
                .help("set `project` in profiles.toml, or paste the console URL of a profile, which names it")
        }
        PaletteError::Forbidden { refusal, project: Some(project) } => {
            Diagnostic::error(format!("Palette forbids it in project `{project}`"))
                .note(said(refusal))
                .note("it says this where the `ProjectUid` is wrong, too, whatever the key's permissions")
                .help("check that the profiles are of this project, then that the key may read it")
        }
        PaletteError::Rejected(refusal) => Diagnostic::error("Palette rejects the request")
            .note(said(refusal))
            .help("check the endpoint: its path, and that it is the API's address"),
        PaletteError::KeptFailing { refusal, attempts } => {
            Diagnostic::error(if *attempts > 1 { "Palette kept failing" } else { "Palette failed" })
                .note(format!("{}, {}", said(refusal), printable::count(*attempts as usize, "attempt")))
                .help("try again later; `retries` in `[palette]` sets how often it is tried")
        }
        PaletteError::Unreachable { call, why, attempts } => {
            let times = printable::count(*attempts as usize, "attempt");
            Diagnostic::error(format!("Palette cannot be reached: {why}"))
                .note(format!("{}, {times}", printable::line(call.as_bytes())))
                .help("check the endpoint and the network; `HTTPS_PROXY` is honoured")
        }
        PaletteError::Tls { endpoint, why } => Diagnostic::error(format!("the TLS connection to `{endpoint}` is refused"))
            .note(why.clone())
            .help(tls_help(why)),
        PaletteError::Redirect { from, to, why } => redirect(from, to, *why),
        PaletteError::NotJson { call, seen } => {
            Diagnostic::error(format!("the answer to {} is not Palette's", printable::line(call.as_bytes())))
                .note(format!("it begins with `{seen}`"))
                .help("check the endpoint, and whether a proxy or login page answers in its place")
        }
        PaletteError::WrongAnswer { call, why } => Diagnostic::error(format!(
            "the answer to {} is not Palette's: {why}",
            printable::line(call.as_bytes())
        ))
        .help("check whether a proxy or cache answers in Palette's place"),
        PaletteError::NoCertificate => Diagnostic::error("`ca-cert` holds no PEM certificate")
            .help("name a file with `-----BEGIN CERTIFICATE-----` in it"),
        PaletteError::Setup(why) => Diagnostic::error(format!("the connection cannot be set up: {why}")),
    }
}

fn redirect(from: &str, to: &str, why: RedirectRefusal) -> Diagnostic {
    let why = match why {
        RedirectRefusal::OtherOrigin => "another origin: the API key would be sent there",
        RedirectRefusal::Loop => "too many redirects in a row",
        RedirectRefusal::NoLocation => "it does not say where to",
    };
    Diagnostic::error("a redirect was not followed")
        .note(format!("from `{from}` to `{to}`"))
        .note(why)
        .help("set `endpoint` to the address that Palette itself answers at")
}

fn archive(of: &str, refusal: &crate::archive::Refusal) -> Diagnostic {
    use crate::archive::Refusal as R;
    let error = Diagnostic::error(format!("{of} is refused: {refusal}"));
    match refusal {
        R::NotGzip { first } if !first.is_empty() => error
            .note(format!("it begins with `{}`", printable::excerpt(first, 80)))
            .help("check the endpoint, and whether a proxy or login page answers in its place"),
        R::Profiles { unexpected, .. } if unexpected.is_empty() => {
            error.help("if the archive is right all the same, add `allow = [\"profile-missing\"]` to the definition")
        }
        R::TooLarge(limit) if limit.is_adjustable() => error.help("if it is right all the same, raise the limit in `[limits]`"),
        R::Truncated | R::Damaged(_) => error.help("fetch it again"),
        _ => error,
    }
}

/// Only where nobody knows the authority another one helps.
fn tls_help(why: &str) -> &'static str {
    if why.contains("an authority that is not trusted") {
        "for an authority of your own, set `ca-cert` in `[palette]` to its PEM file"
    } else {
        "mend it at the endpoint, or ask those who run it; nothing was sent there"
    }
}

fn canvos(error: &CanvosError) -> Diagnostic {
    match error {
        CanvosError::Missing(path) => Diagnostic::error(format!(
            "there is no CanvOS checkout at `{}`",
            printable::path(path)
        ))
        .help("clone CanvOS there, or set `[canvos].dir` in profiles.toml or `--canvos DIR`"),
        CanvosError::NotACheckout(path) => Diagnostic::error(format!(
            "`{}` is not a CanvOS checkout",
            printable::path(path)
        ))
        .note("a checkout has an `Earthfile` and `overlay/files-iso/`")
        .help("set `[canvos].dir` in profiles.toml, or `--canvos DIR`"),
        CanvosError::NoTarget { directory, targets } => {
            let names = targets.iter().map(|target| format!("`+{target}`"));
            Diagnostic::error(format!(
                "the CanvOS checkout `{}` has no target {}",
                printable::path(directory),
                names.collect::<Vec<_>>().join(", ")
            ))
            .help("ask for targets that it has, or take a CanvOS that has them")
        }
        CanvosError::Blocked { path, kind } => Diagnostic::error(format!(
            "`{}` in the checkout is {kind}",
            printable::path(path)
        ))
        .note("it is neither followed nor replaced")
        .help("remove it"),
        CanvosError::Foreign(placement) => Diagnostic::error(format!(
            "`{}` in the checkout was not staged by edgestage",
            placement.path()
        ))
        .note("nothing was removed")
        .help("remove it by hand, if nobody needs it"),
        CanvosError::Io(error) => Diagnostic::error(error.to_string()),
        CanvosError::Trapped(_) => Diagnostic::error("the checkout would embed something else"),
    }
}
