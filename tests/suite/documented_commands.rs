//! Runs every command block of the README and docs as it is written.
//!
//! The blocks of a page run in one shell, one after the other, beside a checkout, with a
//! simulated Palette at the addresses that the page names. A TOML block that defines something
//! becomes `profiles.toml`, and must pass `check`. Blocks that cannot run here are listed with
//! the reason.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::build::record;
use crate::checkout::fill;
use crate::support::handmade_images::{BLOCK, Disk};
use crate::support::{DockerRegistry, KEY, Test, Tree, finish, leaked};

#[path = "../docs/markdown.rs"]
#[allow(dead_code, reason = "the docs' own tests use the rest")]
mod markdown;

use markdown::{fenced, read};

/// All pages with a line of shell.
const PAGES: [&str; 21] = [
    "README.md",
    "docs/install.md",
    "docs/quickstart.md",
    "docs/reference.md",
    "docs/canvos.md",
    "docs/provenance-v1.md",
    "docs/recipes/self-hosted.md",
    "docs/recipes/air-gapped.md",
    "docs/recipes/registry.md",
    "docs/recipes/signed-hosts.md",
    "docs/recipes/attestations.md",
    "docs/recipes/newer-versions.md",
    "docs/recipes/many-sites.md",
    "docs/recipes/maas.md",
    "docs/recipes/secure-boot.md",
    "docs/recipes/validate-on-a-host.md",
    "docs/recipes/upload-to-hosts.md",
    "docs/recipes/agent-mode.md",
    "docs/recipes/key-rotation.md",
    "docs/recipes/from-curl.md",
    "docs/recipes/from-content-build.md",
];

/// The blocks that are not run, by their beginning, and what is run in their place.
const NOT_RUN: [(&str, &str); 21] = [
    (
        "cargo run -p palette-sim",
        "it does not end; every page has a simulated Palette",
    ),
    (
        "./edgestage/scripts/install",
        "tests/docs/release.rs, without the minutes that a build takes",
    ),
    (
        "git clone https://github.com/edgestage/edgestage",
        "scripts/test ends with the demo, and runs these tests",
    ),
    (
        "./scripts/setup",
        "tests/docs/setup.rs, with programs that stand for the real ones",
    ),
    (
        "./scripts/fetch-release",
        "tests/docs/fetched.rs, from a server on loopback",
    ),
    ("sha256sum --check", "tests/docs/fetched.rs"),
    ("sudo dpkg -i", "scripts/try-deb, in CI"),
    ("docker run", "nothing: it takes a container engine"),
    (
        "oras pull",
        "nothing: Debian has no oras; skopeo reads the same",
    ),
    ("cosign generate-key-pair", "nothing: Debian has no cosign"),
    (
        "#!/bin/sh -e\n# sign-with-kms",
        "nothing: it takes an account with a cloud",
    ),
    ("cosign verify", "nothing: Debian has no cosign"),
    ("cosign attest-blob", "nothing: Debian has no cosign"),
    ("cosign trusted-root", "nothing: Debian has no cosign"),
    (
        "jq .predicate statement.json > predicate.json\ncosign",
        "nothing: Debian has no cosign",
    ),
    ("gh attestation", "nothing: it takes an account with GitHub"),
    (
        "edgestage host check line-1",
        "host_login.rs, against a simulated host",
    ),
    (
        "edgestage host check  ",
        "host_check.rs, against simulated hosts",
    ),
    ("openssl s_client", "nothing: it runs on a host"),
    (
        "edgestage host upload",
        "host_upload.rs, against simulated hosts",
    ),
    (
        "edgestage fetch factory                #",
        "host_upload.rs, against simulated hosts",
    ),
];

