//! Round by round, without any clock: what `receive` looks at, when it looks again, and what it tells of that.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use sealift::bundle::check::Trust;
use sealift::bundle::keys::PublicKey;
use sealift::medium::Medium;
use sealift::places::registry::{Client, Settings};
use sealift::verbs::import;
use sealift::verbs::receive::{ParcelState, Receiver, Request};
use sealift::words::error::Result;
use sealift::words::moment::Moment;
use sealift::words::progress::Silent;

use crate::support::sealift::{Sealift, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

fn now() -> Result<Moment> {
    SystemTime::now().try_into()
}

/// A drop folder, and what arrives in it.
struct Desk {
    sealift: Sealift,
}

impl Desk {
    /// With the bundle `b.tar` beside the folder.
    fn new() -> Desk {
        let sealift = Sealift::new();
        sealift.keys("own");
        let mut export = sealift.command();
        ran(export.args(["export", HELLO, "-o", "b.tar", "--sign-key", "own.key.pem"])).ok();
        fs::create_dir(sealift.at("drop")).unwrap();
        Desk { sealift }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    /// Brings in the bundle.
    fn bring(&self) {
        fs::copy(self.at("b.tar"), self.at("drop/b.tar")).unwrap();
    }

    /// Into the layout `in`, with bundles opened as `like`.
    fn request(&self, key: &str, like: Medium) -> Request {
        let key = PublicKey::from_pem(&fs::read_to_string(self.at(key)).unwrap()).unwrap();
        let to = format!("oci:{}", self.at("in").display()).parse().unwrap();
        let mut import = import::Request::new("", to, Trust::Keys(vec![key]), now().unwrap());
        import.bundle = like;
        Request::new(self.at("drop"), import, now)
    }
}

/// What each of so many rounds tells: the states of what is new.
fn rounds(receiver: &mut Receiver<'_>, many: usize) -> Vec<Vec<ParcelState>> {
    let client = Client::new(Settings::default(), Arc::new(Silent)).unwrap();
    let mut round = || receiver.round(&client, &Silent).unwrap();
    (0..many).map(|_| round().iter().map(|report| report.state).collect()).collect()
}

#[test]
fn a_folder_that_comes_in_the_place_of_the_first_is_looked_into() {
    let desk = Desk::new();
    let request = desk.request("own.pub.pem", Medium::at(""));
    let mut receiver = Receiver::open(&request).unwrap();
    assert_eq!(rounds(&mut receiver, 2), [vec![], vec![]]);

    // As when a stick is mounted there.
    fs::rename(desk.at("drop"), desk.at("below")).unwrap();
    fs::create_dir(desk.at("drop")).unwrap();
    desk.bring();

    assert_eq!(rounds(&mut receiver, 2), [vec![], vec![ParcelState::Done]]);
    assert!(desk.at("drop/done/b.tar").exists() && !desk.at("below/done/b.tar").exists());
}

#[test]
fn nothing_is_touched_before_it_was_the_same_for_a_round() {
    let desk = Desk::new();
    let request = desk.request("own.pub.pem", Medium::at(""));
    let mut receiver = Receiver::open(&request).unwrap();
    desk.bring();
    assert_eq!(rounds(&mut receiver, 1), [vec![]]);
    // It is written again: whole as before, and not yet taken.
    desk.bring();
    assert_eq!(rounds(&mut receiver, 1), [vec![]]);
    assert!(!desk.at("in").exists());
    assert_eq!(rounds(&mut receiver, 2), [vec![ParcelState::Done], vec![]]);
}

#[test]
fn what_waits_is_told_once_looked_at_less_and_less_often_and_at_once_when_it_changed() {
    let desk = Desk::new();
    let request = desk.request("own.pub.pem", Medium::at(""));
    let mut receiver = Receiver::open(&request).unwrap();
    // A file stands where the layout is to be.
    fs::write(desk.at("in"), "").unwrap();
    desk.bring();
    let postponed = vec![ParcelState::Postponed];
    // Seen; looked at; left alone; looked at, with nothing new to tell.
    assert_eq!(rounds(&mut receiver, 4), [vec![], postponed.clone(), vec![], vec![]]);
    fs::remove_file(desk.at("in")).unwrap();
    // For two rounds nobody looks, though it would be taken.
    assert_eq!(rounds(&mut receiver, 3), [vec![], vec![], vec![ParcelState::Done]]);

    fs::remove_dir_all(desk.at("in")).unwrap();
    fs::write(desk.at("in"), "").unwrap();
    desk.bring();
    assert_eq!(rounds(&mut receiver, 4), [vec![], postponed, vec![], vec![]]);
    fs::remove_file(desk.at("in")).unwrap();
    desk.bring();
    assert_eq!(rounds(&mut receiver, 2), [vec![], vec![ParcelState::Done]]);
}

#[test]
fn what_is_wrong_with_the_destination_refuses_no_bundle() {
    let desk = Desk::new();
    let request = desk.request("own.pub.pem", Medium::at(""));
    let mut receiver = Receiver::open(&request).unwrap();
    fs::create_dir(desk.at("in")).unwrap();
    fs::write(desk.at("in/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(desk.at("in/index.json"), "{").unwrap();
    desk.bring();

    assert_eq!(rounds(&mut receiver, 2), [vec![], vec![ParcelState::Postponed]]);
    assert!(desk.at("drop/b.tar").exists());
}
