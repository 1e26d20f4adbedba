//! Compares the outcome of a rehearsal with a locked definition.
//!
//! Input: a [`Rehearsal`] and the definition's lock entry. Output: a [`RehearsalResult`]. A file that
//! arrived is identified by its content, so an archive that was packed differently but has the
//! locked content is as locked.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::{CopiedEntry, Inconclusive, Outcome, Record, Rehearsal};
use crate::archive::{self, Contents};
use crate::canvos::{Seen, State};
use crate::lockfile::{LockEntry, Lockfile};
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::limits::Limits;

/// What the build will put into its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RehearsalVerdict {
    /// The definition as it is locked.
    AsLocked,
    /// Another file.
    AnotherDefinition,
    /// Nothing.
    Nothing,
    /// An empty file.
    Empty,
    /// A symbolic link.
    Link,
    /// A directory.
    Directory,
    /// Nothing, because the build fails.
    BuildFails,
    /// Nothing, because the build writes no image.
    NoImage,
    /// Nothing: images of this target never carry a definition.
    NotCarried,
    /// The rehearsal cannot determine it.
    Unjudged,
}

/// A verdict, and what it is based on.
#[derive(Debug, Clone)]
pub struct RehearsalResult {
    /// The verdict.
    pub verdict: RehearsalVerdict,
    /// Digest of the file that arrived, if one did.
    pub sha256: Option<Digest>,
    /// Path of the file in the checkout, if it is not the locked definition and the path is known.
    pub path: Option<String>,
    /// The definition of the lock that it holds, if it is another one.
    pub holds: Option<String>,
    /// The value of `CLUSTERCONFIG` in the build.
    pub clusterconfig: Option<String>,
    /// Why the rehearsal cannot determine the verdict.
    pub unjudged: Option<Inconclusive>,
}

/// What a file is compared with.
pub struct Locked<'a> {
    /// The definition's entry.
    pub entry: &'a LockEntry,
    /// All definitions.
    pub lock: &'a Lockfile,
    /// What is staged.
    pub seen: &'a [Seen],
    /// The checkout.
    pub checkout: &'a Path,
    /// How large an archive may be.
    pub limits: &'a Limits,
}

impl RehearsalResult {
    /// A verdict that needs nothing else.
    #[must_use]
    pub fn new(verdict: RehearsalVerdict) -> Self {
        Self {
            verdict,
            sha256: None,
            path: None,
            holds: None,
            clusterconfig: None,
            unjudged: None,
        }
    }

    fn unjudged(why: Inconclusive) -> Self {
        Self {
            unjudged: Some(why),
            ..Self::new(RehearsalVerdict::Unjudged)
        }
    }
}

impl Rehearsal {
    /// Returns the result for a definition. If there are several records, the most severe result
    /// counts.
    #[must_use]
    pub fn judge(&self, locked: &Locked<'_>) -> RehearsalResult {
        let records = match &self.outcome {
            Outcome::Failed { .. } => return RehearsalResult::new(RehearsalVerdict::BuildFails),
            Outcome::NoImage => return RehearsalResult::new(RehearsalVerdict::NoImage),
            Outcome::NotCarried => return RehearsalResult::new(RehearsalVerdict::NotCarried),
            Outcome::Inconclusive(why) => return RehearsalResult::unjudged(why.clone()),
            Outcome::Copied(records) => records,
        };
        let judged = records.iter().map(|record| RehearsalResult {
            clusterconfig: record.clusterconfig.clone(),
            ..self.judge_record(record, locked)
        });
        let severity = |judged: &RehearsalResult| match judged.verdict {
            RehearsalVerdict::AsLocked => 0,
            RehearsalVerdict::Unjudged => 1,
            _ => 2,
        };
        let worst = judged.max_by_key(severity);
        worst.unwrap_or_else(|| RehearsalResult::new(RehearsalVerdict::NoImage))
    }

    fn judge_record(&self, record: &Record, locked: &Locked<'_>) -> RehearsalResult {
        match record.copied_entry() {
            Err(places) => RehearsalResult::unjudged(Inconclusive::Places(places)),
            Ok(CopiedEntry::Nothing) => RehearsalResult::new(RehearsalVerdict::Nothing),
            Ok(CopiedEntry::Link) => RehearsalResult::new(RehearsalVerdict::Link),
            Ok(CopiedEntry::Directory) => RehearsalResult::new(RehearsalVerdict::Directory),
            Ok(CopiedEntry::Other) => RehearsalResult::new(RehearsalVerdict::AnotherDefinition),
            Ok(CopiedEntry::File { size: 0, .. }) => RehearsalResult::new(RehearsalVerdict::Empty),
            Ok(CopiedEntry::File { size, sha256 }) => {
                let origin = self.origins.get(&sha256).map(std::path::PathBuf::as_path);
                RehearsalResult {
                    sha256: Some(sha256),
                    ..locked.judge((size, sha256), origin)
                }
            }
        }
    }
}

impl Locked<'_> {
    /// What a file of this digest is. Its content is its identity, so it is read.
    fn judge(&self, (size, sha256): (u64, Digest), origin: Option<&Path>) -> RehearsalResult {
        for seen in self.seen {
            let found = seen.against(Some(self.entry));
            if found.sha256 != Some(sha256) {
                continue;
            }
            return match found.state {
                State::Equal | State::SameContent => {
                    RehearsalResult::new(RehearsalVerdict::AsLocked)
                }
                _ => RehearsalResult {
                    holds: found.owner(self.lock).map(str::to_owned),
                    path: Some(found.placement.path().to_owned()),
                    ..RehearsalResult::new(RehearsalVerdict::AnotherDefinition)
                },
            };
        }
        let content = origin.and_then(|path| self.content(path, size, sha256));
        if content
            .as_ref()
            .is_some_and(|contents| self.entry.describes(contents))
        {
            return RehearsalResult::new(RehearsalVerdict::AsLocked);
        }
        let owner = content
            .as_ref()
            .and_then(|contents| self.lock.owner_of(contents));
        RehearsalResult {
            holds: owner.map(|(name, _)| name.to_owned()),
            path: origin.map(|path| path.to_string_lossy().into_owned()),
            ..RehearsalResult::new(RehearsalVerdict::AnotherDefinition)
        }
    }

    /// The digest of what the archive at `path` holds, if it is still the one that arrived.
    fn content(&self, path: &Path, size: u64, sha256: Digest) -> Option<Contents> {
        if self.limits.no_archive(size) {
            return None;
        }
        let mut file = files::open(&self.checkout.join(path)).ok()?;
        let (found, _) = Digest::of_reader(&mut file).ok()?;
        if found != sha256 {
            return None;
        }
        archive::content_of(&mut file, self.limits).ok()?
    }
}
