//! Routing, keys and scopes: from a request to an answer.
//!
//! Invariant: a profile or a project leaves here only through [`Caller`], which
//! knows what the key and `ProjectUid` may see (facts, section 1).

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::dashboard::{self, PAGE};
use crate::download;
use crate::fault::Route;
use crate::http::{Body, Request, Response};
use crate::profile::{Profile, Scope};
use crate::request::{FilterSpec, PackManifest, TemplateDraft};
use crate::wire;
use crate::world::{Key, NameMatch, Payload, Project, World};

/// The route of a path, and the uid in it.
pub(crate) fn classify(path: &str) -> Option<(Route, &str)> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let found = match segments.as_slice() {
        ["v1", "spectroclusters", "spc", "download"] => (Route::Download, ""),
        ["v1", "clusterprofiles", "validate", "packs"] => (Route::Validate, ""),
        ["v1", "clusterprofiles", uid] if !uid.is_empty() => (Route::Profile, *uid),
        ["v1", "clusterprofiles", uid, "variables"] => (Route::Variables, *uid),
        ["v1", "dashboard", "clusterprofiles", "metadata"] => (Route::Metadata, ""),
        ["v1", "dashboard", "clusterprofiles"] => (Route::Dashboard, ""),
        ["v1", "dashboard", "projects", "metadata"] => (Route::Projects, ""),
        ["v1", "projects", uid] if !uid.is_empty() => (Route::Project, *uid),
        _ => return None,
    };
    Some(found)
}

/// Method and operation of a route (contract).
fn operation(route: Route) -> (&'static str, &'static str) {
    match route {
        Route::Download => ("POST", "v1SpectroClustersSpcDownload"),
        Route::Profile => ("GET", "v1ClusterProfilesGet"),
        Route::Variables => ("GET", "V1ClusterProfilesUidVariablesGet"),
        Route::Metadata => ("GET", "v1ClusterProfilesMetadata"),
        Route::Dashboard => ("POST", "v1ClusterProfilesFilterSummary"),
        Route::Projects => ("GET", "v1ProjectsMetadata"),
        Route::Project => ("GET", "v1ProjectsUidGet"),
        Route::Validate => ("POST", "v1ClusterProfilesValidatePacks"),
        // Not a route of a request.
        Route::Any => ("", ""),
    }
}

/// Why a request gets no answer of its own.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The request breaks the contract or a rule.
    pub(crate) fn bad(message: &str) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    /// Too many requests.
    pub(crate) fn limited() -> Self {
        let message = "Too many requests, the rate limit is exceeded";
        Self::new(429, "TooManyRequests", message)
    }

    /// As an answer.
    pub(crate) fn respond(&self, reference: u64) -> Response {
        let body = wire::error(self.code, &self.message, reference);
        Response::json(self.status, &body)
    }
}

/// Who asks, and in which scope.
pub(crate) struct Caller<'a> {
    key: &'a Key,
    project: Option<&'a str>,
    operation: &'static str,
}

impl<'a> Caller<'a> {
    fn identify(
        world: &'a World,
        request: &'a Request,
        operation: &'static str,
    ) -> Result<Self, Refusal> {
        let Some(value) = request.header("ApiKey") else {
            let message = "Authentication is required, the ApiKey header is missing";
            return Err(Refusal::new(401, "Unauthorized", message));
        };
        let Some(key) = world.keys.iter().find(|key| key.value == value) else {
            return Err(Refusal::new(401, "InvalidApiKey", "The API key is invalid"));
        };
        let project = request.header("ProjectUid").filter(|uid| !uid.is_empty());
        let caller = Self {
            key,
            project,
            operation,
        };
        if let Some(uid) = project {
            let exists = world.projects.iter().any(|each| each.uid == uid);
            // One answer for both: the API does not tell strangers what exists.
            if !exists || !key.sees(uid) {
                return Err(caller.forbidden());
            }
        }
        Ok(caller)
    }

    fn forbidden(&self) -> Refusal {
        let message = format!("Operation {} is forbidden", self.operation);
        Refusal::new(403, "OperationForbidden", &message)
    }

    /// Whether the profile is in the caller's scope.
    fn sees(&self, profile: &Profile) -> bool {
        match (&profile.scope, self.project) {
            (Some(Scope::Project(owner)), Some(project)) => owner == project,
            (Some(Scope::Project(_)), None) => false,
            (_, Some(_)) => true,
            (_, None) => self.key.tenant,
        }
    }

