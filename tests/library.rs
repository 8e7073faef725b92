//! What a user of the library has without the program: `cargo test --no-default-features --test
//! library` builds no clap, indicatif, tokio or hyper. And what whoever changes it is told.

#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "its main is not called")]
#[path = "../examples/carry.rs"]
mod carry;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::SystemTime;

use sealift::bundle::check::Trust;
use sealift::bundle::keys::PrivateKey;
use sealift::places::registry::{Client, Settings};
use sealift::verbs::{export, import, verify};
use sealift::words::cancel::Cancel;
use sealift::words::error::{Class, Error};
use sealift::words::moment::Moment;
use sealift::words::progress::{Cancellable, Event, Progress};

/// The image that the repository ships.
const HELLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

fn blobs(layout: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(layout.join("blobs/sha256")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_example_exports_verifies_and_imports_folders_and_packed_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    for (bundle, store) in [("b", "from-folder"), ("b.tar", "from-packed")] {
        carry::carry(HELLO, &at(bundle), &at(store)).unwrap();

        assert!(Path::new(&at(bundle)).exists());
        assert_eq!(blobs(Path::new(&at(store))), blobs(Path::new(HELLO)));
        let index = std::fs::read_to_string(Path::new(&at(store)).join("index.json")).unwrap();
        assert!(index.contains("docker.io/library/hello:1.0"), "{index}");
    }
}

#[test]
fn the_example_says_what_is_wrong_and_brings_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    let error = carry::carry(&at("nowhere"), &at("b"), &at("store")).unwrap_err();

    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(!Path::new(&at("b")).exists() && !Path::new(&at("store")).exists());
}

/// Lets two jobs meet in the middle of their bytes, and then cancels the one that holds a handle.
struct Meeting {
    place: Arc<Barrier>,
    stop: Option<Cancel>,
    met: AtomicBool,
}

impl Progress for Meeting {
    fn event(&self, event: Event) {
        let moves = matches!(event, Event::Started { .. } | Event::Phase { name: "verifying", .. });
        if moves && !self.met.swap(true, Ordering::SeqCst) {
            self.place.wait();
            self.stop.iter().for_each(Cancel::cancel);
            // The other one goes on when this one was cancelled.
            self.place.wait();
        }
    }
}

/// Does `job` twice at the same time, and cancels the first in the middle of it.
fn stopped_apart<T: Send>(job: impl Fn(&str, Arc<dyn Progress>) -> Result<T, Error> + Sync) {
    let (place, cancel) = (Arc::new(Barrier::new(2)), Cancel::default());
    let run = |name: &str, stop: Option<Cancel>| {
        let own = stop.clone().unwrap_or_default();
        let meeting = Meeting { place: Arc::clone(&place), stop, met: AtomicBool::new(false) };
        job(name, Arc::new(Cancellable::new(meeting, own)))
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| run("first", Some(cancel)));
        let second = scope.spawn(|| run("second", None));
        (first.join().unwrap(), second.join().unwrap())
    });

    assert_eq!(first.err().map(|error| error.class()), Some(Class::Interrupted));
    second.unwrap();
}

#[test]
fn of_two_jobs_in_one_process_one_is_cancelled_and_the_other_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let now: Moment = SystemTime::now().try_into().unwrap();
    let client =
        |progress: &Arc<dyn Progress>| Client::new(Settings::default(), Arc::clone(progress));
    let key = PrivateKey::generate().unwrap();
    let trust = Trust::Keys(vec![key.public().clone()]);
    let pem = key.to_pem(None).unwrap();

    stopped_apart(|name, progress| {
        let key = PrivateKey::from_pem(&pem, None)?;
        let images = vec![format!("oci:{HELLO}").parse()?];
        let request = export::Request::new(images, at(&format!("{name}.tar")), now);
        export::export(&request, key, &client(&progress)?, &*progress)
    });
    assert!(!Path::new(&at("first.tar")).exists());

    stopped_apart(|_, progress| {
        verify::verify(&verify::Request::new(at("second.tar"), trust.clone(), now), &*progress)
    });

    stopped_apart(|name, progress| {
        let to = format!("oci:{}", at(name)).parse()?;
        let request = import::Request::new(at("second.tar"), to, trust.clone(), now);
        import::import(&request, &client(&progress)?, &*progress)
    });
    assert_eq!(blobs(Path::new(&at("second"))), blobs(Path::new(HELLO)));
    assert!(!Path::new(&at("first/index.json")).exists());
}

#[test]
fn every_file_that_the_guide_for_contributors_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let words = guide.split(['`', '(', ')']).filter(|word| !word.contains(char::is_whitespace));
    let tops = ["src/", "tests/", "docs/", "examples/", "testdata/"];
    let named: BTreeSet<&str> = words
        .filter(|word| tops.iter().any(|top| word.starts_with(top)) && !word.contains("NAME"))
        .collect();

    assert!(named.len() > 15, "{named:?}");
    for path in named {
        assert!(root.join(path).exists(), "{path}");
    }
}
