//! `edgestage init`: writes a first `profiles.toml`, and snippets on request.
//!
//! If profiles are given, the file contains them; at a terminal, the user is asked; otherwise
//! the file is the template.

use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use self::first::{First, ProjectChoice};
use super::edit::{FIRST, ProfileArg, check_name, given, next};
use super::messages;
use crate::api_key;
use crate::canvos::Checkout;
use crate::cli::InitArgs;
use crate::error::Error;
use crate::manifest::{Located, Manifest, ManifestError};
use crate::palette::PaletteError;
use crate::ui::table;
use crate::ui::{CommandOutput, fields};
use crate::util::atomic_file;
use crate::util::endpoint::Endpoint;
use crate::util::files;
use crate::util::sanitize;
use crate::workflow::context::{Context, canonical, shown};

mod first;
mod questions;

const MAKEFILE: &str = include_str!("../../templates/Makefile");
const EARTHFILE: &str = include_str!("../../templates/Earthfile");
const GITHUB: &str = include_str!("../../templates/github.yml");
const GITHUB_UPDATE: &str = include_str!("../../templates/github-update.yml");
const GITLAB: &str = include_str!("../../templates/gitlab-ci.yml");
const GITLAB_UPDATE: &str = include_str!("../../templates/gitlab-update.yml");
const JENKINS: &str = include_str!("../../templates/Jenkinsfile");
const AZURE: &str = include_str!("../../templates/azure-pipelines.yml");

/// The document of `init`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Init")]
pub(super) struct Document {
    /// Paths that were written.
    written: Vec<String>,
}

/// Writes the requested files, or none of them if one exists already.
pub(super) fn run(arguments: &InitArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    if let Some(name) = &arguments.to {
        check_name(name)?;
    }
    let manifest = context.environment.resolve(&context.settings.file);
    let snippets = snippets(arguments, &manifest);
    let given = !arguments.references.is_empty() || arguments.to.is_some();
    let there = manifest.symlink_metadata().is_ok();
    // An existing profiles.toml does not prevent the snippets from being added.
    let due = !there || given || snippets.is_empty();
    if let (true, Located::Above(file)) = (due, &context.settings.located) {
        let told = messages::there_is_one_above(&sanitize::path(file));
        return Err(Error::usage(told));
    }
    if let Located::Nowhere(Some(passed)) = &context.settings.located {
        context
            .report
            .warn(&messages::passed_over(&sanitize::path(passed.path())));
    }
    let text = match (due, there) {
        // Checked first, so that the questions are not in vain.
        (true, true) if !ours(&manifest, first::TEMPLATE) => {
            return Err(Error::Exists(vec![sanitize::path(&manifest)]));
        }
        (true, true) => Some(First::default().text()),
        (true, false) => Some(first(arguments, context)?),
        (false, _) => None,
    };
    let mut files: Vec<(PathBuf, &str)> = Vec::new();
    files.extend(text.as_deref().map(|text| (manifest.clone(), text)));
    files.extend(snippets);
    let written = write(files)?;
    if !there {
        if let Some(text) = &text {
            warn_of_no_checkout(context, text, &manifest);
        }
        tell_next(context, &manifest)?;
    }
    let paths: Vec<String> = written.iter().map(|path| shown(path)).collect();
    Ok(CommandOutput {
        text: table::lines(&paths),
        json: fields(&Document { written: paths }),
        error: None,
    })
}

fn snippets(arguments: &InitArgs, manifest: &Path) -> Vec<(PathBuf, &'static str)> {
    let all = [
        (arguments.make, "Makefile", MAKEFILE),
        (arguments.earthly, "Earthfile", EARTHFILE),
        (arguments.github, ".github/workflows/edgestage.yml", GITHUB),
        (
            arguments.github_update,
            ".github/workflows/edgestage-update.yml",
            GITHUB_UPDATE,
        ),
        (arguments.gitlab, ".gitlab-ci.yml", GITLAB),
        (
            arguments.gitlab_update,
            ".gitlab/edgestage-update.yml",
            GITLAB_UPDATE,
        ),
        (arguments.jenkins, "Jenkinsfile", JENKINS),
        (arguments.azure, "azure-pipelines.yml", AZURE),
    ];
    let asked = all.into_iter().filter(|(asked, ..)| *asked);
    asked
        .map(|(_, name, text)| (manifest.with_file_name(name), text))
        .collect()
}

fn ours(path: &Path, text: &str) -> bool {
    files::read(path, files::TEXT).is_ok_and(|is| is == text.as_bytes())
}

