//! `rehearse` with a build command that edgestage does not know, so that it may build any target.

use crate::build::program;
use crate::checkout::{builds_with, full};
use crate::rehearsal::{nothing_is_left, rehearse};
use crate::support::Test;

/// An earthly that builds a target, for which it runs what marks its build. Then it exports the
/// record, to `DIRECTORY/` in artifact mode. Of `+images` and `+all`, which cannot be reduced,
/// there is none.
const EARTHLY_BY_TARGET: &str = r#"#!/bin/sh
echo "this is earthly $*" >> "$LOG"
to=.edgestage-rehearsal/ spc=spc.tgz
for word; do
  case "$word" in
    --strict) echo 'Error: apply LOCALLY: LOCALLY cannot be used when --strict is specified'; exit 1 ;;
    --no-output) to= ;;
    --CLUSTERCONFIG=*) spc=${word#*=} ;;
    +*/edge.iso) echo "Error: build target: cannot save artifact $word, since it does not exist"; exit 1 ;;
    +iso*) target=build-iso ;;
    +*) target=${word#+} ;;
    */) to=$word ;;
  esac
done
grep -q "COPY (./.edgestage-rehearsal+built/mark --target=$target)" Earthfile || exit 0
sed -n 's/^ *RUN --no-cache //p' .edgestage-rehearsal/Earthfile > "$LOG.mark"
(cd .edgestage-rehearsal && target=$target sh -e "$LOG.mark") || exit 1
if [ -n "$to" ] && [ "$target" = build-iso ]; then
  read mark target < .edgestage-rehearsal/mark-build-iso
  mkdir -p "$to"
  { echo "edgestage-rehearsal build-iso"
    echo "o file $(stat -c %s $spc) $(sha256sum $spc | cut -d ' ' -f 1) /overlay/opt/spectrocloud/clusterconfig/spc.tgz"
    echo "x mark $mark"; printf "value-set $spc"; } > "$to/edgestage-rehearsal-$mark"
fi
"#;
/// Like targets of CanvOS, of which no ISO is made.
const IMAGES: &str = "
images:
    ARG TARGET=provider-image
    BUILD +$TARGET --K8S_VERSION=1

all:
    BUILD +images
    BUILD +iso
";

/// What `make` runs is only known when it has run. A target that no rehearsal can follow is no
/// obstacle unless it is built.
#[test]
fn a_command_that_may_build_any_target() {
    let test = full().stage();
    program(&test, "bin/earthly", EARTHLY_BY_TARGET);
    let text = test.text("CanvOS/Earthfile");
    test.put("CanvOS/Earthfile", format!("{text}{IMAGES}"));
    test.put(
        "CanvOS/Makefile",
        "iso:\n\tearthly +iso\nall:\n\tearthly +all\nboth:\n\tearthly +iso\n\t-@earthly +images >/dev/null\n",
    );
    let make = |target: &str| {
        builds_with(&test, &["make", target]);
        rehearse(&test, "")
    };
    make("iso")
        .stdout_has("`factory` as locked")
        .stderr_has("Rehearsing factory: make iso")
        .success();
    for target in ["all", "both"] {
        make(target)
            .stdout_has("unknown")
            .stderr_has("error[rehearsal-unjudged]")
            .stderr_has("of the Earthfile: `BUILD +$TARGET --K8S_VERSION=1`")
            .fails(1);
    }
    nothing_is_left(&test);
}

/// A build command, and a recipe of `make` that it runs.
fn made(recipe: &str) -> Test {
    let test = full().stage();
    program(&test, "bin/earthly", EARTHLY_BY_TARGET);
    let text = test.text("CanvOS/Earthfile");
    test.put("CanvOS/Earthfile", format!("{text}{IMAGES}"));
    test.put("CanvOS/other.tgz", "another archive");
    let recipe = recipe.replace('\n', "\n\t");
    test.put("CanvOS/Makefile", format!("image:\n\t{recipe}\n"));
    builds_with(&test, &["make", "image"]);
    test
}

