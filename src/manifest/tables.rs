//! Reads the tables of `profiles.toml` other than the definitions: `[palette]`, `[canvos]`,
//! `[cache]`, `[registry]`, `[signing]` and `[limits]`; those of hosts are in `hosts`.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::reader::{At, Reader, Table};
use super::{
    LazySource, Manifest, PaletteTable, Project, RegistryTable, SigningTable, definition, hosts,
    keys, messages,
};
use crate::util::endpoint::Endpoint;
use crate::util::limits::Limits;
use crate::util::repository::Repository;

/// Reads the whole document. The result is only valid if there are no problems.
pub(super) fn read(
    root: &DeTable<'_>,
    source: &LazySource,
    path: &Path,
    reader: &mut Reader,
) -> Manifest {
    let end = source.text().len();
    let mut root = Table::of("the file", &keys::FILE, root, 0..0);
    let palette = root
        .table("palette", reader)
        .map(|table| palette(table, reader))
        .unwrap_or_default();
    let canvos = root
        .table("canvos", reader)
        .map(|table| canvos(table, reader))
        .unwrap_or_default();
    let cache = root.table("cache", reader).and_then(|table| {
        let dir = table.path("dir", reader);
        table.finish(reader);
        dir.map(|dir| dir.value)
    });
    let registry = root
        .table("registry", reader)
        .and_then(|table| registry(table, reader));
    let signing = root
        .table("signing", reader)
        .map(|table| signing(table, reader));
    let limits = root
        .table("limits", reader)
        .map(|table| limits(table, reader))
        .unwrap_or_default();
    let definitions = definition::read_all(&root, &palette, reader);
    let defaults = hosts::defaults(&root, reader);
    let hosts = hosts::read_all(&root, &defaults, &definitions, reader);
    let nameless = not_definitions(&mut root, reader);
    if root.lacks("definition") && nameless == 0 {
        let place = reader.at(end..end);
        reader.add_lack(messages::no_definition(place, "the file ends here"));
    }
    root.finish(reader);
    Manifest {
        path: path.to_owned(),
        source: source.clone(),
        canvos_span: canvos.dir.as_ref().map(|at| at.span.clone()),
        canvos: (canvos.dir).map_or_else(|| reader.directory().to_owned(), |at| at.value),
        palette,
        build: canvos.build,
        rehearse: canvos.rehearse.unwrap_or(true),
        cache,
        registry,
        signing,
        host_login: defaults,
        hosts,
        limits,
        definitions: definitions.into(),
    }
}

/// Reports tables whose names lack the prefix `definition.`, and returns their number.
fn not_definitions(root: &mut Table<'_, '_>, reader: &mut Reader) -> usize {
    let is_definition = |value: &DeValue<'_>| {
        let table = value.as_table();
        table.is_some_and(|table| table.contains_key("profiles"))
    };
    let found: Vec<_> = root
        .entries()
        .filter(|(key, value)| !root.knows(key.value) && is_definition(value.get_ref()))
        .map(|(key, _)| key)
        .collect();
    for key in &found {
        reader.add(messages::not_a_definition(
            reader.at(key.span.clone()),
            key.value,
        ));
        root.mark_reported(key.value);
    }
    found.len()
}

fn palette(table: Table<'_, '_>, reader: &mut Reader) -> PaletteTable {
    let endpoint = table.text("endpoint", reader).and_then(|at| {
        Endpoint::parse(&at.value)
            .map_err(|why| reader.add(messages::not_an_endpoint(reader.at(at.span.clone()), &why)))
            .ok()
            .map(|endpoint| at.map(|_| endpoint))
    });
    let read = PaletteTable {
        endpoint,
        project: table
            .text("project", reader)
            .map(|at| at.map(|text| Project::parse(&text))),
        ca_cert: table.path("ca-cert", reader).map(|at| at.value),
        api_key_command: table.command("api-key-command", reader),
        api_key_file: table.path("api-key-file", reader).map(|at| at.value),
        timeout: table.number("timeout", reader),
        retries: table
            .number("retries", reader)
            .map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        allow_http: table.boolean("allow-http", reader).unwrap_or(false),
    };
    table.finish(reader);
    read
}

/// `[canvos]`.
#[derive(Default)]
struct CanvosTable {
    dir: Option<At<PathBuf>>,
    build: Option<Vec<String>>,
    rehearse: Option<bool>,
}

fn canvos(table: Table<'_, '_>, reader: &mut Reader) -> CanvosTable {
    let read = CanvosTable {
        dir: table.path("dir", reader),
        build: table.command("build", reader),
        rehearse: table.boolean("rehearse", reader),
    };
    table.finish(reader);
    read
}

fn registry(table: Table<'_, '_>, reader: &mut Reader) -> Option<RegistryTable> {
    let repository = table.text("repository", reader).and_then(|at| {
        Repository::parse(&at.value)
            .map_err(|why| reader.add(messages::not_a_repository(reader.at(at.span.clone()), &why)))
            .ok()
    });
    if table.lacks("repository") {
        reader.add_lack(messages::no_repository(reader.at(table.span.clone())));
    }
    let ca_cert = table.path("ca-cert", reader).map(|at| at.value);
    table.finish(reader);
    Some(RegistryTable {
        repository: repository?,
        ca_cert,
    })
}

fn signing(table: Table<'_, '_>, reader: &mut Reader) -> SigningTable {
    let private_key_file = table.path("private-key-file", reader);
    let sign_command = table.command("sign-command", reader);
    if let Some(at) = &private_key_file
        && sign_command.is_some()
    {
        reader.add(messages::two_signers(reader.at(at.span.clone())));
    }
    let read = SigningTable {
        private_key_file: private_key_file.map(|at| at.value),
        sign_command,
        public_key: table.path("public-key", reader).map(|at| at.value),
    };
    table.finish(reader);
    read
}

fn limits(table: Table<'_, '_>, reader: &mut Reader) -> Limits {
    let default = Limits::DEFAULT;
    let read = Limits {
        archive: table.size("archive", reader).unwrap_or(default.archive),
        unpacked: table.size("unpacked", reader).unwrap_or(default.unpacked),
        entries: table.number("entries", reader).unwrap_or(default.entries),
    };
    table.finish(reader);
    read
}
