//! Signatures, the public key that an image carries, and content bundles in a checkout.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use edgestage::error::Error;
use edgestage::signing::SigningError;

use super::book::Book;
use crate::support::bundles::Bundle;
use crate::support::{FACTORY, Proof, Test, archive, openssl};
use crate::{content_bundles, signing_key};

pub fn all(book: &mut Book) {
    book.part("Signatures");
    keys(book);
    commands(book);
    signatures(book);
    book.part("The public key of an image");
    of_checkouts(book);
    of_images(book);
    book.part("Content bundles of a checkout");
    bundles(book);
}

/// A test with a locked definition and these lines in `[signing]`.
fn ready(lines: &str) -> Test {
    let test = Test::new().key_pair("signer");
    test.run("fetch -q").any_stdout().success();
    if lines.is_empty() {
        return test;
    }
    test.signing(lines)
}

fn keys(book: &mut Book) {
    let test = ready("");
    book.run("nothing that signs", 2, test.run("sign"));
    let run = test.run("verify --signature signer.pub");
    book.run("no public key", 2, run);
    let test = ready("private-key-file = \"signer.pem\"\nsign-command = [\"x\"]");
    book.run("two ways to sign", 2, test.run("sign"));
    let test = ready("private-key-file = \"KEY\"\npublic-key = \"PUBLIC\"").key_pair("other");
    let manifest = test.text("profiles.toml");
    for (name, command) in [
        (
            "encrypted",
            "pkey -in signer.pem -aes256 -passout pass:x -out encrypted",
        ),
        (
            "small",
            "genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out small",
        ),
        (
            "ec",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec",
        ),
        (
            "pkcs1.pub",
            "rsa -in signer.pem -RSAPublicKey_out -out pkcs1.pub",
        ),
        (
            "certificate",
            "req -x509 -key signer.pem -subj /CN=x -out certificate",
        ),
    ] {
        openssl(&test, command);
        assert!(test.path(name).exists());
    }
    test.put("text", "no key");
    for (what, private, public) in [
        (
            "a private key that is not there",
            "signers.pem",
            "signer.pub",
        ),
        ("one with a passphrase", "encrypted", "signer.pub"),
        ("one that is too small", "small", "signer.pub"),
        ("one that is not for RSA", "ec", "signer.pub"),
        ("a public one in its place", "signer.pub", "signer.pub"),
        ("something else", "text", "signer.pub"),
        ("a public key that is not there", "signer.pem", "missing"),
        ("a private one in its place", "signer.pem", "signer.pem"),
        ("one of PKCS #1", "signer.pem", "pkcs1.pub"),
        ("a certificate", "signer.pem", "certificate"),
        ("halves of two keys", "signer.pem", "other.pub"),
    ] {
        let text = manifest.replace("KEY", private).replace("PUBLIC", public);
        test.put("profiles.toml", text);
        book.run(what, 2, test.run("sign"));
    }
    let text = manifest.replace("KEY", "signer.pem");
    test.put("profiles.toml", text.replace("PUBLIC", "signer.pub"));
    let path = test.path("signer.pem");
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    book.run("a private key that others can read", 0, test.run("sign"));
    let error = Error::Signing(SigningError::Failed);
    book.told("a private key that contradicts itself", &error);
}

fn commands(book: &mut Book) {
    let test = ready("public-key = \"signer.pub\"\nsign-command = COMMAND").key_pair("other");
    let manifest = test.text("profiles.toml");
    let sign = "\"openssl\", \"dgst\", \"-sha256\", \"-sign\"";
    for (what, command, code) in [
        ("a command that fails", "[\"false\"]".to_owned(), 1),
        (
            "one that is not there",
            "[\"no-such-program\"]".to_owned(),
            1,
        ),
        ("one that prints nothing", "[\"true\"]".to_owned(), 2),
        (
            "one that prints text",
            "[\"sh\", \"-c\", \"printf %0512d 7\"]".to_owned(),
            2,
        ),
        (
            "one with another key",
            format!("[{sign}, \"other.pem\"]"),
            2,
        ),
    ] {
        test.put("profiles.toml", manifest.replace("COMMAND", &command));
        let run = test.run("sign");
        book.run(what, code, run);
    }
    let text = manifest.replace("public-key = \"signer.pub\"\n", "");
    let command = format!("[{sign}, \"signer.pem\"]");
    test.put("profiles.toml", text.replace("COMMAND", &command));
    book.run("nothing to compare it with", 0, test.run("sign"));
}

