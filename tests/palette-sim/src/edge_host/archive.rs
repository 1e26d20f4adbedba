//! What a host says of an archive: its profiles, packs and variables, never its bytes.
//!
//! It reads the archives that the simulated Palette makes; of others it knows the profiles'
//! uids and variables.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value, json};

/// The directory of the profiles in an archive.
const PROFILES: &str = "spc/app/profiles/";
/// The fields of the contract's `v1Variable`; an archive has more.
const FIELDS: [&str; 11] = [
    "defaultValue",
    "description",
    "displayName",
    "format",
    "hidden",
    "immutable",
    "isSensitive",
    "name",
    "regex",
    "required",
    "value",
];

/// The answer to `details` for an archive; `None` where it is no archive.
#[must_use]
pub fn details(archive: &[u8]) -> Option<Value> {
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive));
    let mut profiles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for entry in tar.entries().ok()? {
        let mut entry = entry.ok()?;
        let path = entry.path().ok()?.to_string_lossy().into_owned();
        let Some((uid, file)) = path
            .strip_prefix(PROFILES)
            .and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        let files = profiles.entry(uid.to_owned()).or_default();
        if entry.header().entry_type().is_file() {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            files.insert(file.to_owned(), text);
        }
    }
    let profiles: Vec<Value> = profiles
        .iter()
        .map(|(uid, files)| profile(uid, files))
        .collect();
    Some(json!({
        "archiveUploadPath": "/usr/local/spectrocloud/clusterconfig",
        "clusterProfileDetails": profiles,
    }))
}

fn profile(uid: &str, files: &BTreeMap<String, String>) -> Value {
    let read = |name: &str| -> Value {
        let text = files.get(name).map_or("", String::as_str);
        serde_json::from_str(text).unwrap_or_default()
    };
    let exported = read("profile.json");
    let published = &exported["spec"]["published"];
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let packs: Vec<Value> = published["packs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pack| {
            let name = pack["name"].as_str().unwrap_or_default();
            let count = seen.entry(name).or_default();
            *count += 1;
            let home = match *count {
                1 => name.to_owned(),
                n => format!("{name}-{n}"),
            };
            let values = files.get(&format!("packs/{home}/values.yaml"));
            json!({
                "logo": "",
                "name": name,
                "values": values.map_or("", String::as_str),
                "version": pack["tag"],
            })
        })
        .collect();
    let listed = read("variables.json");
    let variables: Vec<Value> = listed["variables"]
        .as_array()
        .into_iter()
        .flatten()
        .map(variable)
        .collect();
    json!({
        "packs": packs,
        "profileDescription": exported["metadata"]["annotations"]["description"]
            .as_str().unwrap_or_default(),
        "profileName": exported["metadata"]["name"].as_str().unwrap_or_default(),
        "profileTags": "",
        "profileType": published["type"].as_str().unwrap_or_default(),
        "profileUid": uid,
        "profileVersion": exported["spec"]["version"].as_str().unwrap_or_default(),
        "variables": variables,
    })
}

fn variable(listed: &Value) -> Value {
    let fields = FIELDS.into_iter().filter_map(|name| {
        let value = listed.get(name)?;
        Some((name.to_owned(), value.clone()))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}
