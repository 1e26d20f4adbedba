//! The diagnostics of rehearsals: the build would embed something other than the locked
//! definition, or the rehearsal did not run or could not determine a result.

use std::io::ErrorKind;

use super::{Inconclusive, Obstacle, Purpose, Refused, RehearsalError, RehearsalVerdict};
use crate::diagnostic::{Code, Diagnostic, Severity, Trap};
use crate::util::path_error::PathError;
use crate::util::sanitize;

pub(crate) fn error(error: &RehearsalError) -> Diagnostic {
    match error {
        RehearsalError::Start { program, error } => {
            let program = sanitize::line(program.as_bytes());
            let why = sanitize::io(error);
            let title = format!("cannot start `{program}` for the rehearsal: {why}");
            Diagnostic::error(Code::RehearsalNotRun, title).help(
                "install `earth` or `earthly`, or set `build` in `[canvos]` to your build command",
            )
        }
        RehearsalError::TimedOut {
            program,
            after,
            output,
        } => {
            let program = sanitize::line(program.as_bytes());
            let after = sanitize::time(*after);
            let title = format!("`{program}` did not finish the rehearsal within {after}");
            let told = Diagnostic::error(Code::RehearsalNotRun, title);
            said(told, output).help("allow more time with `--timeout SECONDS`")
        }
        RehearsalError::Unavailable { program, output } => {
            let program = sanitize::line(program.as_bytes());
            let title = format!("`{program}` could not run the rehearsal");
            let told = Diagnostic::error(Code::RehearsalNotRun, title);
            said(told, output).help(
                "check that its daemon is running and that the base image of the Earthfile can be pulled",
            )
        }
        RehearsalError::Io(error) => io(error),
        RehearsalError::Refused(refused) => match refused.purpose {
            Purpose::Report => told(refused),
            Purpose::Build => told(refused)
                .note("the build was not started; `--no-rehearsal` starts it without a rehearsal"),
        },
    }
}

/// The rehearsal has no verdict, and the build starts nevertheless.
pub(crate) fn starts_without_verdict(why: &RehearsalError) -> Diagnostic {
    warning(why).note("the build starts without a verdict; edgestage verifies its image afterwards")
}

/// The build starts, since the user has allowed the trap that causes this verdict.
pub(crate) fn starts_as_allowed(refused: &RehearsalError) -> Diagnostic {
    warning(refused).note("the build starts, since `check` forecasts this and its trap is allowed")
}

fn warning(why: &RehearsalError) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        help: Vec::new(),
        ..error(why)
    }
}

fn io(error: &PathError) -> Diagnostic {
    let title = format!("cannot rehearse in a copy of the checkout: {error}");
    let told = Diagnostic::error(Code::RehearsalNotRun, title);
    match error.source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            told.help("free space on the file system of the checkout")
        }
        ErrorKind::PermissionDenied => {
            told.help("make the file readable, and the directory of the checkout writable")
        }
        ErrorKind::InvalidData => told.note("it is not a record that the rehearsal asked for"),
        _ => told,
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
        purpose,
    } = refused;
    let image = match target {
        Some(target) => format!("the image of `+{}`", sanitize::line(target.as_bytes())),
        None => "the image".to_owned(),
    };
    let wrong = |what: String| Diagnostic::error(Code::RehearsalRefused, what);
    let told = match judged.verdict {
        RehearsalVerdict::Unjudged => return unjudged(&image, judged.unjudged.as_ref()),
        // A refusal never has the verdict `AsLocked`.
        RehearsalVerdict::AsLocked | RehearsalVerdict::AnotherDefinition => {
            match (&judged.holds, &judged.path) {
                (Some(holds), _) => wrong(format!(
                    "{image} will contain `{holds}`, not `{definition}`"
                )),
                (None, Some(path)) => {
                    let path = sanitize::line(path.as_bytes());
                    wrong(format!(
                        "{image} will contain `{path}`, which is not `{definition}`"
                    ))
                }
                (None, None) => wrong(format!(
                    "{image} will contain a file that is not `{definition}`"
                )),
            }
        }
        RehearsalVerdict::Nothing => wrong(format!("{image} will contain no definition")),
        RehearsalVerdict::Empty => wrong(format!(
            "{image} will contain an empty file in place of `{definition}`"
        )),
        RehearsalVerdict::Link => wrong(format!(
            "{image} will contain a symbolic link in place of `{definition}`"
        )),
        RehearsalVerdict::Directory => wrong(format!(
            "{image} will contain a directory in place of `{definition}`"
        )),
        RehearsalVerdict::BuildFails => {
            return said(wrong("the build will fail".to_owned()), output)
                .help("fix the error that the build program reports above");
        }
        RehearsalVerdict::NoImage => wrong("the build will succeed but write no image".to_owned())
            .help("remove `--ci`, `--no-output` and `--image`, and the variables that set them"),
        RehearsalVerdict::NotCarried => wrong(format!("{image} never carries a definition"))
            .help("build a target that carries one, such as `+iso`"),
    };
    // The help line is sufficient, and the build program copied nothing to describe.
    if !told.help.is_empty() {
        return told;
    }
    let told = match &judged.clusterconfig {
        Some(value) if !value.is_empty() => {
            let value = crate::canvos::preflight::shown_value(value);
            told.note(format!("`CLUSTERCONFIG` is `{value}` in the build"))
        }
        Some(_) => told.note("`CLUSTERCONFIG` is empty in the build"),
        None => told.note("`CLUSTERCONFIG` is not set in the build"),
    };
    let help = match purpose {
        Purpose::Report => format!("run `edgestage stage {definition}`, then `edgestage check`"),
        Purpose::Build => "run `edgestage check`".to_owned(),
    };
    told.note("this is the result of running the build program in a copy of the checkout")
        .help(help)
}

