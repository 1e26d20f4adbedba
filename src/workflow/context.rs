//! What a command works with: settings, the manifest, the client, the checkout, and the file
//! locks that it takes.

use super::content_bundles;
use super::indexes;
use super::messages;
use crate::api_key;
use crate::bundle::LargeBundles;
use crate::cache::Cache;
use crate::canvos::preflight::{Preflight, Start, Target};
use crate::canvos::{CanvosError, Checkout, CheckoutLock};
use crate::cli::{Settings, Verbosity};
use crate::diagnostic::{Diagnostic, Severity, Trap};
use crate::error::Error;
use crate::host_password;
use crate::http::Route;
use crate::lockfile::{LockEntry, Lockfile, LockfileSpan, Outdated};
use crate::manifest::{Definition, Located, Manifest, ManifestError, keys};
use crate::palette::{Options, Palette};
use crate::registry::{self, Access, Registry};
use crate::signing::PublicKey;
use crate::ui::Report;
use crate::util::digest::Digest;
use crate::util::endpoint::{Endpoint, Spelling};
use crate::util::environment::Environment;
use crate::util::file_lock::{Event, FileLock, FileLockError, LockOptions};
use crate::util::files::{self, Identity};
use crate::util::path_error::PathError;
use crate::util::sanitize;
use crate::util::stamp::Stamp;
use crate::util::suggest::nearest_file;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The variables with secrets, which no program that edgestage runs gets.
pub(crate) const WITHHELD: [&str; 3] = [
    api_key::VARIABLES[0],
    api_key::VARIABLES[1],
    host_password::VARIABLE,
];

/// The context that every command gets.
pub(crate) struct Context<'a> {
    /// The flags and variables.
    pub settings: &'a Settings,
    /// The environment variables and the working directory.
    pub environment: &'a Environment,
    /// The destination of output.
    pub report: &'a Report,
    /// A description of this run for other runs that wait for it.
    pub who: String,
    /// Whether this run has read the manifest.
    pub has_read: AtomicBool,
}

