//! One run of a build program, step by step as the programs do it, up to the point at which
//! they read the Earthfile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::build_args::{self, list_name};
use super::command::Command;
use super::earthly_flags::{self, Request};
use super::failure::{Failure, FileProblem, SecretProblem};
use super::files::Files;
use super::flag_set::FlagSet;
use super::flags::{self, ARG_FILE, BUILD_ARG, Client, ENV_FILE, SECRET_FILE, Settings, Source};
use super::launch::{Launch, Maas};
use super::origin::{Origin, SettingOrigin};
use super::program::Program;
use super::shell::Shell;
use super::target::{self, Place, Target};
use super::variables::{VariableOrigin, Variables};
use super::wrapper::Wrapper;
use super::{ArgFile, Call, Export, Invocation, MAAS, NoExport, UnknownInvocation};
use crate::canvos::preflight::invocation::earth_flags;
use crate::canvos::preflight::invocation::features;

/// The state of a run.
pub(super) struct Evaluation<'a> {
    call: Call<'a>,
    client: Client,
    files: Files,
    variables: Variables,
    settings: Settings,
    /// The number of arguments that `earthly.sh` adds before the user's.
    added: usize,
    result: Invocation,
}

impl<'a> Evaluation<'a> {
    /// Evaluates `command` up to the Earthfile.
    pub(super) fn run(call: Call<'a>, command: Command) -> Invocation {
        let client = match command.program {
            Program::Earth => Client::Earth,
            _ => Client::Earthly,
        };
        let script = match &command.file {
            Some(file) if command.program == Program::Wrapper => file.clone(),
            _ => call.checkout.join("earthly.sh"),
        };
        let wrapper = Wrapper::read(&script);
        let standard = Wrapper::standard();
        let of_script = wrapper.as_ref().unwrap_or(&standard);
        let arg = command.directory.join(".arg");
        let shell = Shell::source(&arg, of_script, &command.variables);
        let result = Invocation {
            program: command.program.clone(),
            target: None,
            export: Export::Writes,
            failure: None,
            unjudged: command.unjudged,
            allow_privileged: false,
            strict: false,
            features: Vec::new(),
            wrapper: None,
            arg_file: None,
            arguments: BTreeMap::new(),
            shell,
            maas: false,
        };
        let mut run = Self {
            call,
            client,
            files: Files {
                directory: command.directory,
                in_container: false,
            },
            variables: command.variables,
            settings: Settings::default(),
            added: 0,
            result,
        };
        let arguments = match &command.program {
            Program::Wrapper => run.enter_container(wrapper, &command.arguments),
            Program::Other(name) => {
                run.result
                    .unjudged
                    .push(UnknownInvocation::Program(name.clone()));
                Ok(Vec::new())
            }
            _ => Ok(command.arguments),
        };
        let ended = arguments.and_then(|arguments| run.evaluate(&arguments));
        run.result.failure = ended.err();
        run.result
    }

    /// Continues in the container that `earthly.sh` starts; returns the program's arguments.
    fn enter_container(
        &mut self,
        wrapper: Option<Wrapper>,
        arguments: &[String],
    ) -> Result<Vec<String>, Failure> {
        let mut wrapper = wrapper.unwrap_or_else(|| {
            self.result.unjudged.push(UnknownInvocation::Wrapper);
            Wrapper::standard()
        });
        let shell = &self.result.shell;
        let launch = Launch::of(&wrapper, shell, arguments);
        let of_shell = || shell.value("EARTHLY_VERSION").map(str::to_owned);
        wrapper.version = wrapper.version.take().or_else(of_shell);
        self.client = launch.client;
        self.variables = launch.variables;
        self.added = launch.added;
        self.files.in_container = true;
        self.result.unjudged.extend(launch.unjudged);
        self.result.wrapper = Some(wrapper);
        self.result.maas = launch.maas != Maas::No;
        if self.result.maas {
            self.set_target(Target::Checkout {
                name: MAAS.to_owned(),
            });
        }
        if launch.maas == Maas::Refused {
            return Err(Failure::MaasDistribution);
        }
        Ok(launch.arguments)
    }

