//! `edgestage check`: all checks that need no download.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::image_report::{self, ImageReport, Proof};
use super::messages;
use super::registry_check;
use super::states::{LockState, PaletteState, RegistryState, StagedState};
use super::targets::{Clusterconfig, Known, Row, Targets};
use super::verify::{leftovers, not_staged};
use crate::api_key::KeyError;
use crate::bundle::LargeBundles;
use crate::canvos::build::BuildCommand;
use crate::canvos::{self, CanvosError, Checkout, PlacementState, State};
use crate::cli::{CheckArgs, JOBS, LockfileUse, Network, PreflightArgs};
use crate::diagnostic::Trap;
use crate::error::{Error, Exit};
use crate::lockfile::{LockEntry, Lockfile};
use crate::manifest::{Definition, Manifest};
use crate::resolve::{self, Catalogue};
use crate::ui::table;
use crate::ui::{CommandOutput, Outcome, Summary, fields};
use crate::util::digest::Digest;
use crate::util::endpoint::Endpoint;
use crate::util::files::Identity;
use crate::workflow::context::{
    Context, TrapsAsked, allowed, chosen, current, has_targets, shown, traps,
};
use crate::workflow::ignored_lockfile::warn_of_ignored_lock;
use crate::workflow::parallel;

/// The document of `check`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Check")]
pub(super) struct Document {
    /// Path of the manifest.
    file: String,
    /// Address of Palette.
    endpoint: String,
    /// The requested definitions, by name.
    definitions: Vec<Checked>,
    /// Checkouts that were found, each once.
    checkouts: Vec<Seen>,
    /// Images that `--image` names; empty without it.
    images: Vec<ImageReport>,
}

/// Result for one definition.
#[derive(Serialize, JsonSchema)]
struct Checked {
    /// Name of the definition.
    definition: String,
    /// Number of profiles.
    profiles: usize,
    /// State of the lock entry.
    lock: LockState,
    /// Whether Palette has the requested profiles and packs.
    palette: PaletteState,
    /// Whether the registry has the locked archive.
    registry: RegistryState,
    /// State of the checkout.
    staged: StagedState,
    /// Name of the definition that is staged, if it is another definition of the lock.
    staged_definition: Option<String>,
}

/// Result for one checkout.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CheckedCheckout")]
struct Seen {
    /// Path of the checkout.
    canvos: String,
    /// Build program that the forecast applies to: the one that `build` uses.
    program: String,
    /// The value of `CLUSTERCONFIG` that Earthly uses; null if there is none.
    clusterconfig: Option<Clusterconfig>,
    /// Targets of the checkout, or those that `--target` selects.
    targets: Vec<Row>,
}

pub(super) fn run(arguments: &CheckArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let manifest = context.manifest()?;
    let definitions = chosen(&manifest, &arguments.definitions.names)?;
    // An image holds one definition.
    let in_image = match (&arguments.images.image[..], &definitions[..]) {
        ([], _) => None,
        (_, [definition]) => Some(*definition),
        _ => {
            return Err(Error::NameNeeded(
                manifest.definitions.keys().cloned().collect(),
            ));
        }
    };
    let lock = context.lockfile(&manifest)?;
    warn_of_ignored_lock(context, lock.path());
    let endpoint = context.endpoint(&manifest)?;
    let (palette, not_asked) = palette(context, &manifest, &endpoint)?;
    let endpoint = endpoint.to_string();

    let counter = context.report.counter(definitions.len());
    let asked = parallel::map(&definitions, JOBS, |definition| match &palette {
        None => Ok(not_asked),
        Some(palette) => counter.count(ask(context, &manifest, definition, palette)),
    });
    drop(counter);
    let mut errors = Vec::new();
    let in_registry = registry_check::states(context, &manifest, &lock, &definitions, &mut errors);
    let mut rows = Vec::new();
    let mut places = Places {
        definitions: &definitions,
        preflight_options: &arguments.preflight_options,
        seen: BTreeMap::new(),
    };
    for ((definition, asked), registry) in definitions.iter().zip(asked).zip(in_registry) {
        let (locked, lock_state) = LockState::of(&lock, definition);
        let asked = asked.unwrap_or_else(|error| {
            let says = refused(&error);
            errors.push(error);
            says
        });
        if context.settings.lock == LockfileUse::MustMatch {
            errors.extend(current(&lock, definition).err());
        }
        let place = places.look(definition, context, &manifest, &lock, &mut errors);
        let (staged, owner) = staged(place, definition, locked, &mut errors);
        rows.push(Checked {
            definition: definition.name.clone(),
            profiles: definition.profiles.len(),
            lock: lock_state,
            palette: asked,
            registry,
            staged,
            staged_definition: owner,
        });
    }
    let mut images = Vec::new();
    if let Some(definition) = in_image {
        match in_images(context, &manifest, &lock, definition, arguments) {
            Ok((verdicts, error)) => {
                images = verdicts;
                errors.extend(error);
            }
            Err(error) => errors.push(error),
        }
    }
    if palette.is_some() {
        context.report.finished(&summary(&rows));
    }
    let width = context.report.width();
    Ok(CommandOutput {
        text: text(&rows, width)
            + &places.text(width)
            + &table::apart(&image_report::text(&images, width)),
        json: fields(&Document {
            file: shown(&manifest.path),
            endpoint,
            definitions: rows,
            checkouts: places.seen(),
            images,
        }),
        error: Error::all(errors),
    })
}

