//! Diagnostics as text.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Excerpt, Severity, lines_of};
use crate::printable;

/// The columns that an excerpt takes where no terminal has another width; a longer line is
/// cut around the caret.
pub const WIDTH: usize = 120;

/// A diagnostic as text: title, excerpt with a caret, notes, help, where to read more.
#[must_use]
pub fn render(diagnostic: &Diagnostic) -> String {
    render_within(diagnostic, WIDTH)
}

/// The same in so many columns. What is no excerpt is for the terminal to break.
#[must_use]
pub fn render_within(diagnostic: &Diagnostic, width: usize) -> String {
    match &diagnostic.excerpt {
        Some(excerpt) if is_long(excerpt) => render_plain(&without_excerpt(diagnostic, excerpt)),
        Some(excerpt) => render_at(diagnostic, excerpt, width),
        None => render_plain(diagnostic),
    }
}

/// The longest lines of which a part is shown, in bytes. Nobody reads longer ones by their
/// excerpts, and each message about such a line would go through all of it.
const LONGEST: usize = 16 << 10;

pub fn is_long(excerpt: &Excerpt) -> bool {
    lines_of(&excerpt.source.text, &excerpt.span).len() > LONGEST
}

/// The same with the place in words.
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

/// Several diagnostics; what there is to read about is said behind the last one of each
/// topic.
#[must_use]
pub fn render_all(diagnostics: &[Diagnostic], width: usize) -> String {
    let told = |(at, diagnostic): (usize, &Diagnostic)| {
        let again = |later: &Diagnostic| later.see == diagnostic.see;
        if diagnostics[at + 1..].iter().any(again) {
            render_within(&without_see(diagnostic), width)
        } else {
            render_within(diagnostic, width)
        }
    };
    let all: Vec<String> = diagnostics.iter().enumerate().map(told).collect();
    all.join("\n\n")
}

/// The same, where a reader has been told already where to read more.
#[must_use]
pub fn without_see(diagnostic: &Diagnostic) -> Diagnostic {
    Diagnostic {
        see: None,
        ..diagnostic.clone()
    }
}

fn see(diagnostic: &Diagnostic) -> Option<String> {
    let topic = diagnostic.see?;
    Some(format!("`edgestage explain {topic}`"))
}

fn render_at(diagnostic: &Diagnostic, excerpt: &Excerpt, width: usize) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(diagnostic.title.as_str());
    if let Some(id) = diagnostic.id {
        title = title.id(id);
    }
    let mut group = Group::with_title(title);
    let label = Some(excerpt.label.as_str()).filter(|label| !label.is_empty());
    let excerpt = excerpt.narrowed();
    let (text, span) = printable::source(&excerpt.source.text, &excerpt.span);
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
    let see = see(diagnostic);
    group = group.elements(
        see.iter()
            .map(|see| Level::NOTE.with_name("see").message(see.as_str())),
    );
    Renderer::styled()
        .term_width(width)
        .decor_style(DecorStyle::Ascii)
        .render(&[group])
}

/// Without an excerpt: a line each.
fn render_plain(diagnostic: &Diagnostic) -> String {
    let (word, color) = match diagnostic.severity {
        Severity::Error => ("error", anstyle::AnsiColor::Red),
        Severity::Warning => ("warning", anstyle::AnsiColor::Yellow),
    };
    let style = color.on_default().bold();
    let id = diagnostic
        .id
        .map(|id| format!("[{id}]"))
        .unwrap_or_default();
    let mut lines = vec![format!("{style}{word}{id}{style:#}: {}", diagnostic.title)];
    lines.extend(diagnostic.notes.iter().map(|note| format!("note: {note}")));
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    lines.extend(see(diagnostic).map(|see| format!("see: {see}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
