//! `edgestage add`, `remove` and `rename`: changes of `profiles.toml` that leave its
//! comments, its order and its formatting alone. No network.
//!
//! What is written was read as a manifest before: a change that would leave a file that
//! `check` refuses is refused itself, and nothing is written.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, load_lock, shown};
use crate::cli::{AddArgs, LockUse, RemoveArgs, RenameArgs};
use crate::diagnostic::Diagnostic;
use crate::disk::PathError;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::hold::Hold;
use crate::manifest::edit::{self, EditError, NewProfile};
use crate::manifest::reference::{self, Parsed, Reference};
use crate::manifest::{Definition, Manifest, ManifestError, NAMES};
use crate::nearest::nearest;
use crate::printable;
use crate::publish;
use crate::report::{Outcome, fields};
use crate::topic::Topic;

/// What the first definition is called where nobody says.
pub const FIRST: &str = "factory";

/// UTF-8's byte order mark, which some editors need to find again.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// `profiles.toml` while it is changed: no other run writes it, nor its lock.
struct Sheet {
    path: PathBuf,
    text: String,
    marked: bool,
    /// What the text says now, or what is wrong with it.
    manifest: Result<Manifest, Vec<Diagnostic>>,
    _hold: Hold,
}

/// The document of `add` and of `remove`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Edit")]
pub struct Edited {
    /// The manifest.
    file: String,
    /// Name of the definition.
    definition: String,
    /// The profiles that were added, or removed.
    profiles: Vec<String>,
    /// The profiles that were there already.
    unchanged: Vec<String>,
}

/// The document of `rename`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rename")]
pub struct Renamed {
    /// The manifest.
    file: String,
    /// The old name.
    from: String,
    /// The new name.
    to: String,
    /// Whether `profiles.lock` had the definition, and has it under the new name.
    locked: bool,
}

impl Sheet {
    fn open(context: &Context<'_>) -> Result<Self, Error> {
        let path = context.environment.resolve(&context.settings.file);
        let file = &context.settings.file;
        // Whether it is there at all is told in the manifest's words.
        Manifest::text(&path, file)?;
        let hold = context.hold_lock(&path)?;
        let text = Manifest::text(&path, file)?;
        let bytes = std::fs::read(&path).map_err(PathError::when("read", &path))?;
        Ok(Self {
            manifest: Manifest::parse(&text, &path, file),
            marked: bytes.starts_with(MARK),
            path,
            text,
            _hold: hold,
        })
    }

    /// The manifest, where nothing is wrong with it.
    fn manifest(&self) -> Result<&Manifest, Error> {
        let invalid = |list: &Vec<Diagnostic>| ManifestError::Invalid(list.clone()).into();
        self.manifest.as_ref().map_err(invalid)
    }

    /// Writes `text`, once it was read. What is wrong with it is told as it would be in
    /// the file; what was wrong before, and still is, comes first.
    fn write(&self, context: &Context<'_>, text: &str) -> Result<(), Error> {
        if let Err(wrong) = Manifest::parse(text, &self.path, &context.settings.file) {
            let before = self.manifest.as_ref().err();
            let still = |old: &&Diagnostic| wrong.iter().any(|new| new.title == old.title);
            let old: Vec<Diagnostic> = before
                .into_iter()
                .flatten()
                .filter(still)
                .cloned()
                .collect();
            let told = if old.is_empty() { wrong } else { old };
            return Err(ManifestError::Invalid(told).into());
        }
        let mark = if self.marked { MARK } else { &[] };
        publish::write(&self.path, &[mark, text.as_bytes()].concat())?;
        Ok(())
    }

    /// What cannot be changed, with its place.
    fn refuse(&self, context: &Context<'_>, error: EditError, name: &str) -> Error {
        let told = Diagnostic::error(format!("`{name}` cannot be changed here"));
        let told = match error {
            EditError::Absent => told.note("it is not in the file"),
            EditError::Inline(span) => {
                let source = Manifest::source(&self.text, &context.settings.file);
                told.at(&source, span, "an inline table")
            }
        };
        usage(told.help("change it in an editor"))
    }
}

/// A reference from the command line, as it was typed and as it was read.
pub struct Given<'a> {
    text: &'a str,
    parsed: Parsed,
}

impl Given<'_> {
    /// The Palette whose console's page it is the URL of.
    pub fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::of_console(self.text)
    }

    /// As it is written into the file: the way it was typed.
    pub fn written(&self) -> NewProfile {
        NewProfile {
            reference: self.text.to_owned(),
            comment: String::new(),
        }
    }
}

