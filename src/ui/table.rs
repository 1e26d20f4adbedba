//! Tables of headings and rows, as text for a terminal. Other formats (Markdown, HTML) use the
//! same rows.
//!
//! Input: cells with a line of printable text each. Output: columns as wide as their widest
//! cell, in terminal columns, separated by two spaces. Nothing is cut unless a width is given.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use crate::util::sanitize;

/// The maximum width by which a cell widens the other rows: names come from outside, and a name
/// of a megabyte would add a megabyte of spaces to every other row.
const WIDEST: usize = 512;
/// The minimum width to which a column is cut.
const NARROWEST: usize = 10;

/// The meaning of a cell in addition to its text. All variants but the first are for
/// edgestage's own words: text from outside is plain, and is delimited in formats that need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// No meaning.
    Plain,
    /// A word rather than a name.
    Word,
    /// Something was added or is right.
    Green,
    /// Something was removed or is wrong.
    Red,
    /// Something changed or needs attention.
    Yellow,
    /// A heading.
    Bold,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain | Self::Word => Style::new(),
            Self::Green => AnsiColor::Green.on_default(),
            Self::Red => AnsiColor::Red.on_default(),
            Self::Yellow => AnsiColor::Yellow.on_default(),
            Self::Bold => Style::new().bold(),
        }
    }

    /// Returns `text` in this tone; plain text is unchanged.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// A cell with a line of printable text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The text.
    pub text: String,
    /// The tone.
    pub tone: Tone,
}

impl Cell {
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        Self { text, tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// A table with headings and rows.
#[derive(Debug)]
pub(crate) struct Table {
    /// The headings, one for each column.
    pub headings: Vec<&'static str>,
    /// The rows, with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Removes the columns with these headings.
    pub(crate) fn without(self, headings: &[&str]) -> Self {
        let keep = self.headings.iter();
        let keep: Vec<bool> = keep.map(|heading| !headings.contains(heading)).collect();
        self.keep(&keep)
    }

    /// Removes the columns that are empty in every row.
    pub(crate) fn without_empty(self) -> Self {
        let says = |column: usize| self.rows.iter().any(|row| !row[column].text.is_empty());
        let keep: Vec<bool> = (0..self.headings.len()).map(says).collect();
        self.keep(&keep)
    }

    fn keep(self, keep: &[bool]) -> Self {
        fn kept<T>(cells: Vec<T>, keep: &[bool]) -> Vec<T> {
            let cells = cells.into_iter().zip(keep);
            cells
                .filter_map(|(cell, keep)| keep.then_some(cell))
                .collect()
        }
        Self {
            headings: kept(self.headings, keep),
            rows: self.rows.into_iter().map(|row| kept(row, keep)).collect(),
        }
    }

    /// Shortens the column with this heading to `limit` characters.
    pub(crate) fn shortened(mut self, heading: &str, limit: usize) -> Self {
        let column = self.headings.iter().position(|known| *known == heading);
        let cells = self.rows.iter_mut();
        for cell in cells.filter_map(|row| row.get_mut(column?)) {
            cell.text = sanitize::excerpt(cell.text.as_bytes(), limit);
        }
        self
    }

    /// Returns the table as text, with each line after `indent` and, if there is a limit, at
    /// most `width` columns wide. A cell of several words then wraps, and a name is cut in its
    /// middle, since names have common beginnings, and versions are at the end. Uids and
    /// digests, which people copy, are never cut.
    pub(crate) fn text(&self, indent: &str, width: Option<usize>) -> String {
        let heading = |text: &&'static str| Cell::toned(*text, Tone::Bold);
        let headings = self.headings.iter().map(heading).collect();
        let rows: Vec<&Vec<Cell>> = std::iter::once(&headings).chain(&self.rows).collect();
        laid_out(&rows, indent, width)
    }
}

/// Returns the rows as lines of text.
fn laid_out(rows: &[&Vec<Cell>], indent: &str, width: Option<usize>) -> String {
    let mut widths = widths(rows);
    let mut out = String::new();
    let Some(width) = width else {
        for row in rows {
            let cells = row
                .iter()
                .map(|cell| (Cow::Borrowed(&*cell.text), cell.tone));
            line(&mut out, indent, cells, &widths);
        }
        return out;
    };
    let columns = (0..widths.len()).map(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        Least::of(cells.map(|cell| cell.text.as_str()))
    });
    let least: Vec<Least> = columns.collect();
    fit(&mut widths, &least, width.saturating_sub(indent.width()));
    for row in rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<Vec<String>> = cells
            .map(|(cell, most)| broken(&cell.text, *most))
            .collect();
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..lines {
            let parts = cells.iter().zip(row.iter());
            let parts = parts.map(|(parts, cell)| {
                let part = parts.get(at).map_or("", String::as_str);
                (Cow::Borrowed(part), cell.tone)
            });
            line(&mut out, indent, parts, &widths);
        }
    }
    out
}

