//! T35: the public key for signatures, in what a build would embed and in images.

use std::fs;
use std::os::unix::fs::symlink;

use crate::checkout::{EARTHFILE, full, refused, silent, warned};
use crate::support::handmade_images::{BLOCK, Disk};
use crate::support::{Proof, Test, Tree, gzip, openssl};

const CLOUD: &str = "--target cloud-image";
const MAAS: &str = "--target maas-image";
const ALL: &str = "--target iso --target uki-iso --target iso-disk-image --target cloud-image \
                   --target maas-image";
/// The file that `.arg` names.
const CONFIG: &str = "CanvOS/edge-config.yaml";
const ARG: &str = "CLUSTERCONFIG=spc.tgz\nEDGE_CUSTOM_CONFIG=edge-config.yaml\n";

/// Returns a custom configuration with this key file, as CanvOS's template has it.
pub fn config(test: &Test, key: &str) -> String {
    let base64 = openssl(test, &format!("base64 -A -in {key}"));
    config_of(&String::from_utf8(base64).unwrap())
}

/// Returns a custom configuration with this value.
pub fn config_of(base64: &str) -> String {
    format!(
        "# Keys\ncontent:\n  signing:\n    publicKey:\n      base64EncodedValue: |\n        {base64}\n"
    )
}

/// Returns a checkout whose Earthfile copies the custom configuration as CanvOS's does.
fn checkout() -> Test {
    let text = EARTHFILE
        .replacen(
            "ARG ARCH\n",
            "ARG EDGE_CUSTOM_CONFIG=.edge-custom-config.yaml\nARG ARCH\n",
            1,
        )
        .replace(
            "    RUN enki",
            "    COPY --if-exists \"$EDGE_CUSTOM_CONFIG\" /overlay/.edge_custom_config.yaml\n    RUN enki",
        )
        .replace(
            "    RUN CMD",
            "    COPY --if-exists \"$EDGE_CUSTOM_CONFIG\" /overlay/.edge_custom_config.yaml\n    RUN CMD",
        )
        .replace(
            "/workdir/spc.tgz\n",
            "/workdir/spc.tgz\n    COPY --if-exists \"$EDGE_CUSTOM_CONFIG\" /workdir/edge_custom_config.yaml\n",
        );
    assert_eq!(text.matches("$EDGE_CUSTOM_CONFIG").count(), 3);
    full().write("CanvOS/Earthfile", text)
}

/// Returns the same with a pair of keys, of which `[signing]` names the public half.
pub fn expecting() -> Test {
    checkout()
        .key_pair("signer")
        .signing("public-key = \"signer.pub\"")
}

/// Every target carries the key that `[signing]` names.
#[test]
fn the_expected_key_is_silent() {
    let test = expecting();
    test.put("CanvOS/.arg", ARG);
    test.put(CONFIG, config(&test, "signer.pub"));
    silent(&test, ALL, "T35");
    test.run(&format!("stage {ALL}"))
        .any_stdout()
        .any_stderr()
        .success()
        .says("T35", 0);
    // The same key, from the Earthfile's default: MAAS's script does not know it.
    test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    fs::rename(
        test.path(CONFIG),
        test.path("CanvOS/.edge-custom-config.yaml"),
    )
    .unwrap();
    warned(
        &test,
        "",
        "T35",
        &["EDGE_CUSTOM_CONFIG is not set in `.arg`", "`+maas-image`"],
    );
    refused(
        &test,
        MAAS,
        "T35",
        &["does not know the Earthfile's default"],
    );
    // The overlay carries one, too.
    fs::rename(
        test.path("CanvOS/.edge-custom-config.yaml"),
        test.path("CanvOS/overlay/files-iso/.edge_custom_config.yaml"),
    )
    .unwrap();
    warned(&test, "", "T35", &["this affects `+cloud-image`"]);
}

