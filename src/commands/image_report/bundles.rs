//! The content bundles of an image, compared with the lock: T37.
//!
//! The input is what the bundles hold, and the finding about the definition's own file, which
//! comes first. The output is the finding about both, and warnings about what is not an error: a
//! bundle that was not read, and one that `--allow` names. It is not known which of two
//! definitions a host takes, so the locked one is an all-clear only if no bundle has another.

use super::judge::{Expectation, UnreadBundles};
use super::report::{Advice, BundleReport, BundleVerdict, ImageFinding, ImageVerdict};
use crate::bundle::BundleDefinition;
use crate::commands::messages::image_bundles as messages;
use crate::diagnostic::{Diagnostic, Trap};
use crate::image::{BundleContent, ImageBundle, ImagePlace};
use crate::util::digest::Digest;
use crate::util::sanitize;

/// The number of bundles that a line names.
const NAMED: usize = 3;

impl Expectation<'_> {
    /// Adds what the bundles hold to the finding about the definition's own file.
    pub(super) fn with_bundles(
        &self,
        found: ImageFinding,
        bundles: &[ImageBundle],
    ) -> ImageFinding {
        let reports: Vec<BundleReport> = bundles.iter().map(|one| self.report(one)).collect();
        let found = ImageFinding {
            bundles: reports,
            ..found
        };
        if !found.good {
            return found;
        }
        let wrong = self.bundles_told(&found.bundles, BundleVerdict::is_other);
        if !wrong.is_empty()
            && (self.locked.is_none() || !self.allowed.contains(&Trap::BundleDefinition))
        {
            return ImageFinding {
                verdict: match self.locked {
                    Some(_) => ImageVerdict::BundleDiffers,
                    None => ImageVerdict::Unexpected,
                },
                detail: Some(wrong),
                trap: Some(Trap::BundleDefinition),
                advice: Advice::Bundle,
                good: false,
                ..found
            };
        }
        // That there is no definition, or no other one, is proved only if all of them were read.
        let unread = self.bundles_told(&found.bundles, |verdict| verdict == BundleVerdict::Unread);
        let must_be_read = self.locked.is_none() || self.unread_bundles == UnreadBundles::Refuse;
        if must_be_read && !unread.is_empty() {
            let is_skipped = |bundle: &ImageBundle| {
                use BundleContent::{Large, Many};
                matches!(bundle.content, Large { .. } | Many(_))
            };
            return ImageFinding {
                verdict: ImageVerdict::BundleUnread,
                detail: Some(unread),
                trap: Some(Trap::BundleDefinition),
                advice: if bundles.iter().any(is_skipped) {
                    Advice::ReadBundles
                } else {
                    Advice::RebuildBundle
                },
                good: false,
                ..found
            };
        }
        found
    }

    /// Returns warnings about the bundles of `image`, whose verdict is good.
    pub(super) fn bundle_warnings(&self, image: &str, places: &[ImagePlace]) -> Vec<Diagnostic> {
        let bundles = places.iter().flat_map(|place| &place.bundles);
        let warning = |bundle: &ImageBundle| {
            let report = self.report(bundle);
            let subject = format!("`{}` in `{image}`", report.name);
            let why = report.detail.as_deref().unwrap_or_default();
            match (report.verdict, &bundle.content) {
                (BundleVerdict::None | BundleVerdict::AsLocked, _) => None,
                (BundleVerdict::AnotherDefinition, _) => {
                    let is = self.definition_with(report.content_sha256);
                    Some(messages::other_definition(&subject, &is))
                }
                (BundleVerdict::Refused, _) => Some(messages::refused_definition(&subject, why)),
                (BundleVerdict::Unread, BundleContent::Read(_)) => {
                    Some(messages::damaged(&subject, why))
                }
                (BundleVerdict::Unread, content) => Some(messages::unread(&subject, content)),
            }
        };
        bundles.filter_map(warning).collect()
    }

    fn report(&self, bundle: &ImageBundle) -> BundleReport {
        use BundleContent::Read;
        let (verdict, detail) = match &bundle.content {
            Read(BundleDefinition::None) => (BundleVerdict::None, None),
            Read(BundleDefinition::One(content)) if self.is_locked(*content) => {
                (BundleVerdict::AsLocked, None)
            }
            Read(BundleDefinition::One(_)) => (BundleVerdict::AnotherDefinition, None),
            Read(BundleDefinition::Refused(why)) => (BundleVerdict::Refused, Some(why.clone())),
            Read(BundleDefinition::Unreadable(why)) => (BundleVerdict::Unread, Some(why.clone())),
            content => (BundleVerdict::Unread, Some(messages::why_unread(content))),
        };
        let content_sha256 = match &bundle.content {
            Read(BundleDefinition::One(content)) => Some(*content),
            _ => None,
        };
        BundleReport {
            name: sanitize::line(&bundle.name),
            verdict,
            detail,
            definition: content_sha256.and_then(|content| self.owner_of_content(content)),
            content_sha256,
        }
    }

    fn is_locked(&self, content: Digest) -> bool {
        self.locked
            .is_some_and(|(_, locked)| locked.content_sha256 == content)
    }

    /// Returns the name of the definition with this content; the expected one's if several have
    /// it.
    fn owner_of_content(&self, content: Digest) -> Option<String> {
        match self.locked {
            Some((name, locked)) if locked.content_sha256 == content => Some(name.to_owned()),
            _ => {
                let mut definitions = self.lock.definitions.iter();
                let (name, _) = definitions.find(|(_, one)| one.content_sha256 == content)?;
                Some(name.to_owned())
            }
        }
    }

    fn definition_with(&self, content: Option<Digest>) -> String {
        let owner = content.and_then(|content| self.owner_of_content(content));
        match (owner, content) {
            (Some(name), _) => format!("the definition `{name}`"),
            (None, Some(content)) => format!("a definition with content {}", content.short()),
            (None, None) => "a definition".to_owned(),
        }
    }

    /// Describes the bundles with these verdicts; empty if there are none.
    fn bundles_told(&self, bundles: &[BundleReport], is: impl Fn(BundleVerdict) -> bool) -> String {
        let told = |bundle: &BundleReport| {
            let name = &bundle.name;
            match &bundle.detail {
                Some(why) => format!("bundle `{name}`: {why}"),
                None => format!(
                    "bundle `{name}` has {}",
                    self.definition_with(bundle.content_sha256)
                ),
            }
        };
        let all: Vec<&BundleReport> = bundles.iter().filter(|one| is(one.verdict)).collect();
        let mut words: Vec<String> = all.iter().take(NAMED).map(|one| told(one)).collect();
        if all.len() > NAMED {
            words.push(format!("{} more", all.len() - NAMED));
        }
        words.join("; ")
    }
}
