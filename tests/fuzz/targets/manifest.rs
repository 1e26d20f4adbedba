//! `profiles.toml`: whatever the text, a manifest or problems with their places in it.
#![no_main]

use std::path::Path;

use edgestage::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let path = Path::new("/site/profiles.toml");
    match Manifest::parse(text, path, Path::new("profiles.toml")) {
        Ok(manifest) => {
            for definition in manifest.definitions.values() {
                let _ = definition.asked();
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            // Laying out their excerpts is where places that do not fit would panic.
            for problem in &problems {
                assert!(!edgestage::ui::render(problem).is_empty());
            }
        }
    }
});
