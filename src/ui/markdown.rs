//! Markdown for a comment on a merge request, as GitHub and GitLab parse it.
//!
//! Input: edgestage's own words, and printable text from outside. The latter is always in code
//! spans or blocks, where markup, HTML, mentions, links and commands have no effect. Output: a
//! text that fits into a comment, and says so if it was truncated.

use super::table::{Table, Tone};
use crate::util::environment::Environment;
use crate::util::sanitize;

/// The maximum length on GitHub, which accepts 65,536 characters; GitLab accepts 1,000,000. The
/// rest is for what a job adds.
const GITHUB: usize = 65_000;
const GITLAB: usize = 999_000;
/// The length that is reserved for the last line.
const LAST_LINE: usize = 300;

/// A comment under construction.
pub(crate) struct Comment {
    text: String,
    left: usize,
    omitted: Vec<(usize, &'static str)>,
}

impl Comment {
    /// Creates an empty comment for the system that this run is on.
    pub(crate) fn new(environment: &Environment) -> Self {
        Self::within(if super::ci::is_gitlab(environment) {
            GITLAB
        } else {
            GITHUB
        })
    }

    fn within(limit: usize) -> Self {
        Self {
            text: String::new(),
            left: limit - LAST_LINE,
            omitted: Vec::new(),
        }
    }

    /// Adds `part` if there is room for it. Returns whether it was added.
    fn push(&mut self, part: &str) -> bool {
        // UTF-16 code units: some systems count them, and none counts more.
        let length = part.encode_utf16().count();
        let fits = length <= self.left;
        if fits {
            self.text.push_str(part);
            self.left -= length;
        }
        fits
    }

    fn omit(&mut self, many: usize, what: &'static str) {
        match self.omitted.iter_mut().find(|(_, known)| *known == what) {
            Some((n, _)) => *n += many,
            None => self.omitted.push((many, what)),
        }
    }

    fn gap(&self) -> &'static str {
        if self.text.is_empty() { "" } else { "\n" }
    }

    /// Adds a heading or a paragraph. Text from outside in it has been passed through [`code`].
    pub(crate) fn line(&mut self, line: &str) {
        let line = format!("{}{line}\n", self.gap());
        if !self.push(&line) {
            self.omit(1, "line");
        }
    }

    /// Adds a table. Rows that do not fit are counted.
    pub(crate) fn table(&mut self, table: &Table) {
        let rows = table.rows.len();
        let rule = vec!["---"; table.headings.len()].join(" | ");
        let head = format!(
            "{}| {} |\n| {rule} |\n",
            self.gap(),
            table.headings.join(" | ")
        );
        let mut fitting = 0;
        if self.push(&head) {
            let cells = |row: &Vec<_>| row.iter().map(cell).collect::<Vec<_>>().join(" | ");
            let mut lines = table.rows.iter().map(|row| format!("| {} |\n", cells(row)));
            fitting = lines.by_ref().take_while(|line| self.push(line)).count();
        }
        if fitting < rows {
            self.omit(rows - fitting, "row");
        }
    }

    /// Adds the diff of the file `path`, folded; its lines are printable.
    pub(crate) fn diff(&mut self, path: &str, diff: &str) {
        const CUT: &str = "\nThe rest of this file is cut.\n";
        let fence = "`".repeat(longest_run(diff).max(2) + 1);
        let start = format!(
            "{}<details>\n<summary><code>{}</code></summary>\n\n{fence}diff\n",
            self.gap(),
            html(path)
        );
        let end = format!("{fence}\n");
        let close = "\n</details>\n";
        let frame = [&start, &end, CUT, close].map(|part| part.encode_utf16().count());
        let Some(left) = self.left.checked_sub(frame.iter().sum()) else {
            return self.omit(1, "file");
        };
        self.text.push_str(&start);
        self.left = left;
        let lines = diff
            .split_inclusive('\n')
            .map(|line| format!("{}\n", line.trim_end_matches('\n')));
        let whole = lines.into_iter().all(|line| self.push(&line));
        self.text.push_str(&end);
        if !whole {
            self.text.push_str(CUT);
        }
        self.text.push_str(close);
    }

