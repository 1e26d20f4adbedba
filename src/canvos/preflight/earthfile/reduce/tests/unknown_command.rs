//! Earthfiles that are reduced for an unknown build command, which may build any target.

use super::*;
use crate::canvos::preflight::earthfile::Earthfile;

/// Reduced for a command that names one of the targets, or none.
fn reduced_for(text: &str, asked: &[&str]) -> Result<Reduced, Unreducible> {
    let earthfile = Earthfile {
        text: text.to_owned(),
        parsed: parse(text),
        maas: false,
    };
    earthfile.reduce(asked, &|_| None, OtherTargets::Emptied)
}

/// The lines that a target was replaced by.
fn replacement<'t>(reduced: &'t Reduced, name: &str) -> &'t str {
    let header = format!("\n\n{name}:\n");
    let start = reduced.text.find(&header).unwrap() + header.len();
    let rest = &reduced.text[start..];
    rest.split("\n\n").next().unwrap()
}

const EMPTIED: &str = "    ARG edgestage_nothing";
const ANY: [&str; 2] = ["iso", "cloud-image"];

/// None of the other targets is to take long.
#[test]
fn other_targets_are_emptied() {
    let text =
        format!("{ISO}    COPY overlay/files-iso /o\nother:\n    RUN long\nF:\n    FUNCTION\n");
    let reduced = reduced_for(&text, &["iso"]).unwrap();
    let added = &reduced.text;
    assert!(
        added.contains("\nedgestage-replaces-other:\n    RUN long\n"),
        "{added}"
    );
    assert_eq!(replacement(&reduced, "other").trim_end(), EMPTIED);
    assert!(added.contains("\nF:\n    FUNCTION\n"), "{added}");
    assert!(reduced.unreducible.is_empty());
}

/// A target that cannot be reduced does not keep another one from it, unless that refers to it.
#[test]
fn a_target_that_cannot_be_reduced_marks_that_it_was_built() {
    const COPY: &str = "    COPY overlay/files-iso /o\n";
    for (line, why) in [
        (
            "BUILD +$TARGET --CLUSTERCONFIG=other.tgz",
            Obstacle::ShellOut,
        ),
        ("COPY +$TARGET/x /x", Obstacle::ShellOut),
        ("FROM +$TARGET", Obstacle::ShellOut),
        ("LOCALLY", Obstacle::Command),
        ("RUN auroraboot build-iso dir:/x", Obstacle::OtherOverlay),
        // These copy a definition themselves.
        (
            "COPY overlay/files-iso /o\n    RUN rm -rf /o/opt",
            Obstacle::Changes,
        ),
        ("COPY $(cat x) /o/spc.tgz", Obstacle::ShellOut),
    ] {
        let text = format!(
            "{ISO}{COPY}    BUILD +plain\nall:\n    BUILD +iso\n    DO +F\nF:\n    FUNCTION\n    BUILD +images\n\
             images:\n    RUN ls\n    {line}\nplain:\n    RUN ls\n"
        );
        let reduced = reduced_for(&text, &ANY).unwrap();
        assert_eq!(reduced.kept, ["iso"], "{line}");
        let found: Vec<_> = reduced.unreducible.iter().collect();
        let obstacle = line.lines().last().unwrap().trim();
        let at = text.lines().position(|line| line.trim() == obstacle);
        let line_number = at.unwrap() + 1;
        let expected = Unreducible::Line {
            line: line_number,
            why,
        };
        let names = ["all".to_owned(), "images".to_owned()];
        assert_eq!(
            found,
            [(&names[0], &expected), (&names[1], &expected)],
            "{line}"
        );
        for name in names {
            let mark = format!(
                "    COPY (./.edgestage-rehearsal+built/mark --target={name}) /.edgestage/mark"
            );
            assert_eq!(replacement(&reduced, &name).trim_end(), mark);
        }
        assert_eq!(replacement(&reduced, "plain").trim_end(), EMPTIED);
        // It is the one that the command names.
        for name in ["all", "images"] {
            assert_eq!(reduced_for(&text, &[name]).unwrap_err(), expected, "{line}");
        }
        assert!(reduced_for(&text, &["iso"]).is_ok(), "{line}");
    }
}

