//! `build` rehearses first: what a rehearsal finds decides whether the build starts.

use crate::build::{EARTHLY, build, program, with_earthly};
use crate::checkout::builds_with;
use crate::rehearsal::nothing_is_left;
use crate::support::Test;

/// Copies nothing in a rehearsal, and would build a good image.
fn copying_nothing() -> String {
    EARTHLY.replace(
        "cp -r overlay/files-iso/. root/\n",
        "[ -n \"$EDGESTAGE_REHEARSAL\" ] && CLUSTERCONFIG=nothing || cp -r overlay/files-iso/. root/\n",
    )
}

/// Says this in a rehearsal, and then fails.
fn saying(words: &str) -> String {
    EARTHLY.replace(
        ". ./.arg\n",
        &format!("if [ -n \"$EDGESTAGE_REHEARSAL\" ]; then echo '{words}'; exit 1; fi\n. ./.arg\n"),
    )
}

/// The build did not start, and nothing of the rehearsal is left.
#[track_caller]
fn was_not_built(test: &Test) {
    assert!(!test.path("CanvOS/build").exists());
    assert!(!test.path("CanvOS/seen.env").exists());
    nothing_is_left(test);
}

#[test]
fn a_build_that_would_not_embed_the_definition_does_not_start() {
    let test = with_earthly(&copying_nothing());
    build(&test, "")
        .stderr_has("Staged factory")
        .stderr_has("Rehearsing factory: earthly --allow-privileged +iso\n")
        .warning("forecast-differs")
        .error("rehearsal-refused")
        .stderr_has("the image of `+iso` will contain no definition")
        .stderr_has("the build was not started; `--no-rehearsal` starts it without a rehearsal")
        .fails(3);
    was_not_built(&test);
    let run = build(&test, "--json").any_stdout().any_stderr();
    let json = run.fails(3).json();
    assert_eq!(json["rehearsal"][0]["verdict"], "nothing");
    assert_eq!(json["rehearsal"][0]["definition"], "factory");
    assert_eq!(json["images"], serde_json::json!([]));
    assert_eq!(json["error"]["code"], "rehearsal-refused");
    // A build that fails in the rehearsal fails early.
    program(&test, "bin/earthly", &saying("Error: no such thing"));
    build(&test, "")
        .warning("forecast-differs")
        .error("rehearsal-refused")
        .stderr_has("the build will fail")
        .stderr_has("Error: no such thing")
        .fails(3);
    was_not_built(&test);
}

#[test]
fn a_build_without_a_rehearsal() {
    let test = with_earthly(&copying_nothing());
    let as_locked = "{dir}/CanvOS/build/installer.iso  as locked\n";
    let run = build(&test, "--no-rehearsal").stdout(as_locked);
    let said = run.stderr_has("Building factory").success();
    assert!(!said.stderr.contains("Rehearsing"), "{}", said.stderr);
    let manifest = test.text("profiles.toml");
    let line = "dir = \"CanvOS\"\nrehearse = false\n";
    test.put(
        "profiles.toml",
        manifest.replace("dir = \"CanvOS\"\n", line),
    );
    let run = build(&test, "--json").any_stdout().any_stderr();
    assert_eq!(run.success().json()["rehearsal"], serde_json::json!([]));
}

/// What says nothing about the build does not keep it from starting.
#[test]
fn a_build_starts_without_a_verdict() {
    let test = with_earthly(&saying("Error: Is the docker daemon running?"));
    build(&test, "")
        .stdout_has("installer.iso  as locked")
        .warning("rehearsal-not-run")
        .stderr_has("`earthly` could not run the rehearsal")
        .stderr_has("the build starts without a verdict; edgestage verifies its image afterwards")
        .success();
    // An Earthfile that cannot be reduced.
    let test = with_earthly(EARTHLY);
    let earthfile = test.text("CanvOS/Earthfile");
    let copy = "    COPY overlay/files-iso/ /overlay/\n";
    assert!(earthfile.contains(copy));
    let changed = earthfile.replace(copy, &format!("{copy}    RUN rm -rf /overlay/opt\n"));
    test.put("CanvOS/Earthfile", changed);
    build(&test, "")
        .stdout_has("installer.iso  as locked")
        .warning("rehearsal-unjudged")
        .stderr_has("RUN rm -rf /overlay/opt")
        .success();
    nothing_is_left(&test);
}

/// The program is missing for the build, too: one message is enough.
#[test]
fn a_program_that_is_missing_is_said_once() {
    let test = crate::checkout::full();
    builds_with(&test, &["./none.sh"]);
    let said = build(&test, "")
        .warning("T38")
        .error("build-not-started")
        .fails(1);
    assert!(
        !said.stderr.contains("for the rehearsal"),
        "{}",
        said.stderr
    );
}

/// `--allow` accepts what the forecast and the rehearsal agree on, and nothing else.
#[test]
fn an_allowed_trap_does_not_end_the_build() {
    let test = with_earthly(EARTHLY);
    let run = build(&test, "-- +kairos-raw-image").error("T13");
    run.fails(3);
    let run = build(&test, "--allow T13 -- +kairos-raw-image").any_stdout();
    run.warning("T13")
        .warning("rehearsal-refused")
        .stderr_has("the build starts, since `check` forecasts this and its trap is allowed")
        .stderr_has("Building factory")
        .success();
    program(&test, "bin/earthly", &copying_nothing());
    build(&test, "--allow T13")
        .warning("forecast-differs")
        .error("rehearsal-refused")
        .fails(3);
}

/// Each definition of a fleet is rehearsed after it is staged, also in one checkout.
#[test]
fn definitions_that_share_a_checkout() {
    let test = with_earthly(EARTHLY);
    let manifest = test.text("profiles.toml");
    let store = "[definition.store]\nprofiles = [\"edge-infra@2.1.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{store}"));
    let run = build(&test, "factory store --json")
        .any_stdout()
        .any_stderr();
    let json = run.success().json();
    for (at, name) in ["factory", "store"].iter().enumerate() {
        assert_eq!(json["rehearsal"][at]["definition"], *name);
        assert_eq!(json["rehearsal"][at]["verdict"], "as-locked");
        assert_eq!(json["images"][at]["verdict"], "as-locked");
    }
}
