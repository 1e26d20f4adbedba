//! `edgestage host check`: what edge hosts hold, compared with the lock.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Target, each, lock_entries, targets};
use crate::archive::{self, InspectError};
use crate::cache::CacheLookup;
use crate::cli::{HostCheckArgs, SlotArg};
use crate::diagnostic::Code;
use crate::edge_host::{
    ArchiveFacts, Expected, HostError, Session as HostSession, Shown, Slot, SlotReport, Verdict,
    messages,
};
use crate::error::Error;
use crate::lockfile::LockEntry;
use crate::ui::table::{Cell, Table, Tone};
use crate::ui::{CommandOutput, Report, fields};
use crate::util::path_error::PathError;
use crate::variables;
use crate::workflow::context::Context;
use crate::workflow::session::Session;

/// The document of `host check`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HostCheck")]
pub(crate) struct Document {
    /// The hosts, in the order in which they were named.
    hosts: Vec<Checked>,
}

/// Result for one host.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HostChecked")]
struct Checked {
    /// Name of the host in profiles.toml; null for an address that is not there.
    name: Option<String>,
    /// Address of the host, with the port.
    address: String,
    /// Name of the definition that the host is to hold.
    definition: String,
    /// What the host holds; null if it could not be asked.
    slots: Option<Slots>,
    /// Code of the error about this host; null if it holds the locked definition.
    error: Option<&'static str>,
}

/// The definitions that a host can hold; null for those that were not looked at.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "HostSlots")]
struct Slots {
    /// From the image.
    embedded: Option<SlotReport>,
    /// From an upload of its own.
    overridden: Option<SlotReport>,
    /// From a content bundle.
    update: Option<SlotReport>,
}

impl Slots {
    fn of(reports: Vec<(Slot, SlotReport)>) -> Self {
        let mut slots = Self::default();
        for (slot, report) in reports {
            *match slot {
                Slot::Embedded => &mut slots.embedded,
                Slot::Overridden => &mut slots.overridden,
                Slot::Update => &mut slots.update,
            } = Some(report);
        }
        slots
    }

    fn get(&self, slot: Slot) -> Option<&SlotReport> {
        match slot {
            Slot::Embedded => self.embedded.as_ref(),
            Slot::Overridden => self.overridden.as_ref(),
            Slot::Update => self.update.as_ref(),
        }
    }
}

pub(in crate::commands) fn run(
    arguments: &HostCheckArgs,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let session = Session::open(context, &manifest)?;
    let command = "host check";
    let targets = targets(
        &arguments.hosts,
        &arguments.target,
        command,
        &manifest,
        context,
    )?;
    let locked = lock_entries(&targets, &session.lock)?;
    let archives = archives(&locked, &session, context)?;
    let slots = slots(arguments.slot);
    let jobs = arguments.target.jobs;
    let results = each(&targets, jobs, &manifest, context, |target, host| {
        context.report.status("Checking", &target.host.shown);
        let name = &target.definition.name;
        let expected = Expected {
            locked: locked[name],
            definition: target.definition,
            archive: archives[name].as_ref(),
        };
        let reports = check(host, &slots, expected)?;
        detail(&target.host.shown, &reports, context.report);
        Ok(reports)
    });
    let mut errors = Vec::new();
    let mut hosts = Vec::new();
    for (target, result) in targets.iter().zip(results) {
        let (slots, error) = match result {
            Ok(reports) => {
                warn_of_values(target, &reports, context.report);
                let error = judge(target, &reports);
                (Some(Slots::of(reports)), error)
            }
            Err(error) => (None, Some(error)),
        };
        hosts.push(Checked {
            name: target.host.is_named.then(|| target.host.shown.clone()),
            address: target.host.address.clone(),
            definition: target.definition.name.clone(),
            slots,
            error: error.as_ref().map(|error| error.code().token()),
        });
        errors.extend(error);
    }
    let text = table(&hosts, &slots).text("", context.report.width());
    Ok(CommandOutput {
        text,
        json: fields(&Document { hosts }),
        error: Error::all(errors),
    })
}

fn slots(chosen: Option<SlotArg>) -> Vec<Slot> {
    match chosen {
        None => Slot::ALL.to_vec(),
        Some(SlotArg::Embedded) => vec![Slot::Embedded],
        Some(SlotArg::Overridden) => vec![Slot::Overridden],
        Some(SlotArg::Update) => vec![Slot::Update],
    }
}

