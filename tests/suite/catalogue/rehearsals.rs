//! Rehearsals.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use edgestage::canvos::preflight::Obstacle;
use edgestage::canvos::rehearsal::{
    Inconclusive, Purpose, Refused, RehearsalError, RehearsalResult, RehearsalVerdict,
};
use edgestage::error::Error;
use edgestage::util::path_error::PathError;

use super::book::Book;
use crate::checkout::{builds_with, full};

pub fn all(book: &mut Book) {
    book.part("Rehearsals");
    let output = || vec!["Error: no such thing".to_owned()];
    let program = || "earthly".to_owned();
    let told = |book: &mut Book, what: &str, error: RehearsalError| {
        book.told(what, &Error::Rehearsal(error));
    };
    let error = std::io::ErrorKind::NotFound.into();
    let program_is = program();
    let start = RehearsalError::Start {
        program: program_is,
        error,
    };
    told(book, "a rehearsal that cannot start", start);
    let late = RehearsalError::TimedOut {
        program: program(),
        after: Duration::from_secs(600),
        output: output(),
    };
    told(book, "one that takes too long", late);
    let unavailable = RehearsalError::Unavailable {
        program: program(),
        output: vec!["Error: Is the docker daemon running?".to_owned()],
    };
    told(book, "one without a daemon or a base image", unavailable);
    let disk = PathError {
        path: "CanvOS/large".into(),
        doing: "copy",
        source: std::io::ErrorKind::StorageFull.into(),
    };
    told(book, "one on a full disk", RehearsalError::Io(disk));
    verdicts(book);
}

fn verdicts(book: &mut Book) {
    let output = || vec!["Error: no such thing".to_owned()];
    let told = |book: &mut Book, what: &str, error: RehearsalError| {
        book.told(what, &Error::Rehearsal(error));
    };
    let refused = |verdict, judged: RehearsalResult| {
        RehearsalError::Refused(Box::new(Refused {
            definition: "factory".into(),
            target: Some("iso".into()),
            judged: RehearsalResult { verdict, ..judged },
            output: output(),
            purpose: Purpose::Report,
        }))
    };
    let plain = || RehearsalResult::new(RehearsalVerdict::Nothing);
    let other = |path: Option<&str>, holds: Option<&str>| RehearsalResult {
        path: path.map(str::to_owned),
        holds: holds.map(str::to_owned),
        clusterconfig: Some("other.tgz".into()),
        ..plain()
    };
    for (what, verdict, judged) in [
        (
            "another definition",
            RehearsalVerdict::AnotherDefinition,
            other(None, Some("store")),
        ),
        (
            "another file",
            RehearsalVerdict::AnotherDefinition,
            other(Some("other.tgz"), None),
        ),
        (
            "a file from elsewhere",
            RehearsalVerdict::AnotherDefinition,
            other(None, None),
        ),
        ("nothing", RehearsalVerdict::Nothing, plain()),
        (
            "nothing, and an empty value",
            RehearsalVerdict::Nothing,
            RehearsalResult {
                clusterconfig: Some(String::new()),
                ..plain()
            },
        ),
        ("an empty file", RehearsalVerdict::Empty, plain()),
        ("a link", RehearsalVerdict::Link, plain()),
        ("a directory", RehearsalVerdict::Directory, plain()),
        (
            "a build that will fail",
            RehearsalVerdict::BuildFails,
            plain(),
        ),
        ("no image", RehearsalVerdict::NoImage, plain()),
        (
            "a target that carries none",
            RehearsalVerdict::NotCarried,
            plain(),
        ),
    ] {
        told(book, what, refused(verdict, judged));
    }
    unjudged(book, &|why| {
        let judged = RehearsalResult {
            unjudged: why,
            ..plain()
        };
        Error::Rehearsal(refused(RehearsalVerdict::Unjudged, judged))
    });
    let test = full().stage();
    let run = test.run("rehearse -- +maas-image");
    book.run("a MAAS image", 0, run);
    let text = "#!/bin/sh\nprintf 'edgestage-rehearsal build-iso\no absent /overlay\nx mark edgestage-built-1\nvalue ' > \
                .edgestage-rehearsal/edgestage-rehearsal-1\n\
                echo edgestage-built-1 build-iso > .edgestage-rehearsal/edgestage-built-1\n";
    test.put("CanvOS/earthly.sh", text);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(test.path("CanvOS/earthly.sh"), mode).unwrap();
    builds_with(&test, &["./earthly.sh", "+iso"]);
    book.run("a forecast that differs", 3, test.run("rehearse"));
    book.run("a build that does not start", 3, test.run("build"));
    let fails =
        "#!/bin/sh\n[ -z \"$EDGESTAGE_REHEARSAL\" ] || echo 'Error: pull access denied'\nexit 1\n";
    test.put("CanvOS/earthly.sh", fails);
    book.run("a build without a verdict", 1, test.run("build"));
    let run = test.run("build --allow T13 -- +kairos-raw-image");
    book.run("a build that is allowed to carry nothing", 1, run);
}

/// Rehearsals that say nothing.
fn unjudged(book: &mut Book, error: &dyn Fn(Option<Inconclusive>) -> Error) {
    for why in [
        Obstacle::Condition,
        Obstacle::Loop,
        Obstacle::ShellOut,
        Obstacle::OtherEarthfile,
        Obstacle::Changes,
        Obstacle::OtherOverlay,
        Obstacle::NoBase,
        Obstacle::Repository,
        Obstacle::DropsOverlay,
        Obstacle::Command,
    ] {
        let text = "RUN x".to_owned();
        let line = Inconclusive::Line { line: 9, text, why };
        book.told(
            &format!("a line that is not reduced: {why:?}"),
            &error(Some(line)),
        );
    }
    for (what, why) in [
        ("MAAS", Some(Inconclusive::Maas)),
        (
            "a target of elsewhere",
            Some(Inconclusive::Elsewhere("./x+iso".into())),
        ),
        (
            "an unknown command",
            Some(Inconclusive::Command("make".into())),
        ),
        (
            "a build whose result does not arrive",
            Some(Inconclusive::Unrecorded("build-iso".into())),
        ),
        (
            "an artifact that a reduced target does not have",
            Some(Inconclusive::Artifact("make".into())),
        ),
        (
            "a command that allows no marks",
            Some(Inconclusive::Strict("make".into())),
        ),
        (
            "a target of another Earthfile",
            Some(Inconclusive::OtherEarthfile("./tools+image".into())),
        ),
        (
            "a build of the checkout itself",
            Some(Inconclusive::Checkout("make".into())),
        ),
        ("a path above the checkout", Some(Inconclusive::Outside)),
        (
            "no ISO tool",
            Some(Inconclusive::NoTool("build-iso".into())),
        ),
        (
            "two places",
            Some(Inconclusive::Places(vec!["/a".into(), "/b".into()])),
        ),
        (
            "an unreadable file",
            Some(Inconclusive::Unreadable("a.tgz".into())),
        ),
        ("no reason", None),
    ] {
        book.told(
            &format!("a rehearsal that cannot tell: {what}"),
            &error(why),
        );
    }
}
