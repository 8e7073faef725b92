//! Six months of a set of Debian images, carried as deltas: each month exactly what the other side
//! lacks, by the word of a script that looks into both registries' storage and knows nothing of
//! sealift.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::shared::folder;
use crate::support::six_months::{self, Month, collect_garbage, remove, storage};
use crate::support::{command, files, output};

/// What stands before every name inside.
const PREFIX: &str = "prod/";

/// How the outside learns what the inside holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Receipt,
    Line,
}

/// Six crossings, and how things stood inside after each. It holds no process.
struct Year {
    months: Vec<Month>,
    crossings: Vec<Crossing>,
    /// Of the sender.
    keys: Keys,
}

/// What one month was carried with, and what it left inside.
struct Crossing {
    bundle: PathBuf,
    /// The next bundle of the stream, made in the same month, with all that the month's images need.
    whole: Option<PathBuf>,
    /// What the bundle has, but for manifests.
    carried: BTreeSet<String>,
    /// The registry's folder, and what was remembered of the stream.
    inside: PathBuf,
    state: PathBuf,
}

impl Year {
    /// The crossings by receipt, made by whoever asks first.
    fn get() -> &'static Year {
        static YEAR: OnceLock<Result<Year, String>> = OnceLock::new();
        let made = YEAR.get_or_init(|| {
            let at = folder().join("months");
            let made =
                std::panic::catch_unwind(AssertUnwindSafe(|| Year::make(&at, Told::Receipt)));
            made.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
        });
        made.as_ref().unwrap_or_else(|why| panic!("the six months failed: {why}"))
    }

    fn make(at: &Path, told: Told) -> Year {
        std::fs::create_dir_all(at).unwrap();
        let months = six_months::all();
        let mut sides = Sides::new(at, told);
        let crossings = (0..months.len()).map(|number| sides.cross(&months, number)).collect();
        Year { crossings, keys: sides.keys, months }
    }

    /// The inside as it was after so many months, to do with as one likes.
    fn after(&self, months: usize) -> Inside {
        let (crossing, sealift) = (&self.crossings[months - 1], Sealift::new());
        files::copy(&crossing.inside, &sealift.at("storage"));
        files::copy(&crossing.state, &sealift.at("state"));
        let registry = Registry::over(&sealift.at("storage"));
        Inside { registry, sealift, key: self.keys.public.clone() }
    }

    fn bundle(&self, month: usize) -> &Path {
        &self.crossings[month - 1].bundle
    }
}

/// Both sides while the months go by.
struct Sides<'a> {
    at: &'a Path,
    told: Told,
    sender: Sealift,
    keys: Keys,
    receiver: Sealift,
    site: Keys,
    outside: Registry,
    /// What the images of the month before needed.
    needed: BTreeSet<String>,
}

