//! The authorization of requests: Basic, or a Bearer token of the registry's token service.
//!
//! A registry asks for it with a 401 and a challenge. The first request of a run has none, so
//! that an anonymous registry needs no credentials at all. Threads share what was found: one of
//! them answers the challenge while the others wait.

use http_auth::ChallengeParser;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::credentials::{Login, basic};

/// The authorization of a run so far.
#[derive(Default)]
pub(super) struct Session {
    /// Counts the changes of `header`.
    pub generation: u64,
    /// The value of `Authorization`.
    pub header: Option<HeaderValue>,
    /// Whether the registry has accepted `header` for anything.
    pub is_accepted: bool,
}

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user name and a password (RFC 7617).
    Basic,
    /// A token of the service at `realm` (distribution specification, "Token Authentication").
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

/// Returns the challenges of a 401 that can be answered, the better ones first: a token limits
/// what a stolen header is good for.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let mut found = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        for challenge in ChallengeParser::new(text).map_while(Result::ok) {
            let parameter = |name: &str| {
                let mut parameters = challenge.params.iter();
                let found = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found.push(Challenge::Basic);
            } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                found.insert(
                    0,
                    Challenge::Bearer {
                        realm,
                        service: parameter("service"),
                        scope: parameter("scope"),
                    },
                );
            }
        }
    }
    found
}

/// Returns the value of `Authorization` for a user name and a password.
pub(super) fn basic_header(login: &Login) -> Option<HeaderValue> {
    let Login::Password { user, password } = login else {
        return None;
    };
    sensitive(&basic(user, password))
}

/// Returns the value of `Authorization` for a token.
pub(super) fn bearer_header(token: &str) -> Option<HeaderValue> {
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then_some(())?;
    sensitive(&format!("Bearer {token}"))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_as_registries_write_them() {
        let bearer = |service: Option<&str>, scope: Option<&str>| Challenge::Bearer {
            realm: "https://auth.example/token".into(),
            service: service.map(Into::into),
            scope: scope.map(Into::into),
        };
        for (values, expected) in [
            (
                &[
                    r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:edge/x:pull,push",error="insufficient_scope""#,
                ][..],
                vec![bearer(
                    Some("registry.example"),
                    Some("repository:edge/x:pull,push"),
                )],
            ),
            (&[r#"Basic realm="Registry Realm""#], vec![Challenge::Basic]),
            (
                &[
                    r#"basic realm="x""#,
                    r#"bearer realm="https://auth.example/token""#,
                ],
                vec![bearer(None, None), Challenge::Basic],
            ),
            (
                &[r#"Basic realm="x", Bearer realm="https://auth.example/token""#],
                vec![bearer(None, None), Challenge::Basic],
            ),
            (&["Negotiate"], vec![]),
            (&["Bearer service=\"x\""], vec![]),
            (&["\"\""], vec![]),
            (&[], vec![]),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
            }
            assert_eq!(challenges(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn a_token_that_is_no_header_is_refused() {
        assert!(bearer_header("abc.def-ghi~+/=").is_some());
        for token in ["", "a b", "a\r\nX: y", "ä"] {
            assert!(bearer_header(token).is_none(), "{token:?}");
        }
        let header = bearer_header("abc").unwrap();
        assert!(header.is_sensitive());
    }
}
