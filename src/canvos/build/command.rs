//! Choosing the command that builds.
//!
//! The input is `[canvos].build`, the arguments after `--`, and the environment. The output is
//! the command line to run in the checkout. Nothing is started here.

use std::ffi::OsString;
use std::path::Path;

use crate::canvos::preflight::Target;
use crate::util::environment::Environment;

/// The build programs, in the order in which they are looked for: `EarthBuild`'s, which is
/// maintained, then Earthly's.
const PROGRAMS: [&str; 2] = ["earth", "earthly"];
/// CanvOS's own wrapper, which runs Earthly in a container.
const WRAPPER: &str = "./earthly.sh";
/// The target that is built unless the arguments name another one.
const DEFAULT_TARGET: &str = "+iso";
/// Some targets have a `RUN --privileged`. The wrapper always passes this option; a build
/// program that is called directly refuses such a target without it.
const PRIVILEGED: &str = "--allow-privileged";

/// A build command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// The kind of program that a command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKind {
    /// `earth` or `earthly`.
    Direct,
    /// `earthly.sh`.
    Wrapper,
    /// Any other program, which may run one of these.
    Other,
}

impl BuildCommand {
    /// Returns the `configured` command, or the first build program on the `PATH` with `+iso`;
    /// `arguments` follow. A `+target` among them replaces the default target.
    #[must_use]
    pub fn new(
        configured: Option<&[String]>,
        arguments: &[String],
        environment: &Environment,
    ) -> Self {
        let Some(configured) = configured else {
            return Self {
                argv: default(arguments, environment),
            };
        };
        let configured = Self {
            argv: configured.to_vec(),
        };
        if configured.program() == ProgramKind::Direct
            && let Some(argv) = maas(arguments)
        {
            return Self { argv };
        }
        let mut argv = configured.argv;
        if arguments.iter().any(|argument| is_target(argument)) {
            argv.retain(|argument| !is_target(argument));
        }
        argv.extend_from_slice(arguments);
        Self { argv }
    }

    /// Returns the name of the target that the command builds, with its plus sign.
    #[must_use]
    pub fn target_name(&self) -> Option<&str> {
        let mut arguments = self.argv.iter().map(String::as_str);
        arguments.find(|argument| is_target(argument))
    }

    /// Returns the target that the command builds, if it is one of CanvOS's.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        Target::parse(self.target_name()?)
    }

    /// Returns the first word, or nothing if there is none.
    #[must_use]
    pub fn program_name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Returns the program to start with `directory` as its working directory. Unchanged, a
    /// relative path would be resolved from the directory of this run.
    pub(in crate::canvos) fn start_in(&self, directory: &Path) -> OsString {
        let program = self.program_name();
        if program.contains('/') {
            directory.join(program).into_os_string()
        } else {
            program.into()
        }
    }

    /// Returns the words after the program.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.argv.get(1..).unwrap_or_default()
    }

    /// Returns the build program's own options, which are the words before the target.
    #[must_use]
    pub fn options(&self) -> &[String] {
        options(self.arguments())
    }

    /// Returns the kind of program, judged by its name.
    #[must_use]
    pub fn program(&self) -> ProgramKind {
        let name = Path::new(self.program_name()).file_name();
        let name = name.unwrap_or_default();
        if PROGRAMS.iter().any(|program| name == *program) {
            ProgramKind::Direct
        } else if name == "earthly.sh" {
            ProgramKind::Wrapper
        } else {
            ProgramKind::Other
        }
    }

    /// Whether the command runs `earth`, or a program that may call it.
    pub(super) fn may_be_earth(&self) -> bool {
        self.program() == ProgramKind::Other
            || Path::new(self.program_name()).ends_with(PROGRAMS[0])
    }

    /// Returns the first option of the build program that follows the target. The program takes
    /// it for a build argument there, and misses its value.
    #[must_use]
    pub fn misplaced_option(&self) -> Option<&str> {
        if self.program() == ProgramKind::Other {
            return None;
        }
        let behind = self.arguments().get(self.options().len() + 1..)?;
        let mut behind = behind.iter().map(String::as_str);
        behind.find(|argument| {
            let name = argument.strip_prefix("--").unwrap_or_default();
            let is_option = |b: u8| b.is_ascii_lowercase() || b == b'-';
            !name.is_empty() && name.bytes().all(is_option)
        })
    }
}