    fn listed<'w>(&self, world: &'w World) -> Vec<&'w Profile> {
        let profiles = world.profiles.iter();
        profiles.filter(|profile| self.sees(profile)).collect()
    }

    /// The profile with this uid: 404 where there is none, 403 out of scope.
    pub(crate) fn reach<'w>(&self, world: &'w World, uid: &str) -> Result<&'w Profile, Refusal> {
        let Some(profile) = world.find(uid) else {
            let message = format!("Resource clusterprofile {uid} is not found");
            return Err(Refusal::new(404, "ResourceNotFound", &message));
        };
        if self.sees(profile) {
            Ok(profile)
        } else {
            Err(self.forbidden())
        }
    }
}

/// The answer to a request. `number` is unique among the requests of a simulator.
pub(crate) fn answer(world: &World, request: &Request, number: u64) -> Response {
    route(world, request, number).unwrap_or_else(|refusal| refusal.respond(number))
}

fn route(world: &World, request: &Request, number: u64) -> Result<Response, Refusal> {
    let Some((route, uid)) = classify(&request.path) else {
        let message = format!("Path {} is not found", request.path);
        return Err(Refusal::new(404, "ResourceNotFound", &message));
    };
    let (method, operation) = operation(route);
    if request.method != method {
        let message = format!("Method {} is not allowed", request.method);
        return Err(Refusal::new(405, "MethodNotAllowed", &message));
    }
    let caller = Caller::identify(world, request, operation)?;
    let body = match route {
        Route::Any => Value::Null,
        Route::Download => return archive(world, &caller, request, number),
        Route::Profile => {
            resource_type(request)?;
            wire::profile(world, caller.reach(world, uid)?)
        }
        Route::Variables => wire::variables(caller.reach(world, uid)?),
        Route::Metadata => {
            let profiles = caller.listed(world);
            let items: Vec<Value> = profiles.into_iter().map(wire::profile_metadata).collect();
            json!({ "items": items })
        }
        Route::Dashboard => page(world, &caller, request)?,
        Route::Projects => projects(world, &caller, request),
        Route::Project => project(world, &caller, uid)?,
        Route::Validate => validate(world, &caller, &read(request)?),
    };
    Ok(Response::json(200, &body))
}

/// The body of a request. The contract requires none: an absent one is `{}`.
fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    let body: &[u8] = if request.body.is_empty() {
        b"{}"
    } else {
        let media = request.header("Content-Type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            let message = format!("Content-Type {media:?} is not application/json");
            return Err(Refusal::bad(&message));
        }
        &request.body
    };
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad(&format!("The request body is invalid: {error}")))
}

fn archive(
    world: &World,
    caller: &Caller,
    request: &Request,
    number: u64,
) -> Result<Response, Refusal> {
    let recipe = download::recipe(world, caller, read(request)?, number)?;
    let name = format!("attachment; filename=\"{}.tgz\"", file_name(&recipe.name));
    let framing = world.archive.framing;
    let body = match &world.archive.payload {
        Payload::Definition => Body::Archive(Box::new(recipe), framing),
        Payload::File(path) if path.is_file() => Body::File(path.clone(), framing),
        Payload::File(path) => {
            let message = format!("There is no file {}", path.display());
            return Err(Refusal::new(500, "InternalServerError", &message));
        }
    };
    let response = Response::new(200, "application/octet-stream", body);
    Ok(response.header("Content-Disposition", &name))
}

/// A name without what would break out of the header or out of a directory.
fn file_name(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.chars()
        .map(|letter| if plain(letter) { letter } else { '-' })
        .collect()
}

fn resource_type(request: &Request) -> Result<(), Refusal> {
    match request.parameter("resourceType") {
        None | Some("spectrocluster" | "clustertemplate") => Ok(()),
        Some(other) => {
            let message = format!("resourceType {other:?} is not known");
            Err(Refusal::bad(&message))
        }
    }
}

