//! The images of README, made of what the binary says.
//!
//! The terminal session is drawn from the output of real runs, and compared with what they
//! say today. The picture of the page is a screenshot, which only `scripts/images` can renew:
//! the text of the page is recorded in it, and that is compared.

mod png;
mod terminal_svg;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::html_page::{self, Element};
use crate::markdown::read;
use crate::site::Site;

/// Who renews the images sets this; see `scripts/images`.
const RENEW: &str = "RENEW";
/// The browser that takes the picture of the page.
const BROWSER: &str = "BROWSER";
/// In columns: the width of the session.
const COLUMNS: usize = 102;
/// In pixels: the width and height of the page's picture.
const PICTURE: (u32, u32) = (900, 1140);
/// The most that an image may have, in bytes.
const LARGEST: usize = 200_000;

const MANIFEST: &str = r#"
[palette]
project = "Default"

[canvos]
dir = "CanvOS"
build = ["./earthly.sh", "+iso"]

[definition.factory]
profiles = ["edge-infra@2.1.0", "hello-universe@1.2.0", "edge-monitoring@1.4.0"]
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_renewed() -> bool {
    std::env::var_os(RENEW).is_some()
}

/// A reviewed file, a checkout, and a Palette that has what the file asks for.
fn site() -> Site {
    let site = Site::with_palette();
    site.write("profiles.toml", MANIFEST);
    let arguments = "ISO_NAME=palette-edge-installer\nCLUSTERCONFIG=spc.tgz\n";
    site.write("CanvOS/.arg", arguments);
    site
}

/// A command line, and what it prints on a terminal, with colours. It must end with `code`.
fn typed(site: &Site, line: &str, code: i32) -> String {
    let (_, arguments) = line.split_once(' ').unwrap();
    let script = format!("CLICOLOR_FORCE=1 \"$EDGESTAGE\" {arguments} 2>&1");
    let run = site.run("sh", &["-c", &script]);
    assert_eq!(run.code, code, "{}", run.stdout);
    let directory = site.path("").canonicalize().unwrap();
    let said = run
        .stdout
        .replace(directory.to_str().unwrap(), "/home/me/edge");
    format!("$ {line}\n{}\n", unchanging(&said))
}

/// `text` with the same sizes and times in every run.
fn unchanging(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    for at in 1..words.len() {
        let unit = words[at].trim_end_matches(',');
        if unit == "KiB" {
            words[at - 1] = "2.0";
        } else if unit == "s" || unit.starts_with("s\n") {
            words[at - 1] = "0.4";
        }
    }
    words.join(" ")
}

fn session() -> String {
    let site = site();
    let mut text = typed(&site, "edgestage build", 0);

    text += "# an ISO builder that lost the overlay, and said nothing\n";
    site.write("bare/grub.cfg", "set timeout=5\n");
    let iso = "-volid COS_LIVE -joliet on -padding 0 -outdev other.iso -map bare /";
    let arguments: Vec<&str> = iso.split(' ').collect();
    assert_eq!(site.run("xorriso", &arguments).code, 0);
    text += &typed(&site, "edgestage verify --image other.iso", 3);

    text += "# a colleague's .arg names a file of last year\n";
    site.write("CanvOS/old.tgz", "of last year\n");
    site.write("CanvOS/.arg", "CLUSTERCONFIG=old.tgz\n");
    text += &typed(&site, "edgestage stage", 3);
    site.write("CanvOS/.arg", "CLUSTERCONFIG=spc.tgz\n");

    text += "# somebody published another version of a pack\n";
    site.publish("edge-k3s", "1.31.1");
    text + &typed(&site, "edgestage diff", 3)
}

#[test]
fn the_terminal_session_is_what_the_binary_says() {
    let drawn = terminal_svg::draw(session().trim_end(), COLUMNS);
    let path = "docs/images/terminal.svg";
    if is_renewed() {
        std::fs::write(root().join(path), &drawn).unwrap();
    }
    assert!(drawn.len() < LARGEST / 2, "{}", drawn.len());
    let renew = "renew it with `RENEW=1 cargo test --test docs images`";
    assert!(read(path) == drawn, "{path} is outdated: {renew}");
}

/// The page of `show --format html` as far as its picture shows it: without the appendix and
/// the version, and the same in every run.
fn page() -> String {
    let site = site();
    assert_eq!(site.edgestage(&["fetch", "-q"]).code, 0);
    for arguments in [
        &["init", "-q"][..],
        &["add", "profiles.toml", "profiles.lock"],
        &[
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.com",
            "commit",
            "-qm",
            "lock",
        ],
    ] {
        assert_eq!(site.run("git", arguments).code, 0);
    }
    let page = site.edgestage(&["show", "--format", "html"]).stdout;
    let commit = site.run("git", &["rev-parse", "HEAD"]).stdout;
    assert!(page.contains(commit.trim()));
    let (start, appendix) = page
        .split_once("<section aria-labelledby=\"digests\">")
        .unwrap();
    let (_, end) = appendix.split_once("</section>").unwrap();
    let (between, footer) = end.split_once("<footer>").unwrap();
    let (_, end) = footer.split_once("</footer>").unwrap();
    let page = [start, between, end].concat();
    page.replace(commit.trim(), "3f1c9a7d5b2e8046c1d7f0a9b4e6325870dc1af2")
        .replace(site.palette_url(), "https://api.spectrocloud.com")
}

/// The text of a page, line by line, as it is recorded in its picture.
fn text_of(page: &str) -> String {
    let page: Element = html_page::read(page);
    let text = page.one("body").text();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_picture_of_the_page_shows_what_the_binary_says() {
    let page = page();
    let path = root().join("docs/images/page.png");
    if is_renewed()
        && let Some(browser) = std::env::var_os(BROWSER)
    {
        let picture = photographed(&page, Path::new(&browser));
        std::fs::write(&path, png::with_text(&picture, &text_of(&page))).unwrap();
    }
    let picture = std::fs::read(&path).unwrap();
    assert!(picture.len() < LARGEST, "{}", picture.len());
    let renew = "renew it with `scripts/images`, which needs Chromium";
    let recorded = png::text(&picture);
    assert_eq!(
        recorded,
        text_of(&page),
        "{} is outdated: {renew}",
        path.display()
    );
    assert_eq!(png::size(&picture), PICTURE);
}

/// A screenshot of `page`.
fn photographed(page: &str, browser: &Path) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let [html, png]: [PathBuf; 2] =
        ["page.html", "page.png"].map(|name| directory.path().join(name));
    std::fs::write(&html, page).unwrap();
    let status = Command::new(browser)
        .stderr(Stdio::null())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .arg(format!("--window-size={},{}", PICTURE.0, PICTURE.1))
        .arg(format!("--screenshot={}", png.display()))
        .arg(format!("file://{}", html.display()))
        .status();
    assert!(status.unwrap().success());
    std::fs::read(png).unwrap()
}

#[test]
fn images_are_in_readme_and_not_in_the_crate() {
    let readme = read("README.md");
    for image in ["docs/images/terminal.svg", "docs/images/page.png"] {
        let (before, _) = readme.split_once(&format!("]({image})")).unwrap();
        let (_, alternative) = before.rsplit_once("![").unwrap();
        assert!(alternative.len() > 40, "{alternative}");
    }
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let included = manifest["package"]["include"].as_array().unwrap();
    let texts = included.iter().map(|path| path.as_str().unwrap());
    assert!(
        texts
            .into_iter()
            .all(|path| !"/docs/images".starts_with(path))
    );
}
