//! The terminal while somebody is asked: keys as they are typed, and a question that is drawn
//! anew after each.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use console::{Key, Term};
use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The keyboard's keys go to us alone until this is dropped: not echoed, no line kept back, no
/// signal made of them, in the time between two keys too. So what is pasted arrives whole.
#[derive(Debug)]
pub(super) struct Keys {
    before: Option<Termios>,
}

impl Keys {
    /// From now on.
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
    /// In which row of what is drawn the cursor is.
    row: usize,
}

/// What is drawn of a question.
pub(super) struct Frame<'f> {
    /// What was wrong with the answer before.
    pub error: Option<&'f str>,
    /// The question; may have colours.
    pub question: &'f str,
    /// What was typed.
    pub text: &'f str,
    /// How much of that is before the cursor.
    pub before: &'f str,
    /// Below it.
    pub help: &'f str,
}

impl Screen {
    /// Nothing is drawn yet.
    pub(super) fn new() -> Self {
        Self {
            term: Term::stderr(),
            row: 0,
        }
    }

    /// The next key.
    pub(super) fn key(&self) -> io::Result<Key> {
        self.term.read_key_raw()
    }

    /// Draws `frame` over what was drawn before.
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
        // Back to where the next character will stand.
        let back = cursor_up(end.0 + below - cursor.0);
        let right = match cursor.1 {
            0 => String::new(),
            columns => format!("\x1b[{columns}C"),
        };
        let out = self.home() + &error + question + &text + &help + &back + "\r" + &right;
        self.row = above + cursor.0;
        self.write(&out)
    }

    /// Leaves `line` in place of what is drawn.
    pub(super) fn leave(&mut self, line: &str) -> io::Result<()> {
        let out = format!("{}{line}\r\n", self.home());
        self.row = 0;
        self.write(&out)
    }

    /// To the beginning of what is drawn, and nothing behind that.
    fn home(&self) -> String {
        format!("\r{}\x1b[J", cursor_up(self.row))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.term.write_all(text.as_bytes())?;
        self.term.flush()
    }
}

/// Ends what a question has left on the screen, with a cursor to be seen at the beginning of an
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

/// How many rows `line` takes.
fn rows(line: &str, columns: usize) -> usize {
    console::measure_text_width(line).div_ceil(columns).max(1)
}

/// `text`, which begins in the column `start`, broken where a row is full, and the row and the
/// column behind its end. Terminals do not agree on where the cursor is behind a row that is
/// just full, so the last column stays free.
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
