//! A rehearsal that found something else than what is locked, or did not take place.

use super::{Inconclusive, Obstacle, Refused, RehearsalError, RehearsalVerdict};
use crate::diagnostic::{Code, Diagnostic, Trap};
use crate::util::sanitize;

pub(crate) fn error(error: &RehearsalError) -> Diagnostic {
    match error {
        RehearsalError::Start { program, error } => {
            let program = sanitize::line(program.as_bytes());
            let why = sanitize::io(error);
            let title = format!("the rehearsal `{program}` cannot be started: {why}");
            Diagnostic::error(Code::RehearsalNotRun, title).help(
                "install `earth` or `earthly`, or set `build` in `[canvos]` to the command that builds",
            )
        }
        RehearsalError::TimedOut {
            program,
            after,
            output,
        } => {
            let program = sanitize::line(program.as_bytes());
            let after = sanitize::time(*after);
            let title = format!("the rehearsal `{program}` did not end within {after}");
            let told = Diagnostic::error(Code::RehearsalNotRun, title);
            said(told, output).help("give it more time with `--timeout SECONDS`")
        }
        RehearsalError::Unavailable { program, output } => {
            let program = sanitize::line(program.as_bytes());
            let title = format!("the rehearsal `{program}` could not work");
            let told = Diagnostic::error(Code::RehearsalNotRun, title);
            said(told, output).help(
                "see that its daemon runs and that the base image of the Earthfile can be pulled",
            )
        }
        RehearsalError::Io(error) => Diagnostic::error(
            Code::RehearsalNotRun,
            format!("the checkout cannot be copied for a rehearsal: {error}"),
        )
        .help("free space on the disk of the checkout"),
        RehearsalError::Refused(refused) => told(refused),
    }
}

fn said(mut told: Diagnostic, output: &[String]) -> Diagnostic {
    for line in output {
        told = told.note(line.clone());
    }
    told
}

fn told(refused: &Refused) -> Diagnostic {
    let Refused {
        definition,
        target,
        judged,
        output,
    } = refused;
    let image = match target {
        Some(target) => format!("the image of `+{}`", sanitize::line(target.as_bytes())),
        None => "the image".to_owned(),
    };
    let wrong = |what: String| Diagnostic::error(Code::RehearsalRefused, what);
    let told = match judged.verdict {
        RehearsalVerdict::Unjudged => return unjudged(&image, judged.unjudged.as_ref()),
        // What is as locked is not refused.
        RehearsalVerdict::AsLocked | RehearsalVerdict::AnotherDefinition => {
            match (&judged.holds, &judged.path) {
                (Some(holds), _) => {
                    wrong(format!("{image} will hold `{holds}`, not `{definition}`"))
                }
                (None, Some(path)) => {
                    let path = sanitize::line(path.as_bytes());
                    wrong(format!(
                        "{image} will hold `{path}`, which is not `{definition}`"
                    ))
                }
                (None, None) => wrong(format!(
                    "{image} will hold a file that is not `{definition}`"
                )),
            }
        }
        RehearsalVerdict::Nothing => wrong(format!("{image} will hold no definition")),
        RehearsalVerdict::Empty => wrong(format!(
            "{image} will hold an empty file in place of `{definition}`"
        )),
        RehearsalVerdict::Link => wrong(format!(
            "{image} will hold a symbolic link in place of `{definition}`"
        )),
        RehearsalVerdict::Directory => wrong(format!(
            "{image} will hold a directory in place of `{definition}`"
        )),
        RehearsalVerdict::BuildFails => {
            return said(wrong("the build will fail".to_owned()), output)
                .help("fix what the build program says above");
        }
        RehearsalVerdict::NoImage => wrong("the build will succeed and write no image".to_owned())
            .help(
                "leave out `--ci`, `--no-output`, `--image` and the variables that stand for them",
            ),
        RehearsalVerdict::NotCarried => wrong(format!("{image} never carries a definition"))
            .help("build a target that does, such as `+iso`"),
    };
    // The help line says it all, and nothing was copied that one could ask.
    if !told.help.is_empty() {
        return told;
    }
    let told = match &judged.clusterconfig {
        Some(value) if !value.is_empty() => {
            let value = crate::canvos::preflight::shown_value(value);
            told.note(format!("`CLUSTERCONFIG` is `{value}` there"))
        }
        _ => told.note("`CLUSTERCONFIG` is not set there"),
    };
    told.note("the build program itself has copied it, in a copy of the checkout")
        .help(format!(
            "run `edgestage stage {definition}`, then `edgestage check`"
        ))
}

