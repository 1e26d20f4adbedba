//! Bodies that came with status 200: Palette's JSON, or an error that describes anything else.
//!
//! Input: a body that is complete according to HTTP. Output: the type that the API documents
//! for the call. Status 200 proves nothing: captive portals, login pages and gateways send it
//! with pages and errors of their own, and a length that is too small truncates an answer
//! unnoticed.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::node::InvalidField;
use super::wire::{Answer, ApiError, NoAnswer};
use crate::util::sanitize;

/// The maximum size of a JSON answer, in bytes: the list of all profiles is a single answer.
pub(super) const LIMIT: u64 = 32 << 20;
/// The maximum number of characters that are shown of a body that is not Palette's.
const SHOWN: usize = 80;

/// Why a body is not the expected JSON.
pub(super) enum Unfit {
    /// The body ends inside the JSON; another attempt may bring the rest.
    Cut,
    /// Something else; contains its first bytes in printable form.
    Foreign(String),
    /// Something else that is recognized; contains its name.
    Wrong(String),
    /// An answer of Palette with a field that cannot be used.
    Field(InvalidField),
}

/// Parses `body` as the documented JSON.
///
/// # Errors
/// Returns [`Unfit`]. The excerpt of the body in it is printable and truncated, but not masked.
pub(super) fn parse<T: Answer>(body: &[u8]) -> Result<T, Unfit> {
    let text = body.trim_ascii_start();
    match text.first() {
        _ if body.len() as u64 > LIMIT => return Err(wrong("it is larger than 32 MiB")),
        None => return Err(wrong("it is empty")),
        // The gzip magic (RFC 1952, 2.3.1). No encoding was requested, and none is decoded
        // here.
        Some(0x1f) if text.starts_with(&[0x1f, 0x8b]) => {
            return Err(wrong("it is gzip data, which edgestage did not request"));
        }
        // Every documented answer is an object; serde would accept an array, too.
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

/// The fields of which every documented answer has at least one, and an error has none.
#[derive(Deserialize)]
struct Due {
    items: Option<IgnoredAny>,
    metadata: Option<IgnoredAny>,
    spec: Option<IgnoredAny>,
}

/// Recognizes an error in Palette's form. Parsed as an answer, it would be a profile without a
/// name.
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
