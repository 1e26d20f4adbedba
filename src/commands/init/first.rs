//! The first `profiles.toml`: the template, filled in with what is known.

use crate::commands::edit::FIRST;
use crate::manifest::edit::{self, NewProfile};
use crate::util::endpoint::Endpoint;

/// The text that `init` writes if nothing is known.
pub(super) const TEMPLATE: &str = include_str!("../../../templates/profiles.toml");

/// The parts of the template's lines that are replaced.
const ENDPOINT: &str = "# endpoint = \"https://palette.example.com\"";
/// The comment on the endpoint, if it is not a tenant's host on SaaS.
const OWN: &str = "# self-hosted Palette; default: SaaS";
const TENANT: &str = "# SaaS, through the tenant's host";
const PROJECT: &str = "project = \"Default\"";
const CANVOS: &str = "dir = \"CanvOS\"";

/// The location of the checkout if nothing else is known: the template's `dir`.
pub(super) const USUAL: &str = "CanvOS";

/// What is known about the first definition.
#[derive(Debug, Default)]
pub(super) struct First {
    /// The endpoint, if it is not the default.
    pub endpoint: Option<Endpoint>,
    /// The project, by name or uid.
    pub project: ProjectChoice,
    /// The CanvOS checkout, as it is written into the file.
    pub canvos: Option<String>,
    /// The name of the definition.
    pub definition: Option<String>,
    /// The profiles.
    pub profiles: Vec<NewProfile>,
}

/// What is known about the project.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum ProjectChoice {
    /// Nothing: the template's line stays.
    #[default]
    Unknown,
    /// The profiles' URLs name the project, or the profiles are the tenant's: no project is
    /// needed.
    NotNeeded,
    /// The project has this name.
    Named(String),
}

impl First {
    /// Returns the text of the file.
    pub(super) fn text(&self) -> String {
        let mut text = TEMPLATE.to_owned();
        if let Some(endpoint) = &self.endpoint {
            let line = format!("endpoint = {}", edit::quoted(&endpoint.to_string()));
            text = filled(&text, ENDPOINT, &line);
            if endpoint.is_saas() {
                text = text.replacen(OWN, TENANT, 1);
            }
        }
        match &self.project {
            ProjectChoice::Unknown => {}
            ProjectChoice::NotNeeded => text = filled(&text, PROJECT, &format!("# {PROJECT}")),
            ProjectChoice::Named(project) => {
                let line = format!("project = {}", edit::quoted(project));
                text = filled(&text, PROJECT, &line);
            }
        }
        if let Some(canvos) = &self.canvos {
            text = filled(&text, CANVOS, &format!("dir = {}", edit::quoted(canvos)));
        }
        // The template has the definition and an array of profiles.
        if !self.profiles.is_empty() {
            text = edit::add(&text, FIRST, &self.profiles).unwrap_or(text);
        }
        if let Some(name) = self.definition.as_ref().filter(|name| *name != FIRST) {
            text = edit::rename_definition(&text, FIRST, name).unwrap_or(text);
        }
        text
    }
}

/// Returns `text` with the first `old` replaced by `new`. The comment after it stays in its
/// column if there is room.
fn filled(text: &str, old: &str, new: &str) -> String {
    let Some(at) = text.find(old) else {
        return text.to_owned();
    };
    let rest = &text[at + old.len()..];
    let blank = rest.len() - rest.trim_start_matches(' ').len();
    let room = old.chars().count() + blank;
    let gap = room.saturating_sub(new.chars().count()).max(2);
    let gap = if blank == 0 { 0 } else { gap };
    format!("{}{new}{:gap$}{}", &text[..at], "", &rest[blank..])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::Manifest;

    fn profile(reference: &str, comment: &str) -> NewProfile {
        NewProfile {
            reference: reference.into(),
            comment: comment.into(),
        }
    }

    #[test]
    fn every_line_that_is_filled_in_is_there_once() {
        assert!(CANVOS.contains(&edit::quoted(USUAL)));
        for line in [ENDPOINT, OWN, PROJECT, CANVOS, edit::EXAMPLE] {
            assert_eq!(TEMPLATE.matches(line).count(), 1, "{line}");
        }
    }

    #[test]
    fn nothing_known_is_the_template() {
        assert_eq!(First::default().text(), TEMPLATE);
    }

    #[test]
    fn what_is_known_is_in_it() {
        let first = First {
            endpoint: Some(Endpoint::parse("https://palette.example.com").unwrap()),
            project: ProjectChoice::Named("A \"B\"".into()),
            canvos: Some("../a-checkout-with-a-long-name".into()),
            definition: Some("store.1".into()),
            profiles: vec![profile("a@1", "infra"), profile("bc@1", "add-on")],
        };
        let text = first.text();
        let path = Path::new("/x/profiles.toml");
        let manifest = Manifest::parse(&text, path, path).unwrap();
        assert_eq!(
            manifest.endpoint().unwrap().to_string(),
            "https://palette.example.com"
        );
        assert_eq!(
            manifest.palette.project.unwrap().value.to_string(),
            "A \"B\""
        );
        assert_eq!(
            manifest.canvos,
            Path::new("/x/../a-checkout-with-a-long-name")
        );
        let definition = &manifest.definitions["store.1"];
        let references: Vec<String> = definition
            .profiles
            .iter()
            .map(|profile| profile.reference.to_string())
            .collect();
        assert_eq!(references, ["a@1", "bc@1"]);
        assert!(text.contains("\"a@1\",   # infra\n"), "{text}");
        assert!(!text.contains("edge-infra@1.0.0"), "{text}");
    }

    #[test]
    fn a_tenants_host_is_no_palette_of_ones_own() {
        let first = First {
            endpoint: Some(Endpoint::parse("https://acme.console.spectrocloud.com").unwrap()),
            ..First::default()
        };
        let text = first.text();
        let line = text
            .lines()
            .find(|line| line.starts_with("endpoint"))
            .unwrap();
        let (value, comment) = line.split_once("  ").unwrap();
        assert_eq!(
            value,
            "endpoint = \"https://acme.console.spectrocloud.com\""
        );
        assert_eq!(comment.trim(), TENANT);
    }

    #[test]
    fn comments_keep_their_column_where_there_is_room() {
        assert_eq!(filled("a = 1    # x", "a = 1", "a = 22"), "a = 22   # x");
        assert_eq!(
            filled("a = 1    # x", "a = 1", "a = 123456"),
            "a = 123456  # x"
        );
        assert_eq!(filled("a = 1\n", "a = 1", "a = 2"), "a = 2\n");
    }
}
