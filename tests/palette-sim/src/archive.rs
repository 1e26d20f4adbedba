//! The archive of a download: `spc.tgz`, built anew each time.
//!
//! In: the requested profiles with their overrides. Out: a gzip-compressed tar below
//! `spc/`. Its timestamps differ from download to download, and its order too where
//! that is switched on, while the contents of its files depend on the profiles
//! alone: nobody knows whether real downloads are byte-identical, so clients must
//! not rely on it. Only `spc/app/profiles/<uid>/variables.json` is known from real
//! archives; the rest of the layout is invented and belongs to the simulator.
//!
//! Filler is made while it is written: memory does not grow with its size.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use crate::profile::Profile;
use crate::{time, wire, world};

/// Size of one filler file.
const FILLER: u64 = 4 * 1024 * 1024;

/// All that an archive follows from. Written twice, it gives the same bytes twice,
/// which is how its length is measured.
pub(crate) struct Recipe {
    /// The body's `metadata.name`.
    pub(crate) name: String,
    pub(crate) cloud_type: String,
    /// With overrides applied, in the order of the request.
    pub(crate) profiles: Vec<Profile>,
    pub(crate) options: world::Archive,
    /// Seeds the shuffle.
    pub(crate) number: u64,
    /// Seconds since 1970, for every entry and for gzip's header.
    pub(crate) stamp: u64,
}

/// A timestamp that no other download of this simulator has: the clock, moved by the
/// number of the download. An hour is taken off, so that tar does not warn about
/// timestamps in the future.
pub(crate) fn stamp(number: u64) -> u64 {
    time::seconds().saturating_sub(3600) + number
}

enum Content {
    Directory,
    Text(Vec<u8>),
    Filler { length: u64, seed: u64 },
}

impl Recipe {
    /// Writes the archive.
    pub(crate) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let seconds = u32::try_from(self.stamp).unwrap_or(u32::MAX);
        let gzip = GzBuilder::new()
            .mtime(seconds)
            .write(out, Compression::new(self.options.level.min(9)));
        let mut tar = tar::Builder::new(gzip);
        for (path, content) in self.entries() {
            let mut header = tar::Header::new_gnu();
            header.set_mtime(self.stamp);
            header.set_mode(0o644);
            match content {
                Content::Directory => {
                    header.set_entry_type(tar::EntryType::Directory);
                    header.set_mode(0o755);
                    header.set_size(0);
                    tar.append_data(&mut header, path, io::empty())?;
                }
                Content::Text(bytes) => {
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, path, bytes.as_slice())?;
                }
                Content::Filler { length, seed } => {
                    header.set_size(length);
                    tar.append_data(&mut header, path, Filler::new(length, seed))?;
                }
            }
        }
        tar.into_inner()?.finish()?;
        Ok(())
    }

    /// The length of what [`Recipe::write_to`] writes.
    pub(crate) fn length(&self) -> io::Result<u64> {
        let mut count = Count(0);
        self.write_to(&mut count)?;
        Ok(count.0)
    }

    fn entries(&self) -> Vec<(String, Content)> {
        let mut entries = vec![
            ("spc/".to_owned(), Content::Directory),
            ("spc/app/".to_owned(), Content::Directory),
            ("spc/app/profiles/".to_owned(), Content::Directory),
            ("spc/manifest.json".to_owned(), text(&self.index())),
        ];
        for profile in &self.profiles {
            let home = format!("spc/app/profiles/{}", profile.uid);
            entries.push((format!("{home}/"), Content::Directory));
            let exported = wire::exported(profile);
            entries.push((format!("{home}/profile.json"), text(&exported)));
            if !profile.variables.is_empty() {
                let variables = json!({ "variables": profile.variables });
                entries.push((format!("{home}/variables.json"), text(&variables)));
            }
            for (at, pack) in profile.packs.iter().enumerate() {
                // One that is there twice has two directories.
                let before = profile.packs[..at].iter();
                let same = before.filter(|other| other.name == pack.name).count();
                let home = match same {
                    0 => format!("{home}/packs/{}", pack.name),
                    n => format!("{home}/packs/{}-{}", pack.name, n + 1),
                };
                let values = pack.values.clone().into_bytes();
                entries.push((format!("{home}/values.yaml"), Content::Text(values)));
                for manifest in &pack.manifests {
                    let path = format!("{home}/manifests/{}.yaml", manifest.name);
                    let content = manifest.content.clone().into_bytes();
                    entries.push((path, Content::Text(content)));
                }
            }
        }
        let mut left = self.options.padding;
        let mut seed = 0;
        while left > 0 {
            let length = left.min(FILLER);
            let extension = if seed % 2 == 0 { "txt" } else { "bin" };
            let path = format!("spc/content/filler-{seed:05}.{extension}");
            entries.push((path, Content::Filler { length, seed }));
            left -= length;
            seed += 1;
        }
        if self.options.shuffle {
            let mut random = Random(self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            for last in (1..entries.len()).rev() {
                let range = last as u64 + 1;
                // The remainder is at most `last`, so it fits.
                let other = usize::try_from(random.next() % range).unwrap_or(0);
                entries.swap(last, other);
            }
        }
        entries
    }

    fn index(&self) -> Value {
        let profiles: Vec<Value> = self
            .profiles
            .iter()
            .map(|profile| {
                json!({
                    "uid": profile.uid,
                    "name": profile.name,
                    "version": profile.version,
                    "type": profile.kind.word(),
                })
            })
            .collect();
        json!({ "name": self.name, "cloudType": self.cloud_type, "profiles": profiles })
    }
}

fn text(value: &Value) -> Content {
    Content::Text(format!("{value:#}\n").into_bytes())
}

/// Counts what is written to it.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Marsaglia's xorshift: quick, repeatable, and incompressible enough.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A filler file: an even seed reads as log lines, an odd one as noise.
struct Filler {
    left: u64,
    line: u64,
    is_text: bool,
    random: Random,
    ready: Vec<u8>,
    at: usize,
}

impl Filler {
    fn new(length: u64, seed: u64) -> Self {
        Self {
            left: length,
            line: 0,
            is_text: seed.is_multiple_of(2),
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            ready: Vec::new(),
            at: 0,
        }
    }

    fn refill(&mut self) {
        self.ready.clear();
        self.at = 0;
        while self.ready.len() < 16 * 1024 {
            if self.is_text {
                let line = format!("line {:010}: nothing to report\n", self.line);
                self.ready.extend_from_slice(line.as_bytes());
                self.line += 1;
            } else {
                self.ready
                    .extend_from_slice(&self.random.next().to_le_bytes());
            }
        }
    }
}

impl Read for Filler {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() && self.left > 0 {
            self.refill();
        }
        let rest = &self.ready[self.at..];
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let count = rest.len().min(buffer.len()).min(most);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        self.left -= count as u64;
        Ok(count)
    }
}
