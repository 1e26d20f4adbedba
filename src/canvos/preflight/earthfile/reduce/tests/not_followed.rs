//! Blocks, other Earthfiles and shell commands that a rehearsal does not follow.

use super::*;

const COPY: &str = "    COPY overlay/files-iso /o\n";
const CARRIER: &str = "carrier:\n    COPY overlay/files-iso /c\n";

/// The line of `lines`, from 1 after a copy, that keeps the target from being reduced.
fn refused_after_copy(lines: &str, more: &str) -> (usize, Obstacle) {
    let lines: Vec<String> = lines.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("{ISO}{COPY}{}{more}", lines.concat());
    let (line, why) = refused(&text);
    (line - 4, why)
}

/// Such a block may build a target several times or not at all, each time with other arguments.
#[test]
fn a_block_with_a_definition() {
    for (lines, line, why) in [
        (
            "FOR x IN a b\n BUILD +carrier --CLUSTERCONFIG=$x\nEND",
            1,
            Obstacle::Loop,
        ),
        (
            "FOR x IN carrier other\n BUILD +$x\nEND",
            2,
            Obstacle::ShellOut,
        ),
        ("TRY\n BUILD +carrier\nEND", 1, Obstacle::Command),
        (
            "TRY\n RUN ls\nFINALLY\n BUILD +carrier\nEND",
            3,
            Obstacle::Loop,
        ),
        (
            "TRY\n RUN ls\nCATCH\n COPY overlay/files-iso /p\nEND",
            3,
            Obstacle::Loop,
        ),
        ("TRY\n RUN rm -rf /o\nEND", 2, Obstacle::Changes),
        ("FOR x IN a b\n RUN rm -rf /o/$x\nEND", 2, Obstacle::Changes),
    ] {
        assert_eq!(refused_after_copy(lines, CARRIER), (line, why), "{lines}");
    }
}

#[test]
fn a_command_in_the_shell() {
    for command in [
        "case $X in a) ls ;; esac",
        "find /o -type f -exec touch {} +",
        "find . -execdir ls ;",
    ] {
        let found = refused_after_copy(&format!("RUN {command}"), "");
        assert_eq!(found, (1, Obstacle::Changes), "{command}");
    }
}

/// What another Earthfile builds, or its function does, may be the image.
#[test]
fn another_earthfile() {
    let more = "HANDS_OVER:\n    FUNCTION\n    DO lib+X\n\
                exporter:\n    DO lib+X\n    SAVE ARTIFACT x AS LOCAL y\n\
                image:\n    FROM lib+x\n    SAVE IMAGE x\n\
                helper:\n    FROM lib+x\n    SAVE ARTIFACT x\n";
    for (command, line) in [
        ("BUILD ./lib+x", 1),
        ("BUILD ../lib+x", 1),
        ("BUILD lib+x", 1),
        ("BUILD --pass-args github.com/a/b:v1+x --A=b", 1),
        ("DO lib+X", 1),
        ("DO +HANDS_OVER", 4),
        ("BUILD +exporter", 6),
        ("BUILD +image", 9),
    ] {
        let found = refused_after_copy(command, more);
        assert_eq!(found, (line, Obstacle::OtherEarthfile), "{command}");
    }
    let text = format!("{ISO}    FROM lib+x\n{COPY}");
    assert_eq!(refused(&text), (4, Obstacle::OtherEarthfile));
    // Only a file of it is copied, beside the definition.
    let text = format!("{ISO}{COPY}    COPY +helper/x /x\n{more}");
    assert_eq!(reduced(&text).unwrap().kept, ["iso"]);
}
