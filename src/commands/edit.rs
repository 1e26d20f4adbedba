//! `edgestage add`, `remove` and `rename`: changes to `profiles.toml` that preserve its
//! comments, its order and its formatting. They do not use the network.
//!
//! The new text is parsed as a manifest before it is written: a change that would leave a file
//! that `check` refuses is refused itself, and nothing is written.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::messages;
use crate::cli::{AddArgs, LockfileUse, RemoveArgs, RenameArgs};
use crate::error::Error;
use crate::manifest::edit::{self, NewProfile};
use crate::manifest::reference::{self, Reference};
use crate::manifest::{Definition, FILE_NAME, Located, Manifest};
use crate::ui::{CommandOutput, fields};
use crate::util::sanitize;
use crate::util::suggest::nearest;
use crate::workflow::context::{Context, load_lockfile, shown};

mod profile_arg;
mod manifest_editor;

pub(super) use profile_arg::{ProfileArg, check_name, given};

pub(super) use manifest_editor::ManifestEditor;

/// The default name of the first definition, also in the template.
pub(super) const FIRST: &str = "factory";

/// The document of `add` and of `remove`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Edit")]
pub(super) struct Edited {
    /// Path of the manifest.
    file: String,
    /// Name of the definition.
    definition: String,
    /// Profiles that were added or removed.
    profiles: Vec<String>,
    /// Profiles that the definition already had.
    unchanged: Vec<String>,
}

/// The document of `rename`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rename")]
pub(super) struct Renamed {
    /// Path of the manifest.
    file: String,
    /// Old name of the definition.
    from: String,
    /// New name of the definition.
    to: String,
    /// Whether `profiles.lock` had the definition, and so has it under the new name.
    locked: bool,
}

pub(super) fn add(arguments: &AddArgs, context: &Context<'_>) -> Result<CommandOutput, Error> {
    let given = given(&arguments.references)?;
    let editor = ManifestEditor::open(context)?;
    let name = match (&arguments.to, &editor.manifest) {
        (Some(name), _) => name.clone(),
        (None, Ok(manifest)) => crate::workflow::context::one(manifest, None)?.name.clone(),
        // A file without a usable definition gets its first one.
        (None, Err(_)) => match &edit::definitions(&editor.text)[..] {
            [] => FIRST.to_owned(),
            [only] => only.clone(),
            several => return Err(Error::NameNeeded(several.to_vec())),
        },
    };
    check_name(&name)?;
    let definition = editor.manifest.as_ref().ok();
    let definition = definition.and_then(|manifest| manifest.definitions.get(&name));
    let (known, new): (Vec<_>, Vec<_>) = given
        .into_iter()
        .partition(|given| definition.is_some_and(|d| holds(d, given.reference())));
    let text = |given: &ProfileArg| sanitize::line(given.text.as_bytes());
    let edited = Edited {
        file: shown(&editor.path),
        definition: name.clone(),
        profiles: new.iter().map(text).collect(),
        unchanged: known.iter().map(text).collect(),
    };
    for reference in &edited.unchanged {
        let told = format!("{name} already has {reference}");
        context.report.status("Unchanged", &told);
    }
    if new.is_empty() {
        return Ok(outcome(&edited));
    }
    for given in &new {
        warn_of_other_palette(context, &editor, given);
    }
    let profiles: Vec<NewProfile> = new.iter().map(ProfileArg::written).collect();
    let changed = edit::add(&editor.text, &name, &profiles)
        .map_err(|error| editor.refuse(context, error, &name))?;
    if let (None, Ok(manifest)) = (definition, &editor.manifest) {
        warn_of_like_name(context, manifest, &name);
    }
    editor.write(context, &changed)?;
    if definition.is_none() && !edit::definitions(&editor.text).contains(&name) {
        context
            .report
            .status("Created", &format!("definition {name}"));
    }
    for reference in &edited.profiles {
        let told = format!("{reference} to {name}");
        context.report.status("Added", &told);
    }
    next(context, &format!("edgestage check {name}"), "");
    Ok(outcome(&edited))
}

