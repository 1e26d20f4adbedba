//! The Earthfiles, read with Earthly's grammar: they parse, they call nothing but the
//! scripts and this binary with flags that it has, and the key is a secret.
//!
//! Not checked here: that Earthly runs them. That needs Earthly and a network.
#![allow(clippy::unwrap_used, reason = "a panic is a failed test with a place")]

use std::path::{Path, PathBuf};

use clap::Parser as _;
use edgestage::cli::Cli;
use tree_sitter::{Node, Parser, Tree};

const KEY: &str = "PALETTE_API_KEY";

/// An Earthfile as the grammar sees it.
struct Earthfile {
    text: String,
    tree: Tree,
}

/// A `RUN`: the target it is in, its options, its command.
struct Run {
    target: String,
    options: String,
    command: String,
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Earthfile {
    fn parse(text: &str) -> Self {
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_earthfile::language())
            .unwrap();
        let tree = parser.parse(text, None).unwrap();
        Self {
            text: text.to_owned(),
            tree,
        }
    }

    fn read(path: &str) -> Self {
        Self::parse(&std::fs::read_to_string(repository().join(path)).unwrap())
    }

    fn text(&self, node: Node<'_>) -> String {
        self.text[node.byte_range()].to_owned()
    }

    /// Every node, parents first.
    fn nodes(&self) -> Vec<Node<'_>> {
        let mut found = vec![self.tree.root_node()];
        let mut at = 0;
        while let Some(node) = found.get(at).copied() {
            let mut cursor = node.walk();
            found.extend(node.children(&mut cursor));
            at += 1;
        }
        found
    }

    fn of_kind(&self, kind: &str) -> Vec<Node<'_>> {
        let mut nodes = self.nodes();
        nodes.retain(|node| node.is_named() && node.kind() == kind);
        nodes
    }

    /// Where it is not an Earthfile.
    fn errors(&self) -> Vec<String> {
        // The grammar takes `FROMM x` for `FROM Mx`; Earthly does not.
        let glued = |node: &Node<'_>| {
            let command = node.kind().strip_suffix("_command");
            let keyword = command.and_then(|kind| kind.split('_').next());
            keyword.is_some_and(|keyword| {
                self.text(*node).split_whitespace().next() != Some(&keyword.to_uppercase())
            })
        };
        let broken = |node: &Node<'_>| node.is_error() || node.is_missing() || glued(node);
        self.nodes()
            .into_iter()
            .filter(broken)
            .map(|node| format!("line {}: {}", node.start_position().row + 1, node.to_sexp()))
            .collect()
    }

    fn targets(&self) -> Vec<String> {
        let name = |node: Node<'_>| node.child_by_field_name("name").map(|name| self.text(name));
        self.of_kind("target")
            .into_iter()
            .filter_map(name)
            .collect()
    }

    fn target_of(&self, node: Node<'_>) -> String {
        let mut at = Some(node);
        while let Some(node) = at {
            if node.kind() == "target" {
                let name = node.child_by_field_name("name").unwrap();
                return self.text(name);
            }
            at = node.parent();
        }
        "base".to_owned()
    }

    fn runs(&self) -> Vec<Run> {
        let field = |node: Node<'_>, name| {
            let field = node.child_by_field_name(name);
            field.map(|field| self.text(field)).unwrap_or_default()
        };
        self.of_kind("run_command")
            .into_iter()
            .map(|node| Run {
                target: self.target_of(node),
                options: field(node, "options"),
                command: field(node, "command").replace("\\\n", " "),
            })
            .collect()
    }

    /// Names that a value is kept under in a layer or a cache key.
    fn names(&self) -> Vec<String> {
        ["arg_command", "let_command", "set_command", "env_command"]
            .iter()
            .flat_map(|kind| self.of_kind(kind))
            .filter_map(|node| {
                node.child_by_field_name("name")
                    .or_else(|| node.child_by_field_name("key"))
            })
            .map(|name| self.text(name))
            .collect()
    }

    /// What would put the key where it stays.
    fn leaks(&self) -> Vec<String> {
        let looks_secret = |name: &String| {
            let name = name.to_uppercase();
            ["KEY", "TOKEN", "SECRET", "PASSWORD"]
                .iter()
                .any(|word| name.contains(word))
        };
        let mut leaks = self.names();
        leaks.retain(looks_secret);
        leaks.extend(
            self.runs()
                .into_iter()
                .map(|run| run.command)
                .filter(|command| command.contains(KEY)),
        );
        leaks
    }
}

