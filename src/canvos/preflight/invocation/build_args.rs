//! The build arguments of a command line: those after the target, and those of lists.

use super::failure::Failure;
use super::flags::{Client, Item, Source};
use super::target;
use super::variables::{Variable, Variables};

/// CanvOS's own build arguments, which messages may name wherever they appear.
pub(super) const KNOWN: [&str; 4] = ["CLUSTERCONFIG", "EDGE_CUSTOM_CONFIG", "ARCH", "IS_UKI"];

/// The arguments after the flags.
pub(super) struct Arguments {
    /// The name and value of every `--NAME=VALUE`.
    pub pairs: Vec<(String, String)>,
    /// The other arguments, each with its position among all of the program's arguments, from
    /// 1.
    pub others: Vec<(usize, String)>,
}

/// Separates the build arguments from the target. An argument without `=` takes the next one as
/// its value, whatever it is. `before` is the number of arguments before these.
pub(super) fn split(
    arguments: &[String],
    before: usize,
    client: Client,
) -> Result<Arguments, Failure> {
    let mut found = Arguments {
        pairs: Vec::new(),
        others: Vec::new(),
    };
    let mut waiting = String::new();
    for (argument, position) in arguments.iter().zip(before + 1..) {
        if !waiting.is_empty() {
            found.add(&std::mem::take(&mut waiting), argument);
            continue;
        }
        let Some(pair) = without_dashes(argument, client)? else {
            found.others.push((position, argument.clone()));
            continue;
        };
        match key_and_value(pair) {
            (key, Some(value)) => found.add(&key, value),
            (key, None) => waiting = key,
        }
    }
    if waiting.is_empty() {
        Ok(found)
    } else {
        Err(Failure::ArgumentWithoutValue { name: waiting })
    }
}

impl Arguments {
    /// Adds a build argument. If its name has an escaped equals sign, it is cut at that sign
    /// all the same.
    fn add(&mut self, key: &str, value: &str) {
        let pair = format!("{}={value}", key.replace('=', "\\="));
        let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
        self.pairs.push((name.to_owned(), value.to_owned()));
    }
}

/// Returns `x` for `--x`; `None` if the argument is not a build argument. Earthly accepts a
/// single dash too.
fn without_dashes(argument: &str, client: Client) -> Result<Option<&str>, Failure> {
    if client == Client::Earthly {
        let one = argument.strip_prefix('-');
        return Ok(argument.strip_prefix("--").or(one));
    }
    let name = argument.trim_start_matches('-');
    let dashes = argument.len() - name.len();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if is_name && dashes != 0 && dashes != 2 {
        let argument = argument.split('=').next().unwrap_or_default().to_owned();
        return Err(Failure::SingleDash { argument });
    }
    Ok(argument.strip_prefix("--"))
}

/// Returns the key, with `\=` and `\\` unescaped, and what follows the first `=`.
fn key_and_value(text: &str) -> (String, Option<&str>) {
    let mut key = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => key.extend(characters.next().map(|(_, next)| next)),
            '=' => return (key, Some(&text[at + 1..])),
            other => key.push(other),
        }
    }
    (key, None)
}

/// Returns the target, which must be the only other argument.
pub(super) fn single(others: &[(usize, String)], most: usize) -> Result<(usize, &str), Failure> {
    let Some((position, first)) = others.first() else {
        return Err(Failure::NoTarget);
    };
    match others.get(most) {
        None => Ok((*position, first)),
        Some((position, extra)) => Err(Failure::ExtraArgument {
            position: *position,
            target: target::looks_like_one(extra).then(|| extra.clone()),
        }),
    }
}

/// Returns the name and value of an item of a list. An item without `=` gets the value of the
/// variable of that name, which is returned too.
pub(super) fn item<'a>(
    item: &'a Item,
    variables: &'a Variables,
    client: Client,
) -> Result<(&'a str, &'a str, Option<&'a Variable>), Failure> {
    let (name, value) = match item.text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (item.text.as_str(), None),
    };
    refuse_built_in(name, client)?;
    match value {
        Some(value) => Ok((name, value, None)),
        None => match variables.get(name) {
            Some(variable) => Ok((name, &variable.value, Some(variable))),
            None => Err(Failure::UnsetVariable {
                list: list_name(&item.source, "--build-arg"),
                number: item.number,
                name: KNOWN.into_iter().find(|known| *known == name),
            }),
        },
    }
}

/// Returns the name of the flag or variable that has the list.
pub(super) fn list_name(source: &Source, flag: &str) -> String {
    match source {
        Source::Flag => flag.to_owned(),
        Source::Variable(name) => name.clone(),
    }
}

/// Fails if the name is built in, which ends the build.
pub(super) fn refuse_built_in(name: &str, client: Client) -> Result<(), Failure> {
    let of_earthly = |suffix: &str| BUILT_IN.contains(&suffix);
    let built_in = match (client, name.strip_prefix("EARTHLY_")) {
        (_, Some(suffix)) => of_earthly(suffix),
        (Client::Earth, None) if name.starts_with("EARTH_") => {
            let suffix = &name["EARTH_".len()..];
            of_earthly(suffix) || suffix == "GIT_CONTENT_HASH"
        }
        _ => PLATFORM_NAMES.contains(&name),
    };
    if built_in {
        return Err(Failure::BuiltIn {
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// The built-in names, without `EARTHLY_` or `EARTH_`.
const BUILT_IN: [&str; 27] = [
    "BUILD_SHA",
    "GIT_BRANCH",
    "GIT_COMMIT_TIMESTAMP",
    "GIT_COMMIT_AUTHOR_TIMESTAMP",
    "GIT_AUTHOR",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_CO_AUTHORS",
    "GIT_HASH",
    "GIT_ORIGIN_URL",
    "GIT_ORIGIN_URL_SCRUBBED",
    "GIT_PROJECT_NAME",
    "GIT_SHORT_HASH",
    "GIT_TAG",
    "GIT_REFS",
    "LOCALLY",
    "PUSH",
    "CI",
    "CI_RUNNER",
    "SOURCE_DATE_EPOCH",
    "TARGET",
    "TARGET_NAME",
    "TARGET_PROJECT",
    "TARGET_PROJECT_NO_TAG",
    "TARGET_TAG",
    "TARGET_TAG_DOCKER",
    "VERSION",
];
/// The built-in names that have no prefix.
const PLATFORM_NAMES: [&str; 12] = [
    "NATIVEARCH",
    "NATIVEOS",
    "NATIVEPLATFORM",
    "NATIVEVARIANT",
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETVARIANT",
    "USERARCH",
    "USEROS",
    "USERPLATFORM",
    "USERVARIANT",
];
