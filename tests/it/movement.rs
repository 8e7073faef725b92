//! A transfer that nobody has to babysit: lines that break, proxies that limit, runs that are
//! killed. Bytes are counted where they pass.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::content::Layer;
use crate::support::gate::Gate;
use crate::support::images::Image;
use crate::support::nginx::Nginx;
use crate::support::registry::Registry;
use crate::support::resuming::Resuming;
use crate::support::sealift::{Keys, Sealift, code, ran};
use crate::support::shaky::Shaky;
use crate::support::{Process, Random, wait_for};

const MB: usize = 1_000_000;

/// How much the tests of broken lines move; a gigabyte when `SEALIFT_TEST_FULL` is set.
fn amount() -> usize {
    if std::env::var_os("SEALIFT_TEST_FULL").is_some() { 1000 * MB } else { 300 * MB }
}

/// An image whose layers have that many bytes each.
fn image(repository: &str, layers: impl IntoIterator<Item = usize>) -> Image {
    let mut random = Random::new(11);
    let layers: Vec<Layer> = layers
        .into_iter()
        .map(|size| {
            let bytes = random.bytes(size);
            let diff_id = crate::support::content::digest(&bytes);
            let media_type = "application/vnd.oci.image.layer.v1.tar";
            Layer { media_type, bytes, diff_id }
        })
        .collect();
    Image::single(repository, "1.0", r#"["/bin/true"]"#, &layers)
}

fn bytes(image: &Image) -> u64 {
    image.blobs.values().map(|blob| blob.len() as u64).sum()
}

/// A bundle of one image, made without any fault on the way.
struct Bundle {
    _scratch: TempDir,
    sealift: Sealift,
    keys: Keys,
    image: Image,
}

impl Bundle {
    fn of(image: Image) -> Bundle {
        let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let sealift = Sealift::new_in(scratch.path());
        let keys = sealift.keys("signer");
        let outside = Registry::over(&scratch.path().join("outside"));
        image.push(&outside);
        let mut export = sealift.command();
        export.arg("export").arg(format!("{}/{}", outside.host(), image.path()));
        ran(export.args(["-o", "bundle.tar", "--sign-key"]).arg(&keys.private)).ok();
        drop(outside);
        std::fs::remove_dir_all(scratch.path().join("outside")).unwrap();
        Bundle { _scratch: scratch, sealift, keys, image }
    }

    fn import(&self, host: &str) -> Command {
        let mut import = self.sealift.command();
        import.args(["import", "bundle.tar", "--to"]).arg(format!("docker://{host}"));
        import.arg("--key").arg(&self.keys.public);
        import
    }

    fn journal(&self) -> Vec<std::path::PathBuf> {
        let folder = self.sealift.home().join(".local/state/sealift/uploads");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn an_export_over_a_line_that_keeps_breaking_finishes_and_fetches_little_twice() {
    need!("docker-registry");
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let outside = Registry::over(&scratch.path().join("outside"));
    let image = image("large/app", vec![20 * MB; amount() / (20 * MB)]);
    image.push(&outside);
    let random = Random::printed("broken export");
    let line = Shaky::to(outside.port(), random, 2 << 20, 6 << 20);
    let sealift = Sealift::new_in(scratch.path());
    let keys = sealift.keys("signer");

    let started = Instant::now();
    let mut export = sealift.command();
    export.arg("export").arg(format!("{}/{}", line.host(), image.path()));
    ran(export.args(["-o", "bundle.tar", "--sign-key"]).arg(&keys.private)).ok();

    run!(sealift, "verify", sealift.at("bundle.tar"), "--key", keys.public).ok();
    report("export", started, &line, line.down(), bytes(&image));
    assert!(line.cuts() > 30, "{} cuts", line.cuts());
    assert!(line.down() < bytes(&image) / 10 * 11, "{} for {}", line.down(), bytes(&image));
}

fn report(what: &str, started: Instant, line: &Shaky, moved: u64, needed: u64) {
    println!(
        "{what}: {needed} bytes, {} cuts, {:.2} % more bytes than needed, {:.1} s",
        line.cuts(),
        (moved as f64 / needed as f64 - 1.0) * 100.0,
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn an_import_over_a_line_that_keeps_breaking_finishes_and_sends_little_twice() {
    need!("docker-registry");
    let bundle = Bundle::of(image("large/app", vec![20 * MB; amount() / (20 * MB)]));
    let inside = Resuming::start_in(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")));
    let random = Random::printed("broken import");
    let line = Shaky::to(inside.port(), random, 2 << 20, 6 << 20);

    let started = Instant::now();
    ran(&mut bundle.import(&line.host())).ok();

    let needed = bytes(&bundle.image);
    report("import", started, &line, line.up(), needed);
    assert!(line.cuts() > 30, "{} cuts", line.cuts());
    assert!(line.up() < needed / 10 * 11, "{} for {needed}", line.up());
    let stored = inside.stored();
    for digest in bundle.image.blobs.keys() {
        assert_eq!(stored.get(digest), Some(&1), "{digest} is stored once");
    }
    let there = inside.document(&bundle.image.repository, "1.0");
    assert!(there.as_ref() == Some(&bundle.image.root().bytes));
    assert_eq!(bundle.journal(), [] as [std::path::PathBuf; 0], "nothing to go on with");
}

#[test]
fn an_import_into_a_registry_that_cannot_resume_finishes_too_and_stores_nothing_twice() {
    need!("docker-registry");
    let bundle = Bundle::of(image("many/app", vec![MB; 100]));
    let inside = Registry::empty();
    let random = Random::printed("broken import into docker-registry");
    // A blob that is cut starts again, so a blob rarely meets many cuts in a row.
    let line = Shaky::to(inside.port(), random, 6 << 20, 12 << 20);

    let started = Instant::now();
    ran(&mut bundle.import(&line.host())).ok();

    report("import, no resuming", started, &line, line.up(), bytes(&bundle.image));
    assert!(line.cuts() > 3, "{} cuts", line.cuts());
    let requests = inside.requests();
    for digest in bundle.image.blobs.keys() {
        let stored = requests.iter().filter(|r| r.status == 201 && r.method == "PUT");
        let stored = stored.filter(|r| r.blob().as_ref() == Some(digest)).count();
        assert_eq!(stored, 1, "{digest}");
        assert!(inside.has_blob(&bundle.image.repository, digest), "{digest}");
    }
}

#[test]
fn a_push_through_a_proxy_that_limits_bodies_finds_its_way_by_itself_and_says_so_once() {
    need!("docker-registry", "nginx");
    // Half of whatever is refused first is more than the largest first piece, 8 MiB: the size that
    // is told does not depend on which upload comes first.
    let bundle = Bundle::of(image("proxied/app", [25 * MB, 18 * MB, 17 * MB, 9 * MB, 100]));
    let inside = Registry::empty();
    let proxy = Nginx::before(inside.port(), "10m");

    let ran = ran(&mut bundle.import(&proxy.host())).ok();

    let said = ran.stderr.lines().filter(|line| line.contains("413")).count();
    assert_eq!(said, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("pieces of at most 8388608 bytes"), "{}", ran.stderr);
    for (digest, bytes) in &bundle.image.blobs {
        let there = inside.blob(&bundle.image.repository, digest);
        assert!(there.as_ref() == Some(bytes), "{digest}");
    }
    // Those that were on their way when the first refusal came, and no more.
    assert!((1..=6).contains(&proxy.answered(413)), "{} refusals", proxy.answered(413));
    let again = crate::support::sealift::ran(&mut bundle.import(&proxy.host())).ok();
    assert!(!again.stderr.contains("413"), "nothing is sent again: {}", again.stderr);
}

#[test]
fn a_limit_below_every_layer_is_found_by_halving() {
    need!("docker-registry", "nginx");
    let bundle = Bundle::of(image("narrow/app", [5 * MB, 3 * MB, 600_000]));
    let inside = Registry::empty();
    // What nginx has when nobody sets it.
    let proxy = Nginx::before(inside.port(), "1m");

    ran(&mut bundle.import(&proxy.host())).ok();

    for digest in bundle.image.blobs.keys() {
        assert!(inside.has_blob(&bundle.image.repository, digest), "{digest}");
    }
}

#[test]
fn the_user_chooses_the_size_of_a_piece() {
    need!("docker-registry");
    let bundle = Bundle::of(image("chosen/app", [10 * MB, 1000]));
    let inside = Registry::empty();

    ran(bundle.import(&inside.host()).args(["--chunk-size", "3MB", "--limit-rate", "1GB/s"])).ok();

    let patches = inside.requests().iter().filter(|r| r.method == "PATCH").count();
    assert_eq!(patches, 4, "3 + 3 + 3 + 1 MB; the small ones whole");
    for digest in bundle.image.blobs.keys() {
        assert!(inside.has_blob(&bundle.image.repository, digest), "{digest}");
    }
    for bad in [["--chunk-size", "3 apples"], ["--chunk-size", "0"], ["--limit-rate", "fast"]] {
        ran(bundle.import(&inside.host()).args(bad)).exits(code::USAGE).says("is no size");
    }
}

#[test]
fn a_killed_import_is_gone_on_with_in_the_middle_of_a_layer() {
    need!("docker-registry");
    let bundle = Bundle::of(image("killed/app", [40 * MB]));
    let inside = Resuming::start_in(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")));
    let gate = Gate::to(inside.port());
    let import = || {
        let mut import = bundle.import(&gate.host());
        import.args(["--chunk-size", "1MiB"]);
        import
    };

    gate.reset(inside.port(), 25 << 20);
    let mut process = Process::start(import().stdout(Stdio::null()).stderr(Stdio::null()));
    gate.wait_shut(|| process.ended());
    process.signal(Signal::KILL);
    wait_for("the killed import", || process.ended());

    let left = bundle.journal();
    let json = left.iter().find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    let mode = std::fs::metadata(json).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    gate.reset(inside.port(), u64::MAX);
    ran(&mut import()).ok();

    // What the gate let through before the kill, and what was sent after it.
    let moved = (25 << 20) + gate.passed();
    assert!(moved < 45 * MB as u64, "{moved} bytes for a layer of 40 MB");
    let opened = inside.requests().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!(opened, 2, "the layer's upload and the config's");
    assert!(inside.document("killed/app", "1.0").is_some());
    assert_eq!(bundle.journal(), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_home_that_cannot_be_written_stops_no_import() {
    need!("docker-registry");
    let bundle = Bundle::of(image("homeless/app", [2 * MB]));
    let inside = Registry::empty();

    let mut import = bundle.import(&inside.host());
    import.env("XDG_STATE_HOME", "/proc/nowhere").args(["--chunk-size", "1MB"]);
    // What was done is told elsewhere then.
    import.args(["--ledger", "l.jsonl"]);
    ran(&mut import).ok().says("unfinished uploads");

    let mut import = bundle.import(&inside.host());
    import.env_remove("XDG_STATE_HOME").args(["--ledger", "l.jsonl"]);
    ran(import.env_remove("HOME")).ok();
}
