//! The traps of CanvOS that can be detected before the build, each with a situation that causes
//! it; `tNN_…` is about trap TNN.
//!
//! Some traps are not here because no checkout shows them: T14 and T15 with arguments, T22
//! (`build.rs`); T19, which is T1 in another script; T20, a build that has no checkout; T25 to
//! T27 and T31, which are detected in the image.

use std::fs;
use std::os::unix::fs::symlink;

use crate::checkout::{EARTHFILE, full, refused, silent, warned, with_arg};
use crate::support::{OVERLAY, Test};

const CLOUD: &str = "--target cloud-image";
const MAAS: &str = "--target maas-image";
const ALL: &str = "--target iso --target uki-iso --target iso-disk-image --target cloud-image \
                   --target maas-image";
const MEND: &str = "write `CLUSTERCONFIG=spc.tgz`";

/// The value finds nothing: the ISO has the overlay, the cloud image has nothing.
#[track_caller]
fn leads_nowhere(value: &str, id: &str, said: &str) {
    let test = with_arg(&format!("A=1\nCLUSTERCONFIG={value}\n"));
    let place = "CanvOS/.arg:2:1";
    warned(&test, "", id, &[said, place, MEND]);
    warned(&test, MAAS, id, &[said]);
    let test = with_arg(&format!("A=1\nCLUSTERCONFIG={value}\n"));
    refused(
        &test,
        CLOUD,
        id,
        &[said, place, MEND, "this affects `+cloud-image`"],
    );
}

/// The value replaces the definition, or makes the build fail, except for MAAS images.
#[track_caller]
fn replaces(test: &Test, id: &str, said: &str) {
    let hits = "this affects `+iso`, `+uki-iso`, `+iso-disk-image`, `+cloud-image`";
    for targets in ["", "--target uki-iso", CLOUD] {
        refused(test, targets, id, &[said, MEND, hits]);
    }
    warned(test, MAAS, id, &[said]);
}

#[test]
fn t00_a_checkout_without_traps_is_silent() {
    let test = with_arg("CLUSTERCONFIG=spc.tgz\nARCH=amd64\n");
    let run = test.run(&format!("check --offline {ALL}"));
    run.any_stdout().success();
    test.run("stage -q").any_stdout().success();
    test.run(&format!("stage {ALL}"))
        .any_stdout()
        .stderr("   Unchanged factory\n")
        .success();
}

#[test]
fn t00_an_unknown_trap_or_target_is_a_mistake() {
    let test = full();
    for argument in [
        "--allow T99",
        "--allow T0",
        "--allow T01",
        "--allow overlay",
        "--target raw",
    ] {
        for command in ["check", "stage"] {
            let run = test.run(&format!("{command} {argument}")).any_stderr();
            run.keeps_files().fails(2);
        }
    }
    test.run("explain T99").any_stderr().fails(2);
    // As messages begin.
    for id in ["error[T11]", "warning[T11]:", "[t11]", "another-file"] {
        test.run(&format!("explain {id}"))
            .stdout_has("T11: ")
            .success();
    }
}

/// There is no all-clear for a target that does not exist.
#[test]
fn t00_a_target_that_the_checkout_does_not_have() {
    let test = Test::new();
    let said = "the CanvOS checkout `{dir}/CanvOS` has no target `+maas-image`";
    for command in ["check --offline", "stage"] {
        test.run(&format!("{command} {CLOUD} {MAAS} --target iso"))
            .any_stdout()
            .error("no-such-target")
            .stderr_has(said)
            .stderr_has("help: choose other targets")
            .keeps_files()
            .fails(2);
    }
    test.run("build -- +maas-image")
        .error("no-such-target")
        .stderr_has("has no target `+maas-image`")
        .keeps_files()
        .fails(2);
}

