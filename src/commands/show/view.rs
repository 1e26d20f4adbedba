//! What is shown, in whatever form: facts, and three tables.
//!
//! The input is the lock entry, and what was found in an archive. The output is printable texts
//! of one line each, without the API key, in the order of the stack, from the bottom up.

use crate::commands::layer::Layer;
use crate::resolve::Pack;
use crate::ui::Report;
use crate::ui::markdown::{Comment, code};
use crate::ui::table::{self, Cell, Table, Tone};
use crate::util::environment::Environment;
use crate::util::sanitize;
use crate::variables::Variable;

use super::{Found, ShownProfile};

/// The number of characters of a default value in a terminal's table.
const DEFAULT_SHOWN: usize = 60;

/// Everything that is shown.
pub(super) struct View {
    /// The name of the definition or of the archive.
    pub title: String,
    /// How it compares with the lock, in one line.
    pub verdict: String,
    /// Whether nothing that was compared differs.
    pub is_good: bool,
    /// What was compared for the verdict, and what was not.
    pub basis: String,
    /// What the definition is, and where it came from.
    pub facts: Vec<Fact>,
    /// The profiles, from the bottom up.
    pub profiles: Vec<ProfileView>,
}

/// A fact about what is shown.
pub(super) struct Fact {
    /// The name of the fact.
    pub name: &'static str,
    pub value: String,
    /// Whether the value identifies an archive, and has no other meaning for people.
    pub is_digest: bool,
}

impl Fact {
    /// Returns a fact for people.
    pub(super) fn new(name: &'static str, value: String) -> Self {
        Self {
            name,
            value,
            is_digest: false,
        }
    }

    /// Returns a fact that identifies an archive.
    pub(super) fn digest(name: &'static str, value: String) -> Self {
        Self {
            is_digest: true,
            ..Self::new(name, value)
        }
    }
}

/// A profile.
pub(super) struct ProfileView {
    /// The uid: 24 hexadecimal digits in the lock; the name of the directory in an archive.
    pub uid: String,
    /// The name, if the lock has it.
    pub name: String,
    /// The version, if the lock has it.
    pub version: String,
    /// The type, if the lock has it.
    pub kind: String,
    /// The packs by layer, from the bottom up.
    pub packs: Vec<PackView>,
    /// The variables that the operator is asked for; `None` if they are not known.
    pub variables: Option<Vec<VariableView>>,
}

/// A pack.
pub(super) struct PackView {
    /// The layer of the pack.
    pub layer: Layer,
    /// The layer's name.
    pub layer_name: String,
    /// The pack's name.
    pub name: String,
    /// The tag, and the version that it stands for.
    pub version: String,
    /// The digest that pins the pack; may be empty.
    pub digest: String,
}

/// A variable.
pub(super) struct VariableView {
    /// The name, display name, format, default and description. A sensitive default is not
    /// included.
    pub name: String,
    pub shown_as: String,
    pub format: String,
    pub default: String,
    pub description: String,
    /// `yes`, or empty.
    pub required: &'static str,
    /// `yes`, or empty.
    pub fixed: &'static str,
}

impl View {
    pub(super) fn new(found: &Found, report: &Report) -> Self {
        let shown = found.profiles.iter();
        let mut profiles: Vec<ProfileView> = shown
            .map(|profile| ProfileView::new(profile, report))
            .collect();
        // Within a layer, the order stays that of `profiles.toml`.
        profiles.sort_by_key(|profile| profile.packs.first().map(|pack| pack.layer));
        let facts = found.facts.iter().map(|fact| Fact {
            value: report.clean(&fact.value),
            ..*fact
        });
        let verdict = format!("{}, {}", counts(&found.profiles), found.verdict.text());
        Self {
            title: report.clean(&found.title),
            verdict: report.clean(&verdict),
            is_good: found.verdict.is_good(),
            basis: found.verdict.basis(),
            facts: facts.collect(),
            profiles,
        }
    }

