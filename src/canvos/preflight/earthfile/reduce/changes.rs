//! Determines whether a line that is left out may change a definition after it was copied.
//!
//! Input: a line, and the places that were copied to. Output: the [`Obstacle`], if there is one.
//! A reduced target has no `RUN` of the file. Most `RUN` lines do not affect the definition, but
//! one with a command that writes, moves or removes files at its place may.

use super::super::drops_overlay;
use super::super::lines::Line;
use super::Obstacle;
use super::copies::plain;

/// Programs that change files they are given.
const WRITERS: [&str; 16] = [
    "rm", "mv", "cp", "ln", "install", "rsync", "truncate", "dd", "shred", "unlink", "rmdir",
    "find", "tee", "unzip", "bsdtar", "git",
];
/// A definition's directory below an overlay.
const BELOW: &str = "opt/spectrocloud/clusterconfig/spc.tgz";
/// CanvOS itself unpacks this one beside the definition: it holds the local UI.
const LOCAL_UI: &str = "local-ui.tar";

/// What the `RUN` in `line` may do to what was copied to `targets`.
pub(super) fn of_run(line: &Line, targets: &[String]) -> Option<Obstacle> {
    if drops_overlay(line).is_some() {
        return Some(Obstacle::DropsOverlay);
    }
    let words: Vec<&str> = line.words().map(|(_, word)| word).collect();
    let mut commands = words.split(|word| is_separator(word));
    commands
        .any(|command| changes(command, targets))
        .then_some(Obstacle::Changes)
}

/// Whether something that is copied to `target` may replace what was copied to `targets`.
pub(super) fn covers(target: &str, targets: &[String]) -> bool {
    let target = plain(target);
    places(targets).any(|place| is_within(&place, target) || is_within(target, &place))
}

/// Whether a definition that was copied to one of `targets` is in `path`.
pub(super) fn holds(path: &str, targets: &[String]) -> bool {
    let path = directory_of(path);
    places(targets).any(|place| is_within(&place, path))
}

/// The directory that `word` names, or all that is in it.
fn directory_of(word: &str) -> &str {
    let word = plain(word);
    let all = word.strip_suffix("/*").or_else(|| word.strip_suffix("/."));
    all.unwrap_or(word)
}

fn is_separator(word: &str) -> bool {
    matches!(
        word,
        "&&" | "||" | "|" | ";" | "then" | "else" | "do" | "if" | "RUN" | "{" | "(" | "!"
    ) || word.ends_with(';')
}

fn changes(command: &[&str], targets: &[String]) -> bool {
    let named = |word: &&str| {
        let word = word.trim_matches([';', ')', '(', '"', '\'']);
        names_place(word, targets)
    };
    let redirects = command.iter().any(|word| {
        let to = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let to = to.strip_prefix(">>").or_else(|| to.strip_prefix('>'));
        to.is_some_and(|to| !to.is_empty() && named(&to))
    });
    let behind = command
        .windows(2)
        .any(|two| matches!(two[0], ">" | ">>" | "1>" | "1>>") && named(&two[1]));
    let searches = |word: &&str| word.starts_with("-exec") || *word == "-delete";
    let harmless = |word: &str| word.ends_with("find") && !command.iter().any(searches);
    let writer = |word: &&str| is_writer(word) && !harmless(word);
    let Some(at) = command.iter().position(writer) else {
        let enters = command.first() == Some(&"cd") && command.iter().any(&named);
        return redirects || behind || enters;
    };
    let arguments = &command[at + 1..];
    if is_tar(command[at]) && arguments.iter().any(|word| word.ends_with(LOCAL_UI)) {
        return redirects || behind;
    }
    redirects || behind || arguments.iter().any(named)
}

fn is_writer(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    let name = name.trim_matches(['"', '\'', '(', '{']);
    WRITERS.contains(&name) || is_tar(name)
}

fn is_tar(word: &str) -> bool {
    word.rsplit('/').next() == Some("tar")
}

