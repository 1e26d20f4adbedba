//! `show --format html`: a page for hand-over documents that needs no other file and treats
//! external text only as text.

use std::process::Command;

use base64::Engine as _;
use palette_sim::{EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, Pack, Profile, Variable, World};
use sha2::Digest as _;

use crate::support::crafted_archives::{Crafted, DIRECTORY};
use crate::support::page::{self, Element};
use crate::support::{Test, profile_directory};

/// Texts that would be markup if they were not escaped.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</style></title><svg/onload=alert(1)>",
    "' onmouseover='alert(1)",
    "&lt;b&gt; &#60;i&#62; <!--",
    "javascript:alert(1)",
];

/// Characters that would hide or move neighboring text.
const ODD: &str = "\u{1b}[2J\u{7}\u{202e}\u{200b}\u{2066}";

/// The values of the facts at the top of a page, and of those in its appendix.
fn facts(page: &Element) -> (Vec<String>, Vec<String>) {
    let appendix = page.find("section").pop().unwrap().texts("dd");
    (page.one("header").texts("dd"), appendix)
}

fn html(test: &Test) -> String {
    let run = test.run("show -q --format html").any_stdout().keeps_files();
    run.success().stdout
}

#[track_caller]
fn shown(test: &Test) -> Element {
    page::read(&html(test))
}

/// The demo's world with an edit, staged.
fn of(edit: impl FnOnce(&mut Profile, &mut Profile)) -> Test {
    let mut world = World::demo();
    let mut infra = world.find(EDGE_INFRA_2_1_0).unwrap().clone();
    let mut hello = world.find(HELLO_UNIVERSE_1_2_0).unwrap().clone();
    edit(&mut infra, &mut hello);
    *world.find_mut(EDGE_INFRA_2_1_0).unwrap() = infra;
    *world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap() = hello;
    // The add-on first: what is at the bottom is for the layers to say.
    let test = Test::of(world).definition(&format!(
        "profiles = [\"{HELLO_UNIVERSE_1_2_0}\", \"{EDGE_INFRA_2_1_0}\"]"
    ));
    test.stage()
}

/// Checks that the page loads, runs and sends nothing, and has no external links.
#[track_caller]
fn needs_nothing_else(page: &Element) {
    const ELEMENTS: [&str; 31] = [
        "", "html", "head", "meta", "title", "style", "body", "header", "main", "footer",
        "section", "h1", "h2", "h3", "p", "span", "bdi", "ol", "li", "div", "dl", "dt", "dd",
        "table", "thead", "tbody", "tr", "th", "td", "pre", "code",
    ];
    const ATTRIBUTES: [&str; 11] = [
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "id",
        "role",
        "scope",
        "data-label",
        "aria-labelledby",
    ];
    for element in page.all() {
        assert!(ELEMENTS.contains(&&*element.name), "{}", element.name);
        for name in element.attributes.keys() {
            assert!(ATTRIBUTES.contains(&&**name), "{}: {name}", element.name);
        }
    }
    let style = page.one("style").text();
    for outside in ["url(", "@import", "@font-face", "image-set(", "expression("] {
        assert!(!style.contains(outside), "{outside}");
    }
    // The policy would forbid it all the same.
    let digest = sha2::Sha256::digest(style.as_bytes());
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    let metas = page.find("meta");
    let policies = metas
        .iter()
        .filter(|meta| meta.attributes.contains_key("http-equiv"));
    let policies: Vec<&str> = policies.map(|meta| &*meta.attributes["content"]).collect();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    );
    assert_eq!(policies, [policy]);
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let test = Test::new().stage();
    let page = shown(&test);
    needs_nothing_else(&page);
    assert_eq!(page.one("html").attributes["lang"], "en");
    assert_eq!(page.one("title").text(), "Cluster definition factory");
    for landmark in ["header", "main", "footer", "h1"] {
        page.one(landmark);
    }
    // Each section has a heading that names it.
    let ids: Vec<String> = page
        .find("h2")
        .iter()
        .map(|h2| h2.attributes["id"].clone())
        .collect();
    let named = page.find("section").into_iter();
    let named: Vec<String> = named
        .map(|s| s.attributes["aria-labelledby"].clone())
        .collect();
    assert_eq!(ids, ["stack", "variables", "digests"]);
    assert_eq!(ids, named);
    for table in page.find("table") {
        for heading in table.find("th") {
            assert!(["col", "row"].contains(&&*heading.attributes["scope"]));
        }
        // On a narrow screen a cell names its column.
        for row in &table.find("tr")[1..] {
            let headings = &table.texts("th")[1..];
            for (cell, heading) in row.find("td").iter().zip(headings) {
                let label = cell.attributes.get("data-label");
                assert_eq!(label.is_none(), cell.text().is_empty());
                assert!(label.is_none_or(|label| label == heading));
            }
        }
    }
    let style = page.one("style").text();
    for medium in ["print", "prefers-color-scheme: dark", "max-width"] {
        assert!(style.contains(medium), "{medium}");
    }
}

