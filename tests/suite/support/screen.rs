//! The screen of a terminal: the output of a run that is visible in the end.

/// Returns the screen after `text`: a line for each row, without trailing blanks. It supports
/// the sequences that the binary uses, and fails on any other. Messages are not wrapped,
/// however long they are; lines that are overwritten must fit into `columns`.
#[track_caller]
pub fn shown(text: &str, columns: usize) -> String {
    let mut screen = Screen {
        rows: vec![Vec::new()],
        row: 0,
        column: 0,
        columns,
    };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\u{1b}' => {
                let sequence = rest.strip_prefix('[').expect("a control sequence");
                let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                let (parameter, after) = sequence.split_at(end);
                screen.obeys(&after[..1], parameter);
                rest = &after[1..];
            }
            '\r' => screen.column = 0,
            '\n' => screen.next_row(),
            c if c.is_control() => panic!("{c:?} in {text:?}"),
            c => screen.puts(c),
        }
    }
    assert_eq!(screen.column, 0, "the cursor is within a line: {text:?}");
    screen.text()
}

struct Screen {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    columns: usize,
}

impl Screen {
    #[track_caller]
    fn obeys(&mut self, command: &str, parameter: &str) {
        match (command, parameter) {
            ("m", _) | ("h" | "l", "?25") => {}
            ("B", n) => self.row += n.parse::<usize>().unwrap(),
            ("C", n) => self.column += n.parse::<usize>().unwrap(),
            ("D", n) => self.column = self.column.saturating_sub(n.parse().unwrap()),
            ("A", n) => self.row -= n.parse::<usize>().unwrap(),
            ("K", "") => {
                self.judges(self.row);
                self.rows[self.row].truncate(self.column);
            }
            ("J", "") => {
                for row in self.row..self.rows.len() {
                    self.judges(row);
                }
                self.rows[self.row].truncate(self.column);
                self.rows.truncate(self.row + 1);
            }
            other => panic!("nobody told of {other:?}"),
        }
    }

    /// Checks that a row that is erased was drawn to be overwritten.
    #[track_caller]
    fn judges(&self, row: usize) {
        let text: String = self.rows[row].iter().collect();
        assert!(text.chars().count() < self.columns.max(1), "{text:?}");
    }

    fn puts(&mut self, c: char) {
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = c;
        self.column += 1;
    }

    fn next_row(&mut self) {
        self.row += 1;
        self.column = 0;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
    }

    fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let text: String = row.iter().collect();
            text.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n").trim_end().to_owned() + "\n"
    }
}

/// Returns `text` without colors and cursor movements.
pub fn stripped(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        plain.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    plain
}
