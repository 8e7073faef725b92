//! `kill -9` at any moment costs the work in flight and nothing else: the next run completes it,
//! and moves nothing twice that was whole already.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::content::{Layer, tar};
use crate::support::gate::Gate;
use crate::support::images::Image;
use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Sealift, code, ran};
use crate::support::{Process, Random, files, packed, wait_for};

/// How many moments each kind of run is killed at.
const MOMENTS: usize = 20;

/// Three images of 40 MB together, with a base in common.
pub fn large_images() -> Vec<Image> {
    let mut random = Random::new(40);
    let mut layer = |name: &str, megabytes: usize| {
        Layer::gzip(&tar(&[(name, &random.bytes(megabytes << 20), 0o644)]))
    };
    let base = layer("base", 8);
    let own = [("one", 12), ("two", 4), ("three", 8)];
    let images = own.map(|(name, megabytes)| {
        let layers =
            [base.clone(), layer(name, megabytes), layer("a", 1), layer("b", 1), layer("c", 1)];
        Image::single(&format!("large/{name}"), "1.0", r#"["/bin/true"]"#, &layers)
    });
    images.into()
}

/// An outside registry with the large images, behind a gate that keeps its name.
struct Outside {
    _dir: TempDir,
    storage: PathBuf,
    gate: Gate,
    images: Vec<Image>,
    sealift: Sealift,
    keys: Keys,
}

impl Outside {
    fn new() -> Outside {
        let dir = TempDir::new().unwrap();
        let storage = dir.path().join("storage");
        let registry = Registry::over(&storage);
        let images = large_images();
        images.iter().for_each(|image| image.push(&registry));
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        Outside { _dir: dir, storage, gate: Gate::to(0), images, sealift, keys }
    }

    /// An export of all images through the gate, in the folder of that name.
    fn export(&self, folder: &str, name: &str) -> Command {
        let folder = self.sealift.at(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut export = self.sealift.command();
        let host = self.gate.host();
        export.arg("export").args(self.images.iter().map(|i| format!("{host}/{}", i.path())));
        export.args(["-o", name, "--sign-key"]).arg(&self.keys.private).current_dir(folder);
        export
    }
}

/// Starts `command` and kills it when `limit` bytes have passed the gate to the registry at
/// `upstream`. Whether it was still running then.
fn kill_after(mut command: Command, gate: &Gate, upstream: u16, limit: u64) -> bool {
    gate.reset(upstream, limit);
    let mut process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    gate.wait_shut(|| process.ended());
    let running = !process.ended();
    process.signal(Signal::KILL);
    wait_for("the killed process", || process.ended());
    running
}

/// Kills an export at random moments and looks at what the rerun asks for. `whole` tells which
/// blobs the unfinished bundle holds.
fn export_survives(test: &str, name: &str, whole: impl Fn(&Path) -> Vec<String>) {
    let outside = Outside::new();
    let registry = Registry::over(&outside.storage);
    outside.gate.reset(registry.port(), u64::MAX);
    ran(&mut outside.export("whole", name)).ok();
    let (total, expected) = (outside.gate.passed(), outside.sealift.at("whole").join(name));
    let mut random = Random::printed(test);
    let (mut reused, mut interrupted) = (0, 0);

    for moment in 0..MOMENTS {
        let folder = format!("moment-{moment}");
        let limit = 1 + random.below(total);
        let killed =
            kill_after(outside.export(&folder, name), &outside.gate, registry.port(), limit);
        let bundle = outside.sealift.at(&folder).join(name);
        let partial = outside.sealift.at(&folder).join(format!("{name}.partial"));
        if killed {
            assert!(!bundle.exists(), "killed after {limit} bytes, {} exists", bundle.display());
            interrupted += 1;
            let kept: BTreeSet<_> = whole(&partial).into_iter().collect();
            reused += kept.len();

            // A registry of its own, so that its log holds nothing of the killed run.
            let again = Registry::over(&outside.storage);
            outside.gate.reset(again.port(), u64::MAX);
            ran(&mut outside.export(&folder, name)).ok();
            for blob in again.requests().iter().filter_map(|request| request.blob()) {
                assert!(!kept.contains(&blob), "killed after {limit}: {blob} is moved twice");
            }
        }
        assert!(!partial.exists(), "{} is left over", partial.display());
        match bundle.is_dir() {
            true => assert_eq!(files::tree(&bundle), files::tree(&expected), "after {limit}"),
            false => {
                let equal = std::fs::read(&bundle).unwrap() == std::fs::read(&expected).unwrap();
                assert!(equal, "killed after {limit} bytes, another file came out");
            }
        }
        run!(outside.sealift, "verify", bundle, "--key", outside.keys.public).ok();
        files::remove(&outside.sealift.at(&folder));
    }
    assert!(interrupted > MOMENTS / 4, "only {interrupted} runs were killed in time");
    assert!(reused > 0, "nothing of any killed run was kept");
}

#[test]
fn an_export_to_a_directory_killed_at_any_moment_completes_without_moving_anything_twice() {
    need!("docker-registry");
    export_survives("export to a directory", "bundle", files::whole_blobs);
}

#[test]
fn an_export_to_a_packed_file_killed_at_any_moment_completes_without_moving_anything_twice() {
    need!("docker-registry");
    export_survives("export to a packed file", "bundle.tar", packed::whole_blobs);
}

#[test]
fn an_import_killed_at_any_moment_completes_without_moving_anything_twice() {
    need!("docker-registry");
    let outside = Outside::new();
    let (sealift, gate) = (&outside.sealift, &outside.gate);
    let registry = Registry::over(&outside.storage);
    gate.reset(registry.port(), u64::MAX);
    ran(&mut outside.export(".", "bundle.tar")).ok();
    let import = || {
        let mut import = sealift.command();
        import.args(["import", "bundle.tar", "--to"]).arg(format!("docker://{}", gate.host()));
        import.arg("--key").arg(&outside.keys.public);
        import
    };
    let inside = Registry::empty();
    gate.reset(inside.port(), u64::MAX);
    ran(&mut import()).ok();
    let total = gate.passed();
    let mut random = Random::printed("import");
    let (mut reused, mut interrupted) = (0, 0);

    for _ in 0..MOMENTS {
        let limit = 1 + random.below(total);
        let inside = Registry::empty();
        interrupted += usize::from(kill_after(import(), gate, inside.port(), limit));

        // A registry of its own, so that its log holds nothing of the killed run.
        let again = Registry::over(inside.storage());
        let mut kept = BTreeSet::new();
        for image in &outside.images {
            let tagged = again.document(&image.repository, &image.tag).is_some();
            for blob in image.blobs.keys() {
                let there = again.has_blob(&image.repository, blob);
                assert!(there || !tagged, "killed after {limit}: tagged before it is whole");
                if there {
                    kept.insert((image.repository.clone(), blob.clone()));
                }
            }
        }
        reused += kept.len();
        gate.reset(again.port(), u64::MAX);
        ran(&mut import()).ok();

        let requests = again.requests();
        for request in requests.iter().filter(|request| request.method == "PUT") {
            let Some(blob) = request.blob() else { continue };
            let repository = request.path.trim_start_matches("/v2/");
            let repository = repository.split("/blobs/").next().unwrap().to_owned();
            let twice = kept.contains(&(repository, blob));
            assert!(!twice, "killed after {limit}: {} is moved twice", request.path);
        }
        for image in &outside.images {
            let there = again.document(&image.repository, &image.tag);
            assert!(there.as_ref() == Some(&image.root().bytes), "{}", image.path());
            for blob in image.blobs.keys() {
                assert!(again.has_blob(&image.repository, blob), "{} {blob}", image.path());
            }
        }
    }
    assert!(interrupted > MOMENTS / 4, "only {interrupted} runs were killed in time");
    assert!(reused > 0, "nothing of any killed run was kept");
}

#[test]
fn an_interrupted_export_leaves_only_its_partial_and_a_rerun_finishes_it() {
    need!("docker-registry");
    let outside = Outside::new();
    let registry = Registry::over(&outside.storage);

    for name in ["bundle", "bundle.tar"] {
        let folder = format!("of-{name}");
        outside.gate.reset(registry.port(), 20 << 20);
        let mut export = outside.export(&folder, name);
        let mut process = Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()));
        outside.gate.wait_shut(|| process.ended());
        process.signal(Signal::INT);
        wait_for("the interrupted export", || process.ended());

        assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
        let left: Vec<_> = std::fs::read_dir(outside.sealift.at(&folder)).unwrap().collect();
        let left: Vec<_> = left.into_iter().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [format!("{name}.partial").as_str()]);

        outside.gate.reset(registry.port(), u64::MAX);
        ran(&mut outside.export(&folder, name)).ok();
        let bundle = outside.sealift.at(&folder).join(name);
        run!(outside.sealift, "verify", bundle, "--key", outside.keys.public).ok();
        assert_eq!(std::fs::read_dir(outside.sealift.at(&folder)).unwrap().count(), 1);
    }
}

