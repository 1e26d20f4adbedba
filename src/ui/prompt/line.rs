//! The line that is being typed, and the effects of keys on it.
//!
//! Input: keys. Output: the text, and whether it is complete. The keys are those of Bash and
//! readline that people expect in a short answer.

use console::Key;

/// The result of a key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAction {
    /// The line is still being edited.
    Continue,
    /// Enter: the line is the answer.
    Submit,
    /// Escape and the like: there is no answer.
    Cancel,
    /// Ctrl-C.
    Interrupt,
}

/// A line that is being edited.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: Vec<char>,
    /// The number of characters before the cursor.
    cursor: usize,
}

impl Line {
    /// Returns the whole text.
    pub(super) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// Returns the text before the cursor.
    pub(super) fn before(&self) -> String {
        self.text[..self.cursor].iter().collect()
    }

    /// Handles `key`. Keys without a meaning change nothing.
    pub(super) fn press(&mut self, key: &Key) -> KeyAction {
        match key {
            Key::Enter => return KeyAction::Submit,
            Key::Escape => return KeyAction::Cancel,
            Key::CtrlC => return KeyAction::Interrupt,
            Key::Backspace => self.erase(self.cursor.saturating_sub(1)),
            Key::Del => self.erase_next(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::ArrowLeft => self.cursor = self.cursor.saturating_sub(1),
            Key::ArrowRight => self.cursor = (self.cursor + 1).min(self.text.len()),
            // Pasted text may contain tabs.
            Key::Tab => self.insert(' '),
            Key::Char(c) => return self.character(*c),
            _ => {}
        }
        KeyAction::Continue
    }

    fn character(&mut self, c: char) -> KeyAction {
        match c {
            '\u{2}' => self.cursor = self.cursor.saturating_sub(1),
            '\u{6}' => self.cursor = (self.cursor + 1).min(self.text.len()),
            '\u{3}' => return KeyAction::Interrupt,
            // Ctrl-D deletes a character, and ends an empty line; Ctrl-G cancels.
            '\u{4}' if self.text.is_empty() => return KeyAction::Cancel,
            '\u{4}' => self.erase_next(),
            '\u{7}' => return KeyAction::Cancel,
            // Ctrl-K, Ctrl-U and Ctrl-W.
            '\u{b}' => self.text.truncate(self.cursor),
            '\u{15}' => self.erase(0),
            '\u{17}' => self.erase(self.start_of_word()),
            c if c.is_control() => {}
            c => self.insert(c),
        }
        KeyAction::Continue
    }

    fn insert(&mut self, c: char) {
        self.text.insert(self.cursor, c);
        self.cursor += 1;
    }

    /// Erases the text from `start` to the cursor.
    fn erase(&mut self, start: usize) {
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }

    fn erase_next(&mut self) {
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }

    /// Returns where the word before the cursor begins; spaces after the word belong to it.
    fn start_of_word(&self) -> usize {
        let before = &self.text[..self.cursor];
        let end = before.iter().rposition(|c| !c.is_whitespace());
        let end = end.map_or(0, |at| at + 1);
        let blank = before[..end].iter().rposition(|c| c.is_whitespace());
        blank.map_or(0, |at| at + 1)
    }
}

/// Removes what surrounds a copied answer: white space, the quotes and the comma of TOML or
/// JSON, the quotes of a word processor, the angle brackets of an email.
#[must_use]
pub(crate) fn unquoted(text: &str) -> &str {
    const PAIRS: [(char, char); 6] = [
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('<', '>'),
        ('\u{201c}', '\u{201d}'),
        ('\u{2018}', '\u{2019}'),
    ];
    let mut text = text.trim();
    loop {
        let inner = text.trim_end_matches(',').trim_end();
        let quoted = PAIRS.iter().find_map(|(open, close)| {
            inner
                .strip_prefix(*open)?
                .strip_suffix(*close)
                .map(str::trim)
        });
        match quoted {
            Some(inner) => text = inner,
            None => return inner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the line after these keys; `|` marks the cursor.
    fn typed(keys: &str) -> String {
        let mut line = Line::default();
        for c in keys.chars() {
            let key = match c {
                '\u{1}' => Key::Home,
                '\u{5}' => Key::End,
                '\u{7f}' => Key::Backspace,
                '<' => Key::ArrowLeft,
                '>' => Key::ArrowRight,
                c => Key::Char(c),
            };
            assert_eq!(line.press(&key), KeyAction::Continue, "{keys:?}");
        }
        let (text, before) = (line.text(), line.before());
        let behind = &text[before.len()..];
        format!("{before}|{behind}")
    }

    #[test]
    fn the_keys_of_readline() {
        for (keys, expected) in [
            ("abc", "abc|"),
            ("abc\u{7f}", "ab|"),
            ("\u{7f}a", "a|"),
            ("abc<<x", "ax|bc"),
            ("abc\u{1}x\u{5}y", "xabcy|"),
            ("abc\u{2}\u{2}\u{6}x", "abx|c"),
            ("one two\u{15}", "|"),
            ("one two<<\u{15}", "|wo"),
            ("one two\u{17}", "one |"),
            ("one two  \u{17}", "one |"),
            ("one two\u{17}\u{17}\u{17}", "|"),
            ("one two<\u{17}", "one |o"),
            ("one two\u{1}>\u{b}", "o|"),
            ("one\u{1}\u{4}", "|ne"),
            ("one\u{4}", "one|"),
            // Other control characters have no effect.
            ("a\u{0}\u{e}\u{1f}b", "ab|"),
            ("größe\u{7f}\u{7f}\u{7f}", "gr|"),
        ] {
            assert_eq!(typed(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn keys_that_end_a_line() {
        for (key, step) in [
            (Key::Enter, KeyAction::Submit),
            (Key::Escape, KeyAction::Cancel),
            (Key::Char('\u{4}'), KeyAction::Cancel),
            (Key::Char('\u{7}'), KeyAction::Cancel),
            (Key::CtrlC, KeyAction::Interrupt),
            (Key::Char('\u{3}'), KeyAction::Interrupt),
            (Key::Tab, KeyAction::Continue),
            (Key::ArrowUp, KeyAction::Continue),
        ] {
            assert_eq!(Line::default().press(&key), step, "{key:?}");
        }
    }

    #[test]
    fn what_surrounds_a_pasted_text_goes() {
        for text in [
            "a@1",
            "  a@1\t",
            "\"a@1\"",
            "  \"a@1\",",
            "'a@1'",
            "`a@1`",
            "<a@1>",
            "\u{201c}a@1\u{201d}",
            "\u{a0}a@1\u{a0}",
            "\" a@1 \" ,",
        ] {
            assert_eq!(unquoted(text), "a@1", "{text:?}");
        }
        for text in ["", "\"", "a\"b", "it's", "<a"] {
            assert_eq!(unquoted(text), text);
        }
    }
}
