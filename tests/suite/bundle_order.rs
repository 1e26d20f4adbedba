//! The definition in a content bundle is found whatever the order of the members, in one pass
//! if its archive begins like one.

use std::cell::Cell;
use std::io::{self, Cursor, Read};

use edgestage::bundle::{BundleError, BundleRefusal, Located, Source, locate};
use edgestage::util::limits::Limits;

use crate::support::bundles::{Bundle, Member, REFERENCE, tar_of, zstd};
use crate::support::{archive, profile_directory, tarball};

/// A source that counts how often it is read again.
struct Counted<'a> {
    bytes: Cursor<&'a [u8]>,
    rewinds: &'a Cell<u32>,
    is_pipe: bool,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl Source for Counted<'_> {
    fn rewind(&mut self) -> io::Result<bool> {
        self.rewinds.set(self.rewinds.get() + 1);
        self.bytes.set_position(0);
        Ok(!self.is_pipe)
    }
}

/// Returns the archive in a bundle, its name, and how often the bundle was read again.
fn found(bundle: &[u8]) -> Result<(Vec<u8>, Option<String>, u32), BundleRefusal> {
    found_in(bundle, false)
}

fn found_in(bundle: &[u8], is_pipe: bool) -> Result<(Vec<u8>, Option<String>, u32), BundleRefusal> {
    let spool = tempfile::tempdir().unwrap();
    let rewinds = Cell::new(0);
    let source = Counted {
        bytes: Cursor::new(bundle),
        rewinds: &rewinds,
        is_pipe,
    };
    let located = locate(source, spool.path(), &Limits::default());
    let found = match located {
        Ok(Located {
            mut archive,
            reference,
        }) => {
            let mut bytes = Vec::new();
            archive.read_to_end(&mut bytes).unwrap();
            Ok((bytes, reference, rewinds.get()))
        }
        Err(BundleError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error:?}"),
    };
    let left = std::fs::read_dir(spool.path()).unwrap().count();
    assert_eq!(left, 0, "temporary files");
    found
}

/// Returns every order of `n` things.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: Vec<usize>| {
        (0..n).map(move |at| {
            let mut order = order.clone();
            order.insert(at, n - 1);
            order
        })
    };
    orders(n - 1).into_iter().flat_map(insert).collect()
}

fn definition() -> Vec<u8> {
    let path = format!("{}variables.json", profile_directory("a"));
    archive(&[("spc/", ""), (&path, "{}")])
}

/// Returns the members that matter, another manifest, and a second archive that begins like a
/// definition, but is a layer of an image.
fn members(definition: &[u8]) -> Vec<Member> {
    let decoy = archive(&[("spc/", ""), ("spc/decoy", "1")]);
    let bundle = Bundle::default()
        .add(Some("image"), "decoy", &[&decoy])
        .add(Some("spc"), REFERENCE, &[definition]);
    let is_config =
        |content: &[u8]| content.starts_with(b"{\"rootfs") || content.starts_with(b"{\"n");
    let mut members = bundle.members();
    members.retain(|(path, content)| path != "oci-layout" && !is_config(content));
    assert_eq!(members.len(), 5);
    members
}

#[test]
fn every_order_is_read_in_one_pass() {
    let definition = definition();
    let members = members(&definition);
    let orders = orders(members.len());
    assert_eq!(orders.len(), 120);
    for order in orders {
        let ordered: Vec<Member> = order.iter().map(|at| members[*at].clone()).collect();
        let (bytes, reference, rewinds) = found(&tar_of(&ordered)).unwrap();
        assert_eq!(bytes, definition, "{order:?}");
        assert_eq!(reference.as_deref(), Some(REFERENCE));
        assert_eq!(rewinds, 0, "{order:?}");
    }
}

/// Nothing says that the archive begins with what is below `spc/`. If it does not, it is not
/// kept before it is known to be needed, and a file is read again.
#[test]
fn every_order_of_an_archive_that_begins_with_something_else() {
    let first = "x".repeat(300 << 10);
    let definition = archive(&[("README", &first), ("spc/", ""), ("spc/a", "1")]);
    let members = members(&definition);
    let place = |order: &[usize], wanted: &dyn Fn(&Member) -> bool| {
        order.iter().position(|at| wanted(&members[*at])).unwrap()
    };
    let layer = format!("blobs/sha256/{}", crate::support::sha256(&definition));
    let is_manifest = |(_, content): &Member| {
        content.starts_with(b"{") && String::from_utf8_lossy(content).contains(&layer[13..])
    };
    for order in orders(members.len()) {
        let ordered: Vec<Member> = order.iter().map(|at| members[*at].clone()).collect();
        let bundle = tar_of(&ordered);
        let at = place(&order, &|(path, _)| *path == layer);
        let is_known = place(&order, &|(path, _)| path == "index.json") < at
            && place(&order, &is_manifest) < at;
        let (bytes, _, rewinds) = found(&bundle).unwrap();
        assert_eq!(bytes, definition, "{order:?}");
        assert_eq!(rewinds, u32::from(!is_known), "{order:?}");
        match found_in(&bundle, true) {
            Ok(_) => assert!(is_known, "{order:?}"),
            Err(refusal) => {
                assert_eq!(refusal, BundleRefusal::NeedsAnotherPass);
                assert!(!is_known, "{order:?}");
            }
        }
    }
}

/// What is compared is the content of the archive's tar, not what it is packed with.
#[test]
fn an_archive_of_several_members_and_a_long_name() {
    let tar = tarball(&[("./", ""), ("./spc/", ""), ("./spc/a", "1")]);
    let (one, other) = tar.split_at(700);
    let definition = [crate::support::gzip(one), crate::support::gzip(other)].concat();
    let (bytes, _, rewinds) = found(&Bundle::of(&definition).tar()).unwrap();
    assert_eq!((bytes, rewinds), (definition, 0));
}

#[test]
fn members_may_be_in_any_directory() {
    let definition = definition();
    let moved = |change: &dyn Fn(&str) -> String| {
        let members = Bundle::of(&definition).members();
        let members = members.into_iter();
        let members: Vec<Member> = members
            .map(|(path, content)| (change(&path), content))
            .collect();
        found(&tar_of(&members)).unwrap().0
    };
    for change in [
        &(|path: &str| format!("./{path}")) as &dyn Fn(&str) -> String,
        &|path| format!("bundle/{path}"),
        &|path| path.replace("blobs/sha256/", ""),
        &|path| path.replace("blobs/sha256/", "blobs/sha256:"),
    ] {
        assert_eq!(moved(change), definition);
    }
}

#[test]
fn any_frames_of_zstd() {
    let definition = definition();
    let tar = Bundle::of(&definition).tar();
    let whole = zstd(&[], &tar);
    let (one, other) = tar.split_at(1000);
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc";
    for stream in [
        whole.clone(),
        zstd(&["-19"], &tar),
        zstd(&["--ultra", "-22", "--no-check"], &tar),
        zstd(&["--long=27"], &tar),
        zstd(&["--fast=5"], &tar),
        [zstd(&[], one), zstd(&["-1"], other)].concat(),
        [skippable, &whole[..]].concat(),
        [&whole[..], skippable].concat(),
        [
            &zstd(&[], one)[..],
            skippable,
            &zstd(&[], b""),
            &zstd(&[], other),
        ]
        .concat(),
    ] {
        assert_eq!(found(&stream).unwrap().0, definition);
    }
}

/// A file is what its first bytes say.
#[test]
fn an_archive_is_passed_through() {
    let definition = definition();
    let (bytes, reference, _) = found(&definition).unwrap();
    assert_eq!((bytes, reference), (definition, None));
}
