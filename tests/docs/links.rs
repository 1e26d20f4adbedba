//! Links between the pages: each leads to a file, and to a heading that is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::markdown::{prose, read};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// README and its like, and the pages of docs, relative to the root.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for directory in ["", "docs", "docs/recipes"] {
        for entry in std::fs::read_dir(Path::new(ROOT).join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                pages.push(path.strip_prefix(ROOT).unwrap().to_owned());
            }
        }
    }
    pages
}

/// The targets of all links of a page.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let starts = text.split("](").skip(1);
    let ends = starts.filter_map(|rest| rest.split_once(')'));
    ends.map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for page in pages() {
        let text = read(page.to_str().unwrap());
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            followed += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let there = Path::new(ROOT).join(&target);
            assert!(there.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let found = anchors(&std::fs::read_to_string(there).unwrap());
                assert!(found.contains(anchor), "{}: {link}", page.display());
            }
        }
    }
    assert!(followed > 80, "{followed}");
}

#[test]
fn every_page_of_docs_is_in_the_book() {
    let summary = links(&read("docs/SUMMARY.md"));
    for page in pages() {
        let Ok(page) = page.strip_prefix("docs") else {
            continue;
        };
        let page = page.to_str().unwrap();
        assert!(
            page == "SUMMARY.md" || summary.iter().any(|link| link == page),
            "{page}"
        );
    }
}