    /// Returns the text. `elsewhere` is the command that prints what was omitted.
    pub(crate) fn finish(mut self, elsewhere: &str) -> String {
        let omitted: Vec<String> = self
            .omitted
            .iter()
            .map(|(many, what)| sanitize::count(*many, what))
            .collect();
        if !omitted.is_empty() {
            let line = format!(
                "{}**Cut**, to fit into a comment: {}. `{elsewhere}` has all.\n",
                self.gap(),
                omitted.join(", ")
            );
            self.text.push_str(&line);
        }
        self.text
    }
}

fn cell(cell: &super::table::Cell) -> String {
    match cell.tone {
        Tone::Plain => code(&cell.text),
        _ => cell.text.clone(),
    }
}

/// Returns printable text from outside as a code span, for a line or a table cell.
///
/// A `|` ends a cell even inside code unless it follows a backslash. Parsers disagree about two
/// backslashes there, so a `|` after a backslash is written as a numeric reference.
pub(crate) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = text.replace("\\|", "\\\\u{7c}").replace('|', "\\|");
    let fence = "`".repeat(match longest_run(&text) {
        0 => 1,
        longest => longest + 1,
    });
    let edge = |c: Option<char>| c.is_some_and(|c| c == '`' || c == ' ');
    let pad = if edge(text.chars().next()) || edge(text.chars().last()) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns the largest number of consecutive backticks.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

/// Returns printable text escaped for an HTML element.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::table::Cell;

    #[test]
    fn text_from_outside_does_not_get_out_of_its_code() {
        for (text, written) in [
            ("edge-k3s", "`edge-k3s`"),
            ("", ""),
            ("a|b", r"`a\|b`"),
            (r"a\|b", r"`a\\u{7c}b`"),
            (r"a\", r"`a\`"),
            ("a`b", "``a`b``"),
            ("```", "```` ``` ````"),
            ("`", "`` ` ``"),
            (" a", "`  a `"),
            (
                "@team #12 <b> [x](y) https://e.example",
                "`@team #12 <b> [x](y) https://e.example`",
            ),
        ] {
            assert_eq!(code(text), written);
        }
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_diff() {
        let mut comment = Comment::within(1000);
        comment.diff("a<b>&", "+````\n+```\n");
        assert_eq!(
            comment.finish("x"),
            "<details>\n<summary><code>a&lt;b&gt;&amp;</code></summary>\n\n\
             `````diff\n+````\n+```\n`````\n\n</details>\n"
        );
    }

    /// A comment of any size ends with what was omitted, and all markup is closed.
    #[test]
    fn what_does_not_fit_is_counted() {
        let mut table = Table::new(&["name", "word"]);
        for n in 0..40 {
            let name = Cell::from(format!("name-{n:02}"));
            table
                .rows
                .push(vec![name, Cell::toned("added", Tone::Green)]);
        }
        let diff = "+line\n".repeat(40);
        let mut cut = 0;
        for limit in 300..2500 {
            let mut comment = Comment::within(limit);
            comment.line("### A heading");
            comment.table(&table);
            comment.diff("first", &diff);
            comment.diff("second", &diff);
            let text = comment.finish("edgestage diff -v");
            assert!(text.len() <= limit, "{limit}: {}", text.len());
            assert_eq!(
                text.matches("<details>").count(),
                text.matches("</details>").count()
            );
            assert_eq!(
                text.matches("```").count(),
                2 * text.matches("```diff").count()
            );
            let whole =
                text.matches("| `name-").count() == 40 && text.matches("+line\n").count() == 80;
            let said = text.contains("**Cut**") || text.contains("is cut.");
            assert_ne!(whole, said, "{limit}: {text}");
            cut += usize::from(said);
        }
        assert!((500..2200).contains(&cut), "{cut}");
    }
}
