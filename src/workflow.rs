//! The work of one run, shared by the commands. The input is settings and the names of
//! definitions. The output is locked, verified archives in the cache.

pub(crate) mod archive_file;
pub(crate) mod content_bundles;
pub(crate) mod context;
pub(crate) mod fetcher;
pub(crate) mod file_fetch;
mod git;
pub(crate) mod ignored_lockfile;
pub(crate) mod indexes;
pub(crate) mod lockfile_commit;
pub(crate) mod messages;
pub(crate) mod parallel;
pub(crate) mod session;