/// Every value that leads nowhere for CLUSTERCONFIG leads nowhere here.
#[test]
fn values_that_lead_nowhere() {
    for (value, said) in [
        ("no-such.yaml", "names a file that is not in the checkout"),
        (
            "{dir}/CanvOS/edge-config.yaml",
            "finds no file outside the checkout",
        ),
        ("../edge-config.yaml", "which Earthly cannot find"),
        ("~/edge-config.yaml", "Earthly does not expand `~`"),
        ("https://example.com/e.yaml", "is a URL"),
        ("edge[1].yaml", "a pattern that matches no file"),
        (
            "Edge-Config.yaml",
            "but the file is named `edge-config.yaml`",
        ),
        ("build/e.yaml", "keeps out of every build"),
        ("edge-config.yaml/", "EDGE_CUSTOM_CONFIG"),
        ("overlay", "names a directory: `overlay`"),
        ("link.yaml", "names a symbolic link: `link.yaml`"),
        ("", "is empty"),
        ("[", "rejects as a pattern"),
        ("+x/e.yaml", "the artifact of a target"),
    ] {
        let test = expecting();
        test.put(CONFIG, config(&test, "signer.pub"));
        test.put("CanvOS/build/e.yaml", config(&test, "signer.pub"));
        symlink("edge-config.yaml", test.path("CanvOS/link.yaml")).unwrap();
        let value = value.replace("{dir}", test.site().to_str().unwrap());
        let arg = format!("CLUSTERCONFIG=spc.tgz\nEDGE_CUSTOM_CONFIG={value}\n");
        test.put("CanvOS/.arg", arg);
        if value == "edge-config.yaml/" {
            // Cleaned, this is the file; bash does not clean it.
            warned(&test, "", "T35", &[said, "this affects `+maas-image`"]);
            continue;
        }
        for target in ["", "--target uki-iso", CLOUD] {
            refused(&test, target, "T35", &[said]);
        }
        // Without `[signing]`, it is a warning.
        let test = test.definition(crate::support::FACTORY);
        warned(&test, "", "T35", &[said]);
    }
}

/// An absolute path leads MAAS's script to the file, and Earthly nowhere.
#[test]
fn maas_reads_the_value_itself() {
    let test = expecting();
    test.put(CONFIG, config(&test, "signer.pub"));
    let absolute = format!(
        "CLUSTERCONFIG=spc.tgz\nEDGE_CUSTOM_CONFIG={}\n",
        test.path(CONFIG).display()
    );
    test.put("CanvOS/.arg", absolute);
    warned(&test, MAAS, "T35", &["finds no file outside the checkout"]);
    refused(&test, "", "T35", &["finds no file outside the checkout"]);
    test.put(
        "CanvOS/.arg",
        "CLUSTERCONFIG=spc.tgz\nEDGE_CUSTOM_CONFIG=none.yaml\n",
    );
    refused(
        &test,
        MAAS,
        "T35",
        &["names a file that does not exist: `none.yaml`"],
    );
}

/// Whatever is not set and expected by nobody is nobody's concern.
#[test]
fn nothing_set_and_nothing_expected_is_silent() {
    let test = checkout();
    silent(&test, ALL, "T35");
    // The default file has another purpose, or the key.
    test.put("CanvOS/.edge-custom-config.yaml", "x: y\n");
    silent(&test, ALL, "T35");
    let test = test.key_pair("signer");
    test.put(
        "CanvOS/.edge-custom-config.yaml",
        config(&test, "signer.pub"),
    );
    silent(&test, ALL, "T35");
    // As `[signing]` expects it, the lack is an error.
    let test = test.signing("public-key = \"signer.pub\"");
    fs::remove_file(test.path("CanvOS/.edge-custom-config.yaml")).unwrap();
    refused(
        &test,
        "",
        "T35",
        &[
            "names a file that is not in the checkout: `.edge-custom-config.yaml`",
            "this is the Earthfile's default",
            "a host without a key accepts uploads that nobody signed",
        ],
    );
}