#[test]
fn the_stack_stands_on_its_operating_system() {
    let test = of(|infra, hello| {
        infra
            .packs
            .insert(0, Pack::new("csi-longhorn", "csi", "1.6.2"));
        infra
            .packs
            .push(Pack::new("linux", "kernel", "6.8").tag("6.x"));
        infra
            .packs
            .insert(0, Pack::add_on("cert-manager", "1.15.3"));
        hello.packs.push(Pack::add_on("redis", "7.4"));
    });
    let page = shown(&test);
    let blocks: Vec<[String; 3]> = page
        .find(".block")
        .iter()
        .map(|block| [".layer", ".pack", ".version"].map(|part| block.one(part).text()))
        .collect();
    let expected = [
        ["Add-on", "redis", "7.4"],
        ["Add-on", "hello-universe", "1.2.0"],
        ["Add-on", "cert-manager", "1.15.3"],
        ["Storage", "csi-longhorn", "1.6.2"],
        ["Network", "cni-flannel", "0.26.1"],
        ["Kubernetes", "edge-k3s", "1.30.4"],
        ["Operating system", "edge-native-byoi", "2.1.0"],
        ["Kernel", "linux", "6.x (6.8)"],
    ];
    assert_eq!(blocks, expected);
    assert!(page.find(".block")[7].has_class("layer-kernel"));
    let groups = page.find(".group");
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[1].find(".block").len(), 6);
    let profile = groups[1].one(".profile");
    assert_eq!(profile.one("h3").text(), "edge-infra 2.1.0");
    assert_eq!(profile.texts("p"), ["infra", EDGE_INFRA_2_1_0]);
    // The tables are the other way round: in the order in which it is built.
    let table = page.one(".packs").texts("th");
    assert_eq!(table[5..7], ["kernel", "os"]);
}

#[test]
fn variables_that_the_operator_is_asked_for() {
    let test = of(|infra, hello| {
        let mut vip = Variable::new("vip").shown_as("Control plane\naddress");
        vip.description = "One of the\r\n site's own".into();
        vip.immutable = true;
        infra.variables.push(vip.required("10.0.0.5"));
        hello.variables.truncate(4);
    });
    let html = html(&test);
    for absent in ["changeme", "internalRevision"] {
        assert!(!html.contains(absent), "{absent}");
    }
    let page = page::read(&html);
    let tables: Vec<Vec<Vec<String>>> = page
        .find(".asked")
        .iter()
        .map(|table| {
            let rows = table.find("tr").into_iter();
            let cells = |row: &Element| [row.texts("th"), row.texts("td")].concat();
            rows.map(cells).collect()
        })
        .collect();
    // A column that says nothing is left out.
    let infra = [
        [
            "variable",
            "shown as",
            "format",
            "default",
            "required",
            "fixed",
            "description",
        ],
        [
            "vip",
            "Control plane address",
            "string",
            "10.0.0.5",
            "yes",
            "yes",
            "One of the site's own",
        ],
    ];
    let hello = [
        ["variable", "shown as", "format", "default", "required"],
        ["namespace", "Namespace", "string", "hello-universe", "yes"],
        ["port", "Port", "number", "8080", "yes"],
        [
            "dbPassword",
            "Database password",
            "string",
            "(sensitive)",
            "",
        ],
    ];
    assert_eq!(tables[0], infra);
    assert_eq!(tables[1], hello);
    assert_eq!(tables.len(), 2);
    let test = of(|_, hello| hello.variables.clear());
    let page = shown(&test);
    let section = page.find("section")[1];
    assert_eq!(section.texts("p"), ["Nothing."]);
}

