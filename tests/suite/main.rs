//! The promises of the documentation, tested with the real binary, a simulated Palette on
//! loopback and a checkout like CanvOS's.
//!
//! There is a module for each topic; [`support`] has the strict [`Test`](support::Test). No
//! test needs a network, root, or another test.

#![allow(clippy::unwrap_used)] // a test that cannot go on has to fail
#![allow(clippy::similar_names)] // `test` and `text`

mod support;

mod whole_path;
mod documented_commands;
mod request;
mod endpoint;
mod api_key;
mod audit;
mod manifest;
mod manifest_text;
mod no_manifest;
mod subfolder;
mod ignored_lockfile;
mod many_mistakes;
mod number_limits;
mod thread_limit;
mod lookup;
mod rules;
mod refused_answers;
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
mod special_files;
mod client;
mod tls;
mod network;
mod foreign_answers;
mod live_answers;
mod incomplete_lists;
mod foreign_errors;
mod redirect;
mod proxy;
mod host_manifest;
mod host_check;
mod host_login;
mod host_upload;
mod registry;
mod registry_faults;
mod registry_login;
mod lock;
mod lock_digests;
mod offline;
mod staging;
mod paired_rename;
mod replaced_files;
mod mounted_checkouts;
mod file_modes;
mod output;
mod output_file;
mod schema;
mod properties;
mod soak;
mod definition_names;
mod init;
mod questions;
mod edit;
mod completion;
mod side_effects;
mod interrupted;
mod killed;
mod file_locks;
mod concurrent_edits;
mod drift;
mod diff;
mod forecast;
mod formats;
mod page;
mod page_verdict;
mod fleet;
mod list;
mod cache;
mod image;
mod image_layout;
mod image_neighbours;
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
mod traps_invocation;
mod invocation;
mod other_versions;
mod catalogue;
