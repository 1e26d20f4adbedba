//! Writes `profiles.lock`: the same text for the same entries, with a line for each pack, so
//! that a review shows which pack changed.

use std::fmt::{self, Write as _};

use super::{LockEntry, Lockfile, VERSION};
use crate::manifest::edit::{key, quoted};
use crate::resolve::Pack;

const HEADER: &str = "\
# What `edgestage` fetched for each definition of profiles.toml. Commit this file and
# review its changes; do not edit it: `edgestage update` renews it.
";

impl fmt::Display for Lockfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}version = {VERSION}")?;
        for name in self.definitions.keys() {
            match self.definitions.get(name) {
                Some(locked) => f.write_str(&locked.to_toml(name))?,
                // Whatever an entry is, it is never lost.
                None => f.write_str(self.definitions.text_of(name).unwrap_or_default())?,
            }
        }
        Ok(())
    }
}

impl LockEntry {
    /// Returns the text of the entry, for the definition `name`.
    #[must_use]
    pub fn to_toml(&self, name: &str) -> String {
        let mut out = String::new();
        let table = key(name);
        let project = self
            .project
            .as_ref()
            .map(|uid| format!("project = \"{uid}\"\n"));
        let _ = write!(
            out,
            "\n{}\nendpoint = {}\n{}asked-sha256 = \"{}\"\ncontent-sha256 = \"{}\"\nsha256 = \"{}\"\nsize = {}\n",
            heading(name),
            quoted(&self.endpoint),
            project.unwrap_or_default(),
            self.asked_sha256,
            self.content_sha256,
            self.sha256,
            self.size,
        );
        for profile in &self.profiles {
            let _ = write!(
                out,
                "\n[[definition.{table}.profiles]]\nuid = \"{}\"\nname = {}\nversion = {}\ntype = {}\npacks = [\n",
                profile.uid,
                quoted(&profile.name),
                quoted(&profile.version),
                quoted(&profile.kind),
            );
            for pack in &profile.packs {
                let _ = writeln!(out, "  {},", inline(pack));
            }
            out.push_str("]\n");
        }
        out
    }
}

/// Returns the heading of the entry of the definition `name`.
pub(super) fn heading(name: &str) -> String {
    format!("[definition.{}]", key(name))
}

/// Returns a pack as an inline table, without the values that Palette left empty.
fn inline(pack: &Pack) -> String {
    let fields = [
        ("name", &pack.name),
        ("layer", &pack.layer),
        ("tag", &pack.tag),
        ("version", &pack.version),
        ("digest", &pack.digest),
    ];
    let fields: Vec<String> = fields
        .iter()
        .enumerate()
        .filter(|(at, (_, value))| *at < 3 || !value.is_empty())
        .map(|(_, (key, value))| format!("{key} = {}", quoted(value)))
        .collect();
    format!("{{ {} }}", fields.join(", "))
}
