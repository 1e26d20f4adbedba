//! Checkouts, traps, builds and images.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use edgestage::error::Error;

use super::book::Book;
use crate::checkout::{EARTHFILE, full, with_arg};
use crate::support::{FACTORY, HEAD, IN_ISO, OVERLAY, Proof, ROOT, Test};

const ALL: &str = "--target iso --target uki-iso --target iso-disk-image --target cloud-image \
                   --target maas-image";

pub fn all(book: &mut Book) {
    checkouts(book);
    values(book);
    surroundings(book);
    builds(book);
    images(book);
}

fn checkouts(book: &mut Book) {
    book.part("Checkouts");
    let test = Test::new();
    book.run("no checkout", 2, test.run("stage --canvos zzz"));
    test.put("empty/file", "");
    book.run(
        "a directory that is none",
        2,
        test.run("stage --canvos empty"),
    );
    let run = test.run("stage --target cloud-image --target maas-image");
    book.run("a target that it has not", 2, run);
    test.put(&Test::placement(ROOT), "mine");
    book.run("a file of somebody else", 3, test.run("unstage"));
    fs::remove_file(test.path(&Test::placement(ROOT))).unwrap();
    test.run("stage -q").any_stdout().success();
    test.put(&Test::placement(OVERLAY), "other");
    book.run("another file is staged", 3, test.run("verify"));
    book.run("the same for check", 3, test.run("check --offline"));
    book.run("something is staged", 3, test.run("verify --expect-none"));
    let linked = Test::new();
    symlink("..", linked.path("CanvOS/.edgestage")).unwrap();
    book.run("a link in the way", 3, linked.run("stage"));
    let tables = ["a", "b"].map(|name| format!("\n[definition.{name}]\n{FACTORY}\n"));
    let two = Test::new().manifest(&format!("{HEAD}{}", tables.concat()));
    book.run("two definitions for one checkout", 2, two.run("stage a b"));
    let busy = Error::Busy {
        what: "the checkout",
        holder: "edgestage stage factory, process NUMBER on builder-7".into(),
        waited: Duration::from_secs(600),
    };
    book.told("another run", &busy);
}

/// The values of `CLUSTERCONFIG`, and files that they name.
fn values(book: &mut Book) {
    book.part("Traps: CLUSTERCONFIG");
    let prepared = || {
        let test = full().write("CanvOS/other.tgz", "other");
        test.put("CanvOS/local/site.tgz", "other");
        test.put("CanvOS/.earthlyignore", "build/*\nlocal/\n");
        test.put("CanvOS/empty.tgz", "");
        symlink("other.tgz", test.path("CanvOS/link.tgz")).unwrap();
        symlink("local", test.path("CanvOS/linked")).unwrap();
        test
    };
    let test = prepared();
    for value in [
        "",
        "typo.tgz",
        "/srv/spc.tgz",
        "../spc.tgz",
        "~/spc.tgz",
        "https://palette.example/spc.tgz?signature=secret",
        "edge-*.tgz",
        "overlay",
        "link.tgz",
        "linked/site.tgz",
        "local/site.tgz",
        "other.tgz",
        "empty.tgz",
        "OTHER.tgz",
        "a+b.tgz",
        "$(pwd)/spc.tgz",
    ] {
        test.put(
            "CanvOS/.arg",
            format!("TOKEN=secret\nCLUSTERCONFIG={value}\n"),
        );
        let run = test.run("check --offline --target cloud-image --target iso");
        book.run(&format!("CLUSTERCONFIG={value}"), 3, run);
    }
    for (what, text) in [
        ("no line", "ARCH=amd64\n"),
        ("a line for Earthly alone", "CLUSTERCONFIG = spc.tgz\n"),
        (
            "Windows line ends",
            "ARCH=amd64\r\nCLUSTERCONFIG=spc.tgz\r\n",
        ),
        (
            "Windows line ends elsewhere",
            "ARCH=amd64\r\nCLUSTERCONFIG=spc.tgz\n",
        ),
        (
            "a line that bash is not followed behind",
            "CLUSTERCONFIG=spc.tgz\nA=1; eval \"$A\"\n",
        ),
        (
            "two lines",
            "CLUSTERCONFIG=other.tgz\nCLUSTERCONFIG=spc.tgz\n",
        ),
        ("arm64", "CLUSTERCONFIG=spc.tgz\nARCH=arm64\n"),
        (
            "another architecture",
            "CLUSTERCONFIG=spc.tgz\nARCH=riscv64\n",
        ),
    ] {
        book.run(what, 0, with_arg(text).run("check --offline"));
    }
    for (what, line) in [
        ("a line without a value", "unset A\n"),
        ("a name that is none", "NO-PROXY=x"),
        ("a byte of no name", "A\u{7}=x"),
        ("an open quote", "A=\"x"),
        ("a lone export", "export "),
    ] {
        let test = with_arg(&format!("CLUSTERCONFIG=spc.tgz\n{line}"));
        book.run(what, 3, test.run("check --offline"));
    }
    let test = with_arg("\u{feff}CLUSTERCONFIG=spc.tgz\n");
    book.run("a byte order mark", 3, test.run("check --offline"));
    let doubling = "A=\"$A$A\"\n".repeat(40);
    let test = with_arg(&format!("A=x\n{doubling}"));
    book.run("a variable without bounds", 3, test.run("check --offline"));
    for (what, text) in [
        ("no edit, for Earthly", "CLUSTERCONFIG=x\nunset A\n"),
        ("no edit, for bash", "readonly CLUSTERCONFIG=x\n"),
        ("no edit, for another variable", "CLUSTERCONFIG=x B=2\n"),
        (
            "no edit, behind a syntax error",
            "export A=1 CLUSTERCONFIG=x\nB=it's\n",
        ),
        ("no edit, behind what is not followed", "A=1; eval x\n"),
    ] {
        book.run(what, 3, with_arg(text).run("stage --fix-arg"));
    }
    let test = prepared();
    fs::remove_file(test.path("CanvOS/.arg")).unwrap();
    book.run(
        "no .arg",
        3,
        test.run("check --offline --target cloud-image"),
    );
    let rest = EARTHFILE.split("cloud-image:").next().unwrap();
    test.put("CanvOS/Earthfile", rest);
    book.run(
        "no .arg, and no cloud image",
        0,
        test.run("check --offline"),
    );
    test.put("CanvOS/.args", "");
    book.run("a mistyped .arg", 0, test.run("check --offline"));
    let test = prepared();
    let run = |name: &str, value: &str| test.run("check --offline").env(name, value);
    let build_args = run("EARTHLY_BUILD_ARGS", "CLUSTERCONFIG=other.tgz");
    book.run("a value of the environment", 3, build_args);
    let empty = run("EARTHLY_BUILD_ARGS", "CLUSTERCONFIG=");
    book.run("an empty value of the environment", 0, empty);
    let redirected = run("EARTHLY_ARG_FILE_PATH", "ci.arg");
    book.run("no other file of arguments", 0, redirected);
    test.put("CanvOS/ci.arg", "CLUSTERCONFIG=spc.tgz\n");
    let redirected = run("EARTHLY_ARG_FILE_PATH", "ci.arg");
    book.run("another file of arguments", 0, redirected);
    let run = test.run("build -- +maas-image --CLUSTERCONFIG=spc.tgz");
    book.run("an argument that is dropped", 1, run);
}

