//! Checkouts, traps, builds and images.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use edgestage::canvos::build::{
    BuildError, ChangedFile, CurrentContent, ImageOutcome, StagedFilesChanged,
};
use edgestage::canvos::{CanvosError, Placement};
use edgestage::error::Error;
use edgestage::util::path_error::PathError;
use flate2::read::GzDecoder;

use super::book::Book;
use crate::checkout::{EARTHFILE, builds_with, full, with_arg};
use crate::support::bundles::Bundle;
use crate::support::handmade_images::Disk;
use crate::support::{FACTORY, HEAD, IN_ISO, OVERLAY, Proof, ROOT, Test, Tree, archive, gzip};

const ALL: &str = "--target iso --target uki-iso --target iso-disk-image --target cloud-image \
                   --target maas-image";

pub fn all(book: &mut Book) {
    checkouts(book);
    values(book);
    starts(book);
    surroundings(book);
    builds(book);
    super::rehearsals::all(book);
    images(book);
}

fn checkouts(book: &mut Book) {
    book.part("Checkouts");
    let test = Test::new();
    book.run("no checkout", 2, test.run("stage --canvos zzz"));
    let run = test.run("check --offline --canvos zzz");
    book.run("none for a forecast", 0, run);
    let repository = crate::ignored_lockfile::repository();
    repository.put(".gitignore", "*.lock\n");
    let run = repository.run("check --offline");
    book.run("a lock that git ignores", 0, run);
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
    pairs(book);
}

/// Pairs that differ, and pairs that cannot be exchanged.
fn pairs(book: &mut Book) {
    let test = Test::new().stage();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut GzDecoder::new(&test.staged()[..]), &mut tar).unwrap();
    test.put(&Test::placement(ROOT), gzip(&tar));
    book.run("one content in different bytes", 3, test.run("verify"));
    test.run("stage -q").any_stdout().success();
    let left = OVERLAY.replace("spc.tgz", ".edgestage-a1B2c3.tmp");
    test.put(&Test::placement(&left), "half an archive");
    book.run("a file of a killed run", 3, test.run("verify"));
    book.run(
        "the same where nothing is to be",
        3,
        test.run("verify --expect-none"),
    );
    let changed = CanvosError::Changed("/home/me/.cache/edgestage/archives/0a1b.tgz".into());
    book.told("an archive that changes", &Error::Canvos(changed));
    let refused = |doing, path: &str| PathError {
        path: path.into(),
        doing,
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    let mixed = CanvosError::PartialChange {
        placement: Placement::Overlay,
        rollback: refused("restore", &format!("CanvOS/{OVERLAY}")),
        cause: Box::new(refused("write", "CanvOS/spc.tgz").into()),
    };
    book.told("one file of two", &Error::Canvos(mixed));
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
        test.put("CanvOS/other.zip", "other");
        UnixListener::bind(test.path("CanvOS/socket.tgz")).unwrap();
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
        "a+b/c.tgz",
        "$HOME/spc.tgz",
        "././typo.tgz",
        "/",
        "b\u{fc}ro.tgz",
        "'typo.tgz '",
        "\"a\tb.tgz\"",
        "]x.tgz",
        "[l]ink.tgz",
        "o[t]her.tgz",
        "ot*",
        "o*",
        "socket.tgz",
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
        ("a command", "CLUSTERCONFIG=$(echo spc.tgz)\n"),
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
    let run = test.run("build -- +maas-image --CLUSTERCONFIG=spc.tgz");
    book.run("an argument that is dropped", 1, run);
}

