//! Arguments, variables, names, and files that they name.

use std::fs;
use std::io::{Error, ErrorKind};

use edgestage::error::Error as Failure;
use edgestage::util::path_error::PathError;

use super::book::Book;
use crate::support::{FACTORY, HEAD, Test};

/// Three definitions.
pub fn three() -> Test {
    let table = |name: &str| format!("\n[definition.{name}]\n{FACTORY}\n");
    let tables = ["factory", "store", "warehouse"].map(table).concat();
    Test::new().manifest(&format!("{HEAD}{tables}"))
}

pub fn all(book: &mut Book) {
    book.part("The command line");
    let test = three();
    for (what, command) in [
        ("a flag that there is not", "stage factory --lokced"),
        ("a command that there is not", "stge factory"),
        ("a number out of range", "fetch --jobs 0"),
        ("a mistyped target", "check --target uki-is"),
        ("a target that there is not", "check --target raw"),
        ("a trap that there is not", "stage factory --allow T99"),
        ("a mistyped topic", "explain not-lockd"),
        ("a topic that there is not", "explain zzz"),
        ("diff has to ask Palette", "diff --offline"),
        ("update has to write the lock", "update --locked"),
        ("nothing to keep archives for", "cache clean --keep-locked"),
        (
            "the lock in the place of the manifest",
            "check --file profiles.lock",
        ),
        ("an output for several", "fetch --output spc.tgz"),
        (
            "an output that is a directory",
            "fetch factory --output CanvOS",
        ),
        (
            "an output in no directory",
            "fetch factory --output none/spc.tgz",
        ),
        (
            "the manifest for an output",
            "fetch factory --output profiles.toml",
        ),
        (
            "the lock for an output",
            "fetch factory --output ./profiles.lock",
        ),
        (
            "a file of the build for an output",
            "fetch factory --output CanvOS/Earthfile",
        ),
        ("an output in the repository", "man --output .git/man1"),
        ("another scheme", "check --endpoint ftp://palette.example"),
        (
            "a secret in the address",
            "check --endpoint https://me:hunter2@palette.example",
        ),
        (
            "a query in the address",
            "check --endpoint https://palette.example/?a=b",
        ),
        (
            "the API's own path",
            "check --endpoint https://palette.example/v1",
        ),
        (
            "a page of the console",
            "check --endpoint https://console.example/projects/x/profiles/cluster/y",
        ),
        (
            "a page of SaaS's console",
            "check --endpoint https://acme.console.spectrocloud.com/projects/x",
        ),
        (
            "an address without a scheme",
            "check --endpoint palette.example",
        ),
        (
            "quotes around the address",
            "check --endpoint 'https://palette.example'",
        ),
        ("nothing for an address", "check --endpoint=''"),
        ("no address at all", "check --endpoint https://"),
    ] {
        book.run(what, 2, test.run(command));
    }
    let run = test.run("show --timestamp --format html");
    book.run("a time in a page", 2, run);
    let run = test.run("attest --timestamp");
    let run = run.env("SOURCE_DATE_EPOCH", "2026-01-01");
    book.run("a date that is not a number", 2, run);
    let run = test.run("attest --builder-id https://ci:token@ci.example.com");
    book.run("a builder with a password", 2, run);
    let run = test.run("fetch").env("EDGESTAGE_LOCK_TIMEOUT", "soon");
    book.run("a variable that is not a number", 2, run);
    book.run("a file that is there", 1, test.run("init"));
    test.put("Makefile", "all:\n");
    book.run("another file that is there", 1, test.run("init --make"));
    definitions(book, &test);
    edits(book, &test);
    files(book, &test);
}