    fn evaluate(&mut self, arguments: &[String]) -> Result<(), Failure> {
        self.load_env_file(arguments)?;
        self.check_variables()?;
        let (settings, request) = match self.client {
            Client::Earthly => earthly_flags::parse(arguments, &self.variables)?,
            Client::Earth => earth_flags::parse(arguments, &self.variables)?,
        };
        self.settings = settings;
        let rest = match request {
            Request::Build(rest) => rest,
            Request::Nothing(why) => {
                self.result.export = Export::Nothing(why);
                return Ok(());
            }
        };
        self.check_config()?;
        self.find_export()?;
        let before = (arguments.len() - rest.len()).saturating_sub(self.added);
        let found = build_args::split(&rest, before, self.client)?;
        let late = self.find_target(&found.others)?;
        self.reread_env_file()?;
        self.read_arg_file()?;
        self.read_secrets()?;
        self.combine(&found.pairs)?;
        self.check_build()?;
        late.map_or(Ok(()), Err)
    }

    /// Sets the variables of `.env`, before anything else. The programs find that file with a
    /// first pass over the flags, which knows none of the flags of `build`: if one of these
    /// precedes the target, `--env-file-path` has no effect.
    fn load_env_file(&mut self, arguments: &[String]) -> Result<(), Failure> {
        let (path, named_by) = self.env_file(arguments);
        if let Some(read) = self.files.read(&path, named_by.as_deref())? {
            self.variables
                .load(&read.assignments, |assignment| VariableOrigin::EnvFile {
                    path: read.path.clone(),
                    line: read.line(assignment),
                });
        }
        Ok(())
    }

    fn env_file(&self, arguments: &[String]) -> (String, Option<String>) {
        let names: &[&str] = match self.client {
            Client::Earthly => &["EARTHLY_ENV_FILE"],
            Client::Earth => &["EARTH_ENV_FILE", "EARTHLY_ENV_FILE"],
        };
        let mut by_variable = names.iter().filter_map(|name| {
            let variable = self.variables.get(name)?;
            Some((variable.value.clone(), Some((*name).to_owned())))
        });
        let fallback = by_variable.next().unwrap_or((".env".to_owned(), None));
        let mut settings = Settings::default();
        let mut set = FlagSet::new(flags::all(self.client).filter(|flag| !flag.of_build));
        let earthly = self.client == Client::Earthly;
        let applied = !earthly
            || earthly_flags::apply_variables(&set, &mut settings, &self.variables).is_ok();
        let parsed = applied && set.parse(arguments, &mut settings, self.client).is_ok();
        match settings.text(ENV_FILE).filter(|_| parsed) {
            Some((path, _)) if earthly && path == ".env" => (path.clone(), None),
            Some((path, source)) => (path.clone(), Some(list_name(source, "--env-file-path"))),
            // Earthly's first pass ends with the default of the flag.
            None if earthly && parsed => (".env".to_owned(), None),
            None => fallback,
        }
    }

    /// Checks variables that are parsed as booleans in addition to the flags.
    fn check_variables(&self) -> Result<(), Failure> {
        let is_boolean = |name: &str, may_be_empty: bool| {
            let variable = self.variables.get(name)?;
            let right = (may_be_empty && variable.value.is_empty())
                || flags::boolean(&variable.value).is_some();
            (!right).then(|| Failure::VariableNotBoolean {
                name: name.to_owned(),
            })
        };
        let failure = match self.client {
            Client::Earthly => is_boolean("EARTHLY_SHOW_HIDDEN", true),
            Client::Earth => is_boolean("EARTH_FULL_TARGET", false).or_else(|| {
                let names = ["EARTH_SHOW_HIDDEN", "EARTHLY_SHOW_HIDDEN"];
                let set = names
                    .into_iter()
                    .find(|name| self.variables.get(name).is_some());
                is_boolean(set?, true)
            }),
        };
        failure.map_or(Ok(()), Err)
    }

    /// Checks that a configuration file exists if one is named; a missing one ends the build.
    /// Its contents are not read.
    fn check_config(&self) -> Result<(), Failure> {
        let Some((path, source)) = self.settings.text("config").filter(|it| !it.0.is_empty())
        else {
            return Ok(());
        };
        let file = self.files.find(path);
        if file.as_ref().is_some_and(|file| file.exists()) {
            return Ok(());
        }
        Err(Failure::File {
            path: file.unwrap_or_else(|| PathBuf::from(path)),
            problem: FileProblem::Missing {
                named_by: list_name(source, "--config"),
            },
        })
    }