fn holds(definition: &Definition, reference: &Reference) -> bool {
    let mut profiles = definition.profiles.iter();
    profiles.any(|profile| profile.reference == *reference)
}

/// Warns of a page of a Palette other than the one that will be asked: its uids mean nothing
/// there.
fn warn_of_other_palette(context: &Context<'_>, editor: &ManifestEditor, given: &ProfileArg) {
    let Some(page) = given.endpoint() else {
        return;
    };
    let own = editor.manifest.as_ref().ok().and_then(Manifest::endpoint);
    let asked = context.settings.endpoint.as_ref().or(own);
    let asked = asked.cloned().unwrap_or_default();
    if !page.is_same_palette(&asked) {
        context.report.warn(&messages::other_palette(&page, &asked));
    }
}

/// Warns of a new definition whose name is similar to another one, since it may be mistyped.
fn warn_of_like_name(context: &Context<'_>, manifest: &Manifest, name: &str) {
    let known = manifest.definitions.keys().map(String::as_str);
    if let Some(near) = nearest(name, known) {
        context.report.warn(&messages::new_definition(name, near));
    }
}

/// Reports what to do next, and why; if the file has another name, the command includes it.
pub(super) fn next(context: &Context<'_>, command: &str, why: &str) {
    let file = &context.settings.file;
    let file = if context.settings.located == Located::Named && file != Path::new(FILE_NAME) {
        format!(" --file {}", sanitize::path(file))
    } else {
        String::new()
    };
    let why = match why {
        "" => String::new(),
        why => format!("  # {why}"),
    };
    let told = format!("{command}{file}{why}");
    context.report.status("Next", &told);
}

fn outcome(edited: &Edited) -> CommandOutput {
    CommandOutput {
        text: String::new(),
        json: fields(edited),
        error: None,
    }
}

pub(super) fn remove(
    arguments: &RemoveArgs,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    let editor = ManifestEditor::open(context)?;
    let manifest = editor.manifest()?;
    // If there is one definition, a word other than its name is one of its profiles.
    let names_one = |name: &str| {
        let definitions = &manifest.definitions;
        definitions.contains_key(name) || is_word(name) && definitions.len() > 1
    };
    if let (None, [name]) = (&arguments.from, &arguments.what[..])
        && names_one(name)
    {
        return remove_definition(context, &editor, manifest, name);
    }
    let definition = crate::workflow::context::one(manifest, arguments.from.as_deref())?;
    remove_profiles(context, &editor, manifest, definition, &arguments.what)
}

/// Whether a text is not a reference, and so the name of a definition.
fn is_word(text: &str) -> bool {
    reference::parse(text).is_err() && Manifest::is_name(text)
}

fn remove_definition(
    context: &Context<'_>,
    editor: &ManifestEditor,
    manifest: &Manifest,
    name: &str,
) -> Result<CommandOutput, Error> {
    let definition = crate::workflow::context::one(manifest, Some(name))?;
    if manifest.definitions.len() == 1 {
        return Err(Error::usage(messages::only_definition(name)));
    }
    let text = edit::remove_definition(&editor.text, name)
        .map_err(|error| editor.refuse(context, error, name))?;
    editor.write(context, &text)?;
    context.report.status("Removed", name);
    Ok(outcome(&Edited {
        file: shown(&editor.path),
        definition: name.to_owned(),
        profiles: references(definition),
        unchanged: Vec::new(),
    }))
}

fn remove_profiles(
    context: &Context<'_>,
    editor: &ManifestEditor,
    manifest: &Manifest,
    definition: &Definition,
    what: &[String],
) -> Result<CommandOutput, Error> {
    let name = &definition.name;
    let known = references(definition);
    let mut places = BTreeSet::new();
    let mut unknown = Vec::new();
    for text in what {
        let found = places_of(definition, text);
        if found.is_empty() {
            unknown.push(not_in(name, &known, text));
        }
        places.extend(found);
    }
    Error::all(unknown).map_or(Ok(()), Err)?;
    if places.len() == known.len() {
        let is_only = manifest.definitions.len() == 1;
        return Err(Error::usage(messages::last_profiles(name, is_only)));
    }
    let places: Vec<usize> = places.into_iter().collect();
    let text = edit::remove_profiles(&editor.text, name, &places)
        .map_err(|error| editor.refuse(context, error, name))?;
    editor.write(context, &text)?;
    let removed: Vec<String> = places.iter().map(|place| known[*place].clone()).collect();
    for reference in &removed {
        let told = format!("{reference} from {name}");
        context.report.status("Removed", &told);
    }
    Ok(outcome(&Edited {
        file: shown(&editor.path),
        definition: name.clone(),
        profiles: removed,
        unchanged: Vec::new(),
    }))
}