/// The references of a command line, or all that is wrong with them.
pub fn given(texts: &[String]) -> Result<Vec<Given<'_>>, Error> {
    let mut given: Vec<Given<'_>> = Vec::new();
    let mut wrong = Vec::new();
    for text in texts {
        match reference::parse(text) {
            // Once is enough.
            Ok(parsed) if given.iter().any(|g| g.parsed.reference == parsed.reference) => {}
            Ok(parsed) => given.push(Given { text, parsed }),
            Err(why) => wrong.push(usage(
                Diagnostic::error(format!(
                    "`{}` is no profile",
                    printable::line(text.as_bytes())
                ))
                .note(why.label())
                .help(why.help(text))
                .about(Topic::Reference),
            )),
        }
    }
    Error::all(wrong).map_or(Ok(given), Err)
}

fn usage(diagnostic: Diagnostic) -> Error {
    Error::Usage(Box::new(diagnostic.about_else(Topic::Edit)))
}

/// Refuses what no definition may be called.
pub fn check_name(name: &str) -> Result<(), Error> {
    if Manifest::is_name(name) {
        return Ok(());
    }
    let shown = printable::line(name.as_bytes());
    Err(usage(
        Diagnostic::error(format!("no definition can be called `{shown}`"))
            .note(NAMES)
            .help("choose another name"),
    ))
}

pub fn add(arguments: &AddArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let given = given(&arguments.references)?;
    let sheet = Sheet::open(context)?;
    let name = match (&arguments.to, &sheet.manifest) {
        (Some(name), _) => name.clone(),
        (None, Ok(manifest)) => super::one(manifest, None)?.name.clone(),
        // A file without a usable definition gets its first one.
        (None, Err(_)) => match &edit::definitions(&sheet.text)[..] {
            [] => FIRST.to_owned(),
            [only] => only.clone(),
            several => return Err(Error::NameNeeded(several.to_vec())),
        },
    };
    check_name(&name)?;
    let definition = sheet.manifest.as_ref().ok();
    let definition = definition.and_then(|manifest| manifest.definitions.get(&name));
    let (known, new): (Vec<_>, Vec<_>) = given
        .into_iter()
        .partition(|given| definition.is_some_and(|d| holds(d, &given.parsed.reference)));
    let text = |given: &Given<'_>| printable::line(given.text.as_bytes());
    let edited = Edited {
        file: shown(&sheet.path),
        definition: name.clone(),
        profiles: new.iter().map(text).collect(),
        unchanged: known.iter().map(text).collect(),
    };
    for reference in &edited.unchanged {
        let told = format!("{name} has {reference} already");
        context.report.status("Unchanged", &told);
    }
    if new.is_empty() {
        return Ok(outcome(&edited));
    }
    for given in &new {
        warn_of_other_palette(context, &sheet, given);
    }
    let profiles: Vec<NewProfile> = new.iter().map(Given::written).collect();
    let changed = edit::add(&sheet.text, &name, &profiles)
        .map_err(|error| sheet.refuse(context, error, &name))?;
    sheet.write(context, &changed)?;
    for reference in &edited.profiles {
        let told = format!("{reference} to {name}");
        context.report.status("Added", &told);
    }
    next(context, &format!("edgestage check {name}"));
    Ok(outcome(&edited))
}

fn holds(definition: &Definition, reference: &Reference) -> bool {
    let mut profiles = definition.profiles.iter();
    profiles.any(|profile| profile.reference == *reference)
}

/// A page of another Palette than the one that will be asked: its uids mean nothing there.
fn warn_of_other_palette(context: &Context<'_>, sheet: &Sheet, given: &Given<'_>) {
    let Some(page) = given.endpoint() else {
        return;
    };
    let own = sheet.manifest.as_ref().ok().and_then(Manifest::endpoint);
    let asked = context.settings.endpoint.as_ref().or(own);
    let asked = asked.cloned().unwrap_or_default();
    if page != asked {
        context.report.warn(
            &Diagnostic::warning(format!("the URL is of `{page}`, and `{asked}` is asked"))
                .note("a uid means nothing to another Palette")
                .help(format!(
                    "set `endpoint = \"{page}\"` in `[palette]`, if that is yours"
                ))
                .about(Topic::Edit),
        );
    }
}

/// What a person does next.
pub fn next(context: &Context<'_>, command: &str) {
    context.report.status("Next", command);
}

fn outcome(edited: &Edited) -> Outcome {
    Outcome {
        text: String::new(),
        json: fields(edited),
        error: None,
    }
}

