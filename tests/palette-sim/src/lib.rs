//! A local Palette, for edgestage's tests and its demo. Never linked into the product.
//!
//! It serves the part of Palette's management API that edgestage uses, by the vendor's
//! own `OpenAPI` document, over HTTP or TLS on a free port of 127.0.0.1. What it knows
//! is a [`World`]; what goes wrong are [`Fault`]s; what it was asked, it remembers.
//!
//! ```text
//! world, profile, variable, demo, fleet
//!         |                 what a Palette holds, and how it behaves
//! http -> routes -> request, wire, dashboard, download, archive
//!         |
//! fault -> odd, deliver     the answer, with what goes wrong, byte by byte
//! connection                what goes wrong before there is a request
//!         |
//! sim, limits, tls, record  the server around it
//!         |
//! contract                  holds requests and answers against the OpenAPI document
//! edge_host                 another server: an edge host with its local API
//! ```
//!
//! ```
//! use palette_sim::{Pack, Profile, Sim, World};
//!
//! let uid = "65c90a1b2c3d4e5f770daee5";
//! let world = World::new("key")
//!     .project("5fbbf0c1d2e3f4a5b6c7d8e9", "Default")
//!     .profile(Profile::infra(uid, "edge-infra", "2.1.0").pack(Pack::new("edge-k3s", "k8s", "1.30.4")));
//! let sim = Sim::start(world);
//! assert!(sim.url().starts_with("http://127.0.0.1:"));
//! assert!(sim.requests().is_empty());
//! ```

mod archive;
mod connection;
pub mod contract;
mod dashboard;
mod deliver;
mod demo;
mod download;
mod edge_host;
mod fault;
mod fleet;
mod http;
mod limits;
mod odd;
mod profile;
mod record;
mod request;
mod routes;
mod sim;
mod time;
mod tls;
mod variable;
mod wire;
mod world;

pub use connection::{ConnectionFault, Deaf};
pub use demo::{
    DEMO_KEY, EDGE_GPU_0_1_0, EDGE_INFRA_2_0_0, EDGE_INFRA_2_1_0, EDGE_LOGGING_0_9_0,
    EDGE_MONITORING_1_4_0, EDGE_STORAGE_1_0_0, HELLO_UNIVERSE_1_2_0, PROJECT_DEFAULT,
    PROJECT_RETAIL, RETAIL_POS_3_2_1, TENANT_BASELINE_1_0_0,
};
pub use edge_host::{EdgeHost, HostFault, HostWorld, NoneThere, details};
pub use fault::{Act, Edit, Fault, Reply, Route, Token};
pub use fleet::site_uid;
pub use profile::{Kind, Manifest, Pack, Profile, Scope};
pub use record::{Answer, Recorded, Sent};
pub use sim::Sim;
pub use tls::Tls;
pub use variable::{Format, InputType, Variable, VariableOption};
pub use world::{Access, Archive, Framing, Key, NameMatch, Payload, Project, World};