/// Returns Palette's answers about several definitions. For a single one, the table shows the
/// same.
fn summary(rows: &[Checked]) -> Summary {
    let mut summary = Summary::of(rows.len());
    for row in rows
        .iter()
        .filter(|row| row.palette == PaletteState::Accepted)
    {
        summary.add(&row.definition, Outcome::Found("accepted by Palette"));
    }
    summary
}

fn text(rows: &[Checked], width: Option<usize>) -> String {
    // Without a registry there is no column for it.
    let has_registry = rows.iter().any(|row| row.registry != RegistryState::None);
    let line = |cells: [&str; 6]| {
        let mut cells = cells.to_vec();
        if !has_registry {
            cells.remove(4);
        }
        table::row(&cells)
    };
    let mut cells = vec![line([
        "definition",
        "profiles",
        "lock",
        "palette",
        "registry",
        "staged",
    ])];
    cells.extend(rows.iter().map(|row| {
        let profiles = row.profiles.to_string();
        line([
            &row.definition,
            &profiles,
            row.lock.text(),
            row.palette.text(),
            row.registry.text(),
            &row.staged.text(row.staged_definition.as_deref()),
        ])
    }));
    table::fitted(&cells, width)
}

/// Returns a client, or the reason why Palette is not asked.
fn palette(
    context: &Context<'_>,
    manifest: &Manifest,
    endpoint: &Endpoint,
) -> Result<(Option<Catalogue>, PaletteState), Error> {
    if context.settings.network == Network::Off {
        return Ok((None, PaletteState::Offline));
    }
    match context.palette(manifest, endpoint.clone()) {
        Ok(palette) => Ok((Some(Catalogue::new(palette)), PaletteState::Accepted)),
        Err(Error::Key(KeyError::None)) => Ok((None, PaletteState::NoKey)),
        Err(error) => Err(error),
    }
}

/// Returns the state for an answer other than acceptance.
fn refused(error: &Error) -> PaletteState {
    match (error, error.exit()) {
        (Error::Scope(_), _) => PaletteState::Forbidden,
        (Error::ListIncomplete(_), _) => PaletteState::ListIncomplete,
        (_, Exit::Key) => PaletteState::KeyRefused,
        (_, Exit::Unreachable) => PaletteState::Unreachable,
        _ => PaletteState::Rejected,
    }
}

fn ask(
    context: &Context<'_>,
    manifest: &Manifest,
    definition: &Definition,
    palette: &Catalogue,
) -> Result<PaletteState, Error> {
    let (_, warnings) = resolve::resolve(manifest, definition, palette, context.report)?;
    context.report.warn_all(&warnings);
    Ok(PaletteState::Accepted)
}

/// Returns what is in the images, and what is wrong with them.
fn in_images(
    context: &Context<'_>,
    manifest: &Manifest,
    lock: &Lockfile,
    definition: &Definition,
    arguments: &CheckArgs,
) -> Result<(Vec<ImageReport>, Option<Error>), Error> {
    let locked = current(lock, definition)?;
    let options = &arguments.preflight_options;
    let proof = Proof::new(context, manifest, lock, Some((definition, locked)))?.with_bundles(
        LargeBundles::of(options.bundles),
        &allowed(definition, &options.allow),
    );
    let verdicts = proof.asked(&arguments.images);
    let error = proof.outcome(&verdicts).error;
    Ok((verdicts, error))
}

