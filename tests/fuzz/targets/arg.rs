//! `.arg`: what is shown of it is never longer than it is, and holds no other line.
#![no_main]

use std::path::Path;

use edgestage::canvos::preflight::parse_arg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let arg = parse_arg(text, Path::new(".arg"), &|_| None);
    for assignment in &arg.assignments {
        let shown = &arg.source.text[assignment.span.clone()];
        assert!(shown.contains("CLUSTERCONFIG"), "{shown:?}");
    }
});
