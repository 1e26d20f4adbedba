//! Renders diagnostics as text.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Excerpt, Severity, lines_of};
use crate::util::sanitize;

/// The width of an excerpt in columns, unless a terminal has another width. A longer line is
/// cut around the caret.
pub(super) const WIDTH: usize = 120;

/// Whether a message ends with a reference to further reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum See {
    /// The reference is shown.
    Shown,
    /// The reference is hidden, since another message shows it.
    Hidden,
}

/// Renders a diagnostic: code and title, excerpt with a caret, notes, help, and where to read
/// more.
#[must_use]
pub fn render(diagnostic: &Diagnostic) -> String {
    render_within(diagnostic, WIDTH, See::Shown)
}

/// Renders a diagnostic with an excerpt of at most `width` columns. The terminal wraps
/// everything else.
#[must_use]
pub(super) fn render_within(diagnostic: &Diagnostic, width: usize, see: See) -> String {
    match &diagnostic.excerpt {
        Some(excerpt) if is_long(excerpt) => {
            render_plain(&without_excerpt(diagnostic, excerpt), see)
        }
        Some(excerpt) => render_at(diagnostic, excerpt, width, see),
        None => render_plain(diagnostic, see),
    }
}

/// The maximum length of a line that is shown in part, in bytes. Longer lines are not useful as
/// excerpts, and each message about such a line would scan all of it.
const LONGEST: usize = 16 << 10;

pub(super) fn is_long(excerpt: &Excerpt) -> bool {
    lines_of(&excerpt.source.text, &excerpt.span).len() > LONGEST
}

/// Returns the diagnostic with its place in words instead of an excerpt.
fn without_excerpt(diagnostic: &Diagnostic, excerpt: &Excerpt) -> Diagnostic {
    let (line, column) = excerpt.source.position(excerpt.span.start);
    let place = format!("at {}:{line}:{column}", excerpt.source.path);
    let place = match excerpt.label.as_str() {
        "" => place,
        label => format!("{place}: {label}"),
    };
    let mut told = diagnostic.clone();
    told.excerpt = None;
    told.notes.insert(0, place);
    told
}

/// Renders several diagnostics. The reference to further reading follows the last diagnostic of
/// each topic.
#[must_use]
pub(super) fn render_all(diagnostics: &[Diagnostic], width: usize) -> String {
    let told = |(at, diagnostic): (usize, &Diagnostic)| {
        let again = |later: &Diagnostic| later.section() == diagnostic.section();
        let see = if diagnostics[at + 1..].iter().any(again) {
            See::Hidden
        } else {
            See::Shown
        };
        render_within(diagnostic, width, see)
    };
    let all: Vec<String> = diagnostics.iter().enumerate().map(told).collect();
    all.join("\n\n")
}

fn see_also(diagnostic: &Diagnostic, see: See) -> Option<String> {
    let section = diagnostic.section();
    (see == See::Shown).then(|| format!("`edgestage explain {section}`"))
}

fn render_at(diagnostic: &Diagnostic, excerpt: &Excerpt, width: usize, see: See) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.title.as_str())
        .id(diagnostic.code.token());
    let mut group = Group::with_title(title);
    let label = Some(excerpt.label.as_str()).filter(|label| !label.is_empty());
    let excerpt = excerpt.narrowed();
    let (text, span) = sanitize::source(&excerpt.source.text, &excerpt.span);
    group = group.element(
        Snippet::source(text.as_str())
            .line_start(excerpt.source.first_line)
            .path(excerpt.source.path.as_str())
            .annotation(AnnotationKind::Primary.span(span).label(label)),
    );
    group = group.elements(
        diagnostic
            .notes
            .iter()
            .map(|note| Level::NOTE.message(note.as_str())),
    );
    group = group.elements(
        diagnostic
            .help
            .iter()
            .map(|help| Level::HELP.message(help.as_str())),
    );
    let see = see_also(diagnostic, see);
    group = group.elements(
        see.iter()
            .map(|see| Level::NOTE.with_name("see").message(see.as_str())),
    );
    Renderer::styled()
        .term_width(width)
        .decor_style(DecorStyle::Ascii)
        .render(&[group])
}

/// Renders a diagnostic without an excerpt, with a line for each part.
fn render_plain(diagnostic: &Diagnostic, see: See) -> String {
    let (word, color) = match diagnostic.severity {
        Severity::Error => ("error", anstyle::AnsiColor::Red),
        Severity::Warning => ("warning", anstyle::AnsiColor::Yellow),
    };
    let style = color.on_default().bold();
    let Diagnostic { code, title, .. } = diagnostic;
    let code = code.token();
    let mut lines = vec![format!("{style}{word}[{code}]{style:#}: {title}")];
    lines.extend(diagnostic.notes.iter().map(|note| format!("note: {note}")));
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    lines.extend(see_also(diagnostic, see).map(|see| format!("see: {see}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
