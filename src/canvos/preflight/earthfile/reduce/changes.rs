//! Determines whether a line that is left out may change a definition after it was copied.
//!
//! Input: a line, and the places that were copied to. Output: the [`Obstacle`], if there is one.
//! A reduced target has no `RUN` of the file. Such a line is left out only if each of its
//! commands is known and does not write, move or remove anything at these places. A command
//! that is not known is an obstacle, unless no definition has been copied yet.

use super::super::drops_overlay;
use super::super::lines::Line;
use super::super::walk::flag_words;
use super::Obstacle;
use super::copies::plain;
use super::effects::{OVERLAY_OPTION, State, of_script};
use super::places::{Places, is_within};
use super::shell::{self, Piece, Script, SimpleCommand, Unclear, Word};

/// A definition's place below an overlay.
const BELOW: &str = "opt/spectrocloud/clusterconfig/spc.tgz";

/// The flags of `RUN` that have a value, which may be the next word.
const RUN_VALUES: [&str; 5] = ["--mount", "--secret", "--network", "--aws", "--oidc"];

/// Returns what the commands of the `RUN` in `line` may do to a definition.
pub(super) fn of_run(line: &Line, state: State<'_>) -> Option<Obstacle> {
    if drops_overlay(line).is_some() {
        return Some(Obstacle::DropsOverlay);
    }
    let words = line.arguments();
    let words = words.get(1..).unwrap_or_default();
    let (flags, words) = words.split_at(flag_words(words, &RUN_VALUES));
    let flags = flags.join(" ");
    let rest = words.first().map_or("", |first| {
        let at = first.as_ptr() as usize - line.text.as_ptr() as usize;
        &line.text[at..]
    });
    if flags.contains("--entrypoint") && state.is_copied {
        return Some(Obstacle::Changes);
    }
    // A mount hides what is below it.
    let mounts = of_commands(&format!("rm {}", flags.replace("--", "")), state);
    mounts.or_else(|| match serde_json::from_str::<Vec<String>>(rest) {
        Ok(words) => {
            let command = SimpleCommand {
                words: words.iter().map(|word| Word::from(word.as_str())).collect(),
                outputs: Vec::new(),
            };
            of_script(
                &Script {
                    commands: vec![command],
                    ..Script::default()
                },
                state,
            )
        }
        Err(_) => of_commands(rest, state),
    })
}

/// Returns whether the `RUN` in `line` makes an image of an overlay.
pub(super) fn makes_image(line: &Line) -> bool {
    let mut words = line.words().map(|(_, word)| word);
    words.next() == Some("RUN")
        && words.any(|word| {
            matches!(word, "build-iso" | "build-uki") || word.starts_with(OVERLAY_OPTION)
        })
}

/// Returns the overlay of which the `RUN` in `line` makes an image, as it is written.
pub(super) fn overlay_of(line: &Line) -> Option<String> {
    let words: Vec<&str> = line.words().map(|(_, word)| word).collect();
    let mut named = words.iter().enumerate().filter_map(|(at, word)| {
        match word.strip_prefix(OVERLAY_OPTION)? {
            "" => words.get(at + 1).copied(),
            value => value.strip_prefix('='),
        }
    });
    let word = named.next()?.trim_matches(['"', '\'', ';']);
    (!word.is_empty()).then(|| word.to_owned())
}

/// Returns what the shell commands in `text` may do to a definition.
pub(super) fn of_commands(text: &str, state: State<'_>) -> Option<Obstacle> {
    match shell::read(text) {
        Ok(script) => of_script(&script, state),
        Err(Unclear) => state.is_copied.then_some(Obstacle::Changes),
    }
}

/// Returns what the commands in `$(…)` of `text` may do, which is not a command itself.
pub(super) fn of_substitutions(text: &str, state: State<'_>) -> Option<Obstacle> {
    match shell::substitutions(text) {
        Ok(commands) => commands.iter().find_map(|text| of_commands(text, state)),
        Err(Unclear) => state.is_copied.then_some(Obstacle::Changes),
    }
}

/// Returns whether something that is copied to `target` may replace what was copied to `targets`.
pub(super) fn covers(target: &str, state: State<'_>) -> bool {
    let mut word = Word::default();
    for (at, part) in plain(target).split('$').enumerate() {
        if at > 0 {
            word.0.push(Piece::Unknown);
        }
        // What follows a variable's name is not its value.
        let part = if at > 0 {
            part.find('/').map_or("", |at| &part[at..])
        } else {
            part
        };
        if !part.is_empty() {
            word.0.push(Piece::Literal(part.to_owned()));
        }
    }
    if word.0.is_empty() {
        word.0.push(Piece::Literal("/".to_owned()));
    }
    let places = Places::of(state.targets);
    places.may_be(&word, state.directory)
}

/// Returns `target` as a path of the image, for a copy in `directory`, as far as that is known.
pub(super) fn absolute(target: &str, directory: Option<&str>) -> String {
    let word = plain(target);
    match directory {
        Some(directory)
            if !word.starts_with(['/', '$']) && !target.starts_with(['/', '"', '\'']) =>
        {
            format!("{}/{word}", plain(directory))
        }
        _ => target.to_owned(),
    }
}

/// Returns the directory after `line` in `directory`, if it is known. A base image or a function
/// may set another one.
pub(super) fn after(directory: Option<String>, line: &Line) -> Option<String> {
    match line.arguments()[..] {
        ["WORKDIR", to, ..] => entered(directory.as_deref(), to),
        ["FROM" | "DO", ..] => None,
        _ => directory,
    }
}

/// Returns the directory after a `WORKDIR` in `directory`, if it is known.
pub(super) fn entered(directory: Option<&str>, to: &str) -> Option<String> {
    let to = to.trim_matches(['"', '\'']);
    if to.contains('$') {
        return None;
    }
    match directory {
        _ if to.starts_with('/') => Some(to.to_owned()),
        Some(directory) => Some(format!("{directory}/{to}")),
        None => None,
    }
}

/// Returns whether a definition that was copied to one of `targets` is in `path`.
pub(super) fn holds(path: &str, targets: &[String]) -> bool {
    let path = plain(path);
    let all = path.strip_suffix("/*").or_else(|| path.strip_suffix("/."));
    let path = all.unwrap_or(path);
    targets.iter().any(|target| {
        let target = plain(target);
        let below = [format!("{target}/spc.tgz"), format!("{target}/{BELOW}")];
        let is_file = target.ends_with("spc.tgz");
        is_within(target, path) && is_file || !is_file && below.iter().any(|it| is_within(it, path))
    })
}

#[cfg(test)]
mod tests;
