//! The traps of CanvOS in how a build is started, in its files and in its environment; `tNN_…`
//! is about trap TNN. The first traps are in `traps.rs`.

use std::fs;

use crate::checkout::{EARTHFILE, builds_with, full, refused, silent, warned, with_arg};
use crate::support::Test;

const CLOUD: &str = "--target cloud-image";
const MAAS: &str = "--target maas-image";

/// `earthly.sh` passes nothing on for a MAAS image, which gets what is staged.
#[test]
fn t14_an_argument_that_a_maas_image_ignores() {
    let test = full();
    // The stand-in for `earthly.sh` is not a program: no build comes of it.
    test.run("build -- +maas-image --CLUSTERCONFIG=spc.tgz")
        .warning("T15")
        .warning("T14")
        .warning("rehearsal-unjudged")
        .error("build-not-started")
        .stderr_has("`earthly.sh +maas-image` ignores the argument CLUSTERCONFIG")
        .stderr_has("note: a MAAS image always gets the staged `spc.tgz`")
        .stderr_has("help: remove it")
        .stderr_has("Staged factory")
        .fails(1);
}

#[test]
fn t15_a_value_from_the_environment() {
    let test = full().write("CanvOS/other.tgz", "other");
    for list in [
        "CLUSTERCONFIG=other.tgz",
        "A=1,CLUSTERCONFIG=spc.tgz, CLUSTERCONFIG=other.tgz,B=2",
    ] {
        let run = test.run("stage").env("EARTHLY_BUILD_ARGS", list);
        run.stderr_has("warning[T15]: CLUSTERCONFIG is `other.tgz`, from `EARTHLY_BUILD_ARGS`")
            .stderr_has("error[T11]: CLUSTERCONFIG names another file: `other.tgz`")
            .stderr_has("remove it, and write")
            .keeps_files()
            .fails(3);
    }
    let run = test.run("check --offline --json").any_stderr();
    let run = run.env("EARTHLY_BUILD_ARGS", "CLUSTERCONFIG=spc.tgz");
    let json = run.any_stdout().success().json();
    let seen = &json["checkouts"][0]["clusterconfig"];
    assert_eq!(seen["value"], "spc.tgz");
    assert_eq!(seen["from"], "`EARTHLY_BUILD_ARGS`");
}

/// Earthly does not use a plain variable as an argument; the MAAS script does if `.arg` has
/// none.
#[test]
fn t15_a_variable_that_is_none_of_earthlys() {
    let test = full().write("CanvOS/other.tgz", "other");
    let run = test.run("stage -q").env("CLUSTERCONFIG", "other.tgz");
    run.any_stdout().success();
    let run = test.run("stage").env("CLUSTERCONFIG", "other.tgz");
    run.any_stdout().stderr("   Unchanged factory\n").success();
    test.forget_staged();
    test.put("CanvOS/.arg", "A=1\n");
    let run = test
        .run("check --offline")
        .env("CLUSTERCONFIG", "other.tgz");
    let run = run.stdout_has("maas-image        other.tgz  CLUSTERCONFIG  no definition");
    run.any_stderr().success();
}

#[test]
fn t16_another_file_of_arguments() {
    let test = full()
        .write("CanvOS/ci.arg", "CLUSTERCONFIG=other.tgz\n")
        .write("CanvOS/other.tgz", "other");
    // The script passes the variable on to nobody.
    let run = test.run("check --offline").any_stdout().any_stderr();
    let done = run.env("EARTHLY_ARG_FILE_PATH", "ci.arg").success();
    done.says("T16", 0);
    builds_with(&test, &["earthly", "+iso"]);
    let run = test.run("stage").env("EARTHLY_ARG_FILE_PATH", "ci.arg");
    run.warning("T16")
        .warning("T15")
        .error("T11")
        .stderr_has("`EARTHLY_ARG_FILE_PATH` makes the build read `")
        .stderr_has("CanvOS/ci.arg:1:1")
        .keeps_files()
        .fails(3);
    let run = test.run("check --offline").any_stdout();
    let run = run.env("EARTHLY_ARG_FILE_PATH", "none.arg");
    run.warning("T15")
        .error("T16")
        .stderr_has("the build fails at once: ")
        .stderr_has("none.arg`, which does not exist")
        .stdout_has("the build fails")
        .fails(3);
}

