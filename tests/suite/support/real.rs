//! What the real programs answered, from `tests/fixtures/real`, and the situations in which
//! they did, set up in a temporary directory.
//!
//! A row is a JSON object. `earthly.jsonl` has what Earthly and EarthBuild did with a checkout
//! of many files, `invocations.jsonl` which build arguments a `RUN` saw when the programs were
//! started in many different ways, and `canvos.jsonl` what whole builds of CanvOS did. The
//! Earthfile and the wrapper of a situation are short ones with the same meaning as CanvOS's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use edgestage::canvos::preflight::invocation::Call;
use edgestage::util::environment::Environment;
use serde_json::Value;

use super::{OVERLAY, ROOT};

/// One row of a table.
pub struct Answer {
    table: Table,
    row: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Earthly,
    Invocations,
    Canvos,
}

/// A row, set up in a directory.
pub struct Situation {
    _root: tempfile::TempDir,
    /// The checkout.
    pub checkout: PathBuf,
    /// The directory in which the program is started.
    pub directory: PathBuf,
    /// The program's environment.
    pub environment: Environment,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

impl Situation {
    /// Returns the build that is about to be started.
    pub fn call(&self) -> Call<'_> {
        Call {
            argv: &self.argv,
            environment: &self.environment,
            directory: &self.directory,
            checkout: &self.checkout,
        }
    }
}

/// Returns the rows of `earthly.jsonl`.
pub fn of_earthly() -> Vec<Answer> {
    rows(
        Table::Earthly,
        include_str!("../../fixtures/real/earthly.jsonl"),
    )
}

/// Returns the rows of `invocations.jsonl`. Their Earthfile has the same arguments and `N`.
pub fn of_invocations() -> Vec<Answer> {
    rows(
        Table::Invocations,
        include_str!("../../fixtures/real/invocations.jsonl"),
    )
}

/// Returns the rows of `canvos.jsonl`.
pub fn of_canvos() -> Vec<Answer> {
    rows(
        Table::Canvos,
        include_str!("../../fixtures/real/canvos.jsonl"),
    )
}

fn rows(table: Table, lines: &str) -> Vec<Answer> {
    let rows = lines.lines().map(|line| Answer {
        table,
        row: serde_json::from_str(line).unwrap(),
    });
    rows.collect()
}

impl Answer {
    /// Returns a text field; `None` if the row has no field of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.row[name].as_str()
    }

    /// Returns a description of the row.
    pub fn label(&self) -> &str {
        let label = self.text("note").or_else(|| self.text("name"));
        label.unwrap()
    }

    /// Returns the programs that answered so: `earthly`, `earth`, or both.
    pub fn programs(&self) -> Vec<&str> {
        match self.text("program").unwrap() {
            "both" => vec!["earthly", "earth"],
            program => vec![program],
        }
    }

    /// Returns the paths that the program wrote, relative to the checkout.
    pub fn exported(&self) -> Vec<&str> {
        let list = self.row["exported"].as_array().unwrap();
        list.iter().map(|path| path.as_str().unwrap()).collect()
    }

    /// Whether the row has a file at `path`.
    pub fn has_file(&self, path: &str) -> bool {
        ["files", "files_base64"]
            .iter()
            .any(|files| !self.row[*files][path].is_null())
    }

    /// Returns which archive is at `path`, if there is one.
    pub fn archive(&self, path: &str) -> Option<&str> {
        self.row["archives"][path].as_str()
    }

    /// Returns the build argument `name` that a `RUN` saw; `None` if it was the Earthfile's
    /// default.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.row["arguments"][name].as_str()
    }

    /// Returns the program and its arguments as they were typed, without the program's
    /// directory.
    pub fn typed(&self, program: &str) -> Vec<String> {
        let program = self.text("start").unwrap_or(program).to_owned();
        let arguments = self.row["args"].as_array().unwrap().iter();
        let arguments = arguments.map(|argument| argument.as_str().unwrap().to_owned());
        [program].into_iter().chain(arguments).collect()
    }

    /// Sets the row up for `program`. If a row says how the program was started, that is used.
    pub fn lay_out(&self, program: &str) -> Situation {
        let root = tempfile::tempdir().unwrap();
        let checkout = root.path().join("CanvOS");
        put(&checkout.join("Earthfile"), EARTHFILE.as_bytes());
        let image = match program {
            "earth" => "earthbuild/earthbuild",
            _ => "earthly/earthly",
        };
        let wrapper = WRAPPER.replace("earthly/earthly", image);
        put(&checkout.join("earthly.sh"), wrapper.as_bytes());
        match self.table {
            Table::Earthly => lay_out_files(&checkout),
            Table::Invocations => {}
            Table::Canvos => self.lay_out_archives(&checkout),
        }
        for (path, text) in self.members("files") {
            put(&checkout.join(path), text.as_bytes());
        }
        for (path, text) in self.members("files_base64") {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap();
            put(&checkout.join(path), &bytes);
        }
        if let Some(script) = self.text("setup") {
            let bash = Command::new("bash")
                .args(["-c", script])
                .current_dir(&checkout)
                .status();
            assert!(bash.unwrap().success(), "{script}");
        }
        let directory = checkout.join(self.text("cwd").unwrap());
        let variables: BTreeMap<_, _> = self
            .members("env")
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let mut argv = self.typed(program);
        for argument in &mut argv {
            *argument = argument.replace("@CHECKOUT@", checkout.to_str().unwrap());
        }
        if argv[0].starts_with("./") {
            let script = checkout.join(&argv[0]);
            argv[0] = script.to_str().unwrap().into();
        }
        Situation {
            environment: Environment {
                variables,
                directory: directory.clone(),
                terminal: false,
                interactive: false,
                columns: None,
            },
            _root: root,
            checkout,
            directory,
            argv,
        }
    }

    fn members(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let members = self.row[name].as_object().into_iter().flatten();
        members.map(|(path, text)| (path.as_str(), text.as_str().unwrap()))
    }

    fn lay_out_archives(&self, checkout: &Path) {
        for (path, kind) in self.members("archives") {
            let file = checkout.join(path);
            match kind {
                "absent" => {}
                "0 bytes" => put(&file, b""),
                "empty directory" => fs::create_dir_all(&file).unwrap(),
                kind => match kind.strip_prefix("link to ") {
                    Some(target) => link(target, &file),
                    None => put(&file, format!("{kind}\n").as_bytes()),
                },
            }
        }
    }
}

