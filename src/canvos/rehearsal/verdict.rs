//! Compares the outcome of a rehearsal with a locked definition.
//!
//! Input: a [`Rehearsal`] and the definition's lock entry. Output: a [`Judged`]. A file that
//! arrived is identified by its content, so an archive that was packed differently but has the
//! locked content is as locked.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Landed, Outcome, Record, Rehearsal, Unjudged};
use crate::archive;
use crate::canvos::{Seen, State};
use crate::lockfile::{LockEntry, Lockfile};
use crate::util::digest::Digest;
use crate::util::files;
use crate::util::limits::Limits;

/// What the build will put into its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "RehearsalVerdict")]
pub enum Verdict {
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
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Digest of the file that arrived, if one did.
    pub sha256: Option<Digest>,
    /// Path of the file in the checkout, if it is not the locked definition and the path is known.
    pub path: Option<String>,
    /// The definition of the lock that it holds, if it is another one.
    pub holds: Option<String>,
    /// The value of `CLUSTERCONFIG` in the build.
    pub clusterconfig: Option<String>,
    /// Whether the image gets other files beside the definition.
    pub has_others: bool,
    /// Why the rehearsal cannot determine the verdict.
    pub unjudged: Option<Unjudged>,
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

impl Judged {
    /// A verdict that needs nothing else.
    #[must_use]
    pub fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            sha256: None,
            path: None,
            holds: None,
            clusterconfig: None,
            has_others: false,
            unjudged: None,
        }
    }

    fn unjudged(why: Unjudged) -> Self {
        Self {
            unjudged: Some(why),
            ..Self::new(Verdict::Unjudged)
        }
    }
}

impl Rehearsal {
    /// Returns the result for a definition. If there are several records, the most severe result
    /// counts.
    #[must_use]
    pub fn judge(&self, locked: &Locked<'_>) -> Judged {
        let records = match &self.outcome {
            Outcome::Failed { .. } => return Judged::new(Verdict::BuildFails),
            Outcome::NoImage => return Judged::new(Verdict::NoImage),
            Outcome::NotCarried => return Judged::new(Verdict::NotCarried),
            Outcome::Unjudged(why) => return Judged::unjudged(why.clone()),
            Outcome::Copied(records) => records,
        };
        let judged = records.iter().map(|record| Judged {
            clusterconfig: record.clusterconfig.clone(),
            has_others: record.has_others,
            ..self.judge_record(record, locked)
        });
        let severity = |judged: &Judged| match judged.verdict {
            Verdict::AsLocked => 0,
            Verdict::Unjudged => 1,
            _ => 2,
        };
        let worst = judged.max_by_key(severity);
        worst.unwrap_or_else(|| Judged::new(Verdict::NoImage))
    }

    fn judge_record(&self, record: &Record, locked: &Locked<'_>) -> Judged {
        match record.landed() {
            Err(places) => Judged::unjudged(Unjudged::Places(places)),
            Ok(Landed::Nothing) => Judged::new(Verdict::Nothing),
            Ok(Landed::Link) => Judged::new(Verdict::Link),
            Ok(Landed::Directory) => Judged::new(Verdict::Directory),
            Ok(Landed::Other) => Judged::new(Verdict::AnotherDefinition),
            Ok(Landed::File { size: 0, .. }) => Judged::new(Verdict::Empty),
            Ok(Landed::File { size, sha256 }) => {
                let origin = self.origins.get(&sha256).map(std::path::PathBuf::as_path);
                Judged {
                    sha256: Some(sha256),
                    ..locked.judge((size, sha256), origin)
                }
            }
        }
    }
}

impl Locked<'_> {
    /// What a file of this digest is. Its content is its identity, so it is read.
    fn judge(&self, (size, sha256): (u64, Digest), origin: Option<&Path>) -> Judged {
        for seen in self.seen {
            let found = seen.against(Some(self.entry));
            if found.sha256 != Some(sha256) {
                continue;
            }
            return match found.state {
                State::Equal | State::SameContent => Judged::new(Verdict::AsLocked),
                _ => Judged {
                    holds: found.owner(self.lock).map(str::to_owned),
                    path: Some(found.placement.path().to_owned()),
                    ..Judged::new(Verdict::AnotherDefinition)
                },
            };
        }
        let content = origin.and_then(|path| self.content(path, size, sha256));
        if content == Some(self.entry.content_sha256) {
            return Judged::new(Verdict::AsLocked);
        }
        let owner = content.and_then(|content| self.lock.owner_of(content));
        Judged {
            holds: owner.map(|(name, _)| name.to_owned()),
            path: origin.map(|path| path.to_string_lossy().into_owned()),
            ..Judged::new(Verdict::AnotherDefinition)
        }
    }

    /// The digest of what the archive at `path` holds, if it is still the one that arrived.
    fn content(&self, path: &Path, size: u64, sha256: Digest) -> Option<Digest> {
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
