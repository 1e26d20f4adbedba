//! Archives that are refused.

use crate::archive::Refusal;
use crate::diagnostic::Diagnostic;
use crate::printable;

pub fn archive(of: &str, refusal: &Refusal) -> Diagnostic {
    use Refusal as R;
    let error = Diagnostic::error(format!("{of} is refused: {refusal}"));
    match refusal {
        R::NotGzip { first } if !first.is_empty() => error
            .note(format!("it begins with `{}`", printable::excerpt(first, 80)))
            .help("check the endpoint, and whether a proxy or login page answers in its place"),
        R::Profiles { unexpected, .. } if unexpected.is_empty() => {
            error.help("if the archive is right all the same, add `allow = [\"profile-missing\"]` to the definition")
        }
        R::TooLarge(limit) if limit.is_adjustable() => error.help("if it is right all the same, raise the limit in `[limits]`"),
        R::Truncated | R::Damaged(_) => error.help("fetch it again"),
        _ => error,
    }
}