fn unjudged(image: &str, why: Option<&Inconclusive>) -> Diagnostic {
    let title = format!("a rehearsal cannot tell what {image} will hold");
    let told = Diagnostic::error(Code::RehearsalUnjudged, title);
    let verify = "`edgestage verify NAME --image FILE` tells when it is built";
    match why {
        Some(Inconclusive::Line { line, text, why }) => {
            let text = sanitize::excerpt(text.as_bytes(), 120);
            let told = told.note(format!("line {line} of the Earthfile: `{text}`"));
            let told = match why {
                Obstacle::DropsOverlay => told.caused_by(Trap::parse("T23")),
                _ => told,
            };
            told.note(reason(*why)).help(verify)
        }
        Some(Inconclusive::Maas) => told
            .note("the second step of `+maas-image` is a script of the checkout, which a rehearsal does not run")
            .help("`edgestage check --target maas-image` forecasts it"),
        Some(Inconclusive::Elsewhere(target)) => {
            let target = sanitize::line(target.as_bytes());
            told.note(format!("`{target}` is not a target of this checkout"))
                .help("build a target of the checkout, such as `+iso`")
        }
        Some(Inconclusive::Command(program)) => {
            let program = sanitize::line(program.as_bytes());
            told.note(format!("`{program}` did not build the copy of the checkout that it was started in"))
                .help("set `build` in `[canvos]` to a command that builds in its working directory")
        }
        Some(Inconclusive::Outside) => told
            .note("the directory of the checkout cannot be written, so the copy is elsewhere, and `..` is another directory there")
            .help("make it writable, or leave out what names `..`"),
        Some(Inconclusive::NoTool(target)) => {
            let target = sanitize::line(target.as_bytes());
            told.note(format!("`+{target}` calls no tool that makes an ISO, so the build may fail"))
                .help("set `ARCH` in `.arg` to an architecture that the Earthfile knows, such as `amd64`")
        }
        Some(Inconclusive::Places(places)) => {
            let places: Vec<String> = places.iter().map(|it| sanitize::line(it.as_bytes())).collect();
            told.note(format!("different things are at {}", places.join(" and "))).help(verify)
        }
        Some(Inconclusive::Unreadable(path)) => {
            let path = sanitize::line(path.as_bytes());
            told.note(format!("`{path}` cannot be read by you, and perhaps by the container"))
                .help(format!("make it readable: `chmod +r {path}`"))
        }
        None => told.help(verify),
    }
}

fn reason(why: Obstacle) -> &'static str {
    match why {
        Obstacle::Condition => "only a run can tell whether that holds, and a copy depends on it",
        Obstacle::Loop => "a copy in a block like that is not followed",
        Obstacle::ShellOut => "only a run can tell that value, and a copy depends on it",
        Obstacle::OtherEarthfile => "that is in another Earthfile, which is not read",
        Obstacle::Changes => "that may change the definition after it was copied",
        Obstacle::DropsOverlay => "that makes an image without the overlay",
        Obstacle::Command => "that hands the definition on in a way that is not understood",
    }
}

/// The copy of the checkout, `path`, stays.
pub(crate) fn copy_left(path: &str) -> Diagnostic {
    Diagnostic::warning(Code::RehearsalLeft, format!("`{path}` cannot be removed"))
        .note("it is the copy of the checkout in which the rehearsal ran")
        .help(format!("remove it: `sudo rm -rf {path}`"))
}

/// The verdict is that of the forecast.
pub(crate) fn maas_not_rehearsed() -> Diagnostic {
    let title = "`+maas-image` is not rehearsed: the forecast stands";
    Diagnostic::warning(Code::RehearsalUnjudged, title)
        .note("its second step is a script of the checkout, which a rehearsal does not run")
}

/// `forecast` is the verdict of `check` as text, `found` is what the program has copied.
pub(crate) fn forecast_differs(forecast: &str, found: &str) -> Diagnostic {
    let title = format!("the forecast of `edgestage check` differs: {forecast}");
    Diagnostic::warning(Code::ForecastDiffers, title).note(format!(
        "the build program itself copied {found}, which is what counts"
    ))
}