/// Both programs load `.env` from the directory in which they start.
#[test]
fn t15_a_value_from_dotenv() {
    let test = full().write("CanvOS/other.tgz", "other");
    test.put(
        "CanvOS/.env",
        "EARTHLY_BUILD_ARGS=CLUSTERCONFIG=other.tgz\n",
    );
    refused(
        &test,
        "",
        "T11",
        &["warning[T15]: CLUSTERCONFIG is `other.tgz`, from `EARTHLY_BUILD_ARGS` of line 1 of `"],
    );
    test.put("CanvOS/.env", "bad line\n");
    refused(&test, "", "T17", &["CanvOS/.env` cannot be parsed: line 1"]);
    // A name of EarthBuild's counts for that alone.
    test.put("CanvOS/.env", "EARTH_BUILD_ARGS=CLUSTERCONFIG=other.tgz\n");
    builds_with(&test, &["earthly", "+iso"]);
    warned(
        &test,
        "",
        "T15",
        &["`earth` would build something else: its `+iso` embeds `other.tgz`"],
    );
    builds_with(&test, &["earth", "+iso"]);
    refused(&test, "", "T11", &["from `EARTH_BUILD_ARGS`"]);
}

/// The command of profiles.toml is interpreted as `build` would run it.
#[test]
fn t15_a_value_in_the_build_command() {
    let test = full().write("CanvOS/other.tgz", "other");
    for command in [
        &["earthly", "+iso", "--CLUSTERCONFIG=other.tgz"][..],
        &[
            "earthly",
            "--build-arg",
            "A=1,CLUSTERCONFIG=other.tgz",
            "+iso",
        ],
        &["sh", "-c", "earthly +iso --CLUSTERCONFIG other.tgz"],
    ] {
        builds_with(&test, command);
        refused(
            &test,
            "",
            "T11",
            &["warning[T15]: CLUSTERCONFIG is `other.tgz`, from "],
        );
    }
    builds_with(&test, &["earthly", "+iso", "--CLUSTERCONFIG"]);
    refused(
        &test,
        "",
        "T15",
        &["the build argument `--CLUSTERCONFIG` has no value"],
    );
}

#[test]
fn t20_a_remote_target() {
    let test = full();
    builds_with(&test, &["earthly", "github.com/spectrocloud/CanvOS+iso"]);
    refused(
        &test,
        "",
        "T20",
        &[
            "the build uses a target of a git repository",
            "that build does not contain",
        ],
    );
}

#[test]
fn t22_a_build_that_writes_nothing() {
    let test = full();
    for flag in ["--ci", "--no-output"] {
        builds_with(&test, &["earthly", flag, "+iso"]);
        refused(
            &test,
            "",
            "T22",
            &[
                "the build writes no image",
                "an image from an earlier build stays in place",
            ],
        );
    }
    builds_with(&test, &["earthly", "--ci", "--output", "+iso"]);
    silent(&test, "", "T22");
    builds_with(&test, &["./earthly.sh", "+iso"]);
    test.put("CanvOS/.env", "EARTHLY_CI=true\n");
    refused(&test, "", "T22", &["`EARTHLY_CI`"]);
}

#[test]
fn t38_a_command_that_is_not_read() {
    let test = full();
    builds_with(&test, &["make", "iso"]);
    warned(
        &test,
        "",
        "T38",
        &[
            "edgestage does not know what `make` passes to the build",
            "edgestage verify --image",
        ],
    );
}

#[test]
fn t42_a_definition_in_a_content_directory() {
    let test = with_arg("CLUSTERCONFIG=typo.tgz\n").write("CanvOS/content-1/spc.tgz", "other");
    let earthfile = test.text("CanvOS/Earthfile").replace(
        "cloud-image:\n",
        "cloud-image:\n    COPY --if-exists content-*/ /workdir/\n",
    );
    test.put("CanvOS/Earthfile", earthfile);
    test.run(&format!("check --offline {CLOUD}"))
        .stdout_has("content-1/spc.tgz  content  no definition")
        .error("T1")
        .error("T42")
        .stderr_has("`content-1/spc.tgz`")
        .keeps_files()
        .fails(3);
    test.put("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");
    silent(&test, CLOUD, "T42");
}

#[test]
fn t16_a_file_of_the_wrong_name() {
    let test = full();
    let [from, to] = ["CanvOS/.arg", "CanvOS/.args"].map(|path| test.path(path));
    fs::rename(from, to).unwrap();
    warned(
        &test,
        "",
        "T16",
        &["`.args`, which no build reads", "rename it to `.arg`"],
    );
}