    fn setting(&self, flag: &'static str, source: &Source) -> SettingOrigin {
        match source {
            Source::Flag => SettingOrigin::Flag { flag },
            Source::Variable(name) => SettingOrigin::Variable {
                name: name.clone(),
                origin: self
                    .variables
                    .get(name)
                    .map_or(VariableOrigin::Environment, |it| it.origin.clone()),
            },
        }
    }

    /// Determines from the flags alone whether anything is written.
    fn find_export(&mut self) -> Result<(), Failure> {
        let on = |name| self.settings.on(name);
        let conflict = |one, other| Err(Failure::Conflict { one, other });
        let (ci, artifact, image) = (on("ci"), on("artifact"), on("image"));
        let mut quiet = on("no-output").map(|source| ("--no-output", source));
        if let Some(source) = ci {
            let exports = on("output").or(artifact).or(image).is_some();
            quiet = (!exports).then_some(("--ci", source));
            if on("interactive").is_some() {
                return conflict("`--ci`", "`--interactive`");
            }
        }
        if image.is_some() && artifact.is_some() {
            return conflict("`--image`", "`--artifact`");
        }
        if quiet.is_some() && image.or(artifact).is_some() {
            return conflict("`--no-output`", "`--image` or `--artifact`");
        }
        let why = quiet.or(image.map(|source| ("--image", source)));
        let why = why.map(|(flag, source)| self.setting(flag, source));
        let (strict, privileged) = (
            on("strict").or(ci).is_some(),
            on("allow-privileged").is_some(),
        );
        self.result.strict = strict;
        self.result.allow_privileged = privileged;
        if let Some(origin) = why {
            self.result.export = Export::Nothing(NoExport::Setting(origin));
        }
        Ok(())
    }

    /// Finds the target among the arguments. Returns a failure that occurs only when the
    /// program looks for the Earthfile.
    fn find_target(&mut self, others: &[(usize, String)]) -> Result<Option<Failure>, Failure> {
        if matches!(self.result.program, Program::Other(_)) {
            return Ok(None);
        }
        let is_artifact = self.settings.on("artifact").is_some();
        let most = if is_artifact { 2 } else { 1 };
        let (position, text) = build_args::single(others, most)?;
        let home = self.variables.get("HOME").map_or("", |it| &it.value);
        let reference = if is_artifact {
            target::parse_artifact(text, home)
        } else {
            target::parse(text, home)
        };
        let reference = reference.ok_or(Failure::InvalidTarget { position })?;
        if is_artifact {
            let destination = others.get(1).map_or("./", |(_, path)| path);
            self.result.export = Export::Artifact {
                artifact: text.to_owned(),
                destination: destination.to_owned(),
            };
        }
        let shown = if target::looks_like_one(text) {
            text
        } else {
            "…"
        };
        let name = reference.name;
        let directory = match &reference.place {
            Place::Import(_) => {
                return Ok(Some(Failure::Import {
                    target: shown.to_owned(),
                }));
            }
            Place::Repository(_) => {
                self.set_target(Target::Remote {
                    reference: shown.to_owned(),
                    name,
                });
                return Ok(None);
            }
            Place::Directory(path) => self.files.find(path),
        };
        let Some(directory) = directory else {
            return Ok(Some(Failure::OutsideContainer {
                target: shown.to_owned(),
            }));
        };
        self.set_target(if target::is_same(&directory, self.call.checkout) {
            Target::Checkout { name }
        } else {
            Target::Elsewhere {
                reference: shown.to_owned(),
                name,
            }
        });
        Ok(None)
    }

    /// Sets the target. If `earthly.sh` was asked for one, that takes precedence over the one
    /// for which it runs Earthly.
    fn set_target(&mut self, target: Target) {
        self.result.target.get_or_insert(target);
    }

    /// Parses `.env` again as the programs do: now the file that the flags name.
    fn reread_env_file(&self) -> Result<(), Failure> {
        let (path, named_by) = self.named_file(ENV_FILE, "--env-file-path", ".env");
        self.files.read(&path, named_by.as_deref()).map(drop)
    }

    fn named_file(
        &self,
        flag: &str,
        shown: &'static str,
        default: &str,
    ) -> (String, Option<String>) {
        match self.settings.text(flag) {
            Some((path, source)) => (path.clone(), Some(list_name(source, shown))),
            None => (default.to_owned(), None),
        }
    }

