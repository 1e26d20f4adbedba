//! The forecast compared with what the real programs did: no all-clear that a row contradicts,
//! and no false alarm.

use edgestage::canvos::preflight::{Assume, Embeds, Preflight, Start, Target};
use edgestage::diagnostic::Severity;

use crate::support::real::{self, Answer};
use crate::support::{OVERLAY, ROOT};

/// The forecast for the target of a row.
struct Forecast {
    /// Whether nothing keeps the definition out of the image.
    clear: bool,
    embeds: Embeds,
}

fn target(answer: &Answer) -> Target {
    let typed = answer.typed("");
    let target = |name: &str| typed.iter().any(|word| word.ends_with(name));
    if target("+cloud-image") {
        Target::CloudImage
    } else if target("+uki-iso") {
        Target::UkiIso
    } else if target("+iso-disk-image") {
        Target::IsoDiskImage
    } else {
        Target::Iso
    }
}

/// The forecast for a row that `program` built; `earthfile` takes the place of the row's.
fn forecast(answer: &Answer, program: &str, earthfile: Option<&str>) -> Forecast {
    let mut situation = answer.lay_out(program);
    let put = |path: &str, text: &str| {
        let path = situation.checkout.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    if let Some(text) = earthfile {
        put("Earthfile", text);
        put("overlay/files/etc/motd", "");
        put("certs/Readme.md", "");
        let ignores = answer.text("canvos") != Some("v4.3.2");
        let own = answer.has_file(".earthlyignore") || answer.archive(".earthlyignore").is_some();
        if ignores && !own {
            put(".earthlyignore", "local/\nbuild/*\n");
        }
        // The container of the script had this program in these builds.
        if program == "earth" {
            if situation.argv[0].ends_with("earthly.sh") {
                // The only variable that the script passes on.
                let variables = &mut situation.environment.variables;
                variables.retain(|name, _| name == "EARTHLY_BUILD_ARGS");
            }
            "earth".clone_into(&mut situation.argv[0]);
        }
    }
    let start = Start {
        environment: &situation.environment,
        argv: &situation.argv,
    };
    let target = target(answer);
    let Ok(preflight) = Preflight::read(&situation.checkout, start) else {
        // The command ends with an error then.
        return Forecast {
            clear: false,
            embeds: Embeds::Fails,
        };
    };
    let findings = preflight.findings(&[target]).unwrap();
    let told = findings.iter().map(|finding| finding.told(&[target], &[]));
    let refused = told
        .into_iter()
        .any(|told| told.severity == Severity::Error);
    let embeds = preflight.forecast(target, Assume::Present);
    // What `check` compares with the lock.
    let content = path(&embeds).and_then(|path| {
        let placement = path == ROOT || path == OVERLAY;
        let file = std::fs::read_to_string(situation.checkout.join(path));
        file.ok().filter(|_| placement)
    });
    let locked = ["content of spc.tgz\n", "archive A\n", "archive C\n"];
    Forecast {
        clear: !refused && content.is_some_and(|content| locked.contains(&&*content)),
        embeds,
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The file that a row says is in the image, by its path in the checkout.
fn path(embeds: &Embeds) -> Option<&str> {
    match embeds {
        Embeds::File { path, .. } => Some(path),
        _ => None,
    }
}

#[test]
fn what_earthly_and_earthbuild_copied() {
    let (mut judged, mut elsewhere, mut wrong) = (0, 0, Vec::new());
    for answer in real::of_earthly() {
        // Started in another directory: `build` never is.
        if answer.text("cwd") != Some(".") {
            elsewhere += 1;
            continue;
        }
        // What root can read all the same, others cannot.
        if answer.label() == "unreadable, as root" && !is_root() {
            judged += answer.programs().len();
            continue;
        }
        let outcome = answer.text("outcome").unwrap();
        let cloud = target(&answer) == Target::CloudImage;
        let image = if cloud {
            Some(outcome)
        } else {
            answer.text("iso")
        };
        let built = !matches!(outcome, "build-fails" | "no-export");
        let right = built && image == Some("file:spc.tgz");
        for program in answer.programs() {
            judged += 1;
            let found = forecast(&answer, program, None);
            let file = path(&found.embeds).map(|path| if path == OVERLAY { ROOT } else { path });
            let named = image.and_then(|image| image.strip_prefix("file:"));
            // An empty file has no name in the table.
            let same = !built || named == Some("an empty file") || named == file;
            if found.clear != right || !same {
                wrong.push(format!(
                    "{} ({program}): {image:?}, said {:?}, clear {}",
                    answer.label(),
                    found.embeds,
                    found.clear
                ));
            }
        }
    }
    assert_eq!((judged, elsewhere), (362, 6));
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// Whole builds of CanvOS. Targets that the forecast does not cover are skipped, and two that
/// the images of these builds left out.
#[test]
fn what_whole_builds_of_canvos_embedded() {
    let (mut judged, mut left_out, mut wrong) = (0, Vec::new(), Vec::new());
    for answer in real::of_canvos() {
        let typed = answer.typed("");
        let other = typed.iter().any(|word| word.ends_with("+build-all-images"));
        if answer.text("cwd") != Some(".") || other || target(&answer) == Target::IsoDiskImage {
            left_out.push(answer.label().to_owned());
            continue;
        }
        judged += 1;
        let outcome = answer.text("outcome").unwrap();
        let place = match outcome {
            "root" => Some(ROOT),
            "overlay" => Some(OVERLAY),
            _ => None,
        };
        let archive = place.and_then(|place| answer.archive(place));
        let right = matches!(archive, Some("archive A" | "archive C"));
        let program = answer.text("program").unwrap();
        let found = forecast(&answer, program, Some(CANVOS));
        let same = !right || path(&found.embeds) == place;
        if found.clear != right || !same {
            wrong.push(format!(
                "{}: {outcome} {archive:?}, said {:?}, clear {}",
                answer.label(),
                found.embeds,
                found.clear
            ));
        }
    }
    assert_eq!((judged, left_out.len()), (284, 5), "{left_out:?}");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// What CanvOS's Earthfile does with a definition, in as few lines.
const CANVOS: &str = r#"VERSION --arg-scope-and-set --shell-out-anywhere 0.6
FROM alpine:3.20
ARG CLUSTERCONFIG
ARG ARCH
ARG IS_UKI=false

iso-image:
    COPY overlay/files/ /
    COPY certs/ /usr/local/share/ca-certificates/

uki-iso:
    COPY +build-uki-iso/ .

build-uki-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ "$CLUSTERCONFIG" != "" ]
        COPY --if-exists "$CLUSTERCONFIG" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
    IF [ "$ARCH" = "arm64" ]
        RUN /entrypoint.sh build-iso --overlay-iso /overlay dir:/build/image
    ELSE IF [ "$ARCH" = "amd64" ]
        RUN enki build-uki dir:/build/image --overlay-iso /overlay -t iso
    END

iso:
    IF [ "$IS_UKI" = "true" ]
        COPY +build-uki-iso/ .
    ELSE
        COPY +build-iso/ .
    END

build-iso:
    COPY overlay/files-iso/ /overlay/
    COPY +iso-image/rootfs /build/image
    IF [ "$CLUSTERCONFIG" != "" ]
        COPY --if-exists "$CLUSTERCONFIG" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
    IF [ "$ARCH" = "arm64" ]
        RUN auroraboot build-iso --overlay-iso /overlay --arch arm64 dir:/build/image
    ELSE IF [ "$ARCH" = "amd64" ]
        RUN auroraboot build-iso --overlay-iso /overlay --arch amd64 dir:/build/image
    END
"#;
