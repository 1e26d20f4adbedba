//! "Did you mean": the known name that is nearest to a mistyped one.

/// The nearest of `known` to `given`, or `None` where nothing is near enough for a
/// suggestion to help more than it misleads.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (score(&given, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

/// 0 to 1. Jaro-Winkler favours a common beginning (`profile` for `profiles`); the
/// separators people mix up (`cloud_type`, `cloudType`) do not count.
fn score(given: &str, known: &str) -> f64 {
    let bare = |text: &str| text.replace(['-', '_', ' '], "");
    strsim::jaro_winkler(&bare(given), &bare(known))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let known = ["project", "profiles", "cloud-type", "canvos"];
        assert_eq!(nearest("profile", known), Some("profiles"));
        assert_eq!(nearest("cloudType", known), Some("cloud-type"));
        assert_eq!(nearest("canvas", known), Some("canvos"));
        assert_eq!(nearest("zzz", known), None);
    }
}
