//! The traps in how a build is started: its command, its variables, and the files that
//! these name (canvos.md, T14 to T16, T20, T22, T38).

use std::path::Path;

use super::arg::{self, KEY};
use super::checks::warning;
use super::invocation::{self, Target as Built, Unjudged};
use super::invocation::{Export, Failure, FileProblem, NoExport, Origin, Program, SettingOrigin};
use super::{Arg, Assume, Embeds, Finding, Preflight, Target};
use crate::diagnostic::{Diagnostic, Trap};
use crate::util::sanitize;

impl Preflight<'_> {
    /// Every trap of the start.
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

    /// The targets that the build program makes.
    fn built(&self) -> Vec<Target> {
        let by_program = |target: &Target| self.recipe(*target).is_some();
        Target::ALL.into_iter().filter(by_program).collect()
    }

    /// T15 to T17: the program ends before it builds.
    fn failure(&self) -> Option<Finding> {
        let failure = self.invocation.failure.as_ref()?;
        let program = self.program().name();
        let mut finding = match failure {
            Failure::File {
                path,
                problem: FileProblem::Syntax { .. },
            } => self.unparsed(path),
            Failure::File { problem, .. } => {
                let help = match problem {
                    FileProblem::Missing { .. } => "create the file, or do not name it",
                    _ => "make it a file that the build program can read",
                };
                warning(
                    Trap::OtherArgFile,
                    format!("the build ends at once: {failure}"),
                    help,
                )
            }
            Failure::ArgumentWithoutValue { name } if is_option(name) => warning(
                Trap::ValueOverridden,
                format!("the build ends at once: {failure}"),
                "put the options of the build program before the target",
            ),
            _ => warning(
                Trap::ValueOverridden,
                format!("the build ends at once: {failure}"),
                "fix the build command and its variables",
            ),
        };
        let note = format!("`{program}` ends before it builds anything");
        finding.diagnostic = finding.diagnostic.note(note);
        finding.hits = self.built();
        match failure {
            Failure::MaasDistribution => finding.hits = vec![Target::MaasImage],
            Failure::File { .. } if self.earthfile.maas => finding.hits.push(Target::MaasImage),
            _ => {}
        }
        Some(finding)
    }

    /// T17: a file of variables that cannot be parsed.
    fn unparsed(&self, path: &Path) -> Finding {
        let arg = self.arg.as_ref();
        let arg = arg.filter(|arg| arg.source.path == sanitize::path(path));
        let diagnostic = arg.and_then(Arg::refusal).unwrap_or_else(|| {
            let failure = self.invocation.failure.as_ref();
            let failure = failure.map_or_else(String::new, ToString::to_string);
            Diagnostic::warning(
                Trap::TwoParsers,
                format!("the build ends at once: {failure}"),
            )
        });
        Finding {
            hits: Vec::new(),
            diagnostic: diagnostic.help("correct this line, or remove it"),
        }
    }

    /// T22: a build that ends well and leaves the old image.
    fn nothing_written(&self) -> Option<Finding> {
        let Export::Nothing(why) = &self.invocation.export else {
            return None;
        };
        let help = match why {
            NoExport::Setting(SettingOrigin::Flag { flag: "--ci" }) => "add `--output`",
            NoExport::Setting(_) => "unset it, or add `--output`",
            _ => "leave it out",
        };
        let mut finding = warning(
            Trap::OldImage,
            format!("the build writes no image: {why}"),
            help,
        );
        finding.diagnostic = finding
            .diagnostic
            .note("an image of an earlier build stays");
        finding.hits = self.built();
        Some(finding)
    }

    /// T20: nothing that is staged here is in that build.
    fn elsewhere_built(&self) -> Option<Finding> {
        let (reference, what) = match self.invocation.target.as_ref()? {
            Built::Checkout { .. } => return None,
            Built::Elsewhere { reference, .. } => (reference, "another directory"),
            Built::Remote { reference, .. } => (reference, "a git repository"),
        };
        let title = format!("the build is of {what}: `{reference}`");
        let mut finding = warning(
            Trap::RemoteTarget,
            title,
            "build a target of this checkout, such as `+iso`",
        );
        let note = "what is staged in this checkout is not in that build";
        finding.diagnostic = finding.diagnostic.note(note);
        finding.hits = self.built();
        Some(finding)
    }

    /// T38: what is not known of the build.
    fn unjudged(&self) -> Vec<Finding> {
        let told = |why: &&Unjudged| match why {
            // A checkout without the script, or with a trivial one, is not built by it.
            Unjudged::Wrapper => false,
            _ => true,
        };
        let finding = |why: &Unjudged| {
            let title = format!("the forecast may not hold: {why}");
            let help = "look into the image: `edgestage verify --image FILE`";
            let mut finding = warning(Trap::OtherBuildSystem, title, help);
            // What leaves out the build leaves the old image.
            if *why == Unjudged::AutoSkip {
                finding.hits = self.built();
            }
            finding
        };
        let unjudged = self.invocation.unjudged.iter();
        unjudged.filter(told).map(finding).collect()
    }

    /// T16: which file counts.
    fn arg_file(&self) -> Option<Finding> {
        let setting = self.invocation.arg_file.as_ref();
        if let Some(setting) = setting.and_then(|file| file.named_by.as_ref()) {
            let path = self
                .invocation
                .arg_file
                .as_ref()
                .map(|file| sanitize::path(&file.path));
            let path = path.unwrap_or_default();
            let title = format!("{setting} makes the build read `{path}` in place of `.arg`");
            let help = "unset it, or keep the file like `.arg`";
            return Some(warning(Trap::OtherArgFile, title, help));
        }
        let misnamed = self.arg.is_none() && self.directory.join(".args").exists();
        misnamed.then(|| {
            let title = "the checkout has `.args`, which nobody reads, and no `.arg`";
            warning(Trap::OtherArgFile, title, "rename it to `.arg`")
        })
    }

    /// T15: a value that is not `.arg`'s.
    fn origin(&self) -> Option<Finding> {
        let (value, origin) = self.clusterconfig()?;
        if matches!(origin, Origin::ArgFile { .. }) {
            return None;
        }
        let title = match value {
            "" => format!("{KEY} is set to nothing by {origin}"),
            _ => format!("{KEY} is `{}`, from {origin}", arg::shown(value)),
        };
        let mut finding = warning(
            Trap::ValueOverridden,
            title,
            "remove it, and set CLUSTERCONFIG in `.arg`",
        );
        finding.diagnostic = finding.diagnostic.note("it overrides `.arg`");
        Some(finding)
    }

    /// T14: `earthly.sh` hands nothing on for a MAAS image, which takes `./spc.tgz`.
    fn maas_arguments(&self) -> Option<Finding> {
        let argv = self.start.argv;
        let maas = argv.iter().any(|argument| argument == "+maas-image");
        let set = argv.iter().any(|argument| argument.contains(KEY));
        (maas && set).then(|| {
            let title = format!("`earthly.sh +maas-image` ignores {KEY} among its arguments");
            let mut finding = warning(Trap::MaasArguments, title, "leave it out");
            let note = "a MAAS image gets what is staged as `spc.tgz`, whatever they say";
            finding.diagnostic = finding.diagnostic.note(note);
            finding
        })
    }

    /// T15: another program would not end like the one that builds.
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
        // What makes a MAAS image is the script, whatever else builds.
        let targets = self.built().into_iter();
        let target = targets
            .filter(|target| *target != Target::MaasImage)
            .find(differs)?;
        let found = match by_other(&target) {
            Embeds::File { path, .. } => format!("embeds `{path}`"),
            Embeds::Fails => "fails".to_owned(),
            _ => "embeds no definition".to_owned(),
        };
        let title = format!(
            "`{}` would not do the same: `+{}` {found} with it",
            other.name(),
            target.name()
        );
        let note = format!("the forecast is for `{}`", self.program().name());
        let diagnostic = Diagnostic::warning(Trap::ValueOverridden, title)
            .note(note)
            .help("keep `.arg` as the only place that sets build arguments");
        Some(Finding {
            hits: Vec::new(),
            diagnostic,
        })
    }
}

/// Whether a build argument has the form of an option: CanvOS's are in capitals.
fn is_option(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}
