use super::*;

fn parsed(text: &str) -> Earthfile {
    Earthfile {
        text: text.to_owned(),
        maas: false,
        parsed: parse::parse(text),
    }
}

/// Returns the recipe of a target in a build with these arguments (`NAME=value`).
fn recipe(text: &str, target: &str, arguments: &[&str]) -> Recipe {
    let pairs = arguments.iter().filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(&str, &str)> = pairs.collect();
    let given = |name: &str| {
        let mut pairs = pairs.iter().rev();
        Some(pairs.find(|(key, _)| *key == name)?.1.to_owned())
    };
    parsed(text).recipe(target, &given)
}

/// Returns the copies in a few characters each: `o` is the overlay, `name` a file, `?` a path
/// that cannot be determined, and `~` precedes a copy that may not run.
fn copies(text: &str, target: &str, arguments: &[&str]) -> String {
    let copies = recipe(text, target, arguments).copies;
    let running = copies.iter().filter(|copy| copy.runs > Runs::No);
    let shown = running.map(|copy| {
        let maybe = if copy.runs == Runs::Maybe { "~" } else { "" };
        match &copy.source {
            Source::Overlay => format!("{maybe}o"),
            Source::Content => format!("{maybe}content"),
            Source::Path(Some(path)) => format!("{maybe}{path}"),
            Source::Path(None) => format!("{maybe}?"),
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

const ISO: &str = "VERSION 0.6\nARG CLUSTERCONFIG\nARG IS_UKI=false\n\
    iso:\n    IF [ \"$IS_UKI\" = \"true\" ]\n        COPY +build-uki-iso/ .\n    ELSE\n        \
    COPY --platform=linux/amd64 +build-iso/ .\n    END\n\
    build-iso:\n    COPY overlay/files-iso/ /overlay/\n    \
    COPY --if-exists +validate-user-data/user-data /overlay/config.yaml\n    \
    COPY overlay/files/ /\n    IF [ \"$CLUSTERCONFIG\" != \"\" ]\n        \
    COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz\n    END\n\
    validate-user-data:\n    COPY --if-exists user-data /user-data\n\
    build-uki-iso:\n    COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz\n\
    cloud-image:\n    COPY --if-exists \"$CLUSTERCONFIG\" /workdir/spc.tgz\n";

#[test]
fn targets_are_told_by_what_they_copy() {
    assert_eq!(copies(ISO, "iso", &["CLUSTERCONFIG=spc.tgz"]), "o spc.tgz");
    assert_eq!(copies(ISO, "iso", &[]), "o");
    assert_eq!(copies(ISO, "iso", &["IS_UKI=true", "CLUSTERCONFIG=x"]), "x");
    assert_eq!(copies(ISO, "build-iso", &["CLUSTERCONFIG=x"]), "o x");
    assert_eq!(copies(ISO, "cloud-image", &["CLUSTERCONFIG=x"]), "x");
    assert_eq!(copies(ISO, "cloud-image", &[]), "");
    let flattened = "iso:\n COPY --if-exists content-*/ /workdir/\n COPY --if-exists content-*/*.zst /overlay/content/\n";
    assert_eq!(copies(flattened, "iso", &[]), "content");
    assert!(!recipe(ISO, "uki-iso", &[]).exists);
    assert!(recipe(ISO, "iso", &[]).exists);
    assert!(recipe(ISO, "cloud-image", &["CLUSTERCONFIG=x"]).reads_clusterconfig());
    assert!(recipe(ISO, "iso", &[]).reads_clusterconfig());
    assert!(!recipe(ISO, "iso", &[]).unresolved);
}

/// The same in the wording of forks.
#[test]
fn other_ways_to_copy_the_overlay() {
    for copy in [
        "COPY ./overlay/files-iso/ /overlay/",
        "COPY overlay/files-iso/* /overlay/",
        "COPY overlay/files-iso /overlay",
        "COPY 'overlay/files-iso/' /overlay/",
        "COPY \"overlay/files-iso/\" \"/overlay/\" # the overlay",
        "COPY --dir overlay/files-iso/. /overlay/",
        "COPY user-data overlay/files-iso/ /overlay/",
        "COPY \\\n    # first\n\n    overlay/files-iso/ \\\n    /overlay/",
        "WAIT\n        COPY overlay/files-iso/ /overlay/\n    END",
        "WITH DOCKER\n        COPY overlay/files-iso/ /overlay/\n    END",
        "LET DIR=overlay/files-iso\n    COPY $DIR/ /overlay/",
    ] {
        let text = format!("VERSION 0.8\niso: # the installer\n    {copy}\n");
        assert_eq!(copies(&text, "iso", &[]), "o", "{copy}");
    }
    for text in [
        "iso:\n FROM +base-iso\nbase-iso:\n COPY overlay/files-iso/ /overlay/\n",
        "iso:\n BUILD +base-iso\nbase-iso:\n COPY overlay/files-iso/ /overlay/\n",
        "iso:\n DO +OVERLAY\nOVERLAY:\n FUNCTION\n COPY overlay/files-iso/ /overlay/\n",
        "iso:\n COPY (+base-iso/x --A=1) .\nbase-iso:\n COPY overlay/files-iso/ /overlay/\n",
    ] {
        assert_eq!(copies(text, "iso", &[]), "o", "{text}");
    }
    for copy in [
        "COPY overlay/files/ /",
        "COPY overlay/files-iso/boot /overlay/boot",
        "# COPY overlay/files-iso/ /overlay/",
        "RUN echo COPY overlay/files-iso/ /overlay/",
    ] {
        let text = format!("iso:\n    {copy}\n");
        assert_eq!(copies(&text, "iso", &[]), "", "{copy}");
    }
}

/// A copy in a block that only a run can decide may not run.
#[test]
fn a_condition_that_cannot_be_told() {
    let copy = "COPY overlay/files-iso/ /overlay/";
    for (block, expected) in [
        (format!("IF [ -f x ]\n {copy}\n END"), "~o"),
        (format!("IF [ -f x ]\n RUN a\n ELSE\n {copy}\n END"), "~o"),
        (format!("FOR x IN a b\n {copy}\n END"), "~o"),
        (format!("TRY\n {copy}\n FINALLY\n RUN x\n END"), "o"),
        (format!("TRY\n RUN x\n FINALLY\n {copy}\n END"), "~o"),
        (format!("IF true\n {copy}\n END"), "o"),
        (
            format!("IF false\n {copy}\n ELSE IF true\n {copy}\n ELSE\n {copy}\n END"),
            "o",
        ),
        (format!("IF [ \"$WITH\" = yes ]\n {copy}\n END"), "~o"),
        (
            format!("ARG WITH=yes\n IF [ \"$WITH\" = yes ]\n {copy}\n END"),
            "o",
        ),
        (
            format!("ARG TARGETARCH\n IF [ \"$TARGETARCH\" = amd64 ]\n {copy}\n END"),
            "~o",
        ),
        (
            format!("LET A=1\n IF false\n SET A=2\n ARG B=1\n END\n IF [ $A = 1 ]\n {copy}\n END"),
            "o",
        ),
        (format!("ARG A\n IF [ -n \"$A\" ]\n {copy}\n END"), ""),
    ] {
        let text = format!("VERSION 0.8\niso:\n {block}\n");
        assert_eq!(copies(&text, "iso", &[]), expected, "{block}");
    }
}

#[test]
fn a_variable_reaches_a_target_by_its_scope() {
    let body = "iso:\n COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz\n";
    for (head, expected) in [
        ("VERSION 0.6\nARG CLUSTERCONFIG\n", "x"),
        ("VERSION --arg-scope-and-set 0.6\nARG CLUSTERCONFIG\n", "x"),
        ("VERSION 0.8\nARG --global CLUSTERCONFIG\n", "x"),
        // Nothing tells the target of it: the word is empty there.
        ("VERSION 0.7\nARG CLUSTERCONFIG\n", ""),
        ("VERSION --explicit-global 0.6\nARG CLUSTERCONFIG\n", ""),
        ("VERSION 0.8\n", ""),
    ] {
        let found = copies(&format!("{head}{body}"), "iso", &["CLUSTERCONFIG=x"]);
        assert_eq!(found, expected, "{head}");
    }
    let own = "VERSION 0.8\niso:\n ARG CLUSTERCONFIG=site.tgz\n COPY $CLUSTERCONFIG /o/spc.tgz\n";
    assert_eq!(copies(own, "iso", &["CLUSTERCONFIG=x"]), "x");
    assert_eq!(copies(own, "iso", &[]), "site.tgz");
    let function = "VERSION 0.8\nARG --global CLUSTERCONFIG\niso:\n DO +F --CONFIG=$CLUSTERCONFIG\n\
                    F:\n FUNCTION\n ARG CONFIG\n COPY $CONFIG /o/spc.tgz\n";
    assert_eq!(copies(function, "iso", &["CLUSTERCONFIG=x"]), "x");
}

/// Another Earthfile may copy anything, and the files that a target made are not in the
/// checkout.
#[test]
fn what_is_not_read_is_not_guessed() {
    assert!(recipe("iso:\n DO lib+STAGE\n", "iso", &[]).unresolved);
    assert!(recipe("iso:\n DO +MISSING\n", "iso", &[]).unresolved);
    assert!(!recipe("iso:\n FROM lib+base\n", "iso", &[]).unresolved);
    let text = "iso:\n COPY lib+make/spc.tgz /overlay/opt/spectrocloud/clusterconfig/spc.tgz\n";
    assert_eq!(copies(text, "iso", &[]), "?");
    let text =
        "iso:\n COPY +make/x /overlay/opt/spectrocloud/clusterconfig/spc.tgz\nmake:\n RUN x\n";
    assert_eq!(copies(text, "iso", &[]), "?");
    // Into its directory, a file keeps its name.
    let text = "iso:\n COPY spc.tgz /overlay/opt/spectrocloud/clusterconfig/\n";
    assert_eq!(copies(text, "iso", &[]), "spc.tgz");
}

#[test]
fn a_source_before_the_flags_drops_the_overlay() {
    for (call, line) in [
        (
            "$CMD build-iso --overlay-iso /overlay --arch amd64 dir:/build/image",
            None,
        ),
        (
            "$CMD build-iso dir:/build/image --overlay-iso /overlay",
            Some(2),
        ),
        (
            "auroraboot build-iso \\\n        dir:/build/image \\\n        --overlay-iso=/overlay",
            Some(3),
        ),
        (
            "$CMD build-uki dir:/build/image -t iso --overlay-iso /overlay",
            Some(2),
        ),
        (
            "/entrypoint.sh --name x build-iso dir:/build/image --overlay-iso /overlay",
            None,
        ),
        ("enki build-iso dir:/x --overlay-iso /overlay", None),
        ("enki build-uki dir:/x --overlay-iso /overlay", None),
        ("auroraboot build-iso dir:/build/image", None),
        (
            "if [ $A ]; then $CMD build-iso --overlay-iso /o dir:/b; else \\\n $CMD build-iso dir:/b --overlay-iso=/o; fi",
            Some(3),
        ),
    ] {
        let recipe = recipe(&format!("build-iso:\n    RUN {call}\n"), "build-iso", &[]);
        assert_eq!(recipe.drops_overlay, line, "{call}");
    }
}

#[test]
fn only_the_architecture_that_is_built_counts() {
    let text = "ARG ARCH\nbuild-iso:\n IF [ \"$ARCH\" = \"arm64\" ]\n  RUN a build-iso dir:/b --overlay-iso /o\n \
                ELSE\n  RUN a build-iso --overlay-iso /o dir:/b\n END\n";
    for (arguments, line) in [(&["ARCH=arm64"][..], Some(4)), (&["ARCH=amd64"], None)] {
        let recipe = recipe(text, "build-iso", arguments);
        assert_eq!(recipe.drops_overlay, line, "{arguments:?}");
    }
    // Without the line that declares it, either may be built.
    let text = text.trim_start_matches("ARG ARCH\n");
    assert_eq!(recipe(text, "build-iso", &[]).drops_overlay, Some(3));
}

#[test]
fn what_is_laid_over_later_is_not_dropped() {
    let call = "build-iso:\n RUN a build-iso dir:/b --overlay-iso /overlay\n RUN xorriso -indev a -outdev a";
    let dropped = |rest: &str| recipe(&format!("{call} {rest}\n"), "build-iso", &[]).drops_overlay;
    assert_eq!(
        dropped("\\\n  -map /overlay / -boot_image any replay"),
        None
    );
    assert_eq!(dropped("-map /other / -boot_image any replay"), Some(2));
}

/// What a target gets in `(+target/x --A=1)` is not a source of the copy.
#[test]
fn the_arguments_of_an_artifact_are_not_sources() {
    let target = "/overlay/opt/spectrocloud/clusterconfig/spc.tgz";
    for arguments in ["", " --A=$A", " --CLUSTERCONFIG=$CLUSTERCONFIG --A=spc.tgz"] {
        let text = format!("iso:\n COPY (+other/x{arguments}) {target}\nother:\n RUN x\n");
        assert_eq!(copies(&text, "iso", &[]), "?", "{text}");
    }
}

/// Blocks without an end, ends without a block, circular references, and a thousand levels.
#[test]
fn broken_and_hostile_files_are_read_to_their_end() {
    for text in [
        "END\nELSE\niso:\nEND\n COPY overlay/files-iso /o\n",
        "iso:\n IF true\n COPY overlay/files-iso /o\n",
    ] {
        assert_eq!(copies(text, "iso", &[]), "o", "{text}");
    }
    let circle = "iso:\n FROM +b\nb:\n FROM +iso\n COPY overlay/files-iso /o\n";
    assert_eq!(copies(circle, "iso", &[]), "o");
    let circle = "iso:\n DO +F\nF:\n DO +F\n DO +F\n";
    assert!(recipe(circle, "iso", &[]).unresolved);
    let deep = format!("iso:\n{}", " IF true\n".repeat(100_000));
    assert_eq!(copies(&deep, "iso", &[]), "");
}