    /// Returns the table of profiles.
    fn profiles(&self) -> Table {
        let mut table = Table::new(&["profile", "version", "type", "uid"]);
        for profile in &self.profiles {
            let cells = [&profile.name, &profile.version, &profile.kind, &profile.uid];
            table
                .rows
                .push(cells.map(|text| Cell::from(&**text)).into());
        }
        table.without_empty()
    }

    /// Returns the packs of all profiles, from the bottom up.
    pub(super) fn packs(&self) -> Table {
        let mut table = Table::new(&["layer", "pack", "version", "digest", "profile"]);
        let mut packs: Vec<(&PackView, String)> = Vec::new();
        for profile in &self.profiles {
            packs.extend(profile.packs.iter().map(|pack| (pack, profile.label())));
        }
        packs.sort_by_key(|(pack, _)| pack.layer);
        for (pack, profile) in packs {
            let cells = [
                &pack.layer_name,
                &pack.name,
                &pack.version,
                &pack.digest,
                &profile,
            ];
            table
                .rows
                .push(cells.map(|text| Cell::from(&**text)).into());
        }
        table
    }

    /// Returns the variables that the operator is asked for, profile by profile.
    fn asked(&self) -> Table {
        let mut table = VariableView::table();
        table.headings.push("profile");
        for profile in &self.profiles {
            for variable in profile.variables.iter().flatten() {
                let mut row = variable.row();
                row.push(Cell::from(profile.label()));
                table.rows.push(row);
            }
        }
        table.without_empty()
    }

    /// Whether it is known that the operator is asked for nothing.
    pub(super) fn asks_nothing(&self) -> bool {
        let mut profiles = self.profiles.iter();
        profiles.all(|profile| profile.variables.as_ref().is_some_and(Vec::is_empty))
    }

    /// Returns the profiles whose variables are not known.
    fn unknown(&self) -> impl Iterator<Item = String> {
        let unknown = self
            .profiles
            .iter()
            .filter(|profile| profile.variables.is_none());
        unknown.map(ProfileView::label)
    }

    /// Formats the view for a terminal.
    pub(super) fn text(&self, width: Option<usize>) -> String {
        let facts = self.facts.iter();
        let facts: Vec<_> = facts.map(|fact| (fact.name, fact.value.clone())).collect();
        let mut parts = vec![table::facts(&facts)];
        parts.push(self.profiles().text("", width));
        let packs = self.packs().without(&["digest"]);
        if !packs.rows.is_empty() {
            parts.push(packs.text("", width));
        }
        let asked = self.asked().without(&["description"]);
        if !asked.rows.is_empty() {
            let asked = asked.shortened("default", DEFAULT_SHOWN);
            let text = asked.text("", width);
            parts.push(format!("The operator is asked for\n{text}"));
        }
        let unknown = self.unknown();
        let unknown: Vec<String> = unknown
            .map(|who| format!("{who}: variables not known"))
            .collect();
        if !unknown.is_empty() {
            parts.push(table::lines(&unknown));
        }
        parts.join("\n")
    }

    /// Formats the view for a comment on a merge request.
    pub(super) fn markdown(&self, environment: &Environment) -> String {
        let mut comment = Comment::new(environment);
        comment.line(&format!("### {}", code(&self.title)));
        let mut facts = Table::new(&["fact", "value"]);
        for fact in &self.facts {
            let name = Cell::toned(fact.name, Tone::Word);
            facts.rows.push(vec![name, Cell::from(&*fact.value)]);
        }
        comment.table(&facts);
        comment.table(&self.profiles());
        let packs = self.packs().without(&["digest"]);
        if !packs.rows.is_empty() {
            comment.table(&packs);
        }
        let asked = self.asked();
        if !asked.rows.is_empty() {
            comment.line("The operator is asked for:");
            comment.table(&asked);
        }
        for who in self.unknown() {
            comment.line(&format!("{}: variables not known", code(&who)));
        }
        comment.finish("edgestage show")
    }
}

