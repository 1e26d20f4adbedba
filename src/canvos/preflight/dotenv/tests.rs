use super::*;

fn value(text: &str) -> Option<String> {
    let file = parse(text.as_bytes()).unwrap();
    file.value("K").map(str::to_owned)
}

#[test]
fn a_file_is_a_sequence_of_statements() {
    for (text, expected) in [
        ("K=v", Some("v")),
        ("K = v\n", Some("v")),
        ("K: v\r\n", Some("v")),
        ("export K=v\nK=w\n", Some("w")),
        ("export\tK=v", Some("v")),
        ("export\u{a0}K=v", Some("v")),
        ("exportK=v", None),
        ("K=\rA=v\n", Some("A=v")),
        ("A=1\rK=v\rB=2", Some("v")),
        ("A=\"1\" K=v # why\n", Some("v")),
        ("A='1'K=v\n", Some("v")),
        ("A=\"x\nK=v\ny\"\n", None),
        ("A=it's\nK=v\n", Some("v")),
        ("#K=v\rK=w\n", None),
        ("# c\nK=v", Some("v")),
        ("K=v # c # d", Some("v # c")),
        ("K=v#c", Some("v#c")),
        ("K=# c", Some("# c")),
        ("K=\"v\"# c", Some("v")),
        ("K=a b ;c", Some("a b ;c")),
        ("K", None),
        ("A B\tK=v\n", None),
        ("K \t=v\n", Some("v")),
        ("\u{2003}K=v\n", Some("v")),
        ("Kê=v\nK=w", Some("w")),
        ("", None),
        ("K=", Some("")),
        ("K=\"\"", Some("")),
    ] {
        assert_eq!(value(text).as_deref(), expected, "{text:?}");
    }
}

#[test]
fn a_last_word_without_a_separator_sets_the_nameless_variable() {
    let file = parse(b"A=1\nexport B\rC").unwrap();
    let pairs: Vec<_> = file
        .assignments
        .iter()
        .map(|it| (it.name.as_str(), it.value.as_str()))
        .collect();
    assert_eq!(pairs, [("A", "1"), ("", "B"), ("", "C")]);
}

#[test]
fn quotes_escapes_and_variables() {
    for (text, expected) in [
        ("K='a\\nb'", "a\\nb"),
        ("K=\"a\\nb\\rc\\td\"", "a\nb\rctd"),
        ("K=\"a\\\"b\"", "a\"b"),
        ("K='a\\'b'", "a\\'b"),
        ("K=\"\\\"\"", "\\"),
        ("K=\"a\\\\\" \"", "a\\\" "),
        ("A=x\nK=$A", "x"),
        ("A=x\nK=\"<${A}>\"", "<x>"),
        ("A=x\nK='$A'", "$A"),
        ("A=x\nK=\\$A", "$A"),
        ("A=x\nK=\"\\$A\"", "$A"),
        ("A=x\nK=\"\\\\$A\"", "$A"),
        ("A=x\nK=$(A)", "x)"),
        ("a=x\nK=$a", "$a"),
        ("K=$A\nA=x", ""),
        ("K=1\nK=${K}2", "12"),
        ("K=$ ${} $(", "$ ${} $("),
        ("A='x'\nB=\"$A\"\nK=$B$B", "xx"),
    ] {
        assert_eq!(value(text).as_deref(), Some(expected), "{text:?}");
    }
}

#[test]
fn a_byte_that_is_not_utf_8_is_a_replacement_character() {
    let file = parse(b"A=\xe2\x82x\nB=\"\xff$A\"\nC='\xe2\x82'").unwrap();
    assert_eq!(file.value("A"), Some("\u{fffd}\u{fffd}x"));
    assert_eq!(file.value("B"), Some("\u{fffd}\u{fffd}\u{fffd}x"));
    assert_eq!(file.value("C"), Some("\u{fffd}\u{fffd}"));
    // In quotes, bytes are unchanged up to the end.
    let file = parse(b"A='\xc3'\nK=\"$A\xa9\"").unwrap();
    assert_eq!(file.value("K"), Some("\u{e9}"));
}

#[test]
fn places_are_those_of_the_file() {
    let text = "A=1\r\n  export K = \"v\r\nw\" # c\r\nB=\r\nC=x y # z\r\n";
    let file = parse(text.as_bytes()).unwrap();
    let places: Vec<_> = file
        .assignments
        .iter()
        .map(|it| (&text[it.span.clone()], &text[it.value_span.clone()]))
        .collect();
    assert_eq!(
        places,
        [
            ("A=1", "1"),
            ("export K = \"v\r\nw\"", "\"v\r\nw\""),
            ("B=", ""),
            ("C=x y", "x y"),
        ]
    );
    assert_eq!(file.value("K"), Some("v\nw"));
}

#[test]
fn a_refusal_names_the_place() {
    for (text, line, place, message) in [
        ("A=1\r\nunset K\r\nB=2", 2, "unset K", "the line has no `=`"),
        ("A=1\nNO-PROXY=x", 2, "-", "`-` cannot be part of a name"),
        ("A=1\n\nEOF\n", 3, "EOF", "the line `EOF` has no `=`"),
        (
            "\u{feff}K=v",
            1,
            "\u{feff}",
            "a byte order mark cannot be part of a name",
        ),
        ("\u{e9}=v", 1, "\u{e9}", "`\u{e9}` cannot be part of a name"),
        ("A\u{7}=v", 1, "\u{7}", "byte 0x07 cannot be part of a name"),
        ("A=1\r\nK=\"v\nB=2", 2, "\"", "this quote is never closed"),
        ("A=1\nexport \r\n", 2, "export ", "the line has no `=`"),
        ("A=1\nexport ", 2, "export", "nothing follows `export`"),
    ] {
        let error = parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.message, message, "{text:?}");
        assert_eq!(error.line, line, "{text:?}");
        assert_eq!(&text[error.span], place, "{text:?}");
    }
    let error = parse(b"A\xa9=v").unwrap_err();
    assert_eq!(error.message, "byte 0xa9 cannot be part of a name");
}

#[test]
fn large_and_hostile_files_end_soon() {
    let mut text = "A=x\n".repeat(100_000);
    text.push_str(&"K\r".repeat(100_000));
    assert_eq!(parse(text.as_bytes()).unwrap().assignments.len(), 200_000);
    let doubling = "A=\"$A$A\"\n".repeat(100);
    let error = parse(format!("A=x\n{doubling}").as_bytes()).unwrap_err();
    assert_eq!(error.message, "the variables of this file grow too large");
    let many = "B=$A\n".repeat(100);
    let large = format!("A={}\n{many}", "x".repeat(1 << 20));
    assert!(parse(large.as_bytes()).is_err());
}
