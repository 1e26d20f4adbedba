//! Each call of the contract, with what it answers and what it refuses.

use palette_sim::{
    EDGE_GPU_0_1_0, EDGE_INFRA_2_0_0, EDGE_INFRA_2_1_0, EDGE_LOGGING_0_9_0, EDGE_STORAGE_1_0_0,
    HELLO_UNIVERSE_1_2_0, PROJECT_DEFAULT, PROJECT_RETAIL, Pack, Profile, Sim, World,
};
use serde_json::{Value, json};

use crate::support::{DOWNLOAD, check_all, check_answers, definition, get, post};

const DASHBOARD: &str = "/v1/dashboard/clusterprofiles";

fn names(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let version = item["spec"]["version"].as_str().unwrap_or_default();
            format!("{} {version}", item["metadata"]["name"].as_str().unwrap())
        })
        .map(|text| text.trim_end().to_owned())
        .collect()
}

#[test]
fn a_profile_with_its_packs() {
    let sim = Sim::start(World::demo());
    let answer = get(&format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}"))
        .send(&sim)
        .json();
    let published = &answer["spec"]["published"];
    assert_eq!(answer["metadata"]["name"], "edge-infra");
    assert_eq!(answer["metadata"]["annotations"]["scope"], "project");
    assert_eq!(
        answer["metadata"]["annotations"]["projectUid"],
        PROJECT_DEFAULT
    );
    assert_eq!(answer["spec"]["version"], "2.1.0");
    assert_eq!(published["type"], "infra");
    assert_eq!(published["cloudType"], "edge-native");
    assert_eq!(published["profileVersion"], "2.1.0");
    assert_eq!(published["packs"][1]["name"], "edge-k3s");
    assert_eq!(published["packs"][1]["tag"], "1.30.4");
    let versions = json!([
        { "uid": EDGE_INFRA_2_0_0, "version": "2.0.0" },
        { "uid": EDGE_INFRA_2_1_0, "version": "2.1.0" },
    ]);
    assert_eq!(answer["spec"]["versions"], versions);
    assert!(answer["spec"].get("draft").is_none());
    check_all(&sim);
}

#[test]
fn drafts_beside_and_in_place_of_the_published() {
    let sim = Sim::start(World::demo());
    let spec =
        |uid: &str| get(&format!("/v1/clusterprofiles/{uid}")).send(&sim).json()["spec"].clone();
    let edited = spec(EDGE_LOGGING_0_9_0);
    assert_eq!(edited["published"]["packs"][0]["version"], "3.1.4");
    assert_eq!(edited["draft"]["packs"][0]["version"], "3.1.9");
    let fresh = spec(EDGE_GPU_0_1_0);
    assert!(fresh.get("published").is_none());
    assert_eq!(fresh["draft"]["packs"][0]["name"], "gpu-operator");
    check_all(&sim);
}

#[test]
fn an_invalid_pack_says_why() {
    let profile = Profile::infra(EDGE_INFRA_2_1_0, "edge-infra", "2.1.0").pack(
        Pack::new("edge-k3s", "k8s", "1.30.4")
            .tag("1.30.x")
            .invalid("the tag is gone"),
    );
    let world = World::new(palette_sim::DEMO_KEY).project(PROJECT_DEFAULT, "Default");
    let sim = Sim::start(world.profile(profile));
    let answer = get(&format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}"))
        .send(&sim)
        .json();
    let pack = &answer["spec"]["published"]["packs"][0];
    assert_eq!(
        (&pack["tag"], &pack["version"]),
        (&json!("1.30.x"), &json!("1.30.4"))
    );
    assert_eq!(pack["isInvalid"], true);
    assert_eq!(pack["inValidReason"], "the tag is gone");
    check_all(&sim);
}

