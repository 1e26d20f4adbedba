//! The contract's checker, compared with records that break the contract: a checker
//! that lets everything pass would make every other test worthless.

use palette_sim::contract::Contract;
use palette_sim::{
    Act, EDGE_INFRA_2_1_0, Fault, HELLO_UNIVERSE_1_2_0, PROJECT_DEFAULT, Recorded, Route, Sent,
    Sim, World,
};
use serde_json::{Value, json};

use crate::support::{DOWNLOAD, call, definition, get, last, post};

/// The document, and a record made by this call.
fn recorded(call: crate::support::Call) -> Option<(Contract, Recorded)> {
    let contract = Contract::for_tests()?;
    let sim = Sim::start(World::demo());
    call.send(&sim);
    Some((contract, last(&sim)))
}

/// The record with another answer.
fn answered(record: &Recorded, change: impl FnOnce(&mut Value)) -> Recorded {
    let mut record = record.clone();
    let mut body = record.answer.json().unwrap();
    change(&mut body);
    record.answer.body = Sent::Bytes(body.to_string().into_bytes());
    record
}

/// The record with another request.
fn asked(record: &Recorded, change: impl FnOnce(&mut Value)) -> Recorded {
    let mut record = record.clone();
    let mut body = record.json().unwrap();
    change(&mut body);
    record.body = body.to_string().into_bytes();
    record
}

#[track_caller]
fn reports(contract: &Contract, record: &Recorded, words: &str) {
    let problems = contract.check(record).expect_err("a problem");
    assert!(
        problems.iter().any(|problem| problem.contains(words)),
        "{problems:#?}"
    );
}

#[test]
fn answers_that_break_it() {
    let path = format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}");
    let Some((contract, good)) = recorded(get(&path)) else {
        return;
    };
    assert_eq!(contract.check(&good), Ok(()));
    let broken = |change: fn(&mut Value), words: &str| {
        reports(&contract, &answered(&good, change), words);
    };
    broken(|body| body["spec"]["type"] = "infra".into(), "/spec");
    broken(|body| body["metadata"]["id"] = "x".into(), "'id'");
    broken(
        |body| body["spec"]["published"]["packs"][0]["layer"] = "base".into(),
        "/layer",
    );
    broken(|body| body["spec"]["version"] = 2.into(), "/spec/version");
    broken(
        |body| {
            drop(
                body["spec"]["published"]["packs"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("name"),
            );
        },
        "name",
    );
    broken(
        |body| body["metadata"]["creationTimestamp"] = "yesterday".into(),
        "date-time",
    );
    broken(
        |body| body["metadata"]["labels"] = json!({ "a": 1 }),
        "/metadata/labels/a",
    );
    broken(
        |body| body["spec"]["published"]["packs"] = Value::Null,
        "/packs",
    );
    broken(|body| *body = json!([]), "object");
}

#[test]
fn lists_that_break_it() {
    let Some((contract, good)) = recorded(get("/v1/dashboard/clusterprofiles/metadata")) else {
        return;
    };
    assert_eq!(contract.check(&good), Ok(()));
    reports(
        &contract,
        &answered(&good, |body| *body = json!({})),
        "items",
    );
    let twice = answered(&good, |body| {
        let first = body["items"][0].clone();
        body["items"].as_array_mut().unwrap().push(first);
    });
    reports(&contract, &twice, "unique");
    // Not declared as an object, but it has properties.
    reports(
        &contract,
        &answered(&good, |body| body["items"][0] = "x".into()),
        "/items/0",
    );
}

#[test]
fn heads_that_break_it() {
    let Some((contract, good)) = recorded(post(DOWNLOAD, &definition(&[EDGE_INFRA_2_1_0]))) else {
        return;
    };
    assert_eq!(contract.check(&good), Ok(()));
    let mut bare = good.clone();
    bare.answer
        .headers
        .retain(|(name, _)| name != "Content-Disposition");
    reports(&contract, &bare, "Content-Disposition");
    let mut html = good.clone();
    html.answer.headers[0].1 = "text/html".into();
    reports(&contract, &html, "text/html");
    let mut status = good.clone();
    status.answer.status = 204;
    reports(&contract, &status, "204");
}

#[test]
fn errors_that_break_it() {
    let Some((contract, good)) = recorded(get("/v1/clusterprofiles/65c90a1b2c3d4e5f770dae00"))
    else {
        return;
    };
    assert_eq!(good.answer.status, 404);
    assert_eq!(contract.check(&good), Ok(()));
    reports(
        &contract,
        &answered(&good, |body| body["error"] = 1.into()),
        "'error'",
    );
    reports(
        &contract,
        &answered(&good, |body| body["message"] = "".into()),
        "no message",
    );
    reports(
        &contract,
        &answered(&good, |body| body["details"] = "x".into()),
        "/details",
    );
}

