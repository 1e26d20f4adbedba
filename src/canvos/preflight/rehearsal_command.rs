//! Prepares a rehearsal.
//!
//! Input: the preflight of a build. Output: the target of the build, its reduced Earthfile, and
//! the command that runs the same build in a copy of the checkout.

use super::Preflight;
use super::earthfile::{EXPORT_DIRECTORY, OtherTargets, RECORD_PREFIX, Reduced, Unreducible};
use super::invocation::{Export, Program, Target as Asked, UnknownInvocation};
use super::target::Target;
use crate::util::environment::Environment;
use crate::util::files;

impl Preflight<'_> {
    /// The first word of the build command.
    pub(in crate::canvos) fn program_name(&self) -> &str {
        self.start.argv.first().map_or("", String::as_str)
    }

    /// The environment of the build.
    pub(in crate::canvos) fn environment(&self) -> &Environment {
        self.start.environment
    }

    /// The target of the build, without its plus sign; `None` if the command does not say.
    pub(in crate::canvos) fn target_name(&self) -> Option<String> {
        let asked = self
            .invocation
            .target
            .as_ref()
            .map(|target| target.name().to_owned());
        asked.or_else(|| {
            let mut words = self.start.argv.iter().skip(1);
            let target = words.find_map(|word| word.strip_prefix('+'))?;
            Some(target.split('/').next().unwrap_or_default().to_owned())
        })
    }

    /// Whether the build is of a MAAS image.
    #[must_use]
    pub fn is_maas(&self) -> bool {
        self.invocation.is_maas() || self.target_name().as_deref() == Some(Target::MaasImage.name())
    }

    /// What is built, if it is not of this checkout.
    pub(in crate::canvos) fn built_elsewhere(&self) -> Option<String> {
        match &self.invocation.target {
            Some(Asked::Elsewhere { reference, .. } | Asked::Remote { reference, .. }) => {
                Some(reference.clone())
            }
            _ => None,
        }
    }

    /// Whether the build program is one of those that are understood.
    pub(in crate::canvos) fn knows_program(&self) -> bool {
        !matches!(self.invocation.program, Program::Other(_))
            && !self
                .invocation
                .unjudged
                .contains(&UnknownInvocation::Wrapper)
    }

    /// The text of the Earthfile.
    pub(in crate::canvos) fn earthfile_text(&self) -> &str {
        &self.earthfile.text
    }

    /// A line of the Earthfile, counted from 1.
    pub(in crate::canvos) fn text_of_line(&self, line: usize) -> String {
        let text = self.earthfile.text.lines().nth(line.saturating_sub(1));
        text.unwrap_or_default().trim().to_owned()
    }

    /// The reduced Earthfile; for a command that does not name a target, of all targets.
    ///
    /// # Errors
    /// [`Unreducible`].
    pub(in crate::canvos) fn reduced(&self) -> Result<Reduced, Unreducible> {
        let argument = |name: &str| Some(self.invocation.argument(name)?.0.to_owned());
        let others = if self.knows_program() {
            OtherTargets::Kept
        } else {
            OtherTargets::Emptied
        };
        match self.target_name() {
            Some(name) => self.earthfile.reduce(&[&name], &argument, others),
            None => self
                .earthfile
                .reduce(&Target::ALL.map(Target::name), &argument, others),
        }
    }

    /// The words of the command with the copy's target in place of the checkout's, and with records in place
    /// of the artifact that it asks for; `None` if the words to exchange are not there.
    pub(in crate::canvos) fn rehearsal_command(&self) -> Option<Vec<String>> {
        let mut argv = self.start.argv.to_vec();
        let Some(Asked::Checkout { name }) = &self.invocation.target else {
            return Some(argv);
        };
        if let Export::Artifact {
            artifact,
            destination,
        } = &self.invocation.export
        {
            let at = argv.iter().position(|word| word == artifact)?;
            argv[at] = format!("+{name}/{RECORD_PREFIX}*");
            let exported = format!("./{EXPORT_DIRECTORY}/");
            match argv.get_mut(at + 1) {
                Some(word) if word == destination => *word = exported,
                _ => argv.insert(at + 1, exported),
            }
            return Some(argv);
        }
        let own = format!("+{name}");
        if argv.contains(&own) {
            return Some(argv);
        }
        let at = argv.iter().position(|word| word.ends_with(&own))?;
        argv[at] = own;
        Some(argv)
    }

    /// Whether the command, the Earthfile or a file that the program reads names something above the checkout.
    pub(in crate::canvos) fn names_parent(&self) -> bool {
        let file = files::text_or_empty(&self.directory.join(".env"));
        let variables = self.start.environment.variables.iter();
        let mut variables =
            variables.filter(|(name, _)| name.to_string_lossy().starts_with("EARTH"));
        self.start.argv.iter().any(|word| word.contains(".."))
            || self.earthfile.text.contains("../")
            || file.contains("..")
            || variables.any(|(_, value)| value.to_string_lossy().contains(".."))
    }
}
