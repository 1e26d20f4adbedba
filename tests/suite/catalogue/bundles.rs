//! Content bundles, and files that are used in place of a download.

use edgestage::archive::{Limit, Refusal};
use edgestage::bundle::{BundleRefusal, Document, Reference};
use edgestage::error::Error;
use edgestage::util::digest::Digest;

use super::book::Book;
use crate::support::bundles::Bundle;
use crate::support::{Test, archive};

pub fn all(book: &mut Book) {
    book.part("Content bundles that are refused");
    refusals(book);
    contents(book);
    commands(book);
}

fn told(book: &mut Book, what: &str, refusal: BundleRefusal) {
    let file = "site.tar.zst".to_owned();
    book.told(what, &Error::Bundle { file, refusal });
}

/// What is wrong with the form of a bundle.
fn refusals(book: &mut Book) {
    for (what, refusal) in [
        (
            "another format",
            BundleRefusal::OtherFormat {
                format: "an HTML page",
            },
        ),
        (
            "another format in zstd",
            BundleRefusal::OtherContent { format: "JSON" },
        ),
        (
            "damaged zstd",
            BundleRefusal::Zstd("Data corruption detected".into()),
        ),
        ("a large window", BundleRefusal::Window),
        ("more than a stream", BundleRefusal::TrailingBytes),
        ("cut", BundleRefusal::Tar(Refusal::Truncated)),
        (
            "many members",
            BundleRefusal::Tar(Refusal::TooLarge(Limit::Entries(100_000))),
        ),
        ("a link", BundleRefusal::Link(b"blobs/a".to_vec())),
        (
            "a blob that occurs twice",
            BundleRefusal::DuplicateBlob(Digest::of("a")),
        ),
        ("a tar that is no bundle", BundleRefusal::NoIndex),
        (
            "two indexes",
            BundleRefusal::TwoIndexes([b"index.json".to_vec(), b"a/index.json".to_vec()]),
        ),
        ("a large index", BundleRefusal::LargeJson(Document::Index)),
        (
            "an index that is none",
            BundleRefusal::InvalidJson {
                document: Document::Index,
                why: "expected value at line 1 column 1".into(),
            },
        ),
        (
            "a manifest that is none",
            BundleRefusal::InvalidJson {
                document: Document::Manifest,
                why: "missing field `layers`".into(),
            },
        ),
    ] {
        told(book, what, refusal);
    }
}

/// What is wrong with what a bundle has.
fn contents(book: &mut Book) {
    let digest = Digest::of("a");
    let reference = |name: &str| Reference {
        name: name.to_owned(),
        digest,
    };
    let blob = Document::Archive;
    for (what, refusal) in [
        (
            "no definition",
            BundleRefusal::NoDefinition {
                kinds: vec!["image".into(), "stylus".into()],
                manifests: 3,
            },
        ),
        (
            "no kinds",
            BundleRefusal::NoDefinition {
                kinds: Vec::new(),
                manifests: 3,
            },
        ),
        (
            "nothing at all",
            BundleRefusal::NoDefinition {
                kinds: Vec::new(),
                manifests: 0,
            },
        ),
        (
            "two definitions",
            BundleRefusal::SeveralDefinitions([reference("factory:1"), reference("")]),
        ),
        ("no layer", BundleRefusal::Layers(0)),
        ("a large archive", BundleRefusal::LargeArchive(2 << 30)),
        (
            "a missing archive",
            BundleRefusal::MissingBlob {
                document: blob,
                digest,
            },
        ),
        (
            "another archive",
            BundleRefusal::WrongDigest {
                document: blob,
                digest,
            },
        ),
        ("a pipe that is read twice", BundleRefusal::NeedsAnotherPass),
        ("a file that changes", BundleRefusal::Changing),
    ] {
        told(book, what, refusal);
    }
}

fn commands(book: &mut Book) {
    book.part("Files in place of a download");
    let test = Test::with_other();
    for name in ["factory", "other"] {
        let run = test.run(&format!("fetch -q {name} --output {name}.tgz"));
        run.any_stdout().success();
    }
    test.put("other.tar", Bundle::of(&test.read("other.tgz")).tar());
    test.put("images.tar", Bundle::without_definition().tar());
    test.put("strange.tgz", archive(&[("spc/a", "1")]));
    let from = |arguments: &str| test.run(&format!("fetch --from {arguments}"));
    book.run("several definitions", 2, from("factory.tgz factory other"));
    book.run("no definition", 2, from("factory.tgz"));
    book.run("no such file", 2, from("factory.tga factory"));
    book.run("a directory", 1, from(". factory"));
    book.run("another definition", 3, from("other.tar factory"));
    book.run("no definition of this lock", 3, from("strange.tgz factory"));
    let verify = |file: &str| test.run(&format!("verify factory --bundle {file}"));
    book.run("a bundle of another definition", 3, verify("other.tar"));
    book.run("a bundle without a definition", 3, verify("images.tar"));
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    book.run("not locked", 0, from("factory.tgz factory"));
    std::fs::remove_file(test.path("profiles.lock")).unwrap();
    book.run(
        "not locked, and offline",
        5,
        from("factory.tgz factory --offline"),
    );
    book.run("other profiles", 6, from("other.tar factory"));
}
