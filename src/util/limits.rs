//! The limits on the size of an archive, beyond which it is refused (docs/reference.md).

/// Limits of the archive check. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of the compressed archive.
    pub archive: u64,
    /// The size of the uncompressed tar, including headers and padding.
    pub unpacked: u64,
    /// The number of files, directories and links.
    pub entries: u64,
}

impl Limits {
    /// The limits that apply unless `profiles.toml` sets others.
    pub const DEFAULT: Self = Self {
        archive: 2 << 30,
        unpacked: 4 << 30,
        entries: 100_000,
    };
    /// The maximum ratio of uncompressed to compressed bytes, beyond [`Limits::RATIO_FREE`].
    pub const RATIO: u64 = 200;
    /// The number of uncompressed bytes that are accepted whatever the ratio, since small text
    /// compresses well.
    pub const RATIO_FREE: u64 = 16 << 20;
    /// The maximum size of an extended header (a long name, PAX records), in bytes.
    pub const HEADER: u64 = 1 << 20;
    /// The maximum length of a path or link target, in bytes: Linux accepts 4096 including the
    /// final zero.
    pub const PATH: usize = 4095;
    /// The maximum length of a name in a path, in bytes: no file system of Linux accepts a
    /// longer one.
    pub const NAME: usize = 255;
    /// The maximum number of profile directories.
    pub const PROFILES: usize = 4096;
    /// The maximum total size of all paths, with 128 bytes added for each: the check keeps them
    /// in memory.
    pub const PATHS: usize = 32 << 20;
}

impl Limits {
    /// Returns whether a file of `length` bytes is too large to be an archive, so that it need
    /// not be read to rule it out. Limits below the default are ignored here: an archive that
    /// was locked before they were set is still the locked archive.
    #[must_use]
    pub fn no_archive(&self, length: u64) -> bool {
        length > self.archive.max(Self::DEFAULT.archive)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
