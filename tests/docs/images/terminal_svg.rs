//! A terminal's window as SVG.
//!
//! In: text with the escape sequences for colours that the binary writes; any other one is an
//! error. Out: an image that needs no script and no font of its own, and has a background,
//! so that it can be read on a light and on a dark page.

use std::fmt::Write as _;

/// In tenths of a pixel, so that no fraction is rounded: a character's width.
const COLUMN: usize = 78;
/// In pixels: the height of a line, the window's padding, and its bar at the top.
const LINE: usize = 19;
const PADDING: usize = 16;
const BAR: usize = 30;

/// How text is written.
#[derive(Clone, Copy, Default, PartialEq)]
struct Style {
    bold: bool,
    /// A class of the style sheet.
    color: Option<&'static str>,
}

/// The window with `text`, of so many columns. A longer line goes on in the next one.
pub fn draw(text: &str, columns: usize) -> String {
    let rows: Vec<Vec<(char, Style)>> = cells(text)
        .iter()
        .flat_map(|line| wrapped(line, columns))
        .collect();
    let width = columns * COLUMN / 10 + 2 * PADDING;
    let height = rows.len() * LINE + BAR + PADDING;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\">\n<title>A terminal session of edgestage</title>\n\
         <style>{STYLE}</style>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        width - 1,
        height - 1
    );
    for (at, color) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = PADDING + 4 + 18 * at;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"16\" r=\"5.5\" fill=\"{color}\"/>"
        );
    }
    for (at, row) in rows.iter().enumerate() {
        let y = BAR + (at + 1) * LINE - 5;
        let mut column = 0;
        for run in row.chunk_by(|one, next| one.1 == next.1) {
            draw_run(&mut svg, run, column, y);
            column += run.len();
        }
    }
    svg + "</svg>\n"
}

const STYLE: &str = "rect{fill:#0d1117;stroke:#3d444d}\
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
white-space:pre;fill:#d1d7e0}\
.b{font-weight:700;fill:#f0f6fc}\
.red{fill:#ff7b72}.green{fill:#3fb950}.yellow{fill:#d29922}.blue{fill:#79c0ff}.cyan{fill:#56d4dd}\
.grey{fill:#9198a1}";

/// Characters of one style. Their width is fixed, whatever font there is.
fn draw_run(svg: &mut String, run: &[(char, Style)], column: usize, y: usize) {
    let text: String = run.iter().map(|(c, _)| c).collect();
    let blank = text.len() - text.trim_start_matches(' ').len();
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return;
    }
    let tenths = |columns: usize| format!("{}.{}", columns * COLUMN / 10, columns * COLUMN % 10);
    let x = tenths(column + blank + PADDING * 10 / COLUMN);
    let style = run[0].1;
    let classes: Vec<&str> = style
        .bold
        .then_some("b")
        .into_iter()
        .chain(style.color)
        .collect();
    let class = match classes[..] {
        [] => String::new(),
        _ => format!(" class=\"{}\"", classes.join(" ")),
    };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let length = tenths(text.chars().count());
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\"{class}>{escaped}</text>"
    );
}

fn wrapped(line: &[(char, Style)], columns: usize) -> Vec<Vec<(char, Style)>> {
    match line {
        [] => vec![Vec::new()],
        line => line.chunks(columns).map(<[_]>::to_vec).collect(),
    }
}

/// The characters of each line, in the style that they have.
fn cells(text: &str) -> Vec<Vec<(char, Style)>> {
    let mut lines = Vec::new();
    let mut style = Style::default();
    for line in text.lines() {
        let mut cells = Vec::new();
        let mut parts = line.split("\u{1b}[");
        cells.extend(parts.next().unwrap_or_default().chars().map(|c| (c, style)));
        for part in parts {
            let (codes, text) = part.split_once('m').expect("a colour");
            codes.split(';').for_each(|code| style.obey(code));
            cells.extend(text.chars().map(|c| (c, style)));
        }
        let first = cells.first().map(|(c, _)| *c);
        match first {
            Some('#') => cells
                .iter_mut()
                .for_each(|cell| cell.1.color = Some("grey")),
            Some('$') => cells.iter_mut().for_each(|cell| cell.1.bold = true),
            _ => {}
        }
        lines.push(cells);
    }
    lines
}

impl Style {
    /// Select Graphic Rendition (ECMA-48, 8.3.117).
    fn obey(&mut self, code: &str) {
        match code {
            "" | "0" => *self = Self::default(),
            "1" => self.bold = true,
            "31" | "91" => self.color = Some("red"),
            "32" | "92" => self.color = Some("green"),
            "33" | "93" => self.color = Some("yellow"),
            "34" | "94" => self.color = Some("blue"),
            "36" | "96" => self.color = Some("cyan"),
            other => panic!("nobody told of the colour {other:?}"),
        }
    }
}

#[test]
fn colours_become_classes_and_markup_stays_text() {
    let svg = draw("$ x\n\u{1b}[1m\u{1b}[91merror\u{1b}[0m: <a> & b", 80);
    for part in [
        "class=\"b\">$ x</text>",
        "class=\"b red\">error</text>",
        ">: &lt;a> &amp; b</text>",
    ] {
        assert!(svg.contains(part), "{svg}");
    }
    assert_eq!(draw("aaaab", 4).matches("<text").count(), 2);
}
