//! The catalogue: all messages of edgestage in one file for human review,
//! `catalogue/messages.txt`. Nearly all of them come from runs; those that no test can cause
//! are made from the error's value.
//!
//! `UPDATE_CATALOGUE=1 cargo test --test suite -- catalogue::the_catalogue` renews the file.
//! Read the changed messages next to their neighbors: that is the purpose of the file.

mod archives;
mod book;
mod bundles;
mod command_line;
mod coverage;
mod hosts;
mod locks;
mod manifests;
mod palettes;
mod registries;
mod checkouts;
mod pages;
mod rehearsals;
mod signatures;

use std::path::PathBuf;

use book::Book;

/// The file.
fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/suite/catalogue/messages.txt")
}

/// What stands in the file.
fn reviewed() -> String {
    std::fs::read_to_string(path()).unwrap_or_default()
}

const HEAD: &str = "\
Every message of edgestage, as it is printed. Made by tests/suite/catalogue.rs: do not edit
it, but read it. Paths, ports, process numbers and digests are replaced by names.
";

#[test]
fn the_catalogue_is_as_it_was_reviewed() {
    let parts: [fn(&mut Book); 10] = [
        command_line::all,
        manifests::all,
        palettes::all,
        registries::all,
        hosts::all,
        archives::all,
        bundles::all,
        locks::all,
        checkouts::all,
        signatures::all,
    ];
    let texts = std::thread::scope(|scope| {
        let parts = parts.map(|part| {
            scope.spawn(move || {
                let mut book = Book::default();
                part(&mut book);
                book.text()
            })
        });
        parts.map(|part| part.join().unwrap()).concat()
    });
    let made = format!("{HEAD}{texts}");
    if std::env::var_os("UPDATE_CATALOGUE").is_some() {
        std::fs::write(path(), &made).unwrap();
        return;
    }
    let reviewed = reviewed();
    let differs = made.lines().zip(reviewed.lines()).find(|(a, b)| a != b);
    assert!(
        made == reviewed,
        "messages have changed, first {differs:?}. Renew the catalogue with \
         `UPDATE_CATALOGUE=1 cargo test --test suite -- catalogue::the_catalogue`, and review the \
         difference"
    );
}