/// CanvOS's template of `.arg` names a file that only those have who sign. The vendor's texts
/// spell its name in other ways.
#[test]
fn the_value_of_the_template() {
    let test = checkout();
    test.put(
        "CanvOS/.arg",
        "CLUSTERCONFIG=spc.tgz\nEDGE_CUSTOM_CONFIG=.edge-custom-config.yaml\n",
    );
    test.put("CanvOS/.edge-custom-config.yaml.template", "content:\n");
    silent(&test, ALL, "T35");
    for name in [
        ".edge_custom_config.yaml",
        "edge_custom_config.yaml",
        ".edge.custom-config.yaml",
    ] {
        let path = format!("CanvOS/{name}");
        test.put(&path, "content:\n");
        let help = format!("write `EDGE_CUSTOM_CONFIG={name}`");
        let said = "names a file that is not in the checkout: `.edge-custom-config.yaml`";
        warned(&test, "", "T35", &[said, &help]);
        fs::remove_file(test.path(&path)).unwrap();
    }
    let test = test
        .key_pair("signer")
        .signing("public-key = \"signer.pub\"");
    refused(
        &test,
        "",
        "T35",
        &["names a file that is not in the checkout"],
    );
}

#[test]
fn files_without_a_usable_key() {
    let value = |value: &str| {
        format!("content:\n  signing:\n    publicKey:\n      base64EncodedValue: {value}\n")
    };
    for (text, said) in [
        (
            value(""),
            "`content.signing.publicKey.base64EncodedValue` is empty",
        ),
        (value("\"\""), "is empty"),
        (value("bm8ga2V5"), "there is no key in PEM in it"),
        (value("not base64!"), "is not base64"),
        (value("[a, b]"), "is not in it"),
        (
            "a: &key x\n".to_owned() + &value("*key"),
            "has an alias or a merge key",
        ),
        ("x: y\n".into(), "is not in it"),
        ("content: {signing: \"x\"}\n".into(), "is not in it"),
        ("Content:\n".to_owned() + &value("x")[9..], "is not in it"),
        (value("x") + &value("y"), "is in it twice"),
        ("content: [\n".into(), "it is not YAML"),
        (String::new(), "it is empty"),
    ] {
        let test = expecting();
        test.put("CanvOS/.arg", ARG);
        test.put(CONFIG, &text);
        refused(
            &test,
            "",
            "T35",
            &["`edge-config.yaml` has no public key", said],
        );
        let test = test.definition(crate::support::FACTORY);
        warned(&test, "", "T35", &[said]);
    }
}

#[test]
fn another_key_is_an_error() {
    let test = expecting().key_pair("other");
    test.put("CanvOS/.arg", ARG);
    test.put(CONFIG, config(&test, "other.pub"));
    refused(
        &test,
        ALL,
        "T35",
        &[
            "`edge-config.yaml` has another public key than `[signing]`",
            "`public-key` is ",
        ],
    );
    // Whoever expects none is content with any.
    let test = test.definition(crate::support::FACTORY);
    silent(&test, ALL, "T35");
}

/// Whoever has the image could sign then.
#[test]
fn a_private_key_is_never_embedded() {
    let test = checkout().key_pair("signer");
    test.put("CanvOS/.arg", ARG);
    let text = config(&test, "signer.pem");
    test.put(CONFIG, &text);
    let done = test
        .run("stage")
        .error("T35")
        .stderr_has("has a private key, which would go into the image")
        .keeps_files()
        .fails(3);
    let secret = text.lines().last().unwrap().trim();
    assert!(secret.len() > 1000 && !done.stderr.contains(&secret[100..140]));
}

/// An Earthfile that does not copy it, as that of the first releases of CanvOS.
#[test]
fn an_earthfile_that_does_not_copy_it() {
    let test = full()
        .key_pair("signer")
        .signing("public-key = \"signer.pub\"");
    test.put("CanvOS/.arg", ARG);
    test.put(CONFIG, config(&test, "signer.pub"));
    refused(
        &test,
        "",
        "T35",
        &["the Earthfile does not copy EDGE_CUSTOM_CONFIG into the image"],
    );
    let test = test.definition(crate::support::FACTORY);
    warned(&test, "", "T35", &["does not copy EDGE_CUSTOM_CONFIG"]);
}

/// The argument of the build command counts more than `.arg`.
#[test]
fn the_build_command_decides() {
    let test = expecting();
    test.put("CanvOS/.arg", ARG);
    test.put(CONFIG, config(&test, "signer.pub"));
    crate::checkout::builds_with(
        &test,
        &["earthly", "+iso", "--EDGE_CUSTOM_CONFIG=other.yaml"],
    );
    refused(
        &test,
        "",
        "T35",
        &[
            "`other.yaml`",
            "`--EDGE_CUSTOM_CONFIG` of the build command",
        ],
    );
}

