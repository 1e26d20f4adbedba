//! Keys and `ProjectUid`: who sees what.

use palette_sim::{
    EDGE_INFRA_2_1_0, Key, NameMatch, PROJECT_DEFAULT, PROJECT_RETAIL, RETAIL_POS_3_2_1, Sim,
    TENANT_BASELINE_1_0_0, World,
};
use serde_json::json;

use crate::support::{Call, DOWNLOAD, Raw, call, check_all, check_answers, definition, get, post};

const METADATA: &str = "/v1/dashboard/clusterprofiles/metadata";

fn profile(uid: &str) -> Call {
    call("GET", &format!("/v1/clusterprofiles/{uid}"))
}

fn names(answer: &Raw) -> Vec<String> {
    assert_eq!(answer.status(), 200);
    let answer = answer.json();
    let items = answer["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_key_is_needed() {
    let sim = Sim::start(World::demo());
    let missing = get(METADATA).anonymous().send(&sim);
    assert_eq!(missing.status(), 401);
    assert_eq!(missing.json()["code"], "Unauthorized");
    let wrong = get(METADATA).key("no-such-key").send(&sim);
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json()["code"], "InvalidApiKey");
    check_answers(&sim);
}

#[test]
fn header_names_have_no_case() {
    let sim = Sim::start(World::demo());
    let call = call("GET", METADATA).anonymous();
    let call = call
        .header("apikey", palette_sim::DEMO_KEY)
        .header("PROJECTUID", PROJECT_RETAIL);
    assert_eq!(names(&call.send(&sim)), ["tenant-baseline", "retail-pos"]);
    check_all(&sim);
}

#[test]
fn a_profile_needs_its_own_project() {
    let sim = Sim::start(World::demo());
    let forbidden = |call: Call| {
        let answer = call.send(&sim);
        assert_eq!(answer.status(), 403);
        let error = answer.json();
        assert_eq!(error["code"], "OperationForbidden");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Operation "), "{message}");
        assert!(message.ends_with(" is forbidden"), "{message}");
    };
    forbidden(profile(EDGE_INFRA_2_1_0));
    forbidden(profile(EDGE_INFRA_2_1_0).project(PROJECT_RETAIL));
    forbidden(profile(EDGE_INFRA_2_1_0).project("5fbbf0c1d2e3f4a5b6c7d800"));
    forbidden(call("POST", DOWNLOAD).json(&definition(&[EDGE_INFRA_2_1_0])));
    forbidden(post(
        DOWNLOAD,
        &definition(&[EDGE_INFRA_2_1_0, RETAIL_POS_3_2_1]),
    ));
    assert_eq!(
        profile(EDGE_INFRA_2_1_0)
            .project(PROJECT_DEFAULT)
            .send(&sim)
            .status(),
        200
    );
    let unknown = profile("65c90a1b2c3d4e5f770dae00")
        .project(PROJECT_DEFAULT)
        .send(&sim);
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.json()["code"], "ResourceNotFound");
    check_all(&sim);
}

#[test]
fn tenant_profiles_are_everywhere() {
    let sim = Sim::start(World::demo());
    assert_eq!(profile(TENANT_BASELINE_1_0_0).send(&sim).status(), 200);
    assert_eq!(
        profile(TENANT_BASELINE_1_0_0)
            .project(PROJECT_RETAIL)
            .send(&sim)
            .status(),
        200
    );
    let body = definition(&[EDGE_INFRA_2_1_0, TENANT_BASELINE_1_0_0]);
    assert_eq!(post(DOWNLOAD, &body).send(&sim).status(), 200);
    check_all(&sim);
}

#[test]
fn lists_without_a_project_are_empty_but_for_the_tenant() {
    let sim = Sim::start(World::demo().key(Key::limited("clerk", &[PROJECT_DEFAULT])));
    assert_eq!(
        names(&call("GET", METADATA).send(&sim)),
        ["tenant-baseline"]
    );
    assert_eq!(
        names(&call("GET", METADATA).key("clerk").send(&sim)),
        [""; 0]
    );
    let dashboard = call("POST", "/v1/dashboard/clusterprofiles").json(&json!({}));
    assert_eq!(names(&dashboard.key("clerk").send(&sim)), [""; 0]);
    check_all(&sim);
}

#[test]
fn a_key_of_one_project() {
    let sim = Sim::start(World::demo().key(Key::limited("clerk", &[PROJECT_DEFAULT])));
    let clerk = |call: Call| call.key("clerk").send(&sim);
    assert_eq!(
        clerk(profile(EDGE_INFRA_2_1_0).project(PROJECT_DEFAULT)).status(),
        200
    );
    assert_eq!(
        clerk(profile(RETAIL_POS_3_2_1).project(PROJECT_RETAIL)).status(),
        403
    );
    assert_eq!(clerk(profile(TENANT_BASELINE_1_0_0)).status(), 403);
    assert_eq!(
        clerk(profile(TENANT_BASELINE_1_0_0).project(PROJECT_DEFAULT)).status(),
        200
    );
    let projects = clerk(call("GET", "/v1/dashboard/projects/metadata"));
    assert_eq!(names(&projects), ["Default"]);
    let retail = format!("/v1/projects/{PROJECT_RETAIL}");
    assert_eq!(clerk(call("GET", &retail)).status(), 403);
    check_all(&sim);
}

#[test]
fn how_project_names_match_is_switchable() {
    let sim = Sim::start(World::demo().project("62aa0b1c2d3e4f5a6b7c8d9e", "Default-old"));
    let found = |mode: NameMatch| {
        sim.world(|world| world.project_names = mode);
        names(&get("/v1/dashboard/projects/metadata?name=Default").send(&sim)).len()
    };
    assert_eq!(found(NameMatch::Exact), 1);
    assert_eq!(found(NameMatch::Contains), 2);
    assert_eq!(found(NameMatch::Ignored), 3);
    check_all(&sim);
}
