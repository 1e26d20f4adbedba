//! The client of one host: the login, and calls with the token that it gives.
//!
//! Invariants: the connection is made over TLS to a certificate that is known, never through a
//! proxy and without redirects; a login is sent once; a call is repeated only if that changes
//! nothing on the host; a run that is stopped stops here, and logs out first.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use super::certificate::Certificate;
use super::error::{HostAnswer, HostError};
use super::login_gate::{Credentials, Ended, Entry, LoginGate};
use super::session::Session;
use super::transmit::{Limits, Reply, TransmitError, transmit};
use super::trust::{self, Seen, Trust};
use super::wire;
use crate::http::retry::{RetryPolicy, retry_after};
use crate::http::transport::{self, Broken, Transport, classify};
use crate::http::{
    self, AttemptError, ConnectionOptions, Observer, WHOLE, Waited, connect, page_text,
};
use crate::registry::Secrets;
use crate::util::endpoint::Endpoint;
use crate::util::host_address::HostAddress;
use crate::util::sanitize;
use crate::util::secret::ApiKey;
use crate::util::sync::lock;

/// The path of the login.
const LOGIN: &str = "/v1/users/default/login?setCookie=false&extendedSession=false";
/// The path of the logout.
const LOGOUT: &str = "/v1/users/default/logout";
/// The longest wait for a logout: the run is over, and the session ends by itself.
const LOGOUT_WAIT: Duration = Duration::from_secs(5);
/// How often a pause between attempts looks whether the run was stopped.
const GLANCE: Duration = Duration::from_millis(50);
/// The maximum number of characters that are shown of an error.
const SHOWN: usize = 200;

/// The options of a client.
pub(crate) struct Options<'o> {
    /// The longest silence while connecting, waiting, sending or reading.
    pub timeout: Duration,
    /// The number of attempts after the first, of what may be repeated.
    pub retries: u32,
    /// Which certificate is known.
    pub trust: Trust,
    /// Whether the run was stopped.
    pub stopped: &'o (dyn Fn() -> bool + Sync),
    /// Gets every secret before it is used.
    pub secrets: Arc<dyn Secrets>,
}

/// Who logs in.
pub(crate) struct Login<'l> {
    /// The user.
    pub user: &'l str,
    /// The password.
    pub password: &'l ApiKey,
    /// Where the password was found.
    pub place: &'l str,
    /// The pair of both.
    pub credentials: Credentials,
}

/// What came of a session.
pub(crate) struct Ran<T> {
    /// The result of the work.
    pub result: Result<T, HostError>,
    /// Why the logout failed, if it did.
    pub logout: Option<String>,
    /// The certificate, if it is known and not valid now.
    pub out_of_date: Option<Certificate>,
}

/// A client of one host.
pub(crate) struct HostClient<'o> {
    /// The name of the host in messages.
    name: String,
    endpoint: Endpoint,
    http: Client,
    seen: Seen,
    is_pinned: bool,
    pub(super) options: Options<'o>,
    pub(super) retry: RetryPolicy,
    /// The password and the token, which are masked in answers.
    secrets: Mutex<Vec<ApiKey>>,
}

/// A request.
pub(super) struct Call<'c> {
    pub method: Method,
    pub path: &'c str,
    pub body: Option<Vec<u8>>,
    pub token: Option<&'c HeaderValue>,
}

