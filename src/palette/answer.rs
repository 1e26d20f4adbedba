//! Bodies that came with status 200: Palette's JSON, or what is said of anything else.
//!
//! In: a body, whole as far as HTTP knows. Out: the type that the contract names for the
//! call. Status 200 proves nothing: captive portals, login pages and gateways send it
//! with pages and errors of their own, and a length that is too small cuts an answer
//! without anybody noticing.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::node::OddField;
use super::wire::{Answer, ApiError, NoAnswer};
use crate::util::sanitize;

/// The most a JSON answer may hold, in bytes: the list of all profiles is one answer.
pub(super) const LIMIT: u64 = 32 << 20;
/// So many characters of a foreign body are shown.
const SHOWN: usize = 80;

/// Why a body is not the JSON that was due.
pub(super) enum Unfit {
    /// It ends inside of the JSON: another attempt may bring the rest.
    Cut,
    /// Something else; these are its first bytes, printable.
    Foreign(String),
    /// Something else that has a name.
    Wrong(String),
    /// Palette's, with a field that cannot be used.
    Field(OddField),
}

/// Takes `body` for the JSON of the contract.
///
/// # Errors
/// [`Unfit`]. What it holds of the body is printable and cut, but not masked.
pub(super) fn parse<T: Answer>(body: &[u8]) -> Result<T, Unfit> {
    let text = body.trim_ascii_start();
    match text.first() {
        _ if body.len() as u64 > LIMIT => return Err(wrong("it is larger than 32 MiB")),
        None => return Err(wrong("it is empty")),
        // RFC 1952, 2.3.1. No encoding was asked for, and none is undone here.
        Some(0x1f) if text.starts_with(&[0x1f, 0x8b]) => {
            return Err(wrong("it is gzip data, which edgestage did not request"));
        }
        // Every answer of the contract is an object; serde would take a list for one, too.
        Some(b'{') => {}
        Some(_) => return Err(foreign(body)),
    }
    if let Some(error) = error(body) {
        return Err(error);
    }
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(foreign(body));
    };
    T::read(text).map_err(|why| match why {
        NoAnswer::Json(error) if error.is_eof() => Unfit::Cut,
        NoAnswer::Json(_) | NoAnswer::Shape => foreign(body),
        NoAnswer::Field(odd) => Unfit::Field(odd),
    })
}

fn wrong(why: &str) -> Unfit {
    Unfit::Wrong(why.to_owned())
}

fn foreign(body: &[u8]) -> Unfit {
    Unfit::Foreign(sanitize::excerpt(body, SHOWN))
}

/// What every answer of the contract has one of, and no error has.
#[derive(Deserialize)]
struct Due {
    items: Option<IgnoredAny>,
    metadata: Option<IgnoredAny>,
    spec: Option<IgnoredAny>,
}

/// An error in Palette's shape. Taken for an answer it would be a profile without a name.
fn error(body: &[u8]) -> Option<Unfit> {
    let due: Due = serde_json::from_slice(body).ok()?;
    if due.items.is_some() || due.metadata.is_some() || due.spec.is_some() {
        return None;
    }
    let said = ApiError::read(body)?;
    let parts: Vec<&str> = [said.code.as_str(), said.message.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let said = sanitize::excerpt(parts.join(": ").as_bytes(), SHOWN);
    (!parts.is_empty()).then(|| Unfit::Wrong(format!("it is an error with status 200: {said}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::wire::{ClusterProfile, List, ProjectMetadata};

    fn unfit<T: Answer>(body: &[u8]) -> String {
        match parse::<T>(body) {
            Ok(_) => "taken".into(),
            Err(Unfit::Field(odd)) => odd.to_string(),
            Err(Unfit::Cut) => "cut".into(),
            Err(Unfit::Foreign(seen)) => format!("begins with {seen}"),
            Err(Unfit::Wrong(why)) => why,
        }
    }

    #[test]
    fn what_is_no_answer_of_the_contract() {
        let list = unfit::<List<ProjectMetadata>>;
        for (body, said) in [
            (&br#" {"items":null}"#[..], "taken"),
            (br#"{"items":[],"code":"x"}"#, "taken"),
            (b"", "it is empty"),
            (b"\r\n", "it is empty"),
            (
                b"\x1f\x8b\x08",
                "it is gzip data, which edgestage did not request",
            ),
            (b"<html>", "begins with <html>"),
            (b"[]", "begins with []"),
            (b"null", "begins with null"),
            (br#"{"status":"up"}"#, r#"begins with {"status":"up"}"#),
            (br#"{"items":[{"metadata":{"na"#, "cut"),
            (
                br#"{"code":"Gone","message":"try\nlater"}"#,
                r"it is an error with status 200: Gone: try\nlater",
            ),
        ] {
            assert_eq!(list(body), said, "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(
            unfit::<ClusterProfile>(br#"{"code":"","message":"no such"}"#),
            "it is an error with status 200: no such"
        );
        for (body, said) in [
            (
                &br#"{"code":404,"message":"path / was not found"}"#[..],
                "it is an error with status 200: 404: path / was not found",
            ),
            (br#"{"status":"up"}"#, r#"begins with {"status":"up"}"#),
            (
                br#"{"metadata":{"name":"x"},"spec":null}"#,
                "`metadata.uid` is missing; it must be a string",
            ),
            (
                br#"{"metadata":[],"spec":{}}"#,
                "`metadata` is a list, not an object",
            ),
            (
                br#"{"metadata":{"uid":"x","name":"x"},"spec":{"published":{"type":"in"#,
                "cut",
            ),
        ] {
            assert_eq!(unfit::<ClusterProfile>(body), said);
        }
        let items = "`items` is an object, not a list";
        assert_eq!(list(br#"{"items":{"0":{}}}"#), items);
    }
}
