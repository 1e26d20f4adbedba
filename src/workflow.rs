//! What the commands share: the work of one run. In: settings and the names of definitions.
//! Out: locked, verified archives in the cache.

pub(crate) mod context;
pub(crate) mod fetcher;
mod git;
pub(crate) mod ignored_lockfile;
pub(crate) mod lockfile_commit;
mod messages;
pub(crate) mod parallel;
pub(crate) mod session;