/// The minimum widths of a column.
#[derive(Debug, Clone, Copy)]
struct Least {
    /// The minimum width without cutting a word.
    words: usize,
    /// The minimum width with cutting.
    cut: usize,
}

impl Least {
    fn of<'c>(cells: impl Iterator<Item = &'c str>) -> Self {
        let mut least = Self {
            words: 0,
            cut: NARROWEST,
        };
        for text in cells {
            let words = text.split(' ').map(UnicodeWidthStr::width);
            least.words = least.words.max(words.max().unwrap_or(0));
            if is_copied(text) {
                least.cut = least.cut.max(text.width());
            }
        }
        least
    }
}

/// Returns whether a text is a uid or a digest.
fn is_copied(text: &str) -> bool {
    text.len() >= 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Breaks a cell into lines of at most `width` columns: wraps between words, and cuts the
/// middle of a name that is too long.
fn broken(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width || !text.trim().contains(' ') {
        return vec![cut(text, width).into_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let word = cut(word, width);
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word.into_owned()),
        }
    }
    lines
}

fn widths(rows: &[&Vec<Cell>]) -> Vec<usize> {
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.text.width());
        widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    (0..columns).map(width).collect()
}

/// Reduces the widest columns to fit `width`: first down to the width without cutting words,
/// then down to the minimum.
fn fit(widths: &mut [usize], least: &[Least], width: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    let sum = widths.iter().sum::<usize>() + gaps;
    let steps: [fn(&Least) -> usize; 2] = [|least| least.words.max(NARROWEST), |least| least.cut];
    for _ in width..sum {
        let widest = steps.iter().find_map(|step| {
            let columns = widths.iter().zip(least).enumerate();
            let columns = columns.filter(|(_, (width, least))| **width > step(least));
            let (at, _) = columns.max_by_key(|(_, (width, _))| **width)?;
            Some(at)
        });
        match widest {
            Some(at) => widths[at] -= 1,
            None => return,
        }
    }
}

/// Joins the cells of a row. Trailing white space is omitted, so that output can be compared.
fn line<'c>(
    out: &mut String,
    indent: &str,
    cells: impl Iterator<Item = (Cow<'c, str>, Tone)>,
    widths: &[usize],
) {
    out.push_str(indent);
    let mut gap = 0;
    for ((text, tone), width) in cells.zip(widths) {
        if !text.is_empty() {
            out.extend(std::iter::repeat_n(' ', gap));
            out.push_str(&tone.paint(&text));
            gap = 0;
        }
        gap += width.saturating_sub(text.width()) + 2;
    }
    out.push('\n');
}

/// Returns `text` in at most `width` columns, without its middle if it is longer.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(1);
    let tail = room / 2;
    let start: String = within(text.chars(), room - tail).collect();
    let end: Vec<char> = within(text.chars().rev(), tail).collect();
    Cow::Owned(format!(
        "{start}…{}",
        end.into_iter().rev().collect::<String>()
    ))
}

/// Returns the first characters that fit into `width` columns.
fn within(chars: impl Iterator<Item = char>, width: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    chars.take_while(move |c| {
        used += c.width().unwrap_or(0);
        used <= width
    })
}

/// Lays out `rows` without headings.
pub(crate) fn layout(rows: &[Vec<String>]) -> String {
    fitted(rows, None)
}

/// Lays out `rows` without headings, in at most `width` columns if there is a limit.
pub(crate) fn fitted(rows: &[Vec<String>], width: Option<usize>) -> String {
    let cells = |row: &Vec<String>| row.iter().map(|cell| Cell::from(&**cell)).collect();
    let rows: Vec<Vec<Cell>> = rows.iter().map(cells).collect();
    let rows: Vec<&Vec<Cell>> = rows.iter().collect();
    laid_out(&rows, "", width)
}

/// Returns a text of several words, indented and in at most `width` columns.
pub(crate) fn indented(text: &str, width: usize) -> String {
    let lines = broken(text, width.saturating_sub(2).max(NARROWEST));
    let lines = lines.iter().flat_map(|line| ["  ", line, "\n"]);
    lines.collect()
}

