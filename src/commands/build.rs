//! `edgestage build`: stage, build, prove; one definition after the other.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::image_report::{Checksums, ImageReport, Proof, Written};
use super::stage;
use crate::api_key;
use crate::canvos::Checkout;
use crate::canvos::build::{self, BuildError, Command, Disturbance, Image};
use crate::cli::BuildArgs;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Error;
use crate::lockfile::Lockfile;
use crate::manifest::{Definition, Manifest};
use crate::ui::{CommandOutput, Outcome, Summary, fields};
use crate::util::sanitize;
use crate::workflow::context::{Context, HELD, canonical, chosen, current, load_lockfile, one};

/// The document of `build`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Build")]
pub(super) struct Document<'a> {
    /// The command.
    argv: &'a [String],
    /// The images that it wrote.
    images: &'a [ImageReport],
}

pub(super) fn run(arguments: &BuildArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    refuse_targets("build", &arguments.names)?;
    let manifest = context.manifest()?;
    let definitions = match &arguments.names[..] {
        [] => vec![one(&manifest, None)?],
        names => chosen(&manifest, names)?,
    };
    let command = Command::new(
        manifest.build.as_deref(),
        &arguments.arguments,
        context.environment,
    );
    let mut verdicts = Vec::new();
    let mut errors = Vec::new();
    let mut tally = Summary::of(definitions.len());
    for definition in &definitions {
        let build = Build {
            arguments,
            context,
            manifest: &manifest,
            command: &command,
            several: definitions.len() > 1,
        };
        match build.run(definition) {
            Ok((images, error)) => {
                verdicts.extend(images);
                if error.is_none() {
                    tally.add(&definition.name, Outcome::Done("built and proved"));
                }
                errors.extend(error);
            }
            Err(error) => errors.push(error),
        }
    }
    context.report.finished(&tally);
    Ok(CommandOutput {
        text: super::image_report::text(&verdicts, context.report.width()),
        json: fields(&Document {
            argv: &command.argv,
            images: &verdicts,
        }),
        error: Error::all(errors),
    })
}

/// A target in the place of a definition's name: the two dashes are missing.
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
    let diagnostic = Diagnostic::error(
        Code::TargetNotDefinition,
        format!("`{target}` is a target, not a definition"),
    )
    .help(format!("put it after two dashes: `{}`", command.join(" ")));
    Err(Error::Usage(Box::new(diagnostic)))
}

struct Build<'a> {
    arguments: &'a BuildArgs,
    context: &'a Context<'a>,
    manifest: &'a Manifest,
    command: &'a Command,
    /// Whether each image needs a name of its own.
    several: bool,
}

impl Build<'_> {
    /// The images of one definition, judged, and what is wrong with them.
    fn run(&self, definition: &Definition) -> Result<(Vec<ImageReport>, Option<Error>), Error> {
        let Self {
            context, manifest, ..
        } = self;
        let name = &definition.name;
        let checkout = context.checkout(manifest, definition)?;
        // Until the images are proven: nobody else stages anything meanwhile.
        let _held = stage::for_build(context, (name, self.command), self.arguments)?;
        let images = match self.start(definition, &checkout) {
            Ok(images) => images,
            Err(error) => return Err(self.failed(error, (definition, &checkout))),
        };
        let lock = load_lockfile(manifest)?;
        let disturbed = self.disturbed((definition, &lock), &checkout)?;
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
            .of_build(&self.command.argv);
        let verdicts = proof.verdicts(&named, Checksums::Compare, Written::ByThisRun);
        let wrong = proof.outcome(&verdicts).error;
        let error = match (wrong, disturbed) {
            // The reason says more than the verdicts, and what to do about it.
            (Some(_), Some(disturbance)) => Some(told(disturbance, Image::Wrong)),
            (None, Some(disturbance)) => {
                self.warn(&told(disturbance, Image::Right));
                None
            }
            (wrong, None) => wrong,
        };
        Ok((verdicts, error))
    }

    /// Runs the build; returns the images that it wrote.
    fn start(
        &self,
        definition: &Definition,
        checkout: &Checkout,
    ) -> Result<Vec<PathBuf>, BuildError> {
        let name = &definition.name;
        let held = canonical(checkout.directory()).into_os_string();
        let mut environment = self.context.environment.clone();
        environment.variables.insert(HELD.into(), held);
        let what = format!("{name}: {}", self.command.argv.join(" "));
        let section = format!("build_{name}");
        let _section = self.context.report.section(&section, ("Building", &what));
        self.command
            .run(checkout.directory(), &environment, &api_key::VARIABLES)
    }

    /// What the build did to the staged files, if anything. Looked at while the checkout is
    /// held, so that it was nobody else.
    fn disturbed(
        &self,
        (definition, lock): (&Definition, &Lockfile),
        checkout: &Checkout,
    ) -> Result<Option<Disturbance>, Error> {
        let name = &definition.name;
        let locked = lock.definitions.get(name);
        let found = checkout.found(locked, &self.manifest.limits)?;
        let command = (self.command, checkout.directory());
        Ok(Disturbance::of(&found, (name, lock), command))
    }

    /// A build without an image, and what it did to the staged files, as far as that can be
    /// seen.
    fn failed(&self, error: BuildError, (definition, checkout): (&Definition, &Checkout)) -> Error {
        let disturbed = match error {
            BuildError::Start { .. } => None,
            _ => load_lockfile(self.manifest)
                .and_then(|lock| self.disturbed((definition, &lock), checkout))
                .unwrap_or_default(),
        };
        let error = Error::Build(error);
        match disturbed.map(|disturbance| told(disturbance, Image::Missing)) {
            None => error,
            Some(disturbed) if matches!(error, Error::Build(BuildError::NoImage { .. })) => {
                Error::Several(vec![disturbed, error])
            }
            Some(disturbed) => {
                self.warn(&disturbed);
                error
            }
        }
    }

    /// What is wrong and is not what the run fails for.
    fn warn(&self, error: &Error) {
        for mut diagnostic in error.diagnostics() {
            diagnostic.severity = Severity::Warning;
            self.context.report.warn(&diagnostic);
        }
    }
}

fn told(disturbance: Disturbance, image: Image) -> Error {
    BuildError::Disturbed(Disturbance {
        image,
        ..disturbance
    })
    .into()
}
