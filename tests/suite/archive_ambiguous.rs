//! Archives that GNU tar, bsdtar, Python and Go read in different ways, by kind: refused with
//! exit 6, in a message that names the entry and says what is odd. And what looks odd and is
//! read alike by all of them, which must pass. [`archive_readers`](super::archive_readers)
//! asks the readers themselves.

mod extended;
mod headers;

use std::process::Command;

use crate::support::Test;
use crate::support::crafted::{Crafted, PAX};

/// Each of these is refused as "`NAME` is ambiguous: WHY".
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

/// Each of these is refused in these words.
#[track_caller]
pub fn refused(faults: Vec<(&str, Crafted)>) {
    let test = Test::new();
    for (said, archive) in faults {
        test.put("odd.tgz", archive.gzip());
        test.run("show odd.tgz").stderr_has(said).fails(6);
    }
}

/// What each of these holds is what the documented recipe finds.
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

/// A good archive with a second file.
pub fn file() -> Crafted {
    good().file(b"spc/b", b"b")
}

/// The second file has this PAX header.
pub fn pax(records: &[(&[u8], &[u8])]) -> Crafted {
    good().pax(PAX, records).file(b"spc/b", b"b")
}
