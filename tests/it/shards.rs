//! One import by many: shards bring their blobs, wherever and as often as they run, and the names come
//! when all is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::killed::large_images;
use crate::support::gate::Gate;
use crate::support::images::Image;
use crate::support::registry::{Registry, Request};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::{Process, Random, files, small_world, wait_for};

const SHARDS: usize = 16;

/// A bundle of `images`, and who brings it in.
struct World {
    sealift: Sealift,
    keys: Keys,
}

impl World {
    fn of(images: &[Image]) -> World {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        let source = Registry::empty();
        images.iter().for_each(|image| image.push(&source));
        let mut export = sealift.command();
        let host = source.host();
        export.arg("export").args(images.iter().map(|image| format!("{host}/{}", image.path())));
        ran(export.args(["-o", "bundle", "--sign-key"]).arg(&keys.private)).ok();
        World { sealift, keys }
    }

    fn import(&self, host: &str, more: &str) -> Command {
        let mut import = self.sealift.command();
        import.args(["import", "bundle", "--to", &format!("docker://{host}/in"), "--key"]);
        import.arg(&self.keys.public).args(more.split_whitespace());
        import
    }

    fn shard(&self, host: &str, number: usize) -> Ran {
        ran(&mut self.import(host, &format!("--shard {number}/{SHARDS} --format json")))
    }
}

/// Everything that a registry keeps but uploads under way: its files, with their digests.
fn seen(registry: &Registry) -> BTreeMap<PathBuf, String> {
    let mut all = files::tree(registry.storage());
    all.retain(|path, _| !path.iter().any(|part| part == "_uploads"));
    all
}

fn stored(requests: &[Request]) -> Vec<String> {
    let stored = |request: &&Request| request.status == 201 && request.method == "PUT";
    requests.iter().filter(stored).filter_map(Request::blob).collect()
}

#[test]
fn sixteen_shards_make_the_same_registry_as_one_import_and_ask_no_more() {
    let world = World::of(&small_world::make());
    let (whole, shared) = (Registry::empty(), Registry::empty());
    ran(&mut world.import(&whole.host(), "")).ok();

    let mut blobs = 0;
    for number in 1..=SHARDS {
        let done = world.shard(&shared.host(), number).ok();
        assert_eq!(done.json()["shard"], format!("{number}/{SHARDS}"));
        assert_eq!(done.json()["images"], serde_json::json!([]));
        blobs += done.number("/copied/blobs") + done.number("/mounted/blobs");
    }
    assert!(!shared.requests().iter().any(|it| it.is_write() && it.path.contains("/manifests/")));
    let of_shards = shared.requests().len();
    let finished = ran(&mut world.import(&shared.host(), "--finish --format json")).ok();

    assert_eq!((finished.number("/copied/blobs"), finished.number("/mounted/blobs")), (0, 0));
    assert_eq!(seen(&shared), seen(&whole));
    assert_eq!(stored(&shared.requests()).len(), stored(&whole.requests()).len());
    assert_eq!(finished.number("/present/blobs"), blobs);
    // Each asks whether its own are there, and who it is: with no blob but those of others it costs that.
    let asks = |requests: &[Request], what: &str| {
        requests.iter().filter(|it| it.method == "HEAD" && it.path.contains(what)).count()
    };
    let (of_whole, of_all) = (whole.requests(), &shared.requests()[..of_shards]);
    assert_eq!(asks(of_all, "/blobs/"), asks(&of_whole, "/blobs/"));
    assert!(of_shards <= of_whole.len() + SHARDS, "{of_shards} beside {}", of_whole.len());
    let again = world.shard(&shared.host(), 1).ok();
    assert_eq!(again.number("/copied/blobs") + again.number("/mounted/blobs"), 0);
    assert_eq!(seen(&shared), seen(&whole));
}

#[test]
fn shards_that_are_killed_and_repeated_at_once_send_each_blob_once() {
    let world = World::of(&large_images());
    let (whole, shared) = (Registry::empty(), Registry::empty());
    ran(&mut world.import(&whole.host(), "")).ok();
    let gate = Gate::to(shared.port());
    let mut random = Random::printed("shards");

    let mut killed = 0;
    for _ in 0..4 {
        gate.reset(shared.port(), 1 + random.below(20 << 20));
        let start = |number: usize| {
            let mut shard = world.import(&gate.host(), &format!("--shard {number}/{SHARDS}"));
            Process::start(shard.stdout(Stdio::null()).stderr(Stdio::null()))
        };
        let mut running: Vec<Process> = (1..=SHARDS).map(start).collect();
        gate.wait_shut(|| running.iter_mut().all(Process::ended));
        for process in &mut running {
            if !process.ended() {
                killed += 1;
                process.signal(Signal::KILL);
            }
            wait_for("the killed shard", || process.ended());
        }
        let early = ran(&mut world.import(&shared.host(), "--finish"));
        if early.code != code::DONE {
            early.exits(code::INCOMPLETE).says("not there yet");
            assert!(!shared.requests().iter().any(|it| it.is_tagging() && it.status == 201));
        }
    }
    assert!(killed > 0);
    let all: Vec<Process> = (1..=SHARDS)
        .map(|number| {
            let mut shard = world.import(&shared.host(), &format!("--shard {number}/{SHARDS}"));
            Process::start(shard.stdout(Stdio::null()).stderr(Stdio::null()))
        })
        .collect();
    for mut process in all {
        wait_for("the shard", || process.ended());
    }
    ran(&mut world.import(&shared.host(), "--finish")).ok();

    assert_eq!(seen(&shared), seen(&whole));
    let sent = stored(&shared.requests());
    let once: BTreeSet<&String> = sent.iter().collect();
    assert_eq!(sent.len(), once.len(), "{sent:?}");
}

