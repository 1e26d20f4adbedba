//! One Palette: authenticated, scoped, rate-limited, retried calls.
//!
//! Invariants: the key is sent to the configured origin and nowhere else (redirects are
//! followed here, by hand, and never by the HTTP library); no body is ever decoded on its
//! way; a 4xx is never retried but for 408 and 429, which ask for it.

use std::collections::BTreeSet;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::answer;
use super::error::PaletteError;
use super::proxy::Route;
use super::rate_limit::RateLimiter;
use super::redirect;
use super::retry::RetryPolicy;
use super::wire::{
    Answer, ClusterProfile, DefinitionRequest, Gap, List, ProfileMetadata, ProfileSummary,
    ProjectMetadata,
};
use crate::util::endpoint::Endpoint;
use crate::util::secret::ApiKey;
use crate::util::uid::Uid;

mod body;
mod failure;
mod threads;

/// An answer is waited for this much longer than a connection, which may be a part of
/// that wait: whichever fails then says so itself.
const GRACE: Duration = Duration::from_millis(500);
/// So many times `timeout` is the most that an answer takes in all, unless it is an archive:
/// one that trickles is never silent for long, and never ends.
const WHOLE: u32 = 3;

/// The most items that Palette puts on a page (contract, `limit`).
const PAGE: &str = "50";
/// More pages than any tenant has: a server that never ends must not be asked for ever.
const MOST_PAGES: usize = 400;
/// `v1ClusterProfilesFilterSpec`: all of them, by name.
const BY_NAME: &[u8] = br#"{"sort":[{"field":"profileName","order":"asc"}]}"#;

/// How Palette is talked to.
#[derive(Debug)]
pub struct Options {
    /// Silence that is borne while connecting, waiting for an answer or reading it.
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// Certificates, PEM, that are trusted besides the system's.
    pub ca_cert: Option<Vec<u8>>,
    /// Where the key was found, for messages.
    pub key_place: String,
    /// The way that requests take, for messages.
    pub route: Route,
}

/// Told how calls go.
pub trait Observer: Sync {
    /// An attempt at `call` begins: from now on its answer is waited for.
    fn asks(&self, call: &str);
    /// The attempt is over, well or not.
    fn is_answered(&self, call: &str);
    /// `call` failed for the reason `why` and is repeated after `wait`.
    fn retrying(&self, call: &str, why: &str, wait: Duration);
}

/// Why one attempt failed.
pub enum AttemptError<E> {
    /// Another attempt may succeed.
    Transient {
        /// The error, should there be no other attempt.
        error: E,
        /// In a few words.
        why: String,
        /// What the server asked for.
        retry_after: Option<Duration>,
    },
    /// No attempt will.
    Final(E),
}

impl<E> AttemptError<E> {
    /// The same failure with another error type.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> AttemptError<F> {
        match self {
            Self::Transient {
                error,
                why,
                retry_after,
            } => AttemptError::Transient {
                error: f(error),
                why,
                retry_after,
            },
            Self::Final(error) => AttemptError::Final(f(error)),
        }
    }
}

/// A download under way: its body, and how long Palette said it is.
pub struct DownloadResponse {
    response: Response,
    /// `Content-Length`, where there is one.
    pub length: Option<u64>,
}

impl Read for DownloadResponse {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.response.read(buffer)
    }
}

/// A client of one endpoint with one key.
pub struct Palette {
    http: Client,
    endpoint: Endpoint,
    key: ApiKey,
    header: HeaderValue,
    timeout: Duration,
    retry: RetryPolicy,
    rate_limiter: RateLimiter,
    key_place: String,
    route: Route,
}

/// How long one attempt may take.
#[derive(Clone, Copy)]
struct Patience {
    began: Instant,
    /// In all; no limit for an archive.
    whole: Option<Duration>,
}

impl Patience {
    fn of(whole: Option<Duration>) -> Self {
        Self {
            began: Instant::now(),
            whole,
        }
    }

    /// What is left of `whole`, which began with the attempt.
    fn left_of(self, whole: Duration) -> Duration {
        let left = whole.saturating_sub(self.began.elapsed());
        left.max(Duration::from_millis(1))
    }
}

/// What Palette lists, page by page.
#[derive(Debug)]
pub struct ProfileListing {
    /// Each profile once.
    pub profiles: Vec<ProfileSummary>,
    /// What it lacks.
    pub gap: Option<Gap>,
}

/// One request, as often as it takes.
struct Call<'a> {
    method: Method,
    path: String,
    query: Vec<(&'a str, &'a str)>,
    body: Option<Vec<u8>>,
    project: Option<&'a Uid>,
}

impl Call<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Palette {
    /// The documented path of the download (facts.md, 1).
    pub const DOWNLOAD: &str = "/v1/spectroclusters/spc/download";

