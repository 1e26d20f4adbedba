//! Edits of `profiles.toml`: whatever valid text, what is edited says what was meant, and
//! nothing else of it has changed its meaning.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use edgestage::manifest::Manifest;
use edgestage::manifest::edit::{self, NewProfile};
use libfuzzer_sys::fuzz_target;

/// The references of every definition; `None` where the text is not a manifest.
fn read(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let path = Path::new("/site/profiles.toml");
    let manifest = Manifest::parse(text, path, path).ok()?;
    let references = |definition: &edgestage::manifest::Definition| {
        let profiles = definition.profiles.iter();
        profiles.map(|profile| profile.reference.to_string()).collect()
    };
    let definitions = manifest.definitions.iter();
    Some(
        definitions
            .map(|(name, definition)| (name.clone(), references(definition)))
            .collect(),
    )
}

fuzz_target!(|text: &str| {
    // Of what is not TOML only names are read, for who adds the first profile.
    let _ = edit::definitions(text);
    let Some(before) = read(text) else { return };
    for (name, references) in &before {
        let new = NewProfile {
            reference: "added@7".into(),
            comment: String::new(),
        };
        // An entry that says it is an example gives way.
        let is_plain = !text.contains(edit::EXAMPLE) && !references.contains(&new.reference);
        if let Ok(added) = edit::add(text, name, std::slice::from_ref(&new))
            && is_plain
        {
            let mut meant = before.clone();
            meant.get_mut(name).expect("it is there").push(new.reference);
            assert_eq!(read(&added), Some(meant), "{added}");
        }
        for place in 0..references.len() {
            let removed = edit::remove_profiles(text, name, &[place]).expect("it is there");
            let mut meant = before.clone();
            meant.get_mut(name).expect("it is there").remove(place);
            if references.len() > 1 {
                assert_eq!(read(&removed), Some(meant), "{removed}");
            }
        }
        if let Ok(removed) = edit::remove_definition(text, name) {
            let mut meant = before.clone();
            meant.remove(name);
            if !meant.is_empty() {
                assert_eq!(read(&removed), Some(meant), "{removed}");
            }
        }
        if !before.contains_key("renamed.x") {
            let renamed = edit::rename_definition(text, name, "renamed.x").expect("it is there");
            let mut meant = before.clone();
            let profiles = meant.remove(name).expect("it is there");
            meant.insert("renamed.x".into(), profiles);
            assert_eq!(read(&renamed), Some(meant), "{renamed}");
        }
    }
});
