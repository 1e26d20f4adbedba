//! What is said of the cache and of what it lacks. Paths in the data are printable.

use crate::diagnostic::{Code, Diagnostic};

/// No place for a cache.
pub(crate) fn no_cache() -> Diagnostic {
    Diagnostic::error(
        Code::NoCacheDirectory,
        "cannot determine the cache directory",
    )
    .note("`HOME` is not set")
    .help("pass `--cache-dir DIR`, or set `EDGESTAGE_CACHE_DIR`")
}

/// A cached archive that is not what its name says, without a network.
pub(crate) fn damaged_offline(path: &str) -> Diagnostic {
    Diagnostic::error(Code::CacheDamaged, is_damaged(path))
        .note("with `--offline`, edgestage cannot fetch it again")
        .help("run the command again without `--offline`")
}

/// The same with a network.
pub(crate) fn damaged_and_fetched_again(path: &str) -> Diagnostic {
    Diagnostic::warning(Code::CacheDamaged, is_damaged(path)).note("edgestage fetches it again")
}

/// The same, and its files were to be compared.
pub(crate) fn damaged_and_not_compared(path: &str) -> Diagnostic {
    Diagnostic::warning(Code::CacheDamaged, is_damaged(path))
        .note("edgestage cannot compare its files")
}

fn is_damaged(path: &str) -> String {
    format!("the cached archive `{path}` is damaged")
}

/// The archive of a definition that is shown.
pub(crate) fn variables_not_cached(definition: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::NotCached,
        format!("the archive of `{definition}` is not in the cache"),
    )
    .note("variables are not shown")
    .help(format!("run `edgestage fetch {definition}`"))
}

/// The locked archive of a definition that is compared.
pub(crate) fn files_not_cached(definition: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::NotCached,
        format!("the locked archive of `{definition}` is not in the cache"),
    )
    .note("edgestage cannot show what changed inside files")
}