impl<'a> Sides<'a> {
    fn new(at: &'a Path, told: Told) -> Sides<'a> {
        let (sender, receiver) = (Sealift::new(), Sealift::new());
        // What a static keeps must not lie in a folder that goes.
        let path = |kind: &str| at.join(format!("sender.{kind}.pem"));
        let made = sender.keys("sender");
        let keys = Keys { private: path("key"), public: path("pub") };
        files::copy(&made.private, &keys.private);
        files::copy(&made.public, &keys.public);
        let site = receiver.keys("site");
        let outside = Registry::over(&at.join("outside"));
        let needed = BTreeSet::new();
        Sides { at, told, sender, keys, receiver, site, outside, needed }
    }

    fn storage(&self) -> PathBuf {
        self.at.join("inside")
    }

    /// The month of `months` at the place `number`, from the outside to the inside.
    fn cross(&mut self, months: &[Month], number: usize) -> Crossing {
        let month = &months[number];
        let before = number.checked_sub(1).map(|before| &months[before]);
        month.publish(&self.outside, before);
        let told = (number > 0).then(|| self.ask(number));
        let list = self.at.join("list");
        month.write_list(&list, "");
        let bundle = self.at.join(match number % 2 {
            0 => format!("{}", number + 1),
            _ => format!("{}.tar", number + 1),
        });
        self.export(month, &bundle, &self.at.join("history"), told.as_deref()).ok();

        let carried = self.carried(&bundle);
        let needed = storage(&["needed".as_ref(), self.outside.storage(), &list]);
        let lacking =
            storage(&["lacking".as_ref(), self.outside.storage(), &self.storage(), &list]);
        match self.told {
            Told::Receipt => assert_eq!(carried, lacking, "{}", month.what),
            // A line vouches for the bundle before, and tells of nothing else.
            Told::Line => {
                assert_eq!(carried, &needed - &self.needed, "{}", month.what);
                assert!(carried.is_superset(&lacking), "{}", month.what);
            }
        }
        self.needed = needed;

        let inside = Registry::over(&self.storage());
        let state = self.at.join("state");
        let mut import = import(&self.receiver, &self.keys.public, &inside, &bundle, &state);
        ran(&mut import).ok();
        month.stands_at(&self.outside, "");
        month.stands_at(&inside, PREFIX);
        drop(inside);
        if !month.names.contains_key("ops/builder:1") {
            self.forget("ops/builder:1", before);
        }
        self.keep(month, number, bundle, carried)
    }

    /// Copies what is there after the month.
    fn keep(
        &self,
        month: &Month,
        number: usize,
        bundle: PathBuf,
        carried: BTreeSet<String>,
    ) -> Crossing {
        let (inside, state) =
            (self.at.join(format!("inside-{number}")), self.at.join(format!("state-{number}")));
        files::copy(&self.storage(), &inside);
        files::copy(&self.at.join("state"), &state);
        // Whoever makes this one has a history of its own from here on.
        let whole = (number == 2).then(|| {
            let (whole, history) = (self.at.join("whole.tar"), self.at.join("history-whole"));
            files::copy(&self.at.join("history"), &history);
            self.export(month, &whole, &history, None).ok();
            whole
        });
        Crossing { bundle, whole, carried, inside, state }
    }

    fn export(&self, month: &Month, to: &Path, history: &Path, since: Option<&Path>) -> Ran {
        let list = self.sender.at("images.txt");
        month.write_list(&list, &format!("{}/", self.outside.host()));
        let mut export = self.sender.command();
        export.args(["export", "--stream", "prod", "-f"]).arg(&list).arg("-o").arg(to);
        export.arg("--sign-key").arg(&self.keys.private).arg("--history").arg(history);
        if !history.exists() {
            export.arg("--new-epoch");
        }
        if let Some(since) = since {
            export.arg("--since").arg(since);
            if self.told == Told::Receipt {
                export.arg("--since-key").arg(&self.site.public);
            }
        }
        ran(&mut export)
    }

    /// What the inside tells before the month at the place `number`: a receipt, or a line.
    fn ask(&self, number: usize) -> PathBuf {
        let inside = Registry::over(&self.storage());
        let mut inventory = self.receiver.command();
        inventory.arg("inventory").arg(destination(&inside));
        let receipt = self.at.join("receipt.json");
        match self.told {
            Told::Receipt => {
                inventory.arg("-o").arg(&receipt).arg("--sign-key").arg(&self.site.private);
                ran(&mut inventory).ok();
                receipt
            }
            Told::Line => {
                let before = [format!("{number}"), format!("{number}.tar")];
                let before = before.map(|name| self.at.join(name));
                let before = before.iter().find(|path| path.exists()).unwrap();
                inventory.arg("--against").arg(before).arg("--key").arg(&self.keys.public);
                let said = ran(&mut inventory).ok().stdout;
                let line = said.lines().find(|line| line.contains(&format!("prod {number} ")));
                PathBuf::from(line.unwrap_or_else(|| panic!("no line in {said}")))
            }
        }
    }

    /// The admin inside removes an image that nobody wants any more, and collects the garbage.
    fn forget(&self, name: &str, before: Option<&Month>) {
        let Some(image) = before.and_then(|month| month.names.get(name)) else { return };
        let inside = Registry::over(&self.storage());
        remove(&inside, &format!("{PREFIX}{}", image.repository), image.digest());
        drop(inside);
        collect_garbage(&self.storage());
    }

    fn carried(&self, bundle: &Path) -> BTreeSet<String> {
        if bundle.is_dir() {
            return storage(&["carried".as_ref(), bundle]);
        }
        let unpacked = tempfile::TempDir::new().unwrap();
        output(command("tar").arg("-xf").arg(bundle).arg("-C").arg(unpacked.path()));
        storage(&["carried".as_ref(), unpacked.path()])
    }
}

/// An import of `bundle` as the stream `prod`, not run yet.
fn import(
    sealift: &Sealift,
    key: &Path,
    inside: &Registry,
    bundle: &Path,
    state: &Path,
) -> Command {
    let mut import = sealift.command();
    import.arg("import").arg(bundle).arg("--key").arg(key);
    import.arg("--to").arg(destination(inside));
    import.args(["--stream", "prod", "--on-existing", "overwrite", "--state"]).arg(state);
    import
}

/// Where the images go inside.
fn destination(inside: &Registry) -> String {
    format!("docker://{}/{}", inside.host(), PREFIX.trim_end_matches('/'))
}

/// The isolated side, a copy that nobody else looks at.
struct Inside {
    registry: Registry,
    sealift: Sealift,
    key: PathBuf,
}

impl Inside {
    fn import(&self, bundle: &Path, more: &[&str]) -> Ran {
        let state = self.sealift.at("state");
        ran(import(&self.sealift, &self.key, &self.registry, bundle, &state).args(more))
    }

    /// Runs `import` and asserts that it changes neither the registry nor what is remembered.
    #[track_caller]
    fn changes_nothing(&self, import: impl FnOnce() -> Ran) -> Ran {
        let before = files::tree(&self.sealift.at("state"));
        let ran = self.sends_nothing(import);
        assert!(files::tree(&self.sealift.at("state")) == before, "it is remembered: {ran:?}");
        ran
    }