impl Context<'_> {
    /// Reads the manifest.
    pub(crate) fn manifest(&self) -> Result<Manifest, Error> {
        let (text, stamp) = self.manifest_text_stamped()?;
        let path = self.environment.resolve(&self.settings.file);
        let manifest = indexes::parse(self, &Arc::new(text), &stamp, &path)?;
        let flag = self.settings.api_key_file.as_deref();
        // Any output may contain the key, even in a run that does not need it.
        for key in api_key::in_files(flag, self.environment, &manifest) {
            self.report.hide(&key);
        }
        for password in host_password::in_files(&manifest) {
            self.report.hide(&password);
        }
        Ok(manifest)
    }

    /// Reads the manifest's text.
    pub(crate) fn manifest_text(&self) -> Result<String, Error> {
        Ok(self.manifest_text_stamped()?.0)
    }

    fn manifest_text_stamped(&self) -> Result<(String, Stamp), Error> {
        let Settings { file, located, .. } = self.settings;
        if let Located::Above(_) = located
            && !self.has_read.swap(true, Ordering::Relaxed)
        {
            self.report
                .detail(&format!("reads {}", sanitize::path(file)));
        }
        match Manifest::text_stamped(&self.environment.resolve(file), file) {
            Err(ManifestError::Missing(path, _)) => {
                Err(ManifestError::Missing(path, located.clone()).into())
            }
            read => Ok(read?),
        }
    }

    /// Reports which manifest a failed run used, if it is not in the working directory.
    pub(crate) fn tell_manifest(&self) {
        if self.has_read.load(Ordering::Relaxed) && self.report.verbosity() == Verbosity::Normal {
            let file = sanitize::path(&self.settings.file);
            self.report
                .status("Note", &format!("using the manifest {file}"));
        }
    }

    /// Returns the manifest for a command that also works without one. Mistakes in it are a
    /// warning; `without` says what is missing then.
    pub(crate) fn manifest_if_usable(&self, without: &str) -> Option<Manifest> {
        let error = match self.manifest() {
            Ok(manifest) => return Some(manifest),
            Err(Error::Manifest(ManifestError::Missing(..))) => return None,
            Err(error) => error,
        };
        let file = sanitize::path(&self.settings.file);
        // A file that cannot be read at all has no place to show.
        let unreadable = match &error {
            Error::Manifest(ManifestError::Unreadable(_, why)) => Some(why),
            _ => None,
        };
        let told = messages::manifest_unused(&file, unreadable, without);
        self.report.warn(&told);
        None
    }

    /// Returns the lock of `manifest` for a command that also works without one.
    pub(crate) fn lock_if_usable(&self, manifest: &Manifest, without: &str) -> Option<Lockfile> {
        let error = match self.lockfile(manifest) {
            Ok(lock) => return Some(lock),
            Err(error) => error,
        };
        for warning in error.warnings() {
            self.report.warn(&warning.note(without));
        }
        None
    }

    /// Returns the endpoint of Palette.
    ///
    /// # Errors
    /// Fails if the endpoint uses plain HTTP to another host.
    pub(crate) fn endpoint(&self, manifest: &Manifest) -> Result<Endpoint, Error> {
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

    /// Returns a client of `endpoint`; no connection is opened yet.
    pub(crate) fn palette(
        &self,
        manifest: &Manifest,
        endpoint: Endpoint,
    ) -> Result<Palette, Error> {
        let api_key::FoundKey {
            key,
            place,
            warning,
        } = api_key::find(
            self.settings.api_key_file.as_deref(),
            self.environment,
            manifest,
        )?;
        self.report.hide(&key);
        self.report.warn_all(&warning);
        self.report
            .detail(&format!("endpoint {endpoint}, API key from {place}"));
        self.tell_endpoint(manifest, &endpoint);
        let (route, warnings) = Route::to(&endpoint, self.environment);
        self.report.warn_all(&warnings);
        let table = &manifest.palette;
        let ca_cert = match &table.ca_cert {
            Some(path) => Some(read_ca_cert(path)?),
            None => None,
        };
        let options = Options {
            timeout: Duration::from_secs(table.timeout.unwrap_or(keys::TIMEOUT)),
            retries: table.retries.unwrap_or(keys::RETRIES),
            ca_cert,
            key_place: place,
            route,
        };
        Ok(Palette::new(endpoint, key, &options)?)
    }

    /// Returns a client of the team's registry, or `None` if the manifest names none. Usually
    /// opens no connection yet.
    pub(crate) fn registry(
        &self,
        manifest: &Manifest,
        access: Access,
    ) -> Result<Option<Registry>, Error> {
        let Some(table) = &manifest.registry else {
            return Ok(None);
        };
        let ca_cert = match &table.ca_cert {
            Some(path) => Some(read_ca_cert(path)?),
            None => None,
        };
        let palette = &manifest.palette;
        let options = registry::Options {
            timeout: Duration::from_secs(palette.timeout.unwrap_or(keys::TIMEOUT)),
            retries: palette.retries.unwrap_or(keys::RETRIES),
            ca_cert,
            allow_http: self.settings.allow_http || palette.allow_http,
            access,
            environment: self.environment.clone(),
            withheld: &WITHHELD,
            secrets: self.report.secrets(),
        };
        let registry = Registry::new(&table.repository, options)?;
        self.report
            .detail(&format!("registry {}", registry.repository()));
        let (_, warnings) = Route::to(registry.endpoint(), self.environment);
        self.report.warn_all(&warnings);
        Ok(Some(registry))
    }

    /// Reports anything about the endpoint that a reviewer of `profiles.toml` would not expect.
    pub(crate) fn tell_endpoint(&self, manifest: &Manifest, endpoint: &Endpoint) {
        if let (Some(variable), Some(own)) = (self.settings.endpoint_variable, manifest.endpoint())
            && !own.is_same_palette(endpoint)
        {
            let note = format!("using {endpoint} from `{variable}`, not {own} from profiles.toml");
            self.report.status("Note", &note);
        }
        if endpoint.spelling() == Spelling::Console {
            let note = format!("the SaaS console has no API: using {endpoint}");
            self.report.status("Note", &note);
        }
    }

    /// Returns the cache.
    pub(crate) fn cache(&self, manifest: Option<&Manifest>) -> Result<Cache, Error> {
        let directory = self
            .settings
            .cache
            .clone()
            .or_else(|| manifest.and_then(|manifest| manifest.cache.clone()))
            .or_else(|| Some(self.environment.cache_directory()?.join("edgestage")))
            .ok_or(Error::NoCache)?;
        Ok(Cache::new(&directory))
    }

    /// Returns the CanvOS checkout that `definition` is staged into.
    pub(crate) fn canvos_directory(
        &self,
        manifest: &Manifest,
        definition: Option<&Definition>,
    ) -> PathBuf {
        self.settings
            .canvos
            .clone()
            .or_else(|| definition.and_then(|definition| definition.canvos.clone()))
            .unwrap_or_else(|| manifest.canvos.clone())
    }

    /// Reads the lock of `manifest` for the entries of a few definitions. A run that writes it
    /// reads it again.
    pub(crate) fn lockfile(&self, manifest: &Manifest) -> Result<Lockfile, Error> {
        indexes::lockfile(self, manifest)
    }

    /// Takes a lock on `what` for this run; waits for other runs as long as the settings allow.
    pub(crate) fn acquire<T>(
        &self,
        what: &'static str,
        take: impl FnOnce(&LockOptions<'_>) -> Result<T, FileLockError>,
    ) -> Result<T, Error> {
        let waiting = RefCell::new(None);
        let tell = |event: Event<'_>| match event {
            Event::Waits(holder) => {
                self.report
                    .status("Waiting", &format!("for {what}, which {holder} is using"));
                let object = format!("for {what}");
                *waiting.borrow_mut() = Some(self.report.waiting("Waiting", &object));
            }
            Event::NoLocks(why) => self.report.warn(&messages::no_file_locks(what, why)),
        };
        let lock_options = LockOptions {
            who: &self.who,
            timeout: self.settings.lock_timeout,
            tell: &tell,
        };
        take(&lock_options).map_err(|error| Error::holding(what, error))
    }

    /// Locks `profiles.lock`. `manifest` is the path of `profiles.toml`.
    pub(crate) fn lock_lockfile(&self, manifest: &Path) -> Result<FileLock, Error> {
        self.acquire("profiles.lock", |lock_options| {
            Lockfile::lock(manifest, lock_options)
        })
    }

    pub(crate) fn lock_checkout(&self, checkout: &Checkout) -> Result<CheckoutLock, Error> {
        // A program that a build runs is part of that build.
        let held = self.environment.variable(HELD);
        checkout.check_own()?;
        let directory = Identity::of(checkout.directory());
        if held.is_some_and(|held| Identity::of(Path::new(&held)) == directory) {
            return self.acquire("the checkout", |_| checkout.locked_by_parent());
        }
        self.acquire("the checkout", |lock_options| checkout.lock(lock_options))
    }

    /// Reads the checkout in `directory` to determine what the build command `argv` would do.
    pub(crate) fn preflight<'p>(
        &'p self,
        directory: &'p Path,
        argv: &'p [String],
    ) -> Result<Preflight<'p>, Error> {
        let start = Start {
            environment: self.environment,
            argv,
        };
        Ok(Preflight::read(directory, start)?)
    }

    pub(crate) fn checkout(
        &self,
        manifest: &Manifest,
        definition: &Definition,
    ) -> Result<Checkout, Error> {
        Ok(Checkout::open(
            &self.canvos_directory(manifest, Some(definition)),
        )?)
    }
}