/// The option accepts a trap other than the one that is there.
#[test]
fn t00_only_what_is_named_is_accepted() {
    let test = with_arg("CLUSTERCONFIG=]x.tgz\n");
    test.run("stage --allow T11 --allow T9")
        .error("T6")
        .keeps_files()
        .fails(3);
    test.run("stage --allow t6")
        .any_stdout()
        .warning("T6")
        .success();
}

#[test]
fn t01_a_file_that_is_not_there() {
    leads_nowhere(
        "typo.tgz",
        "T1",
        "names a file that is not in the checkout: `typo.tgz`",
    );
    leads_nowhere("./sites/a.tgz", "T1", "`./sites/a.tgz`");
}

#[test]
fn t02_no_clusterconfig() {
    for (text, said) in [
        ("A=1\n", "`.arg` does not set CLUSTERCONFIG"),
        (
            "# CLUSTERCONFIG=spc.tgz\n",
            "`.arg` does not set CLUSTERCONFIG",
        ),
        ("CLUSTERCONFIG=\n", "CLUSTERCONFIG is empty in line 1 of `"),
        (
            "CLUSTERCONFIG=\"\"\n",
            "CLUSTERCONFIG is empty in line 1 of `",
        ),
    ] {
        warned(
            &with_arg(text),
            "",
            "T2",
            &[said, "`CLUSTERCONFIG=spc.tgz`"],
        );
        refused(
            &with_arg(text),
            CLOUD,
            "T2",
            &[said, "`CLUSTERCONFIG=spc.tgz`"],
        );
    }
    let test = full();
    fs::remove_file(test.path("CanvOS/.arg")).unwrap();
    refused(
        &test,
        CLOUD,
        "T2",
        &["no `.arg`", "copy `.arg.template` to `.arg`"],
    );
    warned(&test, "", "T2", &["no `.arg`"]);
}

/// The first releases of CanvOS have no `CLUSTERCONFIG`: there is nothing to report.
#[test]
fn t02_where_nothing_reads_it_nothing_is_wrong() {
    for text in ["A=1\n", "CLUSTERCONFIG=typo.tgz\n", "CLUSTERCONFIG=*\n"] {
        let test = with_arg(text);
        let copy =
            "COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz";
        assert!(EARTHFILE.contains(copy));
        let earthfile = EARTHFILE.replace(copy, "RUN true");
        test.put(
            "CanvOS/Earthfile",
            earthfile.replace("cloud-image:", "other:"),
        );
        let run = test.run("check --offline");
        run.stdout_has("iso ").success();
    }
}

#[test]
fn t03_an_absolute_path() {
    leads_nowhere(
        "/srv/spc.tgz",
        "T3",
        "Earthly finds no file outside the checkout",
    );
}

#[test]
fn t04_a_path_out_of_the_checkout() {
    leads_nowhere(
        "../spc.tgz",
        "T4",
        "`../spc.tgz`, which Earthly cannot find",
    );
    leads_nowhere("././spc.tgz", "T4", "which Earthly cannot find");
    // Earthly cleans such a path.
    let test = with_arg("CLUSTERCONFIG=overlay/../spc.tgz\nARCH=amd64\n");
    silent(&test, ALL, "T4");
    leads_nowhere(
        "~/spc.tgz",
        "T4",
        "Earthly does not expand `~`, but bash does",
    );
}

#[test]
fn t05_an_address() {
    let value = "https://me:hunter2@store.test/spc.tgz?sig=hunter2";
    leads_nowhere(value, "T5", "CLUSTERCONFIG is a URL");
    let test = with_arg(&format!("CLUSTERCONFIG={value}\n"));
    let done = test
        .run("check --offline")
        .any_stdout()
        .any_stderr()
        .success();
    done.says("hunter2", 0);
    let json = test
        .run("check --offline --json")
        .any_stdout()
        .any_stderr()
        .success();
    json.says("hunter2", 0);
    assert!(!json.stdout.contains("hunter2"), "{}", json.stdout);
}