    /// A client; no connection is opened yet.
    ///
    /// # Errors
    /// [`PaletteError::NoCertificate`], and [`PaletteError::Setup`] where the system's
    /// trust store cannot be read.
    pub fn new(endpoint: Endpoint, key: ApiKey, options: &Options) -> Result<Self, PaletteError> {
        threads::can_start().map_err(|error| PaletteError::no_thread(&error))?;
        // Fails only where a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut header = HeaderValue::from_str(key.expose())
            .map_err(|_| PaletteError::Setup("the API key is not a valid header value".into()))?;
        header.set_sensitive(true);
        let mut builder = Client::builder()
            .user_agent(concat!("edgestage/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.timeout)
            // Until the head is there, and for each read of the body.
            .timeout(options.timeout.saturating_add(GRACE));
        if endpoint.is_plain_loopback() {
            // A proxy would be handed the key unencrypted, for a server on this machine.
            builder = builder.no_proxy();
        }
        if let Some(pem) = &options.ca_cert {
            builder = builder.tls_certs_merge(certificates(pem)?);
        } else if endpoint.join("/").scheme() == "http" {
            // No TLS will be spoken: the system's store need not be read, nor exist.
            builder = builder.tls_certs_only([]);
        }
        let http = builder
            .build()
            .map_err(|error| PaletteError::Setup(super::transport::innermost(&error)))?;
        Ok(Self {
            http,
            endpoint,
            key,
            header,
            timeout: options.timeout,
            retry: RetryPolicy {
                retries: options.retries,
            },
            rate_limiter: RateLimiter::new(),
            key_place: options.key_place.clone(),
            route: options.route.clone(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `GET /v1/dashboard/projects/metadata`: with `name`, projects with that name, or
    /// with names the server thinks similar; without, all that the key may see.
    pub fn projects(
        &self,
        name: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<List<ProjectMetadata>, PaletteError> {
        let mut call = get("/v1/dashboard/projects/metadata".into(), None);
        call.query = name.map(|name| ("name", name)).into_iter().collect();
        self.json(&call, observer)
    }

    /// `GET /v1/dashboard/clusterprofiles/metadata`: every profile that `project` sees,
    /// in one answer.
    pub fn profiles_metadata(
        &self,
        project: Option<&Uid>,
        observer: &dyn Observer,
    ) -> Result<List<ProfileMetadata>, PaletteError> {
        self.json(
            &get("/v1/dashboard/clusterprofiles/metadata".into(), project),
            observer,
        )
    }

    /// `POST /v1/dashboard/clusterprofiles`, page by page: every profile that `project`
    /// sees, by name, with its type and when it was changed. A page or a token that comes
    /// again is the end: servers have been seen to repeat both.
    ///
    /// # Errors
    /// [`PaletteError`]; a server whose pages have no end is one that answers wrongly.
    pub fn profile_summaries(
        &self,
        project: Option<&Uid>,
        observer: &dyn Observer,
    ) -> Result<ProfileListing, PaletteError> {
        let mut profiles: Vec<ProfileSummary> = Vec::new();
        let mut known = BTreeSet::new();
        let mut tokens = BTreeSet::new();
        let mut unreadable = None;
        let mut odd = 0;
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let mut call = get("/v1/dashboard/clusterprofiles".into(), project);
            call.method = Method::POST;
            call.body = Some(BY_NAME.into());
            call.query = vec![("limit", PAGE)];
            if !next.is_empty() {
                call.query.push(("continue", &next));
            }
            let page: List<ProfileSummary> = self.json(&call, observer)?;
            let before = profiles.len();
            odd += page.held - page.items.len();
            for profile in page.items {
                match &profile.uid {
                    Ok(uid) if known.insert(uid.clone()) => profiles.push(profile),
                    Ok(_) => {}
                    Err(field) => {
                        odd += 1;
                        unreadable = unreadable.or(Some(field.clone()));
                    }
                }
            }
            unreadable = unreadable.or(page.unreadable);
            let is_last = page.next.is_empty() || profiles.len() == before;
            if is_last || !tokens.insert(page.next.clone()) {
                let held = (profiles.len() + odd) as u64;
                let goes_on = !page.next.is_empty() && page.held > 0;
                let gap = match page.count {
                    Some(count) if count > held => Some(Gap::Counted { held, count }),
                    None if goes_on => Some(Gap::Endless { held }),
                    _ => unreadable.map(Gap::Unreadable),
                };
                return Ok(ProfileListing { profiles, gap });
            }
            next = page.next;
        }
        Err(PaletteError::WrongAnswer {
            call: "POST /v1/dashboard/clusterprofiles".into(),
            why: format!("it has more than {MOST_PAGES} pages"),
        })
    }

    /// `GET /v1/clusterprofiles/{uid}`.
    pub fn profile(
        &self,
        uid: &Uid,
        project: Option<&Uid>,
        observer: &dyn Observer,
    ) -> Result<ClusterProfile, PaletteError> {
        self.json(
            &get(format!("/v1/clusterprofiles/{uid}"), project),
            observer,
        )
    }

    /// One attempt at `POST /v1/spectroclusters/spc/download`. The caller reads the
    /// body, and repeats the whole through [`Palette::retry`] should it break.
    ///
    /// # Errors
    /// An [`AttemptError`] that says whether another attempt may succeed.
    pub fn download(
        &self,
        request: &DefinitionRequest<'_>,
        project: Option<&Uid>,
        attempt: u32,
    ) -> Result<DownloadResponse, AttemptError<PaletteError>> {
        let body = serde_json::to_vec(request)
            .map_err(|error| AttemptError::Final(PaletteError::Setup(error.to_string())))?;
        let call = Call {
            method: Method::POST,
            path: Self::DOWNLOAD.into(),
            query: Vec::new(),
            body: Some(body),
            project,
        };
        let response = self.send(&call, attempt, Patience::of(None))?;
        Ok(DownloadResponse {
            length: response.content_length(),
            response,
        })
    }

    /// Calls `attempt` with 1, 2, … until it succeeds, fails for good, or there were
    /// enough attempts.
    ///
    /// # Errors
    /// The last attempt's.
    pub fn retry<T, E>(
        &self,
        call: &str,
        observer: &dyn Observer,
        mut attempt: impl FnMut(u32) -> Result<T, AttemptError<E>>,
    ) -> Result<T, E> {
        let mut count = 1;
        loop {
            match attempt(count) {
                Ok(value) => return Ok(value),
                Err(AttemptError::Final(error)) => return Err(error),
                Err(AttemptError::Transient {
                    error,
                    why,
                    retry_after,
                }) => {
                    let Some(wait) = self.retry.wait(count, retry_after) else {
                        return Err(error);
                    };
                    observer.retrying(call, &why, wait);
                    thread::sleep(wait);
                    count += 1;
                }
            }
        }
    }

    fn json<T: Answer>(&self, call: &Call<'_>, observer: &dyn Observer) -> Result<T, PaletteError> {
        let name = call.name();
        self.retry(&name, observer, |attempt| {
            observer.asks(&name);
            let body = self.body(call, attempt);
            observer.is_answered(&name);
            answer::parse(&body?).map_err(|unfit| self.unfit(unfit, name.clone(), attempt))
        })
    }

    /// The whole body of the answer to one attempt.
    fn body(&self, call: &Call<'_>, attempt: u32) -> Result<Vec<u8>, AttemptError<PaletteError>> {
        let whole = self.timeout.saturating_mul(WHOLE);
        let patience = Patience::of(Some(whole));
        let response = self.send(call, attempt, patience)?;
        // One byte more tells a body that is too large from one that is just as large.
        let (body, ended) = body::read(response, answer::LIMIT + 1, patience.left_of(whole));
        match ended {
            Ok(()) => Ok(body),
            Err(error) => {
                let why = super::transport::broken_body(&error, self.waited(patience));
                Err(self.broken(call.name(), why, attempt))
            }
        }
    }

    /// One attempt, redirects within the origin included; a status other than 200 is a
    /// failure.
    fn send(
        &self,
        call: &Call<'_>,
        attempt: u32,
        patience: Patience,
    ) -> Result<Response, AttemptError<PaletteError>> {
        let mut url = self.endpoint.join(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut method = call.method.clone();
        let first = url.clone();
        for _ in 0..redirect::LONGEST {
            self.rate_limiter.wait(&call.path);
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .header("ApiKey", self.header.clone())
                .header(CONTENT_TYPE, "application/json");
            // The library's own limit for a request is one for the whole of it.
            let left = patience.whole.map(|whole| patience.left_of(whole));
            if let Some(left) = left.filter(|left| *left < self.timeout + GRACE) {
                request = request.timeout(left);
            }
            if let Some(project) = call.project {
                request = request.header("ProjectUid", project.as_str());
            }
            if let Some(body) = call.body.as_ref().filter(|_| method == Method::POST) {
                request = request.body(body.clone());
            }
            let response = request
                .send()
                .map_err(|error| self.transport_failure(&error, call, attempt, patience))?;
            match response.status() {
                status if status.is_success() => return Ok(response),
                status if status.is_redirection() => {
                    url = redirect::follow(&url, &response).map_err(AttemptError::Final)?;
                    method = redirect::method(status, method);
                }
                _ => return Err(self.refusal(response, call, attempt, patience)),
            }
        }
        Err(AttemptError::Final(redirect::endless(&first, &url)))
    }
}

fn get(path: String, project: Option<&Uid>) -> Call<'_> {
    Call {
        method: Method::GET,
        path,
        query: Vec::new(),
        body: None,
        project,
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, PaletteError> {
    reqwest::Certificate::from_pem_bundle(pem)
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or(PaletteError::NoCertificate)
}
