//! `edgestage build`: stage, build, prove; one definition after the other.

use schemars::JsonSchema;
use serde::Serialize;

use super::proof::{Checksums, Proof, Verdict};
use super::{Context, HELD, canonical, chosen, current, load_lock, one, stage};
use crate::build::{self, Command};
use crate::cli::BuildArgs;
use crate::error::Error;
use crate::key;
use crate::manifest::{Definition, Manifest};
use crate::report::{Became, Outcome, Tally, fields};

/// The document of `build`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Build")]
pub struct Document<'a> {
    /// The command.
    argv: &'a [String],
    /// The images that it wrote.
    images: &'a [Verdict],
}

pub fn run(arguments: &BuildArgs, context: &Context<'_>) -> Result<Outcome, Error> {
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
    let mut tally = Tally::of(definitions.len());
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
                    tally.add(&definition.name, Became::Done("built and proved"));
                }
                errors.extend(error);
            }
            Err(error) => errors.push(error),
        }
    }
    context.report.finished(&tally);
    Ok(Outcome {
        text: super::proof::text(&verdicts),
        json: fields(&Document {
            argv: &command.argv,
            images: &verdicts,
        }),
        error: Error::all(errors),
    })
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
    fn run(&self, definition: &Definition) -> Result<(Vec<Verdict>, Option<Error>), Error> {
        let Self {
            context, manifest, ..
        } = self;
        let name = &definition.name;
        let checkout = context.checkout(manifest, definition)?;
        let _held = stage::for_build(context, (name, self.command), self.arguments)?;
        let held = canonical(checkout.directory()).into_os_string();
        let mut environment = context.environment.clone();
        environment.variables.insert(HELD.into(), held);
        let what = format!("{name}: {}", self.command.argv.join(" "));
        let section = format!("build_{name}");
        let section = context.report.section(&section, ("Building", &what));
        let images = self
            .command
            .run(checkout.directory(), &environment, &key::VARIABLES);
        drop(section);
        let mut named = Vec::new();
        for image in images? {
            named.push(if self.several {
                build::name_after(&image, name)?
            } else {
                image
            });
        }
        let lock = load_lock(manifest)?;
        let locked = current(&lock, definition)?;
        let proof = Proof::new(context, manifest, &lock, Some((definition, locked)))?;
        let verdicts: Vec<Verdict> = named
            .iter()
            .map(|image| proof.verdict(image, Checksums::Compare))
            .collect();
        let error = proof.outcome(&verdicts).error;
        Ok((verdicts, error))
    }
}