#[test]
fn t17_lines_that_only_one_of_two_parsers_reads() {
    for (text, said) in [
        (
            "A=1\r\nCLUSTERCONFIG=spc.tgz\r\n",
            "reads `spc.tgz\\r`, but Earthly reads `spc.tgz`",
        ),
        (
            "CLUSTERCONFIG = spc.tgz\n",
            "reads nothing, but Earthly reads `spc.tgz`",
        ),
        ("CLUSTERCONFIG: spc.tgz\n", "reads nothing, but Earthly"),
        (
            "A=1\r\nCLUSTERCONFIG=spc.tgz\n",
            "reads `.arg` differently from Earthly",
        ),
    ] {
        let test = with_arg(text);
        warned(&test, MAAS, "T17", &[said, "end lines with a newline only"]);
        warned(&test, CLOUD, "T17", &[said, "CanvOS/.arg:"]);
        silent(
            &with_arg("A=1\nCLUSTERCONFIG='spc.tgz' # this\n"),
            MAAS,
            "T17",
        );
    }
}

/// No build begins with such a file.
#[test]
fn t17_a_file_that_earthly_refuses() {
    for (text, said, line) in [
        ("unset A\n", "the line has no `=`", 2),
        ("NO-PROXY=x\n", "`-` cannot be part of a name", 2),
        ("A=\"x\n", "this quote is never closed", 2),
        ("A=1\nexport ", "nothing follows `export`", 3),
    ] {
        let test = with_arg(&format!("CLUSTERCONFIG=spc.tgz\n{text}"));
        let place = format!("CanvOS/.arg:{line}:");
        let said = ["Earthly cannot read", said, &place, "correct this line"];
        for target in [CLOUD, MAAS, ""] {
            refused(&test, target, "T17", &said);
        }
        // Nothing is said of values that nobody reads.
        let run = test.run("check --offline").any_stdout().any_stderr();
        run.fails(3).says("[T2]", 0);
    }
    let test = with_arg("\u{feff}CLUSTERCONFIG=spc.tgz\n");
    let said = "a byte order mark cannot be part of a name";
    refused(&test, CLOUD, "T17", &[said, "CanvOS/.arg:1:1"]);
}

/// A possible secret is not in any message.
#[test]
fn t17_a_refused_line_is_not_shown() {
    let test = with_arg("KEY=-----BEGIN-----\nhunter2hunter2\n-----END-----\n");
    let run = test
        .run("check --offline")
        .any_stdout()
        .error("T17")
        .stderr_has("T17");
    run.fails(3).says("hunter2", 0);
}

#[test]
fn t18_two_assignments() {
    let test = with_arg("CLUSTERCONFIG=other.tgz\nA=1\nCLUSTERCONFIG=spc.tgz\n");
    let said = [
        "sets CLUSTERCONFIG more than once",
        "CanvOS/.arg:1:1",
        "line 3 takes effect",
        "remove",
    ];
    warned(&test, CLOUD, "T18", &said);
    let test = with_arg("CLUSTERCONFIG=spc.tgz\nCLUSTERCONFIG=typo.tgz\n");
    refused(&test, CLOUD, "T1", &["CanvOS/.arg:2:1"]);
}

#[test]
fn t21_an_archive_that_git_would_take() {
    for rules in [
        "",
        "build/\n*.arg\n",
        "/spc.tgz\n",
        "spc.tgz\n!spc.tgz\n",
        "#spc.tgz\n",
    ] {
        let test = full().write("CanvOS/.gitignore", rules);
        fs::create_dir(test.path("CanvOS/.git")).unwrap();
        warned(
            &test,
            "",
            "T21",
            &["git does not ignore `", "`.git/info/exclude`"],
        );
        // The fix is one.
        test.put("CanvOS/.git/info/exclude", "spc.tgz\n");
        if !rules.contains('!') {
            silent(&test, "", "T21");
        }
    }
    for rules in [
        "spc.tgz\n",
        "*.tgz\n",
        "**/spc.tgz\n",
        "/spc.tgz\nclusterconfig/\n",
    ] {
        let test = full().write("CanvOS/.gitignore", rules);
        fs::create_dir(test.path("CanvOS/.git")).unwrap();
        silent(&test, "", "T21");
    }
    silent(&full().write("CanvOS/.gitignore", ""), "", "T21");
}

/// In a worktree, `.git` is a file, and the ignore rules are in the clone's directory.
#[test]
fn t21_in_a_worktree() {
    let test = full().write("CanvOS/.git", "gitdir: ../clone/.git/worktrees/site\n");
    test.put("CanvOS/.gitignore", "");
    test.put("clone/.git/worktrees/site/commondir", "../..\n");
    warned(&test, "", "T21", &["git does not ignore `"]);
    test.put("clone/.git/info/exclude", "spc.tgz\n");
    silent(&test, "", "T21");
}