#[test]
fn no_table_has_an_empty_column() {
    let plain = of(|infra, hello| {
        for pack in infra.packs.iter_mut().chain(&mut hello.packs) {
            pack.digest.clear();
        }
        for variable in &mut hello.variables {
            variable.display_name.clear();
        }
    });
    for test in [Test::new().stage(), plain] {
        let page = shown(&test);
        for table in page.find("table") {
            let rows = table.find("tr");
            for column in 1..rows[0].find("th").len() {
                let says = |row: &&Element| !row.texts("td")[column - 1].is_empty();
                assert!(rows[1..].iter().any(says), "{:?}", table.texts("th"));
            }
        }
    }
}

/// Without the archive, the page says that the variables are not known, not that there are
/// none.
#[test]
fn variables_that_are_not_known() {
    let test = Test::new().stage();
    test.forget_cache();
    let page = shown(&test);
    assert_eq!(page.find(".asked").len(), 0);
    assert_eq!(
        page.text()
            .matches("Not known: the archive is not at hand")
            .count(),
        2
    );
    assert!(!page.text().contains("Nothing."));
}

#[test]
fn the_digests_are_those_of_the_lock_and_can_be_repeated() {
    let test = Test::new().stage();
    let page = shown(&test);
    let lock: toml::Table = toml::from_str(&test.text("profiles.lock")).unwrap();
    let locked = &lock["definition"]["factory"];
    let text = |key: &str| locked[key].as_str().unwrap().to_owned();
    let (about, digests) = facts(&page);
    let size = locked["size"].as_integer().unwrap();
    assert_eq!(digests[..2], [text("content-sha256"), text("sha256")]);
    assert!(digests[2].contains(&size.to_string()), "{}", digests[2]);
    let project = format!("Default ({})", text("project"));
    assert_eq!(
        about,
        [
            "factory".into(),
            text("endpoint"),
            project,
            "current".into()
        ]
    );
    // Nowhere else.
    let main = page.one("main").text();
    for digest in &digests[..2] {
        assert_eq!(main.matches(digest).count(), 1);
        assert!(!page.one("header").text().contains(digest));
    }
    let recipe = page.one("pre").text();
    let reference = include_str!("../../docs/reference.md");
    assert!(reference.contains(&recipe), "{recipe}");
    std::fs::copy(&test.cached()[0], test.path("spc.tgz")).unwrap();
    let output = Command::new("sh")
        .args(["-c", &recipe])
        .current_dir(test.site())
        .output()
        .unwrap();
    let repeated = String::from_utf8(output.stdout).unwrap();
    assert_eq!(repeated, format!("{}  -\n", digests[0]));
}

#[test]
fn the_lock_is_said_to_be_outdated() {
    let test = Test::new()
        .stage()
        .definition("profiles = [\"edge-infra@2.1.0\"]");
    let run = test.run("show --format html").any_stdout().any_stderr();
    let page = page::read(&run.success().stdout);
    let (about, _) = facts(&page);
    assert_eq!(about[3], "outdated: profiles.toml changed");
    // The project that profiles.toml names now may be another one.
    assert_eq!(about[2], "5fbbf0c1d2e3f4a5b6c7d8e9");
}

/// The page has no time, no path, and no arbitrary order.
#[test]
fn the_same_definition_gives_the_same_page() {
    let test = Test::new().stage();
    let page = html(&test);
    assert_eq!(html(&test), page);
    let elsewhere = test
        .run("show -q --format html --file ../profiles.toml")
        .within("elsewhere")
        .env("TZ", "Asia/Tokyo")
        .env("GITLAB_CI", "true")
        .env("CLICOLOR_FORCE", "1");
    assert_eq!(elsewhere.any_stdout().success().stdout, page);
    test.forget_cache();
    test.run("fetch -q").any_stdout().success();
    assert_eq!(html(&test), page);
    assert!(!page.contains(test.site().to_str().unwrap()));
}

