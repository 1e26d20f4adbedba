//! `[hosts]` and `[host.NAME]`: the edge hosts, and how to log in to them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use toml::de::DeValue;

use super::reader::{At, Reader, Table, entries};
use super::{Definition, definition, keys, messages};
use crate::util::digest::Digest;
use crate::util::host_address::HostAddress;
use crate::util::suggest::nearest;

/// How to log in to a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostLogin {
    /// `user`.
    pub user: Option<String>,
    /// `password-file` or `password-command`.
    pub password: Option<PasswordSource>,
    /// `ca-cert`: a PEM file with the certificates that are trusted.
    pub ca_cert: Option<PathBuf>,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PasswordSource {
    /// `password-file`.
    File(PathBuf),
    /// `password-command`: the command that prints the password on standard output.
    Command(Vec<String>),
}

/// `[host.NAME]`.
#[derive(Debug, Clone)]
pub struct Host {
    /// NAME: the name of the host.
    pub name: String,
    /// The place where the table begins.
    pub span: Range<usize>,
    /// `address`.
    pub address: HostAddress,
    /// `definition`: the name of the definition that the host is to hold.
    pub definition: Option<At<String>>,
    /// `certificate-sha256`: the digest of the host's certificate in DER.
    pub certificate_sha256: Option<Digest>,
    /// The host's own login, or that of `[hosts]` for each key that the host does not have.
    pub login: HostLogin,
}

/// Parses the digest of a certificate: 64 hexadecimal digits, with or without colons between
/// the bytes, as `openssl x509 -fingerprint` and browsers show it.
#[must_use]
pub fn fingerprint(text: &str) -> Option<Digest> {
    let text = text.trim();
    let digits = if text.contains(':') {
        let bytes: Vec<&str> = text.split(':').collect();
        if bytes.iter().any(|byte| byte.len() != 2) {
            return None;
        }
        bytes.concat()
    } else {
        text.to_owned()
    };
    Digest::try_from(digits.to_ascii_lowercase()).ok()
}

/// Reads `[hosts]`.
pub(super) fn defaults(root: &Table<'_, '_>, reader: &mut Reader) -> HostLogin {
    let table = root.table("hosts", reader);
    table.map_or_else(HostLogin::default, |table| {
        let read = login(&table, reader);
        table.finish(reader);
        read
    })
}

fn login(table: &Table<'_, '_>, reader: &mut Reader) -> HostLogin {
    let file = table.path("password-file", reader);
    let command = table.command("password-command", reader);
    HostLogin {
        user: table.text("user", reader).map(|at| at.value),
        password: file
            .map(|at| PasswordSource::File(at.value))
            .or_else(|| command.map(PasswordSource::Command)),
        ca_cert: table.path("ca-cert", reader).map(|at| at.value),
    }
}

/// Reads every `[host.NAME]`.
pub(super) fn read_all(
    root: &Table<'_, '_>,
    defaults: &HostLogin,
    definitions: &BTreeMap<String, Definition>,
    reader: &mut Reader,
) -> BTreeMap<String, Host> {
    let mut hosts = BTreeMap::new();
    let Some((value, kind)) = root.value("host") else {
        return hosts;
    };
    let DeValue::Table(tables) = value.get_ref() else {
        reader.wrong_type("[host]", kind.expected(), value);
        return hosts;
    };
    let mut addresses: BTreeMap<HostAddress, String> = BTreeMap::new();
    for (name, value) in entries(tables) {
        if !definition::is_name(name.value) {
            reader.add(messages::not_a_host_name(reader.at(name.span.clone())));
        }
        let title = format!("[host.{}]", name.value.escape_debug());
        let Some(table) = Table::new(title, &keys::HOST, value, reader) else {
            continue;
        };
        let Some(host) = read(&name, &table, defaults, reader) else {
            table.finish(reader);
            continue;
        };
        if let Some(at) = &host.definition
            && !definitions.contains_key(&at.value)
        {
            let near = nearest(&at.value, definitions.keys().map(String::as_str));
            let place = reader.at(at.span.clone());
            reader.add(messages::no_such_definition(place, &at.value, near));
        }
        if let Some(first) = addresses.insert(host.address.clone(), host.name.clone()) {
            let place = reader.at(name.span.clone());
            reader.add(messages::same_address(
                place,
                &first,
                &host.address.to_string(),
            ));
        }
        table.finish(reader);
        hosts.insert(host.name.clone(), host);
    }
    hosts
}

fn read(
    name: &At<&str>,
    table: &Table<'_, '_>,
    defaults: &HostLogin,
    reader: &mut Reader,
) -> Option<Host> {
    let own = login(table, reader);
    let definition = table.text("definition", reader);
    let certificate = table.text("certificate-sha256", reader);
    let certificate = certificate.and_then(|at| {
        let digest = fingerprint(&at.value);
        if digest.is_none() {
            reader.add(messages::not_a_fingerprint(reader.at(at.span)));
        }
        digest
    });
    let address = table.text("address", reader);
    if address.is_none() && table.lacks("address") {
        reader.add_lack(messages::no_address(reader.at(table.span.clone())));
    }
    let address = address.and_then(|at| {
        HostAddress::parse(&at.value)
            .map_err(|why| reader.add(messages::not_a_host_address(reader.at(at.span), why)))
            .ok()
    });
    Some(Host {
        name: name.value.to_owned(),
        span: name.span.clone(),
        address: address?,
        definition,
        certificate_sha256: certificate,
        login: HostLogin {
            user: own.user.or_else(|| defaults.user.clone()),
            password: own.password.or_else(|| defaults.password.clone()),
            ca_cert: own.ca_cert.or_else(|| defaults.ca_cert.clone()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn fingerprints_as_programs_show_them() {
        let plain = "9c1e".repeat(16);
        let colons = ["9C:1E"; 16].join(":");
        let digest = fingerprint(&plain).unwrap();
        assert_eq!(digest.to_string(), plain);
        assert_eq!(fingerprint(&format!(" {colons}\n")), Some(digest));
        for wrong in [
            "",
            "9c1e",
            &plain[1..],
            &format!("{plain}0"),
            &format!("{plain}:"),
            "9:c1:e",
        ] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }
}