/// Handles a definition like CanvOS, for its ISOs and for MAAS images.
const EARTHLY: &str = concat!(
    r#"#!/bin/sh
set -e
PATH=$PATH:/usr/sbin:/sbin
# These targets are of an Earthfile beside profiles.toml, and call edgestage. The page has
# rewritten profiles.toml just before.
case "$*" in
*+stage) edgestage fetch -q factory && exec edgestage stage -q --locked factory ;;
*+verify) exec edgestage verify factory ;;
esac
. ./.arg
for argument; do
    case "$argument" in
        +*) target=$argument ;;
        --ISO_NAME=*) ISO_NAME=${argument#*=} ;;
    esac
done
rm -rf root && mkdir -p root/iso build
cp -r overlay/files-iso/. root/iso
if [ -n "${EDGE_CUSTOM_CONFIG-}" ]; then
    cp "$EDGE_CUSTOM_CONFIG" root/iso/.edge_custom_config.yaml
fi
"#,
    record!("root/iso"),
    r#"label=COS_LIVE
case "$target" in
+maas-image)
    mkdir -p root/part/spc-config
    cp spc.tgz root/part/spc-config/spc.tgz
    rm -f root/fs
    mke2fs -q -t ext4 -L COS_CONTENT -d root/part root/fs 1024k
    cat disk.head root/fs disk.tail | gzip >"build/kairos-ubuntu-maas.raw.gz"
    exit
    ;;
+uki-iso) label=UKI_ISO_INSTALL ;;
esac
rm -f "build/$ISO_NAME.iso"
xorriso -no_rc -volid "$label" -joliet on -padding 0 -outdev "build/$ISO_NAME.iso" \
    -map root/iso / -chmod 0755 -- >xorriso.log 2>&1
"#
);

/// The place that a page's commands run in.
fn place(page: &str) -> Test {
    let test = Test::new();
    let _ = fs::remove_file(test.path("profiles.toml"));
    for checkout in ["CanvOS", "CanvOS-berlin", "CanvOS-oslo"] {
        test.checkout(checkout);
        fill(&test, checkout);
        test.put(
            &format!("{checkout}/.arg"),
            "ISO_NAME=palette-edge-installer\nCLUSTERCONFIG=spc.tgz\n",
        );
        let script = format!("{checkout}/earthly.sh");
        // The line by which a checkout is known to have that target.
        let maas = "if [ \"$1\" = \"+maas-image\" ]; then\n    :\nfi\n";
        program(&test, &script, &format!("{EARTHLY}{maas}"));
        // A partition of nothing between what belongs around it.
        let disk = Disk::of(&[
            ("efi", &[1; BLOCK]),
            ("oem", &[2; BLOCK]),
            ("recovery", &[3; BLOCK]),
            ("state", &[0; BLOCK]),
            ("content", &vec![0; 1024 * 1024]),
        ]);
        let (head, tail) = around(&disk.bytes);
        test.put(&format!("{checkout}/disk.head"), head);
        test.put(&format!("{checkout}/disk.tail"), tail);
    }
    fs::create_dir(test.path("bin")).unwrap();
    let binary = env!("CARGO_BIN_EXE_edgestage");
    std::os::unix::fs::symlink(binary, test.path("bin/edgestage")).unwrap();
    for name in ["earth", "earthly"] {
        program(&test, &format!("bin/{name}"), EARTHLY);
    }
    prepare(&test, page);
    test
}