/// The checkouts that were examined. Definitions may share one, which is read once.
struct Places<'c> {
    /// The definitions that are asked for.
    definitions: &'c [&'c Definition],
    preflight_options: &'c PreflightArgs,
    seen: BTreeMap<PathBuf, Place>,
}

impl Places<'_> {
    /// Formats every checkout with what is built from it. A single checkout needs no name.
    fn text(&self, width: Option<usize>) -> String {
        let mut text = String::new();
        for (directory, place) in &self.seen {
            if let Place::Seen { targets, .. } = place {
                let name = format!(" of {}", crate::util::sanitize::path(directory));
                let name = if self.seen.len() > 1 { &name } else { "" };
                text.push_str(&table::apart(&targets.text(name, width)));
            }
        }
        text
    }

    fn seen(self) -> Vec<Seen> {
        let seen = self
            .seen
            .into_iter()
            .filter_map(|(directory, place)| match place {
                Place::Seen { targets, .. } => Some(Seen {
                    canvos: crate::util::sanitize::path(&directory),
                    program: targets.program,
                    clusterconfig: targets.clusterconfig,
                    targets: targets.rows,
                }),
                Place::NoCheckout | Place::Unreadable => None,
            });
        seen.collect()
    }
}

enum Place {
    NoCheckout,
    Unreadable,
    Seen {
        placements: Vec<canvos::Seen>,
        /// The definition of the lock that all placements hold.
        owner: Option<String>,
        targets: Targets,
    },
}

impl Places<'_> {
    /// Returns the traps that are accepted in a checkout: those of `--allow`, and those that all
    /// of its definitions allow.
    fn allowed(
        &self,
        definition: &Definition,
        checkout: &Identity,
        context: &Context<'_>,
        manifest: &Manifest,
    ) -> Vec<Trap> {
        let flags = &self.preflight_options.allow;
        let mut traps: Vec<Trap> = definition.allowed_traps().collect();
        if !traps.is_empty() {
            let is_here = |other: &&&Definition| is_in(other, checkout, context, manifest);
            for other in self.definitions.iter().filter(is_here) {
                traps.retain(|trap| other.allowed_traps().any(|allowed| allowed == *trap));
            }
        }
        traps.extend(flags);
        traps
    }

    fn look(
        &mut self,
        definition: &Definition,
        context: &Context<'_>,
        manifest: &Manifest,
        lock: &Lockfile,
        errors: &mut Vec<Error>,
    ) -> &Place {
        let directory = context.canvos_directory(manifest, Some(definition));
        // Checkouts are compared by what they are: a symbolic link to a checkout, or a bind
        // mount of it, is the same checkout.
        let directory = directory.canonicalize().unwrap_or(directory);
        let identity = Identity::of(&directory);
        let known = self
            .seen
            .keys()
            .find(|known| Identity::of(known) == identity);
        let directory = known.cloned().unwrap_or(directory);
        let allowed = if self.seen.contains_key(&directory) {
            Vec::new()
        } else {
            self.allowed(definition, &identity, context, manifest)
        };
        self.seen
            .entry(directory)
            .or_insert_with_key(|directory| match Checkout::open(directory) {
                Ok(checkout) => Place::of(
                    &checkout,
                    context,
                    manifest,
                    lock,
                    (self.preflight_options, &allowed),
                    errors,
                ),
                Err(error) => {
                    no_checkout(context, manifest, definition, error);
                    Place::NoCheckout
                }
            })
    }
}

/// Reports that there is no checkout. If somebody named it, it is missing; otherwise, the
/// manifest's directory need not be one.
fn no_checkout(
    context: &Context<'_>,
    manifest: &Manifest,
    definition: &Definition,
    error: CanvosError,
) {
    let is_named_here = context.settings.canvos.is_some();
    let span = definition.canvos_span.as_ref();
    let span = span.or(manifest.canvos_span.as_ref());
    let span = span.filter(|_| !is_named_here);
    if !is_named_here && span.is_none() {
        let directory = crate::util::sanitize::path(&manifest.canvos);
        let note = format!("no CanvOS checkout at {directory}");
        context.report.status("Note", &note);
        return;
    }
    for mut told in Error::from(error).warnings() {
        told = told.note(messages::NOT_FORECAST);
        if let Some(span) = span {
            told = told.at(manifest.source(), span.clone(), "");
        }
        context.report.warn(&told);
    }
}

