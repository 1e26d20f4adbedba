//! As much Markdown as the checks need.

use std::path::PathBuf;

/// The text of a file of the repository.
pub fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fenced blocks of `language`.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let wanted = fenced(text)
        .into_iter()
        .filter(|(found, _)| found == language);
    wanted.map(|(_, block)| block).collect()
}

/// All fenced blocks, each with its language.
pub fn fenced(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        open = match (open.take(), line.strip_prefix("```")) {
            (None, found) => found.map(|language| (language.to_owned(), String::new())),
            (Some(block), Some(_)) => {
                blocks.push(block);
                None
            }
            (Some((language, block)), None) => Some((language, block + line + "\n")),
        };
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The text without its fenced blocks.
pub fn prose(text: &str) -> String {
    let text = format!("\n{text}");
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// The code in running text and tables.
pub fn spans(text: &str) -> Vec<String> {
    let prose = prose(text);
    let lines = prose.lines();
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// What stands below the heading `title`, up to the next heading.
pub fn section(text: &str, title: &str) -> String {
    let text = prose(text);
    let mut lines = text.lines();
    let heading =
        |line: &str| line.starts_with('#') && line.trim_start_matches('#').trim() == title;
    assert!(lines.any(heading), "no heading {title}");
    let body = lines.take_while(|line| !line.starts_with('#'));
    body.collect::<Vec<_>>().join("\n")
}

/// The rows of all tables in `text`, without their heads.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            in_body = false;
        } else if line.starts_with("| ---") {
            in_body = true;
        } else if in_body {
            let cells = line.trim_matches('|').split(" | ");
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}
