//! Tests of edits on texts as people write them, compared byte by byte.

use super::*;

fn new(references: &[&str]) -> Vec<NewProfile> {
    references
        .iter()
        .map(|reference| NewProfile {
            reference: (*reference).to_owned(),
            comment: String::new(),
        })
        .collect()
}

#[track_caller]
fn adds(before: &str, after: &str) {
    assert_eq!(add(before, "a", &new(&["n@1"])).unwrap(), after);
}

#[track_caller]
fn removes(before: &str, place: usize, after: &str) {
    assert_eq!(remove_profiles(before, "a", &[place]).unwrap(), after);
}

#[test]
fn a_profile_is_laid_out_like_its_neighbours() {
    adds(
        "[definition.a]\nprofiles = [\n    'x@1', # infra\n  # more to come\n]\n# end",
        "[definition.a]\nprofiles = [\n    'x@1', # infra\n    \"n@1\",\n  # more to come\n]\n# end",
    );
    adds(
        "[definition.a]\nprofiles = [\n\t'x@1' # infra\n]",
        "[definition.a]\nprofiles = [\n\t'x@1', # infra\n\t\"n@1\",\n]",
    );
    adds(
        "[definition.a]\r\nprofiles = [\r\n  'x@1'\r\n]\r\n",
        "[definition.a]\r\nprofiles = [\r\n  'x@1',\r\n  \"n@1\",\r\n]\r\n",
    );
    adds(
        "definition.a.profiles = ['x@1'] # one\n",
        "definition.a.profiles = ['x@1', \"n@1\"] # one\n",
    );
    adds(
        "[definition.a]\nprofiles = [ 'x@1', ]",
        "[definition.a]\nprofiles = [ 'x@1', \"n@1\", ]",
    );
    adds(
        "[definition]\na = { profiles = ['x@1',\n  'y@1'] }",
        "[definition]\na = { profiles = ['x@1',\n  'y@1', \"n@1\"] }",
    );
}

#[test]
fn a_first_profile() {
    adds(
        "[definition.a]\nprofiles = []",
        "[definition.a]\nprofiles = [\"n@1\"]",
    );
    adds(
        "[definition.a]\nprofiles = [\n  # none\n]\n",
        "[definition.a]\nprofiles = [\n  # none\n  \"n@1\",\n]\n",
    );
    adds(
        "[definition.a] # the first\nname = 'x'\n",
        "[definition.a] # the first\nprofiles = [\n  \"n@1\",\n]\nname = 'x'\n",
    );
    adds(
        "[definition.a]",
        "[definition.a]\nprofiles = [\n  \"n@1\",\n]\n",
    );
}

#[test]
fn a_definition_that_is_not_there() {
    let made = "[definition.a]\nprofiles = [\n  \"n@1\",\n]\n";
    adds("", made);
    for (before, gap) in [
        ("[definition.b]\n", "\n"),
        ("[definition.b]", "\n\n"),
        ("# a\n", "\n"),
    ] {
        adds(before, &format!("{before}{gap}{made}"));
    }
    let made = add("", "a.b", &new(&["n@1"])).unwrap();
    assert!(made.starts_with("[definition.\"a.b\"]\n"), "{made}");
}

#[test]
fn profiles_that_are_tables() {
    let before = "[[definition.a.profiles]]\nuid = '1'\n[[definition.a.profiles.packs]]\nname = 'p'\n\n# next\n[definition.b]\n";
    let added = add(before, "a", &new(&["n@1", "https://c/x"])).unwrap();
    assert_eq!(
        added,
        "[[definition.a.profiles]]\nuid = '1'\n[[definition.a.profiles.packs]]\nname = 'p'\n\n\
         [[definition.a.profiles]]\nname = \"n\"\nversion = \"1\"\n\n\
         [[definition.a.profiles]]\nurl = \"https://c/x\"\n\n# next\n[definition.b]\n"
    );
    removes(before, 0, "# next\n[definition.b]\n");
    adds(
        "[[definition.a.profiles]]\nuid = '1'",
        "[[definition.a.profiles]]\nuid = '1'\n\n[[definition.a.profiles]]\nname = \"n\"\nversion = \"1\"\n",
    );
}

#[test]
fn comments_of_new_profiles_line_up() {
    let mut profiles = new(&["long-name@1", "n@1"]);
    profiles[0].comment = "infra".into();
    profiles[1].comment = "add-on".into();
    assert_eq!(
        add("[definition.a]\nprofiles = [\n]", "a", &profiles).unwrap(),
        "[definition.a]\nprofiles = [\n  \"long-name@1\",  # infra\n  \"n@1\",          # add-on\n]"
    );
}

#[test]
fn an_example_gives_way() {
    adds(
        "[definition.a]\nprofiles = [\n  # x\n  \"e@1\",  # an example: replace it\n  # y\n]\n",
        "[definition.a]\nprofiles = [\n  # x\n  # y\n  \"n@1\",\n]\n",
    );
    // An entry with a changed comment belongs to the user.
    adds(
        "[definition.a]\nprofiles = [\n  \"e@1\",  # an example: replaced\n]\n",
        "[definition.a]\nprofiles = [\n  \"e@1\",  # an example: replaced\n  \"n@1\",\n]\n",
    );
}

