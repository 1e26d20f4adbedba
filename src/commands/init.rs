//! `edgestage init`: a first `profiles.toml`, and snippets on request.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Context, shown, table};
use crate::cli::InitArgs;
use crate::error::Error;
use crate::printable;
use crate::publish;
use crate::report::Outcome;

const MANIFEST: &str = include_str!("../../templates/profiles.toml");
const MAKEFILE: &str = include_str!("../../templates/Makefile");
const EARTHFILE: &str = include_str!("../../templates/Earthfile");
const GITHUB: &str = include_str!("../../templates/github.yml");
const GITLAB: &str = include_str!("../../templates/gitlab-ci.yml");

/// Writes what was asked for, or nothing where any of it is there already.
pub fn run(arguments: &InitArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let manifest = context.environment.resolve(&context.settings.file);
    let beside = |name: &str| manifest.with_file_name(name);
    let mut files = vec![(manifest.clone(), MANIFEST)];
    let snippets = [
        (arguments.make, "Makefile", MAKEFILE),
        (arguments.earthly, "Earthfile", EARTHFILE),
        (arguments.github, ".github/workflows/edgestage.yml", GITHUB),
        (arguments.gitlab, ".gitlab-ci.yml", GITLAB),
    ];
    let asked = snippets.into_iter().filter(|(asked, ..)| *asked);
    files.extend(asked.map(|(_, name, text)| (beside(name), text)));
    // A profiles.toml that is there already does not keep the snippets from being added.
    if files.len() > 1 && manifest.exists() {
        files.remove(0);
    }
    let existing: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.symlink_metadata().is_ok())
        .map(|(path, _)| printable::path(path))
        .collect();
    // Our own text beside missing files is what a run left that was killed in between.
    let ours = |path: &Path, text: &str| std::fs::read(path).is_ok_and(|is| is == text.as_bytes());
    let begun = existing.len() < files.len();
    let foreign =
        |(path, text): &&(PathBuf, &str)| path.symlink_metadata().is_ok() && !ours(path, text);
    if !existing.is_empty() && (!begun || files.iter().any(|file| foreign(&file))) {
        return Err(Error::Exists(existing));
    }
    files.retain(|(path, _)| path.symlink_metadata().is_err());
    for (path, text) in &files {
        publish::write_new(path, text.as_bytes())?;
    }
    let paths: Vec<String> = files.iter().map(|(path, _)| shown(path)).collect();
    context.report.status(
        "Next",
        "name your profiles in profiles.toml, then run `edgestage check`",
    );
    Ok(Outcome {
        text: table::lines(&paths),
        json: json!({ "written": paths }),
        error: None,
    })
}
