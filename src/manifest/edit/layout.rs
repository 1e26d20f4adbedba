//! The positions of the parts of a TOML text: tables, keys, arrays and their items, in bytes.
//!
//! Input: a text that is valid TOML. Output: places. This module does not know what the parts
//! mean.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

/// The tables of a text, in the order of the text.
pub(super) struct Layout {
    pub blocks: Vec<Block>,
}

/// A header and the entries below it; the first block has no header.
pub(super) struct Block {
    /// The path in the header.
    pub keys: Vec<Key>,
    /// The kind of the header.
    pub kind: Header,
    /// The range from the header to the next header.
    pub span: Range<usize>,
    /// The position where the header ends.
    pub body: usize,
    /// The position where the content above the block ends: before it, what looks like a
    /// comment may be a part of a string.
    pub floor: usize,
    pub entries: Vec<Entry>,
}

impl Block {
    /// Returns where the last entry ends, or the header if there are no entries.
    pub(super) fn end(&self) -> usize {
        self.entries
            .last()
            .map_or(self.body, |entry| entry.span.end)
    }
}

/// How a block begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The block is the beginning of the text.
    None,
    /// `[path]`.
    Table,
    /// `[[path]]`.
    ArrayItem,
}

/// A part of a path.
pub(super) struct Key {
    /// The name, without quotes.
    pub name: String,
    pub span: Range<usize>,
}

/// `path = value`.
pub(super) struct Entry {
    pub keys: Vec<Key>,
    pub value: Value,
    pub span: Range<usize>,
}

/// The right-hand side of `=`.
pub(super) enum Value {
    Scalar,
    Array(Array),
    /// `{ … }`.
    Inline(Vec<Entry>),
}

/// `[ … ]`.
pub(super) struct Array {
    /// The position of the opening bracket.
    pub open: usize,
    /// The position of the closing bracket.
    pub close: usize,
    pub items: Vec<Item>,
}

/// An item of an array.
pub(super) struct Item {
    pub span: Range<usize>,
    /// The position where the comma after the item ends.
    pub comma: Option<usize>,
}

impl Item {
    /// Returns where the item ends, including its comma.
    pub(super) fn end(&self) -> usize {
        self.comma.unwrap_or(self.span.end)
    }
}

impl Layout {
    /// Returns the layout of `text`.
    pub(super) fn of(text: &str) -> Self {
        let tokens = Source::new(text).lex().into_vec();
        let mut events: Vec<Event> = Vec::new();
        parse_document(&tokens, &mut events, &mut ());
        let blank = |event: &Event| {
            matches!(
                event.kind(),
                EventKind::Whitespace | EventKind::Comment | EventKind::Newline
            )
        };
        events.retain(|event| !blank(event));
        Reader {
            text,
            events: &events,
            at: 0,
        }
        .document()
    }
}

/// Reads the events once, from the first to the last.
struct Reader<'t> {
    text: &'t str,
    events: &'t [Event],
    at: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Layout {
        let mut blocks = vec![Block {
            keys: Vec::new(),
            kind: Header::None,
            span: 0..self.text.len(),
            body: 0,
            floor: 0,
            entries: Vec::new(),
        }];
        while let Some(kind) = self.kind() {
            match kind {
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                    let mut block = self.header(kind);
                    if let Some(last) = blocks.last_mut() {
                        last.span.end = block.span.start;
                        block.floor = last.end();
                    }
                    blocks.push(block);
                }
                EventKind::SimpleKey => {
                    let entry = self.entry();
                    if let Some(last) = blocks.last_mut() {
                        last.entries.push(entry);
                    }
                }
                _ => self.at += 1,
            }
        }
        Layout { blocks }
    }

    fn kind(&self) -> Option<EventKind> {
        self.events.get(self.at).map(Event::kind)
    }

    /// Consumes the event and returns its place.
    fn pass(&mut self) -> Range<usize> {
        let end = self.text.len();
        let span = self.events.get(self.at).map(Event::span);
        self.at += 1;
        span.map_or(end..end, |span| span.start()..span.end())
    }

    fn header(&mut self, kind: EventKind) -> Block {
        let start = self.pass().start;
        let keys = self.keys();
        let body = self.pass().end;
        Block {
            keys,
            kind: if kind == EventKind::ArrayTableOpen {
                Header::ArrayItem
            } else {
                Header::Table
            },
            span: start..self.text.len(),
            body,
            floor: 0,
            entries: Vec::new(),
        }
    }

    /// Reads a dotted path.
    fn keys(&mut self) -> Vec<Key> {
        let mut keys = Vec::new();
        loop {
            match self.kind() {
                Some(EventKind::SimpleKey) => {
                    let mut name = String::new();
                    let event = &self.events[self.at];
                    if let Some(raw) = Source::new(self.text).get(event) {
                        raw.decode_key(&mut name, &mut ());
                    }
                    let span = self.pass();
                    keys.push(Key { name, span });
                }
                Some(EventKind::KeySep) => self.at += 1,
                _ => return keys,
            }
        }
    }

    fn entry(&mut self) -> Entry {
        let keys = self.keys();
        if self.kind() == Some(EventKind::KeyValSep) {
            self.at += 1;
        }
        let (value, span) = self.value();
        let start = keys.first().map_or(span.start, |key| key.span.start);
        Entry {
            keys,
            value,
            span: start..span.end,
        }
    }

    fn value(&mut self) -> (Value, Range<usize>) {
        match self.kind() {
            Some(EventKind::ArrayOpen) => {
                let open = self.pass().start;
                let items = self.items();
                let close = self.pass();
                let array = Array {
                    open,
                    close: close.start,
                    items,
                };
                (Value::Array(array), open..close.end)
            }
            Some(EventKind::InlineTableOpen) => {
                let open = self.pass().start;
                let mut entries = Vec::new();
                while let Some(kind) = self.kind() {
                    match kind {
                        EventKind::InlineTableClose => break,
                        EventKind::SimpleKey => entries.push(self.entry()),
                        _ => self.at += 1,
                    }
                }
                (Value::Inline(entries), open..self.pass().end)
            }
            _ => (Value::Scalar, self.pass()),
        }
    }

    fn items(&mut self) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        while let Some(kind) = self.kind() {
            match kind {
                EventKind::ArrayClose => break,
                EventKind::ValueSep => {
                    let comma = self.pass().end;
                    if let Some(last) = items.last_mut() {
                        last.comma = Some(comma);
                    }
                }
                _ => {
                    let (_, span) = self.value();
                    items.push(Item { span, comma: None });
                }
            }
        }
        items
    }
}