#[test]
fn t06_a_pattern_that_fits_nothing() {
    for value in ["*.tgz", "edge[1].tgz", "sp?.tgz"] {
        leads_nowhere(
            value,
            "T6",
            "which Earthly reads as a pattern that matches no file",
        );
    }
    leads_nowhere(
        "ünit.tgz",
        "T6",
        "Earthly cannot find it because `ü` is not ASCII",
    );
}

#[test]
fn t06_a_pattern_that_is_none() {
    for value in ["-spc.tgz", "^spc.tgz", "]spc.tgz", "s[pc.tgz"] {
        let test = with_arg(&format!("CLUSTERCONFIG={value}\n"));
        replaces(&test, "T6", "which Earthly rejects as a pattern");
    }
}

#[test]
fn t06_a_pattern_that_fits_another_file() {
    let test = with_arg("CLUSTERCONFIG=edge[1].tgz\n").write("CanvOS/edge1.tgz", "a");
    replaces(
        &test,
        "T6",
        "`edge[1].tgz`, a pattern that matches `edge1.tgz`",
    );
    // The last one in the order of names is the one that stays.
    let test = with_arg("CLUSTERCONFIG=s*.tgz\n").write("CanvOS/spd.tgz", "a");
    replaces(&test, "T6", "which matches `spd.tgz` and `spc.tgz`");
    // Alone, the staged file is found.
    silent(&with_arg("CLUSTERCONFIG=s*.tgz\nARCH=amd64\n"), ALL, "T6");
}

#[test]
fn t07_a_directory() {
    let test = with_arg("CLUSTERCONFIG=sites\n");
    test.put("CanvOS/sites/a.tgz", "a");
    replaces(&test, "T7", "CLUSTERCONFIG names a directory: `sites`");
}

#[test]
fn t08_a_symbolic_link() {
    let test = with_arg("CLUSTERCONFIG=site.tgz\n");
    symlink("elsewhere.tgz", test.path("CanvOS/site.tgz")).unwrap();
    replaces(
        &test,
        "T8",
        "CLUSTERCONFIG names a symbolic link: `site.tgz`",
    );
}

/// A symbolic link in the overlay would be copied as a link, and so would one on the way to it.
/// Of a linked directory, only the link is in the build context.
#[test]
fn t08_a_link_on_the_way() {
    let test = with_arg("CLUSTERCONFIG=sites/a/spc.tgz\n").write("CanvOS/real/a/spc.tgz", "a");
    symlink("real", test.path("CanvOS/sites")).unwrap();
    let said = [
        "CLUSTERCONFIG names `sites/a/spc.tgz`, but `sites` is a symbolic link",
        MEND,
    ];
    refused(&test, CLOUD, "T8", &said);
    warned(&test, "", "T8", &said);
}

#[test]
fn t08_a_link_in_place_of_a_staged_file() {
    for link in [
        OVERLAY,
        "spc.tgz",
        "overlay/files-iso/opt/spectrocloud/clusterconfig",
    ] {
        let test = full();
        let path = test.path("CanvOS").join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink("/srv/elsewhere", path).unwrap();
        let said = format!("`{link}` in the checkout is a symbolic link");
        refused(&test, "", "T8", &[&said, "remove it"]);
        refused(&test, CLOUD, "T8", &[&said]);
        // What is accepted is still not written through.
        let run = test.run("stage --allow T8").any_stdout();
        run.warning("T8")
            .error("blocked-path")
            .stderr_has(&said)
            .fails(3);
        assert!(
            fs::symlink_metadata(test.path("CanvOS").join(link))
                .unwrap()
                .is_symlink()
        );
    }
}

