use super::super::parse::parse;
use super::super::walk::Walk;
use super::*;

/// Earthfiles of forks, each with what the target `iso` is reduced to.
fn reduced(text: &str) -> Result<Reduced, Unreducible> {
    let parsed = parse(text);
    let recipe = Walk::of(&parsed, "iso", &|_| None);
    let copies = recipe.copies.iter();
    let definition_copies = copies.map(|copy| (copy.line, &copy.source)).collect();
    reduce(
        text,
        &parsed,
        &["iso"],
        &definition_copies,
        &recipe.literal_sources,
        OtherTargets::Kept,
    )
}

/// The reduced target `name`, without what the listing adds.
fn body(text: &str, name: &str) -> String {
    let reduced = reduced(text).unwrap();
    let start = reduced.text.find(&format!("\n\n{name}:\n")).unwrap();
    let lines = reduced.text[start..].lines().skip(3);
    let lines = lines.take_while(|line| !line.is_empty());
    let ours = |line: &&str| {
        line.contains("/.edgestage")
            || line.contains(RECORD_PREFIX)
            || line.ends_with("USER root")
            || line.contains("+edgestage-copies")
    };
    let lines: Vec<&str> = lines.filter(|line| !ours(line)).map(str::trim).collect();
    lines.join("; ")
}

fn refused(text: &str) -> (usize, Obstacle) {
    match reduced(text) {
        Err(Unreducible::Line { line, why }) => (line, why),
        other => panic!("{other:?}"),
    }
}

const ISO: &str = "VERSION 0.8\nFROM alpine\niso:\n";

#[test]
fn only_what_decides_and_copies_is_left() {
    let text = "VERSION 0.6\nFROM alpine\nARG CLUSTERCONFIG\n\
        iso:\n    WORKDIR /build\n    COPY +build-iso/ .\n    SAVE ARTIFACT /build/* AS LOCAL ./build/\n\
        build-iso:\n    FROM other:1\n    ENV A=b\n    COPY overlay/files-iso/ /overlay/\n    \
        COPY --if-exists +user/data /overlay/config.yaml\n    RUN ls things\n    \
        IF [ \"$CLUSTERCONFIG\" != \"\" ]\n        \
        COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz\n    END\n    \
        RUN tool --overlay-iso /overlay\n    SAVE ARTIFACT /iso/*\n\
        user:\n    RUN touch data\n    SAVE ARTIFACT data\n";
    assert_eq!(reduced(text).unwrap().kept, ["build-iso", "iso"]);
    assert_eq!(body(text, "iso"), "WORKDIR /build");
    assert_eq!(
        body(text, "build-iso"),
        "ENV A=b; COPY overlay/files-iso/ /overlay/; IF [ \"$CLUSTERCONFIG\" != \"\" ]; \
         COPY --if-exists \"$CLUSTERCONFIG\" /overlay/opt/spectrocloud/clusterconfig/spc.tgz; END; \
         ENV EDGESTAGE_ISO_TOOL=called"
    );
}

/// The program's own parser sees every line, on the line that it was on.
#[test]
fn nothing_of_the_file_is_taken_out() {
    let text = format!("{ISO}    COPY overlay/files-iso /o\n    RUN ls x\nother:\n    RUN ls y");
    let reduced = reduced(&text).unwrap().text;
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let expected = lines(&text.replace("iso:", "edgestage-replaces-iso:"));
    assert_eq!(lines(&reduced)[..expected.len()], expected);
    assert_eq!(reduced.matches("RUN ls x").count(), 1);
}