pub fn remove(arguments: &RemoveArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let sheet = Sheet::open(context)?;
    let manifest = sheet.manifest()?;
    // Where there is one definition, what is not its name is one of its profiles'.
    let names_one = |name: &str| {
        let definitions = &manifest.definitions;
        is_word(name) && (definitions.contains_key(name) || definitions.len() > 1)
    };
    if let (None, [name]) = (&arguments.from, &arguments.what[..])
        && names_one(name)
    {
        return remove_definition(context, &sheet, (manifest, name));
    }
    let definition = super::one(manifest, arguments.from.as_deref())?;
    remove_profiles(context, &sheet, (definition, &arguments.what))
}

/// What is no reference is a definition's name.
fn is_word(text: &str) -> bool {
    reference::parse(text).is_err() && Manifest::is_name(text)
}

fn remove_definition(
    context: &Context<'_>,
    sheet: &Sheet,
    (manifest, name): (&Manifest, &str),
) -> Result<Outcome, Error> {
    let definition = super::one(manifest, Some(name))?;
    if manifest.definitions.len() == 1 {
        return Err(usage(
            Diagnostic::error(format!("`{name}` is the only definition"))
                .note("a profiles.toml without one means nothing")
                .help("add another first: `edgestage add PROFILE --to NAME`"),
        ));
    }
    let text = edit::remove_definition(&sheet.text, name)
        .map_err(|error| sheet.refuse(context, error, name))?;
    sheet.write(context, &text)?;
    context.report.status("Removed", name);
    Ok(outcome(&Edited {
        file: shown(&sheet.path),
        definition: name.to_owned(),
        profiles: references(definition),
        unchanged: Vec::new(),
    }))
}

fn remove_profiles(
    context: &Context<'_>,
    sheet: &Sheet,
    (definition, what): (&Definition, &[String]),
) -> Result<Outcome, Error> {
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
        return Err(usage(
            Diagnostic::error(format!("`{name}` would be left without profiles"))
                .help(format!("remove it whole: `edgestage remove {name}`")),
        ));
    }
    let places: Vec<usize> = places.into_iter().collect();
    let text = edit::remove_profiles(&sheet.text, name, &places)
        .map_err(|error| sheet.refuse(context, error, name))?;
    sheet.write(context, &text)?;
    let removed: Vec<String> = places.iter().map(|place| known[*place].clone()).collect();
    for reference in &removed {
        let told = format!("{reference} from {name}");
        context.report.status("Removed", &told);
    }
    Ok(outcome(&Edited {
        file: shown(&sheet.path),
        definition: name.clone(),
        profiles: removed,
        unchanged: Vec::new(),
    }))
}

/// The profiles of `definition`, as they are shown.
fn references(definition: &Definition) -> Vec<String> {
    let profiles = definition.profiles.iter();
    profiles
        .map(|profile| printable::line(profile.reference.to_string().as_bytes()))
        .collect()
}

/// Where the profile that `text` means stands among those of `definition`. A name without
/// a version means each of its versions.
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
    let text = printable::line(text.as_bytes());
    let error = Diagnostic::error(format!("`{name}` has no profile `{text}`"))
        .note(format!("it has {}", known.join(", ")));
    usage(match nearest(&text, known.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("write it as it stands in profiles.toml"),
    })
}

pub fn rename(arguments: &RenameArgs, context: &Context<'_>) -> Result<Outcome, Error> {
    let RenameArgs { old, new } = arguments;
    if context.settings.lock == LockUse::MustMatch {
        return Err(usage(
            Diagnostic::error("`rename` renames the entry of profiles.lock too")
                .help("leave `--locked` out"),
        ));
    }
    check_name(new)?;
    let sheet = Sheet::open(context)?;
    let manifest = sheet.manifest()?;
    super::one(manifest, Some(old))?;
    if manifest.definitions.contains_key(new) {
        return Err(usage(
            Diagnostic::error(format!("there is a definition `{new}` already"))
                .help("choose another name, or remove that one first"),
        ));
    }
    let text = edit::rename_definition(&sheet.text, old, new)
        .map_err(|error| sheet.refuse(context, error, old))?;
    // The lock first: a run that is killed in between is completed by the same command.
    let mut lock = load_lock(manifest)?;
    let entry = lock.definitions.remove(old);
    let locked = entry.is_some();
    if let Some(entry) = entry {
        lock.definitions.insert(new.clone(), entry);
        lock.save()?;
    }
    sheet.write(context, &text)?;
    let told = format!("{old} to {new}");
    context.report.status("Renamed", &told);
    Ok(Outcome {
        text: String::new(),
        json: fields(&Renamed {
            file: shown(&sheet.path),
            from: old.clone(),
            to: new.clone(),
            locked,
        }),
        error: None,
    })
}