/// Returns the number of profiles, and the number of packs if the lock has it.
fn counts(profiles: &[ShownProfile]) -> String {
    if profiles.is_empty() {
        return "no profiles found".to_owned();
    }
    let counted = sanitize::count(profiles.len(), "profile");
    if profiles.iter().any(|profile| profile.locked.is_none()) {
        return counted;
    }
    let packs = profiles.iter().map(|profile| profile.packs.len()).sum();
    format!("{counted}, {}", sanitize::count(packs, "pack"))
}

impl ProfileView {
    fn new(shown: &ShownProfile, report: &Report) -> Self {
        let clean = |text: &str| report.clean(text);
        let of_lock = |field: fn(&super::Identity) -> &String| {
            let field = shown.locked.as_ref().map(field);
            field.map_or_else(String::new, |text| clean(text))
        };
        let variables = shown.variables.as_ref().map(|variables| {
            let asked = variables.iter().filter(|variable| !variable.hidden);
            asked
                .map(|variable| VariableView::new(variable, report))
                .collect()
        });
        Self {
            uid: clean(&shown.uid),
            name: of_lock(|identity| &identity.name),
            version: of_lock(|identity| &identity.version),
            kind: of_lock(|identity| &identity.kind),
            packs: shown
                .packs
                .iter()
                .map(|pack| PackView::new(pack, report))
                .collect(),
            variables,
        }
    }

    /// Returns the table of variables; `None` if they are not known.
    pub(super) fn asked(&self) -> Option<Table> {
        let mut table = VariableView::table();
        table.rows = self
            .variables
            .as_ref()?
            .iter()
            .map(VariableView::row)
            .collect();
        Some(table.without_empty())
    }

    /// Returns `name@version` in the form that `profiles.toml` accepts, or else the uid.
    pub(super) fn label(&self) -> String {
        if self.name.is_empty() {
            return self.uid.clone();
        }
        format!("{}@{}", self.name, self.version)
    }
}

impl PackView {
    fn new(pack: &Pack, report: &Report) -> Self {
        let stands_for = Some(&pack.version);
        let stands_for = stands_for.filter(|version| !version.is_empty() && **version != pack.tag);
        let version = match stands_for {
            Some(version) if pack.tag.is_empty() => version.clone(),
            Some(version) => format!("{} ({version})", pack.tag),
            None => pack.tag.clone(),
        };
        Self {
            layer: Layer::of(&pack.layer),
            layer_name: report.clean(&pack.layer),
            name: report.clean(&pack.name),
            version: report.clean(&version),
            digest: report.clean(&pack.digest),
        }
    }
}

impl VariableView {
    fn new(variable: &Variable, report: &Report) -> Self {
        // These texts may have several lines.
        let prose = |text: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            report.clean(&words.join(" "))
        };
        let yes = |is: bool| if is { "yes" } else { "" };
        Self {
            name: report.clean(&variable.name),
            shown_as: prose(&variable.display_name),
            format: report.clean(&variable.format),
            default: report.clean(&variable.default_shown()),
            description: prose(&variable.description),
            required: yes(variable.required),
            fixed: yes(variable.immutable),
        }
    }

    /// Returns an empty table.
    fn table() -> Table {
        Table::new(&[
            "variable",
            "shown as",
            "format",
            "default",
            "required",
            "fixed",
            "description",
        ])
    }

    fn row(&self) -> Vec<Cell> {
        let word = |text: &str| Cell::toned(text, Tone::Word);
        vec![
            Cell::from(&*self.name),
            Cell::from(&*self.shown_as),
            Cell::from(&*self.format),
            Cell::from(&*self.default),
            word(self.required),
            word(self.fixed),
            Cell::from(&*self.description),
        ]
    }
}