#[test]
fn what_a_fork_may_write() {
    for (lines, expected) in [
        // Several sources, --dir, quotes, a part of the overlay.
        (
            "COPY a overlay/files-iso/ /o/",
            "COPY a overlay/files-iso/ /o/",
        ),
        ("COPY --dir overlay /", "COPY --dir overlay /"),
        (
            "COPY 'overlay/files-iso/' \"/o\"",
            "COPY 'overlay/files-iso/' \"/o\"",
        ),
        (
            "COPY overlay/files-iso/opt /o/opt",
            "COPY overlay/files-iso/opt /o/opt",
        ),
        ("COPY . /src", "COPY . /src"),
        // Comments between continued lines, and tabs.
        (
            "COPY --if-exists \\\n# a word\n\n    overlay/files-iso \\\n  /o",
            "COPY --if-exists overlay/files-iso /o",
        ),
        ("\tCOPY\toverlay/files-iso\t/o", "COPY overlay/files-iso /o"),
        // Blocks.
        (
            "WAIT\n COPY overlay/files-iso /o\nEND",
            "WAIT; COPY overlay/files-iso /o; END",
        ),
        (
            "WAIT\n RUN ls x\nEND\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        (
            "IF [ \"$A\" = x ]\n RUN ls x\nELSE\n COPY overlay/files-iso /o\nEND",
            "IF [ \"$A\" = x ]; ARG edgestage_nothing; ELSE; COPY overlay/files-iso /o; END",
        ),
        (
            "IF [ -f /x ]\n RUN ls x\nEND\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        (
            "IF [ -f /x ]\n COPY overlay/files-iso /o\nEND",
            "IF [ -f /x ]; COPY overlay/files-iso /o; END",
        ),
        (
            "RUN ls y\nIF [ -f /x ]\n RUN ls x\nEND\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        (
            "FOR x IN $(ls)\n RUN ls x\nEND\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        (
            "WITH DOCKER --load x=+other\n RUN ls x\nEND\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        // Bases.
        (
            "FROM DOCKERFILE -f x .\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        (
            "FROM +base-of\nCOPY overlay/files-iso /o",
            "FROM +base-of; COPY overlay/files-iso /o",
        ),
        (
            "COPY overlay/files-iso /o\nFROM other\nCOPY overlay/files-iso /p",
            "COPY overlay/files-iso /o; FROM +base; COPY overlay/files-iso /p",
        ),
        // Values that programs print, where nothing was left out yet, or nobody asks.
        (
            "ARG V=$(cat v)\nCOPY overlay/files-iso /o",
            "ARG V=$(cat v); COPY overlay/files-iso /o",
        ),
        (
            "RUN ls x\nARG V=$(cat v)\nCOPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
    ] {
        let lines: Vec<String> = lines.lines().map(|line| format!("    {line}\n")).collect();
        let more = "base-of:\n    FROM x\n    RUN ls y\nother:\n    RUN z\n";
        let text = format!("{ISO}{}{more}", lines.concat());
        let found = body(&text, "iso").replace('\t', " ");
        let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_function_that_copies() {
    let text = format!(
        "{ISO}    DO +PREPARE\n    DO +LAY --to=/o\nLAY:\n    FUNCTION\n    ARG to\n    RUN ls x\n    \
         COPY overlay/files-iso $to\nPREPARE:\n    FUNCTION\n    RUN apk add x\n"
    );
    assert_eq!(reduced(&text).unwrap().kept, ["LAY", "iso"]);
    assert_eq!(body(&text, "iso"), "DO +LAY --to=/o");
    assert_eq!(
        body(&text, "LAY"),
        "FUNCTION; ARG to; COPY overlay/files-iso $to"
    );
    assert!(
        reduced(&text)
            .unwrap()
            .text
            .contains("\nEDGESTAGE_REPLACES_LAY:\n")
    );
}

/// A target that saves what it has copied, for another one that makes the image.
#[test]
fn a_definition_that_is_handed_on() {
    let text = format!(
        "{ISO}    COPY +lay/overlay /x\n    RUN ls x\n    SAVE ARTIFACT x.iso AS LOCAL x.iso\n\
         lay:\n    COPY overlay/files-iso /overlay\n    SAVE ARTIFACT /overlay\n"
    );
    assert_eq!(body(&text, "iso"), "COPY +lay/overlay /x");
    assert_eq!(
        body(&text, "lay"),
        "COPY overlay/files-iso /overlay; SAVE ARTIFACT /overlay"
    );
}

#[test]
fn what_cannot_be_reduced_is_said_with_its_line() {
    for (lines, line, why) in [
        (
            "RUN ls x\nIF [ -f /x ]\n COPY overlay/files-iso /o\nEND",
            5,
            Obstacle::Condition,
        ),
        (
            "RUN ls x\nIF grep a b\n ARG W=/o\nEND\nCOPY overlay/files-iso $W",
            5,
            Obstacle::Condition,
        ),
        (
            "FOR x IN a b\n COPY overlay/files-iso /o\nEND",
            4,
            Obstacle::Loop,
        ),
        (
            "RUN ls x\nARG W=$(pwd)\nCOPY overlay/files-iso $W",
            5,
            Obstacle::ShellOut,
        ),
        (
            "RUN ls x\nCOPY overlay/files-iso $(pwd)",
            5,
            Obstacle::ShellOut,
        ),
        (
            "COPY overlay/files-iso /o\nDO lib+X",
            5,
            Obstacle::OtherEarthfile,
        ),
        (
            "FROM ./lib+x\nCOPY overlay/files-iso /o",
            4,
            Obstacle::OtherEarthfile,
        ),
        (
            "COPY overlay/files-iso /o\nRUN rm -rf /o/opt",
            5,
            Obstacle::Changes,
        ),
        (
            "COPY overlay/files-iso /o\nRUN mv /x/spc.tgz /o/opt/spectrocloud/clusterconfig/",
            5,
            Obstacle::Changes,
        ),
        (
            "COPY overlay/files-iso /o\nCOPY +other/x /o/opt",
            5,
            Obstacle::Changes,
        ),
        (
            "COPY overlay/files-iso /o\nGIT CLONE x /o",
            5,
            Obstacle::Changes,
        ),
        (
            "COPY overlay/files-iso /o\nIF true\n RUN rm -r /o\nEND",
            6,
            Obstacle::Changes,
        ),
        (
            "COPY overlay/files-iso /o\nDO +REMOVE",
            17,
            Obstacle::Changes,
        ),
        (
            "COPY overlay/files-iso /overlay\nRUN auroraboot build-iso dir:/x --overlay-iso /overlay",
            5,
            Obstacle::DropsOverlay,
        ),
        ("LOCALLY\nCOPY overlay/files-iso /o", 4, Obstacle::Command),
        ("TRY\n COPY overlay/files-iso /o\nEND", 4, Obstacle::Command),
    ] {
        let count = lines.lines().count();
        let lines: Vec<String> = lines.lines().map(|line| format!("    {line}\n")).collect();
        let more = "\n".repeat(9 - count);
        let more = format!("{more}other:\n    RUN z\nREMOVE:\n    COMMAND\n    RUN rm -rf /o\n");
        let text = format!("{ISO}{}{more}", lines.concat());
        assert_eq!(refused(&text), (line, why), "{text}");
    }
}

/// The definition is copied, and the image is made elsewhere.
#[test]
fn an_image_of_another_target() {
    let text = format!(
        "{ISO}    COPY +other/x /build/\n    BUILD +build-iso\n\
         build-iso:\n    COPY overlay/files-iso /o\n\
         other:\n    RUN auroraboot build-iso dir:/x\n    SAVE ARTIFACT x\n"
    );
    assert_eq!(refused(&text), (9, Obstacle::OtherOverlay));
}

/// What a program may do is only known of commands that this module knows, wherever they are.
#[test]
fn what_may_change_a_definition_is_found_anywhere() {
    for (lines, line) in [
        ("RUN ./tidy", 5),
        ("ARG V=$(rm -rf /o)", 5),
        ("IF rm -rf /o\n        RUN ls\n    END", 5),
        (
            "IF [ -n \"$(rm -rf /o)\" ]\n        RUN ls\n    ELSE IF true\n        RUN ls\n    END",
            5,
        ),
        ("FOR x IN $(rm -rf /o)\n        RUN ls\n    END", 5),
        ("WORKDIR /o\n    RUN rm -rf opt", 6),
        ("WITH DOCKER\n        RUN ./tidy\n    END", 6),
        ("GIT CLONE x /o", 5),
        ("CACHE /o", 5),
        ("COPY +other/x /o/opt", 5),
    ] {
        let text = format!(
            "{ISO}    COPY overlay/files-iso /o\n    RUN ls\n    {lines}\nother:\n    SAVE ARTIFACT x\n"
        );
        assert_eq!(refused(&text), (line + 1, Obstacle::Changes), "{lines}");
    }
}

/// An image tool whose overlay is not what was copied, in whatever way it comes about.
#[test]
fn an_overlay_without_the_definition() {
    const TOOL: &str =
        "    RUN auroraboot build-iso --overlay-iso /overlay dir:/x\n    SAVE ARTIFACT /iso/*\n";
    const COPY: &str = "    COPY overlay/files-iso/ /overlay/\n";
    for (what, text, line) in [
        // A part that the definition is not in.
        (
            "a part of it is copied",
            format!(
                "build-iso:\n    COPY +other/boot /overlay/boot\n{TOOL}other:\n{COPY}    SAVE ARTIFACT /overlay/boot boot\n"
            ),
            8,
        ),
        (
            "a sum of it is copied",
            format!(
                "build-iso:\n    COPY +other/sum /sum\n{TOOL}other:\n{COPY}    SAVE ARTIFACT /sum\n"
            ),
            8,
        ),
        (
            "it is copied too late",
            format!(
                "build-iso:\n    COPY overlay/files-iso/boot /overlay/boot\n    COPY . /src\n    RUN auroraboot build-iso --overlay-iso /src dir:/x\n{COPY}    SAVE ARTIFACT /iso/*\n"
            ),
            10,
        ),
        (
            "another base takes it away",
            format!(
                "build-iso:\n    FROM +other\n    FROM debian\n    COPY user-data /overlay/x\n{TOOL}other:\n{COPY}"
            ),
            10,
        ),
    ] {
        let text = format!(
            "VERSION 0.8\nFROM alpine\niso:\n    COPY +build-iso/ /build/\n    SAVE ARTIFACT /build/* AS LOCAL build/\n{text}"
        );
        assert_eq!(refused(&text), (line, Obstacle::OtherOverlay), "{what}");
    }
}

/// What a reduced target cannot have: a host, git, another image, a name that is not known.
#[test]
fn what_a_rehearsal_cannot_have() {
    const COPY: &str = "    COPY overlay/files-iso/ /o\n";
    for (why, line, text) in [
        (
            Obstacle::NoBase,
            2,
            format!("iso:\n    FROM alpine\n{COPY}"),
        ),
        (Obstacle::NoBase, 2, format!("FROM scratch\niso:\n{COPY}")),
        (
            Obstacle::Command,
            3,
            format!("FROM alpine\n{}iso:\n    RUN ls\n", COPY.trim_start()),
        ),
        (
            Obstacle::Repository,
            3,
            format!("FROM alpine\nCOPY .git .git\niso:\n{COPY}"),
        ),
        (
            Obstacle::Repository,
            4,
            format!(
                "FROM alpine\niso:\n    ARG EARTHLY_GIT_BRANCH\n    IF [ \"$EARTHLY_GIT_BRANCH\" = main ]\n    {COPY}    END\n"
            ),
        ),
        (
            Obstacle::Command,
            7,
            format!("FROM alpine\niso:\n    BUILD +other\n{COPY}other:\n    LOCALLY\n    RUN ls\n"),
        ),
        (
            Obstacle::ShellOut,
            4,
            format!("FROM alpine\niso:\n    COPY +$T/ .\n    BUILD +other\nother:\n{COPY}"),
        ),
        (
            Obstacle::ShellOut,
            5,
            format!(
                "FROM alpine\nARG B=+other\niso:\n    FROM $B\n    BUILD +other\nother:\n{COPY}"
            ),
        ),
        (
            Obstacle::OtherEarthfile,
            5,
            format!(
                "FROM alpine\niso:\n    BUILD +other\n    COPY ./lib+build-iso/ .\n    SAVE ARTIFACT x AS LOCAL y\nother:\n{COPY}"
            ),
        ),
        (
            Obstacle::Condition,
            5,
            format!(
                "FROM alpine\niso:\n    FROM debian\n    IF [ \"$SITE\" = lab ]\n    {COPY}    END\n"
            ),
        ),
        (
            Obstacle::Condition,
            6,
            format!(
                "FROM alpine\nARG SITE\niso:\n    FROM debian\n    IF [ \"$SITE\" == lab ]\n    {COPY}    END\n"
            ),
        ),
    ] {
        let line = if line == 2 && text.starts_with("iso") {
            2
        } else {
            line
        };
        assert_eq!(
            refused(&format!("VERSION 0.8\n{text}")),
            (line, why),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_an_obstacle() {
    for (lines, expected) in [
        (
            "FROM +base\n    COPY overlay/files-iso /o",
            "COPY overlay/files-iso /o",
        ),
        (
            "COPY overlay/files-iso /o\n    COPY .git .git",
            "COPY overlay/files-iso /o",
        ),
        ("COPY --dir .git overlay /", "COPY --dir overlay /"),
        (
            "COPY --chmod 0755 overlay/files-iso /o",
            "COPY --chmod=0755 overlay/files-iso /o",
        ),
        (
            "ENV A=b\n    FROM other\n    COPY overlay/files-iso /o",
            "ENV A=b; FROM +base; COPY overlay/files-iso /o",
        ),
    ] {
        let text = format!("{ISO}    {lines}\n");
        assert_eq!(body(&text, "iso"), expected, "{lines}");
    }
}

/// A file beside what holds the definition is not copied, since nothing makes it.
#[test]
fn a_file_beside_the_overlay() {
    let text = "VERSION 0.8\nFROM alpine\niso:\n    COPY +other/overlay /overlay\n    COPY +other/list /tmp/\n\
        other:\n    COPY overlay/files-iso/ /overlay/\n    SAVE ARTIFACT /overlay\n    SAVE ARTIFACT /list\n";
    let iso = body(text, "iso");
    assert!(iso.contains("COPY +other/overlay /overlay"), "{iso}");
    assert!(!iso.contains("list"), "{iso}");
}

/// A function that saves what was made does so for the target that calls it.
#[test]
fn a_function_that_exports() {
    let text = format!(
        "{ISO}    BUILD +build-iso\nbuild-iso:\n    COPY overlay/files-iso /o\n    DO +SAVE_ISO\n\
         SAVE_ISO:\n    FUNCTION\n    SAVE ARTIFACT /iso/* AS LOCAL build/\n"
    );
    let reduced = reduced(&text).unwrap().text;
    assert!(
        reduced.contains(" AS LOCAL ./.edgestage-rehearsal/"),
        "{reduced}"
    );
}

#[test]
fn targets_without_a_definition() {
    let text = "VERSION 0.8\nFROM alpine\niso:\n    COPY a /b\n";
    assert_eq!(reduced(text).unwrap_err(), Unreducible::NoCopy);
    let text = "VERSION 0.8\nFROM alpine\nother:\n    COPY a /b\n";
    assert_eq!(reduced(text).unwrap_err(), Unreducible::NoTarget);
    let text = "VERSION 0.8\nFROM alpine\niso:\n    BUILD ./x+iso\n";
    assert_eq!(refused(text), (4, Obstacle::OtherEarthfile));
}

/// An export is one where the file has one, and nowhere else.
#[test]
fn what_is_exported() {
    let exports = |body: &str| {
        let text = format!("{ISO}    COPY overlay/files-iso /o\n{body}");
        reduced(&text)
            .unwrap()
            .text
            .matches(" AS LOCAL ./.edgestage-rehearsal/")
            .count()
    };
    for (body, expected) in [
        ("    SAVE ARTIFACT x AS LOCAL y\n", 1),
        ("    SAVE ARTIFACT x\n    SAVE ARTIFACT y AS LOCAL z\n", 1),
        ("    SAVE IMAGE x\n", 1),
        ("    SAVE ARTIFACT x\n", 0),
        // Whatever it is for, a RUN does it.
        ("    RUN curl -T out $URL\n", 1),
        (
            "    IF true\n        SAVE ARTIFACT x AS LOCAL y\n    END\n",
            1,
        ),
    ] {
        assert_eq!(exports(body), expected, "{body}");
    }
}

/// What is hidden from a target that is left out would end the build after half an hour.
#[test]
fn what_other_targets_copy_is_copied_too() {
    let text = format!(
        "{ISO}    COPY overlay/files-iso /o\n    COPY +root/x /build\nroot:\n    COPY overlay/files/ /\n    \
         COPY --if-exists user-data /\n    COPY $X /\n    IF [ -f /y ]\n        COPY z /\n    END\n    RUN ls x\n    SAVE ARTIFACT x\n"
    );
    let reduced = reduced(&text).unwrap().text;
    assert!(
        reduced.contains("\niso:\n    BUILD +edgestage-copies\n"),
        "{reduced}"
    );
    let needs = reduced.split("\nedgestage-copies:\n").nth(1);
    assert_eq!(
        needs,
        Some(
            "    COPY overlay/files-iso /0/\n    COPY overlay/files/ /1/\n    COPY --if-exists user-data /2/\n"
        )
    );
}

mod not_followed;
mod unknown_command;