fn page(world: &World, caller: &Caller, request: &Request) -> Result<Value, Refusal> {
    let spec: FilterSpec = read(request)?;
    let limit = match number_of(request, "limit")? {
        None | Some(0) => PAGE,
        Some(limit) if limit <= PAGE => limit,
        Some(limit) => {
            let message = format!("limit {limit} is more than {PAGE}");
            return Err(Refusal::bad(&message));
        }
    };
    let token = request
        .parameter("continue")
        .filter(|token| !token.is_empty());
    let resumed = match token {
        None => None,
        Some(token) => match dashboard::start_of(token, &request.body) {
            None => return Err(Refusal::bad("The continue token belongs to another query")),
            start => start,
        },
    };
    let start = number_of(request, "offset")?.or(resumed).unwrap_or(0);
    let selected = dashboard::select(caller.listed(world), &spec);
    let shown: Vec<Value> = selected
        .iter()
        .skip(start)
        .take(limit)
        .map(|profile| wire::summary(world, profile))
        .collect();
    let next = start.saturating_add(shown.len());
    let token = if next < selected.len() {
        dashboard::token(next, &request.body)
    } else {
        String::new()
    };
    Ok(json!({
        "listmeta": {
            "continue": token,
            "count": selected.len(),
            "limit": shown.len(),
            "offset": next,
        },
        "items": shown,
    }))
}

fn number_of(request: &Request, name: &str) -> Result<Option<usize>, Refusal> {
    match request.parameter(name) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            let message = format!("{name} {text:?} is not a number");
            Refusal::bad(&message)
        }),
    }
}

/// Lists what the key may see, with or without `ProjectUid`: this call is how a
/// client finds out what to put there.
fn projects(world: &World, caller: &Caller, request: &Request) -> Value {
    let wanted = request.parameter("name").unwrap_or_default();
    let matches = |project: &&Project| match world.project_names {
        _ if wanted.is_empty() => true,
        NameMatch::Exact => project.name == wanted,
        NameMatch::Contains => project.name.to_lowercase().contains(&wanted.to_lowercase()),
        NameMatch::Ignored => true,
    };
    let items: Vec<Value> = world
        .projects
        .iter()
        .filter(|project| caller.key.sees(&project.uid))
        .filter(matches)
        .map(wire::project_metadata)
        .collect();
    json!({ "items": items })
}

fn project(world: &World, caller: &Caller, uid: &str) -> Result<Value, Refusal> {
    let Some(project) = world.projects.iter().find(|each| each.uid == uid) else {
        let message = format!("Resource project {uid} is not found");
        return Err(Refusal::new(404, "ResourceNotFound", &message));
    };
    if caller.key.sees(uid) {
        Ok(wire::project(world, project))
    } else {
        Err(caller.forbidden())
    }
}

/// The server's own check of packs: one result per pack, without errors where it is
/// fine. A pack is known if a profile within the caller's sight has it.
fn validate(world: &World, caller: &Caller, body: &TemplateDraft) -> Value {
    let known = caller.listed(world);
    let mut results: Vec<Value> = Vec::new();
    for (at, wanted) in body.packs.0.iter().enumerate() {
        let mut errors = Vec::new();
        let same = |pack: &&crate::profile::Pack| {
            let tag = wanted.tag.as_ref();
            pack.name == wanted.name && tag.is_none_or(|tag| *tag == pack.tag)
        };
        let mut packs = known.iter().flat_map(|profile| &profile.packs);
        let label = format!("{}:{}", wanted.name, wanted.tag.as_deref().unwrap_or("*"));
        match packs.find(same).map(|pack| &pack.invalid) {
            None => errors.push(json!({
                "code": "PackNotFound",
                "message": format!("Pack {label} is not found in the registry"),
            })),
            Some(Some(reason)) => errors.push(json!({ "code": "PackInvalid", "message": reason })),
            Some(None) => {}
        }
        if clashes(wanted, &body.packs.0[..at]) {
            errors.push(json!({
                "code": "DuplicatePackLayer",
                "message": format!("Pack {label} repeats a pack or an infrastructure layer"),
            }));
        }
        let result = json!({
            "displayName": wanted.name,
            "errors": errors,
            "name": wanted.name,
        });
        if !results.contains(&result) {
            results.push(result);
        }
    }
    json!({ "packs": { "results": results } })
}

/// Whether an earlier pack has the same name or the same infrastructure layer.
fn clashes(wanted: &PackManifest, earlier: &[PackManifest]) -> bool {
    let infrastructure = wanted.layer.as_deref().filter(|layer| *layer != "addon");
    earlier.iter().any(|other| {
        let same_layer = infrastructure.is_some() && other.layer.as_deref() == infrastructure;
        other.name == wanted.name || same_layer
    })
}