/// Returns the profiles of `definition`, as they are shown.
fn references(definition: &Definition) -> Vec<String> {
    let profiles = definition.profiles.iter();
    profiles
        .map(|profile| sanitize::line(profile.reference.to_string().as_bytes()))
        .collect()
}

/// Returns the positions in `definition` of the profile that `text` refers to. A name without a
/// version refers to all of its versions.
fn places_of(definition: &Definition, text: &str) -> Vec<usize> {
    let parsed = reference::parse(text).ok();
    let means = |reference: &Reference| match (&parsed, reference) {
        (Some(parsed), reference) => parsed.reference == *reference,
        (None, Reference::Version { name, .. }) => name == text,
        (None, Reference::Uid(_)) => false,
    };
    let profiles = definition.profiles.iter().enumerate();
    profiles
        .filter(|(_, profile)| means(&profile.reference))
        .map(|(place, _)| place)
        .collect()
}

fn not_in(name: &str, known: &[String], text: &str) -> Error {
    let text = sanitize::line(text.as_bytes());
    let near = nearest(&text, known.iter().map(String::as_str));
    Error::usage(messages::not_in_definition(name, &text, known, near))
}

pub(super) fn rename(
    arguments: &RenameArgs,
    context: &Context<'_>,
) -> Result<CommandOutput, Error> {
    let RenameArgs { old, new } = arguments;
    if context.settings.lock == LockfileUse::MustMatch {
        return Err(Error::usage(messages::rename_rewrites_the_lock()));
    }
    check_name(new)?;
    let editor = ManifestEditor::open(context)?;
    let manifest = editor.manifest()?;
    crate::workflow::context::one(manifest, Some(old))?;
    if old == new {
        context.report.status("Unchanged", old);
        return Ok(renamed(&editor, arguments, false));
    }
    if manifest.definitions.contains_key(new) {
        return Err(Error::usage(messages::definition_exists(new)));
    }
    let text = rename_in_hosts(&editor.text, manifest, old, new);
    let text = edit::rename_definition(&text, old, new)
        .map_err(|error| editor.refuse(context, error, old))?;
    // The lock is written first: if the run is killed in between, the same command completes
    // it.
    let mut lock = load_lockfile(manifest)?;
    let entry = lock.definitions.remove(old);
    let locked = entry.is_some();
    if let Some(entry) = entry {
        lock.definitions.insert(new.clone(), entry);
        lock.save()?;
    }
    editor.write(context, &text)?;
    let told = format!("{old} to {new}");
    context.report.status("Renamed", &told);
    Ok(renamed(&editor, arguments, locked))
}

/// Returns the text with the new name in the hosts that hold the definition.
fn rename_in_hosts(text: &str, manifest: &Manifest, old: &str, new: &str) -> String {
    let named = manifest.hosts.values().filter_map(|host| {
        let at = host.definition.as_ref()?;
        (at.value == old).then_some(at.span.clone())
    });
    let mut spans: Vec<_> = named.collect();
    spans.sort_by_key(|span| span.start);
    let mut text = text.to_owned();
    for span in spans.into_iter().rev() {
        text.replace_range(span, &format!("\"{new}\""));
    }
    text
}

fn renamed(editor: &ManifestEditor, arguments: &RenameArgs, locked: bool) -> CommandOutput {
    CommandOutput {
        text: String::new(),
        json: fields(&Renamed {
            file: shown(&editor.path),
            from: arguments.old.clone(),
            to: arguments.new.clone(),
            locked,
        }),
        error: None,
    }
}
