//! The whole path of a user, from `check` to `verify --expect-none`.

use std::collections::BTreeMap;
use std::io::Read as _;

use crate::support::{OVERLAY, ROOT, Test, sha256};
use palette_sim::{Archive, Route, World};

#[test]
fn the_documented_way() {
    let test = Test::new();
    test.run("check")
        .stdout(
            "definition  profiles  lock        palette     staged\n\
             factory     2         not locked  accepts it  nothing yet\n\
             \n\
             target       embeds  from  which is\n\
             iso          -       -     nothing\n\
             cloud-image  -       -     nothing\n",
        )
        .success();
    test.run("stage")
        .stdout(&format!(
            "{{dir}}/CanvOS/{OVERLAY}\n{{dir}}/CanvOS/{ROOT}\n"
        ))
        .stderr_has("Staged factory in {dir}/CanvOS")
        .success();
    test.run("verify")
        .stdout(&format!("{OVERLAY}  as locked\n{ROOT}{:51}as locked\n", ""))
        .success();
    test.run("show").stdout_has("edge-infra@2.1.0").success();
    test.run("verify --expect-none")
        .stdout_has("unexpected")
        .error("staged-unexpected")
        .fails(3);
    test.run("unstage")
        .stdout(&format!(
            "{{dir}}/CanvOS/{OVERLAY}\n{{dir}}/CanvOS/{ROOT}\n"
        ))
        .stderr_has("Unstaged")
        .success();
    test.run("verify --expect-none")
        .stdout_has("none")
        .success();
}

#[test]
fn a_check_with_nothing_staged_sends_no_download() {
    let test = Test::new();
    test.run("check").any_stdout().keeps_files().success();
    assert_eq!(test.downloads(), 0);
}

/// The staged files have the contents that Palette serves, file by file.
#[test]
fn the_staged_files_hold_what_was_served() {
    let test = Test::new().stage();
    let mut files = BTreeMap::new();
    let staged = test.staged();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&staged[..]));
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(path, text);
    }
    let world = test.sim.world(|world| world.clone());
    for uid in [
        palette_sim::EDGE_INFRA_2_1_0,
        palette_sim::HELLO_UNIVERSE_1_2_0,
    ] {
        for pack in &world.find(uid).unwrap().packs {
            let path = format!("spc/app/profiles/{uid}/packs/{}/values.yaml", pack.name);
            assert_eq!(files[&path], pack.values);
        }
    }
    assert_eq!(test.download().answer.status, 200);
}

#[test]
fn two_plain_files_that_any_builder_can_read() {
    let test = Test::new();
    test.run("stage -q")
        .prelude("umask 077")
        .any_stdout()
        .success();
    let [overlay, root] = [OVERLAY, ROOT].map(|path| test.facts(&Test::placement(path)));
    assert_eq!([overlay.mode, root.mode], [0o644; 2]);
    assert_eq!([overlay.names, root.names], [1; 2]);
    assert_ne!(overlay.inode, root.inode);
    assert_eq!(test.facts("profiles.lock").mode, 0o644);
}

