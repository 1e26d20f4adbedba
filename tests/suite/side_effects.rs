//! What the tool must not do to the files, secrets and data of others.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use palette_sim::{Act, Fault, Route, Sim, World};
use serde_json::json;

use crate::support::{FACTORY, HEAD, OVERLAY, ROOT, Test, archive, profile_directory};

#[test]
fn unstage_removes_only_what_was_staged() {
    for placement in [OVERLAY, ROOT].map(Test::placement) {
        let test = Test::new().stage();
        test.put(&placement, "precious");
        test.run("unstage")
            .error("foreign-file")
            .keeps_files()
            .fails(3);
    }
    let test = Test::new().write(&Test::placement(ROOT), "precious");
    test.run("unstage").any_stderr().keeps_files().fails(3);
}

#[test]
fn unstage_knows_what_an_older_lock_had() {
    let test = Test::new().stage();
    fs::remove_file(test.path("profiles.lock")).unwrap();
    test.run("unstage -q").any_stdout().success();
    test.run("verify -q --expect-none").any_stdout().success();
}

#[test]
fn an_output_that_is_no_file_is_left_alone() {
    let test = Test::new();
    test.run("fetch -q --output /dev/null")
        .error("unusable-output")
        .stderr_has("not a regular file")
        .fails(2);
    test.run("fetch -q --output .").any_stderr().fails(2);
    test.run("fetch -q --output -").any_stderr().fails(2);
    test.run("fetch -q --output none/x.tgz")
        .error("unusable-output")
        .stderr_has("its directory does not exist")
        .fails(2);
}

#[test]
fn an_output_is_written_once_and_through_links() {
    let test = Test::new().write("there.tgz", "old");
    symlink("there.tgz", test.path("link.tgz")).unwrap();
    test.run("fetch -q --output link.tgz")
        .any_stdout()
        .success();
    assert!(test.path("link.tgz").is_symlink());
    let before = test.facts("there.tgz");
    assert!(before != test.facts("profiles.toml"));
    test.run("fetch -q --output link.tgz")
        .any_stdout()
        .keeps_files()
        .success();
}

