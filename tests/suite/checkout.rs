//! A checkout with all of CanvOS's targets, and checks of the messages about its traps.

use crate::support::Test;

/// A test whose checkout has every target.
pub fn full() -> Test {
    let test = Test::new();
    fill(&test, "CanvOS");
    test
}

/// The same, with these lines in `.arg`.
pub fn with_arg(text: &str) -> Test {
    let test = full();
    test.put("CanvOS/.arg", text);
    test
}

/// Sets the build command of `profiles.toml`.
pub fn builds_with(test: &Test, command: &[&str]) {
    let text = test.text("profiles.toml");
    let lines = text.lines().filter(|line| !line.starts_with("build = "));
    let build = format!("dir = \"CanvOS\"\nbuild = {command:?}\n");
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    test.put("profiles.toml", text.replace("dir = \"CanvOS\"\n", &build));
}

/// Adds to the checkout `name` what its builds need to have every target.
pub fn fill(test: &Test, name: &str) {
    for (path, text) in [
        ("Earthfile", EARTHFILE),
        (
            "earthly.sh",
            "if [ \"$1\" = \"+maas-image\" ]; then\n    :\nfi\n",
        ),
        ("cloudconfigs/build-kairos-maas.sh", "#!/bin/sh\n"),
    ] {
        test.put(&format!("{name}/{path}"), text);
    }
}

/// Checks that `stage` and `check` for these targets (`--target …`) fail, name the trap, print
/// all these texts, and change nothing. With `--allow`, the trap is a warning.
#[track_caller]
pub fn refused(test: &Test, targets: &str, id: &str, said: &[&str]) {
    let error = format!("error[{id}]: ");
    let downloads = test.downloads();
    for command in ["stage", "check --offline"] {
        let run = test.run(&format!("{command} {targets}")).any_stdout();
        let run = run.stderr_has(&error).stderr_has("help: ").keeps_files();
        said.iter()
            .fold(run, |run, text| run.stderr_has(text))
            .fails(3);
    }
    assert_eq!(test.downloads(), downloads);
    let run = test.run(&format!("check --offline {targets} --allow {id}"));
    let done = run
        .any_stdout()
        .stderr_has(&format!("warning[{id}]: "))
        .stderr_has("accepted because `--allow` or `allow` names it")
        .success();
    done.says(&error, 0);
}

/// Checks that `stage` and `check` for these targets name the trap, print all these texts, and
/// continue.
#[track_caller]
pub fn warned(test: &Test, targets: &str, id: &str, said: &[&str]) {
    for command in ["check --offline", "stage"] {
        let run = test.run(&format!("{command} {targets}")).any_stdout();
        let run = run
            .stderr_has(&format!("warning[{id}]: "))
            .stderr_has("help: ");
        let run = said.iter().fold(run, |run, text| run.stderr_has(text));
        run.success().says("error[", 0);
    }
    test.run("verify").any_stdout().success();
    test.run("unstage -q").any_stdout().success();
}

/// Checks that `check` for these targets does not mention the trap.
#[track_caller]
pub fn silent(test: &Test, targets: &str, id: &str) {
    let run = test.run(&format!("check --offline {targets}"));
    let done = run.any_stdout().any_stderr().success();
    done.says(&format!("[{id}]"), 0);
}

/// The parts of CanvOS's Earthfile that handle a definition, in upstream's wording.
pub const EARTHFILE: &str = r#"VERSION --arg-scope-and-set --shell-out-anywhere 0.6
ARG CLUSTERCONFIG
ARG ARCH
ARG IS_UKI=false
FROM alpine
uki-iso:
    COPY +build-uki-iso/ .

build-uki-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ "$CLUSTERCONFIG" != "" ]
        COPY --if-exists "$CLUSTERCONFIG" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
    RUN enki build-uki dir:/build/image --overlay-iso /overlay -t iso

iso:
    IF [ "$IS_UKI" = "true" ]
        COPY +build-uki-iso/ .
    ELSE
        COPY +build-iso/ .
    END

build-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ "$CLUSTERCONFIG" != "" ]
        COPY --if-exists "$CLUSTERCONFIG" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
    RUN CMD="auroraboot" && \
        $CMD build-iso --overlay-iso /overlay --arch amd64 dir:/build/image

cloud-image:
    COPY --if-exists "$CLUSTERCONFIG" /workdir/spc.tgz

iso-disk-image:
    COPY +iso/*.iso /disk/

kairos-raw-image:
    RUN auroraboot
"#;
