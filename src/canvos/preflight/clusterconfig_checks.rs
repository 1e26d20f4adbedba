//! The traps in the value of `CLUSTERCONFIG` itself: it names something other than a staged
//! file.

use std::path::Path;

use super::copy::{self, Copied, Failure};
use super::forecast::staged;
use super::messages::clusterconfig::{self as messages, Consequence};
use super::{Assume, Embeds, Finding, Origin, Preflight, RIGHT, Target};
use crate::canvos::Placement;
use crate::canvos::preflight::arg;
use crate::diagnostic::Diagnostic;
use crate::util::digest::Digest;
use crate::util::limits::Limits;

/// The Earthfile's targets that read `CLUSTERCONFIG`.
const READERS: [Target; 4] = [
    Target::Iso,
    Target::UkiIso,
    Target::IsoDiskImage,
    Target::CloudImage,
];
/// What is wrong with a value.
struct Fault {
    diagnostic: Diagnostic,
    effect: Effect,
}

/// The effect of a wrong value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The copy is skipped: the overlay remains, and `+cloud-image` gets nothing.
    Misses,
    /// The image gets something else, or the build fails.
    Replaces,
}

impl Preflight<'_> {
    /// Checks the value: T1 to T8, T11, T17, T24, T32, T33, T40.
    pub(super) fn clusterconfig_value(&self) -> Option<Finding> {
        if self.invocation.failure.is_some() || self.that_read_it(&READERS).is_empty() {
            // The first releases of CanvOS have only the overlay (canvos.md, 2).
            return None;
        }
        let nowhere = self.that_read_it(&[Target::CloudImage]);
        let Some((value, origin)) = self.clusterconfig() else {
            return Some(Finding {
                hits: nowhere,
                diagnostic: self.not_set(),
            });
        };
        if value.is_empty() {
            let told = messages::empty_in(origin, self.consequence());
            return Some(Finding {
                hits: nowhere,
                diagnostic: self.at_assignment(told, origin),
            });
        }
        let fault = self.fault(value)?;
        let hits = match fault.effect {
            Effect::Replaces => self.that_read_it(&READERS),
            Effect::Misses => nowhere,
        };
        let told = self.at_assignment(fault.diagnostic, origin);
        Some(Finding {
            hits,
            diagnostic: if RIGHT.ends_with(&format!("={value}")) {
                messages::with_fix_of_file(told)
            } else {
                messages::with_fix(told, origin)
            },
        })
    }

    /// T2: nothing sets `CLUSTERCONFIG`.
    fn not_set(&self) -> Diagnostic {
        let named = self.invocation.arg_file.as_ref();
        let named = named.and_then(|file| file.named_by.as_ref());
        match &self.arg {
            None => messages::no_arg(self.consequence()),
            Some(_) => messages::not_set(named, self.consequence()),
        }
    }

    /// Adds the line of `.arg` that is in effect, if the value comes from there.
    fn at_assignment(&self, diagnostic: Diagnostic, origin: &Origin) -> Diagnostic {
        let last = self.arg.as_ref();
        let last = last.and_then(|arg| Some((&arg.source, arg.assignments.last()?)));
        match last.filter(|_| matches!(origin, Origin::ArgFile { .. })) {
            Some((source, last)) => diagnostic.at(source, last.span.clone(), ""),
            None => diagnostic,
        }
    }

    /// Returns what happens to the definition if a value finds nothing.
    fn consequence(&self) -> Consequence {
        let isos = Target::ISOS.map(|target| self.forecast(target, Assume::Staged));
        let mut isos = isos
            .iter()
            .filter(|iso| **iso != Embeds::NoTarget)
            .peekable();
        if isos.peek().is_some() && !isos.any(|iso| self.is_staged_file(iso)) {
            return Consequence::IsosLackItToo;
        }
        if self.that_read_it(&[Target::CloudImage]).is_empty() {
            Consequence::NobodyLacksIt
        } else {
            Consequence::CloudImageLacksIt
        }
    }

    /// Returns what is wrong with the file that a value finds; `None` for a staged file.
    fn fault(&self, value: &str) -> Option<Fault> {
        let shown = arg::shown(value);
        let ignore = self.ignore.as_ref()?;
        let copied = copy::resolve(value, self.directory, ignore, staged(Assume::Staged));
        let replaces = |diagnostic| {
            Some(Fault {
                diagnostic,
                effect: Effect::Replaces,
            })
        };
        match copied {
            Copied::File { path, replaced } => replaces(self.other_file(&path, &replaced, &shown)?),
            Copied::Empty { path, .. } => replaces(messages::unreadable_file(&path)),
            Copied::Nothing(missed) => Some(Fault {
                diagnostic: messages::missed(&missed, &shown, self.consequence()),
                effect: Effect::Misses,
            }),
            Copied::NotAFile { path, kind } => replaces(messages::not_a_file(&path, kind)),
            Copied::Artifact => replaces(messages::artifact(&shown)),
            // The rule has a finding of its own.
            Copied::Fails(Failure::Rule(..)) => None,
            Copied::Fails(failure) => replaces(messages::failed(&failure, &shown)),
            Copied::Unclear => replaces(messages::unclear_pattern(&shown)),
        }
    }

    /// Describes a file that is found but is not a staged one, or is not the only match.
    fn other_file(&self, path: &str, replaced: &[String], shown: &str) -> Option<Diagnostic> {
        let ours = Placement::ALL
            .iter()
            .any(|placement| placement.path() == path);
        let is_pattern =
            path != shown.strip_prefix("./").unwrap_or(shown) && shown.contains(['*', '[', '\\']);
        let is_empty =
            || std::fs::metadata(self.directory.join(path)).is_ok_and(|file| file.len() == 0);
        if !replaced.is_empty() {
            Some(messages::several_files(shown, path, replaced))
        } else if ours {
            None
        } else if is_pattern {
            Some(messages::pattern_of_another(shown, path))
        } else if is_empty() {
            Some(messages::empty_file(path))
        } else {
            Some(messages::another_file(path))
        }
    }

    /// Whether `file` has the bytes that are staged.
    fn equals_staged(&self, file: &Path) -> bool {
        let staged = self.directory.join(Placement::Root.path());
        let length = |path: &Path| Some(path.metadata().ok()?.len());
        if length(&staged) != length(file)
            || length(file).is_none_or(|n| Limits::default().no_archive(n))
        {
            return false;
        }
        let digest = |path: &Path| Digest::of_file(path).ok();
        digest(&staged).is_some_and(|staged| Some(staged) == digest(file))
    }

    pub(super) fn is_staged_file(&self, embeds: &Embeds) -> bool {
        match embeds {
            Embeds::File { path, .. } => {
                Placement::ALL.iter().any(|p| p.path() == path)
                    || self.equals_staged(&self.directory.join(path))
            }
            _ => false,
        }
    }

    /// Returns targets that would not embed what is staged, for a reason that no trap has
    /// named: whatever is not understood is reported.
    pub(super) fn otherwise_lost(&self, found: &[Finding]) -> Vec<Finding> {
        let known = |target: &Target| found.iter().any(|finding| finding.hits.contains(target));
        let mut unclear = Vec::new();
        let mut lost = Vec::new();
        for target in Target::ALL.into_iter().filter(|target| !known(target)) {
            match self.forecast(target, Assume::Staged) {
                Embeds::NoTarget | Embeds::Never => {}
                Embeds::Unclear => unclear.push(target),
                embeds if self.is_staged_file(&embeds) => {}
                _ => lost.push(target),
            }
        }
        let lost = (!lost.is_empty()).then(|| Finding {
            hits: lost,
            diagnostic: super::messages::nothing_copied(),
        });
        let unclear = (!unclear.is_empty()).then(|| Finding {
            hits: unclear,
            diagnostic: super::messages::unclear_copy(),
        });
        lost.into_iter().chain(unclear).collect()
    }
}
