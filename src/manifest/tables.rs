//! The tables of `profiles.toml` besides the definitions: `[palette]`, `[canvos]`,
//! `[cache]` and `[limits]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::reader::{At, Problems, Table, wrong_type};
use super::{Manifest, PaletteTable, Project, definition};
use crate::diagnostic::{Code, Source};
use crate::util::endpoint::Endpoint;
use crate::util::limits::Limits;

/// Reads the whole document. The result is only meant where there are no problems.
pub(super) fn read(
    root: &DeTable<'_>,
    directory: &Path,
    source: &Arc<Source>,
    path: &Path,
    problems: &mut Problems,
) -> Manifest {
    let end = source.text.len();
    let mut root = Table::of("the file", root, 0..0);
    let palette = root
        .table("palette", problems)
        .map(|table| palette(table, directory, problems))
        .unwrap_or_default();
    let (canvos, build) = root
        .table("canvos", problems)
        .map(|table| canvos(table, directory, problems))
        .unwrap_or_default();
    let cache = root.table("cache", problems).and_then(|mut table| {
        let dir = table.string("dir", problems);
        table.finish(problems);
        dir.map(|dir| directory.join(dir.value))
    });
    let limits = root
        .table("limits", problems)
        .map(|table| limits(table, problems))
        .unwrap_or_default();
    let definitions = root
        .table("definition", problems)
        .map(|table| definition::read_all(&table, &palette, directory, problems))
        .unwrap_or_default();
    let nameless = not_definitions(&mut root, problems);
    if root.lacks("definition") && nameless == 0 {
        problems.add_lack(
            Code::NoDefinition,
            end..end,
            "no definition",
            "the file ends here",
            "add one: `edgestage add PROFILE --to NAME`, PROFILE being a URL, uid or name@version",
        );
    }
    root.finish(problems);
    Manifest {
        path: path.to_owned(),
        source: Arc::clone(source),
        canvos_span: canvos.as_ref().map(|at| at.span.clone()),
        canvos: canvos.map_or_else(|| directory.to_owned(), |at| at.value),
        palette,
        build,
        cache,
        limits,
        definitions,
    }
}

/// Tells tables that lack `definition.` before their name, and how many there are.
fn not_definitions(root: &mut Table<'_, '_>, problems: &mut Problems) -> usize {
    let known = ["palette", "canvos", "cache", "limits", "definition"];
    let is_definition = |value: &DeValue<'_>| {
        let table = value.as_table();
        table.is_some_and(|table| table.contains_key("profiles"))
    };
    let found: Vec<_> = root
        .entries()
        .filter(|(key, value)| !known.contains(&key.value) && is_definition(value.get_ref()))
        .map(|(key, _)| key)
        .collect();
    for key in &found {
        let name = key.value.escape_debug();
        problems.add(
            Code::UnknownKey,
            key.span.clone(),
            format!("`[{name}]` is not a definition"),
            "it has `profiles`",
            format!("write `[definition.{name}]`"),
        );
        root.tell(key.value);
    }
    found.len()
}

fn palette(mut table: Table<'_, '_>, directory: &Path, problems: &mut Problems) -> PaletteTable {
    let path = |at: At<String>| directory.join(at.value);
    let endpoint = table.string("endpoint", problems).and_then(|at| {
        Endpoint::parse(&at.value)
            .map(|endpoint| At {
                value: endpoint,
                span: at.span.clone(),
            })
            .map_err(|why| {
                problems.add(
                    Code::InvalidValue,
                    at.span,
                    "`endpoint` is not the address of a Palette",
                    why.to_string(),
                    why.help(),
                );
            })
            .ok()
    });
    let read = PaletteTable {
        endpoint,
        project: table
            .string("project", problems)
            .map(|at| at.map(|text| Project::parse(&text))),
        ca_cert: table.string("ca-cert", problems).map(path),
        api_key_command: table.command("api-key-command", problems),
        api_key_file: table.string("api-key-file", problems).map(path),
        timeout: table.integer("timeout", 1, problems),
        retries: table
            .integer("retries", 0, problems)
            .map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        allow_http: table.boolean("allow-http", problems).unwrap_or(false),
    };
    table.finish(problems);
    read
}

fn canvos(
    mut table: Table<'_, '_>,
    directory: &Path,
    problems: &mut Problems,
) -> (Option<At<PathBuf>>, Option<Vec<String>>) {
    let dir = table.string("dir", problems);
    let build = table.command("build", problems);
    table.finish(problems);
    let dir = dir.map(|at| at.map(|dir| directory.join(dir)));
    (dir, build)
}

fn limits(mut table: Table<'_, '_>, problems: &mut Problems) -> Limits {
    let default = Limits::default();
    let read = Limits {
        archive: size(&mut table, "archive", problems).unwrap_or(default.archive),
        unpacked: size(&mut table, "unpacked", problems).unwrap_or(default.unpacked),
        entries: table
            .integer("entries", 1, problems)
            .unwrap_or(default.entries),
    };
    table.finish(problems);
    read
}

/// A size: bytes as an integer, or a string with a unit such as `"2 GiB"`.
fn size(table: &mut Table<'_, '_>, key: &'static str, problems: &mut Problems) -> Option<u64> {
    let value = table.value(key)?;
    match value.get_ref() {
        DeValue::Integer(_) => table.integer(key, 1, problems),
        DeValue::String(text) => {
            let size = parse_size(text);
            if size.is_none() {
                problems.add(
                    Code::InvalidValue,
                    value.span(),
                    format!("`{key}` is not a size"),
                    "expected a number with B, KiB, MiB or GiB",
                    "write it as `\"512 MiB\"` or `\"4 GiB\"`",
                );
            }
            size
        }
        other => {
            wrong_type(
                problems,
                value.span(),
                key,
                "a size such as \"2 GiB\"",
                other,
            );
            None
        }
    }
}

/// `512 MiB` in bytes; at least 1.
fn parse_size(text: &str) -> Option<u64> {
    let units: BTreeMap<&str, u64> = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30)].into();
    let digits = text
        .trim()
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.trim()[digits.len()..].trim();
    let number: u64 = digits.trim().parse().ok()?;
    number
        .checked_mul(1 << units.get(unit)?)
        .filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(parse_size("2 GiB"), Some(2 << 30));
        assert_eq!(parse_size("512MiB"), Some(512 << 20));
        assert_eq!(parse_size("7 B"), Some(7));
        for wrong in [
            "",
            "2",
            "2 GB",
            "-1 KiB",
            "1.5 GiB",
            "0 B",
            "99999999999 GiB",
        ] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }
}