/// How a build is started.
fn starts(book: &mut Book) {
    book.part("Traps: the build command, its variables and their files");
    let test = full().write("CanvOS/other.tgz", "other");
    let check = "check --offline";
    for command in [
        &["earthly", "+iso", "--CLUSTERCONFIG"][..],
        &["earthly", "+iso", "--CLUSTERCONFIG=other.tgz"],
        &["earthly", "--ci", "+iso"],
        &["earthly", "--help"],
        &["earthly", "--auto-skip", "+iso"],
        &["earthly", "./sub+iso"],
        &["earthly", "github.com/spectrocloud/CanvOS+iso"],
    ] {
        builds_with(&test, command);
        book.run(&command.join(" "), 3, test.run(check));
    }
    builds_with(&test, &["make", "iso"]);
    book.run("make iso", 0, test.run(check));
    builds_with(&test, &["earthly", "+iso"]);
    let run = |name: &str, value: &str| test.run(check).env(name, value);
    book.run(
        "no other file of arguments",
        3,
        run("EARTHLY_ARG_FILE_PATH", "ci.arg"),
    );
    test.put("CanvOS/ci.arg", "CLUSTERCONFIG=spc.tgz\n");
    book.run(
        "another file of arguments",
        0,
        run("EARTHLY_ARG_FILE_PATH", "ci.arg"),
    );
    test.put("CanvOS/ci.arg", "ARCH=amd64\n");
    book.run(
        "another file that does not set it",
        0,
        run("EARTHLY_ARG_FILE_PATH", "ci.arg"),
    );
    book.run("a variable like --ci", 3, run("EARTHLY_CI", "true"));
    for (what, text, exit) in [
        (
            "a value in .env for earth alone",
            "EARTH_BUILD_ARGS=CLUSTERCONFIG=other.tgz\n",
            0,
        ),
        (
            "an empty value in .env for earth alone",
            "EARTH_BUILD_ARGS=CLUSTERCONFIG=overlay\n",
            0,
        ),
        (
            "a pattern in .env for earth alone",
            "EARTH_BUILD_ARGS=CLUSTERCONFIG=]\n",
            0,
        ),
        ("a broken .env", "bad line\n", 3),
    ] {
        test.put("CanvOS/.env", text);
        book.run(what, exit, test.run(check));
    }
    fs::remove_file(test.path("CanvOS/.env")).unwrap();
    fs::create_dir(test.path("CanvOS/.env")).unwrap();
    book.run(".env is a directory", 3, test.run(check));
    book.run(
        "a broken .arg",
        3,
        with_arg("CLUSTERCONFIG=spc.tgz\nEOF\n").run(check),
    );
}

