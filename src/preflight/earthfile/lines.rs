//! The lines of an Earthfile, and the blocks that only some builds run.

/// A line with its continuations, comments left out.
pub struct Line {
    /// All of it.
    pub text: String,
    /// Where each line of the file begins in [`Line::text`], with its number.
    starts: Vec<(usize, usize)>,
}

impl Line {
    /// Its words, each with the line of the file that it stands in.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let number = |word: &str| {
            let at = word.as_ptr() as usize - self.text.as_ptr() as usize;
            let before = self.starts.iter().rev().find(|(start, _)| *start <= at);
            before.map_or(0, |(_, number)| *number)
        };
        let words = self.text.split_whitespace();
        words.map(move |word| (number(word), word))
    }
}

/// Joins the lines of `text` that end with a backslash to the next.
pub fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
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
            Some(last) if open => {
                last.text.push(' ');
                last.starts.push((last.text.len(), at + 1));
                last.text.push_str(part);
            }
            _ => lines.push(Line {
                text: part.to_owned(),
                starts: vec![(0, at + 1)],
            }),
        }
        open = continues;
    }
    lines
}

/// The blocks around a line, the innermost last.
#[derive(Default)]
pub struct Block {
    around: Vec<Branch>,
}

/// A branch of an `IF`.
struct Branch {
    /// Whether it may run.
    runs: bool,
    /// Whether one of the branches so far runs for sure.
    taken: bool,
}

impl Branch {
    fn new(condition: Option<bool>) -> Self {
        Self {
            runs: condition != Some(false),
            taken: condition == Some(true),
        }
    }
}

impl Block {
    /// Whether the lines here may run at all.
    pub fn runs(&self) -> bool {
        self.around.iter().all(|branch| branch.runs)
    }

    /// Takes a line that begins a block, one of its branches, or ends it; says whether it
    /// is one.
    pub fn enters_or_leaves(&mut self, line: &Line, arch: Option<&str>) -> bool {
        let words: Vec<&str> = line.words().map(|(_, word)| word).collect();
        match words[..] {
            ["IF", ref condition @ ..] => {
                self.around.push(Branch::new(holds(condition, arch)));
            }
            ["FOR" | "WAIT" | "WITH" | "TRY", ..] => self.around.push(Branch::new(None)),
            ["ELSE", "IF", ref condition @ ..] => self.branch(holds(condition, arch)),
            ["ELSE", ..] => self.branch(None),
            ["END", ..] => drop(self.around.pop()),
            _ => return false,
        }
        true
    }

    fn branch(&mut self, condition: Option<bool>) {
        if let Some(last) = self.around.last_mut() {
            let next = Branch::new(condition);
            last.runs = next.runs && !last.taken;
            last.taken |= next.taken;
        }
    }
}

/// What `[ "$ARCH" = "amd64" ]` is for this architecture; `None` for what is not known.
fn holds(condition: &[&str], arch: Option<&str>) -> Option<bool> {
    let arch = arch?;
    let bare = |word: &str| word.trim_matches('"').to_owned();
    match condition {
        ["[", variable, sign, value, "]"] => {
            let about_arch = matches!(bare(variable).as_str(), "$ARCH" | "${ARCH}");
            match (about_arch, *sign) {
                (true, "=" | "==") => Some(bare(value) == arch),
                (true, "!=") => Some(bare(value) != arch),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the lines `RUN n` run for an architecture.
    fn run(text: &str, arch: Option<&str>) -> String {
        let mut block = Block::default();
        let mut run = String::new();
        for line in logical_lines(text) {
            if !block.enters_or_leaves(&line, arch) && block.runs() {
                run += line.text.trim().trim_start_matches("RUN ");
            }
        }
        run
    }

    #[test]
    fn a_block_runs_for_its_architecture() {
        let text = "RUN 1\nIF [ \"$ARCH\" = \"arm64\" ]\n RUN 2\nELSE IF [ \"$ARCH\" = \"amd64\" ]\n \
                    RUN 3\n IF [ -n \"$X\" ]\n  RUN 4\n ELSE\n  RUN 5\n END\nELSE\n RUN 6\nEND\nRUN 7\n";
        assert_eq!(run(text, Some("amd64")), "13457");
        assert_eq!(run(text, Some("arm64")), "127");
        assert_eq!(run(text, Some("riscv")), "167");
        assert_eq!(run(text, None), "1234567");
        let text = "IF [ ${ARCH} != amd64 ]\nFOR x IN a\nRUN 1\nEND\nRUN 2\nEND\nRUN 3";
        assert_eq!(run(text, Some("amd64")), "3");
        assert_eq!(run(text, Some("arm64")), "123");
    }

    #[test]
    fn words_have_the_line_they_stand_in() {
        let text = "a\nRUN b \\\n # no\n  c \\\n  d\ne\n";
        let lines = logical_lines(text);
        let words: Vec<(usize, &str)> = lines.iter().flat_map(Line::words).collect();
        let expected = [(1, "a"), (2, "RUN"), (2, "b"), (4, "c"), (5, "d"), (6, "e")];
        assert_eq!(words, expected);
    }
}
