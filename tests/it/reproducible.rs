//! The same images, key and date give the same bytes.

use std::path::Path;

use crate::support::files::tree;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, ran};
use crate::support::shared::Shared;

/// Exports all images from `outside`, which always has the same name, so that bundles compare.
fn export(sealift: &Sealift, outside: &Registry, name: &str, more: &[&str]) -> Ran {
    let shared = Shared::get();
    let mut export = sealift.command();
    let images = shared.images.iter();
    export.arg("export").args(images.map(|image| format!("{}/{}", outside.host(), image.path())));
    export.args(["-o", name, "--sign-key"]).arg(&shared.keys.private).args(more);
    ran(&mut export).ok()
}

#[test]
fn two_exports_are_byte_identical() {
    need!("docker-registry", "busybox");
    let outside = Registry::over(&Shared::get().storage);
    let (one, two) = (Sealift::new(), Sealift::new());

    for name in ["bundle", "bundle.tar"] {
        export(&one, &outside, name, &["--jobs", "1"]);
        export(&two, &outside, name, &["--jobs", "8"]);

        same(&one.at(name), &two.at(name));
    }
}

/// Asserts that two files, or two folders, hold the same bytes.
#[track_caller]
fn same(one: &Path, two: &Path) {
    match one.is_dir() {
        true => assert_eq!(tree(one), tree(two)),
        false => assert!(std::fs::read(one).unwrap() == std::fs::read(two).unwrap()),
    }
}

#[test]
fn the_date_is_in_the_statement_and_nowhere_else() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, outside) = (Sealift::new(), Registry::over(&shared.storage));
    export(&sealift, &outside, "one", &[]);
    let mut later = sealift.command();
    let images = shared.images.iter();
    later.arg("export").args(images.map(|image| format!("{}/{}", outside.host(), image.path())));
    later.args(["-o", "two", "--sign-key"]).arg(&shared.keys.private);
    ran(later.env("SOURCE_DATE_EPOCH", "1770000000")).ok();

    let (one, two) = (tree(&sealift.at("one")), tree(&sealift.at("two")));

    let changed: Vec<_> =
        one.iter().filter(|(path, digest)| two.get(*path) != Some(digest)).collect();
    assert_eq!(one.len(), two.len());
    assert!(!changed.is_empty());
    assert!(changed.iter().all(|(path, _)| path.starts_with("sig")), "{changed:?}");
}