#[test]
fn requests_that_break_it() {
    let body = json!({
        "metadata": { "name": "x" },
        "spec": { "cloudType": "edge-native", "profiles": [
            { "uid": EDGE_INFRA_2_1_0, "packs": [{ "name": "edge-k3s", "values": "a: 1" }] },
            { "uid": HELLO_UNIVERSE_1_2_0 },
        ] },
    });
    let Some((contract, good)) = recorded(post(DOWNLOAD, &body)) else {
        return;
    };
    assert_eq!(contract.check(&good), Ok(()));
    let broken = |change: fn(&mut Value), words: &str| {
        reports(&contract, &asked(&good, change), words);
    };
    broken(|body| body["spec"]["cloudtype"] = "x".into(), "'cloudtype'");
    broken(
        |body| drop(body["spec"].as_object_mut().unwrap().remove("cloudType")),
        "cloudType",
    );
    broken(
        |body| drop(body["spec"].as_object_mut().unwrap().remove("profiles")),
        "profiles",
    );
    broken(|body| body["spec"]["profiles"][0] = json!({}), "uid");
    broken(
        |body| body["spec"]["profiles"][0] = body["spec"]["profiles"][1].clone(),
        "unique",
    );
    broken(
        |body| body["spec"]["profiles"][0]["packs"][0]["type"] = "deb".into(),
        "deb",
    );
    broken(
        |body| body["spec"]["profiles"][0]["packs"][0]["tag"] = Value::Null,
        "/tag",
    );

    let mut plain = good.clone();
    plain.headers.retain(|(name, _)| name != "Content-Type");
    reports(&contract, &plain, "Content-Type");
    let mut anonymous = good.clone();
    anonymous.headers.retain(|(name, _)| name != "ApiKey");
    reports(&contract, &anonymous, "ApiKey");
    let mut garbled = good.clone();
    garbled.body = b"{".to_vec();
    reports(&contract, &garbled, "not JSON");
    let mut strange = good.clone();
    strange.path = "/v1/spectroclusters/spc".into();
    reports(&contract, &strange, "not in the contract");
    strange.path.clone_from(&good.path);
    strange.method = "PUT".into();
    reports(&contract, &strange, "method");
}

#[test]
fn nullable_filters_and_queries() {
    let target = "/v1/dashboard/clusterprofiles?limit=50";
    let body = json!({
        "filter": { "profileName": { "eq": null } },
        "sort": [{ "field": null, "order": "asc" }],
    });
    let Some((contract, good)) = recorded(post(target, &body)) else {
        return;
    };
    assert_eq!(good.answer.status, 200);
    assert_eq!(contract.check(&good), Ok(()));
    let wrong = asked(&good, |body| {
        body["filter"]["profileName"]["ignoreCase"] = Value::Null;
    });
    reports(&contract, &wrong, "ignoreCase");
    let query = |name: &str, value: &str| {
        let mut record = good.clone();
        record.query = vec![(name.into(), value.into())];
        record
    };
    reports(&contract, &query("limit", "51"), "query limit");
    reports(&contract, &query("limit", "all"), "query limit");
    reports(&contract, &query("size", "5"), "size");
    let mut get = good.clone();
    get.method = "GET".into();
    reports(&contract, &get, "method");
}

#[test]
fn enums_of_a_query_and_bodies_of_a_get() {
    let path = format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}?resourceType=spectrocluster");
    let Some((contract, good)) = recorded(get(&path)) else {
        return;
    };
    assert_eq!(contract.check(&good), Ok(()));
    let mut wrong = good.clone();
    wrong.query[0].1 = "cluster".into();
    reports(&contract, &wrong, "resourceType");
    let mut loaded = good.clone();
    loaded.body = b"{}".to_vec();
    reports(&contract, &loaded, "has a body");
}

#[test]
fn a_spoiled_answer_is_not_held_against_anybody() {
    let Some(contract) = Contract::for_tests() else {
        return;
    };
    let sim = Sim::start(World::demo());
    sim.fault(Fault::on(Route::Any, Act::Html200));
    let path = format!("/v1/projects/{PROJECT_DEFAULT}");
    call("GET", &path).send(&sim);
    let record = last(&sim);
    assert_eq!(contract.check(&record), Ok(()));
    assert!(contract.check_answer(&record).is_err());
    sim.fault(Fault::on(Route::Any, Act::Html200));
    call("GET", "/v1/nothing").send(&sim);
    assert!(contract.check(&last(&sim)).is_err());
}

#[test]
fn documents_that_cannot_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no-contract.json");
    assert!(Contract::load(&path).is_err());
    std::fs::write(&path, "{}").unwrap();
    assert!(Contract::load(&path).is_err());
}