fn surroundings(book: &mut Book) {
    book.part("Traps: files around it");
    let check = format!("check --offline {ALL}");
    let test = full().write("CanvOS/.earthlyignore", "build/*\n*.tgz\noverlay/\n");
    book.run("ignored", 3, test.run(&check));
    test.put("CanvOS/.earthignore", "build/*\n");
    book.run("two ignore files", 3, test.run(&check));
    for (what, rules) in [
        ("a rule that is not a pattern", "[\n".to_owned()),
        ("a rule with a tab", "a\tb\n".to_owned()),
        ("a rule that is too long", "x".repeat(70_000)),
        ("a rule that is not ASCII", "*.tgz\nb\u{fc}ro/\n".to_owned()),
        (
            "a rule that hides what else is copied",
            "certs\n".to_owned(),
        ),
    ] {
        let test = full().write("CanvOS/.earthlyignore", rules);
        test.put("CanvOS/certs/ca.pem", "");
        let copy = "COPY overlay/files-iso/ /overlay/\n";
        let earthfile = EARTHFILE.replace(copy, &format!("{copy}    COPY certs/ /certs/\n"));
        test.put("CanvOS/Earthfile", earthfile);
        let exit = if what.ends_with("ASCII") { 0 } else { 3 };
        book.run(what, exit, test.run("check --offline --target iso"));
    }
    let test = with_arg("CLUSTERCONFIG=typo.tgz\n").write("CanvOS/content-1/spc.tgz", "x");
    let flat = "cloud-image:\n    COPY --if-exists content-*/ /workdir/\n";
    test.put(
        "CanvOS/Earthfile",
        EARTHFILE.replace("cloud-image:\n", flat),
    );
    let run = test.run("check --offline --target cloud-image");
    book.run("a definition in a content directory", 3, run);
    for arch in ["", "ARCH=s390x\n"] {
        let test = with_arg(&format!("CLUSTERCONFIG=spc.tgz\n{arch}"));
        let call = "    RUN CMD=\"auroraboot\"";
        let only = format!("    IF [ \"$ARCH\" = amd64 ]\n{call}");
        let earthfile = EARTHFILE.replace(call, &only);
        let earthfile = earthfile.replace(
            "--arch amd64 dir:/build/image\n",
            "--arch amd64 dir:/build/image\n    END\n",
        );
        test.put("CanvOS/Earthfile", earthfile);
        book.run(
            &format!("no ISO for {arch:?}"),
            3,
            test.run("check --offline"),
        );
        if arch.is_empty() {
            // As it is cloned, before anybody has made the file.
            std::fs::rename(test.path("CanvOS/.arg"), test.path("CanvOS/.arg.template")).unwrap();
            let run = test.run("check --offline");
            book.run("no ISO without `.arg`", 3, run);
        }
    }
    let copy = "    COPY overlay/files-iso/ /overlay/\n";
    let maybe = format!("    IF [ -f user-data ]\n    {copy}    END\n");
    let earthfile = EARTHFILE
        .replace(copy, &maybe)
        .replace("$CLUSTERCONFIG\"", "user-data\"");
    let test = full().write("CanvOS/Earthfile", earthfile);
    book.run("a copy that may not run", 3, test.run("check --offline"));
    let test = full();
    let call = "build-iso --overlay-iso /overlay --arch amd64 dir:/build/image";
    let wrong = EARTHFILE.replace(call, "build-iso dir:/build/image --overlay-iso /overlay");
    test.put("CanvOS/Earthfile", wrong);
    book.run("an overlay that is dropped", 3, test.run(&check));
    test.put("CanvOS/Earthfile", "VERSION 0.8\niso:\n    RUN true\n");
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
        let text =
            format!("{HEAD}build = [\"{program}\", \"+iso\"]\n\n[definition.factory]\n{FACTORY}\n");
        full().manifest(&text)
    };
    let script = |test: &Test, name: &str, text: &str| {
        let path = format!("CanvOS/{name}");
        test.put(&path, format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(test.path(&path), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let test = with("./zzz.sh");
    book.run("a build that cannot start", 1, test.run("build"));
    let test = with("./earthly.sh");
    fs::remove_file(test.path("CanvOS/earthly.sh")).unwrap();
    book.run("no build program at all", 1, test.run("build"));
    let run = test.run("build factory +iso");
    book.run("a target without the two dashes", 2, run);

    let test = with("./earthly.sh");
    script(&test, "earthly.sh", "exit 7");
    book.run("a build that fails", 1, test.run("build"));
    let run = test.run("build --allow T15 -- +iso --no-cache");
    book.run("an option behind the target", 1, run);
    script(&test, "earthly.sh", "exit 0");
    book.run("a build without an image", 3, test.run("build"));
    for arguments in ["--ci +iso", "--no-output +iso", "+iso-disk-image"] {
        let run = test.run(&format!("build --allow T22 -- {arguments}"));
        book.run(&format!("none with {arguments}"), 3, run);
    }
    test.put("CanvOS/build/edge.iso", "of an earlier build");
    script(&test, "earthly.sh", "exit 0\nif $? -ne 0 ; then exit 1; fi");
    let run = test.run("build -- +iso");
    book.run("a wrapper that ends with 0", 1, run);
    let test = with("./build.sh");
    script(&test, "earthly.sh", "if $? -ne 0 ; then exit 1; fi");
    script(&test, "build.sh", "exit 0");
    let run = test.run("build");
    book.run("a command that may call that wrapper", 3, run);
    staged_files_changed(book, &with("./build.sh"), &script);
}

/// Builds that take away what was staged.
fn staged_files_changed(book: &mut Book, test: &Test, script: &dyn Fn(&Test, &str, &str)) {
    script(test, "build.sh", &format!("rm {ROOT} {OVERLAY}; exit 7"));
    book.run(
        "a build that removes what is staged, and fails",
        1,
        test.run("build"),
    );
    let clean = format!("rm {ROOT}\nexit 0\ngit clean -fdx");
    script(test, "build.sh", &clean);
    book.run("one that cleans the checkout", 3, test.run("build"));
    let swap = format!("echo x > {ROOT}; rm {OVERLAY}; mkdir {OVERLAY}");
    script(test, "build.sh", &swap);
    book.run("one that exchanges it", 3, test.run("build"));
    fs::remove_dir(test.path(&Test::placement(OVERLAY))).unwrap();
    let staged_files_changed = |image| {
        let now = CurrentContent::Definition("store".into());
        let files = vec![ChangedFile { path: ROOT, now }];
        Error::Build(BuildError::StagedFilesChanged(StagedFilesChanged {
            command: "./build.sh".into(),
            files,
            cleaned_by: None,
            definition: "factory".into(),
            image,
        }))
    };
    book.told(
        "a wrong image of such a build",
        &staged_files_changed(ImageOutcome::Wrong),
    );
    book.told(
        "a right one, as a warning",
        &staged_files_changed(ImageOutcome::Right),
    );
}

/// Content bundles in images.
fn image_bundles(book: &mut Book, proof: &Proof) {
    let path = "opt/spectrocloud/content/site.tar.zst";
    let one = archive(&[("spc/app/x", "one")]);
    let other = archive(&[("spc/app/x", "another")]);
    let image = |name: &str, tree: Tree, bundle: &[u8]| proof.iso(name, &tree.with(path, bundle));
    let none = |image: &std::path::Path| proof.run(&[image]).arg("--expect-none");
    let without = || proof.overlay().without(IN_ISO);
    let bundle = Bundle::of(&other).zstd();
    let wrong = image("bundle.iso", proof.overlay(), &bundle);
    book.run("a bundle with another definition", 3, proof.run(&[&wrong]));
    let allowed = |image: &std::path::Path| {
        let run = proof.test.run("check --offline --allow T37 --image");
        run.arg(image.to_str().unwrap())
    };
    book.run("one that is accepted", 0, allowed(&wrong));
    let two = Bundle::of(&one).add(Some("spc"), "cluster-definition:2", &[&other]);
    let two = image("two.iso", proof.overlay(), &two.zstd());
    book.run("one with two that is accepted", 0, allowed(&two));
    let empty = image("unexpected.iso", without(), &bundle);
    book.run("one where none is expected", 3, none(&empty));
    let cut = &bundle[..bundle.len() / 2];
    let damaged = image("damaged.iso", proof.overlay(), cut);
    book.run("a damaged one", 0, proof.run(&[&damaged]));
    let damaged = image("damaged-none.iso", without(), cut);
    book.run("a damaged one where none is expected", 3, none(&damaged));
    let link = proof.overlay().with_link(path, "elsewhere.zst");
    let link = proof.iso("link.iso", &link);
    book.run("a link to a bundle", 0, proof.run(&[&link]));
    let nothing = Bundle::without_definition().zstd();
    let sixteen = |tree: Tree| {
        (0..16).fold(tree, |tree, number| {
            let path = format!("opt/spectrocloud/content/{number:02}.zst");
            tree.with(&path, &nothing)
        })
    };
    let many = image("many.iso", sixteen(proof.overlay()), &bundle);
    book.run("one that was not read", 0, proof.run(&[&many]));
    let many = image("many-none.iso", sixteen(without()), &bundle);
    book.run(
        "one that was not read where none is expected",
        3,
        none(&many),
    );
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
    image_bundles(book, &proof);
    let typo = proof.path("godo.iso");
    book.run("an image that is not there", 2, proof.run(&[&typo]));
    let closed = |image: &std::path::Path| {
        let run = proof.run(&[image]).arg("--cache-dir");
        run.arg("profiles.toml/cache")
    };
    let packed = proof.put("a.raw.gz", gzip(&partition(&Tree::partition(b"")).bytes));
    book.run("an image that cannot be read", 3, closed(&packed));
    proof.put("a.raw.xz", b"\xfd7zXZ\0");
    book.run(
        "one that is compressed otherwise",
        3,
        proof.run(&[&proof.path("a.raw.xz")]),
    );
    let staged = proof.test.staged();
    let mut disk = partition(&Tree::partition(&staged));
    let incompatible = disk.place(0).start + 1024 + 0x60;
    disk.bytes[incompatible] |= 0x4;
    let copied = proof.put("mounted.raw", &disk.bytes);
    book.run(
        "one that was copied while it was mounted",
        3,
        proof.run(&[&copied]),
    );
    let bare = proof.put("bare.raw", Disk::of(&[("efi", &[1; 5000])]).bytes);
    let right = proof.put("right.raw", partition(&Tree::partition(&staged)).bytes);
    book.run("another disk of one build", 3, proof.run(&[&right, &bare]));
    let text = vec![b'x'; staged.len()];
    let cached = proof.iso("cached.iso", &Tree::overlay(&text));
    book.run("a file of the same size", 3, proof.run(&[&cached]));
    disk.bytes[incompatible] |= 0x10;
    let odd = proof.put("odd.raw", &disk.bytes);
    book.run("one of another make", 3, proof.run(&[&odd]));
    let named = partition(&Tree::empty().with("spc-config/a.tgz", &staged));
    let named = proof.put("named.raw", &named.bytes);
    book.run("the definition under another name", 3, proof.run(&[&named]));
    let beside = Tree::partition(&staged).with_link("spc-config/b.tgz", "c");
    let beside = proof.put("beside.raw", partition(&beside).bytes);
    book.run("the definition and a link", 3, proof.run(&[&beside]));
    let noted = Tree::partition(&staged).with("spc-config/README", "text");
    let noted = proof.put("noted.raw", partition(&noted).bytes);
    book.run("the definition and a text", 0, proof.run(&[&noted]));
    let attest = |image: &std::path::Path| {
        let run = proof.test.run("attest --image");
        run.arg(image.to_str().unwrap())
    };
    book.run("no statement about others", 3, attest(&lost));
    let changing = proof.iso("changing.iso", &proof.overlay());
    let what = ("one that changes meanwhile", 3);
    book.parked(what, attest(&changing), "image-examined", || {
        fs::rename(&cached, &changing).unwrap();
    });
}

/// A disk with one content partition.
fn partition(tree: &Tree) -> Disk {
    let options = ["-O", "^metadata_csum"];
    Disk::of(&[("content", &tree.file_system("COS_CONTENT", 1024, &options))])
}
