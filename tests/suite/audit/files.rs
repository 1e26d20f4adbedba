//! Invalid local files: manifests, locks, the cache, checkouts, images.

use std::fs;
use std::os::unix::fs::symlink;

use super::audit_all;
use crate::checkout::{full, with_arg};
use crate::support::{FACTORY, HEAD, KEY, Proof, Test};

/// A manifest that may hold the key.
fn manifest(text: &str) -> Test {
    let test = Test::new();
    let text = text.replace("{endpoint}", test.sim.url());
    test.key_file("profiles.toml", &text)
}

/// With this line in `[palette]`.
fn palette(line: &str) -> Test {
    let head = HEAD.replace("retries = 0", line);
    manifest(&format!("{head}\n[definition.factory]\n{FACTORY}\n"))
}

#[test]
fn manifests() {
    audit_all(&[
        (
            || palette(&format!("api-key = \"{KEY}\"")),
            "stage",
            2,
            "must not be in this file",
        ),
        (
            || palette(&format!("token = '{KEY}' x")),
            "check",
            2,
            "not valid TOML",
        ),
        (
            || palette(&format!("secret = \"{KEY}")),
            "fetch",
            2,
            "not valid TOML",
        ),
        (|| palette("retires = 0"), "stage", 2, "retires"),
        (|| palette("timeout = \"long\""), "stage", 2, "timeout"),
        (|| palette("ca-cert = \"none.pem\""), "stage", 2, "none.pem"),
        (|| palette("ca-cert = \"key\""), "stage", 2, "certificate"),
        (
            || palette("api-key-command = []"),
            "stage",
            2,
            "api-key-command",
        ),
        (|| manifest("[[["), "list", 2, "profiles.toml"),
        (
            || Test::new().definition("profiles = [\"edge-infra@9.9.9\"]"),
            "stage",
            2,
            "9.9.9",
        ),
        (
            || Test::new().definition("profiles = [\"hello-universe@1.2.0\", \"edge-gpu@0.1.0\"]"),
            "check",
            2,
            "is not published",
        ),
        (Test::new, "check --file none.toml", 2, "none.toml"),
        (
            Test::new,
            "check --endpoint http://192.0.2.1",
            2,
            "plain HTTP",
        ),
        (
            Test::new,
            "check --endpoint http://127.0.0.1:9",
            5,
            "cannot reach Palette",
        ),
    ]);
}

/// The key is in a place where nobody expects a secret. It is known from the environment: the
/// key in a file is not known until the manifest was read.
#[test]
fn manifests_with_the_key_in_an_odd_place() {
    for text in [
        HEAD.replace("{endpoint}", &format!("https://user:{KEY}@127.0.0.1:9")),
        HEAD.replace("{endpoint}", &format!("https://127.0.0.1:9/?key={KEY}")),
        HEAD.replace("retries = 0", &format!("retries = '{KEY}'")),
        HEAD.replace("retries = 0", &format!("'{KEY}' = 0")),
        format!("{HEAD}[definition.\"{KEY}\"]\n{FACTORY}"),
        format!("{HEAD}[definition.a]\nprofiles = [\"{KEY}\"]"),
    ] {
        let test = manifest(&text);
        for form in super::FORMS {
            let run = test.run(&format!("check {form}"));
            run.any_stdout().any_stderr().fails(2);
        }
    }
}

/// Staged, with `profiles.lock` changed like this.
fn lock(change: impl Fn(&str) -> String) -> Test {
    let test = Test::new().stage();
    test.put("profiles.lock", change(&test.text("profiles.lock")));
    test
}

#[test]
fn locks() {
    audit_all(&[
        (|| lock(|_| "junk".into()), "stage", 2, "is damaged"),
        (|| lock(|_| String::new()), "verify", 2, "has no `version`"),
        (
            || lock(|text| text.replace("version = 1", "version = 99")),
            "diff",
            2,
            "version 99",
        ),
        (
            || lock(|text| format!("<<<<<<< HEAD\n{text}")),
            "list",
            2,
            "merge conflict",
        ),
        (
            || lock(|text| text[..text.len() / 2].to_owned()),
            "show",
            2,
            "is damaged",
        ),
        (Test::new, "stage --locked", 3, "profiles.lock"),
        (Test::new, "diff", 3, "factory"),
        (Test::new, "stage --offline", 5, "not locked"),
    ]);
}