#[test]
fn a_lock_that_is_a_link_stays_one_and_keeps_its_mode() {
    let test = Test::new().write("locks/site.lock", "version = 1\n");
    fs::set_permissions(
        test.path("locks/site.lock"),
        fs::Permissions::from_mode(0o664),
    )
    .unwrap();
    symlink("locks/site.lock", test.path("profiles.lock")).unwrap();
    test.run("stage -q").any_stdout().success();
    assert!(test.path("profiles.lock").is_symlink());
    assert!(test.text("locks/site.lock").contains("edge-infra"));
    let mode = fs::metadata(test.path("locks/site.lock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o664);
}

/// Plain HTTP to this machine is allowed because nobody can read it on the way; a proxy could.
#[test]
fn the_key_for_a_server_on_this_machine_goes_to_no_proxy() {
    let proxy = Sim::start(World::demo());
    let test = Test::new();
    test.run("stage -q")
        .env("http_proxy", proxy.url())
        .env("ALL_PROXY", proxy.url())
        .any_stdout()
        .success();
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_port_or_path_is_not_taken_for_a_status() {
    let test = Test::new();
    test.run("check")
        .env("PALETTE_HOST", "http://127.0.0.1:9/407")
        .any_stdout()
        .error("unreachable")
        .stderr_has("connection refused")
        .fails(5);
}

#[test]
fn what_may_be_secret_in_arg_is_not_shown() {
    let arg = "CLUSTERCONFIG=https://me:hunter2@host/spc.tgz?sig=hunter2 # hunter2\n";
    let test = Test::new().write("CanvOS/.arg", arg);
    let done = test.run("check").any_stdout().warning("T5").success();
    done.says("hunter2", 0);
}

#[test]
fn check_locked_wants_a_current_lock() {
    let test = Test::new();
    test.run("check --locked")
        .stdout_has("not locked")
        .error("no-lockfile")
        .stderr_has("`{dir}/profiles.lock`")
        .fails(3);
    test.run("fetch -q").any_stdout().success();
    test.run("check --locked")
        .any_stdout()
        .keeps_files()
        .success();
    let test = test.definition("profiles = [\"edge-infra@2.0.0\"]");
    test.run("check --locked")
        .stdout_has("outdated")
        .error("outdated")
        .stderr_has("profiles.toml has changed since it was locked")
        .fails(3);
}

#[test]
fn a_name_given_twice_is_fetched_once() {
    let test = Test::new();
    test.run("fetch -q factory factory").any_stdout().success();
    assert_eq!(test.downloads(), 1);
}

#[test]
fn an_answer_about_another_profile_is_refused() {
    let other = json!({ "metadata": { "uid": "0".repeat(24), "name": "x" }, "spec": {} });
    let test = Test::new().fault(Fault::on(Route::Profile, Act::Json200(other)));
    test.run("stage -q")
        .error("not-palette")
        .stderr_has("it describes another profile")
        .keeps_files()
        .fails(6);
    // Requested while the profile was read, and dropped.
    assert!(test.downloads() <= 1);
}

#[test]
fn a_404_from_something_else_is_not_an_unknown_profile() {
    let test = Test::new().fault(Fault::on(Route::Profile, Act::text(404, "not here")).forever());
    test.run("stage -q")
        .error("rejected")
        .stderr_has("`{endpoint}` does not answer like Palette")
        .stderr_has("check the endpoint")
        .fails(1);
}

#[test]
fn relocking_says_why_and_what() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.0.0\"]");
    test.run("stage")
        .any_stdout()
        .stderr_has("Relocking factory: profiles.toml has changed since it was locked")
        .stderr_has("profile hello-universe@1.2.0 removed")
        .success();
}

#[test]
fn a_mistyped_project_is_shown_with_its_place_and_the_nearest() {
    let head = HEAD.replace("\"Default\"", "\"Defualt\"");
    let test = Test::new().manifest(&format!("{head}[definition.factory]\n{FACTORY}\n"));
    test.run("check")
        .any_stdout()
        .error("project-not-found")
        .stderr_has("`Defualt`")
        .stderr_has("project = \"Defualt\"")
        .stderr_has("did you mean `Default`?")
        .fails(2);
}

#[test]
fn a_wrong_key_is_told_once() {
    let text = format!("{HEAD}[definition.a]\n{FACTORY}\n[definition.b]\n{FACTORY}\n");
    let test = Test::new().manifest(&text);
    test.run("fetch -q")
        .env("PALETTE_API_KEY", "wrong")
        .any_stderr()
        .fails(4)
        .says("does not accept the API key", 1);
}

#[test]
fn a_profile_too_many_is_seen_behind_a_link_too() {
    let asked = "65c90a1b2c3d4e5f770daee5";
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    let file = format!("{}profile.json", profile_directory(asked));
    builder.append_data(&mut header, file, &b""[..]).unwrap();
    header.set_entry_type(tar::EntryType::Symlink);
    let link = profile_directory("65c92d0f4b3c2e1a8d7f6a90");
    builder
        .append_link(&mut header, link.trim_end_matches('/'), asked)
        .unwrap();
    let tar = builder.into_inner().unwrap();
    let body = crate::support::gzip(&tar);
    let test = Test::new()
        .definition(&format!("profiles = [\"{asked}\"]"))
        .fault(Fault::on(Route::Download, Act::Bytes(body)));
    test.run("stage -q")
        .error("archive-refused")
        .stderr_has("unexpected ")
        .fails(6);
}

#[test]
fn an_archive_without_its_end_marker_is_worth_a_warning() {
    let asked = "65c90a1b2c3d4e5f770daee5";
    let whole = archive(&[(&format!("{}f", profile_directory(asked)), "text")]);
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&whole[..]), &mut tar).unwrap();
    let end = tar.len() - 1024;
    let body = crate::support::gzip(&tar[..end]);
    let test = Test::new()
        .definition(&format!("profiles = [\"{asked}\"]"))
        .fault(Fault::on(Route::Download, Act::Bytes(body)));
    test.run("fetch")
        .any_stdout()
        .warning("no-end-of-archive")
        .success();
}
