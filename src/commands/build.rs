//! `edgestage build`: stages, rehearses, builds and verifies, one definition after the other.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::image_report::{Checksums, ImageReport, Proof, Reading, WrittenBy};
use super::rehearsal_report::{Options, RehearsalReport, Rehearser, Row};
use super::stage;
use crate::bundle::LargeBundles;
use crate::canvos::Checkout;
use crate::canvos::build::{self, BuildCommand, BuildError, ImageOutcome, StagedFilesChanged};
use crate::canvos::rehearsal::{Purpose, Refused, RehearsalError, RehearsalVerdict, messages};
use crate::cli::{BuildArgs, REHEARSAL_TIMEOUT};
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Definition, Manifest};
use crate::ui::{CommandOutput, Outcome, Summary, fields};
use crate::util::sanitize;
use crate::workflow::context::{
    Context, HELD, WITHHELD, allowed, canonical, current, one_or_chosen,
};

/// The document of `build`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Build")]
pub(super) struct Document<'a> {
    /// Build command with its arguments.
    argv: &'a [String],
    /// What the rehearsals found before the builds; nothing for a definition without one.
    rehearsal: &'a [Row],
    /// Images that the build wrote.
    images: &'a [ImageReport],
}

pub(super) fn run(arguments: &BuildArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    refuse_targets("build", &arguments.names)?;
    let manifest = context.manifest()?;
    let definitions = one_or_chosen(&manifest, &arguments.names)?;
    let command = BuildCommand::new(
        manifest.build.as_deref(),
        &arguments.arguments,
        context.environment,
    );
    let mut rehearsal = Vec::new();
    let mut verdicts = Vec::new();
    let mut errors = Vec::new();
    let mut summary = Summary::of(definitions.len());
    for definition in &definitions {
        let build = Build {
            arguments,
            context,
            manifest: &manifest,
            command: &command,
            several: definitions.len() > 1,
        };
        match build.run(definition) {
            Ok(result) => {
                rehearsal.extend(result.rehearsal);
                verdicts.extend(result.images);
                if result.error.is_none() {
                    summary.add(&definition.name, Outcome::Done("built and verified"));
                }
                errors.extend(result.error);
            }
            Err(error) => errors.push(error),
        }
    }
    context.report.finished(&summary);
    Ok(CommandOutput {
        text: super::image_report::text(&verdicts, context.report.width()),
        json: fields(&Document {
            argv: &command.argv,
            rehearsal: &rehearsal,
            images: &verdicts,
        }),
        error: Error::all(errors),
    })
}

/// Fails if a definition's name is a target: the two dashes are missing.
pub(super) fn refuse_targets(command: &str, names: &[String]) -> Result<(), Error> {
    let Some(at) = names.iter().position(|name| name.starts_with('+')) else {
        return Ok(());
    };
    let (definitions, targets) = names.split_at(at);
    let target = sanitize::line(targets[0].as_bytes());
    let words = ["edgestage", command].map(str::to_owned).into_iter();
    let words = words.chain(definitions.iter().cloned());
    let words = words
        .chain(["--".to_owned()])
        .chain(targets.iter().cloned());
    let command: Vec<String> = words.map(|word| sanitize::line(word.as_bytes())).collect();
    let told = super::messages::target_not_definition(&target, &command.join(" "));
    Err(Error::usage(told))
}

struct Build<'a> {
    arguments: &'a BuildArgs,
    context: &'a Context<'a>,
    manifest: &'a Manifest,
    command: &'a BuildCommand,
    /// Whether each image needs a name of its own.
    several: bool,
}

/// What became of one definition.
struct Built {
    rehearsal: Option<Row>,
    images: Vec<ImageReport>,
    /// What is wrong with the rehearsal, the build or its images.
    error: Option<Error>,
}

