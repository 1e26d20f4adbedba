//! What the checkout's own files can do: which targets there are, what each copies, and
//! in which order a tool gets its arguments. Told by content, never by a tag: tags of
//! CanvOS mislead (canvos.md, 2).

use std::path::Path;

use crate::disk::PathError;

mod lines;

use lines::{Block, Line, logical_lines};

/// What one target of the Earthfile does with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recipe {
    /// Whether the target is there.
    pub exists: bool,
    /// Copies `overlay/files-iso/`.
    pub overlay: bool,
    /// Copies what `CLUSTERCONFIG` names.
    pub clusterconfig: bool,
    /// The line of a call that drops the overlay (T23).
    pub drops_overlay: Option<usize>,
}

/// The Earthfile and the scripts of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipes {
    /// `+build-iso`, which makes what `+iso` exports.
    pub iso: Recipe,
    /// `+build-uki-iso`.
    pub uki: Recipe,
    /// `+cloud-image`.
    pub cloud: Recipe,
    /// `+kairos-raw-image`.
    pub raw: Recipe,
    /// `+iso-disk-image`.
    pub iso_disk: Recipe,
    /// `earthly.sh` knows `+maas-image`, and its script is there.
    pub maas: bool,
    /// `+iso` builds a UKI image where `IS_UKI` says so.
    pub is_uki: bool,
    /// The Earthfile, for an excerpt.
    pub text: String,
}

/// Reads the checkout in `directory`; blocks for another architecture than `arch`, where
/// that is known, are left out.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn read(directory: &Path, arch: Option<&str>) -> Result<Recipes, PathError> {
    let earthfile = text(&directory.join("Earthfile"))?;
    let wrapper = text(&directory.join("earthly.sh"))?;
    let script = directory.join("cloudconfigs/build-kairos-maas.sh");
    let mut recipes = parse(&earthfile, arch);
    recipes.maas = wrapper.contains("+maas-image") && script.is_file();
    recipes.text = earthfile;
    Ok(recipes)
}

/// A file's text; none where there is no file.
fn text(path: &Path) -> Result<String, PathError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(PathError::when("read", path)(error)),
    }
}

fn parse(earthfile: &str, arch: Option<&str>) -> Recipes {
    let mut recipes = Recipes::default();
    let mut target = String::new();
    let mut block = Block::default();
    for line in logical_lines(earthfile) {
        if let Some(name) = target_of(&line.text) {
            name.clone_into(&mut target);
            block = Block::default();
            if let Some(recipe) = recipes.of(&target) {
                recipe.exists = true;
            }
            continue;
        }
        if target == "iso" {
            recipes.is_uki |= line.text.contains("IS_UKI");
        }
        if block.enters_or_leaves(&line, arch) || !block.runs() {
            continue;
        }
        if let Some(recipe) = recipes.of(&target) {
            recipe.reads(&line);
        }
    }
    // An Earthfile with none of the targets is taken for one whose ISO reads everything.
    let known = [recipes.iso, recipes.uki, recipes.cloud, recipes.raw];
    if !known.iter().any(|recipe| recipe.exists) {
        recipes.iso = Recipe {
            exists: true,
            overlay: true,
            clusterconfig: true,
            drops_overlay: None,
        };
    }
    recipes
}

impl Recipes {
    fn of(&mut self, target: &str) -> Option<&mut Recipe> {
        match target {
            "build-iso" => Some(&mut self.iso),
            "build-uki-iso" => Some(&mut self.uki),
            "cloud-image" => Some(&mut self.cloud),
            "kairos-raw-image" => Some(&mut self.raw),
            "iso-disk-image" => Some(&mut self.iso_disk),
            _ => None,
        }
    }
}

impl Recipe {
    /// Takes what a command of the target does.
    fn reads(&mut self, line: &Line) {
        let words: Vec<&str> = line.words().map(|(_, word)| word).collect();
        if words.first() == Some(&"COPY") {
            let names = |name: &str| {
                let mut words = words.iter().skip(1);
                words.any(|word| word.trim_matches(['"', '/']) == name)
            };
            self.overlay |= names("overlay/files-iso");
            self.clusterconfig |= names("$CLUSTERCONFIG") || names("${CLUSTERCONFIG}");
        }
        if let Some(at) = drops_overlay(line) {
            self.drops_overlay.get_or_insert(at);
        }
        if maps_overlay(&words) {
            self.drops_overlay = None;
        }
    }
}

/// A line `name:` at the margin begins a target.
fn target_of(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_suffix(':')?;
    let first = name.chars().next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (first.is_ascii_alphabetic() && name.chars().all(fits)).then_some(name)
}

/// `AuroraBoot` stops reading flags at its first positional argument, the source: flags
/// behind it are lost without a word. The tools before it take any order. A line may
/// have several calls; the source's place is returned.
fn drops_overlay(line: &Line) -> Option<usize> {
    let ends = |(_, word): &(usize, &str)| {
        matches!(*word, "&&" | "||" | "|" | "then" | "else") || word.ends_with(';')
    };
    let words: Vec<(usize, &str)> = line.words().collect();
    words.split_inclusive(ends).find_map(call_drops_overlay)
}