    fn read_arg_file(&mut self) -> Result<(), Failure> {
        let (path, name) = self.named_file(ARG_FILE, "--arg-file-path", ".arg");
        let Some(read) = self.files.read(&path, name.as_deref())? else {
            return Ok(());
        };
        let source = self.settings.text(ARG_FILE).map(|(_, source)| source);
        let named_by = source.map(|source| self.setting("--arg-file-path", source));
        for assignment in &read.assignments {
            let origin = Origin::ArgFile {
                path: read.path.clone(),
                line: read.line(assignment),
                named_by: named_by.clone(),
            };
            self.set_argument(&assignment.name, &assignment.value, origin);
        }
        self.result.arg_file = Some(ArgFile {
            path: read.path,
            named_by,
        });
        Ok(())
    }

    fn set_argument(&mut self, name: &str, value: &str, origin: Origin) {
        let argument = (value.to_owned(), origin);
        self.result.arguments.insert(name.to_owned(), argument);
    }

    fn read_secrets(&self) -> Result<(), Failure> {
        let (path, name) = self.named_file(SECRET_FILE, "--secret-file-path", ".secret");
        let read = self.files.read(&path, name.as_deref())?;
        let names = read.into_iter().flat_map(|read| read.assignments);
        let mut known: BTreeSet<String> = names.map(|assignment| assignment.name).collect();
        for (flag, list) in [("secret", "--secret"), ("secret-file", "--secret-file")] {
            for item in self.settings.items(flag) {
                let refuse = |problem| Failure::Secret {
                    list: list_name(&item.source, list),
                    number: item.number,
                    problem,
                };
                let (name, value) = match item.text.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (item.text.as_str(), None),
                };
                let problem = match (flag, value) {
                    ("secret", None) if self.variables.get(name).is_none() => {
                        Some(SecretProblem::Unset)
                    }
                    ("secret", _) => None,
                    (_, None) => Some(SecretProblem::NoPath),
                    (_, Some(path)) if !self.files.has(path) => Some(SecretProblem::Unreadable),
                    _ => None,
                };
                if let Some(problem) = problem {
                    return Err(refuse(problem));
                }
                if !known.insert(name.to_owned()) {
                    return Err(refuse(SecretProblem::Twice));
                }
            }
        }
        Ok(())
    }

    /// Combines the build arguments: `--build-arg` overrides the file, and arguments after the
    /// target override both.
    fn combine(&mut self, pairs: &[(String, String)]) -> Result<(), Failure> {
        let items = self.settings.items(BUILD_ARG).to_vec();
        for item in &items {
            let (name, value, variable) = build_args::item(item, &self.variables, self.client)?;
            let origin = Origin::List {
                list: self.setting("--build-arg", &item.source),
                variable: variable.map(|variable| variable.origin.clone()),
            };
            let (name, value) = (name.to_owned(), value.to_owned());
            self.set_argument(&name, &value, origin);
        }
        for (name, value) in pairs {
            build_args::refuse_built_in(name, self.client)?;
            self.set_argument(name, value, Origin::Argument { name: name.clone() });
        }
        Ok(())
    }

    /// Checks the flags about the build itself.
    fn check_build(&mut self) -> Result<(), Failure> {
        let on = |name| self.settings.on(name).is_some();
        let skips = on("auto-skip")
            && (self.client == Client::Earthly
                || self.settings.text("auto-skip-db-path").is_some());
        let (waits, interactive) = (on("global-wait-end"), on("interactive"));
        if skips && (on("no-cache") || on("no-auto-skip")) {
            return Err(Failure::Conflict {
                one: "`--auto-skip`",
                other: "`--no-cache` or `--no-auto-skip`",
            });
        }
        if self.settings.items("platform").len() > 1 {
            return Err(Failure::Platforms);
        }
        if skips {
            self.result.unjudged.push(UnknownInvocation::AutoSkip);
        }
        if interactive {
            self.result.unjudged.push(UnknownInvocation::Interactive);
        }
        if waits {
            self.result
                .unjudged
                .push(UnknownInvocation::Flag("--global-wait-end"));
        }
        self.find_features()
    }

    fn find_features(&mut self) -> Result<(), Failure> {
        let Some((text, source)) = self.settings.text("version-flag-overrides") else {
            return Ok(());
        };
        let features = features::parse(text);
        if !features.known {
            let list = list_name(source, "--version-flag-overrides");
            return Err(Failure::UnknownFeature { list });
        }
        if !features.usual {
            self.result.unjudged.push(UnknownInvocation::Features);
        }
        self.result.features = features.names;
        Ok(())
    }
}