#[test]
fn text_from_outside_stays_text() {
    for hostile in HOSTILE.into_iter().chain([ODD]) {
        let test = of(|infra, hello| {
            infra.name = hostile.into();
            infra.version = hostile.into();
            infra.packs[0].name = hostile.into();
            infra.packs[0].tag = hostile.into();
            let mut variable = Variable::new(hostile)
                .shown_as(hostile)
                .default_value(hostile);
            variable.description = hostile.into();
            hello.variables = vec![variable];
        });
        let html = html(&test);
        let odd = |c: char| c.is_control() && c != '\n' || ODD.contains(c) && !c.is_ascii();
        assert_eq!(html.chars().find(|c| odd(*c)), None);
        let page = page::read(&html);
        needs_nothing_else(&page);
        let said: String = hostile
            .chars()
            .map(|c| {
                if odd(c) {
                    c.escape_default().to_string()
                } else {
                    c.to_string()
                }
            })
            .collect();
        // In the stack, and in the table of packs; then its variable.
        assert_eq!(page.texts(".pack")[3], said);
        assert_eq!(page.one(".asked").texts("th")[5], said);
        assert_eq!(
            page.one(".asked").texts("td"),
            [&*said, "string", &*said, &*said]
        );
    }
}

/// An archive that is not in the lock names its profiles itself.
#[test]
fn an_archive_of_nobody_is_a_page_too() {
    for hostile in HOSTILE {
        // A directory's name has no slash.
        let name = hostile.replace('/', "+");
        let tar = Crafted::default()
            .entry(DIRECTORY, profile_directory(&name).as_bytes(), b"")
            .file(b"spc/a", b"a");
        let test = Test::new().write("odd.tgz", tar.gzip());
        let run = test.run("show odd.tgz --format html").any_stdout();
        let page = page::read(&run.success().stdout);
        needs_nothing_else(&page);
        assert_eq!(page.one(".uid").text(), name);
        assert!(page.text().contains("not in profiles.lock"));
        assert!(
            page.text()
                .contains("The packs of this profile are not known.")
        );
        assert_eq!(page.texts("dd")[0], "odd.tgz");
        // Nothing is known of packs, and nothing was compared.
        let verdict = page.one("h1");
        assert_eq!(verdict.text(), "odd.tgz: 1 profile, not in profiles.lock");
        assert!(verdict.has_class("attention"));
    }
}

/// WCAG 2.2, 1.4.3: the contrast of text is at least 4.5 to 1, for each pair of colors.
#[test]
fn text_can_be_read_by_day_and_by_night() {
    let style = include_str!("../../templates/show.css");
    let schemes: Vec<&str> = style.split(":root {").skip(1).collect();
    assert_eq!(schemes.len(), 3, "light, dark, print");
    for scheme in &schemes[..2] {
        let color = |name: &str| {
            let (_, rest) = scheme.split_once(&format!("--{name}: #")).unwrap();
            u32::from_str_radix(&rest[..6], 16).unwrap()
        };
        for layer in ["kernel", "os", "k8s", "cni", "csi", "addon", "other"] {
            let on = color(&format!("{layer}-on"));
            assert!(contrast(color(layer), on) >= 4.5, "{layer}");
            assert!(contrast(color("ink"), on) >= 4.5, "{layer}");
        }
        for (text, on) in [
            ("ink", "page"),
            ("ink", "panel"),
            ("soft", "page"),
            ("soft", "panel"),
        ] {
            assert!(contrast(color(text), color(on)) >= 4.5, "{text} on {on}");
        }
    }
    assert!(contrast(0x00ff_ffff, 0) > 20.9 && contrast(0x0077_7777, 0x00ff_ffff) < 4.5);
}

fn contrast(one: u32, other: u32) -> f64 {
    let luminance = |color: u32| {
        let part = |shift: u32| {
            let value = f64::from(color >> shift & 0xff) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