fn put(file: &Path, bytes: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

#[cfg(unix)]
fn link(target: &str, file: &Path) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, file).unwrap();
}

/// Creates the checkout of `earthly.jsonl` without the files of a row.
fn lay_out_files(checkout: &Path) {
    for path in FILES {
        put(
            &checkout.join(path),
            format!("content of {path}\n").as_bytes(),
        );
    }
    for path in [ROOT, OVERLAY] {
        put(&checkout.join(path), b"content of spc.tgz\n");
    }
    link("b.tgz", &checkout.join("link.tgz"));
    link("sub", &checkout.join("ldir"));
}

const FILES: [&str; 25] = [
    "a.tgz",
    "b.tgz",
    "sub/b.tgz",
    "sub/deep/c.tgz",
    "edge[1].tgz",
    "edge1.tgz",
    "build/x.tgz",
    "é.tgz",
    "a b.tgz",
    "_u.tgz",
    ".h.tgz",
    "1.tgz",
    "p+q.tgz",
    "^c.tgz",
    "-d.tgz",
    "x{y}.tgz",
    "q?.tgz",
    "a,b.tgz",
    "a:b.tgz",
    "a@b.tgz",
    "a=b.tgz",
    "~t.tgz",
    "dir/in.tgz",
    "overlay/files-iso/boot/grub2/grub.cfg",
    "overlay/files-iso/opt/spectrocloud/content/Readme.txt",
];

/// The targets that carry a definition, as in CanvOS.
pub const EARTHFILE: &str = r#"VERSION --arg-scope-and-set --shell-out-anywhere 0.6
FROM alpine:3.20
ARG CLUSTERCONFIG
ARG EDGE_CUSTOM_CONFIG=.edge-custom-config.yaml
ARG ARCH
ARG IS_UKI=false
ARG ISO_NAME=installer

iso:
    BUILD +build-iso

build-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ -n "$CLUSTERCONFIG" ]
        COPY --if-exists "$CLUSTERCONFIG" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
    SAVE ARTIFACT /overlay AS LOCAL ./build/

cloud-image:
    COPY --if-exists "$CLUSTERCONFIG" /workdir/spc.tgz
    SAVE ARTIFACT /workdir AS LOCAL ./build/
"#;

/// The relevant parts of CanvOS's `earthly.sh`: what it passes on, and its special case. The
/// rows of `earth` that were started with it had that program in the container.
pub const WRAPPER: &str = r#"#!/bin/bash
PE_VERSION=$(git describe --abbrev=0 --tags)
EARTHLY_VERSION=v0.8.15
source .arg
EARTHLY_SECRET_ARGS=()
if [ "${UBUNTU_PRO_ATTACH:-false}" = "true" ]; then
    EARTHLY_SECRET_ARGS=(--secret UBUNTU_PRO_KEY)
fi
if [[ "$1" == "+maas-image" ]]; then
    bash cloudconfigs/build-kairos-maas.sh
fi
docker run --privileged --rm --env EARTHLY_BUILD_ARGS -t -e GLOBAL_CONFIG="$global_config" \
    -v "$(pwd)":/workspace registry.invalid/earthly/earthly:"$EARTHLY_VERSION" \
    --allow-privileged "${EARTHLY_SECRET_ARGS[@]}" "$@"
if [ $? -ne 0 ]; then
    exit 1
fi
"#;
