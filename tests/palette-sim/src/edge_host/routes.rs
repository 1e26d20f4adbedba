//! The calls of the local API, and what they answer.

use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use serde_json::{Value, json};

use super::archive::details;
use super::form::parts;
use super::world::{HostFault, HostWorld, NoneThere};
use crate::http::Request;
use crate::profile::pseudo_hex;
use crate::wire;

/// The failures after which a user is locked.
const MOST_FAILURES: u32 = 5;
/// The failures after which a delay begins.
const BEFORE_DELAY: u32 = 3;
/// The folder in which an upload lands.
const UPLOADED: &str = "/usr/local/spectrocloud/clusterconfig/overridden";

/// An answer before it is written.
pub(super) enum Reply {
    /// A status and JSON; null is no body.
    Json(u16, Value),
    /// Status 200 and this text.
    Text(String),
    /// None: the connection is reset.
    Reset,
}

/// A refusal in the contract's `v1Error`.
fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::Json(status, wire::error(code, message, 1))
}

/// Answers a request. What takes time takes it outside of `world`, which is locked by the
/// caller; so the delay comes back beside the answer.
pub(super) fn answer(world: &mut HostWorld, request: &Request) -> (Reply, Duration) {
    let ends = |path: &str| request.path.ends_with(path);
    let fault = world.take(|fault| match fault {
        HostFault::Answer(path, ..) | HostFault::Body(path, _) | HostFault::Stall(path, _) => {
            ends(path)
        }
        _ => false,
    });
    let mut wait = Duration::ZERO;
    match fault {
        Some(HostFault::Answer(_, status, message)) => {
            return (refusal(status, "Ordered", message), wait);
        }
        Some(HostFault::Body(_, text)) => return (Reply::Text(text.to_owned()), wait),
        Some(HostFault::Stall(_, time)) => wait = time,
        _ => {}
    }
    if request.path == "/v1/users/default/login" {
        let (reply, delay) = login(world, request);
        return (reply, wait + delay);
    }
    let token = request.header("Authorization").unwrap_or_default();
    if !world.tokens.iter().any(|known| known == token) {
        let message = "token is missing or not valid";
        return (refusal(401, "Unauthorized", message), wait);
    }
    (authorized(world, request), wait)
}