impl Build<'_> {
    /// Rehearses and builds one definition.
    fn run(&self, definition: &Definition) -> Result<Built, Error> {
        let Self {
            context, manifest, ..
        } = self;
        let name = &definition.name;
        let checkout = context.checkout(manifest, definition)?;
        // The lock is held until the images are verified, so that nobody else stages anything
        // meanwhile.
        let _held = stage::for_build(context, name, self.command, self.arguments)?;
        let (rehearsal, refused) = self.rehearse(definition, &checkout)?;
        if refused.is_some() {
            return Ok(Built {
                rehearsal,
                images: Vec::new(),
                error: refused,
            });
        }
        let (images, error) = match self.start(definition, &checkout) {
            Ok(images) => self.verify(images, definition, &checkout)?,
            Err(error) => (Vec::new(), Some(self.failed(error, definition, &checkout))),
        };
        Ok(Built {
            rehearsal,
            images,
            error,
        })
    }

    /// Runs the copy steps of the build, if this is wanted. Returns the result, and the error if
    /// the build must not start.
    fn rehearse(
        &self,
        definition: &Definition,
        checkout: &Checkout,
    ) -> Result<(Option<Row>, Option<Error>), Error> {
        if self.arguments.no_rehearsal || !self.manifest.rehearse {
            return Ok((None, None));
        }
        let lock = self.context.lockfile(self.manifest)?;
        let options = Options {
            timeout: Duration::from_secs(REHEARSAL_TIMEOUT),
            variables: vec![held(checkout)],
        };
        let mut rehearser =
            Rehearser::new(self.context, self.manifest, &lock, self.command, options);
        match rehearser.rehearse(definition) {
            Ok(result) => Ok(self.decide(definition, result)),
            // The build ends in the same way, and says so.
            Err(Error::Rehearsal(RehearsalError::Start { .. })) => Ok((None, None)),
            Err(Error::Rehearsal(error)) => {
                let warning = messages::starts_without_verdict(&error);
                self.context.report.warn(&warning);
                Ok((None, None))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the result of a rehearsal, and the error if the build must not start.
    fn decide(
        &self,
        definition: &Definition,
        report: RehearsalReport,
    ) -> (Option<Row>, Option<Error>) {
        let RehearsalReport {
            row,
            refused,
            is_forecast,
        } = report;
        let Some(refused) = refused else {
            return (Some(row), None);
        };
        let allows = !allowed(definition, &self.arguments.allow).is_empty();
        let warning = if row.verdict == RehearsalVerdict::Unjudged {
            messages::starts_without_verdict(&refused.into())
        } else if allows && is_forecast {
            messages::starts_as_allowed(&refused.into())
        } else {
            let refused = Refused {
                purpose: Purpose::Build,
                ..refused
            };
            return (Some(row), Some(RehearsalError::from(refused).into()));
        };
        self.context.report.warn(&warning);
        (Some(row), None)
    }

    /// Verifies the `images` that the build wrote.
    fn verify(
        &self,
        images: Vec<PathBuf>,
        definition: &Definition,
        checkout: &Checkout,
    ) -> Result<(Vec<ImageReport>, Option<Error>), Error> {
        let Self {
            context, manifest, ..
        } = self;
        let name = &definition.name;
        let lock = context.lockfile(manifest)?;
        let staged_files_changed = self.staged_files_changed(definition, &lock, checkout)?;
        let mut named = Vec::new();
        for image in images {
            named.push(if self.several {
                build::name_after(&image, name)?
            } else {
                image
            });
        }
        let locked = current(&lock, definition)?;
        let proof = Proof::new(context, manifest, &lock, Some((definition, locked)))?
            .of_build(&self.command.argv)
            .with_bundles(
                LargeBundles::of(self.arguments.bundles),
                &allowed(definition, &self.arguments.allow),
            );
        let verdicts = proof.verdicts(
            &named,
            Reading {
                checksums: Checksums::Compare,
                written: WrittenBy::ByThisRun,
            },
        );
        let wrong = proof.outcome(&verdicts).error;
        let error = match (wrong, staged_files_changed) {
            // The changed files explain more than the verdicts, and the error says what to do
            // about them.
            (Some(_), Some(changes)) => Some(told(changes, ImageOutcome::Wrong)),
            (None, Some(changes)) => {
                self.warn(&told(changes, ImageOutcome::Right));
                None
            }
            (wrong, None) => wrong,
        };
        Ok((verdicts, error))
    }

    /// Runs the build and returns the images that it wrote.
    fn start(
        &self,
        definition: &Definition,
        checkout: &Checkout,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let name = &definition.name;
        let mut environment = self.context.environment.clone();
        environment.variables.extend([held(checkout)]);
        let what = format!("{name}: {}", self.command.argv.join(" "));
        let section = format!("build_{name}");
        let _section = self.context.report.section(&section, "Building", &what);
        self.command
            .run(checkout.directory(), &environment, &WITHHELD)
    }

    /// Returns what the build did to the staged files, if anything. They are examined while the
    /// lock of the checkout is held, so nobody else can have changed them.
    fn staged_files_changed(
        &self,
        definition: &Definition,
        lock: &Lockfile,
        checkout: &Checkout,
    ) -> Result<Option<StagedFilesChanged>, Error> {
        let name = &definition.name;
        let locked = lock.definitions.get(name);
        let found = checkout.found(locked, &self.manifest.limits)?;
        let staged = build::StagedDefinition {
            definition: name,
            lock,
        };
        let directory = checkout.directory();
        Ok(StagedFilesChanged::of(
            &found,
            &staged,
            self.command,
            directory,
        ))
    }

    /// Describes a build without an image, and what it did to the staged files, as far as that
    /// can be seen.
    fn failed(&self, error: BuildError, definition: &Definition, checkout: &Checkout) -> Error {
        let staged_files_changed = match error {
            BuildError::Start { .. } => None,
            _ => self
                .context
                .lockfile(self.manifest)
                .and_then(|lock| self.staged_files_changed(definition, &lock, checkout))
                .unwrap_or_default(),
        };
        let error = Error::Build(error);
        match staged_files_changed.map(|changes| told(changes, ImageOutcome::Missing)) {
            None => error,
            Some(staged_files_changed)
                if matches!(error, Error::Build(BuildError::NoImage { .. })) =>
            {
                Error::Several(vec![staged_files_changed, error])
            }
            Some(staged_files_changed) => {
                self.warn(&staged_files_changed);
                error
            }
        }
    }

    /// Warns of an error that is not the reason for which the run fails.
    fn warn(&self, error: &Error) {
        for warning in error.warnings() {
            self.context.report.warn(&warning);
        }
    }
}

/// Returns the variable that tells a program of the build which checkout is locked.
fn held(checkout: &Checkout) -> (OsString, OsString) {
    let directory = canonical(checkout.directory());
    (HELD.into(), directory.into_os_string())
}

fn told(changes: StagedFilesChanged, image: ImageOutcome) -> Error {
    BuildError::StagedFilesChanged(StagedFilesChanged { image, ..changes }).into()
}
