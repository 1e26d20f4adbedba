//! `edgestage host`: which hosts are meant, how to log in to them, and the work on several at
//! once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::{HostTargetArgs, Network};
use crate::edge_host::{
    Credentials, HostClient, HostError, HostName, Login, LoginGate, Options, Session, Trust,
    messages,
};
use crate::error::Error;
use crate::host_password::{self, FoundPassword};
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::{self, Definition, Host, HostLogin, Manifest, PasswordSource, keys};
use crate::util::host_address::HostAddress;
use crate::util::interrupt::Stoppable;
use crate::util::suggest::nearest;
use crate::workflow::context::{self, Context, current, read_ca_cert};
use crate::workflow::parallel;

pub(super) mod check;
mod signatures;
pub(super) mod upload;

/// A host to work on.
pub(super) struct Target<'m> {
    /// The host in messages.
    pub host: HostName,
    address: HostAddress,
    /// The definition that the host is to hold.
    pub definition: &'m Definition,
    user: String,
    password: FoundPassword,
    credentials: Credentials,
    trust: Trust,
}

/// Where a host comes from.
enum Named<'m> {
    /// `[host.NAME]`.
    Entry(&'m Host),
    /// An address on the command line.
    Address(HostAddress),
}

impl Named<'_> {
    fn address(&self) -> &HostAddress {
        match self {
            Self::Entry(host) => &host.address,
            Self::Address(address) => address,
        }
    }
}

/// Returns the hosts that `words` name, or all of the manifest for none.
fn named<'m>(words: &[String], manifest: &'m Manifest) -> Result<Vec<Named<'m>>, Error> {
    if words.is_empty() {
        if manifest.hosts.is_empty() {
            return Err(Error::usage(messages::no_hosts()));
        }
        return Ok(manifest.hosts.values().map(Named::Entry).collect());
    }
    let mut found: Vec<Named<'m>> = Vec::new();
    for word in words {
        let one = find(word, manifest)?;
        // The same host under its name and its address is one host.
        if !found.iter().any(|known| known.address() == one.address()) {
            found.push(one);
        }
    }
    Ok(found)
}

fn find<'m>(word: &str, manifest: &'m Manifest) -> Result<Named<'m>, Error> {
    if let Some(host) = manifest.hosts.get(word) {
        return Ok(Named::Entry(host));
    }
    let names = manifest.hosts.keys().map(String::as_str);
    let address = HostAddress::parse(word).map_err(|why| {
        let near = nearest(word, names.clone());
        Error::usage(match near {
            Some(near) => messages::mistyped_host(word, near),
            None => messages::unknown_host(word, why.label(), why.help()),
        })
    })?;
    let mut hosts = manifest.hosts.values();
    if let Some(host) = hosts.find(|host| host.address == address) {
        return Ok(Named::Entry(host));
    }
    // A mistyped name must not become the name of another machine.
    let is_bare = !word.contains(['.', ':']) && word != "localhost";
    match nearest(word, names).filter(|_| is_bare) {
        Some(near) => Err(Error::usage(messages::mistyped_host(word, near))),
        None => Ok(Named::Address(address)),
    }
}

