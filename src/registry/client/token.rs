//! Answers the challenge of a 401, with the token service if there is one.

use std::time::SystemTime;

use reqwest::blocking::Response;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::{Access, Call, Failure, Registry};
use crate::http::retry::retry_after;
use crate::http::{AttemptDeadline, AttemptError};
use crate::registry::authorization::{Challenge, basic_header, bearer_header, challenges};
use crate::registry::credentials::{FoundLogin, Login};
use crate::registry::error::RegistryError;
use crate::util::repository::is_loopback;
use crate::util::secret::ApiKey;
use crate::util::sync::lock;

/// The name under which this client gets tokens (OAuth 2.0, `client_id`).
const CLIENT: &str = "edgestage";

/// What a token service answers; `access_token` is what OAuth 2.0 calls it.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// What a token is asked for.
struct Wanted<'w> {
    realm: &'w str,
    service: Option<&'w str>,
    scope: Option<&'w str>,
}

impl Registry {
    /// Finds the authorization that `response`, a 401 to a request with the authorization of
    /// `generation`, asks for.
    ///
    /// # Errors
    /// Fails if the authorization of that generation was a new one, or if there is none.
    pub(super) fn authorize(
        &self,
        call: &Call<'_>,
        response: Response,
        generation: u64,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Result<(), Failure> {
        // The other threads wait here, and find what this one has found.
        let mut session = lock(&self.session);
        if session.generation != generation {
            return Ok(());
        }
        let challenges = challenges(response.headers());
        let refused = |response| {
            let answer = self.answered(call.name(), response, deadline);
            AttemptError::Final(self.refused(answer))
        };
        // What was just found and is refused at once will be refused again.
        if session.header.is_some() && !session.is_accepted {
            return Err(refused(response));
        }
        let login = self.login().map_err(AttemptError::Final)?;
        let mut found = None;
        for challenge in &challenges {
            found = match (challenge, &login) {
                (Challenge::Basic, Some(login)) => basic_header(&login.login),
                (Challenge::Basic, None) => None,
                (
                    Challenge::Bearer {
                        realm,
                        service,
                        scope,
                    },
                    login,
                ) => {
                    let wanted = Wanted {
                        realm,
                        service: service.as_deref(),
                        scope: scope.as_deref(),
                    };
                    Some(self.token(&wanted, login.as_ref(), attempt, deadline)?)
                }
            };
            if found.is_some() {
                break;
            }
        }
        // The same password again is the same refusal again.
        if found.is_none() || found == session.header {
            return Err(refused(response));
        }
        session.header = found;
        session.generation += 1;
        session.is_accepted = false;
        Ok(())
    }

    /// Gets a token, and returns the value of `Authorization` for it.
    fn token(
        &self,
        wanted: &Wanted<'_>,
        login: Option<&FoundLogin>,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Result<HeaderValue, Failure> {
        let realm = self.realm(wanted.realm).map_err(AttemptError::Final)?;
        let name = format!(
            "GET {}{}",
            realm.origin().ascii_serialization(),
            realm.path()
        );
        let client = self.client_for(&realm).map_err(AttemptError::Final)?;
        let scope = match wanted.scope {
            Some(scope) if self.options.access == Access::Pull => scope.to_owned(),
            // A push needs both, whichever request was refused first.
            _ => self.scope(),
        };
        let mut parameters = vec![("scope", scope.as_str())];
        parameters.extend(wanted.service.map(|service| ("service", service)));
        let request = match login.map(|found| &found.login) {
            Some(Login::IdentityToken(token)) => {
                parameters.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", CLIENT),
                    ("refresh_token", token.expose()),
                ]);
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(&parameters)
                    .finish();
                client
                    .post(realm.clone())
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(form)
            }
            login => {
                let mut url = realm.clone();
                url.query_pairs_mut().extend_pairs(&parameters);
                if let Some(Login::Password { user, .. }) = login {
                    url.query_pairs_mut().append_pair("account", user);
                }
                let request = client.get(url);
                match login.and_then(basic_header) {
                    Some(header) => request.header(AUTHORIZATION, header),
                    None => request,
                }
            }
        };
        let response = request.send().map_err(|error| {
            let limit = deadline.waited(self.options.timeout);
            self.transport_failure(&error, name.clone(), &realm, attempt, limit)
        })?;
        if response.status() != StatusCode::OK {
            return Err(self.no_token(name, response, login, attempt, deadline));
        }
        let body = self.read(response, &name, attempt, deadline)?;
        let wrong = |why: &str| {
            AttemptError::Final(RegistryError::WrongAnswer {
                call: name.clone(),
                why: why.to_owned(),
            })
        };
        let token: Token =
            serde_json::from_slice(&body).map_err(|_| wrong("it is not the JSON of a token"))?;
        let token = token.token.or(token.access_token).unwrap_or_default();
        self.keep_secret(&ApiKey::password(&token));
        bearer_header(&token).ok_or_else(|| wrong("it has no token"))
    }

    /// Returns the failure for a token service that gives no token.
    fn no_token(
        &self,
        name: String,
        response: Response,
        login: Option<&FoundLogin>,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Failure {
        let wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
        let answer = self.answered(name, response, deadline);
        let is_identity = login.is_some_and(|l| matches!(l.login, Login::IdentityToken(_)));
        match answer.status {
            401 | 403 => AttemptError::Final(self.refused_with(answer, login)),
            // OAuth 2.0 answers 400 to a token that has expired (RFC 6749, 5.2).
            400 if is_identity => AttemptError::Final(self.refused_with(answer, login)),
            408 | 429 | 500.. => AttemptError::Transient {
                why: answer.to_string(),
                retry_after: wait,
                error: RegistryError::KeptFailing {
                    answer,
                    attempts: attempt,
                },
            },
            _ => AttemptError::Final(self.rejected(answer)),
        }
    }

    fn refused_with(
        &self,
        answer: crate::registry::RegistryAnswer,
        login: Option<&FoundLogin>,
    ) -> RegistryError {
        RegistryError::Refused {
            answer,
            repository: self.repository.to_string(),
            place: login.map(|found| found.place.clone()),
            is_push: self.options.access == Access::Push,
        }
    }

    /// Returns the address of the token service, if credentials may be sent there: over HTTPS,
    /// or over plain HTTP if the registry itself is reached so.
    fn realm(&self, text: &str) -> Result<Url, RegistryError> {
        let wrong = |why: &str| RegistryError::WrongAnswer {
            call: format!("GET {}", self.url("").path()),
            why: why.to_owned(),
        };
        let realm = Url::parse(text).map_err(|_| wrong("its token service is not a URL"))?;
        let own = self.endpoint.join("/");
        let is_plain = realm.scheme() == "http";
        let may_be_plain = own.scheme() == "http"
            && (realm.host() == own.host() || is_loopback(&own) && is_loopback(&realm));
        if !realm.has_host() || !(realm.scheme() == "https" || is_plain && may_be_plain) {
            return Err(wrong(
                "its token service is not at an `https://` address, so it gets no credentials",
            ));
        }
        Ok(realm)
    }

    /// Returns what this run needs a token for (distribution specification, "Token Scope").
    fn scope(&self) -> String {
        let actions = match self.options.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        format!("repository:{}:{actions}", self.repository.path())
    }
}
