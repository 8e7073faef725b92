//! Tokens that end while bytes move.

use std::time::{Duration, Instant};

use crate::support::Random;
use crate::support::content::{Layer, tar};
use crate::support::images::Image;
use crate::support::registry::{Access, Registry};
use crate::support::sealift::{Keys, Ran, Sealift, ran};
use crate::support::slow::Slow;
use crate::support::token::TokenServer;

/// Seconds that a token lives.
const LIFETIME: u64 = 3;
/// What the relay lets through in a second.
const RATE: u32 = 512 << 10;
/// Transfers at a time: few, so that most of them begin after the first token has ended.
const JOBS: &str = "6";
/// How many layers, of which the first takes longer than a token lives: enough for a quarter of a
/// minute, or for a whole one.
fn layers() -> usize {
    if std::env::var_os("SEALIFT_TEST_FULL").is_some() { 152 } else { 24 }
}

fn image() -> Image {
    let mut random = Random::new(3);
    let layers: Vec<Layer> = (0..layers())
        .map(|index| {
            let bytes = random.bytes(if index == 0 { 2 << 20 } else { 192 << 10 });
            Layer::gzip(&tar(&[("data", &bytes, 0o644)]))
        })
        .collect();
    Image::single("slow/app", "1", "", &layers)
}

/// Runs `transfer` with registry `behind` a slow line, and asserts that its tokens never were in
/// the way.
fn outlives_its_tokens(
    tokens: &TokenServer,
    behind: &Registry,
    bytes: usize,
    transfer: impl FnOnce(&str) -> Ran,
) {
    let slow = Slow::to(behind.port(), RATE);
    let ideal = Duration::from_secs(bytes as u64) / RATE;
    assert!(ideal > Duration::from_secs(3 * LIFETIME), "it has to outlive several tokens");

    let start = Instant::now();
    transfer(&slow.host()).ok();
    let took = start.elapsed();

    assert_eq!(tokens.refused(), 0);
    let scopes = tokens.scopes();
    assert!(scopes.iter().all(|scope| *scope == scopes[0]), "one scope does for all: {scopes:?}");
    // A token is renewed when nine tenths of its life are over.
    let lives = took.as_millis() / u128::from(LIFETIME * 900) + 1;
    let refused = behind.requests().iter().filter(|request| request.status == 401).count();
    // Before the first token is there, several threads may find out that one is needed; later, a
    // request may be under way when its token ends.
    assert!(refused as u128 <= 6 + 2 * lives, "{refused} requests went out with no good token");
    assert!((3..=lives).contains(&(tokens.served() as u128)), "{} of {lives}", tokens.served());
}

#[test]
fn a_transfer_outlives_many_tokens_and_asks_for_each_once() {
    need!("docker-registry", "openssl");
    let (open, image) = (Registry::empty(), image());
    image.push(&open);
    let bytes = image.blobs.values().map(Vec::len).sum();
    let (giving, taking) = (TokenServer::start(LIFETIME), TokenServer::start(LIFETIME));
    let outside = Registry::start(Some(open.storage()), &Access::Token(&giving));
    let inside = Registry::start(None, &Access::Token(&taking));
    let sealift = Sealift::new();
    let Keys { private, public } = sealift.keys("signer");
    let name = format!("{}/{}", open.host(), image.path());
    run!(sealift, "export", name, "-o", "made.tar", "--sign-key", private).ok();

    std::thread::scope(|both| {
        both.spawn(|| {
            outlives_its_tokens(&giving, &outside, bytes, |host| {
                let mut export = sealift.command();
                export.arg("export").arg(format!("{host}/{}", image.path()));
                export.args(["-o", "slow.tar", "--jobs", JOBS, "--sign-key"]).arg(&private);
                ran(export.arg("--authfile").arg(giving.authfile(host)))
            });
        });
        both.spawn(|| {
            outlives_its_tokens(&taking, &inside, bytes, |host| {
                let mut import = sealift.command();
                let to = format!("docker://{host}");
                import.args(["import", "made.tar", "--jobs", JOBS, "--to", &to, "--key"]);
                ran(import.arg(&public).arg("--authfile").arg(taking.authfile(host)))
            });
        });
    });

    let arrived = Registry::over(inside.storage());
    crate::round_trip::assert_arrived(&image, &arrived, &image.repository);
}