fn surroundings(book: &mut Book) {
    book.part("Traps: files around it");
    let check = format!("check --offline {ALL}");
    let test = full().write("CanvOS/.earthlyignore", "build/*\n*.tgz\noverlay/\n");
    book.run("ignored", 3, test.run(&check));
    test.put("CanvOS/.earthignore", "build/*\n");
    book.run("two ignore files", 3, test.run(&check));
    let test = full();
    let call = "build-iso --overlay-iso /overlay --arch amd64 dir:/build/image";
    let wrong = EARTHFILE.replace(call, "build-iso dir:/build/image --overlay-iso /overlay");
    test.put("CanvOS/Earthfile", wrong);
    book.run("an overlay that is dropped", 3, test.run(&check));
    test.put(
        "CanvOS/Earthfile",
        "VERSION 0.8\nbuild-iso:\n    RUN true\n",
    );
    let run = test.run("check --offline");
    book.run("an Earthfile that copies nothing", 3, run);
    let test = full().write(&Test::placement(OVERLAY).replace("spc.tgz", "old.tgz"), "x");
    book.run("a neighbour", 0, test.run("check --offline"));
    test.put("CanvOS/content-1/bundle.tar", "x");
    book.run("a content bundle", 0, test.run("check --offline"));
    let test = full().write("CanvOS/.gitignore", "build/\n");
    fs::create_dir(test.path("CanvOS/.git")).unwrap();
    book.run(
        "an archive that git would take",
        0,
        test.run("check --offline"),
    );
    let test = full();
    symlink("/etc/hostname", test.path(&Test::placement(ROOT))).unwrap();
    book.run("a link in place of the archive", 3, test.run(&check));
    let run = test.run("check --offline --target kairos-raw-image");
    book.run("a raw image", 3, run);
    let test = with_arg("CLUSTERCONFIG=typo.tgz\n");
    let run = test.run("check --offline --target cloud-image --allow T1");
    book.run("a trap that is accepted", 0, run);
}

fn builds(book: &mut Book) {
    book.part("Builds");
    let with = |program: &str| {
        let test = full();
        let text = format!("{HEAD}build = [\"{program}\"]\n\n[definition.factory]\n{FACTORY}\n");
        test.manifest(&text)
    };
    book.run(
        "a build that cannot start",
        1,
        with("./zzz.sh").run("build"),
    );
    let test = with("./build.sh").write("CanvOS/build.sh", "#!/bin/sh\nexit 7\n");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(test.path("CanvOS/build.sh"), mode).unwrap();
    book.run("a build that fails", 1, test.run("build"));
    test.put("CanvOS/build.sh", "#!/bin/sh\n");
    book.run("a build without an image", 3, test.run("build"));
}

fn images(book: &mut Book) {
    book.part("Images");
    let proof = Proof::new();
    proof.put("junk.iso", "junk");
    let lost = proof.iso("lost.iso", &proof.overlay().without(IN_ISO));
    book.run("an image without it", 3, proof.run(&[&lost]));
    let good = proof.iso("good.iso", &proof.overlay());
    let junk = proof.path("junk.iso");
    book.run("no image", 3, proof.run(&[&good, &junk]));
    let none = |image: &std::path::Path| {
        let run = proof.test.run("verify --expect-none --image");
        run.arg(image.to_str().unwrap())
    };
    book.run("one where none is expected", 3, none(&good));
    book.run("nothing can be said", 3, none(&junk));
}
