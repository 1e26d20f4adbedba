//! The simulator's own tests, over real sockets on loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

mod archives;
mod connections;
mod contracts;
mod edge_host;
mod endpoints;
mod faults;
mod odd;
mod program;
mod scopes;
mod server;
mod support;