/// Returns facts as lines of a name and a value.
pub(crate) fn facts(facts: &[(&str, String)]) -> String {
    let widest = facts.iter().map(|(name, _)| name.width()).max();
    let mut out = String::new();
    for (name, value) in facts {
        let gap = widest.unwrap_or(0).saturating_sub(name.width()) + 2;
        let name = Tone::Bold.paint(name);
        let _ = writeln!(out, "{name}{:gap$}{value}", "");
    }
    out
}

/// Lays out `rows` like [`layout`], and returns the lines.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    layout(rows).lines().map(str::to_owned).collect()
}

/// Returns a table, separated from the one before it.
pub(crate) fn apart(table: &str) -> String {
    if table.is_empty() {
        String::new()
    } else {
        format!("\n{table}")
    }
}

/// Returns the items, one on each line.
pub(crate) fn lines(items: &[String]) -> String {
    items
        .iter()
        .flat_map(|item| [item.as_str(), "\n"])
        .collect()
}

/// Returns a row of borrowed cells.
pub(crate) fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 2]]) -> Table {
        let mut table = Table::new(&["name", "version"]);
        let cells = |row: &[&str; 2]| row.iter().map(|text| Cell::from(*text)).collect();
        table.rows = rows.iter().map(cells).collect();
        table
    }

    /// Returns the text as a pipe receives it, without colors.
    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            layout(&[row(&["a", "é", "x"]), row(&["long", "b"]), row(&["", "c"])]),
            "a     é  x\nlong  b\n      c\n"
        );
    }

    #[test]
    fn wide_and_combining_characters_line_up_as_a_terminal_shows_them() {
        let text = table(&[["工場", "1"], ["e\u{301}", "2"], ["factory", "3"]]).text("  ", None);
        assert_eq!(
            plain(&text),
            "  name     version\n  工場     1\n  e\u{301}        2\n  factory  3\n"
        );
    }

    #[test]
    fn long_cells_are_cut_in_their_middle_where_there_is_a_limit() {
        let long = "spc/app/profiles/65c92d0f/packs/hello-universe/values.yaml";
        let table = table(&[[long, "1.2.0"], ["工場".repeat(20).as_str(), "2"]]);
        assert!(plain(&table.text("", None)).contains(long));
        let text = plain(&table.text("  ", Some(40)));
        assert_eq!(
            text,
            "  name                           version\n  \
               spc/app/profil…se/values.yaml  1.2.0\n  \
               工場工場工場工…場工場工場工場  2\n"
        );
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
        // Even a narrow limit keeps cells readable.
        assert!(plain(&table.text("", Some(3))).contains("spc/a…yaml"));
    }

    #[test]
    fn words_go_on_in_the_next_line_and_digests_stay_whole() {
        let digest = "52cf18867c004adbaac299ecfad186d92911746a018761f147b0fc7432ac07f0";
        let rows = [
            row(&[
                "factory",
                "outdated: profiles.toml changed",
                "not asked: no key",
            ]),
            row(&["warehouse-north", "current", "accepts it"]),
        ];
        assert_eq!(
            fitted(&rows, Some(48)),
            "factory          outdated:        not asked: no\n                 \
                profiles.toml    key\n                 \
                changed\n\
             warehouse-north  current          accepts it\n"
        );
        assert_eq!(fitted(&rows, None), layout(&rows));
        let rows = [row(&[digest, "warehouse-of-the-north"])];
        assert_eq!(fitted(&rows, Some(76)), format!("{digest}  wareh…orth\n"));
        assert_eq!(fitted(&rows, Some(40)), format!("{digest}  wareh…orth\n"));
        // A word that is wider than its column.
        let rows = [row(&["a", "it is `warehouse-of-the-north`"])];
        assert_eq!(fitted(&rows, Some(20)), "a  it is\n   `warehou…e-north`\n");
    }

    #[test]
    fn a_cell_of_a_megabyte_does_not_widen_the_other_rows() {
        let long = "x".repeat(1 << 20);
        let text = table(&[[&long, "1"], ["short", "2"]]).text("", None);
        assert!(text.len() < long.len() + 200);
    }

    #[test]
    fn columns_that_say_nothing_are_left_out() {
        let mut table = table(&[["a", ""], ["b", ""]]);
        table = table.without_empty();
        assert_eq!(table.headings, ["name"]);
        assert_eq!(plain(&table.without(&["name"]).text("", None)), "\n\n\n");
    }
}