fn call_drops_overlay(words: &[(usize, &str)]) -> Option<usize> {
    let is_call = |word: &str| word == "build-iso" || word == "build-uki";
    let call = words.iter().position(|(_, word)| is_call(word))?;
    // Other tools: osbuilder's entry point, enki.
    let other = |(_, word): &(usize, &str)| word.contains("entrypoint.sh") || *word == "enki";
    if words[..call].iter().any(other) {
        return None;
    }
    let arguments = &words[call..];
    let is_flag = |word: &str| word.starts_with("--overlay-iso");
    let flag = arguments.iter().position(|(_, word)| is_flag(word))?;
    let is_source = |word: &str| {
        let word = word.trim_start_matches(['"', '\'']);
        word.starts_with("dir:") || word.starts_with("oci:") || word.starts_with("docker:")
    };
    let source = arguments[..flag].iter();
    let mut source = source.filter(|(_, word)| is_source(word));
    source.next().map(|(line, _)| *line)
}

/// `xorriso -map /overlay /` lays the overlay over an ISO that was made without it.
fn maps_overlay(words: &[&str]) -> bool {
    let map = |three: &[&str]| {
        three[0] == "-map" && three[1].trim_matches(['"', '/']) == "overlay" && three[2] == "/"
    };
    words.contains(&"xorriso") && words.windows(3).any(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_read_from_the_text() {
        let text = "VERSION 0.8\nARG CLUSTERCONFIG\n\niso:\n    IF [ \"$IS_UKI\" = \"true\" ]\n\nbuild-iso:\n    \
             # COPY \"$CLUSTERCONFIG\" x\n    COPY overlay/files-iso/ /overlay/\n    IF [ -n \"$CLUSTERCONFIG\" ]\n        \
             COPY --if-exists \"$CLUSTERCONFIG\" /overlay/x\n    END\n\ncloud-image:\n    COPY --if-exists \"$CLUSTERCONFIG\" /w\n\
             iso-image:\n    COPY overlay/files/ /\n";
        let recipes = parse(text, None);
        assert!(recipes.iso.overlay && recipes.iso.clusterconfig && recipes.is_uki);
        assert!(recipes.cloud.exists && !recipes.cloud.overlay && recipes.cloud.clusterconfig);
        assert!(!recipes.uki.exists && !recipes.raw.exists && !recipes.maas);
    }

    #[test]
    fn a_source_before_the_flags_drops_the_overlay() {
        for (call, line) in [
            (
                "$CMD build-iso --overlay-iso /overlay --arch amd64 dir:/build/image",
                None,
            ),
            (
                "$CMD build-iso dir:/build/image --overlay-iso /overlay",
                Some(2),
            ),
            (
                "auroraboot build-iso \\\n        dir:/build/image \\\n        --overlay-iso=/overlay",
                Some(3),
            ),
            (
                "$CMD build-uki dir:/build/image -t iso --overlay-iso /overlay",
                Some(2),
            ),
            (
                "/entrypoint.sh --name x build-iso dir:/build/image --overlay-iso /overlay",
                None,
            ),
            ("enki build-iso dir:/x --overlay-iso /overlay", None),
            ("enki build-uki dir:/x --overlay-iso /overlay", None),
            ("auroraboot build-iso dir:/build/image", None),
            (
                "if [ $A ]; then $CMD build-iso --overlay-iso /o dir:/b; else \\\n $CMD build-iso dir:/b --overlay-iso=/o; fi",
                Some(3),
            ),
        ] {
            let recipes = parse(&format!("build-iso:\n    RUN {call}\n"), None);
            assert_eq!(recipes.iso.drops_overlay, line, "{call}");
        }
    }

    #[test]
    fn only_the_architecture_that_is_built_counts() {
        let text = "build-iso:\n IF [ \"$ARCH\" = \"arm64\" ]\n  RUN a build-iso dir:/b --overlay-iso /o\n ELSE\n  \
                    RUN a build-iso --overlay-iso /o dir:/b\n END\n";
        for (arch, line) in [
            (None, Some(3)),
            (Some("arm64"), Some(3)),
            (Some("amd64"), None),
        ] {
            assert_eq!(parse(text, arch).iso.drops_overlay, line, "{arch:?}");
        }
    }

    #[test]
    fn what_is_laid_over_later_is_not_dropped() {
        let call = "build-iso:\n RUN a build-iso dir:/b --overlay-iso /overlay\n RUN xorriso -indev a -outdev a";
        let dropped = |rest: &str| parse(&format!("{call} {rest}\n"), None).iso.drops_overlay;
        assert_eq!(
            dropped("\\\n  -map /overlay / -boot_image any replay"),
            None
        );
        assert_eq!(dropped("-map /other / -boot_image any replay"), Some(2));
    }
}