fn signatures(book: &mut Book) {
    let test = ready("public-key = \"signer.pub\"");
    test.put("other.tgz", archive(&[("spc/x", "y")]));
    openssl(
        &test,
        "dgst -sha256 -sign signer.pem -out other.sig other.tgz",
    );
    let run = test.run("verify --signature other.sig");
    book.run("a signature of another archive", 3, run);
    // Keys have files of different sizes, and the message has the size.
    test.put("notes", "not a signature\n");
    let run = test.run("verify --signature notes");
    book.run("a file that is no signature", 3, run);
    let run = test.run("verify --signature others.sig");
    book.run("a file that is not there", 2, run);
}

fn of_checkouts(book: &mut Book) {
    let test = signing_key::expecting().key_pair("other");
    let check = || test.run("check --offline");
    let arg = |value: &str| {
        let text = format!("CLUSTERCONFIG=spc.tgz\nEDGE_CUSTOM_CONFIG={value}\n");
        test.put("CanvOS/.arg", text);
    };
    test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    book.run("the default is not there", 3, check());
    for (what, value) in [
        ("a name that is mistyped", "edge-confg.yaml"),
        ("no name", ""),
        ("a directory", "overlay"),
        ("a pattern that is refused", "["),
        ("an artifact", "+x/e.yaml"),
    ] {
        arg(value);
        book.run(what, 3, check());
    }
    arg("edge-config.yaml");
    for (what, text) in [
        ("a file for another purpose", "x: y\n".to_owned()),
        ("the template's empty value", signing_key::config_of("")),
        ("no base64", signing_key::config_of("x!")),
        ("no YAML", "a: [\n".to_owned()),
        ("another key", signing_key::config(&test, "other.pub")),
        ("the private key", signing_key::config(&test, "signer.pem")),
    ] {
        test.put("CanvOS/edge-config.yaml", text);
        book.run(what, 3, check());
    }
    let text = test.text("CanvOS/Earthfile");
    test.put("CanvOS/Earthfile", crate::checkout::EARTHFILE);
    book.run("an Earthfile that copies none", 3, check());
    let condition = "    IF [ \"$(date +%u)\" = 1 ]\n        COPY --if-exists \"$EDGE_CUSTOM_CONFIG\" /overlay/.edge_custom_config.yaml\n    END\n    RUN CMD";
    let copy = "    COPY --if-exists \"$EDGE_CUSTOM_CONFIG\" /overlay/.edge_custom_config.yaml\n    RUN CMD";
    assert!(text.contains(copy));
    test.put("CanvOS/Earthfile", text.replace(copy, condition));
    let key = signing_key::config(&test, "signer.pub");
    test.put("CanvOS/edge-config.yaml", key);
    book.run("one that copies it on some days", 3, check());
    test.put("CanvOS/Earthfile", text);
    test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    let maas = || test.run("check --offline --target maas-image --allow T35");
    book.run("no value for MAAS", 0, maas());
    arg("none.yaml");
    book.run("no file for MAAS", 0, maas());
    let test = test.definition(FACTORY);
    let run = test.run("check --offline");
    book.run("nobody expects a key", 0, run);
}

fn of_images(book: &mut Book) {
    let proof = Proof::of(Test::new().key_pair("signer").stage());
    let iso = proof.iso("a.iso", &proof.overlay());
    let run = proof.run(&[&iso]).arg("--public-key").arg("signer.pub");
    book.run("an image without the key", 3, run);
}

fn bundles(book: &mut Book) {
    let test = content_bundles::checkout();
    let check = || test.run("check --offline");
    let bundle = "CanvOS/content-1/site.tar.zst";
    let right = Bundle::without_definition().zstd();
    test.put(
        "CanvOS/.arg",
        "CLUSTERCONFIG=spc.tgz\nPE_VERSION=v4.10.17\n",
    );
    test.put(bundle, &right);
    book.run("a bundle with another agent", 0, check());
    test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    test.put(bundle, &right[..right.len() / 2]);
    book.run("a bundle that is cut", 0, check());
    let other = archive(&[("spc/app/x", "another")]);
    let with_other = Bundle::of(&other);
    let two = with_other.clone().add(
        Some("spc"),
        "cluster-definition:2",
        &[&archive(&[("spc/y", "z")])],
    );
    test.put(bundle, two.zstd());
    book.run("a bundle with two definitions", 3, check());
    test.put(bundle, with_other.zstd());
    book.run("a bundle with another definition", 3, check());
    fs::remove_file(test.path("profiles.lock")).unwrap();
    book.run("nothing is locked", 0, check());
    let file = fs::File::options()
        .write(true)
        .open(test.path(bundle))
        .unwrap();
    file.set_len(300 << 20).unwrap();
    book.run("a large bundle", 0, check());
}
