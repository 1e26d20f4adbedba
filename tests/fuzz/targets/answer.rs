//! Palette's answers, and the JSON of an archive that is shown.
#![no_main]

use edgestage::palette::wire::{ApiError, ClusterProfile, List, ProfileMetadata, ProjectMetadata};
use edgestage::variables;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = serde_json::from_slice::<List<ProjectMetadata>>(bytes);
    let _ = serde_json::from_slice::<List<ProfileMetadata>>(bytes);
    let _ = serde_json::from_slice::<ClusterProfile>(bytes);
    let _ = serde_json::from_slice::<ApiError>(bytes);
    let _ = variables::without_secrets(bytes);
    for variable in variables::read(bytes).unwrap_or_default() {
        let _ = variable.default_shown();
    }
});
