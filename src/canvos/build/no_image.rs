//! Why a successful build wrote no image.
//!
//! The input is the command, its environment and the checkout. The output is the reason, as far
//! as it can be determined. This module explains a failure that is already certain; it never
//! decides whether there is one.

use std::path::Path;

use super::command::{BuildCommand, ProgramKind};
use crate::canvos::preflight::invocation;
use crate::util::environment::Environment;
use crate::util::files;

/// The targets of CanvOS that write an image into `build/`.
const EXPORTING: [&str; 7] = [
    "+iso",
    "+uki-iso",
    "+cloud-image",
    "+aws-cloud-image",
    "+maas-image",
    "+kairos-raw-image",
    "+build-all-images",
];

/// Options that keep a build program from writing a target's output to its place, each with its
/// variable's name without the prefix.
const SUPPRESSING: [(&str, Option<&str>); 5] = [
    ("no-output", Some("NO_OUTPUT")),
    ("image", None),
    ("artifact", None),
    ("a", None),
    ("auto-skip", Some("AUTO_SKIP")),
];
/// An option that also suppresses output, unless `--output` is given too.
const CI: (&str, Option<&str>) = ("ci", Some("CI"));
const OUTPUT: (&str, Option<&str>) = ("output", Some("OUTPUT"));
/// The prefixes of the programs' variables: those of `earth`, the preferred one first, and
/// those of `earthly`.
const PREFIXES: [&str; 2] = ["EARTH_", "EARTHLY_"];

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoImage {
    /// This option or variable makes the build program write nothing, or write elsewhere.
    Suppressed(String),
    /// This option or variable does so too, but `--output` overrides it.
    Ci(String),
    /// This target, given with its plus sign, does not write an image.
    Target(String),
    /// The wrapper's line of this number makes it exit with 0 after a failed build (T41).
    FailureHiddenByWrapper(usize),
    /// The command is a different program, but the checkout's wrapper, which it may call, has
    /// that line.
    PerhapsSwallowed(usize),
    /// The cause is unknown.
    Unexplained,
}

impl NoImage {
    /// Returns the reason why `command` wrote no image.
    pub(super) fn explain(
        command: &BuildCommand,
        checkout: &Path,
        environment: &Environment,
    ) -> Self {
        if let Some(suppressed) = suppressed(command, checkout, environment) {
            return suppressed;
        }
        if let Some(name) = command.target_name()
            && !EXPORTING.contains(&name)
        {
            return Self::Target(name.to_owned());
        }
        match (invocation::swallows_failure(checkout), command.program()) {
            (Some(line), ProgramKind::Wrapper) => Self::FailureHiddenByWrapper(line),
            (Some(line), ProgramKind::Other) => Self::PerhapsSwallowed(line),
            _ => Self::Unexplained,
        }
    }
}

/// Returns the option or variable that keeps the build program from writing.
fn suppressed(
    command: &BuildCommand,
    checkout: &Path,
    environment: &Environment,
) -> Option<NoImage> {
    let program = command.program();
    let options = match program {
        // The options of other programs are not known.
        ProgramKind::Other => &[],
        _ => command.options(),
    };
    let file = files::text_or_empty(&checkout.join(".env"));
    // Whether the variable is true, and where it is set. The environment takes precedence over
    // the file.
    let set = |name: &str| -> Option<(bool, &str)> {
        // The wrapper does not pass variables on.
        let own = environment.variable(name);
        match own.filter(|_| program != ProgramKind::Wrapper) {
            Some(value) => Some((is_true(&value.to_string_lossy()), "the environment")),
            None => Some((assigned(&file, name)?, "`.env`")),
        }
    };
    let prefixes = &PREFIXES[usize::from(!command.may_be_earth())..];
    let variable = |name: &str| {
        let names = prefixes.iter().map(|prefix| format!("{prefix}{name}"));
        let mut found = names.filter_map(|name| Some((set(&name)?, name)));
        let ((is_true, place), name) = found.next()?;
        is_true.then(|| format!("`{name}` in {place}"))
    };
    let option = |known: &str| options.iter().find(|option| is_option(option, known));
    let by = |(name, variable_name): (&str, Option<&str>)| {
        let given = option(name).map(|option| format!("`{option}`"));
        given.or_else(|| variable(variable_name?))
    };
    if let Some(by) = SUPPRESSING.into_iter().find_map(by) {
        return Some(NoImage::Suppressed(by));
    }
    by(CI).filter(|_| by(OUTPUT).is_none()).map(NoImage::Ci)
}

/// Whether `argument` is the option `name` and does not switch it off.
fn is_option(argument: &str, name: &str) -> bool {
    let bare = argument.trim_start_matches('-');
    let dashes = argument.len() - bare.len();
    let (given, value) = bare.split_once('=').unwrap_or((bare, "true"));
    (1..=2).contains(&dashes) && given == name && is_true(value)
}

/// Whether a value is true to Go's `strconv.ParseBool`.
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

