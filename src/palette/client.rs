//! The client of a Palette: authenticated, scoped, rate-limited and retried calls.
//!
//! Invariants: the key is sent to the configured origin and nowhere else (redirects are
//! followed here and never by the HTTP library); a body is never decoded in transit; a 4xx is
//! never retried, except for 408 and 429, which ask for a retry.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::answer;
use super::error::PaletteError;
use super::first_attempt::{FirstAttempt, FirstAttempts};
use super::rate_limit::RateLimiter;
use super::redirect;
use super::wire::{
    Answer, ClusterProfile, DefinitionRequest, Gap, List, ProfileMetadata, ProfileSummary,
    ProjectMetadata,
};
use crate::http::retry::RetryPolicy;
use crate::http::{
    AttemptDeadline, AttemptError, ConnectionOptions, GRACE, Observer, Route, Trust, WHOLE, body,
    connect, transport,
};
use crate::util::endpoint::Endpoint;
use crate::util::secret::ApiKey;
use crate::util::uid::Uid;

mod failure;

/// The maximum number of items that Palette puts on a page (contract, `limit`).
const PAGE: &str = "50";
/// The maximum number of pages, which is more than any tenant has: a server whose list never
/// ends must not be asked forever.
const MOST_PAGES: usize = 400;
/// The filter `v1ClusterProfilesFilterSpec` for all profiles, by name.
const BY_NAME: &[u8] = br#"{"sort":[{"field":"profileName","order":"asc"}]}"#;

/// The options of the client.
#[derive(Debug)]
pub struct Options {
    /// The longest silence while connecting, waiting for an answer or reading it.
    pub timeout: Duration,
    /// The number of attempts after the first.
    pub retries: u32,
    /// PEM certificates that are trusted in addition to the system's.
    pub ca_cert: Option<Vec<u8>>,
    /// Where the key was found, for messages.
    pub key_place: String,
    /// The route of the requests, for messages.
    pub route: Route,
}

/// A download in progress.
pub struct DownloadResponse {
    response: Response,
    /// The `Content-Length`, if Palette sent one.
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
    first_attempts: FirstAttempts,
    key_place: String,
    route: Route,
}

/// The profiles that Palette lists, collected page by page.
#[derive(Debug)]
pub struct ProfileListing {
    /// The profiles, each once.
    pub profiles: Vec<ProfileSummary>,
    /// What is missing from the list, if anything.
    pub gap: Option<Gap>,
}