fn login(world: &mut HostWorld, request: &Request) -> (Reply, Duration) {
    if request.method != "POST" {
        return (
            refusal(405, "MethodNotAllowed", "only POST"),
            Duration::ZERO,
        );
    }
    if world
        .locked_until
        .is_some_and(|until| Instant::now() < until)
    {
        let message = "the user is blocked, try again in 15 minutes";
        return (refusal(401, "UserBlocked", message), Duration::ZERO);
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if body["username"] != *world.user || body["password"] != *world.password {
        world.failures += 1;
        let after = world.failures.saturating_sub(BEFORE_DELAY);
        let delay = match world.failures {
            0..BEFORE_DELAY => Duration::ZERO,
            _ => world.delay * 2_u32.pow(after.min(10)),
        };
        if world.failures >= MOST_FAILURES {
            world.locked_until = Some(Instant::now() + world.lock_out);
        }
        let message = "invalid username or password";
        return (refusal(401, "InvalidCredentials", message), delay);
    }
    world.failures = 0;
    world.logins += 1;
    let part = |what: &str| pseudo_hex(&format!("{what} {} {}", world.name, world.logins), 40);
    let token = format!("eyJh{}.{}.{}", part("head"), part("body"), part("sign"));
    world.tokens.push(token.clone());
    let answer = json!({ "Token": { "Authorization": token }, "IsFirstLogin": false });
    (Reply::Json(200, answer), Duration::ZERO)
}

fn authorized(world: &mut HostWorld, request: &Request) -> Reply {
    let path = request.path.strip_prefix("/v1/").unwrap_or_default();
    match (request.method.as_str(), path) {
        ("POST", "users/default/logout") => {
            let token = request.header("Authorization").unwrap_or_default();
            world.tokens.retain(|known| known != token);
            Reply::Json(200, Value::Null)
        }
        ("GET", "edge-mgmt/settings") => Reply::Json(200, settings(world)),
        ("GET", "edge-mgmt/edgehosts/current") => Reply::Json(200, info(world)),
        ("GET", "edge-mgmt/cluster") if world.has_cluster => {
            let cluster = json!({ "metadata": { "name": "store-17" }, "spec": {} });
            Reply::Json(200, cluster)
        }
        ("GET", "edge-mgmt/cluster") => refusal(404, "NotFound", "there is no cluster"),
        ("GET", "edge-mgmt/edgehosts/current/actions/content/signing-public-key") => {
            match &world.signing_key {
                Some(key) => Reply::Json(200, json!({ "key": key })),
                None => refusal(404, "NotFound", "public key not found"),
            }
        }
        ("POST", "edge-mgmt/edgehosts/current/actions/upload-clusterconfig") => {
            upload(world, request)
        }
        ("DELETE", "edge-mgmt/clusters/archive/update") => {
            world.slots.remove("update");
            Reply::Json(202, json!({ "message": "rejected" }))
        }
        ("GET", path) => {
            let slot = path
                .strip_prefix("edge-mgmt/clusters/archive/")
                .and_then(|rest| rest.strip_suffix("/details"));
            match slot.filter(|slot| ["embedded", "overridden", "update"].contains(slot)) {
                Some(slot) => slot_details(world, slot),
                None => refusal(404, "NotFound", "no such path"),
            }
        }
        _ => refusal(404, "NotFound", "no such path"),
    }
}

fn settings(world: &HostWorld) -> Value {
    let mut settings = json!({ "featureFlags": {}, "installationMode": "airgap" });
    if let Some(mode) = &world.management_mode {
        settings["managementMode"] = mode.as_str().into();
    }
    if let Some(kind) = &world.appliance_type {
        settings["applianceType"] = kind.as_str().into();
    }
    settings
}

fn info(world: &HostWorld) -> Value {
    let mut spec = json!({});
    for (name, value) in [
        ("managementMode", &world.management_mode),
        ("nodeRole", &world.node_role),
    ] {
        if let Some(value) = value {
            spec[name] = value.as_str().into();
        }
    }
    json!({
        "metadata": { "id": pseudo_hex(&world.name, 32), "name": world.name },
        "spec": spec,
        "status": { "agentVersion": "v4.9.40", "hostName": world.name },
    })
}

fn slot_details(world: &HostWorld, slot: &str) -> Reply {
    match (world.slots.get(slot), world.none_there) {
        (Some(details), _) => Reply::Json(200, details.clone()),
        (None, NoneThere::NotFound) => refusal(404, "NotFound", "no archive"),
        (None, NoneThere::EmptyList) => Reply::Json(
            200,
            json!({ "archiveUploadPath": "", "clusterProfileDetails": [] }),
        ),
        (None, NoneThere::Null) => Reply::Json(200, json!({ "clusterProfileDetails": null })),
        (None, NoneThere::EmptyObject) => Reply::Json(200, json!({})),
    }
}

fn upload(world: &mut HostWorld, request: &Request) -> Reply {
    let Some(parts) = parts(request.header("Content-Type"), &request.body) else {
        return refusal(500, "InvalidForm", "cannot read the form");
    };
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let Some(file) = part("uploadFile").filter(|part| part.file_name.is_some()) else {
        return refusal(500, "InvalidForm", "uploadFile is missing");
    };
    let signature = part("signature").map(|part| part.content.clone());
    let has_key = world
        .signing_key
        .as_ref()
        .is_some_and(|key| !key.is_empty());
    match (&signature, has_key) {
        (Some(_), false) => {
            let message = "content verification failed: public key to verify content not found";
            return refusal(500, "VerificationFailed", message);
        }
        (None, true) => {
            let message = "content verification failed: signature not found";
            return refusal(500, "VerificationFailed", message);
        }
        _ => {}
    }
    let Some(found) = details(&file.content) else {
        return refusal(500, "InvalidArchive", "cannot extract the archive");
    };
    let answer = json!({ "message": "uploaded", "uploadPath": UPLOADED });
    let fault = world.take(|fault| {
        matches!(
            fault,
            HostFault::LoseAnswer | HostFault::Forget | HostFault::StoreOther(_)
        )
    });
    let stored = match &fault {
        Some(HostFault::Forget) => return Reply::Json(201, answer),
        Some(HostFault::StoreOther(other)) => (**other).clone(),
        _ => found,
    };
    world.slots.insert("overridden", stored);
    if let Err(error) = write(world, &file.content, signature.as_deref()) {
        return refusal(500, "NotWritten", &error.to_string());
    }
    world.uploads.push((file.content.clone(), signature));
    match fault {
        Some(HostFault::LoseAnswer) => Reply::Reset,
        _ => Reply::Json(201, answer),
    }
}

/// Writes an upload into the directory for them, if there is one.
fn write(world: &HostWorld, archive: &[u8], signature: Option<&[u8]>) -> io::Result<()> {
    let Some(directory) = &world.upload_directory else {
        return Ok(());
    };
    let name = directory.join((world.uploads.len() + 1).to_string());
    fs::write(name.with_extension("tgz"), archive)?;
    match signature {
        Some(signature) => fs::write(name.with_extension("sig.hex"), signature),
        None => Ok(()),
    }
}

/// Waits in pieces, so that a server that ends is not waited for.
pub(super) fn pause(time: Duration, is_over: impl Fn() -> bool) {
    const PIECE: Duration = Duration::from_millis(10);
    let began = Instant::now();
    while began.elapsed() < time && !is_over() {
        thread::sleep(PIECE.min(time.saturating_sub(began.elapsed())));
    }
}