#[test]
fn t09_ignore_rules_that_hide_both_files() {
    for rules in [
        "*.tgz\n**/*.tgz\n",
        "**\n",
        "*\n",
        "spc.tgz\noverlay\n",
        "/spc.tgz\noverlay/**\n",
        "# none\n  **/spc.tgz  \n",
        "!spc.tgz\n**/spc.tgz\n",
        "overlay/files-iso/\n[a-s]pc.tgz\n",
    ] {
        let test = full().write("CanvOS/.earthlyignore", rules);
        let said = [
            "`.earthlyignore` line ",
            "keeps `spc.tgz` out of every build",
            "!spc.tgz",
        ];
        for targets in ["", "--target uki-iso", "--target iso-disk-image", CLOUD] {
            refused(&test, targets, "T9", &said);
        }
        // It reads the file from the checkout, not from the context.
        warned(&test, MAAS, "T9", &said);
    }
}

/// Either of the two files is enough for an ISO.
#[test]
fn t09_ignore_rules_that_hide_one_file() {
    let test = full().write("CanvOS/.earthignore", "*.tgz\n");
    fs::remove_file(test.path("CanvOS/.earthlyignore")).unwrap();
    warned(
        &test,
        "",
        "T9",
        &["`.earthignore` line 1 keeps `spc.tgz`", "*.tgz\n"],
    );
    refused(&test, CLOUD, "T9", &["this affects `+cloud-image`"]);
    let test = full().write("CanvOS/.earthlyignore", "build/*\n\noverlay/files-iso/*\n");
    warned(&test, "", "T9", &["line 3 keeps `overlay/files-iso/opt/"]);
    warned(&test, CLOUD, "T9", &["| overlay/files-iso/*\n"]);
    // Without the directory itself, an ISO build stops with an error.
    let test = full().write("CanvOS/.earthlyignore", "overlay/\n");
    refused(&test, "", "T9", &["line 1 keeps `overlay/files-iso/opt/"]);
    warned(&test, CLOUD, "T9", &["line 1 keeps"]);
}

#[test]
fn t09_rules_that_end_the_build() {
    for (rules, said) in [
        ("[\n", "line 1 is not a valid pattern"),
        ("a\n!\n", "line 2 is not a valid pattern"),
        ("a\tb\n", "line 1 has a tab or another control character"),
    ] {
        let test = full().write("CanvOS/.earthlyignore", rules);
        refused(&test, "", "T9", &[said, "Earthly then refuses to build"]);
        refused(&test, CLOUD, "T9", &[said]);
    }
}

/// With such a rule, only plain names have an effect.
#[test]
fn t09_a_rule_that_voids_others() {
    let test = full().write("CanvOS/.earthlyignore", "spc.tgz\n!spc.tgz\nb\u{fc}ro/\n");
    let said = "line 3 has a character that is not ASCII";
    warned(&test, "", "T9", &[said]);
    refused(&test, CLOUD, "T9", &[said, "line 1 keeps `spc.tgz`"]);
    let test = full().write("CanvOS/.earthlyignore", "*.tgz\nb\u{fc}ro/\n");
    warned(
        &test,
        CLOUD,
        "T9",
        &["line 2 has a character that is not ASCII"],
    );
}

#[test]
fn t09_ignore_rules_that_hide_neither() {
    for rules in [
        "local/\nbuild/*\n",
        "*.tgz\n!spc.tgz\n",
        "**\n!overlay/**\n!spc.tgz\n",
        "# *.tgz\n",
        "files-iso\nclusterconfig\n",
        "overlay/*.tgz\nbuild/**/spc.tgz\n",
        "../spc.tgz\n",
        "SPC.tgz\n",
    ] {
        silent(&full().write("CanvOS/.earthlyignore", rules), ALL, "T9");
    }
    // A directory and a link that leads nowhere are no file of rules.
    let test = full();
    fs::remove_file(test.path("CanvOS/.earthlyignore")).unwrap();
    symlink("nowhere", test.path("CanvOS/.earthlyignore")).unwrap();
    fs::create_dir(test.path("CanvOS/.earthignore")).unwrap();
    silent(&test, ALL, "T9");
    // Docker's file counts for nothing.
    silent(&full().write("CanvOS/.dockerignore", "**\n"), ALL, "T9");
}

