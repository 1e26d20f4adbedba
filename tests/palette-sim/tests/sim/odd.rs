//! Answers that live Palettes give beside the contract, as a client sees them; and what is
//! within the contract all the same.

use std::time::{Duration, Instant};

use palette_sim::contract::Contract;
use palette_sim::{
    Act, EDGE_INFRA_2_1_0, Fault, PROJECT_DEFAULT, Pack, Profile, Route, Sim, Token, World,
};
use serde_json::{Value, json};

use crate::support::{Raw, check_all, get, last, post};

const METADATA: &str = "/v1/dashboard/clusterprofiles/metadata";
const PROJECTS: &str = "/v1/dashboard/projects/metadata";
const DASHBOARD: &str = "/v1/dashboard/clusterprofiles";
const UID: &str = "65c9000000000000000000aa";

/// The demo's infrastructure under this act. The answer after it is the real one again.
fn profile_under(act: Act) -> Value {
    let path = format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}");
    let sim = Sim::start(World::demo());
    sim.fault(Fault::on(Route::Profile, act.clone()));
    let answer = get(&path).project(PROJECT_DEFAULT).send(&sim).json();
    assert_eq!(last(&sim).answer.fault, Some(act));
    let real = get(&path).project(PROJECT_DEFAULT).send(&sim).json();
    assert_ne!(answer, real);
    check_all(&sim);
    answer
}

fn list_under(path: &str, route: Route, act: Act) -> Raw {
    let sim = Sim::start(World::demo());
    sim.fault(Fault::on(route, act));
    get(path).project(PROJECT_DEFAULT).send(&sim)
}

#[test]
fn some_of_it_exchanged() {
    let answer = profile_under(
        Act::set("/metadata/annotations/hasUserMacros", false)
            .and_set("/spec/published/packs/0/tag", 22.04)
            .and_set("/spec/published/packs/-", Value::Null)
            .and_unset("/spec/version"),
    );
    assert_eq!(answer["metadata"]["annotations"]["hasUserMacros"], false);
    let packs = answer["spec"]["published"]["packs"].as_array().unwrap();
    assert_eq!(packs[0]["tag"], 22.04);
    assert_eq!((packs.len(), packs.last()), (4, Some(&Value::Null)));
    assert_eq!(answer["spec"].get("version"), None);
}

#[test]
fn nulls_wherever_something_is_empty() {
    let answer = profile_under(Act::Nulls);
    let packs = answer["spec"]["published"]["packs"].as_array().unwrap();
    assert_eq!(packs[0]["logo"], Value::Null);
    assert_eq!(packs[0]["presets"], Value::Null);
    assert_eq!(packs[0]["layer"], "os");
    let [.., null, hollow] = &packs[..] else {
        panic!("{packs:?}")
    };
    assert_eq!(*null, Value::Null);
    assert!(hollow.as_object().unwrap().values().all(Value::is_null));
    assert!(hollow.as_object().unwrap().contains_key("name"));
}

#[test]
fn lists_that_are_shorter_than_their_count() {
    let short = Act::ShortList { held: 1, count: 65 };
    for (path, route) in [(METADATA, Route::Metadata), (PROJECTS, Route::Projects)] {
        let list = list_under(path, route, short.clone()).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!(list["listmeta"]["count"], 65);
        assert_eq!(list["listmeta"]["continue"], "");
    }
}

#[test]
fn pages_that_are_repeated() {
    for token in [Token::Same, Token::New] {
        let sim = Sim::start(World::demo().fleet(120));
        sim.fault(Fault::on(Route::Dashboard, Act::RepeatPage(token)).forever());
        let page = |query: &str| {
            let call = post(&format!("{DASHBOARD}?limit=50{query}"), &json!({}));
            call.project(PROJECT_DEFAULT).send(&sim).json()
        };
        let first = page("");
        let next = first["listmeta"]["continue"].as_str().unwrap();
        let second = page(&format!("&continue={next}"));
        assert_eq!(first["items"], second["items"]);
        let same = first["listmeta"]["continue"] == second["listmeta"]["continue"];
        assert_eq!(same, token == Token::Same);
    }
}

#[test]
fn errors_of_the_framework_and_of_gateways() {
    let framework = list_under(
        METADATA,
        Route::Metadata,
        Act::framework(422, 602, "uid in path is required"),
    );
    assert_eq!(framework.status(), 422);
    let expected = json!({ "code": 602, "message": "uid in path is required" });
    assert_eq!(framework.json(), expected);
    let page = list_under(
        METADATA,
        Route::Metadata,
        Act::gateway(404, "404 Not Found"),
    );
    assert_eq!(page.status(), 404);
    assert_eq!(page.header("Content-Type"), Some("text/html"));
    assert!(page.body().starts_with(b"<html>"));
}

#[test]
fn an_error_that_trickles() {
    let began = Instant::now();
    let error = Act::Drip(Box::new(Act::text(503, "0123456789")), 20);
    let answer = list_under(METADATA, Route::Metadata, error);
    assert_eq!(
        (answer.status(), answer.body()),
        (503, b"0123456789".to_vec())
    );
    assert!(began.elapsed() >= Duration::from_millis(400));
}

#[test]
fn headers_exchanged() {
    let headers = vec![("content-type".into(), "text/plain".into())];
    let answer = list_under(METADATA, Route::Metadata, Act::Headers(headers));
    assert_eq!(answer.header("Content-Type"), Some("text/plain"));
    assert!(answer.json()["items"].is_array());
}

/// Within the contract: no version, and packs of no registry.
#[test]
fn what_a_profile_may_leave_out() {
    let bare = Profile::add_on(UID, "bare", "").pack(Pack::manifests("mine"));
    let sim = Sim::start(World::demo().profile(bare));
    let path = format!("/v1/clusterprofiles/{UID}");
    let profile = get(&path).project(PROJECT_DEFAULT).send(&sim).json();
    assert_eq!(profile["spec"].get("version"), None);
    let published = &profile["spec"]["published"];
    assert_eq!(published.get("profileVersion"), None);
    for field in ["tag", "version", "digest"] {
        assert_eq!(published["packs"][0].get(field), None);
    }
    assert_eq!(published["packs"][0]["type"], "manifest");
    let list = get(METADATA).project(PROJECT_DEFAULT).send(&sim).json();
    let items = list["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["metadata"]["uid"] == UID);
    assert_eq!(item.unwrap()["spec"].get("version"), None);
    post(DASHBOARD, &json!({}))
        .project(PROJECT_DEFAULT)
        .send(&sim);
    check_all(&sim);
    // The checker sees that the others are not within it.
    if let Some(contract) = Contract::for_tests() {
        sim.fault(Fault::on(Route::Profile, Act::set("/spec/version", 1)));
        get(&path).project(PROJECT_DEFAULT).send(&sim);
        assert!(contract.check_answer(&last(&sim)).is_err());
    }
}
