//! The client of one repository: authorized and repeated calls.
//!
//! Invariants: `Authorization` goes to the registry's origin and to its token service, and to
//! no target of a redirect; a body is never decoded in transit; a 4xx is never retried, except
//! for 408 and 429, which ask for a retry, and for a 401 that asks for credentials.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use super::authorization::Session;
use super::credentials::{self, FoundLogin};
use super::error::{RegistryAnswer, RegistryError, RegistryRedirect};
use super::redirect;
use super::upload::{self, Upload};
use crate::http::retry::RetryPolicy;
use crate::http::transport::{self, Broken, Transport, classify};
use crate::http::{
    AttemptDeadline, AttemptError, ConnectionOptions, GRACE, Route, Trust, WHOLE, Waited, body,
    connect,
};
use crate::util::digest::Digest;
use crate::util::endpoint::Endpoint;
use crate::util::environment::Environment;
use crate::util::repository::{Repository, is_loopback};
use crate::util::secret::ApiKey;
use crate::util::sync::lock;

mod failure;
mod token;

/// The maximum number of bytes that are read of an answer that is not an archive.
const ANSWER_LIMIT: u64 = 1 << 20;
/// How often a request is sent again with other credentials.
const AUTHORIZATIONS: u32 = 3;

/// What a run wants to do in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read only.
    Pull,
    /// Read and write.
    Push,
}

/// The options of the client.
pub(crate) struct Options {
    /// The longest silence while connecting, waiting, sending or reading.
    pub timeout: Duration,
    /// The number of attempts after the first.
    pub retries: u32,
    /// PEM certificates that are trusted in addition to the system's.
    pub ca_cert: Option<Vec<u8>>,
    /// Whether plain HTTP may be used if the registry does not speak TLS.
    pub allow_http: bool,
    /// What the run wants to do.
    pub access: Access,
    /// The environment, in which credentials are found.
    pub environment: Environment,
    /// The variables that credential helpers do not get.
    pub withheld: &'static [&'static str],
    /// Gets every secret before it is used.
    pub secrets: Arc<dyn Secrets>,
}

/// Masks secrets in all output.
pub trait Secrets: Send + Sync {
    /// Masks `secret` from now on.
    fn hide(&self, secret: &ApiKey);
}

/// A client of one repository.
pub(crate) struct Registry {
    pub(super) repository: Repository,
    http: Client,
    /// The client for addresses that are not reached as the registry is: without its proxy
    /// exception, or with the system's trust store.
    elsewhere: Mutex<Option<Client>>,
    endpoint: Endpoint,
    route: Route,
    pub(super) options: Options,
    pub(super) retry: RetryPolicy,
    session: Mutex<Session>,
    /// What was found, once the registry has asked for credentials.
    login: Mutex<LoginState>,
    secrets: Mutex<Vec<ApiKey>>,
    /// Which blobs this client has pushed. Each is locked while it is being pushed.
    pub(super) pushed: Mutex<BTreeMap<Digest, Arc<Mutex<bool>>>>,
}

/// Whether credentials were looked for.
#[derive(Default)]
enum LoginState {
    /// The registry has not asked for any.
    #[default]
    Unknown,
    /// There are none.
    Anonymous,
    /// These.
    Found(FoundLogin),
}

impl LoginState {
    fn found(&self) -> Option<&FoundLogin> {
        match self {
            Self::Found(found) => Some(found),
            Self::Unknown | Self::Anonymous => None,
        }
    }
}

/// A failed attempt.
pub(super) type Failure = AttemptError<RegistryError>;

/// A request, which is repeated as needed.
pub(super) struct Call<'c> {
    pub method: Method,
    pub url: Url,
    pub headers: &'c [(HeaderName, &'c str)],
    pub body: Payload<'c>,
}

/// The body of a request.
pub(super) enum Payload<'c> {
    None,
    Bytes(&'c [u8]),
    Upload(&'c Upload<'c>),
}

impl Call<'_> {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: &[],
            body: Payload::None,
        }
    }

    /// Returns the call for messages. The query may contain a signature and is left out.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

/// The answer to a request, after redirects.
struct Reply {
    response: Response,
    /// Whether the registry itself answered.
    is_own: bool,
}

impl Registry {
    /// Creates a client. Opens a connection only if plain HTTP is allowed, to see whether it is
    /// needed.
    ///
    /// # Errors
    /// Returns [`RegistryError`] if the client cannot be set up.
    pub(crate) fn new(repository: &Repository, options: Options) -> Result<Self, RegistryError> {
        let is_loopback = repository.is_loopback();
        let scheme = if is_loopback && options.ca_cert.is_none() {
            "http"
        } else {
            "https"
        };
        let may_be_plain = options.allow_http && scheme == "https" && !is_loopback;
        let registry = Self::at(scheme, repository, options)?;
        if may_be_plain && !registry.speaks_tls() {
            return Self::at("http", repository, registry.options);
        }
        Ok(registry)
    }

