//! Messages about the cache and missing entries. Paths in the data are printable.

use crate::diagnostic::{Code, Diagnostic};

/// No cache directory can be determined.
pub(crate) fn no_cache() -> Diagnostic {
    Diagnostic::error(
        Code::NoCacheDirectory,
        "cannot determine the cache directory",
    )
    .note("`HOME` is not set")
    .help("pass `--cache-dir DIR`, or set `EDGESTAGE_CACHE_DIR`")
}

/// The content of a cached archive does not match its name, and there is no network.
pub(crate) fn damaged_offline(path: &str) -> Diagnostic {
    Diagnostic::error(Code::CacheDamaged, is_damaged(path))
        .note("with `--offline`, edgestage cannot fetch it again")
        .help("run the command again without `--offline`")
}

/// The content of a cached archive does not match its name; it is downloaded again.
pub(crate) fn damaged_and_fetched_again(path: &str) -> Diagnostic {
    Diagnostic::warning(Code::CacheDamaged, is_damaged(path)).note("edgestage fetches it again")
}

/// The content of a cached archive does not match its name, so its files are not compared.
pub(crate) fn damaged_and_not_compared(path: &str) -> Diagnostic {
    Diagnostic::warning(Code::CacheDamaged, is_damaged(path))
        .note("edgestage cannot compare its files")
}

fn is_damaged(path: &str) -> String {
    format!("the cached archive `{path}` is damaged")
}

/// The archive of a definition to show is not cached.
pub(crate) fn variables_not_cached(definition: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::NotCached,
        format!("the archive of `{definition}` is not in the cache"),
    )
    .note("variables are not shown")
    .help(format!("run `edgestage fetch {definition}`"))
}

/// The locked archive of a definition to compare is not cached.
pub(crate) fn files_not_cached(definition: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::NotCached,
        format!("the locked archive of `{definition}` is not in the cache"),
    )
    .note("edgestage cannot show what changed inside files")
}