#[test]
fn nothing_is_named_before_all_shards_are_there() {
    let world = World::of(&small_world::make());
    let registry = Registry::empty();
    for number in 2..=SHARDS {
        world.shard(&registry.host(), number).ok();
    }

    // The ledger says which parts were done here, where each began.
    let mut show = world.sealift.command();
    let told = ran(show.args(["ledger", "show", "--format", "json"])).ok().json();
    let mut parts: Vec<(Option<u64>, Option<u64>)> = Vec::new();
    for entry in told["entries"].as_array().unwrap() {
        let event = &entry["event"];
        if event["verb"] == "import" && event["stage"] == "begun" {
            parts.push((event["counts"]["shard"].as_u64(), event["counts"]["shards"].as_u64()));
        }
    }
    let all = (2..=SHARDS as u64).map(|number| (Some(number), Some(SHARDS as u64)));
    assert_eq!(parts, all.collect::<Vec<_>>());
    ran(world.sealift.command().args(["ledger", "verify"])).ok();
    ran(world.sealift.command().args(["ledger", "show"])).ok().says("shard 16/16");

    let early = ran(&mut world.import(&registry.host(), "--finish")).exits(code::INCOMPLETE);

    let early = early.says("not there yet").says("sha256:").says("--finish");
    assert!(!early.stderr.contains("Finish"));
    assert!(!registry.requests().iter().any(|it| it.is_write() && it.path.contains("/manifests/")));
    let plan = ran(&mut world.import(&registry.host(), "--finish --dry-run --format json"));
    let plan = plan.exits(code::INCOMPLETE).says("not there yet");
    // What shards are to bring is nothing that it would send.
    assert_eq!(plan.number("/copy/blobs") + plan.number("/mount/blobs"), 0);
    let documents = plan.number("/sizes/carry");
    assert!(plan.number("/sizes/send") <= documents);
    let carried = |more: &str| {
        let plan =
            ran(&mut world.import(&registry.host(), &format!("{more} --dry-run --format json")));
        plan.ok().number("/sizes/carry")
    };
    let parts: u64 = ["--shard 1/3", "--shard 2/3", "--shard 3/3"].map(carried).iter().sum();
    assert_eq!(parts + documents, carried(""));
    world.shard(&registry.host(), 1).ok();
    ran(&mut world.import(&registry.host(), "--finish")).ok();
}

#[test]
fn shards_leave_what_a_taken_name_leaves_behind() {
    let images = small_world::make();
    let image = &images[1];
    let world = World::of(&images[1..2]);
    let registry = Registry::empty();
    // Another image has the name, which is to be left alone.
    let other = Image::single(&format!("in/{}", image.repository), &image.tag, "[]", &[]);
    other.push(&registry);
    let before = seen(&registry);

    for number in 1..=4 {
        let more = format!("--shard {number}/4 --on-existing skip --format json");
        let done = ran(&mut world.import(&registry.host(), &more)).ok();
        assert_eq!(done.number("/copied/blobs"), 0, "shard {number}");
    }

    assert_eq!(seen(&registry), before);
}

#[test]
fn what_cannot_be_done_in_parts_is_refused() {
    let world = World::of(&small_world::make()[1..2]);
    let registry = Registry::empty();
    for (more, words) in [
        ("--shard 0/4", "is no shard"),
        ("--shard 5/4", "is no shard"),
        ("--shard 1/4 --finish", "cannot be used with"),
        ("--shard 1/4 --keep-going", "leaves behind"),
        ("--finish --only-intact", "leaves behind"),
        ("--shard 1/4 --receipt r.json --sign-key signer.key.pem", "no receipt"),
        ("--shard 1/4 --scan true", "scanned"),
    ] {
        ran(&mut world.import(&registry.host(), more)).exits(code::USAGE).says(words);
    }
    for to in ["oci:here", "docker-archive:here.tar", "containers-storage:"] {
        for part in ["--shard=1/4", "--finish"] {
            let mut import = world.sealift.command();
            import.args(["import", "bundle", "--to", to, part, "--key"]).arg(&world.keys.public);
            ran(&mut import).exits(code::USAGE).says("several at once");
        }
    }
    assert_eq!(registry.requests().iter().filter(|it| it.is_write()).count(), 0);
}

#[test]
fn of_a_damaged_bundle_no_part_names_what_parts_cannot_do() {
    let world = World::of(&small_world::make()[1..3]);
    let registry = Registry::empty();
    let blobs = std::fs::read_dir(world.sealift.at("bundle/blobs/sha256")).unwrap();
    let largest = blobs.map(|it| it.unwrap().path());
    let largest = largest.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&largest, bytes).unwrap();

    let whole = ran(&mut world.import(&registry.host(), "")).exits(code::DAMAGED);
    whole.says("--only-intact");
    let shard = ran(&mut world.import(&registry.host(), "--shard 1/1")).exits(code::DAMAGED);
    assert!(!shard.stderr.contains("--only-intact"), "{}", shard.stderr);
}

#[test]
fn a_bundle_of_a_stream_counts_as_taken_when_its_names_are_there() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let hello = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");
    let mut export = sealift.command();
    export.args(["export", hello, "-o", "b", "--stream", "prod", "--new-epoch", "--sign-key"]);
    ran(export.arg(&keys.private)).ok();
    let registry = Registry::empty();
    let state = sealift.home().join(".local/state/sealift/state/prod.json");
    let import = |more: &str| {
        let mut import = sealift.command();
        import.args([
            "import",
            "b",
            "--to",
            &format!("docker://{}", registry.host()),
            more,
            "--key",
        ]);
        ran(import.arg(&keys.public)).ok();
    };

    import("--shard=1/1");
    assert!(!state.exists());
    import("--finish");
    assert!(state.exists());
}