/// `init`, `add`, `remove` and `rename`.
fn edits(book: &mut Book, test: &Test) {
    book.part("Questions and edits");
    book.told("a question is answered by Esc", &Failure::Stopped);
    let why = "the terminal is gone".to_owned();
    book.told("a question cannot be asked", &Failure::Unasked(why));
    for (what, project) in [
        ("nothing to offer", Some("Default")),
        ("nor in the tenant", None),
    ] {
        let project = project.map(str::to_owned);
        book.told(what, &Failure::NothingOffered { project, seen: 3 });
    }
    for (what, command) in [
        (
            "a profile that is none",
            "add https://c.example/clusters --to store",
        ),
        ("a name that is none", "add edge-logging@0.9.0 --to a/b"),
        ("a mistyped profile", "remove edge-infa --from store"),
        (
            "a profile that is not there",
            "remove hello-universe@1.2.0 zzz --from store",
        ),
        ("a name that is taken", "rename store factory"),
        (
            "a lock that may not be written",
            "rename store shop --locked",
        ),
    ] {
        book.run(what, 2, test.run(command));
    }
    let one = Test::new().definition("profiles = [\"edge-infra@2.1.0\"]");
    book.run("the only definition", 2, one.run("remove factory"));
    book.run("the only profile", 2, one.run("remove edge-infra@2.1.0"));
    let inline = "definition = { a = { profiles = [\"edge-infra@2.1.0\"] }, b = { profiles = [\"a@1\"] } }\n";
    let inline = Test::new().manifest(inline);
    book.run("a definition in one line", 2, inline.run("remove a"));
    let url = "https://console.example/projects/5fbbf0c1d2e3f4a5b6c7d8e9/profiles/cluster/65c91b7e3f2a1d4c9fe4f51c";
    book.run("a page of another Palette", 0, one.run("add").arg(url));
    let run = one.run("add edge-logging@0.9.0 --to factry");
    book.run("a new definition of a like name", 0, run);
}

fn definitions(book: &mut Book, test: &Test) {
    book.part("Definitions");
    book.run("one of several is meant", 2, test.run("stage"));
    book.run("a mistyped name", 2, test.run("stage factry"));
    book.run("another name", 2, test.run("stage zzz"));
    book.run(
        "another name than the only one",
        2,
        Test::new().run("stage zzz"),
    );
    let names: Vec<String> = (0..30).map(|n| format!("site-{n:02}")).collect();
    let table = |name: &String| format!("\n[definition.{name}]\n{FACTORY}\n");
    let tables: String = names.iter().map(table).collect();
    let fleet = Test::new().manifest(&format!("{HEAD}{tables}"));
    book.run("one of many is meant", 2, fleet.run("verify"));
}

fn files(book: &mut Book, test: &Test) {
    book.part("Files");
    test.put("factory.tgz", "x");
    book.run("a mistyped file", 2, test.run("show factoy.tgz"));
    book.run("a file that is not there", 2, test.run("show zzz.tgz"));
    book.run("a directory for a file", 1, test.run("show ./CanvOS"));
    book.run(
        "a part of a path that is a file",
        2,
        test.run("show factory.tgz/a.tgz"),
    );
    for (what, kind) in [
        ("no permission", ErrorKind::PermissionDenied),
        ("a disk that is read-only", ErrorKind::ReadOnlyFilesystem),
        ("a disk that is full", ErrorKind::StorageFull),
        ("a disk that is broken", ErrorKind::Other),
    ] {
        let error = PathError {
            path: "/home/.cache/edgestage/tmp".into(),
            doing: "write in",
            source: Error::from(kind),
        };
        book.told(what, &error.into());
    }
    // `not_files` shows that these come about.
    for (what, kind, said) in [
        (
            "a pipe for a file",
            ErrorKind::InvalidInput,
            "it is a pipe, not a file",
        ),
        (
            "a file without an end",
            ErrorKind::FileTooLarge,
            "it is larger than 16.0 MiB",
        ),
        (
            "a silent pipe",
            ErrorKind::TimedOut,
            "it is a pipe without a writer",
        ),
    ] {
        let error = PathError {
            path: "/home/CanvOS/.arg".into(),
            doing: "read",
            source: Error::new(kind, said),
        };
        book.told(what, &error.into());
    }
    let full = test.run("list --json").prelude("exec > /dev/full");
    book.run("standard output on a full disk", 1, full);
    let gone = Test::new();
    fs::rename(gone.path("profiles.toml"), gone.path("profile.toml")).unwrap();
    book.run("a manifest of a like name", 2, gone.run("check"));
    fs::remove_file(gone.path("profile.toml")).unwrap();
    book.run("no manifest", 2, gone.run("check"));
    book.run(
        "a directory for a manifest",
        2,
        gone.run("check --file CanvOS"),
    );
    let run = test.run("cache list").without("HOME");
    book.run("no directory for the cache", 1, run);
}
