//! The logical lines of an Earthfile: continuations are joined, and comments are left out.
//!
//! The rules are those of Earthly's lexer. A backslash at the end of a line continues it,
//! across any number of blank lines and comment lines. A `#` after white space begins a
//! comment; a `#` inside a word does not.

/// A line with its continuations.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// The text of the whole line.
    pub text: String,
    /// The offsets in [`Line::text`] at which lines of the file begin, with their line numbers.
    starts: Vec<(usize, usize)>,
}

impl Line {
    /// Returns the words between white space, each with the number of the line that it is on.
    pub(super) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        let words = self.text.split_whitespace();
        words.map(|word| (self.number_of(word), word))
    }

    /// Returns the number of the first line.
    pub(super) fn number(&self) -> usize {
        self.starts.first().map_or(0, |(_, number)| *number)
    }

    fn number_of(&self, word: &str) -> usize {
        let at = word.as_ptr() as usize - self.text.as_ptr() as usize;
        let before = self.starts.iter().rev().find(|(start, _)| *start <= at);
        before.map_or(0, |(_, number)| *number)
    }

    /// Returns the arguments: words as Earthly splits them, in which white space in quotes or
    /// in `$(…)` does not end a word. Quotes are kept.
    pub(super) fn arguments(&self) -> Vec<&str> {
        let mut arguments = Vec::new();
        let mut start = None;
        let mut state = Quoting::default();
        for (at, c) in self.text.char_indices() {
            if c.is_ascii_whitespace() && state.is_outside() {
                if let Some(start) = start.take() {
                    arguments.push(&self.text[start..at]);
                }
                continue;
            }
            start.get_or_insert(at);
            state.take(c);
        }
        arguments.extend(start.map(|start| &self.text[start..]));
        arguments
    }

    /// Whether the line is indented.
    pub(super) fn is_indented(&self) -> bool {
        self.text.starts_with([' ', '\t'])
    }
}

/// Whether a character is in quotes, in `$(…)`, or in neither.
#[derive(Default)]
struct Quoting {
    quote: Option<char>,
    escaped: bool,
    dollar: bool,
    depth: usize,
}

impl Quoting {
    fn is_outside(&self) -> bool {
        self.quote.is_none() && self.depth == 0 && !self.escaped
    }

    fn take(&mut self, c: char) {
        let dollar = std::mem::replace(&mut self.dollar, c == '$' && !self.escaped);
        if std::mem::take(&mut self.escaped) {
            return;
        }
        match (c, self.quote) {
            ('\\', quote) if quote != Some('\'') => self.escaped = true,
            (c, Some(quote)) if c == quote => self.quote = None,
            ('"' | '\'', None) => self.quote = Some(c),
            ('(', None) if dollar || self.depth > 0 => self.depth += 1,
            (')', None) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Returns the logical lines of `text`, without blank lines and comments.
pub(super) fn logical_lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        // In a quotation that an earlier line began, there are no comments.
        let is_quoted = open && lines.last().is_some_and(|last| is_in_quotes(&last.text));
        let line = if is_quoted {
            line
        } else {
            without_comment(line)
        };
        if line.trim().is_empty() {
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

fn is_in_quotes(text: &str) -> bool {
    let mut state = Quoting::default();
    text.chars().for_each(|c| state.take(c));
    state.quote.is_some()
}

/// Returns the part of a line before a comment.
fn without_comment(line: &str) -> &str {
    let mut state = Quoting::default();
    let mut blank = true;
    for (at, c) in line.char_indices() {
        if c == '#' && blank && state.is_outside() {
            return &line[..at];
        }
        blank = c == ' ' || c == '\t';
        state.take(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_line_they_are_on() {
        let text = "a\nRUN b \\\n # no\n\n  c \\\n  d # e\ne\n";
        let lines = logical_lines(text);
        let words: Vec<(usize, &str)> = lines.iter().flat_map(Line::words).collect();
        let expected = [(1, "a"), (2, "RUN"), (2, "b"), (5, "c"), (6, "d"), (7, "e")];
        assert_eq!(words, expected);
    }

    #[test]
    fn arguments_keep_what_is_quoted_together() {
        for (text, expected) in [
            ("COPY a  b", vec!["COPY", "a", "b"]),
            (
                "IF [ \"$A B\" = 'c d' ]",
                vec!["IF", "[", "\"$A B\"", "=", "'c d'", "]"],
            ),
            ("ARG A=$(echo b c) d", vec!["ARG", "A=$(echo b c)", "d"]),
            ("COPY a\\ b c", vec!["COPY", "a\\ b", "c"]),
            (
                "COPY (+x/y --A=1) /z",
                vec!["COPY", "(+x/y", "--A=1)", "/z"],
            ),
            ("RUN a#b # c", vec!["RUN", "a#b"]),
            ("RUN 'a # b' \"# c\"", vec!["RUN", "'a # b'", "\"# c\""]),
        ] {
            let lines = logical_lines(text);
            assert_eq!(lines[0].arguments(), expected, "{text}");
        }
    }
}