#[test]
fn t23_a_tool_that_never_sees_the_overlay() {
    let test = full();
    let call = "build-iso --overlay-iso /overlay --arch amd64 dir:/build/image";
    let wrong = EARTHFILE.replace(call, "build-iso dir:/build/image --overlay-iso /overlay");
    test.put("CanvOS/Earthfile", &wrong);
    // The call stands in the second line of its command.
    let line = 1 + wrong
        .lines()
        .position(|line| line.contains("$CMD build-iso dir:"))
        .unwrap();
    let place = format!("CanvOS/Earthfile:{line}:9");
    let said = [
        "an ISO without its overlay",
        &place,
        "in which `dir:…` comes last",
    ];
    refused(&test, "", "T23", &said);
    refused(&test, "--target iso-disk-image", "T23", &said);
    warned(&test, "--target uki-iso", "T23", &said);
    warned(&test, CLOUD, "T23", &said);
    // Where it makes the other image, that one has its overlay.
    let test = with_arg("IS_UKI=true\nCLUSTERCONFIG=spc.tgz\n");
    test.put("CanvOS/Earthfile", &wrong);
    silent(&test, "", "T23");
}

/// Blocks for an architecture that is not built do no harm. The architecture may come from the
/// build.
#[test]
fn t23_for_one_architecture() {
    let call = "RUN CMD=\"auroraboot\" && \\\n        \
                $CMD build-iso --overlay-iso /overlay --arch amd64 dir:/build/image\n";
    assert!(EARTHFILE.contains(call));
    let both = format!(
        "IF [ \"$ARCH\" = \"arm64\" ]\n        RUN auroraboot build-iso dir:/b --overlay-iso /overlay\n    \
         ELSE IF [ \"$ARCH\" = \"amd64\" ]\n        {call}    END\n"
    );
    let text = EARTHFILE.replace(call, &both);
    for (arch, harmed) in [("ARCH=amd64\n", false), ("ARCH=arm64\n", true)] {
        let test = with_arg(&format!("{arch}CLUSTERCONFIG=spc.tgz\n"));
        test.put("CanvOS/Earthfile", &text);
        if harmed {
            refused(&test, "", "T23", &["dir:/b --overlay-iso"]);
        } else {
            silent(&test, "", "T23");
            let run = test.run("check --offline").any_stdout();
            let run = run.env("EARTHLY_BUILD_ARGS", "ARCH=arm64");
            run.warning("T29").error("T23").fails(3);
        }
    }
    // For no other architecture an ISO is made, and the build misses it.
    for (arch, said) in [
        (
            "",
            "ARCH is not set, and the Earthfile builds no ISO without it",
        ),
        (
            "ARCH=s390x\n",
            "ARCH is `s390x`, for which the Earthfile builds no ISO",
        ),
    ] {
        let test = with_arg(&format!("{arch}CLUSTERCONFIG=spc.tgz\n"));
        test.put("CanvOS/Earthfile", &text);
        refused(&test, "", "T29", &[said, "the build stops with an error"]);
    }
}

/// Files that a tool did not see may be added to the ISO afterwards.
#[test]
fn t23_an_overlay_that_is_laid_over_later() {
    let test = full();
    let call = "build-iso --overlay-iso /overlay --arch amd64 dir:/build/image";
    let later = "build-iso dir:/build/image --overlay-iso /overlay\n    \
                 RUN xorriso -indev a.iso -outdev a.iso \\\n        -map /overlay / -boot_image any replay";
    test.put("CanvOS/Earthfile", EARTHFILE.replace(call, later));
    silent(&test, "", "T23");
    let run = test.run("check --offline --target iso").any_stderr();
    run.stdout_has("iso     -       -     nothing").success();
    test.run("stage -q").any_stdout().success();
    let run = test.run("check --offline --target iso").any_stderr();
    run.stdout_has("spc.tgz  CLUSTERCONFIG  `factory` as locked")
        .success();
}

#[test]
fn t24_an_empty_file() {
    let test = with_arg("CLUSTERCONFIG=empty.tgz\n").write("CanvOS/empty.tgz", "");
    refused(
        &test,
        CLOUD,
        "T24",
        &["names an empty file: `empty.tgz`", "no content partition"],
    );
    refused(&test, "", "T24", &["`+iso`"]);
    warned(&test, MAAS, "T24", &[]);
}

