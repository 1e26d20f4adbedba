//! Generates the lines of a reduced target that record what arrived.
//!
//! Input: the places that the target copies to. Output: lines of an Earthfile. A record is a small
//! file: its first line names the target, then each place has a line, and the value of
//! `CLUSTERCONFIG` follows unchanged. Each record is named after its own digest, so that the
//! records of several builds of one target do not replace each other.

use super::build_marker;

/// What the names of records begin with.
pub(in crate::canvos) const RECORD_PREFIX: &str = "edgestage-rehearsal-";
/// The directory of the reduced targets for all of it.
pub(super) const OWN: &str = "/.edgestage";
/// Records that a target got from those that it copies from.
pub(in crate::canvos) const RECORDS: &str = "/.edgestage/in/";

/// What is expected where something was copied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The overlay, with the definition's directory below it.
    Overlay,
    /// The definition.
    File,
    /// A directory, in which the definition may be.
    Directory,
    /// The overlay of which a tool makes an image, with the definition at its place.
    Image,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Self::Overlay => 'o',
            Self::File => 'f',
            Self::Directory => 'd',
            Self::Image => 't',
        }
    }
}

/// A place that something was copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub kind: Kind,
    /// As it is written.
    pub word: String,
}

impl Destination {
    /// Whether the path is absolute whatever the variables are.
    pub(super) fn is_absolute(&self) -> bool {
        self.word.trim_start_matches(['"', '\'']).starts_with('/')
    }

    /// A shell command that notes the place, in the directory that `COPY` was in.
    fn note(&self) -> String {
        let word = if self.word.contains(['"', '\'', '\\']) {
            self.word.clone()
        } else {
            format!("\"{}\"", self.word)
        };
        let kind = self.kind.letter();
        format!(
            "p={word}; case \"$p\" in /*) ;; *) p=\"$PWD/$p\" ;; esac; \
             echo \"{kind} $p\" >>{OWN}/places"
        )
    }
}

/// The line that notes one place at once.
pub(super) fn note(destination: &Destination) -> String {
    format!("RUN mkdir -p {OWN} && {}", destination.note())
}

/// The lines that list what is at `destinations` and at the places that were noted.
/// With `tool`, they also say if the tool that makes an ISO was not called; if `is_marked`, they
/// mark the build and name its mark.
pub(super) fn list(
    target: &str,
    destinations: &[&Destination],
    tool: bool,
    is_marked: bool,
) -> Vec<String> {
    let notes: Vec<String> = destinations
        .iter()
        .map(|place| place.note() + "; ")
        .collect();
    let run = format!(
        "RUN mkdir -p {OWN}/own && rm -f {OWN}/own/* && {}{}",
        notes.concat(),
        SCRIPT
            .replace("@TARGET@", target)
            .replace("@TOOL@", if tool { TOOL } else { "" })
            .replace("@MARK@", if is_marked { MARK } else { "" })
    );
    // The base image's user may not be allowed to write here.
    let mut lines = vec!["USER root".to_owned()];
    lines.extend(is_marked.then(|| build_marker::mark(target)));
    lines.push(one_line(&run));
    lines
}

/// The lines that hand the records on, and export them if `local`. They change the working
/// directory: with `--if-exists`, both programs find nothing elsewhere.
pub(super) fn save(own: bool, received: bool, local: bool) -> Vec<String> {
    let to = if local {
        format!(" AS LOCAL ./{}/", super::EXPORT_DIRECTORY)
    } else {
        String::new()
    };
    let mut lines = Vec::new();
    if own {
        lines.push(format!("SAVE ARTIFACT {OWN}/own/{RECORD_PREFIX}*{to}"));
    }
    if received {
        lines.push(format!("WORKDIR {RECORDS}"));
        lines.push(format!("SAVE ARTIFACT --if-exists ./{RECORD_PREFIX}*{to}"));
    }
    lines
}

const TOOL: &str = "[ -n \"$EDGESTAGE_ISO_TOOL\" ] || echo \"x uncalled -\";";
const MARK: &str = "echo \"x mark $(cut -d ' ' -f 1 /.edgestage/mark)\";";

/// The directories in which a definition is, below something that was copied to: the
/// overlay's, and every end of its path, since a part of the overlay may be copied as well.
/// Kinds of rows: `o`, `f`, `d` and `t` as the place; `file SIZE SHA256`, `link`, `directory`,
/// `other` or `absent`; the path. A link on the way counts unless it stays in the overlay:
/// then it is `through` it. `uncalled` is an ISO that no tool makes. `mark` names the mark of
/// this build.
const SCRIPT: &str = r#"
kind() {
  if [ -L "$1" ]; then echo link; elif [ -d "$1" ]; then echo directory;
  elif [ -f "$1" ]; then echo file $(wc -c <"$1") $(sha256sum <"$1" | cut -d " " -f 1);
  elif [ -e "$1" ]; then echo other; else echo absent; fi;
};
below() {
  s="$2"; at="$1";
  while [ -n "$s" ]; do
    at="$at/${s%%/*}"; case "$s" in */*) s="${s#*/}" ;; *) s="" ;; esac;
    if [ -L "$at" ]; then
      real="$(cd -P "$at" 2>/dev/null && pwd -P)"; case "$real/" in "$1"/*) echo "through $at" ;; *) echo "link $at"; return 0 ;; esac;
    fi;
    [ -d "$at" ] || return 1;
  done;
  echo "$(kind "$at/spc.tgz") $at/spc.tgz";
};
{
  echo "edgestage-rehearsal @TARGET@";
  sort -u /.edgestage/places | while read -r k p; do
    if [ "$k" = f ] && [ ! -d "${p%/}" ] || [ "${p##*/}" = spc.tgz ]; then echo "$k $(kind "${p%/}") $p"; continue; fi;
    r="$(cd -P "$p" 2>/dev/null && pwd -P)" || { echo "$k absent $p"; continue; };
    r="${r%/}"; found=;
    if [ "$k" = t ]; then
      below "$r" opt/spectrocloud/clusterconfig >/.edgestage/rows && while read -r row; do echo "t $row"; done </.edgestage/rows || echo "t absent $p";
      continue;
    fi;
    if [ -e "$r/spc.tgz" ] || [ -L "$r/spc.tgz" ]; then echo "$k $(kind "$r/spc.tgz") $r/spc.tgz"; found=1; fi;
    for s in clusterconfig spectrocloud/clusterconfig opt/spectrocloud/clusterconfig files-iso/opt/spectrocloud/clusterconfig overlay/files-iso/opt/spectrocloud/clusterconfig; do
      below "$r" "$s" >/.edgestage/rows && found=1 && while read -r row; do echo "$k $row"; done </.edgestage/rows;
    done;
    [ -n "$found" ] || echo "$k absent $p";
  done;
  @TOOL@
  @MARK@
  printf "value%s " "${CLUSTERCONFIG+-set}"; printf "%s" "$CLUSTERCONFIG";
} >/.edgestage/record && mv /.edgestage/record "/.edgestage/own/edgestage-rehearsal-$(sha256sum </.edgestage/record | cut -c 1-32)"
"#;

/// An Earthfile's command is one line.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