#[test]
fn t09_both_ignore_files() {
    let test = full().write("CanvOS/.earthignore", "build/\n");
    let said = [
        "both `.earthlyignore` and `.earthignore`",
        "remove `.earthignore`",
    ];
    refused(&test, "", "T9", &said);
    refused(&test, CLOUD, "T9", &said);
}

#[test]
fn t10_another_file_beside_the_staged_one() {
    let overlay = "CanvOS/overlay/files-iso/opt/spectrocloud/clusterconfig";
    let test = full().write(&format!("{overlay}/old.tgz"), "old");
    warned(
        &test,
        ALL,
        "T10",
        &[
            "clusterconfig/old.tgz` will also be in the image",
            "remove it",
        ],
    );
    assert_eq!(test.text(&format!("{overlay}/old.tgz")), "old");
}

/// If `CLUSTERCONFIG` finds nothing, an ISO gets what was staged before: here it is the locked
/// definition, or `check` says that it is not.
#[test]
fn t10_a_stale_overlay() {
    let test = full().stage();
    test.put(&Test::placement(OVERLAY), "stale");
    test.put("CanvOS/.arg", "CLUSTERCONFIG=typo.tgz\n");
    test.run("check --offline")
        .stdout_has("overlay  no definition")
        .warning("T1")
        .error("staged-differs")
        .stderr_has("the staged files differ from the locked `factory`")
        .fails(3);
    test.run("stage -q").any_stdout().success();
    let run = test.run("check --offline").any_stderr();
    run.stdout_has("overlay  `factory` as locked").success();
}

#[test]
fn t11_another_file_than_the_staged_one() {
    let test = with_arg("CLUSTERCONFIG=other.tgz\n").write("CanvOS/other.tgz", "other");
    replaces(
        &test,
        "T11",
        "CLUSTERCONFIG names another file: `other.tgz`",
    );
}

/// The file is no longer a copy after the next `stage`.
#[test]
fn t11_a_copy_of_the_staged_file() {
    let test = full().stage();
    test.put("CanvOS/site.tgz", test.staged());
    test.put("CanvOS/.arg", "CLUSTERCONFIG=site.tgz\n");
    refused(
        &test,
        CLOUD,
        "T11",
        &["CLUSTERCONFIG names another file: `site.tgz`"],
    );
    test.run("check --offline")
        .stdout_has("cloud-image       site.tgz  CLUSTERCONFIG  `factory` as locked")
        .any_stderr()
        .fails(3);
}

#[test]
fn t12_an_earthfile_that_copies_nothing() {
    let test = full();
    let earthfile = EARTHFILE.replace("COPY overlay/files-iso/", "COPY overlay/files/");
    test.put(
        "CanvOS/Earthfile",
        earthfile.replace("$CLUSTERCONFIG\"", "user-data\""),
    );
    let said = [
        "the Earthfile does not copy the staged files",
        "use a CanvOS",
    ];
    refused(&test, "", "T12", &said);
    refused(&test, CLOUD, "T12", &said);
    warned(&test, MAAS, "T12", &said);
}

/// If only a run can decide whether a copy runs, it is not assumed to run.
#[test]
fn t12_a_copy_that_may_not_run() {
    let test = full();
    let copy = "    COPY overlay/files-iso/ /overlay/\n";
    let maybe = format!("    IF [ -f user-data ]\n    {copy}    END\n");
    let earthfile = EARTHFILE
        .replace(copy, &maybe)
        .replace("$CLUSTERCONFIG\"", "user-data\"");
    test.put("CanvOS/Earthfile", earthfile);
    refused(
        &test,
        "",
        "T12",
        &["cannot determine what the Earthfile embeds"],
    );
}

#[test]
fn t13_a_raw_image_never_carries_it() {
    let test = full();
    refused(
        &test,
        "--target kairos-raw-image",
        "T13",
        &["never contains", "`+maas-image`"],
    );
    silent(&test, "", "T13");
}