/// Whether a `.env` sets `name` to true; `None` if it does not set it.
fn assigned(file: &str, name: &str) -> Option<bool> {
    let value = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let rest = line.strip_prefix(name)?.trim_start();
        let value = rest.strip_prefix(['=', ':'])?;
        let value = value.split(" #").next().unwrap_or_default();
        Some(is_true(value.trim().trim_matches(['"', '\''])))
    };
    file.lines().filter_map(value).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Situation {
        checkout: tempfile::TempDir,
        variables: Vec<(&'static str, &'static str)>,
    }

    impl Situation {
        fn new() -> Self {
            Self {
                checkout: tempfile::tempdir().unwrap(),
                variables: Vec::new(),
            }
        }

        fn write(self, name: &str, text: &str) -> Self {
            std::fs::write(self.checkout.path().join(name), text).unwrap();
            self
        }

        fn with(mut self, name: &'static str, value: &'static str) -> Self {
            self.variables.push((name, value));
            self
        }

        fn explain(&self, command: &str) -> NoImage {
            let variables = self.variables.iter();
            let environment = Environment {
                variables: variables.map(|(n, v)| (n.into(), v.into())).collect(),
                directory: self.checkout.path().to_owned(),
                terminal: false,
                interactive: false,
                columns: None,
            };
            let argv = command.split_whitespace().map(Into::into).collect();
            NoImage::explain(&BuildCommand { argv }, self.checkout.path(), &environment)
        }
    }

    fn suppressed(what: &str) -> NoImage {
        NoImage::Suppressed(what.into())
    }

    fn ci(by: &str) -> NoImage {
        NoImage::Ci(by.into())
    }

    #[test]
    fn an_option_that_keeps_the_program_from_writing() {
        for (command, why) in [
            ("earthly --ci +iso", ci("`--ci`")),
            ("earthly -ci=true +iso", ci("`-ci=true`")),
            ("earth --no-output +iso", suppressed("`--no-output`")),
            ("./earthly.sh --image +iso", suppressed("`--image`")),
            ("earthly -a +build-iso/edge.iso out/", suppressed("`-a`")),
            ("earthly --auto-skip +iso", suppressed("`--auto-skip`")),
            ("earthly --ci --output +iso", NoImage::Unexplained),
            (
                "earthly --output --no-output +iso",
                suppressed("`--no-output`"),
            ),
            ("earthly --ci=false +iso", NoImage::Unexplained),
            // After the target it is a build argument.
            ("earthly +iso --ci=1", NoImage::Unexplained),
            // To another program it may mean anything.
            ("make --ci iso", NoImage::Unexplained),
        ] {
            assert_eq!(Situation::new().explain(command), why, "{command}");
        }
    }

    #[test]
    fn a_variable_that_keeps_the_program_from_writing() {
        let iso = "earthly +iso";
        let set = Situation::new().with("EARTHLY_CI", "true");
        assert_eq!(set.explain(iso), ci("`EARTHLY_CI` in the environment"));
        assert_eq!(set.explain("earthly --output +iso"), NoImage::Unexplained);
        // The wrapper's container does not have it.
        assert_eq!(set.explain("./earthly.sh +iso"), NoImage::Unexplained);
        let both = set.with("EARTHLY_OUTPUT", "1");
        assert_eq!(both.explain(iso), NoImage::Unexplained);

        let file = Situation::new().write(".env", "A=1\nexport EARTH_NO_OUTPUT='true' # x\n");
        let in_file = suppressed("`EARTH_NO_OUTPUT` in `.env`");
        for command in ["earth +iso", "make iso"] {
            assert_eq!(file.explain(command), in_file, "{command}");
        }
        // Earthly itself does not know these.
        for command in [iso, "./earthly.sh +iso"] {
            assert_eq!(file.explain(command), NoImage::Unexplained, "{command}");
        }
        let over = file.with("EARTH_NO_OUTPUT", "false");
        assert_eq!(over.explain("earth +iso"), NoImage::Unexplained);
        let older = over.with("EARTHLY_NO_OUTPUT", "true");
        assert_eq!(older.explain("earth +iso"), NoImage::Unexplained);
        let why = suppressed("`EARTHLY_NO_OUTPUT` in the environment");
        assert_eq!(older.explain(iso), why);
        let file = Situation::new().write(".env", "EARTHLY_CI: true\n");
        let why = ci("`EARTHLY_CI` in `.env`");
        assert_eq!(file.explain("./earthly.sh +iso"), why);
        let last = Situation::new().write(".env", "EARTHLY_CI=true\nEARTHLY_CI=false\n");
        assert_eq!(last.explain(iso), NoImage::Unexplained);
    }

    #[test]
    fn a_target_that_writes_no_image() {
        for name in ["+iso-disk-image", "+iso-image", "+mine"] {
            let why = Situation::new().explain(&format!("earthly {name}"));
            assert_eq!(why, NoImage::Target(name.into()));
        }
        for name in ["+iso", "+uki-iso", "+cloud-image", "+aws-cloud-image"] {
            let why = Situation::new().explain(&format!("earthly {name}"));
            assert_eq!(why, NoImage::Unexplained, "{name}");
        }
        assert_eq!(Situation::new().explain("make"), NoImage::Unexplained);
    }

    #[test]
    fn a_wrapper_that_swallows_the_failure() {
        let broken = Situation::new().write("earthly.sh", "true\nif $? -ne 0 ; then\n");
        for (command, why) in [
            ("./earthly.sh +iso", NoImage::FailureHiddenByWrapper(2)),
            ("./build.sh", NoImage::PerhapsSwallowed(2)),
            ("earthly +iso", NoImage::Unexplained),
            ("./earthly.sh --no-output +iso", suppressed("`--no-output`")),
            ("./earthly.sh +x", NoImage::Target("+x".into())),
        ] {
            assert_eq!(broken.explain(command), why, "{command}");
        }
    }
}
