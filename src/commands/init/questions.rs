//! The questions that `init` asks at a terminal.

use crate::api_key;
use crate::cli::Network;
use crate::error::Error;
use crate::manifest::edit::NewProfile;
use crate::manifest::reference::Reference;
use crate::manifest::{CLOUD_TYPE, Manifest, NAMES};
use crate::palette::Palette;
use crate::palette::wire::ProjectMetadata;
use crate::resolve::{
    INFRASTRUCTURE, SelectableProfile, not_all_profiles_offered, not_all_projects_offered,
    selectable_profiles,
};
use crate::ui::Report;
use crate::ui::prompt::{Prompt, Question};
use crate::ui::table;
use crate::util::endpoint::Endpoint;
use crate::workflow::context::Context;

use super::first::{First, ProjectChoice, TEMPLATE, USUAL};
use super::of_given;
use crate::commands::edit::ProfileArg;

/// How the user names the profiles.
enum Way {
    Chosen,
    Pasted,
    Later,
}

/// Asks for everything that the first definition needs.
///
/// # Errors
/// [`Error::Stopped`], and errors from Palette.
pub(super) fn ask(context: &Context<'_>, name: Option<&str>) -> Result<First, Error> {
    let prompt = Prompt::new(context.report.look());
    let mut first = match way(context, &prompt)? {
        Way::Chosen => chosen(context, &prompt)?,
        Way::Pasted => pasted(context, &prompt)?,
        Way::Later => First::default(),
    };
    let name = match name {
        Some(name) => name.to_owned(),
        None => prompt.text(
            &Question {
                text: "What is this cluster definition called?",
                default: super::FIRST,
                help: "a site, a product, a customer",
            },
            |name| {
                let valid = Manifest::is_name(name);
                if valid { Ok(()) } else { Err(NAMES.into()) }
            },
        )?,
    };
    first.definition = Some(name);
    first.canvos = Some(prompt.text(
        &Question {
            text: "Where is the CanvOS checkout?",
            default: &super::checkout(context).unwrap_or_else(|| USUAL.to_owned()),
            help: "relative to profiles.toml",
        },
        is_path,
    )?);
    Ok(first)
}

fn is_path(text: &str) -> Result<(), String> {
    if text.trim().starts_with('~') {
        return Err("write it out: `~` is your shell's, and the file is read without one".into());
    }
    not_empty(text)
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        Err("write a path".into())
    } else {
        Ok(())
    }
}

fn way(context: &Context<'_>, prompt: &Prompt) -> Result<Way, Error> {
    let mut ways = vec![
        (Way::Pasted, "paste their URLs from Palette's console"),
        (Way::Later, "later, with `edgestage add`"),
    ];
    if no_list(context).is_none() {
        ways.insert(0, (Way::Chosen, "choose them from what Palette has"));
    }
    // Says why there is no list of profiles.
    if let Some(why) = no_list(context) {
        context.report.status("Note", why);
    }
    let texts = ways.iter().map(|(_, text)| (*text).to_owned()).collect();
    let at = prompt.select("How do you want to choose the cluster profiles?", texts)?;
    Ok(ways.swap_remove(at).0)
}