#[test]
fn variables_with_sensitive_ones_masked() {
    let sim = Sim::start(World::demo());
    let path = format!("/v1/clusterprofiles/{HELLO_UNIVERSE_1_2_0}/variables");
    let answer = get(&path).send(&sim).json();
    let find = |name: &str| {
        let mut variables = answer["variables"].as_array().unwrap().iter();
        variables.find(|each| each["name"] == name).unwrap().clone()
    };
    assert_eq!(find("namespace")["required"], true);
    assert_eq!(find("dbPassword")["isSensitive"], true);
    assert_eq!(find("dbPassword")["defaultValue"], "********");
    assert_eq!(find("internalRevision")["hidden"], true);
    assert_eq!(find("gateway")["format"], "ipv4");
    let path = format!("/v1/clusterprofiles/{EDGE_INFRA_2_1_0}/variables");
    assert_eq!(get(&path).send(&sim).json(), json!({ "variables": [] }));
    check_all(&sim);
}

#[test]
fn metadata_lists_every_version() {
    let sim = Sim::start(World::demo());
    let answer = get("/v1/dashboard/clusterprofiles/metadata")
        .send(&sim)
        .json();
    let names = names(&answer);
    assert!(names.contains(&"edge-infra 2.0.0".to_owned()), "{names:?}");
    assert!(names.contains(&"edge-infra 2.1.0".to_owned()), "{names:?}");
    check_all(&sim);
}

