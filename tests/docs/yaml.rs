//! As much of YAML documents as the checks need; a value of another kind fails the test.

use std::collections::BTreeMap;

use yaml_rust2::{Yaml, YamlLoader};

use crate::markdown::read;

/// Names and values.
pub type Variables = BTreeMap<String, String>;

/// The one document of `text`.
pub fn parse(text: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(text).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

/// The one document of a file of the repository.
pub fn template(path: &str) -> Yaml {
    parse(&read(path))
}

/// A text.
pub fn text(value: &Yaml) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value:?}"))
}

/// A list.
pub fn list(value: &Yaml) -> &[Yaml] {
    value.as_vec().unwrap_or_else(|| panic!("{value:?}"))
}

/// The names of a map.
pub fn names(value: &Yaml) -> Vec<&str> {
    let map = value.as_hash().unwrap_or_else(|| panic!("{value:?}"));
    map.keys().map(text).collect()
}

/// A map of texts; empty where there is none.
pub fn variables(value: &Yaml) -> Variables {
    let map = value.as_hash().into_iter().flatten();
    map.map(|(name, value)| (text(name).to_owned(), text(value).to_owned()))
        .collect()
}

/// Every scalar of a document.
pub fn scalars<'y>(value: &'y Yaml, found: &mut Vec<&'y str>) {
    match value {
        Yaml::Hash(map) => map.iter().for_each(|(key, value)| {
            scalars(key, found);
            scalars(value, found);
        }),
        Yaml::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Yaml::String(text) => found.push(text),
        _ => {}
    }
}
