//! ARCHITECTURE.md and CONTRIBUTING.md: what they name is there.

use std::path::Path;

use crate::markdown::{read, spans};

const PAGES: [&str; 2] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];

/// The paths that a page names: spans that begin with a directory of the tree, or that are
/// called like a file of its root.
fn paths(page: &str) -> Vec<String> {
    let roots = [
        "src/",
        "tests/",
        "docs/",
        "scripts/",
        "templates/",
        "schema/",
    ];
    let is_path = |span: &String| {
        let ends = |end: &str| Path::new(span).extension().is_some_and(|has| has == end);
        !span.contains([' ', '*'])
            && (roots.iter().any(|root| span.starts_with(root)) || ends("md"))
    };
    let lines = read(page);
    lines.lines().flat_map(spans).filter(is_path).collect()
}

#[test]
fn every_path_that_is_named_is_there() {
    for page in PAGES {
        let paths = paths(page);
        assert!(paths.len() > 10, "{page}: {paths:?}");
        for path in paths {
            let there = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
            assert!(there.exists(), "{page}: {path}");
        }
    }
}

/// The table of the tree has every module.
#[test]
fn every_module_has_its_line() {
    let architecture = read("ARCHITECTURE.md");
    let library = read("src/lib.rs");
    let modules = library.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    for module in modules {
        let file = format!("`src/{module}.rs`");
        let folder = format!("`src/{module}/`");
        let has = |name: &String| architecture.contains(name);
        assert!(has(&file) || has(&folder), "{module}");
    }
}

/// The tests that a recipe runs are there.
#[test]
fn every_filter_of_a_recipe_finds_a_test() {
    let page = read("CONTRIBUTING.md");
    let filters: Vec<&str> = page
        .lines()
        .filter_map(|line| {
            line.split_once("--test suite -- ")?
                .1
                .split([' ', '`'])
                .next()
        })
        .collect();
    assert!(filters.len() > 3, "{filters:?}");
    for filter in filters {
        let mut parts = filter.split("::");
        let module = parts.next().unwrap();
        let source = read(&format!("tests/suite/{module}.rs"));
        if let Some(name) = parts.next() {
            assert!(source.contains(&format!("fn {name}")), "{filter}");
        }
    }
}