/// Every version is listed, whether anybody can use it or not; each says itself what it is.
#[test]
fn versions_of_every_kind() {
    let version = |uid: u8, version: &str| {
        let uid = format!("65c90000000000000000000{uid}");
        Profile::add_on(&uid, "edge-note", version).pack(Pack::add_on("note", version))
    };
    let sim = Sim::start(
        World::demo()
            .profile(version(1, "1.10.0"))
            .profile(version(2, "2.0.0"))
            .profile(version(3, "1.9.0"))
            .profile(version(4, "2.0.0-rc.1"))
            .profile(version(5, "3.0.0").unpublished())
            .profile(version(6, "4.0.0").cloud("aws")),
    );
    let listed = get(&format!("{DASHBOARD}/metadata")).send(&sim).json();
    let listed = names(&listed);
    let of = |version: &str| {
        get(&format!(
            "/v1/clusterprofiles/65c90000000000000000000{version}"
        ))
    };
    let first = of("1").send(&sim).json();
    let known = first["spec"]["versions"].as_array().unwrap().iter();
    let known: Vec<&str> = known.map(|one| one["version"].as_str().unwrap()).collect();
    let ordered = ["1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "3.0.0", "4.0.0"];
    assert_eq!(known, ordered);
    for version in ordered {
        assert!(
            listed.contains(&format!("edge-note {version}")),
            "{version}"
        );
    }
    assert!(of("5").send(&sim).json()["spec"]["published"].is_null());
    let other = of("6").send(&sim).json();
    assert_eq!(other["spec"]["published"]["cloudType"], "aws");
    check_all(&sim);
}

#[test]
fn projects_by_name_and_by_uid() {
    let sim = Sim::start(World::demo());
    let all = get("/v1/dashboard/projects/metadata").send(&sim).json();
    assert_eq!(names(&all), ["Default", "Retail"]);
    let one = get("/v1/dashboard/projects/metadata?name=retail")
        .send(&sim)
        .json();
    assert_eq!(one["items"][0]["metadata"]["uid"], PROJECT_RETAIL);
    assert_eq!(names(&one), ["Retail"]);
    let project = get(&format!("/v1/projects/{PROJECT_DEFAULT}"))
        .send(&sim)
        .json();
    assert_eq!(project["metadata"]["name"], "Default");
    assert_eq!(
        get("/v1/projects/5fbbf0c1d2e3f4a5b6c7d800")
            .send(&sim)
            .status(),
        404
    );
    check_all(&sim);
}

#[test]
fn filters() {
    let sim = Sim::start(World::demo());
    let filtered = |filter: Value| {
        let body = json!({ "filter": filter });
        names(&post(DASHBOARD, &body).send(&sim).json())
    };
    let text =
        |operator: &str, value: &str| filtered(json!({ "profileName": { operator: value } }));
    assert_eq!(text("eq", "EDGE-Storage"), ["edge-storage"]);
    assert_eq!(text("contains", "universe"), ["hello-universe"]);
    assert_eq!(text("beginsWith", "edge-l"), ["edge-logging"]);
    let exact = json!({ "profileName": { "eq": "EDGE-Storage", "ignoreCase": false } });
    assert_eq!(filtered(exact), [""; 0]);
    assert_eq!(filtered(json!({ "scope": "tenant" })), ["tenant-baseline"]);
    assert_eq!(
        filtered(json!({ "profileType": ["infra"] })),
        ["edge-infra", "edge-infra"]
    );
    assert_eq!(
        filtered(json!({ "tags": { "eq": ["Sample", "x"] } })),
        ["hello-universe"]
    );
    assert_eq!(
        filtered(json!({ "version": { "gt": "1.9.0" } })),
        ["edge-infra", "edge-infra"]
    );
    let both = json!({ "profileName": { "eq": "edge-infra" }, "version": { "eq": "2.0.0" } });
    assert_eq!(filtered(both), ["edge-infra"]);
    assert_eq!(
        filtered(json!({ "environment": ["all"] })),
        ["hello-universe", "tenant-baseline"]
    );
    assert_eq!(filtered(json!({ "fips": "full" })), [""; 0]);
    assert_eq!(
        filtered(json!({ "profileName": { "eq": null, "contains": "gpu" } })),
        ["edge-gpu"]
    );
    check_all(&sim);
}

#[test]
fn sorting() {
    let sim = Sim::start(World::demo());
    let body = json!({ "sort": [
        { "field": "profileType", "order": "desc" },
        { "field": "profileName", "order": "asc" },
    ] });
    let found = names(&post(DASHBOARD, &body).send(&sim).json());
    assert_eq!(found[..3], ["edge-infra", "edge-infra", "edge-gpu"]);
    check_all(&sim);
}

#[test]
fn pages() {
    let mut world = World::new(palette_sim::DEMO_KEY).project(PROJECT_DEFAULT, "Default");
    for number in 0..120 {
        let uid = format!("65c90a1b2c3d4e5f7700{number:04}");
        world = world.profile(Profile::add_on(
            &uid,
            &format!("profile-{number:03}"),
            "1.0.0",
        ));
    }
    let sim = Sim::start(world);
    let body = json!({ "filter": {}, "sort": [] });
    let (mut found, mut target) = (Vec::new(), format!("{DASHBOARD}?limit=50"));
    let mut sizes = Vec::new();
    loop {
        let page = post(&target, &body).send(&sim).json();
        assert_eq!(page["listmeta"]["count"], 120);
        sizes.push(page["items"].as_array().unwrap().len());
        found.extend(names(&page));
        match page["listmeta"]["continue"].as_str().unwrap() {
            "" => break,
            token => target = format!("{DASHBOARD}?limit=50&continue={token}"),
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    found.dedup();
    assert_eq!(found.len(), 120);
    let offset = post(&format!("{DASHBOARD}?limit=1&offset=7"), &body)
        .send(&sim)
        .json();
    assert_eq!(names(&offset), ["profile-007"]);
    assert_eq!(offset["listmeta"]["offset"], 8);
    check_all(&sim);

    sim.clear_requests();
    assert_eq!(
        post(&format!("{DASHBOARD}?limit=51"), &body)
            .send(&sim)
            .status(),
        400
    );
    assert_eq!(
        post(&format!("{DASHBOARD}?limit=many"), &body)
            .send(&sim)
            .status(),
        400
    );
    let other = json!({ "filter": { "scope": "project" } });
    assert_eq!(post(&target, &other).send(&sim).status(), 400);
    check_answers(&sim);
}

#[test]
fn pack_validation() {
    let sim = Sim::start(World::demo());
    let body = json!({ "type": "infra", "cloudType": "edge-native", "packs": [
        { "name": "edge-k3s", "layer": "k8s", "tag": "1.30.4" },
        { "name": "edge-k3s", "layer": "k8s", "tag": "9.9.9" },
    ] });
    let answer = post("/v1/clusterprofiles/validate/packs", &body)
        .send(&sim)
        .json();
    let results = answer["packs"]["results"].as_array().unwrap();
    assert_eq!(results[0]["errors"], json!([]));
    assert_eq!(results[1]["errors"][0]["code"], "PackNotFound");
    assert_eq!(results[1]["errors"][1]["code"], "DuplicatePackLayer");
    check_all(&sim);
}

#[test]
fn downloads_that_break_a_rule() {
    let sim = Sim::start(World::demo());
    let refused = |body: &Value, words: &str| {
        let answer = post(DOWNLOAD, body).send(&sim);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert_eq!(answer.status(), 400, "{message}");
        assert!(message.contains(words), "{message}");
    };
    refused(&definition(&[EDGE_GPU_0_1_0]), "not published");
    refused(
        &definition(&[EDGE_INFRA_2_1_0, EDGE_STORAGE_1_0_0]),
        "infrastructure",
    );
    refused(
        &definition(&[EDGE_INFRA_2_1_0, EDGE_INFRA_2_0_0]),
        "infrastructure",
    );
    refused(
        &definition(&[EDGE_INFRA_2_1_0, EDGE_INFRA_2_1_0]),
        "repeats",
    );
    refused(&definition(&[]), "at least one");
    refused(&json!({}), "spec");
    refused(&json!({ "spec": { "profiles": [] } }), "cloudType");
    refused(
        &json!({ "spec": { "cloudType": "edge-native" } }),
        "profiles",
    );
    let mut body = definition(&[EDGE_INFRA_2_1_0]);
    body["spec"]["cloudType"] = "aws".into();
    refused(&body, "cloud type");
    body["spec"]["cloudtype"] = "aws".into();
    refused(&body, "unknown field");
    let mut body = definition(&[EDGE_INFRA_2_1_0]);
    body["spec"]["profiles"][0]["packs"] = json!([{ "name": "edge-k3s", "tag": "0.0.1" }]);
    refused(&body, "edge-k3s:0.0.1");
    sim.world(|world| {
        let twin = Pack::new("edge-k3s", "addon", "1.0.0");
        world
            .find_mut(HELLO_UNIVERSE_1_2_0)
            .unwrap()
            .packs
            .push(twin);
    });
    refused(
        &definition(&[EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0]),
        "edge-k3s",
    );
    check_answers(&sim);
}

#[test]
fn bodies_that_are_not_json() {
    let sim = Sim::start(World::demo());
    let body = definition(&[EDGE_INFRA_2_1_0]);
    let text = crate::support::call("POST", DOWNLOAD)
        .project(PROJECT_DEFAULT)
        .header("Content-Type", "text/plain");
    let mut bytes = text
        .header("Connection", "close")
        .header("Content-Length", "2")
        .bytes();
    bytes.extend(b"{}");
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", sim.port())).unwrap();
    std::io::Write::write_all(&mut stream, &bytes).unwrap();
    assert_eq!(crate::support::read(&mut stream).status(), 400);
    assert_eq!(post(DOWNLOAD, &json!([body])).send(&sim).status(), 400);
    check_answers(&sim);
}

#[test]
fn unknown_paths_and_methods() {
    let sim = Sim::start(World::demo());
    for path in [
        "/",
        "/v1/clusterprofiles",
        "/v1/clusterprofiles/",
        "/v1/projects/",
        "/v2/x",
    ] {
        assert_eq!(get(path).send(&sim).status(), 404, "{path}");
    }
    assert_eq!(get(DOWNLOAD).send(&sim).status(), 405);
    let metadata = "/v1/dashboard/clusterprofiles/metadata";
    let answer = post(metadata, &json!({})).send(&sim);
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.json()["code"], "MethodNotAllowed");
    check_answers(&sim);
}
