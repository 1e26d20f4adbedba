//! What `earthly.sh` starts in its container.

use super::flags::Client;
use super::shell::Shell;
use super::variables::{VariableOrigin, Variables};
use super::wrapper::Wrapper;
use super::{MAAS, UnknownInvocation};
use crate::canvos::preflight::bash::Value;

/// The arguments with which the build of a MAAS image runs Earthly.
const MAAS_ARGUMENTS: [&str; 2] = ["+kairos-raw-image", "--IS_MAAS=true"];
/// The variables that a container has in addition to those that it is given.
const OF_CONTAINER: [&str; 3] = ["HOSTNAME", "PATH", "TERM"];
/// Variables of Earthly that the script sets and that have no effect here.
const HARMLESS: [&str; 2] = ["EARTHLY_BUILDKIT_HOST", "EARTHLY_GIT_CONFIG"];
/// The secret that newer scripts pass on.
const UBUNTU_PRO_KEY: &str = "UBUNTU_PRO_KEY";

/// The program in the container, ready to run.
pub(super) struct Launch {
    pub client: Client,
    pub variables: Variables,
    pub arguments: Vec<String>,
    /// The number of arguments that the script adds before the user's.
    pub added: usize,
    pub maas: Maas,
    pub unjudged: Vec<UnknownInvocation>,
}

/// Whether the script builds a MAAS image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Maas {
    /// The script builds something else.
    No,
    /// The script builds a MAAS image.
    Yes,
    /// The script refuses, because the distribution is not Ubuntu.
    Refused,
}

impl Launch {
    /// Returns what `wrapper` starts for the user's `arguments` after it has sourced `.arg`.
    pub(super) fn of(wrapper: &Wrapper, shell: &Shell, arguments: &[String]) -> Self {
        let (mut variables, unjudged) = variables(wrapper, shell);
        let mut added = wrapper.flags.clone();
        if wrapper.adds_secret && shell.value("UBUNTU_PRO_ATTACH") == Some("true") {
            added.extend(["--secret".to_owned(), UBUNTU_PRO_KEY.to_owned()]);
            variables.set(UBUNTU_PRO_KEY, "", VariableOrigin::Wrapper);
        }
        let maas = maas(wrapper, shell, arguments);
        let rest = match maas {
            Maas::No => arguments.to_vec(),
            Maas::Yes | Maas::Refused => MAAS_ARGUMENTS.map(str::to_owned).to_vec(),
        };
        Self {
            client: if wrapper.runs_earth {
                Client::Earth
            } else {
                Client::Earthly
            },
            variables,
            added: added.len(),
            arguments: [added, rest].concat(),
            maas,
            unjudged,
        }
    }
}

fn maas(wrapper: &Wrapper, shell: &Shell, arguments: &[String]) -> Maas {
    let first = arguments.first().and_then(|first| first.strip_prefix('+'));
    if !wrapper.builds_maas || first != Some(MAAS) {
        return Maas::No;
    }
    match shell.get("OS_DISTRIBUTION").map(|it| &it.value) {
        Some(Value::Set(name)) if name == "ubuntu" => Maas::Yes,
        Some(Value::Unknown) => Maas::Yes,
        _ => Maas::Refused,
    }
}

/// Returns the variables of the container: a few of its own, and those that the script passes
/// on.
fn variables(wrapper: &Wrapper, shell: &Shell) -> (Variables, Vec<UnknownInvocation>) {
    let mut variables = Variables::default();
    for name in OF_CONTAINER {
        variables.set(name, "", VariableOrigin::Wrapper);
    }
    variables.set("HOME", "/root", VariableOrigin::Wrapper);
    let mut unknown = Vec::new();
    for name in &wrapper.sets {
        let of_earthly = name.starts_with("EARTH") || name == "GITHUB_ACTIONS";
        if !of_earthly {
            variables.set(name, "", VariableOrigin::Wrapper);
        } else if !HARMLESS.contains(&name.as_str()) {
            unknown.push(name);
        }
    }
    for name in &wrapper.passes {
        match shell.exported(name) {
            Ok(Some(variable)) => variables.set(name, &variable.value, variable.origin),
            Ok(None) => {}
            Err(_) => unknown.push(name),
        }
    }
    let unjudged = unknown.into_iter().cloned();
    let unjudged = unjudged.map(UnknownInvocation::WrapperVariable).collect();
    (variables, unjudged)
}
