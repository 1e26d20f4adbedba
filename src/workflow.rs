//! What the commands share: the work of one run. In: settings and the names of definitions.
//! Out: locked, verified archives in the cache.

pub mod context;
pub mod fetcher;
pub mod ignored_lockfile;
pub mod parallel;
pub mod session;
