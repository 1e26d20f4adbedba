//! Palette's answers, and the JSON of an archive that is shown.
#![no_main]

use edgestage::palette::wire::{
    Answer as _, ApiError, ClusterProfile, List, ProfileMetadata, ProfileSummary, ProjectMetadata,
};
use edgestage::variables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = List::<ProjectMetadata>::read(text);
        let _ = List::<ProfileMetadata>::read(text);
        let _ = List::<ProfileSummary>::read(text);
        let _ = ClusterProfile::read(text);
    }
    let _ = ApiError::read(bytes);
    let _ = variables::without_secrets(bytes);
    for variable in variables::read(bytes).unwrap_or_default() {
        let _ = variable.default_shown();
    }
});