    fn at(scheme: &str, repository: &Repository, options: Options) -> Result<Self, RegistryError> {
        let address = format!("{scheme}://{}", repository.api_host());
        let endpoint = Endpoint::parse(&address)
            .map_err(|why| RegistryError::Setup(format!("`{address}`: {why}")))?;
        let http = connect(&ConnectionOptions {
            endpoint: &endpoint,
            timeout: options.timeout,
            trust: options.ca_cert.as_deref().map_or(Trust::System, Trust::And),
        })?;
        Ok(Self {
            repository: repository.clone(),
            http,
            elsewhere: Mutex::default(),
            route: Route::to(&endpoint, &options.environment).0,
            endpoint,
            retry: RetryPolicy {
                retries: options.retries,
            },
            options,
            session: Mutex::default(),
            login: Mutex::default(),
            secrets: Mutex::default(),
            pushed: Mutex::default(),
        })
    }

    /// Returns whether something answers over TLS, whatever it answers.
    fn speaks_tls(&self) -> bool {
        let asked = self.http.get(self.url("")).send();
        let Err(error) = asked else { return true };
        let waited = Waited::Silence(self.options.timeout);
        match classify(&error, self.repository.registry(), waited) {
            // A certificate that is not trusted is no reason to go without.
            Transport::Tls(why) => !why.contains("does not speak TLS"),
            Transport::Refused(_) | Transport::Broken(_) => false,
        }
    }

    /// Returns the address of something in the repository, such as `/blobs/sha256:9c1e…`; of
    /// the API itself for an empty text.
    pub(super) fn url(&self, what: &str) -> Url {
        match what {
            "" => self.endpoint.join("/v2/"),
            what => {
                let path = self.repository.path();
                self.endpoint.join(&format!("/v2/{path}{what}"))
            }
        }
    }

    /// Returns the address of the registry, with its scheme.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the repository.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Begins an attempt at a call whose answer is small.
    pub(super) fn small(&self) -> AttemptDeadline {
        AttemptDeadline::of(Some(self.options.timeout.saturating_mul(WHOLE)))
    }

    /// Makes one attempt. Answers a challenge, follows redirects, and returns a success or a
    /// 404; any other status is a failure.
    pub(super) fn send(
        &self,
        call: &Call<'_>,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Result<Response, Failure> {
        for _ in 0..AUTHORIZATIONS {
            let (generation, header) = {
                let session = lock(&self.session);
                (session.generation, session.header.clone())
            };
            let reply = self.follow(call, header.as_ref(), attempt, deadline)?;
            let status = reply.response.status();
            if status == StatusCode::UNAUTHORIZED && reply.is_own {
                self.authorize(call, reply.response, generation, attempt, deadline)?;
                continue;
            }
            if reply.is_own {
                let mut session = lock(&self.session);
                session.is_accepted |= session.generation == generation;
            }
            if status.is_success() || status == StatusCode::NOT_FOUND {
                return Ok(reply.response);
            }
            return Err(self.refusal(call, reply, attempt, deadline));
        }
        // Each round had another header that the registry had accepted before.
        let answer = RegistryAnswer {
            call: call.name(),
            status: StatusCode::UNAUTHORIZED.as_u16(),
            code: String::new(),
            message: String::new(),
        };
        Err(AttemptError::Final(self.refused(answer)))
    }

    /// Sends the request and follows redirects. `authorization` is sent to the registry's
    /// origin, and not any more once a redirect has left it.
    fn follow(
        &self,
        call: &Call<'_>,
        authorization: Option<&HeaderValue>,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Result<Reply, Failure> {
        let own = self.endpoint.join("/").origin();
        let mut url = call.url.clone();
        let mut is_own = true;
        for _ in 0..=redirect::LONGEST {
            is_own = is_own && url.origin() == own;
            let client = self.client_for(&url).map_err(AttemptError::Final)?;
            let mut request = client.request(call.method.clone(), url.clone());
            for (name, value) in call.headers {
                request = request.header(name, *value);
            }
            if let Some(value) = authorization.filter(|_| is_own) {
                request = request.header(AUTHORIZATION, value.clone());
            }
            let response = self.transmit(request, call, &url, attempt, deadline)?;
            let status = response.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return Ok(Reply { response, is_own });
            }
            let to = redirect::location(&url, &response).map_err(AttemptError::Final)?;
            if call.method != Method::GET && call.method != Method::HEAD {
                let refused = redirect::refused(&url, Some(&to), RegistryRedirect::Write);
                return Err(AttemptError::Final(refused));
            }
            url = to;
        }
        let endless = redirect::refused(&call.url, Some(&url), RegistryRedirect::Loop);
        Err(AttemptError::Final(endless))
    }

