//! The modules of src/lib.rs stand in the order in which data flows, and each imports
//! only what stands before it.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of lib.rs.
fn order(library: &str) -> Vec<String> {
    library
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
        .map(str::to_owned)
        .collect()
}

/// The sources of a module: its file, and the files below the directory of its name.
fn sources(module: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![root.join(format!("{module}.rs"))];
    let mut directories = vec![root.join(module)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// The modules that a source names, comments left out.
fn imports(source: &str) -> Vec<String> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let name = rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            found.extend(name.map(str::to_owned));
        }
    }
    found
}

/// The imports of `module` that stand behind it in `order`, or not in it at all.
fn against_the_flow(module: &str, source: &str, order: &[String]) -> Vec<String> {
    let place = |name: &str| order.iter().position(|known| known == name);
    imports(source)
        .into_iter()
        .filter(|import| import != module)
        .filter(|import| place(import).is_none_or(|at| Some(at) > place(module)))
        .collect()
}

#[test]
fn every_module_imports_only_what_stands_before_it() {
    let order = order(include_str!("../../src/lib.rs"));
    assert_eq!(order.len(), 27, "{order:?}");
    for module in &order {
        for file in sources(module) {
            let source = fs::read_to_string(&file).unwrap();
            let wrong = against_the_flow(module, &source, &order);
            assert!(wrong.is_empty(), "{} imports {wrong:?}", file.display());
        }
    }
}

#[test]
fn an_import_against_the_flow_is_seen() {
    let order = ["manifest", "palette", "commands"].map(str::to_owned);
    let source =
        "use crate::manifest::Manifest;\n// crate::commands\nlet x = crate::commands::run;";
    assert_eq!(against_the_flow("palette", source, &order), ["commands"]);
    assert_eq!(
        against_the_flow("manifest", "use crate::new::X;", &order),
        ["new"]
    );
}

#[test]
fn only_the_ui_prints_and_only_main_exits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = order(include_str!("../../src/lib.rs"));
    let files = order.iter().flat_map(|module| sources(module));
    for file in files.filter(|file| *file != root.join("ui.rs")) {
        let source = fs::read_to_string(&file).unwrap();
        for word in [
            "println!",
            "print!(",
            "io::stdout",
            "io::stderr",
            "process::exit",
            "env::var",
        ] {
            assert!(!source.contains(word), "{} has {word}", file.display());
        }
    }
}

/// Sentences are reviewed side by side, so they stand side by side.
#[test]
fn only_messages_make_diagnostics() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = order(include_str!("../../src/lib.rs"));
    let is_messages = |file: &Path| {
        let mut parts = file.iter().map(|part| part.to_string_lossy());
        parts.any(|part| ["messages", "messages.rs"].contains(&&*part))
    };
    let mut files: Vec<PathBuf> = order.iter().flat_map(|module| sources(module)).collect();
    files.retain(|file| !is_messages(file.strip_prefix(&root).unwrap()));
    assert!(files.len() > 100, "{}", files.len());
    for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
        let source = fs::read_to_string(file).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
        for call in ["Diagnostic::error(", "Diagnostic::warning("] {
            assert!(!code.contains(call), "{} has {call}", file.display());
        }
    }
}
