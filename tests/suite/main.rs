//! The promises of the documentation, compared with the real binary, a simulated
//! Palette on loopback and a checkout like CanvOS's.
//!
//! A module per topic; [`support`] has the strict [`Test`](support::Test). No test
//! needs a network, root, or another test.

#![allow(clippy::unwrap_used)] // a test that cannot go on has to fail
#![allow(clippy::similar_names)] // `test` and `text`

mod support;

mod whole_path;
mod documented;
mod request;
mod endpoint;
mod key;
mod audit;
mod manifest;
mod manifest_text;
mod no_manifest;
mod subfolder;
mod ignored;
mod many_mistakes;
mod extremes;
mod few_threads;
mod lookup;
mod rules;
mod refusal;
mod hostile_archive;
mod archive_names;
mod archive_ambiguous;
mod archive_readers;
mod archive_memory;
mod terminal;
mod progress;
mod summary;
mod ci;
mod odd_paths;
mod not_files;
mod client;
mod tls;
mod network;
mod answer;
mod live_answers;
mod incomplete_lists;
mod foreign_errors;
mod redirect;
mod proxy;
mod lock;
mod lock_digests;
mod offline;
mod staging;
mod pair;
mod replaced;
mod places;
mod modes;
mod output;
mod output_file;
mod schema;
mod properties;
mod soak;
mod names;
mod init;
mod questions;
mod edit;
mod completion;
mod careful;
mod interrupted;
mod killed;
mod waiting;
mod meanwhile;
mod drift;
mod diff;
mod forecast;
mod formats;
mod page;
mod fleet;
mod list;
mod cache;
mod image;
mod image_layout;
mod image_beside;
mod disk_image;
mod hostile_image;
mod hostile_disk;
mod mutated_image;
mod checkout;
mod build;
mod build_disturbed;
mod rehearsal;
mod build_no_image;
mod targets;
mod traps;
mod traps_start;
mod invocation;
mod upgrade;
mod catalogue;
