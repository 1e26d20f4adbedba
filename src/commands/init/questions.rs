//! What `init` asks a person at a terminal.

use crate::commands::{Context, table};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::manifest::edit::NewProfile;
use crate::manifest::reference::{self, Reference};
use crate::manifest::{Manifest, NAMES};
use crate::palette::Palette;
use crate::palette::wire::Metadata;
use crate::printable;
use crate::prompt::Prompt;
use crate::resolve::{Offered, offered};
use crate::uid::Uid;

use super::first::{First, Project, TEMPLATE};

/// The cloud type of what is offered (facts.md, 1).
const CLOUD_TYPE: &str = "edge-native";

/// Where a checkout is looked for before anybody is asked, from the manifest's directory.
const CHECKOUTS: [&str; 3] = ["CanvOS", "../CanvOS", "."];

/// How the profiles are named.
enum Way {
    Chosen,
    Pasted,
    Later,
}

/// Asks for all that the first definition needs.
///
/// # Errors
/// [`Error::Stopped`], and what Palette answers.
pub fn ask(context: &Context<'_>, name: Option<&str>) -> Result<First, Error> {
    let prompt = Prompt::new(context.report.look());
    let mut first = match way(context, &prompt)? {
        Way::Chosen => chosen(context, &prompt)?,
        Way::Pasted => pasted(context, &prompt)?,
        Way::Later => First::default(),
    };
    let name = match name {
        Some(name) => name.to_owned(),
        None => prompt.text(
            "What is this cluster definition called?",
            (super::FIRST, "a site, a product, a customer"),
            |name| {
                let valid = Manifest::is_name(name.trim());
                if valid { Ok(()) } else { Err(NAMES.into()) }
            },
        )?,
    };
    first.definition = Some(name);
    first.canvos = Some(prompt.text(
        "Where is the CanvOS checkout?",
        (&checkout(context), "relative to profiles.toml"),
        not_empty,
    )?);
    Ok(first)
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("write a path".into())
    } else {
        Ok(())
    }
}

/// The first place where there is one, else the usual one.
fn checkout(context: &Context<'_>) -> String {
    if let Some(set) = &context.settings.canvos {
        return printable::path(set);
    }
    let manifest = context.environment.resolve(&context.settings.file);
    let is_there = |place: &&str| manifest.with_file_name(place).join("Earthfile").is_file();
    let found = CHECKOUTS.into_iter().find(is_there);
    found.unwrap_or(CHECKOUTS[0]).to_owned()
}

fn way(context: &Context<'_>, prompt: &Prompt) -> Result<Way, Error> {
    let mut ways = vec![
        (Way::Pasted, "paste their URLs from Palette's console"),
        (Way::Later, "later, with `edgestage add`"),
    ];
    if has_key(context) {
        ways.insert(0, (Way::Chosen, "choose them from what Palette has"));
    }
    let texts = ways.iter().map(|(_, text)| (*text).to_owned()).collect();
    let at = prompt.one("How will you name the cluster profiles?", texts)?;
    Ok(ways.swap_remove(at).0)
}

/// Whether Palette can be asked: there is a key, and a network may be used.
fn has_key(context: &Context<'_>) -> bool {
    context.settings.network == crate::cli::Network::Allowed
        && (context.settings.api_key_file.is_some()
            || crate::key::VARIABLES
                .iter()
                .any(|name| context.environment.variable(name).is_some()))
}

/// Profiles by what is pasted, until an empty line.
fn pasted(context: &Context<'_>, prompt: &Prompt) -> Result<First, Error> {
    let mut first = First::default();
    let mut by_url = true;
    loop {
        let begun = !first.profiles.is_empty();
        let (question, help) = if begun {
            ("The next profile?", "press enter when there are no more")
        } else {
            (
                "The first profile?",
                "the URL of its page in the console, name@version, or its uid",
            )
        };
        let text = prompt.text(question, ("", help), move |text| match text.trim() {
            "" if begun => Ok(()),
            text => reference::parse(text).map(drop).map_err(|why| why.label()),
        })?;
        if text.is_empty() {
            break;
        }
        let Ok(parsed) = reference::parse(&text) else {
            continue;
        };
        by_url &= text.contains("://");
        let page = Endpoint::of_console(&text);
        if first.endpoint.is_none() {
            first.endpoint = page.filter(|endpoint| *endpoint != Endpoint::default());
        }
        if let (Project::Unknown, Some(project)) = (&first.project, &parsed.project) {
            first.project = Project::Named(project.to_string());
        }
        first.profiles.push(NewProfile {
            reference: text,
            comment: String::new(),
        });
    }
    first.endpoint = first.endpoint.or_else(|| context.settings.endpoint.clone());
    match first.project {
        // The URLs say it: a line of its own would only contradict them one day.
        Project::Named(_) | Project::Unknown if by_url => first.project = Project::NotNeeded,
        Project::Unknown => {
            let help = "its name, or its uid: `…/projects/<uid>/…` in the console's URLs";
            let project =
                prompt.text("Which project are they in?", ("Default", help), not_empty)?;
            first.project = Project::Named(project);
        }
        _ => {}
    }
    Ok(first)
}