    /// Runs `import` and asserts that it changes nothing in the registry.
    #[track_caller]
    fn sends_nothing(&self, import: impl FnOnce() -> Ran) -> Ran {
        let seen = || (files::tree(self.registry.storage()), self.registry.writes().len());
        let before = seen();
        let ran = import();
        assert!(seen() == before, "something was written: {ran:?}");
        ran
    }
}

/// The blobs of the layers of a month's image, of which the first is the base.
fn layers(year: &Year, month: usize, name: &str) -> Vec<String> {
    let image = &year.months[month - 1].names[name];
    let manifest: serde_json::Value = serde_json::from_slice(&image.root().bytes).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_month_is_carried_by_exactly_the_blobs_that_the_other_side_lacks() {
    need!("docker-registry", "dpkg", "gzip", "jq", "skopeo", "tar");
    // That they are the same is asserted as each bundle is made, and so are the digests inside.
    let year = Year::get();
    let carried = |month: usize| &year.crossings[month - 1].carried;
    assert!(carried(2).is_disjoint(carried(1)));
    assert!(carried(3).contains(&layers(year, 3, "debian/perl:5")[0]), "the new base");
    assert!(!carried(3).contains(&layers(year, 3, "debian/perl:5")[1]), "what stands on it");
    assert_eq!(carried(4).len(), 0, "names move, and nothing else");
    // Its image was removed inside, and what nothing else needed with it.
    let builder = &layers(year, 5, "ops/builder:2")[1];
    assert!(carried(1).contains(builder) && carried(5).contains(builder));
    assert_eq!(carried(6).intersection(carried(5)).count(), 0);
}

#[test]
fn each_month_is_carried_by_what_a_line_over_the_phone_does_not_vouch_for() {
    need!("docker-registry", "dpkg", "gzip", "jq", "skopeo", "tar");
    let at = tempfile::TempDir::new().unwrap();
    let year = Year::make(at.path(), Told::Line);
    assert_eq!(year.crossings[3].carried.len(), 0, "names move, and nothing else");
}

#[test]
fn a_month_that_comes_too_early_is_refused_and_what_it_leans_on_is_named() {
    need!("docker-registry", "dpkg", "gzip", "jq", "skopeo", "tar");
    let year = Year::get();
    let inside = year.after(1);

    let ran = inside.changes_nothing(|| inside.import(year.bundle(3), &[]));
    ran.exits(code::STALE).says("prod 2").says("prod 3");

    // The reason counts against the number alone: what the bundle leans on has not come.
    let gap = ["--accept-gap", "the second is lost"];
    let ran =
        inside.changes_nothing(|| inside.import(year.bundle(3), &gap)).exits(code::INCOMPLETE);
    let missing = &layers(year, 3, "shop/web:1.1")[2];
    ran.says("shop/web:1.1").says(missing);

    // The second comes after all, and with it everything is as it should be.
    inside.import(year.bundle(2), &[]).ok();
    inside.import(year.bundle(3), &[]).ok();
    year.months[2].stands_at(&inside.registry, PREFIX);
}

#[test]
fn a_gap_is_accepted_where_nothing_is_missing_for_it() {
    need!("docker-registry", "dpkg", "gzip", "jq", "skopeo", "tar");
    let year = Year::get();
    let inside = year.after(3);

    inside.changes_nothing(|| inside.import(year.bundle(5), &[])).exits(code::STALE);

    let gap = ["--accept-gap", "the fourth moved names alone"];
    inside.import(year.bundle(5), &gap).ok();
    year.months[4].stands_at(&inside.registry, PREFIX);
    inside.changes_nothing(|| inside.import(year.bundle(4), &[])).exits(code::STALE);
}

#[test]
fn a_month_that_comes_twice_changes_nothing() {
    need!("docker-registry", "dpkg", "gzip", "jq", "skopeo", "tar");
    let year = Year::get();
    for month in [3, 4] {
        let inside = year.after(month);
        let ran = inside.sends_nothing(|| inside.import(year.bundle(month), &[])).ok();
        ran.says("sent 0 blobs").says(&format!("remembered as prod {month}"));
    }
}

#[test]
fn a_month_that_was_lost_is_mended_by_its_copy_or_by_a_whole_bundle() {
    need!("docker-registry", "dpkg", "gzip", "jq", "skopeo", "tar");
    let year = Year::get();
    let gap = ["--accept-gap", "the second is lost"];

    let inside = year.after(1);
    inside.changes_nothing(|| inside.import(year.bundle(3), &gap)).exits(code::INCOMPLETE);
    let copy = year.bundle(2).to_str().unwrap();
    inside.import(year.bundle(3), &["--accept-gap", "lost", "--base", copy]).ok();
    year.months[2].stands_at(&inside.registry, PREFIX);
    // The stream goes on from there.
    inside.import(year.bundle(4), &[]).ok();
    year.months[3].stands_at(&inside.registry, PREFIX);

    let (inside, whole) = (year.after(1), year.crossings[2].whole.as_ref().unwrap());
    inside.changes_nothing(|| inside.import(whole, &[])).exits(code::STALE).says("prod 4");
    inside.import(whole, &gap).ok();
    year.months[2].stands_at(&inside.registry, PREFIX);
}
