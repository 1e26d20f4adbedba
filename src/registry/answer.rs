//! Errors as registries and token services write them.

use serde::Deserialize;

use crate::http::page_text;
use crate::util::sanitize;

/// The maximum number of characters that are shown of an error that is not a registry's.
const SHOWN: usize = 120;

/// `{"errors": [{code, message, detail}]}` (OCI distribution specification, "Error Codes").
#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What token services write: `{"error", "error_description"}` (RFC 6749, 5.2), `{"details"}`
/// or `{"message"}`.
#[derive(Deserialize)]
struct TokenError {
    #[serde(default)]
    error: String,
    #[serde(default, alias = "details", alias = "message")]
    error_description: String,
}

/// Returns the code and the message of an error; either may be empty.
pub(super) fn read(body: &[u8]) -> (String, String) {
    if let Ok(Errors { errors }) = serde_json::from_slice(body)
        && let Some(first) = errors.into_iter().next()
    {
        return (first.code, first.message);
    }
    if let Ok(TokenError {
        error,
        error_description,
    }) = serde_json::from_slice(body)
        && !(error.is_empty() && error_description.is_empty())
    {
        return (error, error_description);
    }
    let text = sanitize::excerpt(page_text(body).trim().as_bytes(), SHOWN);
    (String::new(), text)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn errors_of_registries_token_services_and_gateways() {
        for (body, code, message) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied","detail":null},{"code":"X"}]}"#,
                "DENIED",
                "requested access to the resource is denied",
            ),
            (r#"{"errors":[]}"#, "", r#"{"errors":[]}"#),
            (
                r#"{"details":"incorrect username or password"}"#,
                "",
                "incorrect username or password",
            ),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                "invalid_grant",
                "expired",
            ),
            (
                "<html><h1>502 Bad Gateway</h1></html>",
                "",
                "502 Bad Gateway",
            ),
            ("", "", ""),
        ] {
            assert_eq!(read(body.as_bytes()), (code.into(), message.into()));
        }
    }
}