/// Returns why Palette's profiles are not listed: there is no key, or the network must not be
/// used.
fn no_list(context: &Context<'_>) -> Option<&'static str> {
    let settings = context.settings;
    if settings.network == Network::Off {
        return Some("without `--offline`, profiles can be chosen from what Palette has");
    }
    if settings.api_key_file.is_none() && !api_key::is_set(context.environment) {
        return Some(
            "to choose profiles from what Palette has, first `export PALETTE_API_KEY=…` \
             (My API Keys in its console)",
        );
    }
    None
}

/// Reads pasted profiles until an empty line.
fn pasted(context: &Context<'_>, prompt: &Prompt) -> Result<First, Error> {
    let mut given: Vec<ProfileArg> = Vec::new();
    loop {
        let question = if given.is_empty() {
            Question {
                text: "The first profile?",
                default: "",
                help: "the URL of its page in the console, name@version, or its uid",
            }
        } else {
            Question {
                text: "The next profile?",
                default: "",
                help: "press enter when there are no more",
            }
        };
        let before = given.clone();
        let check = move |text: &str| match text.trim() {
            "" if !before.is_empty() => Ok(()),
            text => another(text, &before).map(drop),
        };
        let text = prompt.text(&question, check)?;
        match another(&text, &given) {
            Ok(one) => given.push(one),
            Err(_) => break,
        }
    }
    let mut first = of_given(&given, context);
    if first.project == ProjectChoice::Unknown {
        let question = Question {
            text: "Which project are they in?",
            default: "Default",
            help: "its name, or its uid: `…/projects/<uid>/…` in the console's URLs",
        };
        first.project = ProjectChoice::Named(prompt.text(&question, not_empty)?);
    }
    Ok(first)
}

/// Parses `text` as one more profile; returns what is wrong with it in combination with those
/// in `before`.
fn another(text: &str, before: &[ProfileArg]) -> Result<ProfileArg, String> {
    let given = ProfileArg::parse(text).map_err(|why| why.label())?;
    if before.iter().any(|other| other.is_same(&given)) {
        return Err("it is given already".into());
    }
    let mut projects = before.iter().filter_map(ProfileArg::project);
    match (projects.next(), given.project()) {
        (Some(first), Some(other)) if first != other => Err(format!(
            "it is of another project: a definition has profiles of one, here {first}"
        )),
        _ => Ok(given),
    }
}

/// Lets the user choose among Palette's profiles.
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
        .and_then(|project| project.uid.as_ref().ok());
    let listing = palette.profile_summaries(uid, context.report)?;
    if let Some(gap) = &listing.gap {
        context.report.warn(&not_all_profiles_offered(gap));
    }
    let all = selectable_profiles(&listing.profiles, CLOUD_TYPE);
    if all.is_empty() {
        return Err(Error::NothingOffered {
            project: project.map(|project| project.name),
            seen: listing.profiles.len(),
        });
    }
    let rows = table::aligned(
        &all.iter()
            .map(|one| row(one, context.report))
            .collect::<Vec<_>>(),
    );
    let infra: Vec<bool> = all
        .iter()
        .map(|one| INFRASTRUCTURE.contains(&one.kind.as_str()))
        .collect();
    let fits = move |chosen: &[usize]| {
        let bases = chosen.iter().filter(|at| infra[**at]).count();
        if bases > 1 {
            return Err("at most one of them may have infrastructure layers".into());
        }
        Ok(())
    };
    for at in prompt.multi_select("Which profiles?", rows, fits)? {
        first.profiles.push(written(&all[at], &all, context.report));
    }
    first.project = match project {
        Some(project) => ProjectChoice::Named(project.name),
        None => ProjectChoice::NotNeeded,
    };
    Ok(first)
}

/// Asks for the endpoint.
fn address(prompt: &Prompt) -> Result<Endpoint, Error> {
    let text = prompt.text(
        &Question {
            text: "Where is Palette?",
            default: Endpoint::DEFAULT,
            help: "its address; the default is SaaS",
        },
        |text| {
            let endpoint = Endpoint::of_variable(text);
            endpoint
                .map(drop)
                .map_err(|why| format!("{why}; {}", why.help()))
        },
    )?;
    Ok(Endpoint::of_variable(&text).unwrap_or_default())
}

/// Asks for the project whose profiles are offered; `None` means the tenant's own.
fn project(
    context: &Context<'_>,
    palette: &Palette,
    prompt: &Prompt,
) -> Result<Option<ProjectMetadata>, Error> {
    let list = palette.projects(None, context.report)?;
    if let Some(gap) = list.gap() {
        context.report.warn(&not_all_projects_offered(&gap));
    }
    // A project that a request cannot name cannot be chosen.
    let known = list.items.into_iter().filter(|project| project.uid.is_ok());
    let mut projects: Vec<ProjectMetadata> = known.collect();
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    let mut names: Vec<String> = projects
        .iter()
        .map(|project| context.report.clean(&project.name))
        .collect();
    names.push("none: the tenant's profiles only".into());
    let at = prompt.select("Which project?", names)?;
    Ok((at < projects.len()).then(|| projects.swap_remove(at)))
}

fn row(selectable: &SelectableProfile, report: &Report) -> Vec<String> {
    let shown = |text: &str| report.clean(text);
    let changed = match selectable.changed.as_str() {
        "" => String::new(),
        day => format!("changed {}", shown(day)),
    };
    vec![
        shown(&selectable.name),
        shown(&selectable.version),
        shown(&selectable.kind),
        changed,
    ]
}

fn written(
    selectable: &SelectableProfile,
    all: &[SelectableProfile],
    report: &Report,
) -> NewProfile {
    let reference = selectable.reference(all);
    let shown = |text: &str| report.clean(text);
    let comment = match &reference {
        Reference::Uid(_) => format!(
            "{} {}, {}",
            shown(&selectable.name),
            shown(&selectable.version),
            shown(&selectable.kind)
        ),
        Reference::Version { .. } => shown(&selectable.kind),
    };
    NewProfile {
        reference: reference.to_string(),
        comment,
    }
}