/// A function of another Earthfile copies from the checkout, and another target may build
/// anything. What is only copied of such a target matters as little as for a known command.
#[test]
fn a_target_of_another_earthfile_marks_that_it_was_built() {
    let text = format!(
        "{ISO}    COPY overlay/files-iso /o\n    COPY +tools/x /x\n    SAVE ARTIFACT /o AS LOCAL o\n\
         laid:\n    DO +LAY\nall:\n    BUILD +laid\nbased:\n    FROM ./lib+x\n\
         others:\n    BUILD ./lib+x\ntools:\n    DO lib+INSTALL\n    SAVE ARTIFACT x\n\
         LAY:\n    FUNCTION\n    DO lib+LAY\nplain:\n    RUN ls\n"
    );
    let reduced = reduced_for(&text, &ANY).unwrap();
    assert_eq!(reduced.kept, ["iso"]);
    let names: Vec<&str> = reduced.unreducible.keys().map(String::as_str).collect();
    assert_eq!(names, ["all", "based", "laid", "others", "tools"]);
}

/// Without a target that can be reduced, the build program need not run.
#[test]
fn no_target_can_be_reduced() {
    for (body, line) in [
        ("    BUILD +other\n    COPY overlay/files-iso /o\n", 7),
        ("    BUILD +other\n", 6),
    ] {
        let text = format!("{ISO}{body}other:\n    BUILD +$TARGET\n");
        let why = Obstacle::ShellOut;
        let expected = Unreducible::Line { line, why };
        assert_eq!(reduced_for(&text, &ANY).unwrap_err(), expected);
    }
    let text = format!("{ISO}    RUN ls\n");
    assert_eq!(reduced_for(&text, &ANY).unwrap_err(), Unreducible::NoCopy);
}

/// A target that CanvOS does not have may copy a definition as well.
#[test]
fn a_target_of_a_fork_copies_a_definition() {
    let text = "VERSION 0.8\nFROM alpine\nARG --global CLUSTERCONFIG=spc.tgz\niso:\n    COPY overlay/files-iso /o\n\
         site-iso:\n    COPY $CLUSTERCONFIG /site/\n\
         tools:\n    ARG tool\n    COPY (+fetch/$tool --tool=$tool) /tools/$tool\n\
         fetch:\n    SAVE ARTIFACT x\n";
    let reduced = reduced_for(text, &ANY).unwrap();
    assert_eq!(reduced.kept, ["iso", "site-iso"]);
}

/// Each build of a target is known, and which of them a record is of.
#[test]
fn a_record_names_the_mark_of_its_build() {
    let text = format!("{ISO}    COPY overlay/files-iso /o\nother:\n    RUN ls\n");
    let reduced = reduced_for(&text, &ANY).unwrap();
    let lines: Vec<&str> = replacement(&reduced, "iso").lines().collect();
    let mark = "    COPY (./.edgestage-rehearsal+built/mark --target=iso) /.edgestage/mark";
    let at = lines.iter().position(|line| *line == mark).unwrap();
    assert!(lines[at + 1].contains("echo \"x mark $(cut -d ' ' -f 1 /.edgestage/mark)\""));
    assert!(reduced.is_marked);
    let marker = marker_earthfile("rehearsal-1");
    assert!(
        marker.contains("RUN --no-cache : rehearsal-1; d="),
        "{marker}"
    );
    assert!(
        marker.starts_with("VERSION 0.6\n\nbuilt:\n    LOCALLY\n"),
        "{marker}"
    );
    assert_eq!(marker.lines().count(), 7);
    // A command that names its target gets none: it may be run with `--strict`.
    let known = super::reduced(&text).unwrap();
    assert!(!known.is_marked);
    assert!(!known.text.contains("mark"), "{}", known.text);
}

/// A tool makes an image of one target; another is an image by itself.
#[test]
fn a_target_beside_the_one_of_a_tool_is_an_image() {
    let text = format!(
        "{ISO}    COPY +build-iso/ ./\n    SAVE ARTIFACT ./* AS LOCAL ./build/\n\
         build-iso:\n    COPY +parts/o /o\n    RUN tool --overlay-iso /o\n    SAVE ARTIFACT /iso/*\n\
         parts:\n    COPY overlay/files-iso /o\n    SAVE ARTIFACT /o\n\
         cloud:\n    COPY $CLUSTERCONFIG /workdir/spc.tgz\n    SAVE ARTIFACT /workdir AS LOCAL ./build/\n\
         all:\n    BUILD +iso\n    BUILD +cloud\n"
    );
    let text = text.replace("FROM alpine\n", "FROM alpine\nARG CLUSTERCONFIG=spc.tgz\n");
    let reduced = reduced_for(&text, &ANY).unwrap();
    assert_eq!(reduced.kept, ["all", "build-iso", "cloud", "iso", "parts"]);
    let is_listed = |name: &str| replacement(&reduced, name).contains(&format!("--target={name})"));
    for (name, expected) in [
        ("all", false),
        ("build-iso", true),
        ("cloud", true),
        ("iso", false),
        ("parts", false),
    ] {
        assert_eq!(is_listed(name), expected, "{name}: {}", reduced.text);
    }
}
