//! The terminal during a question: keys as they are typed, and a question that is redrawn after
//! each key.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use console::{Key, Term};
use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Raw mode of the keyboard, until this value is dropped: keys are not echoed, buffered by line
/// or turned into signals, even between two keys, so that pasted text arrives complete.
#[derive(Debug)]
pub(super) struct Keys {
    before: Option<Termios>,
}

impl Keys {
    /// Enters raw mode.
    pub(super) fn take() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            let own = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            modes.local_modes.remove(own | LocalModes::IEXTEN);
            modes
                .input_modes
                .remove(InputModes::ICRNL | InputModes::IXON);
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &modes);
        }
        Self { before }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
        }
    }
}

/// A question on the screen.
pub(super) struct Screen {
    term: Term,
    /// The row of the drawn question that the cursor is in.
    row: usize,
}

/// The parts of a question that are drawn.
pub(super) struct Frame<'f> {
    /// The error of the previous answer.
    pub error: Option<&'f str>,
    /// The question, which may contain colors.
    pub question: &'f str,
    /// The typed text.
    pub text: &'f str,
    /// The typed text before the cursor.
    pub before: &'f str,
    /// The hint below the question.
    pub help: &'f str,
}

impl Screen {
    /// Creates a screen on which nothing is drawn yet.
    pub(super) fn new() -> Self {
        Self {
            term: Term::stderr(),
            row: 0,
        }
    }

    /// Returns the next key.
    pub(super) fn key(&self) -> io::Result<Key> {
        self.term.read_key_raw()
    }

    /// Draws `frame` in place of the previous frame.
    pub(super) fn draw(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let columns = usize::from(self.term.size().1).max(2);
        let error = frame.error.map(|error| format!("# {error}"));
        let above = error.as_ref().map_or(0, |line| rows(line, columns));
        let error = error.map_or_else(String::new, |line| line + "\r\n");
        let question = frame.question;
        let start = console::measure_text_width(question);
        let (text, end) = wrapped(frame.text, start, columns);
        let (_, cursor) = wrapped(frame.before, start, columns);
        let (help, below) = match frame.help {
            "" => (String::new(), 0),
            help => (format!("\r\n[{help}]"), rows(&format!("[{help}]"), columns)),
        };
        // Moves the cursor back to where the next character will appear.
        let back = cursor_up(end.0 + below - cursor.0);
        let right = match cursor.1 {
            0 => String::new(),
            columns => format!("\x1b[{columns}C"),
        };
        let out = self.home() + &error + question + &text + &help + &back + "\r" + &right;
        self.row = above + cursor.0;
        self.write(&out)
    }

    /// Replaces the drawn question with `line`.
    pub(super) fn leave(&mut self, line: &str) -> io::Result<()> {
        let out = format!("{}{line}\r\n", self.home());
        self.row = 0;
        self.write(&out)
    }

    /// Returns the sequence that moves to the beginning of the drawn question and clears from
    /// there.
    fn home(&self) -> String {
        format!("\r{}\x1b[J", cursor_up(self.row))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.term.write_all(text.as_bytes())?;
        self.term.flush()
    }
}

/// Leaves an abandoned question on the screen, with a visible cursor at the beginning of an
/// empty line.
pub(super) fn abandon() {
    let mut term = Term::stderr();
    let _ = term.write_all(b"\x1b[?25h\r\n\x1b[J");
    let _ = term.flush();
}

fn cursor_up(rows: usize) -> String {
    match rows {
        0 => String::new(),
        rows => format!("\x1b[{rows}A"),
    }
}

/// Returns the number of rows that `line` takes.
fn rows(line: &str, columns: usize) -> usize {
    console::measure_text_width(line).div_ceil(columns).max(1)
}

/// Wraps `text`, which begins in the column `start`, and returns it with the row and the column
/// after its end. Terminals disagree about the cursor after a full row, so the last column
/// stays free.
fn wrapped(text: &str, start: usize, columns: usize) -> (String, (usize, usize)) {
    let last = columns - 1;
    let mut out = String::new();
    let (mut row, mut column) = (start / columns, start % columns);
    for c in text.chars() {
        let width = console::measure_text_width(c.encode_utf8(&mut [0; 4]));
        if column + width > last {
            out += "\r\n";
            row += 1;
            column = 0;
        }
        out.push(c);
        column += width;
    }
    (out, (row, column))
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_text_is_broken_where_a_row_is_full() {
        let text = |text: &str| text.to_owned();
        assert_eq!(wrapped("", 3, 10), (text(""), (0, 3)));
        assert_eq!(wrapped("abcdef", 3, 10), (text("abcdef"), (0, 9)));
        assert_eq!(wrapped("abcdefg", 3, 10), (text("abcdef\r\ng"), (1, 1)));
        assert_eq!(wrapped("本社", 6, 10), (text("本\r\n社"), (1, 2)));
        assert_eq!(wrapped("a", 12, 10), (text("a"), (1, 3)));
    }
}
