//! The progress lines below all messages, which are redrawn while work is in progress.
//!
//! Input: lines that fit the terminal. Output: the sequences that draw them in place of the
//! previous lines, or clear them. The cursor is never hidden, and rests at the beginning of the
//! last line, where text that a terminal echoes, such as `^C`, does not break a line.

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// The number of characters in a line.
    pub columns: usize,
    /// The number of lines.
    pub rows: usize,
}

/// A line of text whose beginning is colored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The colored beginning.
    pub head: String,
    /// The rest of the line.
    pub rest: String,
}

impl Line {
    fn width(&self) -> usize {
        width(&self.head) + width(&self.rest)
    }
}

/// Returns the maximum number of columns of `text`: some characters outside ASCII take two.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// The lines that are drawn now.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    lines: Vec<Line>,
    columns: usize,
}

impl Drawn {
    /// Returns the sequence that clears the lines and moves the cursor to where the first line
    /// began.
    pub(super) fn erase(&mut self, size: Size) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let home = self.home(size);
        self.lines.clear();
        format!("\r{home}\x1b[J")
    }

    /// Returns the sequence that replaces the drawn lines with `lines`, which is empty if
    /// nothing changes. `head` colors a text.
    pub(super) fn redraw(
        &mut self,
        lines: Vec<Line>,
        size: Size,
        head: impl Fn(&str) -> String,
    ) -> String {
        if lines == self.lines && size.columns == self.columns {
            return String::new();
        }
        if lines.is_empty() {
            return self.erase(size);
        }
        let mut text = format!("\r{}", self.home(size));
        for (at, line) in lines.iter().enumerate() {
            // Clears the rest of a longer old line, and begins the next line at its start.
            text.push_str(if at > 0 { "\x1b[K\r\n" } else { "" });
            text.push_str(&head(&line.head));
            text.push_str(&line.rest);
        }
        text.push_str("\x1b[J\r");
        self.lines = lines;
        self.columns = size.columns;
        text
    }

    /// Returns the sequence that moves the cursor to the beginning of the first line. Nearly
    /// all terminals rewrap the lines if they become narrower.
    fn home(&self, size: Size) -> String {
        let rows = |line: &Line| line.width().div_ceil(size.columns.max(1)).max(1);
        let above = self.lines.split_last().map_or(&[][..], |(_, above)| above);
        match above.iter().map(rows).sum::<usize>() {
            0 => String::new(),
            rows => format!("\x1b[{rows}A"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        let line = |text: &&str| Line {
            head: String::new(),
            rest: (*text).to_owned(),
        };
        texts.iter().map(line).collect()
    }

    const WIDE: Size = Size {
        columns: 80,
        rows: 24,
    };

    #[test]
    fn lines_are_written_over_the_old_ones() {
        let mut drawn = Drawn::default();
        assert_eq!(drawn.erase(WIDE), "");
        let plain = str::to_owned;
        let first = drawn.redraw(lines(&["one", "two"]), WIDE, plain);
        assert_eq!(first, "\rone\x1b[K\r\ntwo\x1b[J\r");
        assert_eq!(drawn.redraw(lines(&["one", "two"]), WIDE, plain), "");
        let second = drawn.redraw(lines(&["1"]), WIDE, plain);
        assert_eq!(second, "\r\x1b[1A1\x1b[J\r");
        assert_eq!(drawn.erase(WIDE), "\r\x1b[J");
        assert_eq!(drawn.erase(WIDE), "");
        let none = drawn.redraw(Vec::new(), WIDE, plain);
        assert_eq!(none, "");
    }

    /// 30 characters take two lines of 20 columns.
    #[test]
    fn a_terminal_that_got_narrower_has_broken_the_lines() {
        let mut drawn = Drawn::default();
        let texts = ["a".repeat(30), "b".repeat(19)];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let _ = drawn.redraw(lines(&texts), WIDE, str::to_owned);
        let narrow = Size {
            columns: 20,
            rows: 24,
        };
        assert_eq!(drawn.erase(narrow), "\r\x1b[2A\x1b[J");
    }
}