fn default(arguments: &[String], environment: &Environment) -> Vec<String> {
    if let Some(argv) = maas(arguments) {
        return argv;
    }
    let program = PROGRAMS.iter().find(|name| on_path(name, environment));
    let mut argv = vec![(*program.unwrap_or(&WRAPPER)).to_owned()];
    if program.is_some() && !allows_privileged(options(arguments)) {
        argv.push(PRIVILEGED.to_owned());
    }
    if !arguments.iter().any(|argument| is_target(argument)) {
        argv.push(DEFAULT_TARGET.to_owned());
    }
    argv.extend_from_slice(arguments);
    argv
}

/// Returns the command for a MAAS image if `arguments` ask for one. `+maas-image` is not a
/// target of the Earthfile but a case of the wrapper, which expects it first.
fn maas(arguments: &[String]) -> Option<Vec<String>> {
    let name = Target::MaasImage.name();
    let is_maas = |argument: &String| argument.strip_prefix('+') == Some(name);
    let at = arguments.iter().position(is_maas)?;
    let mut rest = arguments.to_vec();
    let target = rest.remove(at);
    Some(
        [WRAPPER.to_owned(), target]
            .into_iter()
            .chain(rest)
            .collect(),
    )
}

fn is_target(argument: &str) -> bool {
    argument.starts_with('+')
}

fn options(arguments: &[String]) -> &[String] {
    let target = arguments.iter().position(|argument| is_target(argument));
    &arguments[..target.unwrap_or(arguments.len())]
}

/// Whether `options` set `--allow-privileged` already, in whatever form. Earthly refuses to see
/// the option twice in two forms.
fn allows_privileged(options: &[String]) -> bool {
    options.iter().any(|option| {
        let name = option.split('=').next().unwrap_or_default();
        let short = name.strip_prefix('-').unwrap_or_default();
        name.trim_start_matches('-') == "allow-privileged"
            || short.contains('P') && short.bytes().all(|b| b.is_ascii_alphabetic())
    })
}