pub(crate) fn read_ca_cert(path: &Path) -> Result<Vec<u8>, Error> {
    files::read(path, files::TEXT).map_err(|error| {
        let error = PathError::when("read", path)(error);
        let near = near(path);
        Error::usage(messages::unusable_ca_cert(&error, near.as_deref()))
    })
}

/// Reads the whole lock of `manifest`, to write it or to use every entry.
pub(crate) fn load_lockfile(manifest: &Manifest) -> Result<Lockfile, Error> {
    Ok(Lockfile::load(&Lockfile::path_for(&manifest.path))?)
}

/// Returns the lock entry if it matches `definition`.
///
/// # Errors
/// Returns [`Error::NotLocked`] or [`Error::Outdated`] if there is none.
pub(crate) fn current<'l>(
    lock: &'l Lockfile,
    definition: &Definition,
) -> Result<&'l LockEntry, Error> {
    let name = &definition.name;
    let locked = lock
        .definitions
        .get(name)
        .ok_or_else(|| not_locked(lock, name))?;
    match locked.outdated(definition) {
        None => Ok(locked),
        Some(why) => Err(outdated(lock, name, why)),
    }
}

/// Returns the error for an outdated entry, with its location in the lock.
pub(crate) fn outdated(lock: &Lockfile, name: &str, why: Outdated) -> Error {
    let place = match why {
        Outdated::Changed => lock.excerpt(
            name,
            LockfileSpan::Entry,
            "this entry is older than the change",
        ),
        Outdated::Contradictory | Outdated::OtherArchive => {
            lock.excerpt(name, LockfileSpan::Entry, "")
        }
    };
    Error::Outdated {
        definition: name.to_owned(),
        why,
        place,
    }
}

/// Warns of an outdated entry if nothing depends on it.
pub(crate) fn warn_of_outdated(context: &Context<'_>, lock: &Lockfile, definition: &Definition) {
    let Err(error @ Error::Outdated { .. }) = current(lock, definition) else {
        return;
    };
    for warning in error.warnings() {
        context.report.warn(&warning);
    }
}

pub(crate) fn not_locked(lock: &Lockfile, name: &str) -> Error {
    if lock.exists() {
        Error::NotLocked(name.to_owned())
    } else {
        Error::NoLock {
            path: lock.path().to_owned(),
            definition: name.to_owned(),
        }
    }
}

