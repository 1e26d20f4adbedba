//! How much an archive may hold before it is refused (docs/reference.md).

/// Limits of the archive check. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The archive itself, compressed.
    pub archive: u64,
    /// What it unpacks to, headers and padding included.
    pub unpacked: u64,
    /// Files, directories and links in it.
    pub entries: u64,
}

impl Limits {
    /// Unless `profiles.toml` says otherwise.
    pub const DEFAULT: Self = Self {
        archive: 2 << 30,
        unpacked: 4 << 30,
        entries: 100_000,
    };
    /// Unpacked bytes for one compressed byte, beyond [`Limits::RATIO_FREE`].
    pub const RATIO: u64 = 200;
    /// Unpacked bytes that are borne whatever the ratio: small text packs well.
    pub const RATIO_FREE: u64 = 16 << 20;
    /// One extended header (a long name, PAX records).
    pub const HEADER: u64 = 1 << 20;
    /// One path or link target: Linux takes 4096 bytes with the zero that ends it.
    pub const PATH: usize = 4095;
    /// One name in a path: no file system of Linux's takes a longer one.
    pub const NAME: usize = 255;
    /// Directories of profiles.
    pub const PROFILES: usize = 4096;
    /// All paths together, with 128 bytes for each: they are what the check keeps in
    /// memory.
    pub const PATHS: usize = 32 << 20;
}

impl Limits {
    /// Whether a file of `length` bytes is too large to be anybody's archive, so that it need
    /// not be read to know that it is not the one that is looked for. Of small limits no
    /// notice is taken: what was locked before they were set is still what is locked.
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
