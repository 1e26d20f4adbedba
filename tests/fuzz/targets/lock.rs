//! `profiles.lock`: what is read is written again with the same meaning, and then for
//! ever in the same bytes.
#![no_main]

use edgestage::lockfile::Lockfile;
use edgestage_fuzz::shared_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = shared_file(text.as_bytes());
    let Ok(lock) = Lockfile::load(file.path()) else {
        return;
    };
    let written = lock.to_string();
    let again = shared_file(written.as_bytes());
    let again = Lockfile::load(again.path()).expect("what was written can be read");
    assert_eq!(lock.definitions, again.definitions);
    assert_eq!(written, again.to_string());
});
