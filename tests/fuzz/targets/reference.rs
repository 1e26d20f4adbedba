//! Console URLs, `name@version` and uids: what is a reference names the same again.
#![no_main]

use edgestage::manifest::Reference;
use edgestage::manifest::reference::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(parsed) => {
            let again = parse(&parsed.reference.to_string()).expect("a reference");
            assert_eq!(again.reference, parsed.reference);
            if let Reference::Uid(uid) = &parsed.reference {
                assert!(text.to_ascii_lowercase().contains(uid.as_str()));
            }
        }
        Err(invalid) => {
            assert!(!invalid.label().is_empty());
            let _ = invalid.help(text);
        }
    }
});