/// Staged, with every cached archive changed like this.
fn cache(bytes: &[u8]) -> Test {
    let test = Test::new().stage();
    for path in test.cached() {
        fs::write(path, bytes).unwrap();
    }
    test.forget_staged();
    test
}

#[test]
fn caches() {
    audit_all(&[
        (|| cache(b"junk"), "stage", 0, "is damaged"),
        (|| cache(b""), "stage --offline", 5, "is damaged"),
        (|| cache(b"junk"), "show", 0, "edge-infra"),
        (
            Test::new,
            "fetch --cache-dir profiles.toml",
            1,
            "profiles.toml",
        ),
        (Test::new, "fetch --output none/x.tgz", 2, "none/x.tgz"),
    ]);
}

/// A checkout in which the definition is `path`, a link.
fn link(path: &str) -> Test {
    let test = full();
    symlink("elsewhere", test.path("CanvOS").join(path)).unwrap();
    test
}

#[test]
fn checkouts() {
    audit_all(&[
        (
            || with_arg("CLUSTERCONFIG=other.tgz\n"),
            "stage --target cloud-image",
            3,
            "T1",
        ),
        (|| with_arg("ISO_NAME=x\n"), "check", 0, "T2"),
        (
            || with_arg("CLUSTERCONFIG=/etc/spc.tgz\n"),
            "stage",
            0,
            "T3",
        ),
        (
            || with_arg("CLUSTERCONFIG=https://x/spc.tgz\n"),
            "check --target cloud-image",
            3,
            "T5",
        ),
        (
            || with_arg("CLUSTERCONFIG=https://x/spc.tgz\n"),
            "stage --fix-arg",
            0,
            "Staged",
        ),
        (|| link("spc.tgz"), "stage", 3, "spc.tgz"),
        (
            || full().write("CanvOS/spc.tgz/x", ""),
            "stage",
            3,
            "spc.tgz",
        ),
        (
            || Test::new().stage().write("CanvOS/spc.tgz", "mine"),
            "unstage",
            3,
            "edgestage did not stage",
        ),
        (
            || Test::new().stage().write("CanvOS/spc.tgz", "mine"),
            "verify",
            3,
            "spc.tgz",
        ),
        (Test::new, "stage --canvos none", 2, "none"),
        (Test::new, "stage --target maas-image", 2, "maas-image"),
        (full, "build", 1, "cannot start"),
    ]);
}

/// Staged, with an image that was changed like this.
fn image(change: impl Fn(Vec<u8>) -> Vec<u8>) -> Test {
    let proof = Proof::new();
    let image = proof.iso("a.iso", &proof.overlay());
    proof.test.put("a.iso", change(fs::read(image).unwrap()));
    proof.test
}

#[test]
fn images() {
    audit_all(&[
        (|| image(|iso| iso), "verify --image a.iso", 0, "locked"),
        (
            || image(|iso| iso),
            "verify --expect-none --image a.iso",
            3,
            "unexpected",
        ),
        (
            || image(|iso| iso[..iso.len() / 2].to_vec()),
            "verify --image a.iso",
            3,
            "truncated",
        ),
        (
            || image(|_| b"junk".to_vec()),
            "verify --image a.iso",
            3,
            "a.iso",
        ),
        (
            || image(|_| crate::support::gzip(b"junk")),
            "check --image a.iso",
            3,
            "a.iso",
        ),
        (
            || image(|iso| iso).write("a.iso.sha256", "00  a.iso"),
            "verify --image a.iso",
            3,
            "checksum",
        ),
        (
            || Test::new().stage(),
            "verify --image none.iso",
            2,
            "none.iso",
        ),
    ]);
}