/// The definition is right in all of these; the key decides.
#[test]
fn images_carry_the_expected_key() {
    let proof = Proof::of(Test::new().key_pair("signer").key_pair("other").stage());
    let test = &proof.test;
    let key = config(test, "signer.pub");
    let trees: [(&str, Option<String>, &str, &str); 5] = [
        ("right", Some(key.clone()), "as locked", "as-expected"),
        (
            "other",
            Some(config(test, "other.pub")),
            "another signing key",
            "another-key",
        ),
        ("none", None, "no signing key", "missing"),
        ("empty", Some("x: y\n".into()), "no signing key", "unusable"),
        (
            "private",
            Some(config(test, "signer.pem")),
            "no signing key",
            "unusable",
        ),
    ];
    for (name, text, row, verdict) in trees {
        let iso = proof.overlay();
        let partition = Tree::partition(&test.staged());
        let (iso, partition) = match &text {
            Some(text) => (
                iso.with(".edge_custom_config.yaml", text),
                partition.with("edge-config/.edge_custom_config.yaml", text),
            ),
            None => (iso, partition),
        };
        let live = proof.iso(&format!("{name}.iso"), &iso);
        let uki = proof.path(&format!("{name}-uki.iso"));
        iso.uki(&uki);
        let content = partition.file_system("COS_CONTENT", 1024, &[]);
        let disk = Disk::of(&[("oem", &[2; BLOCK]), ("COS_CONTENT", &content)]);
        let raw = proof.put(&format!("{name}.raw"), &disk.bytes);
        let packed = proof.put(&format!("{name}.raw.gz"), gzip(&disk.bytes));
        for image in [live, uki, raw, packed] {
            let run = proof.run(&[&image]).arg("--public-key").arg("signer.pub");
            let run = run.stdout_has(&format!("{}  {row}", image.display()));
            if name == "right" {
                run.success();
            } else {
                run.error("image-differs").stderr_has("T35").fails(3);
            }
            let run = proof.run(&[&image]).arg("--public-key").arg("signer.pub");
            let run = run.arg("--json").any_stdout().any_stderr();
            let done = run.ends(if name == "right" { 0 } else { 3 });
            assert_eq!(done.json()["images"][0]["signing_key"], verdict);
            // Nobody asks for the key.
            let run = proof.run(&[&image]);
            run.stdout(&format!("{}  as locked\n", image.display()))
                .success();
        }
    }
}

/// `[signing]` names the key that images must carry, without a flag.
#[test]
fn signing_names_the_key_of_images() {
    let test = Test::new().stage().key_pair("signer");
    let test = test.signing("public-key = \"signer.pub\"");
    let proof = Proof::of(test);
    let right = proof.overlay().with(
        ".edge_custom_config.yaml",
        config(&proof.test, "signer.pub"),
    );
    let right = proof.iso("right.iso", &right);
    let wrong = proof.iso("wrong.iso", &proof.overlay());
    proof.run(&[&right]).any_stdout().success();
    proof
        .run(&[&wrong])
        .stdout_has("no signing key  no custom configuration (T35)")
        .error("image-differs")
        .fails(3);
    // A directory in the place of the file, which an empty EDGE_CUSTOM_CONFIG makes.
    let directory = proof.overlay().with_directory(".edge_custom_config.yaml");
    let directory = proof.iso("directory.iso", &directory);
    proof
        .run(&[&directory])
        .stdout_has("no signing key  the custom configuration is a directory (T35)")
        .error("image-differs")
        .fails(3);
    // An image without the definition is that in the first place.
    let missing = proof.iso("missing.iso", &Tree::empty().with("x", "y"));
    proof
        .run(&[&missing])
        .stdout_has("overlay dropped")
        .any_stderr()
        .fails(3);
    proof
        .run(&[&missing])
        .arg("--expect-none")
        .any_stdout()
        .success();
}