/// What is wrong with a command, if anything.
fn objection(run: &Run) -> Option<String> {
    let mut commands = run.command.split("&&");
    commands.find_map(|command| objection_to(command, &run.target))
}

fn objection_to(command: &str, target: &str) -> Option<String> {
    let words: Vec<String> = command
        .split_whitespace()
        .map(|word| word.trim_matches('"').replace('$', ""))
        .skip_while(|word| word.contains('=') && !word.starts_with('-'))
        .collect();
    let program = words.first().map(String::as_str).unwrap_or_default();
    if let Some(script) = program.strip_prefix("./scripts/") {
        let path = repository().join("scripts").join(script);
        return (!path.is_file()).then(|| format!("there is no {}", path.display()));
    }
    match program {
        "edgestage" => match Cli::try_parse_from(&words) {
            Ok(_) => None,
            Err(error) if !error.use_stderr() => None,
            Err(error) => Some(error.to_string()),
        },
        // What an image lacks is installed in one place.
        "apt-get" | "cargo" | "rustup" if ["tools", "compiler"].contains(&target) => None,
        // The shell's own: the login for a registry into a file that is in no layer.
        "printf"
            if words
                .last()
                .is_some_and(|word| word.starts_with(">/run/edgestage/")) =>
        {
            None
        }
        _ => Some(format!("not ours to run: {program}")),
    }
}

