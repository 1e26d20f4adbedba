//! Changes as rows of a table, in the order of the stack: profiles, then packs by layer, then
//! files.

use crate::archive::PROFILES;
use crate::commands::layer::Layer;
use crate::drift::{self, Change, FileChange};
use crate::resolve::Pack;
use crate::ui::Report;
use crate::ui::table::{Cell, Table, Tone};
use crate::variables;
use crate::workflow::session::Reported;

/// A row before it is formatted. Names are not sanitized yet.
struct Row<'c> {
    what: FileChange,
    part: Part<'c>,
    name: String,
    detail: String,
    profile: &'c str,
}

/// What the change is about. The order of the variants is the order of the rows.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'c> {
    Profile,
    /// The layer of a pack and the layer's name; if the pack moved, also its old layer's name.
    Layer(Layer, &'c str, Option<&'c str>),
    /// A profile's `variables.json`.
    Variables,
    File,
    Content,
    Order,
}

pub(super) fn table(changes: &[Reported], report: &Report) -> Table {
    let mut rows: Vec<Row<'_>> = changes.iter().map(|told| row(told.change())).collect();
    rows.sort_by(|a, b| a.part.cmp(&b.part));
    let mut table = Table::new(&["change", "part", "name", "detail", "profile"]);
    let cells = |row: Row<'_>| {
        let tone = match row.what {
            FileChange::Added => Tone::Green,
            FileChange::Removed => Tone::Red,
            FileChange::Changed => Tone::Yellow,
        };
        let plain = |text: &str| Cell::from(report.clean(text));
        vec![
            Cell::toned(row.what.to_string(), tone),
            match row.part {
                Part::Profile => Cell::toned("profile", Tone::Word),
                Part::Layer(_, layer, None) => plain(layer),
                Part::Layer(_, layer, Some(old)) => plain(&format!("{old} → {layer}")),
                Part::Variables => Cell::toned("variables", Tone::Word),
                Part::File => Cell::toned("file", Tone::Word),
                Part::Content => Cell::toned("content", Tone::Word),
                Part::Order => Cell::toned("order", Tone::Word),
            },
            plain(&row.name),
            plain(&row.detail),
            plain(row.profile),
        ]
    };
    table.rows = rows.into_iter().map(cells).collect();
    table.without_empty()
}

fn row(change: &Change) -> Row<'_> {
    use FileChange::{Added, Changed, Removed};
    let whole = |what, name: &str, detail: String| Row {
        what,
        part: Part::Profile,
        name: name.to_owned(),
        detail,
        profile: "",
    };
    match change {
        Change::ProfileAdded { profile, uid } => whole(Added, profile, uid.to_string()),
        Change::ProfileRemoved { profile, uid } => whole(Removed, profile, uid.to_string()),
        Change::ProfileRenamed { from, to } => whole(Changed, from, format!("→ {to}")),
        Change::ProfileRetyped { profile, from, to } => {
            whole(Changed, profile, format!("type {from} → {to}"))
        }
        Change::PackAdded { profile, pack } => of_pack(Added, pack, profile),
        Change::PackRemoved { profile, pack } => of_pack(Removed, pack, profile),
        Change::PackChanged { profile, from, to } => {
            let moved = Some(&*from.layer).filter(|layer| *layer != to.layer);
            Row {
                part: Part::Layer(Layer::of(&to.layer), &to.layer, moved),
                detail: drift::difference(from, to),
                ..of_pack(Changed, to, profile)
            }
        }
        Change::File {
            profile,
            path,
            what,
        } => of_file(*what, path, profile.as_deref()),
        Change::Content => Row {
            part: Part::Content,
            detail: "files unknown: the locked archive is not in the cache".into(),
            ..whole(Changed, "values, manifests or variables", String::new())
        },
        Change::Order => Row {
            part: Part::Order,
            ..whole(Changed, "of profiles or packs", String::new())
        },
    }
}

fn of_pack<'c>(what: FileChange, pack: &'c Pack, profile: &'c str) -> Row<'c> {
    Row {
        what,
        part: Part::Layer(Layer::of(&pack.layer), &pack.layer, None),
        name: pack.name.clone(),
        detail: pack.tag.clone(),
        profile,
    }
}

/// Returns the row for a file. A file of a profile is named relative to the profile's
/// directory.
fn of_file<'c>(what: FileChange, path: &str, profile: Option<&'c str>) -> Row<'c> {
    let below = path
        .strip_prefix(PROFILES)
        .and_then(|path| path.strip_prefix('/'));
    let inner = below
        .and_then(|path| path.split_once('/'))
        .map(|(_, inner)| inner);
    let name = match (profile, inner) {
        (Some(_), Some(inner)) => inner,
        _ => path,
    };
    Row {
        what,
        part: match variables::uid_in(path) {
            Some(_) => Part::Variables,
            None => Part::File,
        },
        name: name.to_owned(),
        detail: String::new(),
        profile: profile.unwrap_or_default(),
    }
}
