//! T36 and T37: content bundles beside the definition.
//!
//! The input is what a content bundle of the checkout holds, which the caller reads, and the
//! content that is locked. The output is a finding if the bundle brings another agent than the
//! image has, or a definition of its own that is not the locked one.

use super::messages::bundle as messages;
use super::{Finding, Preflight, Target};
use crate::bundle::{BundleDefinition, Survey};
use crate::diagnostic::Diagnostic;
use crate::util::digest::Digest;
use crate::util::sanitize;

/// Why a bundle was not read.
#[derive(Debug)]
pub enum UnreadBundle {
    /// It is larger than what is read without being asked.
    Large {
        /// The size of the file, in bytes.
        size: u64,
        /// The limit, in bytes.
        most: u64,
    },
    /// It cannot be read, for this reason.
    Unreadable(String),
}

impl Preflight<'_> {
    /// Returns the content bundles that a target would embed, relative to the checkout: the
    /// files `*.zst` and `*.tar` in its content directories.
    #[must_use]
    pub fn embedded_bundles(&self) -> Vec<String> {
        let mut found = Vec::new();
        for directory in super::checks::names_in(self.directory).unwrap_or_default() {
            if !directory.starts_with("content-") {
                continue;
            }
            let names = super::checks::names_in(&self.directory.join(&directory));
            for name in names.unwrap_or_default() {
                let path = format!("{directory}/{name}");
                if is_bundle(&name) && self.directory.join(&path).is_file() {
                    found.push(path);
                }
            }
        }
        found.retain(|path| !self.that_carry(path).is_empty());
        found.sort();
        found
    }

    /// Returns the targets that embed the content bundle `path`.
    fn that_carry(&self, path: &str) -> Vec<Target> {
        let hidden = || {
            let ignore = self.ignore.as_ref();
            ignore.is_some_and(|ignore| ignore.hides(path).is_some())
        };
        let carries = |target: &Target| match target {
            Target::KairosRawImage => false,
            // The script reads the checkout, not the build context.
            Target::MaasImage => self.earthfile.maas,
            target => self
                .recipe(*target)
                .is_some_and(|recipe| recipe.carries_content && !hidden()),
        };
        Target::ALL.into_iter().filter(carries).collect()
    }

    /// Returns the version of the host's agent in the images of this checkout.
    fn agent_version(&self) -> Option<&str> {
        let mut recipes = self.recipes.values().flatten();
        recipes.find_map(|recipe| recipe.agent_version.as_deref())
    }

    /// Judges the content bundle `path`. The content of one of `locked` is right.
    #[must_use]
    pub fn bundle_findings(&self, path: &str, held: &Survey, locked: &[Digest]) -> Vec<Finding> {
        let shown = sanitize::line(path.as_bytes());
        let mut found = Vec::new();
        found.extend(self.other_agent(&shown, held).map(Finding::without_hits));
        let other = |diagnostic: Diagnostic| Finding {
            hits: self.that_carry(path),
            diagnostic,
        };
        match &held.definition {
            BundleDefinition::None => {}
            BundleDefinition::One(content) if locked.contains(content) => {}
            BundleDefinition::One(_) if locked.is_empty() => {
                found.push(Finding::without_hits(messages::nothing_locked(&shown)));
            }
            BundleDefinition::One(content) => {
                let content = content.short();
                found.push(other(messages::other_definition(&shown, &content)));
            }
            BundleDefinition::Refused(why) => {
                found.push(other(messages::refused_definition(&shown, why)));
            }
            BundleDefinition::Unreadable(why) => {
                found.push(Finding::without_hits(messages::damaged(&shown, why)));
            }
        }
        found
    }

    fn other_agent(&self, shown: &str, held: &Survey) -> Option<Diagnostic> {
        let image = self.agent_version()?;
        let versions = || held.agents.iter().filter_map(|name| version_of(name));
        let same = |version: &str| version.trim_start_matches('v') == image.trim_start_matches('v');
        if versions().any(same) {
            return None;
        }
        let agent = sanitize::excerpt(versions().next()?.as_bytes(), 64);
        let image = sanitize::excerpt(image.as_bytes(), 64);
        Some(messages::other_agent(shown, &agent, &image))
    }

    /// Describes the content bundle `path`, which was not read.
    #[must_use]
    pub fn unread_bundle(&self, path: &str, why: &UnreadBundle) -> Finding {
        let shown = sanitize::line(path.as_bytes());
        Finding::without_hits(messages::unread(&shown, why))
    }
}

fn is_bundle(name: &str) -> bool {
    let extension = std::path::Path::new(name).extension();
    extension.is_some_and(|end| end == "zst" || end == "tar")
}

/// Returns the tag of an image's name.
fn version_of(name: &str) -> Option<&str> {
    let name = name.split('@').next().unwrap_or(name);
    let (_, tag) = name.rsplit_once(':')?;
    (!tag.contains('/') && !tag.is_empty()).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn the_version_of_an_image_is_its_tag() {
        for (name, version) in [
            (
                "registry:5000/edge/stylus-linux-amd64:v4.10.4",
                Some("v4.10.4"),
            ),
            ("stylus:v4.10.4@sha256:00", Some("v4.10.4")),
            ("registry:5000/edge/stylus", None),
            ("stylus", None),
            ("stylus:", None),
        ] {
            assert_eq!(version_of(name), version, "{name}");
        }
    }
}