/// Returns whether `definition` is staged into `checkout`.
fn is_in(
    definition: &Definition,
    checkout: &Identity,
    context: &Context<'_>,
    manifest: &Manifest,
) -> bool {
    Identity::of(&context.canvos_directory(manifest, Some(definition))) == *checkout
}

/// Returns the locked contents of the definitions that are staged into `checkout`.
fn locked_for(
    checkout: &Checkout,
    context: &Context<'_>,
    manifest: &Manifest,
    lock: &Lockfile,
) -> Vec<Digest> {
    let identity = Identity::of(checkout.directory());
    let is_here = |definition: &&Definition| is_in(definition, &identity, context, manifest);
    let definitions = manifest.definitions.values().filter(is_here);
    definitions
        .filter_map(|definition| Some(LockState::of(lock, definition).0?.content_sha256))
        .collect()
}

impl Place {
    /// Returns what is staged, and what would take precedence over it.
    fn of(
        checkout: &Checkout,
        context: &Context<'_>,
        manifest: &Manifest,
        lock: &Lockfile,
        (preflight_options, allowed): (&PreflightArgs, &[Trap]),
        errors: &mut Vec<Error>,
    ) -> Self {
        let command = BuildCommand::new(manifest.build.as_deref(), &[], context.environment);
        let preflight = match context.preflight(checkout.directory(), &command.argv) {
            Ok(preflight) => preflight,
            Err(error) => {
                errors.push(error);
                return Self::Unreadable;
            }
        };
        errors.extend(has_targets(&preflight, &preflight_options.target).err());
        if !preflight.embedded_bundles().is_empty() {
            // What they hold is compared with all definitions of this checkout.
            errors.extend(manifest.definitions.require_all().err().map(Error::from));
        }
        let asked = TrapsAsked {
            targets: preflight_options.targets(),
            allowed,
            locked: &|| locked_for(checkout, context, manifest, lock),
            large_bundles: LargeBundles::of(preflight_options.bundles),
        };
        match traps(context, manifest, &preflight, asked) {
            Ok(grave) if grave.is_empty() => {}
            Ok(grave) => errors.push(CanvosError::Trapped(grave).into()),
            Err(error) => errors.push(error),
        }
        errors.extend(leftovers(checkout, "edgestage stage"));
        let placements = match checkout.see(None, &manifest.limits) {
            Ok(placements) => placements,
            Err(error) => {
                errors.push(error.into());
                return Self::Unreadable;
            }
        };
        let found: Vec<PlacementState> = placements.iter().map(|seen| seen.against(None)).collect();
        let owner = found.first().and_then(|first| first.owner(lock));
        let owner = owner.filter(|name| found.iter().all(|f| f.owner(lock) == Some(*name)));
        let owner = owner.map(str::to_owned);
        let known = Known {
            staged: &placements,
            manifest,
            lock,
            limits: &manifest.limits,
        };
        let targets = Targets::of(&preflight, &preflight_options.target, known);
        Self::Seen {
            placements,
            owner,
            targets,
        }
    }
}

/// Returns the state of the placements. It is not a mistake that nothing is staged yet, or
/// another definition of the same lock: definitions may take turns in one checkout.
fn staged(
    place: &Place,
    definition: &Definition,
    locked: Option<&LockEntry>,
    errors: &mut Vec<Error>,
) -> (StagedState, Option<String>) {
    let (placements, owner) = match place {
        Place::NoCheckout => return (StagedState::NoCheckout, None),
        Place::Unreadable => return (StagedState::Unreadable, None),
        Place::Seen {
            placements, owner, ..
        } => (placements, owner),
    };
    let found: Vec<PlacementState> = placements.iter().map(|seen| seen.against(locked)).collect();
    if found.iter().all(|found| found.state == State::Missing) {
        return (StagedState::Nothing, None);
    }
    if locked.is_some() && Checkout::is_staged(&found) {
        return (StagedState::AsLocked, None);
    }
    let differs = |found: &PlacementState| matches!(found.state, State::Differs { .. });
    if let Some(owner) = owner.as_ref().filter(|_| found.iter().all(differs)) {
        return (StagedState::AnotherDefinition, Some(owner.clone()));
    }
    if locked.is_some() {
        errors.extend(not_staged(&found, &definition.name));
    }
    (StagedState::Differs, None)
}
