//! The work of one run, shared by the commands. The input is settings and the names of
//! definitions. The output is locked, verified archives in the cache.

pub(crate) mod context;
pub(crate) mod fetcher;
mod git;
pub(crate) mod ignored_lockfile;
pub(crate) mod lockfile_commit;
mod messages;
pub(crate) mod parallel;
pub(crate) mod session;