/// Creates what a page assumes.
fn prepare(test: &Test, page: &str) {
    let staged = |profiles: &str| {
        let head = "[palette]\nproject = \"Default\"\nendpoint = \"{endpoint}\"\n[canvos]\ndir = \"CanvOS\"\n";
        let text = format!("{head}[definition.factory]\nprofiles = [{profiles}]\n");
        test.put("profiles.toml", text.replace("{endpoint}", test.sim.url()));
        test.run("stage -q").any_stdout().success();
    };
    match page.rsplit('/').next().unwrap() {
        "maas.md" | "secure-boot.md" | "provenance-v1.md" | "attestations.md" => {
            staged("\"edge-infra@2.1.0\"");
        }
        "reference.md" => {
            staged("\"edge-infra@2.1.0\"");
            test.put("spc.tgz", test.staged());
        }
        "canvos.md" => {
            staged("\"edge-infra@2.1.0\"");
            Tree::overlay(&test.staged()).live(&test.path("image.iso"));
        }
        "README.md" | "air-gapped.md" => {
            let several = "\"edge-infra@2.1.0\", \"edge-monitoring@1.4.0\"";
            staged(&match page {
                "README.md" => several.replace(", ", ", \"65c92d0f4b3c2e1a8d7f6a90\", "),
                _ => several.to_owned(),
            });
            bundle(test, &test.staged());
            test.forget_cache();
            test.forget_staged();
            for left in ["profiles.toml", "profiles.lock"] {
                fs::remove_file(test.path(left)).unwrap();
            }
        }
        // The login is for a registry that asks for none here, and speaks plain HTTP.
        "registry.md" => {
            program(test, "bin/docker", "#!/bin/sh\n[ \"$*\" != '' ]\n");
            let skopeo = "#!/bin/sh\ncommand=$1\nshift\nPATH=${PATH#*:}\nexec skopeo \"$command\" --tls-verify=false \"$@\"\n";
            program(test, "bin/skopeo", skopeo);
        }
        "self-hosted.md" => test.put("ca.pem", palette_sim::Tls::self_signed(&["x"]).ca_pem()),
        "signed-hosts.md" => {
            let copy =
                "    COPY --if-exists \"$EDGE_CUSTOM_CONFIG\" /overlay/.edge_custom_config.yaml\n";
            let text = test.text("CanvOS/Earthfile");
            let text = text
                .replacen("ARG ARCH\n", "ARG EDGE_CUSTOM_CONFIG\nARG ARCH\n", 1)
                .replace("    RUN CMD", &format!("{copy}    RUN CMD"))
                .replace("    RUN enki", &format!("{copy}    RUN enki"));
            test.put("CanvOS/Earthfile", text);
        }
        "many-sites.md" => test.put("values/berlin.yaml", "replicas: 2\n"),
        "from-curl.md" | "from-content-build.md" => {
            staged("\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"");
            let archive = test.staged();
            test.put("old/spc.tgz", &archive);
            bundle(test, &archive);
            for left in ["profiles.toml", "profiles.lock"] {
                fs::remove_file(test.path(left)).unwrap();
            }
        }
        _ => {}
    }
}

/// Returns the bytes before and after the last run of zeros of a partition's size.
fn around(disk: &[u8]) -> (&[u8], &[u8]) {
    const SIZE: usize = 1024 * 1024;
    let zeros = vec![0; SIZE];
    let from = disk.len() - SIZE;
    let at = (0..=from)
        .rev()
        .step_by(BLOCK)
        .find(|at| disk[*at..*at + SIZE] == zeros[..]);
    let at = at.expect("no partition of zeros");
    (&disk[..at], &disk[at + SIZE..])
}

/// A content bundle that carries `archive`, as facts.md, 5, has it.
fn bundle(test: &Test, archive: &[u8]) {
    let digest = |bytes: &[u8]| crate::support::sha256(bytes);
    let layer = digest(archive);
    let manifest = format!(r#"{{"layers":[{{"digest":"sha256:{layer}"}}]}}"#);
    let index = format!(
        r#"{{"manifests":[{{"digest":"sha256:{}","annotations":{{"io.image.ref.spectrocloud.type":"spc"}}}}]}}"#,
        digest(manifest.as_bytes())
    );
    let blob = |bytes: &[u8]| format!("layout/blobs/sha256/{}", digest(bytes));
    test.put("layout/index.json", index);
    test.put(&blob(manifest.as_bytes()), &manifest);
    test.put(&blob(archive), archive);
    let mut tar = Command::new("tar");
    tar.arg("--zstd").arg("-cf").arg(test.path("site.tar.zst"));
    finish(tar.arg("-C").arg(test.path("layout")).arg("."));
    fs::remove_dir_all(test.path("layout")).unwrap();
}

fn program(test: &Test, path: &str, text: &str) {
    test.put(path, text);
    fs::set_permissions(test.path(path), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns what is run for a block; `None` if nothing is.
fn script(page: &str, language: &str, block: &str) -> Option<String> {
    match language {
        "sh" if NOT_RUN.iter().any(|(begin, _)| block.starts_with(begin)) => None,
        "sh" => Some(block.to_owned()),
        // Those of the reference are compared with the code by tests/docs.
        "toml" if block.contains("[definition.") && page != "docs/reference.md" => {
            let file = format!("cat >profiles.toml <<'END OF FILE'\n{block}END OF FILE\n");
            Some(file + "edgestage check -q --offline\n")
        }
        _ => None,
    }
}

#[track_caller]
fn run(page: &str) {
    let test = place(page);
    let registry = page.ends_with("registry.md").then(DockerRegistry::open);
    let host = registry.as_ref().map(DockerRegistry::repository);
    let host = host
        .as_deref()
        .and_then(|repository| repository.split('/').next());
    let filled = |text: &str| {
        let text = match host {
            Some(host) => text.replace("registry.example.com", host),
            None => text.to_owned(),
        };
        text.replace("https://palette.example.com", test.sim.url())
            .replace("http://127.0.0.1:8480", test.sim.url())
            .replace(
                "PALETTE_API_KEY=demo-palette-api-key",
                &format!("PALETTE_API_KEY={KEY}"),
            )
            .replace("PALETTE_API_KEY=…", &format!("PALETTE_API_KEY={KEY}"))
    };
    let mut all = "set -eu\ngit init -q\n".to_owned();
    for (language, block) in fenced(&read(page)) {
        if let Some(script) = script(page, &language, &block) {
            let echo = block.lines().next().unwrap_or_default().replace('\'', "");
            // Each begins where the first one began.
            all.extend([
                "cd \"$SITE\"\necho '== ",
                &echo,
                "' >&2\n",
                &filled(&script),
            ]);
        }
    }
    let mut path = test.path("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-c", &all])
        .env_clear()
        .env("PATH", path)
        .env("HOME", test.path("../home"))
        .env("SITE", test.site())
        .env("PALETTE_API_KEY", KEY)
        .envs(address(&test, page))
        .current_dir(test.site())
        .stdin(pasted_key(&test))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{page}\n{said}\n--\n{printed}");
    for stream in [&output.stdout, &output.stderr] {
        assert_eq!(leaked(KEY, stream), None, "{page}");
    }
}

/// The page about a Palette of one's own has it in the file.
fn address(test: &Test, page: &str) -> Option<(&'static str, String)> {
    let has_its_own = page.ends_with("self-hosted.md");
    (!has_its_own).then(|| ("PALETTE_HOST", test.sim.url().to_owned()))
}

/// Returns the standard input for a page that says to paste the key.
fn pasted_key(test: &Test) -> Stdio {
    let path = test.path("../pasted");
    fs::write(&path, KEY).unwrap();
    let file = fs::File::open(&path).unwrap();
    fs::remove_file(path).unwrap();
    file.into()
}

#[test]
fn every_page_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<String> = Vec::new();
    for directory in ["", "docs", "docs/recipes"] {
        for entry in fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                let path = path.strip_prefix(root).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    // What it has is for a clone with a compiler; tests/docs/contributing.rs looks at it.
    found.retain(|page| page != "CONTRIBUTING.md");
    let with_commands = found.into_iter().filter(|page| {
        let blocks = fenced(&read(page));
        blocks.iter().any(|(language, _)| language == "sh")
    });
    for page in with_commands {
        assert!(PAGES.contains(&page.as_str()), "{page} is not run");
    }
}

#[test]
fn nothing_is_left_out_that_is_not_there() {
    let blocks: Vec<(String, String)> = PAGES.iter().flat_map(|page| fenced(&read(page))).collect();
    for (begin, reason) in NOT_RUN {
        let there = blocks.iter().any(|(_, block)| block.starts_with(begin));
        assert!(there, "{begin}: {reason}");
    }
}

/// A test for each page.
macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        $(
            #[test]
            fn $name() {
                run($page);
            }
        )*

        #[test]
        fn every_page_has_its_test() {
            assert_eq!([$($page),*], PAGES);
        }
    };
}

pages! {
    readme: "README.md",
    install: "docs/install.md",
    quickstart: "docs/quickstart.md",
    reference: "docs/reference.md",
    what_canvos_reads: "docs/canvos.md",
    provenance: "docs/provenance-v1.md",
    a_palette_of_your_own: "docs/recipes/self-hosted.md",
    a_builder_without_a_network: "docs/recipes/air-gapped.md",
    a_teams_registry: "docs/recipes/registry.md",
    signed_hosts: "docs/recipes/signed-hosts.md",
    attestations: "docs/recipes/attestations.md",
    newer_versions: "docs/recipes/newer-versions.md",
    many_sites: "docs/recipes/many-sites.md",
    maas_images: "docs/recipes/maas.md",
    secure_boot: "docs/recipes/secure-boot.md",
    validating_on_a_host: "docs/recipes/validate-on-a-host.md",
    uploading_to_hosts: "docs/recipes/upload-to-hosts.md",
    agent_mode: "docs/recipes/agent-mode.md",
    another_key: "docs/recipes/key-rotation.md",
    from_the_curl_recipe: "docs/recipes/from-curl.md",
    from_a_content_bundle: "docs/recipes/from-content-build.md",
}
