//! Content bundles that real programs have written.

use std::path::Path;
use std::process::Command;

use crate::support::Test;
use crate::support::bundles::{Bundle, Member};

/// Writes the members into a directory.
fn unpack(members: &[Member], directory: &Path) {
    for (path, content) in members {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// Every writer of a tar, with each order that it has.
#[test]
fn bundles_of_real_programs() {
    let test = Test::new();
    test.run("fetch -q --output spc.tgz").any_stdout().success();
    let members = Bundle::of(&test.read("spc.tgz")).members();
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join("layout");
    unpack(&members, &layout);
    let bundle = directory.path().join("bundle");
    let python = "import sys, tarfile\n\
                  with tarfile.open(sys.argv[1], 'w', format=int(sys.argv[2])) as tar:\n    \
                  tar.add('.', 'content-bundle')";
    for script in [
        "tar -cf \"$1\" .",
        "tar --format=posix -cf \"$1\" .",
        "tar --format=ustar -cf \"$1\" .",
        "tar --format=v7 -cf \"$1\" .",
        "tar --format=gnu -cf \"$1\" index.json blobs oci-layout",
        "tar --format=pax -cf \"$1\" blobs index.json oci-layout",
        "tar --zstd -cf \"$1\" .",
        "tar -cf - . | zstd -q -19 > \"$1\"",
        "tar -cf - . | zstd -q -T0 --rsyncable > \"$1\"",
        "tar -cf - . | zstd -q --adapt > \"$1\"",
        "tar -cf ../plain . && zstd -q --long=27 --rm -f ../plain -o \"$1\"",
        "bsdtar -cf \"$1\" .",
        "bsdtar --format=pax -cf \"$1\" .",
        "bsdtar --format=ustar -cf \"$1\" blobs index.json oci-layout",
        "bsdtar --format=gnutar --zstd -cf \"$1\" .",
        &format!("python3 -c \"{python}\" \"$1\" 0"),
        &format!("python3 -c \"{python}\" \"$1\" 1"),
        &format!("python3 -c \"{python}\" \"$1\" 2"),
    ] {
        let made = Command::new("sh")
            .args(["-ec", script, "sh", bundle.to_str().unwrap()])
            .current_dir(&layout)
            .status();
        assert!(made.unwrap().success(), "{script}");
        let run = test.run("verify --bundle").arg(bundle.to_str().unwrap());
        run.stdout(&format!(
            "{}  as locked\n",
            bundle.canonicalize().unwrap().display()
        ))
        .success();
    }
}