impl Call<'_> {
    /// Returns the call for messages.
    pub(super) fn name(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

impl<'o> HostClient<'o> {
    /// Creates a client for the host `name` at `address`. Opens no connection.
    ///
    /// # Errors
    /// Returns [`HostError`] if the client cannot be set up.
    pub(crate) fn new(
        name: &str,
        address: &HostAddress,
        options: Options<'o>,
    ) -> Result<Self, HostError> {
        let (config, seen) = trust::configure(&options.trust)
            .map_err(|trust::NoCertificate| HostError::NoCertificate)?;
        let endpoint = Endpoint::parse(&format!("https://{address}"))
            .map_err(|why| HostError::Setup(format!("`{address}`: {why}")))?;
        let http = connect(&ConnectionOptions {
            endpoint: &endpoint,
            timeout: options.timeout,
            trust: http::Trust::Of(Box::new(config)),
        });
        let http = http.map_err(|error| match error {
            http::SetupError::NoThread(error) => HostError::NoThread(sanitize::io(&error)),
            http::SetupError::NoCertificate => HostError::NoCertificate,
            http::SetupError::Other(why) => HostError::Setup(why),
        })?;
        Ok(Self {
            name: name.to_owned(),
            endpoint,
            http,
            seen,
            is_pinned: options.trust.pin.is_some(),
            retry: RetryPolicy {
                retries: options.retries,
            },
            options,
            secrets: Mutex::default(),
        })
    }

    /// Logs in, does `work`, and logs out, whatever came of it.
    pub(crate) fn session<T>(
        &self,
        login: &Login<'_>,
        gate: &LoginGate,
        observer: &dyn Observer,
        work: impl FnOnce(&Session<'_, '_>) -> Result<T, HostError>,
    ) -> Ran<T> {
        let token = self.admitted(login, gate, observer);
        let seen = self.seen.last().map(|presented| presented.certificate);
        let out_of_date = seen.filter(|certificate| certificate.is_out_of_date);
        let (result, logout) = match token {
            Err(error) => (Err(error), None),
            Ok(token) => {
                let session = Session {
                    client: self,
                    token: &token,
                    observer,
                };
                let result = if (self.options.stopped)() {
                    Err(HostError::Stopped)
                } else {
                    work(&session)
                };
                (result, self.logout(&token).err())
            }
        };
        Ran {
            out_of_date: out_of_date
                .filter(|_| !matches!(result, Err(HostError::UnknownCertificate { .. }))),
            result,
            logout,
        }
    }

    /// Logs in if no other host with the same user and password has shown that it is useless.
    fn admitted(
        &self,
        login: &Login<'_>,
        gate: &LoginGate,
        observer: &dyn Observer,
    ) -> Result<HeaderValue, HostError> {
        match gate.enter(login.credentials, self.options.stopped) {
            Entry::Admitted => {}
            Entry::Closed { other, is_refused } => {
                return Err(HostError::NotTried { other, is_refused });
            }
            Entry::Stopped => return Err(HostError::Stopped),
        }
        let token = self.login(login, observer);
        let how = match &token {
            Ok(_) => Ended::Accepted,
            Err(HostError::LoginRefused { .. }) => Ended::Refused,
            Err(HostError::LoginFailed(_)) => Ended::Unclear,
            Err(_) => Ended::NotSent,
        };
        gate.ended(login.credentials, &self.name, how);
        token
    }

    /// Sends the login, once: it is repeated only if no connection was made.
    fn login(&self, login: &Login<'_>, observer: &dyn Observer) -> Result<HeaderValue, HostError> {
        self.hide(login.password);
        let body = serde_json::json!({
            "username": login.user,
            "password": login.password.expose(),
        });
        let body = body.to_string().into_bytes();
        let call = || Call {
            method: Method::POST,
            path: LOGIN,
            body: Some(body.clone()),
            token: None,
        };
        // A login that is on its way is waited for, so that its session can be ended.
        let since = Cell::new(None);
        let stopped = || {
            let is_stopped = (self.options.stopped)();
            let now = Instant::now();
            let since = since.replace(is_stopped.then(|| since.get().unwrap_or(now)));
            since.is_some_and(|since: Instant| since.elapsed() >= LOGOUT_WAIT)
        };
        let reply = self.repeat(&call().name(), observer, |attempt| {
            self.send(&call(), attempt, &stopped)
                .map_err(|failure| match failure {
                    (AttemptError::Transient { error, .. }, false) => AttemptError::Final(error),
                    (failure, _) => failure,
                })
        })?;
        let answer = |reply: &Reply| self.answer(&call().name(), reply);
        match reply.status {
            200..=299 => {}
            400 | 401 | 403 => {
                return Err(HostError::LoginRefused {
                    answer: answer(&reply),
                    user: sanitize::excerpt(login.user.as_bytes(), 80),
                    place: login.place.to_owned(),
                });
            }
            500.. => return Err(HostError::LoginFailed(answer(&reply))),
            _ => return Err(HostError::Rejected(answer(&reply))),
        }
        let wrong = |why: &str| HostError::WrongAnswer {
            call: call().name(),
            why: why.to_owned(),
        };
        let parsed: wire::LoginAnswer = serde_json::from_slice(&reply.body)
            .map_err(|_| wrong("it has no `Token.Authorization`"))?;
        let token = parsed.token.authorization;
        if token.is_empty() {
            return Err(wrong("the token is empty"));
        }
        self.hide(&ApiKey::password(&token));
        let mut header = HeaderValue::from_str(&token)
            .map_err(|_| wrong("the token is not a valid header value"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Logs out, even if the run was stopped.
    fn logout(&self, token: &HeaderValue) -> Result<(), String> {
        let call = Call {
            method: Method::POST,
            path: LOGOUT,
            body: None,
            token: Some(token),
        };
        let wait = LOGOUT_WAIT.min(self.options.timeout);
        let limits = Limits {
            silence: wait,
            whole: wait,
            stopped: &|| false,
        };
        match transmit(self.request(&call), &limits, None, &|_| ()) {
            Ok(reply) if reply.status < 300 || reply.status == 401 => Ok(()),
            Ok(reply) => Err(self.answer(&call.name(), &reply).to_string()),
            Err(error) => Err(self.words(error, &call.name())),
        }
    }

    fn words(&self, error: TransmitError, call: &str) -> String {
        match self.failure(error, call, 1).0 {
            AttemptError::Transient { why, .. } => why,
            AttemptError::Final(_) => "the connection failed".into(),
        }
    }

    pub(super) fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let (path, query) = call.path.split_once('?').unzip();
        let mut url = self.endpoint.join(path.unwrap_or(call.path));
        url.set_query(query);
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(token) = call.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        request
    }

    /// Makes one attempt. The failure says whether the request may be sent again although it may
    /// change something: no connection was made.
    pub(super) fn once(
        &self,
        call: &Call<'_>,
        attempt: u32,
    ) -> Result<Reply, (AttemptError<HostError>, bool)> {
        self.send(call, attempt, self.options.stopped)
    }

    fn send(
        &self,
        call: &Call<'_>,
        attempt: u32,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Reply, (AttemptError<HostError>, bool)> {
        let timeout = self.options.timeout;
        let limits = Limits {
            silence: timeout,
            whole: timeout.saturating_mul(WHOLE),
            stopped,
        };
        transmit(self.request(call), &limits, None, &|_| ())
            .map_err(|error| self.failure(error, &call.name(), attempt))
    }

    /// Returns the failure, and whether no connection was made.
    pub(super) fn failure(
        &self,
        error: TransmitError,
        call: &str,
        attempts: u32,
    ) -> (AttemptError<HostError>, bool) {
        let timeout = self.options.timeout;
        let broken = |Broken { why, waited }: Broken, is_new| {
            let error = HostError::Unreachable {
                call: call.to_owned(),
                why: why.clone(),
                attempts,
                waited,
            };
            let transient = AttemptError::Transient {
                error,
                why,
                retry_after: None,
            };
            (transient, is_new)
        };
        let last = |error| (AttemptError::Final(error), true);
        match error {
            TransmitError::Http(error) => {
                let is_new = error.is_connect();
                let host = self.endpoint.host_and_port().0;
                match classify(&error, &host, Waited::Silence(timeout)) {
                    Transport::Tls(why) => last(self.untrusted(why)),
                    Transport::Refused(why) => broken(why.into(), is_new),
                    Transport::Broken(why) => broken(why, is_new),
                }
            }
            TransmitError::Body(error) => broken(
                transport::broken_body(&error, Waited::Silence(timeout)),
                false,
            ),
            TransmitError::TimedOut(waited) => {
                let why = match waited {
                    Waited::Silence(time) => {
                        format!("no byte was accepted within {} s", time.as_secs())
                    }
                    Waited::Whole(time) => format!("no answer within {} s", time.as_secs()),
                };
                let waited = Some(waited);
                broken(Broken { why, waited }, false)
            }
            TransmitError::Stopped => last(HostError::Stopped),
            TransmitError::NoThread(error) => last(HostError::NoThread(sanitize::io(&error))),
        }
    }

    /// Returns the error for a handshake that failed: with the certificate, if that is why.
    fn untrusted(&self, why: String) -> HostError {
        let presented = self.seen.last();
        match presented.filter(|presented| presented.refused.is_some()) {
            Some(presented) => HostError::UnknownCertificate {
                certificate: presented.certificate,
                is_pinned: self.is_pinned,
                why: self.options.trust.ca_cert.as_ref().map(|_| why),
            },
            None => HostError::Tls(why),
        }
    }

    /// Repeats `attempt` as the options allow, and stops with the run.
    pub(super) fn repeat<T>(
        &self,
        call: &str,
        observer: &dyn Observer,
        mut attempt: impl FnMut(u32) -> Result<T, AttemptError<HostError>>,
    ) -> Result<T, HostError> {
        let shown = format!("{}: {call}", self.name);
        let mut count = 1;
        loop {
            observer.asks(&shown);
            let result = attempt(count);
            observer.is_answered(&shown);
            let (error, why, after) = match result {
                Ok(value) => return Ok(value),
                Err(AttemptError::Final(error)) => return Err(error),
                Err(AttemptError::Transient {
                    error,
                    why,
                    retry_after,
                }) => (error, why, retry_after),
            };
            let Some(wait) = self.retry.wait(count, after) else {
                return Err(error);
            };
            observer.retrying(&shown, &why, wait);
            let began = Instant::now();
            while began.elapsed() < wait {
                if (self.options.stopped)() {
                    return Err(HostError::Stopped);
                }
                thread::sleep(GLANCE.min(wait.saturating_sub(began.elapsed())));
            }
            count += 1;
        }
    }

    /// Returns the failure for a status other than a success.
    pub(super) fn refusal(
        &self,
        call: &str,
        reply: &Reply,
        attempts: u32,
    ) -> AttemptError<HostError> {
        let answer = self.answer(call, reply);
        match reply.status {
            401 | 403 => AttemptError::Final(HostError::Forbidden(answer)),
            408 | 429 | 500.. => AttemptError::Transient {
                why: answer.to_string(),
                retry_after: reply
                    .retry_after
                    .as_deref()
                    .and_then(|value| retry_after(value, SystemTime::now())),
                error: HostError::KeptFailing { answer, attempts },
            },
            _ => AttemptError::Final(HostError::Rejected(answer)),
        }
    }

    /// Returns what a host says about a failure, without secrets that it may echo.
    pub(super) fn answer(&self, call: &str, reply: &Reply) -> HostAnswer {
        let parsed: wire::ErrorAnswer = serde_json::from_slice(&reply.body).unwrap_or_default();
        let (code, message) = match (&parsed.code[..], &parsed.message[..]) {
            ("", "") => (String::new(), page_text(&reply.body)),
            _ => (parsed.code, parsed.message),
        };
        // Masked before it is cut: a part of a secret would not be found.
        let shown = |text: &str| sanitize::excerpt(self.mask(text.trim()).as_bytes(), SHOWN);
        HostAnswer {
            call: call.to_owned(),
            status: reply.status,
            code: shown(&code),
            message: shown(&message),
        }
    }

    fn hide(&self, secret: &ApiKey) {
        self.options.secrets.hide(secret);
        lock(&self.secrets).push(secret.clone());
    }

    fn mask(&self, text: &str) -> String {
        let secrets = lock(&self.secrets);
        let masked = |text: String, secret: &ApiKey| secret.mask(&text);
        secrets.iter().fold(text.to_owned(), masked)
    }
}

/// Whether a status means that there is nothing.
pub(super) fn is_not_found(reply: &Reply) -> bool {
    reply.status == StatusCode::NOT_FOUND.as_u16()
}