/// Returns what the locked archives hold, for those that are in the cache or the registry.
fn archives(
    locked: &BTreeMap<String, &LockEntry>,
    session: &Session<'_>,
    context: &Context<'_>,
) -> Result<BTreeMap<String, Option<ArchiveFacts>>, Error> {
    let mut archives = BTreeMap::new();
    for (name, locked) in locked {
        session.pull_if_missing(context, name, locked)?;
        let limits = &session.manifest.limits;
        let facts = match session.cache.lookup(locked, limits)? {
            CacheLookup::Hit(artifact) if locked.describes(artifact.contents()) => {
                let wanted = |path: &[u8]| {
                    std::str::from_utf8(path).is_ok_and(|path| variables::uid_in(path).is_some())
                };
                match archive::inspect(artifact.open()?, limits, &wanted) {
                    Ok(inventory) => Some(ArchiveFacts::of(&inventory)),
                    Err(InspectError::Refused(_)) => None,
                    Err(InspectError::Io(error)) => {
                        return Err(PathError::when("read", artifact.path())(error).into());
                    }
                }
            }
            CacheLookup::Hit(_) | CacheLookup::Miss | CacheLookup::Damaged(_) => None,
        };
        if facts.is_none() {
            context.report.warn(&messages::not_compared(name));
        }
        archives.insert(name.clone(), facts);
    }
    Ok(archives)
}

fn check(
    host: &HostSession<'_, '_>,
    slots: &[Slot],
    expected: Expected<'_>,
) -> Result<Vec<(Slot, SlotReport)>, HostError> {
    let compare = |slot: &Slot| Ok((*slot, host.compare(*slot, expected)?));
    slots.iter().map(compare).collect()
}

/// With `-v`, prints the layers that a host shows.
fn detail(host: &str, reports: &[(Slot, SlotReport)], report: &Report) {
    for (slot, found) in reports {
        for profile in &found.profiles {
            let packs = profile.packs.join(", ");
            let slot = slot.name();
            report.detail(&format!("{host}: {slot}: {}: {packs}", profile.profile));
        }
    }
}

/// Returns the error for a host of which a slot holds something else, or none holds anything.
fn judge(target: &Target<'_>, reports: &[(Slot, SlotReport)]) -> Option<Error> {
    let differs: Vec<_> = reports
        .iter()
        .filter(|(_, report)| report.verdict == Verdict::Differs)
        .map(|(slot, report)| (*slot, report.differences.clone()))
        .collect();
    let holds = |(_, report): &(Slot, SlotReport)| report.verdict == Verdict::Same;
    let error = if !differs.is_empty() {
        HostError::Differs(differs)
    } else if !reports.iter().any(holds) {
        HostError::Empty(reports.iter().map(|(slot, _)| *slot).collect())
    } else {
        return None;
    };
    Some(Error::Host {
        host: target.host.clone(),
        error: Box::new(error),
    })
}

/// Warns of values that the archive does not have, although all else is the same.
fn warn_of_values(target: &Target<'_>, reports: &[(Slot, SlotReport)], report: &Report) {
    for (slot, found) in reports {
        if found.verdict == Verdict::Same && found.values == Shown::NotFound {
            report.warn(&messages::values_not_found(&target.host.shown, *slot));
        }
    }
}

fn table(hosts: &[Checked], slots: &[Slot]) -> Table {
    let mut headings = vec!["host", "definition"];
    headings.extend(slots.iter().map(|slot| slot.name()));
    headings.push("error");
    let mut table = Table::new(&headings);
    for host in hosts {
        let name = host.name.as_ref().unwrap_or(&host.address);
        let mut row = vec![
            Cell::from(name.clone()),
            Cell::from(host.definition.clone()),
        ];
        row.extend(slots.iter().map(|slot| {
            let report = host.slots.as_ref().and_then(|slots| slots.get(*slot));
            report.map_or_else(|| Cell::toned("-", Tone::Word), cell)
        }));
        // What a slot says already needs no second word.
        let of_host = [Code::HostDiffers.token(), Code::HostEmpty.token()];
        let error = host.error.filter(|error| !of_host.contains(error));
        row.push(Cell::toned(error.unwrap_or_default(), Tone::Red));
        table.rows.push(row);
    }
    table.without_empty()
}

fn cell(report: &SlotReport) -> Cell {
    let compared = (report.variables, report.values);
    match (report.verdict, compared) {
        (Verdict::Same, (Shown::NotCompared, _)) => {
            Cell::toned("same, variables not compared", Tone::Yellow)
        }
        (Verdict::Same, (_, Shown::NotFound)) => {
            Cell::toned("same, values not proven", Tone::Yellow)
        }
        (Verdict::Same, _) => Cell::toned("same", Tone::Green),
        (Verdict::Differs, _) => Cell::toned("differs", Tone::Red),
        (Verdict::None, _) => Cell::toned("none", Tone::Word),
    }
}
