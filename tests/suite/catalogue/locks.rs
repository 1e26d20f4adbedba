//! `profiles.lock`: missing, outdated, damaged, drifted from.

use edgestage::drift::{Change, FileChange};
use edgestage::error::Error;
use edgestage::lockfile::Meanwhile;
use edgestage::resolve::Pack;
use palette_sim::{EDGE_INFRA_2_1_0, HELLO_UNIVERSE_1_2_0, World};

use super::book::Book;
use crate::support::{HEAD, Test};

pub fn all(book: &mut Book) {
    entries(book);
    changed_meanwhile(book);
    damage(book);
    drift(book);
}

fn locked() -> Test {
    let test = Test::new();
    test.run("fetch -q").any_stdout().success();
    test
}

/// `profiles.lock` with this in place of that.
fn changed(from: &str, to: &str) -> Test {
    let test = locked();
    // The simulator's archives have timestamps, which do not compress alike.
    let lock = test.text("profiles.lock");
    let sized = |line: &str| match line.strip_prefix("size = ") {
        Some(_) => "size = 1807\n".to_owned(),
        None => format!("{line}\n"),
    };
    let lock: String = lock.lines().map(sized).collect();
    assert!(lock.contains(from), "{from}");
    test.put("profiles.lock", lock.replacen(from, to, 1));
    test
}

fn entries(book: &mut Book) {
    book.part("Entries of the lock");
    book.run("no lock", 3, Test::new().run("stage --locked"));
    let test = locked();
    let manifest = test.text("profiles.toml");
    let more = "[definition.warehouse]\nprofiles = [\"edge-infra@2.0.0\"]\n";
    test.put("profiles.toml", format!("{manifest}\n{more}"));
    book.run("no entry", 3, test.run("verify warehouse"));
    test.put("profiles.toml", format!("{manifest}name = \"other\"\n"));
    book.run("changed in profiles.toml", 3, test.run("stage --locked"));
    book.run("a comparison with that", 0, test.run("show"));
    test.put("profiles.toml", &manifest);
    let test = changed(EDGE_INFRA_2_1_0, "65c9000000000000000000aa");
    book.run("edited by hand", 3, test.run("stage --locked"));
}

/// What another run changed; `meanwhile` shows that these come about.
fn changed_meanwhile(book: &mut Book) {
    for (what, how) in [
        ("removed while it was fetched", Meanwhile::Gone),
        ("changed while it was fetched", Meanwhile::Changed),
        ("locked by another run meanwhile", Meanwhile::Locked),
    ] {
        let definition = "factory".into();
        book.told(what, &Error::ChangedMeanwhile { definition, how });
    }
}

fn damage(book: &mut Book) {
    book.part("A damaged lock");
    for (what, from, to) in [
        ("a key that is missing", "size = ", "# size = "),
        ("an unknown key", "size = ", "sise = 1\nsize = "),
        ("a key twice", "size = ", "size = 1\nsize = "),
        ("another type", "size = ", "size = [] # "),
        ("a text for a table", "packs = [\n", "packs = [ 3,\n"),
        (
            "a digest that is none",
            "content-sha256 = \"",
            "content-sha256 = \"g",
        ),
        ("a uid that is none", "uid = \"65", "uid = \"5"),
        ("no syntax", "version = 1", "version 1"),
        (
            "a merge conflict",
            "[definition.factory]",
            "<<<<<<< HEAD\n[definition.factory]",
        ),
        ("no version", "version = 1\n", ""),
        ("a version of words", "version = 1\n", "version = \"one\"\n"),
        ("a version of old", "version = 1\n", "version = 0\n"),
        ("a newer version", "version = 1\n", "version = 99\n"),
    ] {
        book.run(what, 2, changed(from, to).run("verify"));
    }
    let test = Test::new().write("profiles.lock", b"\xff\xfe");
    book.run("no text", 2, test.run("verify"));
}

/// A change in Palette.
type Edit = fn(&mut World);

fn drift(book: &mut Book) {
    book.part("Drift");
    let edits: [(&str, Edit); 3] = [
        ("a pack in another version", |world| {
            world.publish("edge-k3s", "1.31.1");
        }),
        ("another digest", |world| {
            let profile = world.find_mut(EDGE_INFRA_2_1_0).unwrap();
            profile.packs[1].digest = format!("sha256:{}", "0".repeat(64));
        }),
        ("a pack less", |world| {
            world.find_mut(EDGE_INFRA_2_1_0).unwrap().packs.pop();
        }),
    ];
    for (what, edit) in edits {
        let test = locked();
        test.forget_cache();
        test.sim.world(edit);
        book.run(what, 3, test.run("stage"));
    }
    let test = locked();
    test.sim.world(|world| {
        let profile = world.find_mut(HELLO_UNIVERSE_1_2_0).unwrap();
        profile.variables.truncate(1);
    });
    book.run("a file of the archive", 3, test.run("fetch"));
    book.run("the same for diff", 3, test.run("diff"));
    let two = Test::new().manifest(&format!(
        "{HEAD}\n[definition.a]\nprofiles = [\"edge-infra@2.1.0\"]\n\
         [definition.b]\nprofiles = [\"edge-infra@2.0.0\"]\n"
    ));
    two.run("fetch -q").any_stdout().success();
    two.forget_cache();
    two.sim.world(|world| world.publish("edge-k3s", "1.31.1"));
    book.run("two definitions", 3, two.run("fetch"));
    changes(book);
}

/// Every kind of change that the runs above do not have.
fn changes(book: &mut Book) {
    let [from, to] = ["1.30.4", "1.31.1"].map(|version| Pack {
        name: "edge-k3s".into(),
        layer: "k8s".into(),
        tag: "1.30.x".into(),
        version: version.into(),
        digest: String::new(),
    });
    let moved = Pack {
        layer: "addon".into(),
        ..from.clone()
    };
    let profile = || "edge-infra@2.1.0".to_owned();
    let uid = || edgestage::util::uid::Uid::parse(EDGE_INFRA_2_1_0).unwrap();
    let pack_changed = |to: &Pack| Change::PackChanged {
        profile: profile(),
        from: from.clone(),
        to: to.clone(),
    };
    let mut changes = vec![
        Change::ProfileAdded {
            profile: profile(),
            uid: uid(),
        },
        Change::ProfileRemoved {
            profile: profile(),
            uid: uid(),
        },
        Change::ProfileRenamed {
            from: profile(),
            to: "edge-infra@2.2.0".into(),
        },
        Change::ProfileRetyped {
            profile: profile(),
            from: "infra".into(),
            to: "cluster".into(),
        },
        Change::PackAdded {
            profile: profile(),
            pack: to.clone(),
        },
        pack_changed(&to),
        pack_changed(&moved),
        Change::Content,
        Change::Order,
    ];
    changes.extend((0..30).map(|n| Change::File {
        profile: Some(profile()),
        path: format!("spc/values-{n}.yaml"),
        what: FileChange::Added,
    }));
    let drift = Error::Drift {
        definition: "factory".into(),
        changes,
        place: None,
    };
    book.told("every kind of change", &drift);
}
