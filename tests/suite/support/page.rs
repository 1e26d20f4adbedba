//! A page parsed into a tree, more strictly than a browser does: every parse error that the
//! standard names is an error, and every element must be closed in order.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Elements without an end tag.
const VOID: [&str; 2] = ["meta", "br"];

/// An element, or the whole page.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    children: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Element(Element),
    Text(String),
}

/// Parses `html` into a tree.
#[track_caller]
pub fn read(html: &str) -> Element {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut open = vec![Element::default()];
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => {
                let attributes = tag.attributes.iter();
                let element = Element {
                    name: text(&tag.name),
                    attributes: attributes
                        .map(|(name, value)| (text(name), text(value)))
                        .collect(),
                    children: Vec::new(),
                };
                assert!(!tag.self_closing, "{}", element.name);
                if VOID.contains(&&*element.name) {
                    add(&mut open, Node::Element(element));
                } else {
                    open.push(element);
                }
            }
            Token::EndTag(tag) => {
                let element = open.pop().unwrap();
                assert_eq!(element.name, text(&tag.name), "closed out of turn");
                add(&mut open, Node::Element(element));
            }
            Token::String(string) => add(&mut open, Node::Text(text(&string))),
            Token::Doctype(doctype) => assert_eq!(text(&doctype.name), "html"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(open.len(), 1, "not closed");
    open.remove(0)
}

#[track_caller]
fn add(open: &mut [Element], node: Node) {
    open.last_mut().unwrap().children.push(node);
}

impl Element {
    /// Returns this element and all its descendants, in the order of the page.
    pub fn all(&self) -> Vec<&Element> {
        let mut all = vec![self];
        for child in &self.children {
            if let Node::Element(element) = child {
                all.extend(element.all());
            }
        }
        all
    }

    /// Returns the elements with this name, or, with a dot, with this class.
    pub fn find(&self, what: &str) -> Vec<&Element> {
        let is = |element: &&Element| match what.strip_prefix('.') {
            Some(class) => element.has_class(class),
            None => element.name == what,
        };
        self.all().into_iter().filter(is).collect()
    }

    /// Returns the only such element.
    #[track_caller]
    pub fn one(&self, what: &str) -> &Element {
        let found = self.find(what);
        assert_eq!(found.len(), 1, "{what}");
        found[0]
    }

    pub fn has_class(&self, class: &str) -> bool {
        let classes = self.attributes.get("class");
        classes.is_some_and(|classes| classes.split(' ').any(|known| known == class))
    }

    /// Returns all text in the element.
    pub fn text(&self) -> String {
        let text = |child: &Node| match child {
            Node::Element(element) => element.text(),
            Node::Text(text) => text.clone(),
        };
        self.children.iter().map(text).collect()
    }

    /// Returns the text of each element that is found.
    pub fn texts(&self, what: &str) -> Vec<String> {
        self.find(what).iter().map(|found| found.text()).collect()
    }
}

#[test]
fn what_browsers_put_up_with_is_seen() {
    assert_eq!(
        read("<!DOCTYPE html><p class=\"a b\">x<b>y</b></p>")
            .one(".b")
            .text(),
        "xy"
    );
    for wrong in [
        "<p>",
        "</p>",
        "<p><b></p></b>",
        "<p a=1 a=2></p>",
        "<p>&nosuch;</p><",
        "<p \"></p>",
        "<!-- -->",
    ] {
        let wrong = std::panic::catch_unwind(|| read(wrong)).is_err();
        assert!(wrong);
    }
}