/// Directories that are created on the way are readable too, whatever the umask.
#[cfg(unix)]
#[test]
fn new_directories_have_the_mode_that_git_gives() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = Test::new();
    test.run("stage -q")
        .prelude("umask 077")
        .any_stdout()
        .success();
    let directory = test.path("CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig");
    let mode = std::fs::metadata(directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn what_git_tracks_is_left_alone() {
    let test = Test::new();
    let before = test.stamps();
    test.run("stage -q").any_stdout().success();
    test.run("unstage -q").any_stdout().success();
    let after = test.stamps();
    assert!(before.iter().all(|line| after.contains(line)));
    // Our own directory ignores itself.
    assert_eq!(test.text("CanvOS/.edgestage/.gitignore"), "*\n");
}

#[test]
fn a_second_run_writes_nothing_and_asks_nothing() {
    let test = Test::new();
    let first = test.run("stage -q").any_stdout().success();
    let connections = test.sim.connections();
    first.again().any_stdout().keeps_files().success();
    assert_eq!(test.sim.connections(), connections);
}

#[test]
fn no_temporary_file_stays() {
    let test = Test::new().stage();
    let tree = test.tree();
    assert!(!tree.contains("/.edgestage-"), "{tree}");
    assert!(!tree.contains("/tmp/"), "{tree}");
}

#[test]
fn the_lock_is_stable_and_says_what_a_review_needs() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    let line = |key: &str| {
        let start = format!("{key} = ");
        let line = lock.lines().find(|line| line.starts_with(&start));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let staged = test.staged();
    let digest = sha256(&staged);
    assert_eq!(line("sha256"), format!("sha256 = \"{digest}\""));
    assert_eq!(line("size"), format!("size = {}", staged.len()));
    let expected = format!(
        r#"# What `edgestage` fetched for each definition of profiles.toml. Commit this file and
# review its changes; do not edit it: `edgestage update` renews it.
version = 1

[definition.factory]
endpoint = "{}"
project = "5fbbf0c1d2e3f4a5b6c7d8e9"
{}
{}
{}
{}

[[definition.factory.profiles]]
uid = "65c90a1b2c3d4e5f770daee5"
name = "edge-infra"
version = "2.1.0"
type = "infra"
packs = [
"#,
        test.sim.url(),
        line("asked-sha256"),
        line("content-sha256"),
        line("sha256"),
        line("size"),
    );
    assert!(lock.starts_with(&expected), "{lock}");
    let pack = r#"  { name = "edge-k3s", layer = "k8s", tag = "1.30.4", version = "1.30.4", digest = "sha256:"#;
    assert!(lock.contains(pack), "{lock}");
    assert!(!lock.contains(test.site().to_str().unwrap()), "{lock}");
    // TOML that others can read.
    let read: toml::Table = toml::from_str(&lock).unwrap();
    assert_eq!(
        read["definition"]["factory"]["profiles"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn the_same_world_gives_the_same_lock_elsewhere() {
    let test = Test::new().stage();
    let lock = test.text("profiles.lock");
    let bytes = test.staged();
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    test.forget_cache();
    test.forget_staged();
    test.run("stage -q").any_stdout().success();
    // Palette gives the same content in other bytes; only these two lines are theirs.
    assert_ne!(test.staged(), bytes);
    let without = |lock: &str| {
        let lines = lock.lines();
        let own = |line: &&str| !line.starts_with("sha256") && !line.starts_with("size");
        lines.filter(own).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without(&lock), without(&test.text("profiles.lock")));
}

/// `content-sha256` is what the documented pipeline of coreutils prints.
#[test]
fn anyone_can_repeat_the_content_digest() {
    let test = Test::new().stage();
    let script = "mkdir x && tar -xzf CanvOS/spc.tgz -C x && cd x && find . -type f -printf '%P\\0' \
                  | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum";
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(test.site())
        .output()
        .unwrap();
    let digest = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
    let line = format!("content-sha256 = \"{digest}\"\n");
    assert!(test.text("profiles.lock").contains(&line), "{digest}");
}

#[test]
fn show_lists_layers_packs_and_what_the_operator_is_asked() {
    let test = Test::new().stage();
    let done = test.run("show").any_stdout().success();
    let text = done.stdout;
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("edge-native-byoi") < at("edge-k3s") && at("edge-k3s") < at("cni-flannel"));
    assert!(at("namespace") < at("8080"));
    // Not asked for, and not shown.
    assert!(
        !text.contains("internalRevision") && !text.contains("changeme"),
        "{text}"
    );
    test.run("show CanvOS/spc.tgz")
        .stdout_has("definition      factory\n")
        .success();
}

/// The archive is large, chunked, and in another order each time: none of that matters.
#[test]
fn a_large_archive_in_chunks() {
    let archive = Archive {
        padding: 5 << 20,
        shuffle: true,
        ..Archive::default()
    };
    let test = Test::of(World::demo().archive(archive)).stage();
    assert!(test.staged().len() > 1 << 20);
    test.run("update -q").any_stdout().success();
    assert_eq!(test.asked(Route::Download).len(), 2);
    test.run("verify").any_stdout().success();
}

#[test]
fn paths_start_where_they_are_written() {
    let test = Test::new();
    test.run("stage -q --file ../profiles.toml --cache-dir cache")
        .within("elsewhere")
        .any_stdout()
        .success();
    assert!(!test.staged().is_empty());
    assert!(test.path("elsewhere/cache/archives").is_dir());
    assert!(test.path("profiles.lock").is_file());
    let run = test.run("verify").within("elsewhere");
    run.env("EDGESTAGE_FILE", "../profiles.toml")
        .any_stdout()
        .success();
    let run = test.run("verify --file ../profiles.toml --canvos ../CanvOS");
    run.within("elsewhere").any_stdout().success();
    let run = test.run("verify").env("CANVOS_DIR", "no-such-checkout");
    run.error("no-checkout")
        .stderr_has("no-such-checkout")
        .fails(2);
}
