//! Archives that GNU tar, bsdtar, Python and Go read in different ways, by kind: they are
//! refused with exit 6, and the message names the entry and what is unusual about it. Unusual
//! archives that all of them read alike must be accepted.
//! [`archive_readers`](super::archive_readers) runs the readers themselves.

mod extended;
mod headers;

use std::process::Command;

use crate::support::Test;
use crate::support::crafted_archives::{Crafted, PAX};

/// Checks that each of these is refused with "`NAME` can be read in two ways: WHY".
#[track_caller]
pub fn ambiguous(name: &str, why: &str, archives: Vec<Crafted>) {
    let test = Test::new();
    for archive in archives {
        test.put("odd.tgz", archive.gzip());
        test.run("show odd.tgz")
            .stderr_has(&format!(
                "error[archive-refused]: `odd.tgz` is refused: `{name}` is ambiguous: {why}\n"
            ))
            .stderr_has("do not use it")
            .fails(6);
    }
}

/// Checks that each of these is refused with these words.
#[track_caller]
pub fn refused(faults: Vec<(&str, Crafted)>) {
    let test = Test::new();
    for (said, archive) in faults {
        test.put("odd.tgz", archive.gzip());
        test.run("show odd.tgz").stderr_has(said).fails(6);
    }
}

/// Checks that the documented recipe finds the contents of each of these.
#[track_caller]
pub fn accepted(archives: Vec<Crafted>) {
    let recipe = "mkdir x && tar -xzf odd.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                  | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum; rm -r ../x";
    let test = Test::new();
    for archive in archives {
        test.put("odd.tgz", archive.gzip());
        let done = test.run("show odd.tgz --json").any_stdout().success();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", recipe])
            .current_dir(test.path("odd.tgz").parent().unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            done.json()["content_sha256"].as_str(),
            found.split(' ').next()
        );
    }
}

pub fn good() -> Crafted {
    Crafted::good()
}

/// Returns a valid archive with a second file.
pub fn file() -> Crafted {
    good().file(b"spc/b", b"b")
}

/// Returns an archive whose second file has this PAX header.
pub fn pax(records: &[(&[u8], &[u8])]) -> Crafted {
    good().pax(PAX, records).file(b"spc/b", b"b")
}