    /// Sends one request, and returns the head of its answer.
    fn transmit(
        &self,
        request: RequestBuilder,
        call: &Call<'_>,
        url: &Url,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Result<Response, Failure> {
        let timeout = self.options.timeout;
        let sent = match call.body {
            Payload::Upload(body) => upload::send(request, body, timeout),
            Payload::None | Payload::Bytes(_) => {
                // The library's own limit for a request covers the whole request.
                let left = deadline.whole.map(|whole| deadline.left_of(whole));
                let request = match left.filter(|left| *left < timeout + GRACE) {
                    Some(left) => request.timeout(left),
                    None => request,
                };
                let request = match call.body {
                    Payload::Bytes(bytes) => request.body(bytes.to_vec()),
                    _ => request,
                };
                request.send().map_err(upload::SendError::Http)
            }
        };
        sent.map_err(|error| match error {
            upload::SendError::Http(error) => {
                let waited = deadline.waited(timeout);
                self.transport_failure(&error, call.name(), url, attempt, waited)
            }
            upload::SendError::Stalled => {
                let why = format!("no byte was accepted within {} s", timeout.as_secs());
                let waited = Some(Waited::Silence(timeout));
                self.broken(call.name(), Broken { why, waited }, attempt)
            }
            upload::SendError::NoThread(error) => {
                let why = crate::util::sanitize::io(&error);
                AttemptError::Final(RegistryError::NoThread(why))
            }
        })
    }

    /// Returns the client for `url`.
    fn client_for(&self, url: &Url) -> Result<Client, RegistryError> {
        let is_plain_here = url.scheme() == "http" && is_loopback(url);
        if is_plain_here == self.endpoint.is_plain_loopback() {
            return Ok(self.http.clone());
        }
        let mut elsewhere = lock(&self.elsewhere);
        if let Some(client) = elsewhere.as_ref() {
            return Ok(client.clone());
        }
        let origin = url.origin().ascii_serialization();
        let endpoint = Endpoint::parse(&origin)
            .map_err(|why| RegistryError::Setup(format!("`{origin}`: {why}")))?;
        let client = connect(&ConnectionOptions {
            endpoint: &endpoint,
            timeout: self.options.timeout,
            trust: self
                .options
                .ca_cert
                .as_deref()
                .map_or(Trust::System, Trust::And),
        })?;
        *elsewhere = Some(client.clone());
        Ok(client)
    }

    /// Reads the whole body of a small answer.
    pub(super) fn read(
        &self,
        response: Response,
        call: &str,
        attempt: u32,
        deadline: AttemptDeadline,
    ) -> Result<Vec<u8>, Failure> {
        let whole = self.options.timeout.saturating_mul(WHOLE);
        let (body, ended) = body::read(response, ANSWER_LIMIT, deadline.left_of(whole));
        ended.map_err(|error| {
            let why = transport::broken_body(&error, deadline.waited(self.options.timeout));
            self.broken(call.to_owned(), why, attempt)
        })?;
        Ok(body)
    }

    /// Returns the login, which is looked up when a registry asks for it first.
    fn login(&self) -> Result<Option<FoundLogin>, RegistryError> {
        let mut login = lock(&self.login);
        if !matches!(*login, LoginState::Unknown) {
            return Ok(login.found().cloned());
        }
        let Options {
            environment,
            withheld,
            ..
        } = &self.options;
        let found = credentials::find(&self.repository, environment, withheld)
            .map_err(RegistryError::Credentials)?;
        if let Some(found) = &found {
            self.keep_secret(found.login.secret());
        }
        *login = found
            .clone()
            .map_or(LoginState::Anonymous, LoginState::Found);
        Ok(found)
    }

    /// Masks `secret` from now on, here and in all output.
    fn keep_secret(&self, secret: &ApiKey) {
        self.options.secrets.hide(secret);
        lock(&self.secrets).push(secret.clone());
    }

    /// Returns `text` of a server without the secrets.
    pub(super) fn mask(&self, text: &str) -> String {
        let secrets = lock(&self.secrets);
        let mask = |text: String, secret: &ApiKey| secret.mask(&text);
        secrets.iter().fold(text.to_owned(), mask)
    }
}