#[test]
fn t28_a_content_bundle_in_a_maas_image() {
    let test = full().write("CanvOS/content-3f2a/core.zst", "bundle");
    warned(
        &test,
        MAAS,
        "T28",
        &["`content-3f2a` goes into a MAAS image", "test the image"],
    );
    for path in ["content/core.tar", "content/a/b/core.zst"] {
        let test = full().write(&format!("CanvOS/{path}"), "bundle");
        warned(&test, MAAS, "T28", &["`content` goes into a MAAS image"]);
    }
    for path in ["content-3f2a/Readme.txt", "contents/core.zst"] {
        let test = full().write(&format!("CanvOS/{path}"), "none");
        silent(&test, MAAS, "T28");
    }
}

#[test]
fn t29_an_architecture() {
    let test = with_arg("ARCH=arm64\nCLUSTERCONFIG=spc.tgz\n");
    warned(
        &test,
        MAAS,
        "T29",
        &[
            "ARCH is `arm64`: a MAAS image is for amd64 only",
            "ARCH=amd64",
        ],
    );
    let test = with_arg("ARCH=x86_64\nCLUSTERCONFIG=spc.tgz\n");
    warned(
        &test,
        "",
        "T29",
        &[
            "ARCH is `x86_64`",
            "builds no ISO",
            "`ARCH=amd64` or `ARCH=arm64`",
        ],
    );
    silent(
        &with_arg("ARCH=amd64\nCLUSTERCONFIG=spc.tgz\n"),
        MAAS,
        "T29",
    );
    // An argument of the build counts more.
    let run = test.run("check --offline").any_stdout();
    let run = run.env("EARTHLY_BUILD_ARGS", "ARCH=riscv64");
    run.warning("T29").stderr_has("ARCH is `riscv64`").success();
}

/// One checkout holds one definition at a time.
#[test]
fn t30_two_definitions_of_one_checkout() {
    let test = full();
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    test.run("stage factory store")
        .error("T30")
        .stderr_has("`factory` and `store` cannot be staged together")
        .stderr_has("they share the checkout `{dir}/CanvOS`")
        .stderr_has("give each its own checkout")
        .keeps_files()
        .fails(2);
    assert_eq!(test.downloads(), 0);
}

/// The rest of a definition is detected if none is expected.
#[test]
fn t31_leftovers() {
    let test = full().stage();
    let run = test.run("verify --expect-none").any_stdout();
    run.error("staged-unexpected")
        .stderr_has("edgestage unstage")
        .fails(3);
    test.run("unstage -q").any_stdout().success();
    test.run("verify --expect-none").any_stdout().success();
}

/// A host with a file system that ignores case would find it.
#[test]
fn t32_upper_and_lower_case() {
    let cases = [
        ("SPC.tgz", "spc.tgz"),
        ("sites/Store.tgz", "sites/store.tgz"),
    ];
    for (value, meant) in cases {
        let test = with_arg(&format!("CLUSTERCONFIG={value}\n"));
        test.put("CanvOS/sites/store.tgz", "store");
        let said = format!("CLUSTERCONFIG is `{value}`, but the file is named `{meant}`");
        refused(
            &test,
            CLOUD,
            "T32",
            &[&said, "write `CLUSTERCONFIG=spc.tgz`"],
        );
        warned(&test, "", "T32", &[&said, "CanvOS/.arg:1:1"]);
    }
}

#[test]
fn t33_a_plus_sign() {
    let test = with_arg("CLUSTERCONFIG=sites+a/spc.tgz\n");
    refused(
        &test,
        "",
        "T33",
        &[
            "Earthly reads `+` as part of an artifact",
            "CanvOS/.arg:1:1",
        ],
    );
    refused(&test, CLOUD, "T33", &["`CLUSTERCONFIG=spc.tgz`"]);
    warned(&test, MAAS, "T33", &[]);
}

/// bash runs a command in the file, and Earthly uses its text as it is.
#[test]
fn t34_what_bash_runs() {
    for value in ["$(touch${IFS}run).tgz", "`touch run`.tgz"] {
        let test = with_arg(&format!("CLUSTERCONFIG={value}\n"));
        let said = [
            "`.arg` contains commands",
            "CanvOS/.arg:1:1",
            "Earthly does not run them",
        ];
        warned(&test, "", "T34", &said);
        assert!(!Test::path(&test, "CanvOS/run").exists());
    }
    let test = with_arg("CLUSTERCONFIG=$HOME/spc.tgz\n");
    warned(&test, "", "T3", &["CLUSTERCONFIG is `/spc.tgz`"]);
    warned(&test, "", "T17", &["but Earthly reads `/spc.tgz`"]);
}
