//! Tests of endpoints: spellings, the names of SaaS, mistakes.

use super::*;

#[test]
fn the_endpoint_of_a_pasted_page() {
    let of = |url: &str| Endpoint::of_console(url).map(|endpoint| endpoint.to_string());
    let page = "/projects/5fbb/profiles/cluster/65c9?tab=1#x";
    for (host, endpoint) in [
        ("https://console.spectrocloud.com", Endpoint::DEFAULT),
        ("https://acme.console.spectrocloud.com", Endpoint::DEFAULT),
        (
            "https://acme.eu.console.spectrocloud.com",
            Endpoint::DEFAULT,
        ),
        (
            "https://console.spectrocloud.com.example",
            "https://console.spectrocloud.com.example",
        ),
        (
            "https://myconsole.spectrocloud.com",
            "https://myconsole.spectrocloud.com",
        ),
        (
            "https://palette.example.com:8443",
            "https://palette.example.com:8443",
        ),
        ("https://example.com/palette", "https://example.com/palette"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
    ] {
        assert_eq!(of(&format!("{host}{page}")).unwrap(), endpoint);
    }
    assert_eq!(of("edge@1.0.0"), None);
    assert_eq!(of("https://me:secret@p.example/projects"), None);
}

#[test]
fn spellings_of_one_place_are_one() {
    let canonical = Endpoint::parse("https://palette.example.com").unwrap();
    for text in [
        "https://palette.example.com/",
        "https://PALETTE.example.com:443",
        " https://palette.example.com// ",
    ] {
        assert_eq!(Endpoint::parse(text).unwrap(), canonical, "{text}");
    }
    let bare = Endpoint::of_variable("palette.example.com").unwrap();
    assert_eq!(bare, canonical);
    assert_eq!(bare.spelling(), Spelling::Bare);
    assert_eq!(canonical.to_string(), "https://palette.example.com");
}

/// The console's own host has no API. A tenant's host is used as it is written.
#[test]
fn saas_has_several_names() {
    let read = |text: &str| Endpoint::of_variable(text).unwrap();
    for text in [
        "console.spectrocloud.com",
        "https://console.spectrocloud.com/",
    ] {
        assert_eq!(read(text).to_string(), Endpoint::DEFAULT);
        assert_eq!(read(text).spelling(), Spelling::Console);
    }
    let tenant = read("https://acme.console.spectrocloud.com");
    assert_eq!(tenant.to_string(), "https://acme.console.spectrocloud.com");
    assert!(tenant.is_same_palette(&Endpoint::default()));
    assert!(tenant != Endpoint::default());
    for other in [
        "https://console.spectrocloud.com.example",
        "https://xconsole.spectrocloud.com",
    ] {
        assert!(!read(other).is_same_palette(&tenant), "{other}");
    }
}

#[test]
fn the_default_is_an_endpoint() {
    assert_eq!(
        Endpoint::default(),
        Endpoint::parse(Endpoint::DEFAULT).unwrap()
    );
}

#[test]
fn a_path_and_a_port_are_kept() {
    for text in [
        "https://h.example:8443/palette",
        "https://h.example:8443/palette/",
    ] {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(
            endpoint.join("/v1/projects/x").as_str(),
            "https://h.example:8443/palette/v1/projects/x"
        );
        assert_eq!(endpoint.to_string(), "https://h.example:8443/palette");
    }
    assert_eq!(
        Endpoint::parse("https://h.example")
            .unwrap()
            .join("/v1/x")
            .as_str(),
        "https://h.example/v1/x"
    );
}

#[test]
fn only_plain_http_to_another_host_is_exposed() {
    for (text, exposed) in [
        ("https://h.example", false),
        ("http://h.example", true),
        ("http://10.0.0.1", true),
        ("http://127.0.0.1:80", false),
        ("http://127.9.9.9", false),
        ("http://[::1]:8080", false),
        ("http://localhost:1", false),
        ("http://localhost.evil.example", true),
    ] {
        assert_eq!(
            Endpoint::parse(text).unwrap().is_exposed(),
            exposed,
            "{text}"
        );
    }
}

/// Returns texts, their mistakes, and the corrected values.
fn mistakes() -> Vec<(&'static str, Mistake, &'static str)> {
    use Mistake as M;
    vec![
        (
            "ftp://h.example/x",
            M::Scheme("ftp".into()),
            "https://h.example/x",
        ),
        (
            "https://me:secret@h.example:8443",
            M::Credentials,
            "https://h.example:8443",
        ),
        ("https://h.example/?a=b", M::Query, "https://h.example"),
        (
            "https://h.example/palette#/x",
            M::Query,
            "https://h.example/palette",
        ),
        (
            "https://h.example/palette/v1/",
            M::ApiPath,
            "https://h.example/palette",
        ),
        (
            "http://127.0.0.1:8480/v1/clusterprofiles",
            M::ApiPath,
            "http://127.0.0.1:8480",
        ),
        (
            "https://api.spectrocloud.com/v1",
            M::ApiPath,
            Endpoint::DEFAULT,
        ),
        (
            "https://acme.console.spectrocloud.com/v1",
            M::ApiPath,
            "https://acme.console.spectrocloud.com",
        ),
        (
            "https://h.example/projects/x/profiles/cluster/y",
            M::ConsolePage,
            "https://h.example",
        ),
        (
            "https://h.example/palette/projects/x/overview?tab=1",
            M::ConsolePage,
            "https://h.example/palette",
        ),
        (
            "https://h.example/admin/profiles/cluster/y",
            M::ConsolePage,
            "https://h.example",
        ),
        (
            "https://h.example/login",
            M::ConsolePage,
            "https://h.example",
        ),
        (
            "https://console.spectrocloud.com/auth/signin",
            M::ConsolePage,
            Endpoint::DEFAULT,
        ),
        (
            "https://console.spectrocloud.com/#/x",
            M::Query,
            Endpoint::DEFAULT,
        ),
        (
            "https://acme.console.spectrocloud.com/projects/x",
            M::ConsolePage,
            Endpoint::DEFAULT,
        ),
        (
            "palette.example.com",
            M::NoScheme,
            "https://palette.example.com",
        ),
        (
            "palette.example.com:8443/",
            M::NoScheme,
            "https://palette.example.com:8443",
        ),
        (
            "console.spectrocloud.com/projects/x",
            M::NoScheme,
            Endpoint::DEFAULT,
        ),
        ("https:/h.example", M::NoScheme, "https://h.example"),
        ("HTTPS//h.example", M::NoScheme, "https://h.example"),
        ("http:127.0.0.1:8480", M::NoScheme, "http://127.0.0.1:8480"),
        ("//h.example", M::NoScheme, "https://h.example"),
        ("\"https://h.example\"", M::Quotes, "https://h.example"),
        ("'h.example/v1'", M::Quotes, "https://h.example"),
        ("", M::Empty, ""),
    ]
}

/// Messages never repeat a password, and the corrected value can be pasted.
#[test]
fn what_is_not_an_endpoint_is_refused_with_the_corrected_value() {
    use Mistake as M;
    for (text, why, corrected) in mistakes() {
        let wrong = Endpoint::parse(text).unwrap_err();
        assert_eq!(wrong.why, why, "{text}");
        let meant = wrong.corrected.clone().unwrap_or_default();
        assert_eq!(meant, corrected, "{text}");
        assert!(!format!("{wrong} {}", wrong.help()).contains("secret"));
        if let Some(meant) = wrong.corrected {
            assert!(Endpoint::parse(&meant).is_ok(), "{text}: {meant}");
        }
    }
    for text in ["https://", "https://h:x", "x y"] {
        assert!(Endpoint::parse(text).is_err(), "{text}");
        assert!(Endpoint::of_variable(text).is_err(), "{text}");
    }
    // A part of a scheme is not a host.
    for text in ["https:/h.example", "//h.example"] {
        assert_eq!(Endpoint::of_variable(text).unwrap_err().why, M::NoScheme);
    }
    assert_eq!(
        Endpoint::of_variable("https:8443").unwrap().to_string(),
        "https://https:8443"
    );
}
