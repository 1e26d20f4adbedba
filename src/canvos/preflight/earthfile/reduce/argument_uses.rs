//! Determines which variables the copies depend on.
//!
//! Input: the lines of the targets that are kept. Output: whether a variable affects a copy or a
//! condition. The value of other variables, such as one that only names an image, does not matter.
//! Names are not distinguished by target: a name that matters in one target matters in all.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lines::Line;
use super::super::walk::{assignment, grouped, reference};

/// What is known of variables, line by line.
#[derive(Default)]
pub(super) struct ArgumentUses {
    /// Names that a copy or a condition has.
    direct: BTreeSet<String>,
    /// For a name, those that its value is made of.
    made_of: BTreeMap<String, BTreeSet<String>>,
}

impl ArgumentUses {
    /// Takes a line of a target that is kept.
    pub(super) fn take(&mut self, line: &Line) {
        let words = line.arguments();
        let [command, rest @ ..] = &words[..] else {
            return;
        };
        match *command {
            "ARG" | "LET" | "SET" | "ENV" => {
                let flags = rest.iter().take_while(|word| word.starts_with("--"));
                if let Some((name, value)) = assignment(&rest[flags.count()..]) {
                    self.made(name, &value);
                }
            }
            "COPY" | "FROM" | "BUILD" | "DO" => {
                for word in grouped(rest) {
                    self.word(&word);
                }
            }
            "RUN" | "SAVE" => {}
            _ => self.direct.extend(variables(&line.text)),
        }
    }

    /// A word of a command that names a target, or an argument of that target.
    fn word(&mut self, word: &str) {
        let inner = word.trim_start_matches('(').trim_end_matches(')');
        let is_call = word.starts_with('(') && reference(word).is_some();
        for part in inner.split_whitespace() {
            match part
                .strip_prefix("--")
                .and_then(|part| part.split_once('='))
            {
                Some((name, value)) if is_call || is_argument(name) => self.made(name, value),
                _ => self.direct.extend(variables(part)),
            }
        }
    }

    fn made(&mut self, name: &str, value: &str) {
        let of = self.made_of.entry(name.to_owned()).or_default();
        of.extend(variables(value));
    }

    /// All names that matter.
    pub(super) fn all(self) -> BTreeSet<String> {
        let mut all = self.direct;
        loop {
            let of = all.iter().filter_map(|name| self.made_of.get(name));
            let more: BTreeSet<String> = of.flatten().cloned().collect();
            let before = all.len();
            all.extend(more);
            if all.len() == before {
                return all;
            }
        }
    }
}

/// Whether an option sets a build argument: the programs' own are in lower case.
fn is_argument(name: &str) -> bool {
    name.bytes().any(|b| b.is_ascii_uppercase())
}

/// The names behind dollar signs.
pub(super) fn variables(text: &str) -> impl Iterator<Item = String> {
    text.split('$').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let fits = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let name = &rest[..rest.find(fits).unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::lines::logical_lines;
    use super::*;

    #[test]
    fn what_matters() {
        for (text, expected) in [
            ("COPY $A \"${B}/x\" /c", "A B"),
            ("ARG X=$A", ""),
            ("ARG X=$A\nCOPY $X /", "A X"),
            ("ARG X=v-${Y}\nCOPY (+t/ --N=$X) .", ""),
            ("ARG X=v-${Y}\nCOPY (+t/ --N=$X) .\nCOPY $N /", "N X Y"),
            ("DO +F --N=$X\nIF [ \"$N\" = a ]\nEND", "N X"),
            ("DO +F --to=$X\n", "X"),
            ("BUILD --platform=$P +x --N $X", "P X"),
            ("WORKDIR /$W\nRUN $R\nSAVE ARTIFACT $S", "W"),
        ] {
            let mut uses = ArgumentUses::default();
            for line in logical_lines(text) {
                uses.take(&line);
            }
            let all: Vec<String> = uses.all().into_iter().collect();
            assert_eq!(all.join(" "), expected, "{text}");
        }
    }
}