/// A request, which is repeated as needed.
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

    /// Creates a client. Does not open a connection.
    ///
    /// # Errors
    /// Returns [`PaletteError::NoCertificate`], or [`PaletteError::Setup`] if the system's
    /// trust store cannot be read.
    pub fn new(endpoint: Endpoint, key: ApiKey, options: &Options) -> Result<Self, PaletteError> {
        let mut header = HeaderValue::from_str(key.expose())
            .map_err(|_| PaletteError::Setup("the API key is not a valid header value".into()))?;
        header.set_sensitive(true);
        let http = connect(&ConnectionOptions {
            endpoint: &endpoint,
            timeout: options.timeout,
            trust: options.ca_cert.as_deref().map_or(Trust::System, Trust::And),
        })?;
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
            first_attempts: FirstAttempts::default(),
            key_place: options.key_place.clone(),
            route: options.route.clone(),
        })
    }

    /// Returns the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `GET /v1/dashboard/projects/metadata`: returns the projects with the name `name` or
    /// names that the server considers similar or, without `name`, all that the key can see.
    pub fn projects(
        &self,
        name: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<List<ProjectMetadata>, PaletteError> {
        let mut call = get("/v1/dashboard/projects/metadata".into(), None);
        call.query = name.map(|name| ("name", name)).into_iter().collect();
        self.json(&call, None, observer)
    }

    /// `GET /v1/dashboard/clusterprofiles/metadata`: returns every profile that `project` sees,
    /// in a single answer. `first` is the first attempt if it has begun.
    pub fn profiles_metadata(
        &self,
        project: Option<&Uid>,
        first: Option<FirstAttempt<Vec<u8>>>,
        observer: &dyn Observer,
    ) -> Result<List<ProfileMetadata>, PaletteError> {
        self.json(&metadata_call(project), first, observer)
    }

    /// Begins [`Palette::profiles_metadata`]. Returns `None` if there is no thread for it.
    #[must_use]
    pub fn begin_profiles_metadata(
        self: &Arc<Self>,
        project: Option<&Uid>,
    ) -> Option<FirstAttempt<Vec<u8>>> {
        let (palette, project) = (Arc::clone(self), project.cloned());
        self.first_attempts
            .begin(move || palette.body(&metadata_call(project.as_ref()), 1))
    }

    /// `POST /v1/dashboard/clusterprofiles`, page by page: returns every profile that `project`
    /// sees, by name, with its type and the time of its last change. A repeated page or token
    /// ends the list, since some servers repeat both.
    ///
    /// # Errors
    /// Returns [`PaletteError`]. A server whose pages never end counts as one that answers
    /// wrongly.
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
            let page: List<ProfileSummary> = self.json(&call, None, observer)?;
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

    /// `GET /v1/clusterprofiles/{uid}`: returns the profile. `first` is the first attempt if it
    /// has begun.
    pub fn profile(
        &self,
        uid: &Uid,
        project: Option<&Uid>,
        first: Option<FirstAttempt<Vec<u8>>>,
        observer: &dyn Observer,
    ) -> Result<ClusterProfile, PaletteError> {
        self.json(&profile_call(uid, project), first, observer)
    }

    /// Begins [`Palette::profile`]. Returns `None` if there is no thread for it.
    #[must_use]
    pub fn begin_profile(
        self: &Arc<Self>,
        uid: &Uid,
        project: Option<&Uid>,
    ) -> Option<FirstAttempt<Vec<u8>>> {
        let (palette, uid, project) = (Arc::clone(self), uid.clone(), project.cloned());
        self.first_attempts
            .begin(move || palette.body(&profile_call(&uid, project.as_ref()), 1))
    }

    /// Makes one attempt at `POST /v1/spectroclusters/spc/download`. The caller reads the body
    /// and, if it breaks, repeats the whole download through [`Palette::retry`].
    ///
    /// # Errors
    /// Returns an [`AttemptError`] that says whether another attempt may succeed.
    pub fn download(
        &self,
        request: &DefinitionRequest<'_>,
        project: Option<&Uid>,
        attempt: u32,
    ) -> Result<DownloadResponse, AttemptError<PaletteError>> {
        let body = serde_json::to_vec(request)
            .map_err(|error| AttemptError::Final(PaletteError::Setup(error.to_string())))?;
        self.download_of(body, project, attempt)
    }

    /// Begins [`Palette::download`]: the answer's head is awaited, and its body is not read.
    /// Returns `None` if there is no thread for it.
    #[must_use]
    pub fn begin_download(
        self: &Arc<Self>,
        request: &DefinitionRequest<'_>,
        project: Option<&Uid>,
    ) -> Option<FirstAttempt<DownloadResponse>> {
        let body = serde_json::to_vec(request).ok()?;
        let (palette, project) = (Arc::clone(self), project.cloned());
        self.first_attempts
            .begin(move || palette.download_of(body, project.as_ref(), 1))
    }

    fn download_of(
        &self,
        body: Vec<u8>,
        project: Option<&Uid>,
        attempt: u32,
    ) -> Result<DownloadResponse, AttemptError<PaletteError>> {
        let call = Call {
            method: Method::POST,
            path: Self::DOWNLOAD.into(),
            query: Vec::new(),
            body: Some(body),
            project,
        };
        let response = self.send(&call, attempt, AttemptDeadline::of(None))?;
        Ok(DownloadResponse {
            length: response.content_length(),
            response,
        })
    }

    /// Calls `attempt` with 1, 2, … until it succeeds, fails for good, or the attempts are used
    /// up.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
    pub fn retry<T, E>(
        &self,
        call: &str,
        observer: &dyn Observer,
        attempt: impl FnMut(u32) -> Result<T, AttemptError<E>>,
    ) -> Result<T, E> {
        self.retry.run(call, observer, attempt)
    }

    fn json<T: Answer>(
        &self,
        call: &Call<'_>,
        mut first: Option<FirstAttempt<Vec<u8>>>,
        observer: &dyn Observer,
    ) -> Result<T, PaletteError> {
        let name = call.name();
        self.retry(&name, observer, |attempt| {
            observer.asks(&name);
            let begun = first.take().and_then(FirstAttempt::wait);
            let body = begun.unwrap_or_else(|| self.body(call, attempt));
            observer.is_answered(&name);
            answer::parse(&body?).map_err(|unfit| self.unfit(unfit, name.clone(), attempt))
        })
    }

    /// Returns the whole body of the answer to one attempt.
    fn body(&self, call: &Call<'_>, attempt: u32) -> Result<Vec<u8>, AttemptError<PaletteError>> {
        let whole = self.timeout.saturating_mul(WHOLE);
        let deadline = AttemptDeadline::of(Some(whole));
        let response = self.send(call, attempt, deadline)?;
        // One more byte distinguishes a body that is too large from one of exactly the limit.
        let (body, ended) = body::read(response, answer::LIMIT + 1, deadline.left_of(whole));
        match ended {
            Ok(()) => Ok(body),
            Err(error) => {
                let why = transport::broken_body(&error, deadline.waited(self.timeout));
                Err(self.broken(call.name(), why, attempt))
            }
        }
    }

    /// Makes one attempt, following redirects within the origin. A status other than 200 is a
    /// failure.
    fn send(
        &self,
        call: &Call<'_>,
        attempt: u32,
        deadline: AttemptDeadline,
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
            // The library's own limit for a request covers the whole request.
            let left = deadline.whole.map(|whole| deadline.left_of(whole));
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
                .map_err(|error| self.transport_failure(&error, call, attempt, deadline))?;
            match response.status() {
                status if status.is_success() => return Ok(response),
                status if status.is_redirection() => {
                    url = redirect::follow(&url, &response).map_err(AttemptError::Final)?;
                    method = redirect::method(status, method);
                }
                _ => return Err(self.refusal(response, call, attempt, deadline)),
            }
        }
        Err(AttemptError::Final(redirect::endless(&first, &url)))
    }
}

fn profile_call<'a>(uid: &Uid, project: Option<&'a Uid>) -> Call<'a> {
    get(format!("/v1/clusterprofiles/{uid}"), project)
}

fn metadata_call(project: Option<&Uid>) -> Call<'_> {
    get("/v1/dashboard/clusterprofiles/metadata".into(), project)
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