/// Whether `program` is an executable file in one of the directories of `PATH`. Relative
/// directories are skipped, because the build starts elsewhere.
fn on_path(program: &str, environment: &Environment) -> bool {
    let path = environment.variable("PATH").unwrap_or_default();
    let mut directories = std::env::split_paths(path).filter(|path| path.is_absolute());
    directories.any(|directory| is_executable(&directory.join(program)))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the command that `build -- ARGUMENTS` chooses if `PATH` has these files.
    fn command(files: &[(&str, u32)], arguments: &str) -> BuildCommand {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        for (name, mode) in files {
            let path = directory.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).unwrap();
        }
        let arguments: Vec<String> = arguments.split_whitespace().map(Into::into).collect();
        BuildCommand::new(None, &arguments, &environment(directory.path()))
    }

    fn environment(path: &Path) -> Environment {
        Environment {
            variables: [("PATH".into(), path.into())].into(),
            directory: path.to_owned(),
            terminal: false,
            interactive: false,
            columns: None,
        }
    }

    const EARTH: (&str, u32) = ("earth", 0o755);
    const EARTHLY: (&str, u32) = ("earthly", 0o755);

    #[test]
    fn the_program_is_the_first_that_can_be_run() {
        for (files, program) in [
            (&[EARTH, EARTHLY][..], "earth"),
            (&[EARTHLY], "earthly"),
            (&[EARTH], "earth"),
            (&[("earth", 0o644), EARTHLY], "earthly"),
            (&[("earthly", 0o644)], "./earthly.sh"),
            (&[], "./earthly.sh"),
        ] {
            let command = command(files, "");
            assert_eq!(command.argv[0], program, "{files:?}");
            let direct = program != "./earthly.sh";
            assert_eq!(command.argv.len(), if direct { 3 } else { 2 });
            assert_eq!(command.argv.last().unwrap(), "+iso");
        }
    }

    #[test]
    fn neither_a_directory_nor_a_relative_path_is_a_program() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("earthly")).unwrap();
        assert!(!on_path("earthly", &environment(directory.path())));
        // The shell exists, but not as seen from the checkout.
        let root = Path::new("/bin");
        assert!(on_path("sh", &environment(root)));
        let relative = std::path::PathBuf::from("../../../../../../../../bin");
        assert!(!on_path("sh", &environment(&relative)));
    }

    #[test]
    fn a_direct_call_may_run_privileged_steps() {
        for (arguments, argv) in [
            ("", "earthly --allow-privileged +iso"),
            (
                "--ISO_NAME=x",
                "earthly --allow-privileged +iso --ISO_NAME=x",
            ),
            (
                "--ci --output +uki-iso",
                "earthly --allow-privileged --ci --output +uki-iso",
            ),
            ("+iso --P", "earthly --allow-privileged +iso --P"),
            ("+iso -P", "earthly --allow-privileged +iso -P"),
            ("-P +cloud-image", "earthly -P +cloud-image"),
            ("-iP +iso", "earthly -iP +iso"),
            ("-allow-privileged +iso", "earthly -allow-privileged +iso"),
            (
                "--allow-privileged=false +iso",
                "earthly --allow-privileged=false +iso",
            ),
            (
                "--build-arg P=1 +iso",
                "earthly --allow-privileged --build-arg P=1 +iso",
            ),
        ] {
            assert_eq!(command(&[EARTHLY], arguments).argv.join(" "), argv);
        }
        // The wrapper passes the option by itself.
        assert_eq!(
            command(&[], "+cloud-image").argv.join(" "),
            "./earthly.sh +cloud-image"
        );
    }

    #[test]
    fn a_maas_image_is_made_by_the_wrapper() {
        for files in [&[EARTH, EARTHLY][..], &[]] {
            let command = command(files, "-x +maas-image --Y=1");
            assert_eq!(command.argv.join(" "), "./earthly.sh +maas-image -x --Y=1");
            assert_eq!(command.target(), Some(Target::MaasImage));
        }
    }

    #[test]
    fn a_command_of_the_manifest_stays_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let argv = |configured: &str, arguments: &str| {
            let words = |text: &str| text.split(' ').map(Into::into).collect::<Vec<String>>();
            let environment = environment(directory.path());
            BuildCommand::new(Some(&words(configured)), &words(arguments), &environment)
        };
        let command = argv("make image", "-j2");
        assert_eq!(command.argv.join(" "), "make image -j2");
        assert_eq!(
            (command.target(), command.program()),
            (None, ProgramKind::Other)
        );
        let command = argv("/opt/earthly --no-cache +iso", "+uki-iso --ARCH=arm64");
        assert_eq!(
            command.argv.join(" "),
            "/opt/earthly --no-cache +uki-iso --ARCH=arm64"
        );
        assert_eq!(command.program(), ProgramKind::Direct);
        assert_eq!(command.options(), ["--no-cache"]);
        // Neither program has that target.
        let command = argv("/opt/earthly --no-cache +iso", "+maas-image");
        assert_eq!(command.argv.join(" "), "./earthly.sh +maas-image");
        let command = argv("./build.sh --fast +iso", "+maas-image");
        assert_eq!(command.argv.join(" "), "./build.sh --fast +maas-image");
    }

    #[test]
    fn an_option_behind_the_target_is_misplaced() {
        for (arguments, option) in [
            ("--no-cache", Some("--no-cache")),
            ("+iso --ci", Some("--ci")),
            ("--no-cache +iso", None),
            ("--ISO_NAME=x --ci=1", None),
            ("--ISO_NAME edge", None),
        ] {
            let command = command(&[EARTH], arguments);
            assert_eq!(command.misplaced_option(), option, "{arguments}");
        }
    }
}