/// All records in the copy count, wherever the build program exports them.
#[test]
fn an_artifact_is_judged_where_it_is() {
    let exported = "earthly -a +iso/* elsewhere/deep/";
    rehearse(&made(exported), "")
        .stdout_has("`factory` as locked")
        .any_stderr()
        .success();
    let test = made(&format!(
        "earthly +iso\n{exported} --CLUSTERCONFIG=other.tgz"
    ));
    rehearse(&test, "")
        .stdout_has("`other.tgz`")
        .error("rehearsal-refused")
        .fails(3);
    nothing_is_left(&test);
    // A record that the checkout has is not of this run.
    let test = made("earthly +iso");
    let record =
        "edgestage-rehearsal build-iso\no absent /overlay\nx mark edgestage-built-Ab3dEf9h\nvalue ";
    test.put("CanvOS/old/edgestage-rehearsal-1", record);
    rehearse(&test, "-q").any_stdout().success();
}

/// Nothing is known of a build whose record does not arrive, whatever another build of the same
/// command does.
#[test]
fn a_build_without_a_record_is_unjudged() {
    for recipe in [
        "earthly -a +iso/* {out}/ --CLUSTERCONFIG=other.tgz >/dev/null",
        "earthly --no-output +iso --CLUSTERCONFIG=other.tgz >/dev/null",
        "earthly -a +iso/* elsewhere/ --CLUSTERCONFIG=other.tgz\nrm -r elsewhere",
        // Another copy of the tree.
        "cp -r . {out}/copy; cd {out}/copy; earthly +iso --CLUSTERCONFIG=other.tgz >/dev/null",
        // On another host, of which only the output is seen.
        ":; echo '.edgestage-rehearsal+built | edgestage-built-Ab3dEf9h build-iso'",
    ] {
        for first in ["", "earthly +iso\n"] {
            let out = tempfile::tempdir().unwrap();
            let recipe = recipe.replace("{out}", out.path().to_str().unwrap());
            let test = made(&format!("{first}{recipe}"));
            rehearse(&test, "")
                .stdout_has("unknown")
                .stderr_has("error[rehearsal-unjudged]")
                .stderr_has("note: the build command built `+build-iso` of the copy, but the result did not arrive there")
                .fails(1);
            nothing_is_left(&test);
        }
    }
}

/// A reduced target does not have the artifact that the real one has, so this is no failure of
/// the build, not even beside what looks like one.
#[test]
fn an_artifact_that_a_reduced_target_does_not_have() {
    let recipe = "@echo '+iso *failed* | x'; earthly -a +iso/edge.iso build/";
    for first in ["", "earthly +iso\n"] {
        rehearse(&made(&format!("{first}{recipe}")), "")
            .stdout_has("unknown")
            .stderr_has("error[rehearsal-unjudged]")
            .stderr_has(
                "note: `make` exports an artifact that the build makes and a rehearsal does not",
            )
            .fails(1);
    }
}

/// With `--strict`, nothing can be marked; such a build may fail here without consequences.
#[test]
fn a_command_that_allows_no_marks() {
    for recipe in [
        "earthly --strict +iso",
        "earthly +iso\n-earthly --strict +iso",
    ] {
        rehearse(&made(recipe), "")
            .stdout_has("unknown")
            .stderr_has("error[rehearsal-unjudged]")
            .stderr_has("note: `make` uses `--strict` or `--ci`")
            .fails(1);
    }
}

/// An Earthfile that is not reduced marks nothing.
#[test]
fn a_build_of_another_tree_is_unjudged() {
    for (recipe, note) in [
        (
            "@:; printf '  \\033[36m./tools+image\\033[0m | --> RUN make\\n'",
            "note: the build command also built `./tools+image` of an Earthfile that is not the one of the copy",
        ),
        (
            "mkdir -p {dir}/CanvOS/build; cp spc.tgz {dir}/CanvOS/build/x.iso",
            "note: `make` ran in the copy of the checkout but wrote to `build/` of the checkout",
        ),
    ] {
        let test = made(&format!("earthly +iso\n{recipe}"));
        let site = test.site().to_str().unwrap().to_owned();
        let text = test.text("CanvOS/Makefile").replace("{dir}", &site);
        test.put("CanvOS/Makefile", text);
        rehearse(&test, "")
            .stdout_has("unknown")
            .stderr_has("error[rehearsal-unjudged]")
            .stderr_has(note)
            .fails(1);
    }
}