/// Finds the definition, the user, the password and the trust of each host. Each password
/// command runs once.
pub(super) fn targets<'m>(
    words: &[String],
    arguments: &HostTargetArgs,
    command: &str,
    manifest: &'m Manifest,
    context: &Context<'_>,
) -> Result<Vec<Target<'m>>, Error> {
    if context.settings.network == Network::Off {
        return Err(Error::usage(messages::needs_network(command)));
    }
    let hosts = named(words, manifest)?;
    let pin = match &arguments.certificate_sha256 {
        None => None,
        Some(_) if hosts.len() > 1 => {
            return Err(Error::usage(messages::one_fingerprint_for_several()));
        }
        Some(text) => Some(
            manifest::fingerprint(text)
                .ok_or_else(|| Error::usage(messages::invalid_fingerprint()))?,
        ),
    };
    let mut passwords: BTreeMap<Option<PasswordSource>, FoundPassword> = BTreeMap::new();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut targets = Vec::new();
    for one in hosts {
        let address = one.address().clone();
        let (entry, login) = match &one {
            Named::Entry(host) => (Some(*host), &host.login),
            Named::Address(_) => (None, &manifest.host_login),
        };
        let host = HostName {
            shown: entry.map_or_else(|| address.to_string(), |host| host.name.clone()),
            is_named: entry.is_some(),
            address: address.to_string(),
        };
        let own = entry.and_then(|host| host.definition.as_ref());
        let name = arguments.definition.as_deref();
        let name = name.or(own.map(|at| at.value.as_str()));
        let definition = context::one(manifest, name)?;
        let user = login.user.clone();
        let user = user.ok_or_else(|| Error::usage(messages::no_user(&host.shown)))?;
        let password = password(&host.shown, login, &mut passwords, manifest, context)?;
        let pair = (user.clone(), password.password.expose().to_owned());
        let known = pairs.iter().position(|known| *known == pair);
        let number = known.unwrap_or_else(|| {
            pairs.push(pair);
            pairs.len() - 1
        });
        let ca_cert = login.ca_cert.as_deref().map(read_ca_cert).transpose()?;
        targets.push(Target {
            host,
            address,
            definition,
            user,
            password,
            credentials: Credentials(number),
            trust: Trust {
                pin: pin.or(entry.and_then(|host| host.certificate_sha256)),
                ca_cert,
            },
        });
    }
    Ok(targets)
}

fn password(
    host: &str,
    login: &HostLogin,
    known: &mut BTreeMap<Option<PasswordSource>, FoundPassword>,
    manifest: &Manifest,
    context: &Context<'_>,
) -> Result<FoundPassword, Error> {
    if let Some(found) = known.get(&login.password) {
        return Ok(found.clone());
    }
    let source = login.password.as_ref();
    let (found, warning) = host_password::find(host, source, context.environment, manifest)?;
    context.report.hide(&found.password);
    context.report.warn_all(&warning);
    known.insert(login.password.clone(), found.clone());
    Ok(found)
}

/// Returns the lock entry of each definition of the targets.
pub(super) fn lock_entries<'l>(
    targets: &[Target<'_>],
    lock: &'l Lockfile,
) -> Result<BTreeMap<String, &'l LockEntry>, Error> {
    let mut entries = BTreeMap::new();
    for target in targets {
        let name = &target.definition.name;
        if !entries.contains_key(name) {
            entries.insert(name.clone(), current(lock, target.definition)?);
        }
    }
    Ok(entries)
}

/// Logs in to every target, at most `jobs` at once, does `work` there, and logs out. Ctrl-C ends
/// the process once every session is over.
pub(super) fn each<'m, T: Send>(
    targets: &[Target<'m>],
    jobs: u16,
    manifest: &Manifest,
    context: &Context<'_>,
    work: impl Fn(&Target<'m>, &Session<'_, '_>) -> Result<T, HostError> + Sync,
) -> Vec<Result<T, Error>> {
    let stop = Stoppable::begin();
    let stopped = || stop.came();
    let gate = LoginGate::default();
    let report = context.report;
    let palette = &manifest.palette;
    let counter = report.counter(targets.len());
    let results = parallel::map(targets, jobs, |target| {
        let name = &target.host.shown;
        let options = Options {
            timeout: Duration::from_secs(palette.timeout.unwrap_or(keys::TIMEOUT)),
            retries: palette.retries.unwrap_or(keys::RETRIES),
            trust: target.trust.clone(),
            stopped: &stopped,
            secrets: report.secrets(),
        };
        let login = Login {
            user: &target.user,
            password: &target.password.password,
            place: &target.password.place,
            credentials: target.credentials,
        };
        let result = HostClient::new(name, &target.address, options).and_then(|client| {
            let ran = client.session(&login, &gate, report, |session| work(target, session));
            if let Some(certificate) = &ran.out_of_date {
                report.warn(&messages::certificate_out_of_date(
                    &target.host,
                    certificate,
                ));
            }
            if let Some(why) = &ran.logout {
                report.warn(&messages::not_logged_out(name, why));
            }
            ran.result
        });
        counter.count(result.map_err(|error| Error::Host {
            host: target.host.clone(),
            error: Box::new(error),
        }))
    });
    drop(counter);
    results
}
