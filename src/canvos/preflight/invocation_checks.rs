//! The traps in how a build is started: its command, its variables, and the files that these
//! name (canvos.md, T14 to T16, T20, T22, T38).

use std::path::Path;

use super::arg::KEY;
use super::invocation::{self, Target as Built, UnknownInvocation};
use super::invocation::{Export, Failure, Origin, Program};
use super::messages::invocation as messages;
use super::{Arg, Assume, Finding, Preflight, Target};
use crate::diagnostic::Diagnostic;
use crate::util::sanitize;

impl Preflight<'_> {
    /// Returns all findings about how the build is started.
    pub(super) fn start_findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(self.failure());
        found.extend(self.nothing_written());
        found.extend(self.elsewhere_built());
        found.extend(self.unjudged());
        found.extend(self.arg_file());
        found.extend(self.origin());
        found.extend(self.maas_arguments());
        found.extend(self.other_programs());
        found
    }

    /// Returns the targets that the build program makes.
    fn built(&self) -> Vec<Target> {
        let by_program = |target: &Target| self.recipe(*target).is_some();
        Target::ALL.into_iter().filter(by_program).collect()
    }

    /// T15 to T17: the program ends before it builds.
    fn failure(&self) -> Option<Finding> {
        let failure = self.invocation.failure.as_ref()?;
        let refused = match failure {
            Failure::File { path, .. } => self.refused_arg(path),
            _ => None,
        };
        let mut finding = Finding {
            hits: self.built(),
            diagnostic: messages::ends_at_once(failure, self.program(), refused),
        };
        match failure {
            Failure::MaasDistribution => finding.hits = vec![Target::MaasImage],
            Failure::File { .. } if self.earthfile.maas => finding.hits.push(Target::MaasImage),
            _ => {}
        }
        Some(finding)
    }

    /// T17: returns why `.arg` cannot be parsed, if `path` is that file.
    fn refused_arg(&self, path: &Path) -> Option<Diagnostic> {
        let arg = self.arg.as_ref();
        let arg = arg.filter(|arg| arg.source.path == sanitize::path(path));
        arg.and_then(Arg::refusal)
    }

    /// T22: a build succeeds and leaves the old image.
    fn nothing_written(&self) -> Option<Finding> {
        let Export::Nothing(why) = &self.invocation.export else {
            return None;
        };
        Some(Finding {
            hits: self.built(),
            diagnostic: messages::writes_no_image(why),
        })
    }

    /// T20: the build contains nothing that is staged here.
    fn elsewhere_built(&self) -> Option<Finding> {
        let diagnostic = match self.invocation.target.as_ref()? {
            Built::Checkout { .. } => return None,
            Built::Elsewhere { reference, .. } => messages::another_directory(reference),
            Built::Remote { reference, .. } => messages::git_repository(reference),
        };
        Some(Finding {
            hits: self.built(),
            diagnostic,
        })
    }

    /// T38: parts of the build are not known.
    fn unjudged(&self) -> Vec<Finding> {
        let told = |why: &&UnknownInvocation| match why {
            // A checkout without the script, or with a trivial one, is not built with it.
            UnknownInvocation::Wrapper => false,
            _ => true,
        };
        let finding = |why: &UnknownInvocation| {
            let mut finding = Finding::without_hits(messages::unjudged(why));
            // If the build is skipped, the old image remains.
            if *why == UnknownInvocation::AutoSkip {
                finding.hits = self.built();
            }
            finding
        };
        let unjudged = self.invocation.unjudged.iter();
        unjudged.filter(told).map(finding).collect()
    }

    /// T16: which file of build arguments is in effect.
    fn arg_file(&self) -> Option<Finding> {
        let setting = self.invocation.arg_file.as_ref();
        if let Some(setting) = setting.and_then(|file| file.named_by.as_ref()) {
            let path = self
                .invocation
                .arg_file
                .as_ref()
                .map(|file| sanitize::path(&file.path));
            let path = path.unwrap_or_default();
            let told = messages::other_arg_file(setting, &path);
            return Some(Finding::without_hits(told));
        }
        let misnamed = self.arg.is_none() && self.directory.join(".args").exists();
        misnamed.then(|| Finding::without_hits(messages::misnamed_arg_file()))
    }

    /// T15: the value does not come from `.arg`.
    fn origin(&self) -> Option<Finding> {
        let (value, origin) = self.clusterconfig()?;
        if matches!(origin, Origin::ArgFile { .. }) {
            return None;
        }
        let told = messages::overridden(value, origin);
        Some(Finding::without_hits(told))
    }

    /// T14: `earthly.sh` passes nothing on for a MAAS image, which uses `./spc.tgz`.
    fn maas_arguments(&self) -> Option<Finding> {
        let argv = self.start.argv;
        let maas = argv.iter().any(|argument| argument == "+maas-image");
        let set = argv.iter().any(|argument| argument.contains(KEY));
        (maas && set).then(|| Finding::without_hits(messages::maas_arguments()))
    }

    /// T15: another program would not have the same result as the one that builds.
    fn other_programs(&self) -> Vec<Finding> {
        if !Program::KNOWN.contains(self.program()) {
            return Vec::new();
        }
        let others = Program::KNOWN
            .iter()
            .filter(|other| *other != self.program());
        others
            .filter_map(|other| self.other_program(other))
            .collect()
    }

    fn other_program(&self, other: &Program) -> Option<Finding> {
        let there = invocation::read_as(other, self.call());
        if there.does_the_same(&self.invocation) {
            return None;
        }
        let by_other = |target: &Target| self.forecast_by(&there, *target, Assume::Staged);
        let differs = |target: &Target| by_other(target) != self.forecast(*target, Assume::Staged);
        // The script makes a MAAS image, whatever else builds.
        let targets = self.built().into_iter();
        let target = targets
            .filter(|target| *target != Target::MaasImage)
            .find(differs)?;
        let embeds = by_other(&target);
        let told = messages::other_program(other, target, &embeds, self.program());
        Some(Finding::without_hits(told))
    }
}