/// Writes `files`, or none of them if one exists already. A file with the text of edgestage
/// itself, next to missing files, is what a run left that was killed in between.
fn write(mut files: Vec<(PathBuf, &str)>) -> Result<Vec<PathBuf>, Error> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let existing: Vec<String> = files
        .iter()
        .filter(|(path, _)| is_there(path))
        .map(|(path, _)| sanitize::path(path))
        .collect();
    let begun = existing.len() < files.len();
    let foreign = |(path, text): &(PathBuf, &str)| is_there(path) && !ours(path, text);
    if !existing.is_empty() && (!begun || files.iter().any(foreign)) {
        return Err(Error::Exists(existing));
    }
    files.retain(|(path, _)| !is_there(path));
    for (path, text) in &files {
        atomic_file::write_new(path, text.as_bytes())?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Returns the text of the first `profiles.toml`.
fn first(arguments: &InitArgs, context: &Context<'_>) -> Result<String, Error> {
    let asks = !arguments.no_input && context.report.can_ask(context.environment);
    let first = if !arguments.references.is_empty() {
        First {
            definition: arguments.to.clone(),
            canvos: checkout(context),
            ..of_given(&given(&arguments.references)?, context)
        }
    } else if asks {
        questions::ask(context, arguments.to.as_deref())?
    } else {
        First {
            definition: arguments.to.clone(),
            canvos: checkout(context),
            ..First::default()
        }
    };
    let text = first.text();
    // The file is meant for version control.
    if context.report.holds_key(&text) {
        return Err(Error::Palette(PaletteError::WrongAnswer {
            call: "POST /v1/dashboard/clusterprofiles".into(),
            why: "the API key is a name in it".into(),
        }));
    }
    // The arguments may contradict each other, for example URLs of two projects.
    let path = &context.settings.file;
    Manifest::parse(&text, path, path).map_err(ManifestError::Invalid)?;
    Ok(text)
}

/// The directories in which a checkout is looked for, relative to the manifest's. A run within
/// a checkout refers to that one, whatever its directory is called.
const CHECKOUTS: [&str; 3] = [".", "CanvOS", "../CanvOS"];

/// Returns the checkout as it is written into the file: the one that is named, or the first
/// that is found.
fn checkout(context: &Context<'_>) -> Option<String> {
    let manifest = context.environment.resolve(&context.settings.file);
    let directory = manifest.parent().unwrap_or(Path::new("/"));
    if let Some(named) = &context.settings.canvos {
        return Some(seen_from(directory, named));
    }
    let is_there = |place: &&str| Checkout::open(&directory.join(place)).is_ok();
    CHECKOUTS.into_iter().find(is_there).map(str::to_owned)
}

/// Returns `path` relative to `directory`, because the file is for other machines too;
/// unchanged if they have nothing in common.
fn seen_from(directory: &Path, path: &Path) -> String {
    let (from, to) = (canonical(directory), canonical(path));
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // A path that has only the root in common is not valid on other machines.
    if common < 2 {
        return sanitize::path(path);
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(to[common..].iter().copied()).collect();
    if relative.as_os_str().is_empty() {
        return ".".into();
    }
    sanitize::path(&relative)
}

/// Warns of a `dir` that is written but does not lead to a checkout.
fn warn_of_no_checkout(context: &Context<'_>, text: &str, path: &Path) {
    let file = &context.settings.file;
    let Ok(manifest) = Manifest::parse(text, path, file) else {
        return;
    };
    let Err(error) = Checkout::open(&manifest.canvos) else {
        return;
    };
    for mut told in Error::from(error).warnings() {
        if let Some(span) = &manifest.canvos_span {
            told = told.at(manifest.source(), span.clone(), "written here");
        }
        context.report.warn(&told);
    }
}

/// Returns what references say about the first definition.
fn of_given(given: &[ProfileArg], context: &Context<'_>) -> First {
    let page = given.iter().find_map(ProfileArg::endpoint);
    let endpoint = page.or_else(|| context.settings.endpoint.clone());
    let project = given.iter().find_map(ProfileArg::project);
    First {
        endpoint: endpoint.filter(|endpoint| *endpoint != Endpoint::default()),
        // The URLs name the project: a line of its own could only contradict them later.
        project: if given.iter().all(|given| given.endpoint().is_some()) {
            ProjectChoice::NotNeeded
        } else {
            project.map_or(ProjectChoice::Unknown, |project| {
                ProjectChoice::Named(project.to_string())
            })
        },
        profiles: given.iter().map(ProfileArg::written).collect(),
        ..First::default()
    }
}

/// Reports what to do next, without the steps that are done.
fn tell_next(context: &Context<'_>, manifest: &Path) -> Result<(), Error> {
    let text = Manifest::text(manifest, &context.settings.file)?;
    if !api_key::is_set(context.environment) {
        let export = "export PALETTE_API_KEY=…  # My API Keys in Palette's console";
        context.report.status("Next", export);
    }
    if text.contains(crate::manifest::edit::EXAMPLE) {
        let why = "its URL in the console, or name@version";
        next(context, "edgestage add PROFILE", why);
    }
    next(context, "edgestage check", "");
    let name = crate::manifest::edit::definitions(&text).pop();
    let stage = format!("edgestage stage {}", name.unwrap_or_default());
    next(context, &stage, "");
    Ok(())
}
