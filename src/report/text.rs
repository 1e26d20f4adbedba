//! Diagnostics as text.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity};

/// A diagnostic as text: title, excerpt with a caret, notes, help.
#[must_use]
pub fn render(diagnostic: &Diagnostic) -> String {
    let Some(excerpt) = &diagnostic.excerpt else {
        return render_plain(diagnostic);
    };
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
    let length = excerpt.source.text.len();
    let span = excerpt.span.start.min(length)..excerpt.span.end.min(length);
    group = group.element(
        Snippet::source(excerpt.source.text.as_str())
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
    Renderer::styled()
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
    lines.join("\n")
}
