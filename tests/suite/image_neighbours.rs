//! `verify --image` with files beside a definition: a host copies every file of that directory,
//! whatever its name.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::handmade_images::{DIRECTORY, Disk, FILE, Iso, name, record, rock_ridge};
use crate::support::{
    HEAD, IN_ISO, IN_PARTITION, Proof, Test, Tree, archive, content_sha256, finish, gzip,
};

const LABEL: &str = "COS_CONTENT";
const TWO: &str = "
[definition.factory]
profiles = [\"edge-infra@2.1.0\", \"hello-universe@1.2.0\"]
[definition.store]
profiles = [\"edge-infra@2.0.0\"]
";

/// Two definitions, the first of them staged; and the second one's archive.
fn of_two() -> (Proof, Vec<u8>) {
    let test = Test::new().manifest(&format!("{HEAD}{TWO}"));
    test.run("stage -q store").any_stdout().success();
    let store = test.staged();
    test.run("stage -q factory").any_stdout().success();
    (Proof::of(test), store)
}

/// An ISO, a disk and a compressed disk whose place of the definition is made by `fill`,
/// which gets a path of it.
fn images(proof: &Proof, fill: impl Fn(Tree, &dyn Fn(&str) -> String) -> Tree) -> [PathBuf; 3] {
    let place = |directory: &'static str| move |name: &str| format!("{directory}/{name}");
    let overlay = proof.overlay().without(IN_ISO);
    let iso = fill(overlay, &place("opt/spectrocloud/clusterconfig"));
    let partition = Tree::empty().with_directory("spc-config");
    let partition = fill(partition, &place("spc-config"));
    let disk = Disk::of(&[("content", &partition.file_system(LABEL, 2048, &[]))]);
    proof.in_three_forms(&iso, &disk.bytes)
}

/// `verify factory` of each, whatever its kind.
#[track_caller]
fn all_say(proof: &Proof, images: &[PathBuf], row: &str) {
    for image in images {
        proof.says_of("factory", image, row);
    }
}

#[track_caller]
fn none_says(proof: &Proof, images: &[PathBuf], row: &str) {
    for image in images {
        proof.says_of_none(image, row);
    }
}

/// With an absolute CLUSTERCONFIG, a script that is run by hand keeps the file's own name.
#[test]
fn the_definition_under_another_name() {
    let (proof, store) = of_two();
    let staged = proof.test.staged();
    let site = images(&proof, |tree, at| tree.with(&at("site-a.tgz"), &staged));
    let row = "wrong name  no `spc.tgz`, but `site-a.tgz`, the locked definition (T25)";
    all_say(&proof, &site, row);
    none_says(
        &proof,
        &site,
        "unexpected  `site-a.tgz`, the definition `factory` (T25)",
    );
    proof
        .run_of("factory", &site[1])
        .any_stdout()
        .stderr(
            "error[image-differs]: 1 image contains the locked `factory` under another name\n\
             help: name the file `spc.tgz`, then build again\n\
             see: `edgestage explain T25`\n",
        )
        .fails(3);
    let other = images(&proof, |tree, at| tree.with(&at("site-b.tgz"), &store));
    let row = "another definition  no `spc.tgz`, but `site-b.tgz`, the definition `store` (T25)";
    all_say(&proof, &other, row);
    // Both, and what no lock has.
    let unknown = archive(&[("spc/", ""), ("spc/a.yaml", "a: 1\n")]);
    let several = images(&proof, |tree, at| {
        tree.with(&at("c.tgz"), &staged)
            .with(&at("b.tgz"), &store)
            .with(&at("a.tgz"), &unknown)
    });
    let content = &content_sha256(&unknown)[..12];
    let row = format!(
        "another definition  no `spc.tgz`, but `a.tgz`, a definition with content {content}; \
         `b.tgz`, the definition `store`; `c.tgz`, the locked definition (T25)"
    );
    all_say(&proof, &several, &row);
}

#[test]
fn no_definition_but_something_else() {
    let proof = Proof::new();
    let tree = |tree: Tree, at: &dyn Fn(&str) -> String| {
        tree.with(&at("notes.txt"), "text")
            .with(&at("empty.tgz"), "")
            .with_directory(&at("old"))
    };
    let images = images(&proof, tree);
    let what = "`empty.tgz`, not an archive; `notes.txt`, not an archive; `old`, a directory";
    all_say(
        &proof,
        &images,
        &format!("missing  no `spc.tgz`, but {what} (T25)"),
    );
    none_says(&proof, &images, &format!("unexpected  {what} (T25)"));
}

/// The right definition does not hide a wrong one beside it.
#[test]
fn the_definition_and_what_may_be_taken_for_it() {
    let (proof, store) = of_two();
    let staged = proof.test.staged();
    let cut = &staged[..staged.len() / 2];
    let content = [&[0x1f, 0x8b][..], &[7; 100]].concat();
    let ambiguous = |what: &str| format!("ambiguous  next to it {what} (T25)");
    for (bytes, what) in [
        (&store[..], "`x`, the definition `store`"),
        (cut, "`x`, not a definition: it is truncated"),
        (
            &content,
            "`x`, not a definition: it is damaged: invalid gzip header",
        ),
    ] {
        let images = images(&proof, |tree, at| {
            tree.with(&at("spc.tgz"), &staged).with(&at("x"), bytes)
        });
        all_say(&proof, &images, &ambiguous(what));
        none_says(
            &proof,
            &images,
            &format!("unexpected  next to it {what} (T31)"),
        );
    }
    // Where a link leads is known on the host only.
    let linked = images(&proof, |tree, at| {
        tree.with(&at("spc.tgz"), &staged)
            .with_link(&at("x.tgz"), "../elsewhere.tgz")
    });
    all_say(&proof, &linked, &ambiguous("`x.tgz`, a symbolic link"));
    proof
        .run_of("factory", &linked[0])
        .any_stdout()
        .stderr(
            "error[image-differs]: 1 image contains more than the locked `factory`\n\
             help: remove the other files, then build again\n\
             see: `edgestage explain T25`\n",
        )
        .fails(3);
    let said = proof.run_of("factory", &linked[0]).arg("--json");
    let said = said.any_stdout().any_stderr().fails(3).json();
    assert_eq!(said["images"][0]["content_sha256"], content_sha256(&staged));
}

/// A file that no host takes for a definition is only a warning.
#[test]
fn the_definition_and_what_is_none() {
    let (proof, store) = of_two();
    let staged = proof.test.staged();
    let images = images(&proof, |tree, at| {
        let tree = tree
            .with(&at("spc.tgz"), &staged)
            .with(&at("site-a.tgz"), &staged)
            .with(&at("README"), "text")
            .with_directory(&at("old"))
            .with(&at("old/spc.tgz"), &store);
        finish(Command::new("mkfifo").arg(tree.path(&at("pipe"))));
        tree
    });
    let what = "`site-a.tgz`, the locked definition; `README`, not an archive; \
                `old`, a directory; 1 more";
    all_say(
        &proof,
        &images,
        &format!("as locked  next to it {what} (T25)"),
    );
    for image in &images {
        let path = image.display();
        let run = proof.run_of("factory", image).any_stdout();
        run.stderr(&format!(
            "warning[T25]: `{path}` contains more than the locked definition\n\
             note: next to it {what}\n\
             note: a host copies every file in that directory, whatever its name\n\
             help: remove it from the sources of the image, then build again\n\
             see: `edgestage explain T25`\n"
        ))
        .success();
    }
    let said = proof.run_of("factory", &images[0]).arg("--json");
    let said = said.any_stdout().any_stderr().success().json();
    let content = content_sha256(&staged);
    let mut beside = said["images"][0]["beside"].as_array().unwrap().clone();
    beside.sort_by_key(|one| one["name"].as_str().unwrap().to_owned());
    let none = json!(null);
    let one = |name: &str, kind: &str| json!({"name": name, "kind": kind, "definition": none, "content_sha256": none});
    assert_eq!(
        beside,
        [
            one("README", "no-archive"),
            one("old", "wrong-kind"),
            one("pipe", "wrong-kind"),
            json!({
                "name": "site-a.tgz",
                "kind": "definition",
                "definition": "factory",
                "content_sha256": content,
            }),
        ]
    );
    assert_eq!(said["warnings"][0]["code"], "T25");
}

/// A fault of the definition's own file is reported first.
#[test]
fn another_definition_and_what_lies_beside_it() {
    let (proof, store) = of_two();
    let staged = proof.test.staged();
    let swapped = images(&proof, |tree, at| {
        tree.with(&at("spc.tgz"), &store)
            .with(&at("site-a.tgz"), &staged)
    });
    let row = "another definition  it is `store`; next to it `site-a.tgz`, the locked definition";
    all_say(&proof, &swapped, row);
    let linked = images(&proof, |tree, at| {
        tree.with_link(&at("spc.tgz"), "site-a.tgz")
            .with(&at("site-a.tgz"), &staged)
    });
    let row = "wrong kind  a symbolic link; next to it `site-a.tgz`, the locked definition (T8)";
    all_say(&proof, &linked, row);
}

/// Names come from whoever made the image.
#[test]
fn names_are_fit_for_a_terminal() {
    let proof = Proof::new();
    let staged = proof.test.staged();
    let odd = "\u{1b}[31m\u{202e}x\n";
    let long = "n".repeat(200);
    let images = images(&proof, |tree, at| {
        tree.with(&at("spc.tgz"), &staged)
            .with(&at(odd), "text")
            .with(&at(&long), "text")
    });
    let shown = "`\\u{1b}[31m\\u{202e}x\\n`, not an archive";
    let row = format!(
        "as locked  next to it {shown}; `{}…`, not an archive (T25)",
        &long[..64]
    );
    for image in &images {
        proof.says(image, &row);
    }
}

/// There are more files than are read: a file that was not examined prevents an all-clear.
#[test]
fn more_than_is_looked_at() {
    let (proof, store) = of_two();
    let staged = proof.test.staged();
    let tree = |count: usize, bytes: &[u8]| {
        let tree = Tree::partition(&staged);
        (0..count).fold(tree, |tree, number| {
            tree.with(&format!("spc-config/{number:04}"), bytes)
        })
    };
    let image = |tree: &Tree| {
        let groups = ["-N", "4096", "-O", "^has_journal"];
        let disk = Disk::of(&[("content", &tree.file_system(LABEL, 8192, &groups))]);
        proof.put("a.raw", &disk.bytes)
    };
    let none = |count: usize| {
        format!(
            "next to it `0000`, not an archive; `0001`, not an archive; \
             `0002`, not an archive; {count} more (T25)"
        )
    };
    let row = format!("as locked  {}", none(997));
    proof.says_of("factory", &image(&tree(1000, b"text")), &row);
    let done = proof
        .run_of("factory", &image(&tree(1100, b"text")))
        .any_stderr();
    let done = done.any_stdout().fails(3);
    assert!(
        done.stdout.contains("  ambiguous  next to it `"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.ends_with("; 1097 more (T25)\n"),
        "{}",
        done.stdout
    );
    // Archives are read, and not without an end: those that are the locked one as well.
    let copies = |count: usize| image(&tree(count, &staged));
    let row = "`0000`, the locked definition; `0001`, the locked definition; \
               `0002`, the locked definition";
    let equal = format!("as locked  next to it {row}; 13 more (T25)");
    proof.says_of("factory", &copies(16), &equal);
    let done = proof.run_of("factory", &copies(17)).any_stderr();
    let done = done.any_stdout().fails(3);
    assert!(
        done.stdout.contains("  ambiguous  next to it `"),
        "{}",
        done.stdout
    );
    // Nor those that are large.
    let limit = staged.len().max(store.len());
    let manifest = proof.test.text("profiles.toml");
    let limits = format!("{manifest}[limits]\narchive = \"{limit} B\"\n");
    proof.test.put("profiles.toml", limits);
    let large = [&store[..], &vec![0; limit]].concat();
    let disk = image(&tree(1, &large));
    let row = "ambiguous  next to it `0000`, a file larger than an archive may be (T25)";
    proof.says_of("factory", &disk, row);
}

/// Two entries of a directory have the same name: it is not known which one a host sees.
#[test]
fn the_same_name_twice() {
    let (proof, store) = of_two();
    let mut iso = Iso::new();
    let [first, second] = [&proof.test.staged(), &store].map(|bytes| iso.add(bytes));
    let file = |place| record(b"F;1", place, FILE, &name("spc.tgz"));
    let mut place = iso.directory(&[file(first), file(second)]);
    for part in ["clusterconfig", "spectrocloud"] {
        place = iso.directory(&[record(b"D", place, DIRECTORY, &name(part))]);
    }
    let opt = record(b"O", place, DIRECTORY, &name("opt"));
    let root = iso.directory_with(&rock_ridge(), &[opt]);
    iso.root(root);
    let image = proof.put("a.iso", &iso.bytes);
    let row = "ambiguous  next to it `spc.tgz`, the definition `store` (T25)";
    proof.says_of("factory", &image, row);
    // And versions of a name, where there are only plain ones.
    let mut iso = Iso::new();
    let [first, second] = [&proof.test.staged(), &store].map(|bytes| iso.add(bytes));
    iso.tree(&[
        record(b"SPC.TGZ;2", first, FILE, &[]),
        record(b"SPC.TGZ;1", second, FILE, &[]),
    ]);
    let image = proof.put("a.iso", &iso.bytes);
    let row = "ambiguous  next to it `SPC.TGZ`, the definition `store` (T25)";
    proof.says_of("factory", &image, row);
}

/// A disk with these content partitions.
fn disk_of(proof: &Proof, trees: &[&Tree]) -> [PathBuf; 2] {
    let systems: Vec<Vec<u8>> = trees
        .iter()
        .map(|tree| tree.file_system(LABEL, 1024, &[]))
        .collect();
    let mut parts: Vec<(&str, &[u8])> = vec![("efi", &[1; 5000])];
    parts.extend(systems.iter().map(|system| ("content", &system[..])));
    let disk = Disk::of(&parts);
    [
        proof.put("a.raw", &disk.bytes),
        proof.put("a.raw.gz", gzip(&disk.bytes)),
    ]
}

/// It is not known which of several content partitions a host uses.
#[test]
fn two_content_partitions() {
    let (proof, store) = of_two();
    let good = Tree::partition(&proof.test.staged());
    let other = Tree::partition(&store);
    let none = Tree::empty().with_directory("spc-config");
    let named = Tree::empty().with("spc-config/a.tgz", proof.test.staged());
    let text = Tree::partition(&proof.test.staged()).with("spc-config/b", "text");
    let both = "2 content partitions";
    for (trees, row) in [
        (
            [&good, &good],
            format!("as locked  {both}: as locked; as locked"),
        ),
        (
            [&good, &other],
            format!("ambiguous  {both}: as locked; another definition: it is `store`"),
        ),
        (
            [&other, &good],
            format!("ambiguous  {both}: another definition: it is `store`; as locked"),
        ),
        (
            [&none, &good],
            format!("ambiguous  {both}: missing; as locked (T1)"),
        ),
        (
            [&other, &none],
            format!("another definition  {both}: another definition: it is `store`; missing (T1)"),
        ),
        (
            [&none, &none],
            format!("missing  {both}: missing; missing (T1)"),
        ),
        (
            [&good, &named],
            format!(
                "ambiguous  {both}: as locked; wrong name: no `spc.tgz`, but `a.tgz`, \
                 the locked definition (T25)"
            ),
        ),
        (
            [&good, &text],
            format!(
                "as locked  {both}: as locked; as locked: next to it `b`, not an archive (T25)"
            ),
        ),
    ] {
        let images = disk_of(&proof, &trees);
        all_say(&proof, &images, &row);
    }
    let images = disk_of(&proof, &[&good, &other]);
    let said = proof.run_of("factory", &images[0]).arg("--json");
    let said = said.any_stdout().any_stderr().fails(3).json();
    let partitions = said["images"][0]["partitions"].as_array().unwrap().clone();
    let words: Vec<&str> = partitions
        .iter()
        .map(|part| part["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["as-locked", "another-definition"]);
    assert_eq!(partitions[1]["content_sha256"], content_sha256(&store));
    for (trees, row) in [
        ([&none, &none], format!("none  {both}: none; none")),
        (
            [&none, &good],
            format!("unexpected  {both}: none; unexpected (T31)"),
        ),
        (
            [&named, &none],
            format!(
                "unexpected  {both}: unexpected: `a.tgz`, the definition `factory`; \
                 none (T25)"
            ),
        ),
    ] {
        none_says(&proof, &disk_of(&proof, &trees), &row);
    }
}

/// A partition that cannot be read does not hide the contents of the other, and the other one
/// is not an all-clear.
#[test]
fn two_content_partitions_of_which_one_is_damaged() {
    let proof = Proof::new();
    let good = Tree::partition(&proof.test.staged());
    let system = good.file_system(LABEL, 2048, &["-O", "inline_data"]);
    let good = good.file_system(LABEL, 1024, &[]);
    let mut broken = good.clone();
    broken[1024 + 0x30] ^= 1;
    let says = |parts: &[&[u8]], expected: &str, of_none: &str| {
        let parts: Vec<(&str, &[u8])> = parts.iter().map(|part| (LABEL, *part)).collect();
        let disk = Disk::of(&parts);
        for image in [
            proof.put("a.raw", &disk.bytes),
            proof.put("a.raw.gz", gzip(&disk.bytes)),
        ] {
            proof.says(&image, expected);
            proof.says_of_none(&image, of_none);
        }
    };
    let damaged = "damaged: the superblock of the content partition";
    let features = "unreadable: the content partition has ext4 features that cannot be read: \
                    inline_data";
    let empty = Tree::empty().file_system(LABEL, 1024, &[]);
    says(
        &[&broken, &good],
        &format!("ambiguous  2 content partitions: {damaged}; as locked"),
        &format!("unexpected  2 content partitions: {damaged}; unexpected (T31)"),
    );
    says(
        &[&good, &system],
        &format!("ambiguous  2 content partitions: as locked; {features}"),
        &format!("unexpected  2 content partitions: unexpected; {features} (T31)"),
    );
    says(
        &[&empty, &broken],
        &format!("missing  2 content partitions: missing; {damaged} (T1)"),
        &format!("damaged  2 content partitions: none; {damaged}"),
    );
    let many = "damaged  more content partitions than there can be";
    says(&[&good[..]; 5], many, many);
    let four = "4 content partitions";
    says(
        &[&good[..]; 4],
        &format!("as locked  {four}: as locked; as locked; as locked; as locked"),
        &format!(
            "unexpected  {four}: unexpected; unexpected; unexpected; \
             unexpected (T31)"
        ),
    );
}

/// Files beside the definition's name in other directories of an image do not count.
#[test]
fn other_places_do_not_count() {
    let (proof, store) = of_two();
    let staged = proof.test.staged();
    let tree = proof
        .overlay()
        .with("spc.tgz", &store)
        .with("opt/spectrocloud/spc.tgz", &store)
        .with("opt/spectrocloud/content/spc.tgz", &store);
    proof.says_of("factory", &proof.iso("a.iso", &tree), "as locked");
    let tree = Tree::partition(&staged)
        .with("spc.tgz", &store)
        .with("bundle-content/spc.tgz", &store)
        .with("edge-config/spc.tgz", &store);
    let disk = Disk::of(&[("content", &tree.file_system(LABEL, 1024, &[]))]);
    proof.says_of("factory", &proof.put("a.raw", &disk.bytes), "as locked");
    let tree = tree.without(IN_PARTITION);
    let disk = Disk::of(&[("content", &tree.file_system(LABEL, 1024, &[]))]);
    let image = proof.put("a.raw", &disk.bytes);
    proof.says_of_none(&image, "none");
}
