//! `edgestage host upload`: the locked archive onto edge hosts, and the proof of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::signatures::{ArchiveSigner, Signatures};
use super::{Target, each, lock_entries, targets};
use crate::archive;
use crate::cli::HostUploadArgs;
use crate::commands::locked_bytes::locked_bytes;
use crate::edge_host::{
    ArchiveFacts, Expected, HostError, Session as HostSession, SlotReport, Upload, Uploaded,
    messages,
};
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::manifest::Definition;
use crate::ui::table;
use crate::ui::{CommandOutput, Outcome, Summary, TransferKind, fields};
use crate::util::digest::Digest;
use crate::util::path_error::PathError;
use crate::variables;
use crate::workflow::context::{Context, one};
use crate::workflow::session::Session;

/// The document of `host upload`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HostUpload")]
pub(crate) struct Document {
    /// The hosts, in the order in which they were named.
    hosts: Vec<Done>,
}

/// What was done for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum UploadResult {
    /// The archive was sent, and the host shows the definition.
    Uploaded,
    /// The host had the definition, and nothing was sent.
    Unchanged,
}

impl UploadResult {
    fn text(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Unchanged => "unchanged",
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Uploaded => Outcome::Done(self.text()),
            Self::Unchanged => Outcome::Found(self.text()),
        }
    }
}

/// Result for one host.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HostUploaded")]
struct Done {
    /// Name of the host in profiles.toml; null for an address that is not there.
    name: Option<String>,
    /// Address of the host, with the port.
    address: String,
    /// Name of the definition.
    definition: String,
    /// Digest of the locked archive.
    sha256: Digest,
    /// What was done; null if it failed.
    result: Option<UploadResult>,
    /// What the host shows as its uploaded definition afterwards; null if it failed.
    overridden: Option<SlotReport>,
    /// Code of the error about this host; null if there is none.
    error: Option<&'static str>,
}

/// A locked archive, and what it holds.
struct Ready<'l> {
    locked: &'l LockEntry,
    file: Arc<File>,
    facts: ArchiveFacts,
    signer: ArchiveSigner<'l>,
}

pub(in crate::commands) fn run(
    arguments: &HostUploadArgs,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    if arguments.hosts.is_empty() && !arguments.all {
        let known: Vec<String> = manifest.hosts.keys().cloned().collect();
        return Err(Error::usage(messages::hosts_needed(&known)));
    }
    let session = Session::open(context, &manifest)?;
    let command = "host upload";
    let targets = targets(
        &arguments.hosts,
        &arguments.target,
        command,
        &manifest,
        context,
    )?;
    let locked = lock_entries(&targets, &session.lock)?;
    let signatures = Signatures::new(&session, &manifest, context);
    let mut ready = BTreeMap::new();
    for (name, locked) in locked {
        let definition = one(&manifest, Some(&name))?;
        ready.insert(
            name,
            prepare(definition, locked, &signatures, &session, context)?,
        );
    }
    let jobs = arguments.target.jobs;
    let results = each(&targets, jobs, &manifest, context, |target, host| {
        let ready = &ready[&target.definition.name];
        upload(target, host, ready, context)
    });
    let mut summary = Summary::of_hosts(targets.len());
    let mut errors = Vec::new();
    let mut hosts = Vec::new();
    for (target, result) in targets.iter().zip(results) {
        let (result, overridden, error) = match result {
            Ok(Uploaded::Sent(report)) => (Some(UploadResult::Uploaded), Some(report), None),
            Ok(Uploaded::Unchanged(report)) => (Some(UploadResult::Unchanged), Some(report), None),
            Err(error) => (None, None, Some(error)),
        };
        if let Some(result) = result {
            summary.add(&target.host.shown, result.outcome());
        }
        hosts.push(Done {
            name: target.host.is_named.then(|| target.host.shown.clone()),
            address: target.host.address.clone(),
            definition: target.definition.name.clone(),
            sha256: ready[&target.definition.name].locked.sha256,
            result,
            overridden,
            error: error.as_ref().map(|error| error.code().token()),
        });
        errors.extend(error);
    }
    context.report.finished(&summary);
    let rows: Vec<Vec<String>> = hosts
        .iter()
        .map(|host| {
            let name = host.name.as_ref().unwrap_or(&host.address);
            let result = host.result.map(UploadResult::text);
            let result = result.or(host.error).unwrap_or_default();
            table::row(&[name, &host.definition, result])
        })
        .collect();
    Ok(CommandOutput {
        text: table::layout(&rows),
        json: fields(&Document { hosts }),
        error: Error::all(errors),
    })
}

/// Obtains the archive with exactly the locked bytes: from the cache, the registry, or Palette.
fn prepare<'l>(
    definition: &Definition,
    locked: &'l LockEntry,
    signatures: &'l Signatures<'l>,
    session: &Session<'_>,
    context: &Context<'_>,
) -> Result<Ready<'l>, Error> {
    let archive = locked_bytes(context, session, definition, locked)?;
    let artifact = &archive.artifact;
    let wanted =
        |path: &[u8]| std::str::from_utf8(path).is_ok_and(|path| variables::uid_in(path).is_some());
    let limits = &session.manifest.limits;
    let inventory = archive::inspect(artifact.open()?, limits, &wanted).map_err(|error| {
        let error = match error {
            archive::InspectError::Io(error) => error,
            // It passed the check when it was looked up.
            archive::InspectError::Refused(_) => std::io::ErrorKind::InvalidData.into(),
        };
        PathError::when("read", artifact.path())(error)
    })?;
    Ok(Ready {
        locked,
        file: artifact.share()?,
        facts: ArchiveFacts::of(&inventory),
        signer: signatures.of(archive.artifact),
    })
}

fn upload(
    target: &Target<'_>,
    host: &HostSession<'_, '_>,
    ready: &Ready<'_>,
    context: &Context<'_>,
) -> Result<Uploaded, HostError> {
    let report = context.report;
    let name = &target.host.shown;
    let found = host.preconditions()?;
    if let Some(why) = found.refusal {
        return Err(HostError::NoUploads(why));
    }
    if let Some(mode) = &found.unknown_mode {
        report.warn(&messages::unknown_mode(name, mode));
    }
    if let Some(role) = &found.follower {
        report.warn(&messages::follower(name, role));
    }
    if found.has_cluster {
        report.warn(&messages::has_cluster(name));
    }
    let progress = report.transfer(name, TransferKind::Upload);
    let uploaded = host.upload(&Upload {
        file: &ready.file,
        expected: Expected {
            locked: ready.locked,
            definition: target.definition,
            archive: Some(&ready.facts),
        },
        signer: &ready.signer,
        progress: &progress,
    });
    drop(progress);
    let uploaded = uploaded?;
    let verb = match uploaded {
        Uploaded::Sent(_) => "Uploaded",
        Uploaded::Unchanged(_) => "Unchanged",
    };
    report.status(verb, &format!("{} on {name}", target.definition.name));
    Ok(uploaded)
}
