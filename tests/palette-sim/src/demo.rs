//! A believable world, with fixed uids, for the demo and for tests that need one.
//!
//! Names, layers and version numbers are like those of a small retail company's
//! edge sites; none of it is anybody's.

use crate::profile::{Pack, Profile};
use crate::variable::{Format, Variable};
use crate::world::World;

/// The API key of [`World::demo`].
pub const DEMO_KEY: &str = "demo-palette-api-key";
/// Project "Default".
pub const PROJECT_DEFAULT: &str = "5fbbf0c1d2e3f4a5b6c7d8e9";
/// Project "Retail".
pub const PROJECT_RETAIL: &str = "61c4a8b2e7d09f35c6b1a24e";
/// `edge-infra` 2.0.0, an infra profile.
pub const EDGE_INFRA_2_0_0: &str = "65c90a1b2c3d4e5f770daee4";
/// `edge-infra` 2.1.0.
pub const EDGE_INFRA_2_1_0: &str = "65c90a1b2c3d4e5f770daee5";
/// `edge-monitoring` 1.4.0, an add-on.
pub const EDGE_MONITORING_1_4_0: &str = "65c91b7e3f2a1d4c9fe4f51c";
/// `hello-universe` 1.2.0, an add-on for every cloud type, with variables.
pub const HELLO_UNIVERSE_1_2_0: &str = "65c92d0f4b3c2e1a8d7f6a90";
/// `edge-storage` 1.0.0, an add-on with a `csi` layer. Since `csi` is an
/// infrastructure layer, it cannot be combined with `edge-infra`.
pub const EDGE_STORAGE_1_0_0: &str = "65c93a6c5d4e3f2b1a0c9d8e";
/// `edge-logging` 0.9.0, an add-on with an unpublished edit on top.
pub const EDGE_LOGGING_0_9_0: &str = "65c944e17a6b5c4d3e2f1a0b";
/// `edge-gpu` 0.1.0, an add-on that was never published.
pub const EDGE_GPU_0_1_0: &str = "65c955f28b7c6d5e4f3a2b1c";
/// `tenant-baseline` 1.0.0, a tenant-scoped add-on.
pub const TENANT_BASELINE_1_0_0: &str = "65c9660a9c8d7e6f5a4b3c2d";
/// `retail-pos` 3.2.1, an add-on of project "Retail".
pub const RETAIL_POS_3_2_1: &str = "65c9771bad9e8f7a6b5c4d3e";

impl World {
    /// Projects "Default" and "Retail" with infra, add-on, draft and tenant-scoped
    /// profiles, and [`DEMO_KEY`], which may do everything.
    #[must_use]
    pub fn demo() -> Self {
        World::new(DEMO_KEY)
            .project(PROJECT_DEFAULT, "Default")
            .project(PROJECT_RETAIL, "Retail")
            .profile(infra(EDGE_INFRA_2_0_0, "2.0.0", "1.29.8"))
            .profile(infra(EDGE_INFRA_2_1_0, "2.1.0", "1.30.4"))
            .profile(
                Profile::add_on(EDGE_MONITORING_1_4_0, "edge-monitoring", "1.4.0")
                    .describe("Metrics and alerts of an edge site")
                    .tag("observability")
                    .pack(Pack::add_on("prometheus-operator", "62.3.1").values(MONITORING)),
            )
            .profile(hello_universe())
            .profile(
                Profile::add_on(EDGE_STORAGE_1_0_0, "edge-storage", "1.0.0")
                    .describe("Replicated volumes on local disks")
                    .pack(Pack::new("csi-longhorn", "csi", "1.6.2").values(STORAGE)),
            )
            .profile(
                Profile::add_on(EDGE_LOGGING_0_9_0, "edge-logging", "0.9.0")
                    .pack(Pack::add_on("fluentbit", "3.1.4"))
                    .drafted(vec![Pack::add_on("fluentbit", "3.1.9")]),
            )
            .profile(
                Profile::add_on(EDGE_GPU_0_1_0, "edge-gpu", "0.1.0")
                    .pack(Pack::add_on("gpu-operator", "24.6.1").kind("helm"))
                    .unpublished(),
            )
            .profile(
                Profile::add_on(TENANT_BASELINE_1_0_0, "tenant-baseline", "1.0.0")
                    .tenant()
                    .cloud("all")
                    .describe("What every site of the tenant carries")
                    .pack(Pack::add_on("cert-manager", "1.15.3").manifest("issuer", ISSUER)),
            )
            .profile(
                Profile::add_on(RETAIL_POS_3_2_1, "retail-pos", "3.2.1")
                    .project(PROJECT_RETAIL)
                    .pack(Pack::add_on("point-of-sale", "3.2.1").kind("oci")),
            )
    }
}

fn infra(uid: &str, version: &str, k3s: &str) -> Profile {
    Profile::infra(uid, "edge-infra", version)
        .describe("Operating system, Kubernetes and network of an edge site")
        .tag("edge")
        .pack(Pack::new("edge-native-byoi", "os", "2.1.0").values(BYOI))
        .pack(Pack::new("edge-k3s", "k8s", k3s))
        .pack(Pack::new("cni-flannel", "cni", "0.26.1"))
}

fn hello_universe() -> Profile {
    Profile::add_on(HELLO_UNIVERSE_1_2_0, "hello-universe", "1.2.0")
        .cloud("all")
        .describe("A small web application")
        .tag("sample")
        .pack(
            Pack::add_on("hello-universe", "1.2.0")
                .kind("oci")
                .values(HELLO),
        )
        .variable(
            Variable::new("namespace")
                .shown_as("Namespace")
                .required("hello-universe"),
        )
        .variable(
            Variable::new("port")
                .shown_as("Port")
                .required("8080")
                .format(Format::Number),
        )
        .variable(
            Variable::new("dbPassword")
                .shown_as("Database password")
                .default_value("changeme")
                .sensitive(),
        )
        .variable(
            Variable::new("internalRevision")
                .default_value("7")
                .format(Format::Number)
                .hidden(),
        )
        .variable(
            Variable::new("gateway")
                .shown_as("Gateway")
                .default_value("192.168.10.1")
                .format(Format::Ipv4),
        )
}

const BYOI: &str = "\
pack:
  content:
    images:
      - image: '{{.spectro.pack.edge-native-byoi.options.system.uri}}'
options:
  system.uri: edge/ubuntu:22.04-k3s
stages:
  initramfs:
    - name: Set up the operator's account
      users:
        operator:
          groups: [sudo]
";

const MONITORING: &str = "\
charts:
  kube-prometheus-stack:
    grafana:
      enabled: false
    prometheus:
      prometheusSpec:
        retention: 7d
";

const HELLO: &str = "\
pack:
  namespace: '{{.spectro.var.namespace}}'
manifests:
  hello-universe:
    port: '{{.spectro.var.port}}'
    replicas: 1
    database:
      user: hello
      password: '{{.spectro.var.dbPassword}}'
";

const STORAGE: &str = "\
charts:
  longhorn:
    persistence:
      defaultClassReplicaCount: 2
";

const ISSUER: &str = "\
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: site
spec:
  selfSigned: {}
";