/// Profiles by choice among those that Palette has.
fn chosen(context: &Context<'_>, prompt: &Prompt) -> Result<First, Error> {
    let endpoint = match context.settings.endpoint.clone() {
        Some(endpoint) => endpoint,
        None => address(prompt)?,
    };
    let path = &context.settings.file;
    let blank = Manifest::parse(TEMPLATE, path, path)
        .map_err(|list| Error::Manifest(crate::manifest::ManifestError::Invalid(list)))?;
    if endpoint.is_exposed() && !context.settings.allow_http {
        return Err(Error::PlainHttp(endpoint.to_string()));
    }
    let palette = context.palette(&blank, endpoint.clone())?;
    let mut first = First {
        endpoint: Some(endpoint).filter(|endpoint| *endpoint != Endpoint::default()),
        ..First::default()
    };
    let project = project(context, &palette, prompt)?;
    let uid = project
        .as_ref()
        .and_then(|project| Uid::parse(&project.uid));
    let summaries = palette.profile_summaries(uid.as_ref(), context.report)?;
    let all = offered(&summaries, CLOUD_TYPE);
    if all.is_empty() {
        return Err(Error::NothingOffered {
            project: project.map(|project| project.name),
            seen: summaries.len(),
        });
    }
    let rows = table::aligned(&all.iter().map(row).collect::<Vec<_>>());
    for at in prompt.many("Which profiles?", rows)? {
        first.profiles.push(written(&all[at], &all));
    }
    first.project = match project {
        Some(project) => Project::Named(project.name),
        None => Project::NotNeeded,
    };
    Ok(first)
}

/// Where Palette is.
fn address(prompt: &Prompt) -> Result<Endpoint, Error> {
    let text = prompt.text(
        "Where is Palette?",
        (Endpoint::DEFAULT, "its address; the default is SaaS"),
        |text| {
            let endpoint = Endpoint::parse(text);
            endpoint.map(drop).map_err(|why| why.to_string())
        },
    )?;
    Ok(Endpoint::parse(&text).unwrap_or_default())
}

/// The project whose profiles are offered; `None` means the tenant's own.
fn project(
    context: &Context<'_>,
    palette: &Palette,
    prompt: &Prompt,
) -> Result<Option<Metadata>, Error> {
    let mut projects: Vec<Metadata> = palette
        .projects(None, context.report)?
        .items
        .into_iter()
        .map(|project| project.metadata)
        .collect();
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    let mut names: Vec<String> = projects
        .iter()
        .map(|project| printable::line(project.name.as_bytes()))
        .collect();
    names.push("none: the tenant's profiles only".into());
    let at = prompt.one("Which project?", names)?;
    Ok((at < projects.len()).then(|| projects.swap_remove(at)))
}

fn row(offered: &Offered) -> Vec<String> {
    let shown = |text: &str| printable::line(text.as_bytes());
    let changed = match offered.changed.as_str() {
        "" => String::new(),
        day => format!("changed {}", shown(day)),
    };
    vec![
        shown(&offered.name),
        shown(&offered.version),
        shown(&offered.kind),
        changed,
    ]
}

fn written(offered: &Offered, all: &[Offered]) -> NewProfile {
    let reference = offered.reference(all);
    let shown = |text: &str| printable::line(text.as_bytes());
    let comment = match &reference {
        Reference::Uid(_) => format!(
            "{} {}, {}",
            shown(&offered.name),
            shown(&offered.version),
            shown(&offered.kind)
        ),
        Reference::Version { .. } => shown(&offered.kind),
    };
    NewProfile {
        reference: reference.to_string(),
        comment,
    }
}