#[test]
fn what_is_removed_takes_its_line_with_it() {
    let lines = "[definition.a]\nprofiles = [\n  # head\n  'x@1', # one\n\n  { name = 'y', version = '1' },\n  'z@1'\n  # tail\n]\n";
    removes(lines, 0, &lines.replace("  'x@1', # one\n", ""));
    removes(
        lines,
        1,
        &lines.replace("  { name = 'y', version = '1' },\n", ""),
    );
    removes(lines, 2, &lines.replace("  'z@1'\n", ""));
    let line = |items: &str| format!("definition.a.profiles = [{items}] # c");
    removes(&line("'x', 'y', 'z'"), 0, &line("'y', 'z'"));
    removes(&line("'x', 'y', 'z'"), 1, &line("'x', 'z'"));
    removes(&line("'x', 'y', 'z'"), 2, &line("'x', 'y'"));
    removes(&line("'x', 'y',"), 1, &line("'x',"));
    removes(&line("'x'"), 0, &line(""));
    removes(
        "definition.a.profiles = ['x', # one\n  'y']",
        0,
        "definition.a.profiles = [\n  'y']",
    );
    // The comment of a neighbor stays.
    removes(
        "definition.a.profiles = [\n  'x', # keep\n  'y' ] # end",
        1,
        "definition.a.profiles = [\n  'x', # keep\n   ] # end",
    );
    removes(
        "definition.a.profiles = [\n  'x' # keep\n  , 'y' ]",
        1,
        "definition.a.profiles = [\n  'x' # keep\n   ]",
    );
    removes(
        "definition.a.profiles = [\n  'x', 'y', # both\n  'z']",
        1,
        "definition.a.profiles = [\n  'x',  # both\n  'z']",
    );
    assert_eq!(
        remove_profiles(&line("'x', 'y', 'z'"), "a", &[2, 0, 0]).unwrap(),
        line("'y'")
    );
    assert_eq!(
        remove_profiles(&line("'x'"), "a", &[1]),
        Err(EditError::Absent)
    );
}

#[test]
fn a_definition_goes_whole() {
    let file = "# file\n\n# of a\n[definition.a]\nprofiles = ['x']\n[definition.a.more]\ny = 1\n\n# of b\n[definition.b]\nprofiles = ['x']\n";
    assert_eq!(
        remove_definition(file, "a").unwrap(),
        "# file\n\n# of b\n[definition.b]\nprofiles = ['x']\n"
    );
    assert_eq!(
        remove_definition(file, "b").unwrap(),
        "# file\n\n# of a\n[definition.a]\nprofiles = ['x']\n[definition.a.more]\ny = 1\n"
    );
    assert_eq!(
        remove_definition(
            "definition.a.name = 'x'\ndefinition.a.profiles = [\n'x']\nx = 1\n",
            "a"
        ),
        Ok("x = 1\n".into())
    );
    assert_eq!(remove_definition(file, "c"), Err(EditError::Absent));
    // A separate comment belongs to no entry.
    let apart = "[definition.a]\nprofiles = ['x']\n# of a\n\n# keep me\n\n# of b\n[definition.b]\nprofiles = ['x']\n\n# end\n";
    assert_eq!(
        remove_definition(apart, "a").unwrap(),
        "# keep me\n\n# of b\n[definition.b]\nprofiles = ['x']\n\n# end\n"
    );
    assert_eq!(
        remove_definition(apart, "b").unwrap(),
        "[definition.a]\nprofiles = ['x']\n# of a\n\n# keep me\n\n# end\n"
    );
    let string = "x = \"\"\"\n# no comment\"\"\"\n[definition.b]\nprofiles = ['x']\n";
    assert_eq!(
        remove_definition(string, "b").unwrap(),
        "x = \"\"\"\n# no comment\"\"\"\n"
    );
    let inline = "definition = { a = { profiles = ['x'] }, b = { profiles = ['x'] } }";
    assert_eq!(
        remove_definition(inline, "a"),
        Err(EditError::Inline(15..39))
    );
}

#[test]
fn a_name_is_changed_wherever_it_stands() {
    assert_eq!(
        rename_definition(
            "# a\n[definition.a]\nname = 'a'\n[[definition . \"a\" . profiles]]\nuid = 'a'\n[definition.ab]\n[a.definition.a]\n",
            "a",
            "c.d",
        )
        .unwrap(),
        "# a\n[definition.\"c.d\"]\nname = 'a'\n[[definition . \"c.d\" . profiles]]\nuid = 'a'\n[definition.ab]\n[a.definition.a]\n"
    );
    assert_eq!(
        rename_definition(
            "definition = { a.name = 'x', a.profiles = [], b.a = 1 }",
            "a",
            "c"
        ),
        Ok("definition = { c.name = 'x', c.profiles = [], b.a = 1 }".into())
    );
    assert_eq!(
        rename_definition("[definition]\na.profiles = []", "b", "c"),
        Err(EditError::Absent)
    );
}

#[test]
fn definitions_are_found_however_they_are_written() {
    for text in [
        "[definition.a]\n[definition.b]\n[[definition.a.profiles]]",
        "definition.a.x = 1\n[definition]\nb = {}",
        "definition = { a.x = 1, b = { c = 1 } }",
    ] {
        assert_eq!(definitions(text), ["a", "b"], "{text}");
    }
    assert!(definitions("[definition]\n[palette]\ndefinition.a = 1").is_empty());
}