#[test]
fn a_layer_goes_on_from_where_it_was() {
    need!("docker-registry");
    /// What may be on its way, and is lost, when a process ends.
    const IN_FLIGHT: u64 = 3 << 20;
    let outside = Outside::new();
    let registry = Registry::over(&outside.storage);
    outside.gate.reset(registry.port(), u64::MAX);
    ran(&mut outside.export("whole", "bundle")).ok();
    let total = outside.gate.passed();

    for name in ["bundle", "bundle.tar"] {
        for signal in [Signal::INT, Signal::KILL] {
            let folder = format!("{name}-{}", signal.as_raw());
            // All layers are under way by then, and next to none is finished.
            outside.gate.reset(registry.port(), 20 << 20);
            let mut export = outside.export(&folder, name);
            let mut process = Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()));
            outside.gate.wait_shut(|| process.ended());
            std::thread::sleep(std::time::Duration::from_millis(500));
            process.signal(signal);
            wait_for("the interrupted export", || process.ended());
            let before = outside.gate.passed();

            outside.gate.reset(registry.port(), u64::MAX);
            ran(&mut outside.export(&folder, name)).ok();
            let moved = before + outside.gate.passed();

            assert!(moved < total + IN_FLIGHT, "{folder}: {moved} bytes moved, of {total}");
            let bundle = outside.sealift.at(&folder).join(name);
            run!(outside.sealift, "verify", bundle, "--key", outside.keys.public).ok();
        }
    }
}

#[test]
fn a_partial_whose_bytes_rotted_is_not_believed() {
    need!("docker-registry");
    let outside = Outside::new();
    let registry = Registry::over(&outside.storage);
    kill_after(outside.export("rot", "bundle"), &outside.gate, registry.port(), 30 << 20);
    let partial = outside.sealift.at("rot/bundle.partial");
    let mut flipped = 0;
    for blob in files::whole_blobs(&partial) {
        files::flip(&partial.join("blobs/sha256").join(&blob[7..]), 5);
        flipped += 1;
    }
    assert!(flipped > 0, "nothing whole in {}", partial.display());

    outside.gate.reset(registry.port(), u64::MAX);
    ran(&mut outside.export("rot", "bundle")).ok();

    let bundle = outside.sealift.at("rot/bundle");
    run!(outside.sealift, "verify", bundle, "--key", outside.keys.public).ok();
}