fn unjudged(image: &str, why: Option<&Inconclusive>) -> Diagnostic {
    let title = format!("the rehearsal cannot determine what {image} will contain");
    let told = Diagnostic::error(Code::RehearsalUnjudged, title);
    let verify = "after the build, run `edgestage verify NAME --image FILE`";
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
            .note("the second step of `+maas-image` is a script of the checkout, which the rehearsal does not run")
            .help("run `edgestage check --target maas-image` for a forecast"),
        Some(Inconclusive::Elsewhere(target)) => {
            let target = sanitize::line(target.as_bytes());
            told.note(format!("`{target}` is not a target of this checkout"))
                .help("build a target of the checkout, such as `+iso`")
        }
        Some(Inconclusive::Command(program)) => {
            let program = sanitize::line(program.as_bytes());
            told.note(format!("`{program}` ran in the copy of the checkout but did not build that copy"))
                .help("set `build` in `[canvos]` to a command that builds in its working directory")
        }
        Some(Inconclusive::Unrecorded(target)) => {
            let target = sanitize::line(target.as_bytes());
            told.note(format!("the build command built `+{target}` of the copy, but the result did not arrive there"))
                .help("set `build` in `[canvos]` to a command that writes what it builds to its working directory")
        }
        Some(Inconclusive::Artifact(program)) => {
            let program = sanitize::line(program.as_bytes());
            told.note(format!("`{program}` exports an artifact that the build makes and a rehearsal does not"))
                .help("set `build` in `[canvos]` to the Earthly command itself")
        }
        Some(Inconclusive::Strict(program)) => {
            let program = sanitize::line(program.as_bytes());
            told.note(format!("`{program}` uses `--strict` or `--ci`, so edgestage cannot see which targets it builds"))
                .help("set `build` in `[canvos]` to the Earthly command itself")
        }
        Some(Inconclusive::OtherEarthfile(target)) => {
            let target = sanitize::line(target.as_bytes());
            told.note(format!("the build command also built `{target}` of an Earthfile that is not the one of the copy"))
                .help("set `build` in `[canvos]` to a command that builds only in its working directory")
        }
        Some(Inconclusive::Checkout(program)) => {
            let program = sanitize::line(program.as_bytes());
            told.note(format!("`{program}` ran in the copy of the checkout but wrote to `build/` of the checkout"))
                .help("set `build` in `[canvos]` to a command that builds only in its working directory")
        }
        Some(Inconclusive::Outside) => told
            .note("edgestage cannot write beside the checkout, so the copy is in the temporary directory, where `..` means something else")
            .help("make the parent directory of the checkout writable, or remove the paths that contain `..`"),
        Some(Inconclusive::NoTool(target)) => {
            let target = sanitize::line(target.as_bytes());
            told.note(format!("`+{target}` does not run a tool that makes an ISO, so the build may fail"))
                .help("set `ARCH` in `.arg` to an architecture that the Earthfile knows, such as `amd64`")
        }
        Some(Inconclusive::Places(places)) => {
            let places: Vec<String> = places.iter().map(|it| sanitize::line(it.as_bytes())).collect();
            told.note(format!("the image has different content at {}", places.join(" and "))).help(verify)
        }
        Some(Inconclusive::Unreadable(path)) => {
            let path = sanitize::line(path.as_bytes());
            told.note(format!("you cannot read `{path}`; the container may be able to"))
                .help(format!("make it readable: `chmod +r {path}`"))
        }
        None => told.help(verify),
    }
}

fn reason(why: Obstacle) -> &'static str {
    match why {
        Obstacle::Condition => {
            "whether this condition is true is known only at run time, and a copy depends on it"
        }
        Obstacle::Loop => "edgestage does not follow copies inside such a block",
        Obstacle::ShellOut => "this value is known only at run time, and a copy depends on it",
        Obstacle::OtherEarthfile => "this is in another Earthfile, which edgestage does not read",
        Obstacle::Changes => "this line may change the definition after it was copied",
        Obstacle::OtherOverlay => {
            "this line makes an image of something other than the overlay that was copied"
        }
        Obstacle::NoBase => {
            "there is no base image before the first target, in which the rehearsal could run"
        }
        Obstacle::Repository => {
            "this depends on the git repository, which the copy of the checkout does not have"
        }
        Obstacle::DropsOverlay => "this line makes an image without the overlay",
        Obstacle::Command => {
            "this command passes the definition on in a way that edgestage does not understand"
        }
    }
}

/// `path`, the copy of the checkout, could not be removed.
pub(crate) fn copy_left(path: &str) -> Diagnostic {
    Diagnostic::warning(Code::RehearsalLeft, format!("cannot remove `{path}`"))
        .note("this is the copy of the checkout in which the rehearsal ran")
        .help(format!("remove it: `sudo rm -rf {path}`"))
}

/// The verdict is the one of the forecast.
pub(crate) fn maas_not_rehearsed() -> Diagnostic {
    let title = "`+maas-image` cannot be rehearsed; edgestage uses its forecast";
    Diagnostic::warning(Code::RehearsalUnjudged, title)
        .note("its second step is a script of the checkout, which the rehearsal does not run")
}

/// `forecast` is the verdict of `check` as text, and `found` is what the program copied.
pub(crate) fn forecast_differs(forecast: &str, found: &str) -> Diagnostic {
    let title = format!("`edgestage check` forecasts something else: {forecast}");
    Diagnostic::warning(Code::ForecastDiffers, title)
        .note(format!("the result of the rehearsal counts: {found}"))
}