/// Whether `word` names the place of a definition, or a directory of it.
fn names_place(word: &str, targets: &[String]) -> bool {
    if word.starts_with('-') && !word.contains('/') {
        return false;
    }
    let word = match word.split_once('=') {
        Some((option, value)) if option.starts_with('-') => value,
        _ => word,
    };
    if word.contains("clusterconfig") || word.contains("spc.tgz") || word.contains("CLUSTERCONFIG")
    {
        return true;
    }
    let word = directory_of(word);
    !word.is_empty() && places(targets).any(|place| is_within(&place, word))
}

/// Every path that a definition may have after a copy to one of `targets`.
fn places(targets: &[String]) -> impl Iterator<Item = String> {
    targets.iter().flat_map(|target| {
        let target = plain(target);
        let below = [format!("{target}/spc.tgz"), format!("{target}/{BELOW}")];
        if target.ends_with("spc.tgz") {
            vec![target.to_owned()]
        } else {
            below.into()
        }
    })
}

/// Whether `path` is `directory` or something below it.
fn is_within(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::super::lines::logical_lines;
    use super::*;

    #[test]
    fn what_may_change_a_definition_and_what_does_not() {
        let targets = ["/overlay/".to_owned()];
        for (run, expected) in [
            ("rm -f /overlay/opt/spectrocloud/content/*.zst; fi", None),
            (
                "sed s/a/b/ /overlay/boot/grub.cfg > /overlay/boot/grub.cfg.tmp && mv /overlay/boot/grub.cfg.tmp /overlay/boot/grub.cfg",
                None,
            ),
            (
                "tar -xf /overlay/opt/spectrocloud/local-ui.tar -C /overlay/opt/spectrocloud && rm -f /overlay/opt/spectrocloud/local-ui.tar",
                None,
            ),
            ("mv /iso/*.iso $ISO_NAME.iso", None),
            ("mkdir -p /overlay/opt", None),
            (
                "/entrypoint.sh build-iso --overlay-iso /overlay dir:/x",
                None,
            ),
            (
                "auroraboot build-iso dir:/x --overlay-iso /overlay",
                Some(Obstacle::DropsOverlay),
            ),
            ("rm -rf /overlay/opt", Some(Obstacle::Changes)),
            ("rm -rf /overlay", Some(Obstacle::Changes)),
            ("rm -rf /overlay/*", Some(Obstacle::Changes)),
            ("cp -r extra/. /overlay/", Some(Obstacle::Changes)),
            (
                "/bin/cp x /overlay/opt/spectrocloud/clusterconfig/",
                Some(Obstacle::Changes),
            ),
            ("tar -xf more.tar -C /overlay", Some(Obstacle::Changes)),
            (
                "curl $X > /overlay/opt/spectrocloud/clusterconfig/spc.tgz",
                Some(Obstacle::Changes),
            ),
            (
                "cat x >/overlay/opt/spectrocloud/clusterconfig/spc.tgz",
                Some(Obstacle::Changes),
            ),
            ("cd /overlay && ./tidy", Some(Obstacle::Changes)),
            (
                "if true; then mv \"$CLUSTERCONFIG\" /x; fi",
                Some(Obstacle::Changes),
            ),
        ] {
            let lines = logical_lines(&format!("    RUN {run}\n"));
            assert_eq!(of_run(&lines[0], &targets), expected, "{run}");
        }
    }

    #[test]
    fn a_copy_over_a_definition() {
        let targets = ["/overlay/".to_owned()];
        for (target, expected) in [
            ("/overlay/", true),
            ("/overlay/opt/spectrocloud/clusterconfig/spc.tgz", true),
            ("/overlay/opt/", true),
            ("/", true),
            ("/overlay/luet", false),
            ("/overlay/config.yaml", false),
            ("/build/image", false),
        ] {
            let covers = covers(target, &targets);
            assert_eq!(covers, expected, "{target}");
        }
    }
}
