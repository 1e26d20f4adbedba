//! The requests to Palette, exactly as documented.

use serde_json::json;

use palette_sim::{EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, PROJECT_DEFAULT, Route};

use crate::support::{KEY, Test};

#[test]
fn the_download_is_the_documented_request() {
    let test = Test::new().stage();
    let request = test.download();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/v1/spectroclusters/spc/download");
    assert_eq!(
        request.json().unwrap(),
        json!({
            "metadata": { "name": "cluster-profiles" },
            "spec": {
                "cloudType": "edge-native",
                "profiles": [{ "uid": EDGE_INFRA_2_1_0 }, { "uid": HELLO_UNIVERSE_1_2_0 }],
            },
        })
    );
}

#[test]
fn no_header_but_the_documented_ones() {
    let test = Test::new().stage();
    let request = test.download();
    let mut names: Vec<String> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_lowercase())
        // What HTTP itself needs, and who asks.
        .filter(|name| !["host", "content-length", "accept", "user-agent"].contains(&name.as_str()))
        .collect();
    names.sort();
    assert_eq!(names, ["apikey", "content-type", "projectuid"]);
    assert_eq!(request.header("ApiKey"), Some(KEY));
    assert_eq!(request.header("ProjectUid"), Some(PROJECT_DEFAULT));
    assert_eq!(request.header("Content-Type"), Some("application/json"));
    let agent = request.header("User-Agent").unwrap();
    assert!(agent.starts_with("edgestage/"), "{agent}");
}

/// If the HTTP layer decoded an answer, the archive would differ from Palette's.
#[test]
fn no_compression_is_asked_for() {
    let test = Test::new().stage();
    for request in test.sim.requests() {
        assert_eq!(
            request.header("Accept-Encoding"),
            None,
            "{}",
            request.target
        );
    }
}

#[test]
fn profiles_go_in_the_order_of_the_file() {
    let test = Test::new()
        .definition(
            r#"profiles = ["hello-universe@1.2.0", "edge-infra@2.1.0", "tenant-baseline@1.0.0"]"#,
        )
        .stage();
    let body = test.download().json().unwrap();
    let profiles = body["spec"]["profiles"].as_array().unwrap();
    let uids: Vec<_> = profiles
        .iter()
        .map(|each| each["uid"].as_str().unwrap())
        .collect();
    assert_eq!(
        uids,
        [
            HELLO_UNIVERSE_1_2_0,
            EDGE_INFRA_2_1_0,
            palette_sim::TENANT_BASELINE_1_0_0
        ]
    );
}

#[test]
fn overrides_go_with_their_profile_alone() {
    let test = Test::new()
        .write("values/hello.yaml", "pack:\n  namespace: shop\n# ü\n")
        .definition(
            r#"profiles = ["edge-infra@2.1.0", { uid = "65c92d0f4b3c2e1a8d7f6a90", packs = [
  { name = "hello-universe", tag = "1.2.0", values = "values/hello.yaml" } ] }]"#,
        )
        .stage();
    let body = test.download().json().unwrap();
    assert_eq!(
        body["spec"]["profiles"],
        json!([
            { "uid": EDGE_INFRA_2_1_0 },
            { "uid": HELLO_UNIVERSE_1_2_0, "packs": [
                { "name": "hello-universe", "tag": "1.2.0", "values": "pack:\n  namespace: shop\n# ü\n" },
            ] },
        ])
    );
}

#[test]
fn an_override_without_a_tag_sends_none() {
    let test = Test::new()
        .write("v.yaml", "a: 1\n")
        .definition(
            r#"profiles = [{ name = "edge-infra", version = "2.1.0", packs = [{ name = "edge-k3s", values = "v.yaml" }] }]"#,
        )
        .stage();
    let body = test.download().json().unwrap();
    let packs = &body["spec"]["profiles"][0]["packs"];
    assert_eq!(*packs, json!([{ "name": "edge-k3s", "values": "a: 1\n" }]));
}

#[test]
fn name_and_cloud_type_are_the_definitions() {
    let test = Test::new().definition(
        "name = \"store-7\"\ncloud-type = \"edge-native\"\nprofiles = [\"edge-infra@2.1.0\"]",
    );
    test.run("fetch -q").any_stdout().success();
    let body = test.download().json().unwrap();
    assert_eq!(body["metadata"], json!({ "name": "store-7" }));
    assert_eq!(body["spec"]["cloudType"], "edge-native");
}

#[test]
fn another_cloud_type_is_sent_as_it_is_written() {
    let test = Test::new()
        .definition("cloud-type = \"baremetal\"\nprofiles = [\"tenant-baseline@1.0.0\"]");
    test.run("fetch -q").any_stdout().success();
    let body = test.download().json().unwrap();
    assert_eq!(body["spec"]["cloudType"], "baremetal");
}

/// A definition with only uids needs no list.
#[test]
fn uids_alone_need_no_lists() {
    let test = Test::new().manifest(
        "[palette]\nendpoint = \"{endpoint}\"\nproject = \"5fbbf0c1d2e3f4a5b6c7d8e9\"\n\
             [definition.factory]\nprofiles = [\"65c90a1b2c3d4e5f770daee5\"]\n",
    );
    test.run("fetch -q").any_stdout().success();
    assert_eq!(test.asked(Route::Metadata).len(), 0);
    assert_eq!(test.asked(Route::Projects).len(), 0);
    assert_eq!(test.sim.requests().len(), 2);
}
