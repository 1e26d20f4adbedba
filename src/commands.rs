//! The commands: the only place that knows the order of the stages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::Cache;
use crate::canvos::{self, Checkout};
use crate::cli::{Command, Settings};
use crate::diagnostic::{Diagnostic, Severity};
use crate::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::Error;
use crate::key;
use crate::lock::{Lock, Locked};
use crate::manifest::{Definition, Manifest};
use crate::palette::{Options, Palette, RetryPolicy};
use crate::publish::PathError;
use crate::report::{Outcome, Report};

mod check;
mod fetch;
mod init;
mod obtain;
mod show;
mod stage;
mod table;
mod unstage;
mod verify;

/// Seconds of silence that are borne where `[palette].timeout` does not say (docs/reference.md).
const TIMEOUT: u64 = 30;

/// What every command is given.
pub struct Context<'a> {
    /// Flags and variables.
    pub settings: &'a Settings,
    /// Variables, working directory.
    pub environment: &'a Environment,
    /// Where output goes.
    pub report: &'a Report,
}

/// The command's name, for the JSON document.
#[must_use]
pub fn name(command: &Command) -> &'static str {
    match command {
        Command::Init(_) => "init",
        Command::Check(_) => "check",
        Command::Fetch(_) => "fetch",
        Command::Stage(_) => "stage",
        Command::Unstage(_) => "unstage",
        Command::Update(_) => "update",
        Command::Verify(_) => "verify",
        Command::Show(_) => "show",
    }
}

/// Runs `command`.
///
/// # Errors
/// [`Error`], with nothing half-done left behind.
pub fn run(command: &Command, context: &Context<'_>) -> Result<Outcome, Error> {
    match command {
        Command::Init(arguments) => init::run(arguments, context),
        Command::Check(arguments) => check::run(&arguments.names, context),
        Command::Fetch(arguments) => fetch::run(arguments, context),
        Command::Stage(arguments) => stage::run(arguments.name.as_deref(), context),
        Command::Unstage(arguments) => unstage::run(arguments.name.as_deref(), context),
        Command::Update(arguments) => fetch::update(&arguments.names, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Show(arguments) => show::run(arguments.what.as_deref(), context),
    }
}

impl Context<'_> {
    /// Reads the manifest.
    fn manifest(&self) -> Result<Manifest, Error> {
        let path = self.environment.resolve(&self.settings.file);
        Ok(Manifest::load(&path, &self.settings.file)?)
    }

    /// Where Palette is.
    ///
    /// # Errors
    /// Plain HTTP to another host.
    fn endpoint(&self, manifest: &Manifest) -> Result<Endpoint, Error> {
        let endpoint = self
            .settings
            .endpoint
            .clone()
            .or_else(|| manifest.endpoint().cloned())
            .unwrap_or_default();
        let allowed = self.settings.allow_http || manifest.palette.allow_http;
        if endpoint.is_exposed() && !allowed {
            return Err(Error::PlainHttp(endpoint.to_string()));
        }
        Ok(endpoint)
    }

    /// A client of `endpoint`; no connection is opened yet.
    fn palette(&self, manifest: &Manifest, endpoint: Endpoint) -> Result<Palette, Error> {
        let (key, place) = key::find(
            self.settings.api_key_file.as_deref(),
            self.environment,
            manifest,
        )?;
        self.report.hide(&key);
        self.report
            .detail(&format!("endpoint {endpoint}, API key from {place}"));
        let table = &manifest.palette;
        let ca_cert = match &table.ca_cert {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                let error = PathError::when("read", path)(error);
                Error::Usage(Box::new(
                    Diagnostic::error(format!("`ca-cert` cannot be used: {error}"))
                        .help("name a PEM file, relative to profiles.toml"),
                ))
            })?),
            None => None,
        };
        let options = Options {
            timeout: Duration::from_secs(table.timeout.unwrap_or(TIMEOUT)),
            retries: table.retries.unwrap_or(RetryPolicy::RETRIES),
            ca_cert,
        };
        Ok(Palette::new(endpoint, key, &options)?)
    }

    /// The cache.
    fn cache(&self, manifest: &Manifest) -> Result<Cache, Error> {
        let directory = self
            .settings
            .cache
            .clone()
            .or_else(|| manifest.cache.clone())
            .or_else(|| Some(self.environment.cache_directory()?.join("edgestage")))
            .ok_or(Error::NoCache)?;
        Ok(Cache::new(&directory))
    }

    /// The CanvOS checkout that `definition` is staged into.
    fn canvos_directory(&self, manifest: &Manifest, definition: Option<&Definition>) -> PathBuf {
        self.settings
            .canvos
            .clone()
            .or_else(|| definition.and_then(|definition| definition.canvos.clone()))
            .unwrap_or_else(|| manifest.canvos.clone())
    }

    fn checkout(&self, manifest: &Manifest, definition: &Definition) -> Result<Checkout, Error> {
        Ok(Checkout::open(
            &self.canvos_directory(manifest, Some(definition)),
        )?)
    }
}

/// Reads the lock of `manifest`.
fn load_lock(manifest: &Manifest) -> Result<Lock, Error> {
    Ok(Lock::load(&Lock::path_for(&manifest.path))?)
}

/// The lock entry that still speaks for `definition` at `endpoint`.
///
/// # Errors
/// [`Error::NotLocked`] and [`Error::Outdated`].
fn current<'l>(
    lock: &'l Lock,
    definition: &Definition,
    endpoint: &str,
) -> Result<&'l Locked, Error> {
    let name = &definition.name;
    let locked = lock.definitions.get(name);
    let locked = locked.ok_or_else(|| Error::NotLocked(name.clone()))?;
    match locked.outdated(definition, endpoint) {
        None => Ok(locked),
        Some(why) => Err(Error::Outdated {
            definition: name.clone(),
            why,
        }),
    }
}

/// The definition `name`, or the only one.
fn one<'m>(manifest: &'m Manifest, name: Option<&str>) -> Result<&'m Definition, Error> {
    let known = || manifest.definitions.keys().cloned().collect();
    match name {
        Some(name) => manifest
            .definitions
            .get(name)
            .ok_or_else(|| Error::UnknownDefinition {
                name: name.to_owned(),
                known: known(),
            }),
        None => match manifest.definitions.values().collect::<Vec<_>>()[..] {
            [only] => Ok(only),
            _ => Err(Error::NameNeeded(known())),
        },
    }
}

/// The definitions `names`, or all.
fn chosen<'m>(manifest: &'m Manifest, names: &[String]) -> Result<Vec<&'m Definition>, Error> {
    if names.is_empty() {
        return Ok(manifest.definitions.values().collect());
    }
    let names: BTreeSet<&String> = names.iter().collect();
    names
        .into_iter()
        .map(|name| one(manifest, Some(name)))
        .collect()
}

/// Warns of what in a checkout is harmless for the ISO; returns what would replace the
/// definition or lose it.
fn traps(context: &Context<'_>, checkout: &Checkout) -> Result<Vec<Diagnostic>, Error> {
    let (grave, harmless): (Vec<_>, Vec<_>) = canvos::find_traps(checkout.directory())?
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    context.report.warn_all(&harmless);
    Ok(grave)
}

/// A path for standard output: absolute paths are what scripts can use from anywhere,
/// without `.` and `..` where that is safe to say.
fn shown(path: &Path) -> String {
    let clean = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    crate::printable::path(&clean)
}