/// Returns the definition `name`, or the only one.
pub(crate) fn one<'m>(manifest: &'m Manifest, name: Option<&str>) -> Result<&'m Definition, Error> {
    let known = || manifest.definitions.keys().cloned().collect();
    if let Some(name) = name {
        let definition = manifest.definitions.get(name);
        return definition.ok_or_else(|| Error::UnknownDefinition {
            name: name.to_owned(),
            known: known(),
        });
    }
    match chosen(manifest, &[])?[..] {
        [only] => Ok(only),
        _ => Err(Error::NameNeeded(known())),
    }
}

/// Returns the definitions `names`, or the only one.
pub(crate) fn one_or_chosen<'m>(
    manifest: &'m Manifest,
    names: &[String],
) -> Result<Vec<&'m Definition>, Error> {
    match names {
        [] => Ok(vec![one(manifest, None)?]),
        names => chosen(manifest, names),
    }
}

/// Returns the definitions `names`, or all.
pub(crate) fn chosen<'m>(
    manifest: &'m Manifest,
    names: &[String],
) -> Result<Vec<&'m Definition>, Error> {
    if names.is_empty() {
        manifest.definitions.require_all()?;
        return Ok(manifest.definitions.values().collect());
    }
    let names: BTreeSet<&String> = names.iter().collect();
    names
        .into_iter()
        .map(|name| one(manifest, Some(name)))
        .collect()
}

/// Returns the public key that images must carry, if the manifest names one.
pub(crate) fn expected_key(manifest: &Manifest) -> Result<Option<PublicKey>, Error> {
    let table = manifest.signing.as_ref();
    let path = table.and_then(|table| table.public_key.as_deref());
    Ok(path.map(PublicKey::read).transpose()?)
}

/// Returns the traps that are accepted for `definition`: those of its `allow` and of `--allow`.
pub(crate) fn allowed(definition: &Definition, flags: &[Trap]) -> Vec<Trap> {
    let flags = flags.iter().copied();
    definition.allowed_traps().chain(flags).collect()
}

/// What is built of a checkout, and what is right in it.
#[derive(Clone, Copy)]
pub(crate) struct TrapsAsked<'a> {
    /// The targets that are built.
    pub targets: &'a [Target],
    /// The traps that are accepted.
    pub allowed: &'a [Trap],
    /// Returns the contents that are locked for the checkout. Few checkouts have anything to
    /// compare with them.
    pub locked: &'a dyn Fn() -> Vec<Digest>,
    /// Whether large content bundles are read.
    pub large_bundles: LargeBundles,
}

/// Warns of what in a checkout is harmless for the targets; returns what would replace the
/// definition or lose it, or the public key that images must carry.
pub(crate) fn traps(
    context: &Context<'_>,
    manifest: &Manifest,
    preflight: &Preflight<'_>,
    asked: TrapsAsked<'_>,
) -> Result<Vec<Diagnostic>, Error> {
    let TrapsAsked {
        targets,
        allowed,
        locked,
        large_bundles,
    } = asked;
    let mut findings = preflight.findings(targets)?;
    findings.extend(preflight.signing_key_findings(expected_key(manifest)?.as_ref()));
    let bundles = content_bundles::findings(context, manifest, preflight, locked, large_bundles)?;
    findings.extend(bundles);
    let (grave, harmless): (Vec<_>, Vec<_>) = findings
        .iter()
        .map(|finding| finding.told(targets, allowed))
        .partition(|finding| finding.severity == Severity::Error);
    context.report.warn_all(&harmless);
    Ok(grave)
}

/// The variable through which `build` passes on which checkout it holds. Without it, an
/// `edgestage stage` within a build would wait for that build.
pub(crate) const HELD: &str = "EDGESTAGE_HELD_CHECKOUT";

pub(crate) fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Fails if the checkout does not have one of the targets.
pub(crate) fn has_targets(preflight: &Preflight<'_>, asked: &[Target]) -> Result<(), Error> {
    let lacking = preflight.lacks(asked);
    if lacking.is_empty() {
        return Ok(());
    }
    let targets = lacking.into_iter().map(Target::name).collect();
    let directory = preflight.directory().to_owned();
    Err(CanvosError::NoTarget { directory, targets }.into())
}

/// Returns the file that was probably meant if `path` does not exist, printable.
pub(crate) fn near(path: &Path) -> Option<String> {
    let near = nearest_file(path).filter(|_| !path.exists())?;
    Some(sanitize::path(&near))
}

/// Returns a path for standard output: an absolute path, which scripts can use from anywhere,
/// without `.` and `..` if that is safe to determine.
pub(crate) fn shown(path: &Path) -> String {
    sanitize::path(&canonical(path))
}
