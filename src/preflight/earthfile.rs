//! What the checkout's own files can do: which targets there are, what each copies, and
//! in which order a tool gets its arguments. Told by content, never by a tag: tags of
//! CanvOS mislead (canvos.md, 2).

use std::path::Path;

use crate::disk::PathError;

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
    /// `+build-iso`, or `+iso` where that does it itself.
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
    /// The lines of the calls that drop the overlay, for an excerpt.
    pub text: String,
}

/// Reads the checkout in `directory`.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn read(directory: &Path) -> Result<Recipes, PathError> {
    let earthfile = text(&directory.join("Earthfile"))?;
    let wrapper = text(&directory.join("earthly.sh"))?;
    let script = directory.join("cloudconfigs/build-kairos-maas.sh");
    let mut recipes = parse(&earthfile);
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

fn parse(earthfile: &str) -> Recipes {
    let mut recipes = Recipes::default();
    let mut target = String::new();
    for (at, line) in logical_lines(earthfile) {
        if let Some(name) = target_of(&line) {
            name.clone_into(&mut target);
            if let Some(recipe) = recipes.of(&target) {
                recipe.exists = true;
            }
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if target == "iso" {
            recipes.is_uki |= line.contains("IS_UKI");
        }
        let Some(recipe) = recipes.of(&target) else {
            continue;
        };
        if words.first() == Some(&"COPY") {
            let names = |name: &str| {
                let mut words = words.iter().skip(1);
                words.any(|word| word.trim_matches(['"', '/']) == name)
            };
            recipe.overlay |= names("overlay/files-iso");
            recipe.clusterconfig |= names("$CLUSTERCONFIG") || names("${CLUSTERCONFIG}");
        }
        if drops_overlay(&words) {
            recipe.drops_overlay.get_or_insert(at);
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

/// A line `name:` at the margin begins a target.
fn target_of(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_suffix(':')?;
    let first = name.chars().next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (first.is_ascii_alphabetic() && name.chars().all(fits)).then_some(name)
}

/// `AuroraBoot` stops reading flags at its first positional argument, the source: flags
/// behind it are lost without a word. The tools before it take any order. A line may
/// have several calls.
fn drops_overlay(words: &[&str]) -> bool {
    let ends =
        |word: &&str| matches!(*word, "&&" | "||" | "|" | "then" | "else") || word.ends_with(';');
    words.split_inclusive(ends).any(call_drops_overlay)
}

fn call_drops_overlay(words: &[&str]) -> bool {
    let Some(call) = words.iter().position(|word| *word == "build-iso") else {
        return false;
    };
    // Other tools: osbuilder's entry point, enki.
    let other = |word: &&str| word.contains("entrypoint.sh") || *word == "enki";
    if words[..call].iter().any(other) {
        return false;
    }
    let arguments = &words[call..];
    let flag = arguments
        .iter()
        .position(|word| word.starts_with("--overlay-iso"));
    let source = arguments.iter().position(|word| {
        let word = word.trim_start_matches(['"', '\'']);
        word.starts_with("dir:") || word.starts_with("oci:") || word.starts_with("docker:")
    });
    matches!((flag, source), (Some(flag), Some(source)) if source < flag)
}

/// Lines with their continuations, each with the number of its first line; comments
/// left out.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let (part, continues) = match line.trim_end().strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, last)) if open => {
                last.push(' ');
                last.push_str(part);
            }
            _ => lines.push((at + 1, part.to_owned())),
        }
        open = continues;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_read_from_the_text() {
        let recipes = parse(
            "VERSION 0.8\nARG CLUSTERCONFIG\n\niso:\n    IF [ \"$IS_UKI\" = \"true\" ]\n\nbuild-iso:\n    \
             # COPY \"$CLUSTERCONFIG\" x\n    COPY overlay/files-iso/ /overlay/\n    IF [ -n \"$CLUSTERCONFIG\" ]\n        \
             COPY --if-exists \"$CLUSTERCONFIG\" /overlay/x\n    END\n\ncloud-image:\n    COPY --if-exists \"$CLUSTERCONFIG\" /w\n\
             iso-image:\n    COPY overlay/files/ /\n",
        );
        assert!(recipes.iso.overlay && recipes.iso.clusterconfig && recipes.is_uki);
        assert!(recipes.cloud.exists && !recipes.cloud.overlay && recipes.cloud.clusterconfig);
        assert!(!recipes.uki.exists && !recipes.raw.exists && !recipes.maas);
    }

    #[test]
    fn a_source_before_the_flags_drops_the_overlay() {
        for (call, dropped) in [
            (
                "$CMD build-iso --overlay-iso /overlay --arch amd64 dir:/build/image",
                false,
            ),
            (
                "$CMD build-iso dir:/build/image --overlay-iso /overlay",
                true,
            ),
            (
                "auroraboot build-iso \\\n        dir:/build/image \\\n        --overlay-iso=/overlay",
                true,
            ),
            (
                "/entrypoint.sh --name x build-iso dir:/build/image --overlay-iso /overlay",
                false,
            ),
            ("enki build-iso dir:/x --overlay-iso /overlay", false),
            ("auroraboot build-iso dir:/build/image", false),
            (
                "if [ $A ]; then $CMD build-iso --overlay-iso /o dir:/b; else \\\n $CMD build-iso dir:/b --overlay-iso=/o; fi",
                true,
            ),
        ] {
            let recipes = parse(&format!("build-iso:\n    RUN {call}\n"));
            assert_eq!(recipes.iso.drops_overlay, dropped.then_some(2), "{call}");
        }
    }
}