fn both() -> [(&'static str, Earthfile); 2] {
    ["Earthfile", "templates/Earthfile"].map(|path| (path, Earthfile::read(path)))
}

#[test]
fn they_parse() {
    for (path, earthfile) in both() {
        assert_eq!(earthfile.errors(), [""; 0], "{path}");
        assert!(earthfile.text.starts_with("VERSION 0.8\n"), "{path}");
    }
}

#[test]
fn what_is_broken_is_reported() {
    let whole = std::fs::read_to_string(repository().join("Earthfile")).unwrap();
    for (right, wrong) in [
        ("SAVE ARTIFACT", "SAVE ARTEFACT"),
        ("build:", "build"),
        ("ARG canvos=CanvOS", "ARG =CanvOS"),
        ("FROM +tools", "FROMM +tools"),
        ("    FUNCTION", "FUNCTION"),
    ] {
        let broken = whole.replacen(right, wrong, 1);
        assert_ne!(broken, whole, "{right}");
        let errors = Earthfile::parse(&broken).errors();
        assert!(!errors.is_empty(), "{wrong}");
    }
}

#[test]
fn the_promised_targets_are_there() {
    let targets = Earthfile::read("Earthfile").targets();
    for name in ["build", "test", "check", "image", "shell", "STAGE"] {
        assert!(targets.iter().any(|target| target == name), "{name}");
    }
    let template = Earthfile::read("templates/Earthfile").targets();
    assert_eq!(template, ["stage", "verify"]);
}

#[test]
fn they_run_the_scripts_and_this_binary_only() {
    for (path, earthfile) in both() {
        for run in earthfile.runs() {
            let objection = objection(&run);
            assert_eq!(objection, None, "{path}, {}: {}", run.target, run.command);
        }
    }
}

#[test]
fn a_command_that_is_not_ours_is_reported() {
    let text = "VERSION 0.8\nx:\n    RUN ./scripts/nothing\n    RUN edgestage stage --lokced\n    \
                RUN curl example.com\n    RUN apt-get update\n";
    let runs = Earthfile::parse(text).runs();
    assert_eq!(runs.len(), 4);
    for run in &runs {
        assert!(objection(run).is_some(), "{}", run.command);
    }
}

#[test]
fn the_key_is_a_secret() {
    for (path, earthfile) in both() {
        assert_eq!(earthfile.leaks(), [""; 0], "{path}");
    }
    let runs = Earthfile::read("Earthfile").runs();
    let stage = runs.iter().find(|run| run.target == "STAGE").unwrap();
    // Each by the name that the caller gives, which may be empty: then none is asked for.
    for secret in ["PALETTE_API_KEY=$palette", "REGISTRY_AUTH=$registry"] {
        assert!(stage.options.contains(&format!("--secret {secret}")));
    }
    assert!(
        stage
            .options
            .contains("--mount=type=tmpfs,target=/run/edgestage")
    );
    assert!(stage.command.contains("--locked"));
}

#[test]
fn a_key_that_is_no_secret_is_reported() {
    for line in [
        "ARG PALETTE_API_KEY",
        "ARG api_key=abc",
        "ENV PALETTE_API_KEY=abc",
        "LET token=abc",
        "RUN PALETTE_API_KEY=abc edgestage fetch",
    ] {
        let earthfile = Earthfile::parse(&format!("VERSION 0.8\nx:\n    {line}\n"));
        assert_eq!(earthfile.errors(), [""; 0], "{line}");
        assert!(!earthfile.leaks().is_empty(), "{line}");
    }
}

#[test]
fn the_template_uses_the_function_as_it_is() {
    let (function, template) = (
        Earthfile::read("Earthfile"),
        Earthfile::read("templates/Earthfile"),
    );
    let known: Vec<String> = function
        .of_kind("arg_command")
        .into_iter()
        .filter(|node| function.target_of(*node) == "STAGE")
        .filter_map(|node| node.child_by_field_name("name"))
        .map(|name| function.text(name))
        .collect();
    let calls = template.of_kind("do_command");
    let [call] = calls[..] else {
        panic!("not one call, but {}", calls.len())
    };
    let call = template.text(call);
    assert!(call.starts_with("DO edgestage+STAGE "), "{call}");
    let given: Vec<&str> = call
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--")?.split('=').next())
        .collect();
    assert!(!given.is_empty());
    for name in given {
        assert!(
            known.iter().any(|known| known == name),
            "{name} in {known:?}"
        );
    }
    let repository = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://");
    let import = template.text(template.of_kind("import_command")[0]);
    assert!(
        import.starts_with(&format!("IMPORT {repository}:")),
        "{import}"
    );
}

/// A caller of STAGE resolves the base image of its Earthfile, whatever it is: `scratch` asks
/// no registry.
#[test]
fn a_caller_of_stage_needs_no_image_but_its_own() {
    let earthfile = Earthfile::read("Earthfile");
    let bases = earthfile.of_kind("from_command").into_iter();
    let mut bases = bases.filter(|node| earthfile.target_of(*node) == "base");
    let base = bases.next().map(|node| earthfile.text(node));
    assert_eq!(base.as_deref().map(str::trim), Some("FROM scratch"));
    let stage = earthfile.runs();
    let stage = stage.iter().find(|run| run.target == "STAGE").unwrap();
    assert!(
        stage.options.contains("--secret"),
        "it runs at the caller's"
    );
}

/// Under `--ci` or `--no-output` a build program writes nothing to the host, and ends with 0.
#[test]
fn what_the_template_stages_is_verified() {
    let template = Earthfile::read("templates/Earthfile");
    let runs = template.runs();
    let verify = runs.iter().find(|run| run.target == "verify").unwrap();
    assert!(verify.command.trim().starts_with("edgestage verify "));
    // It needs no key, and looks at the files of the host: no artifact of `stage`.
    assert!(!verify.options.contains("--secret"));
    let copied = commands_of(&template, "verify").join("\n");
    assert!(
        copied.contains("COPY --dir CanvOS ./") && !copied.contains("+stage"),
        "{copied}"
    );

    for path in ["Earthfile", "templates/Earthfile"] {
        let text = Earthfile::read(path).text;
        assert!(text.contains("`earth` of EarthBuild"), "{path}");
        // A call with one of them and without the other stages nothing.
        let calls = text
            .lines()
            .filter(|line| line.contains("+stage") && line.contains("--ci"));
        assert!(
            calls.clone().all(|line| line.contains("--ci --output")),
            "{path}"
        );
        assert!(text.contains("--ci --output"), "{path}");
    }
}

/// The commands of one target, in order.
fn commands_of(earthfile: &Earthfile, target: &str) -> Vec<String> {
    let commands = earthfile.nodes().into_iter().filter(|node| {
        let ends = node.kind().ends_with("_command") && node.is_named();
        ends && earthfile.target_of(*node) == target
    });
    let mut commands: Vec<_> = commands.collect();
    commands.sort_by_key(Node::start_byte);
    commands
        .into_iter()
        .map(|node| earthfile.text(node))
        .collect()
}

#[test]
fn the_image_is_the_binary_and_no_more_and_is_not_root() {
    let earthfile = Earthfile::read("Earthfile");
    let commands = commands_of(&earthfile, "image");
    assert_eq!(commands[0].trim(), "FROM scratch");
    // There is nothing in it that could run.
    assert!(
        commands.iter().all(|command| !command.starts_with("RUN")),
        "{commands:?}"
    );
    let has = |begin: &str| commands.iter().any(|command| command.starts_with(begin));
    assert!(
        has("COPY +build/edgestage ") && has("COPY +build/ca-certificates.crt /etc/ssl/certs/")
    );
    assert!(has("ENTRYPOINT [\"/usr/bin/edgestage\"]"));
    let user = commands
        .iter()
        .find_map(|command| command.strip_prefix("USER "));
    let id = user.and_then(|user| user.trim().split(':').next()?.parse::<u32>().ok());
    assert!(id.is_some_and(|id| id > 0), "{user:?}");
}

#[test]
fn the_image_says_what_it_is() {
    let earthfile = Earthfile::read("Earthfile");
    let commands = commands_of(&earthfile, "image").join("\n");
    let prefix = "LABEL org.opencontainers.image";
    for (name, value) in [
        ("title", env!("CARGO_PKG_NAME")),
        ("source", env!("CARGO_PKG_REPOSITORY")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("licenses", "Apache-2.0"),
    ] {
        let label = format!("{prefix}.{name}=\"{value}\"");
        assert!(commands.contains(&label), "{label} in {commands}");
    }
    assert!(commands.contains(concat!("edgestage:", env!("CARGO_PKG_VERSION"))));
}

/// A build of the crate reads more than `src`.
#[test]
fn what_is_compiled_in_is_copied_for_the_build() {
    let build = commands_of(&Earthfile::read("Earthfile"), "build").join("\n");
    let mut directories = vec![repository().join("src")];
    let mut found = 0;
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for part in text.split("include_str!(\"").skip(1) {
                let named = part.split('"').next().unwrap();
                let target = path.parent().unwrap().join(named).canonicalize().unwrap();
                let relative = target
                    .strip_prefix(repository().canonicalize().unwrap())
                    .unwrap();
                let top = relative.iter().next().unwrap().to_str().unwrap();
                assert!(build.contains(&format!(" {top} ")), "{top}: {build}");
                found += 1;
            }
        }
    }
    assert!(found > 4, "{found}");
}

#[test]
fn what_is_copied_is_there() {
    let earthfile = Earthfile::read("Earthfile");
    for copy in earthfile.of_kind("copy_command") {
        let text = earthfile.text(copy);
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| *word != "COPY" && !word.starts_with("--"))
            .collect();
        let sources = &words[..words.len() - 1];
        for source in sources.iter().filter(|source| !source.starts_with('+')) {
            let there = repository().join(Path::new(source)).exists();
            assert!(there || text.contains("--if-exists"), "{text}");
        }
    }
}

/// The tests read the docs, the templates and the settings of other programs.
#[test]
fn all_of_the_repository_is_copied_for_the_tests() {
    let tools = commands_of(&Earthfile::read("Earthfile"), "tools").join("\n");
    let copied: Vec<&str> = tools.split_whitespace().collect();
    let ignored = std::fs::read_to_string(repository().join(".gitignore")).unwrap();
    let is_built = |name: &str| {
        let mut patterns = ignored.lines().map(|line| line.trim_matches('/'));
        // An editor has hidden files of its own.
        name.starts_with('.') || patterns.any(|pattern| pattern == name)
    };
    for entry in std::fs::read_dir(repository()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(is_built(&name) || copied.contains(&name.as_str()), "{name}");
    }
}
