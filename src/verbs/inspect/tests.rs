use super::*;
use crate::bundle::samples::{LAYER, Sample};
use crate::words::moment::moment;

const NOW: &str = "2026-12-01T00:00:00Z";

#[test]
fn shared_bytes_count_for_each_image_and_belong_to_none() {
    let mut sample = Sample::new();
    let shared = sample.stock.blob(LAYER, &[7; 1000]);
    let config = sample.stock.config("c", "linux/amd64", 1);
    let one = sample.stock.manifest(&config, std::slice::from_ref(&shared), serde_json::json!({}));
    let own = sample.stock.blob(LAYER, b"own");
    let two = sample.stock.manifest(&config, &[shared.clone(), own], serde_json::json!({}));
    sample.contents = sample.stock.contents(&[("x.example/a:1", &one), ("x.example/b:1", &two)]);
    let path = sample.seal("b");

    let overview =
        inspect(&path.clone().into(), &Trust::UnsafeAnySigner, moment(NOW), false).unwrap();

    let sizes: Vec<(u64, u64)> =
        overview.images.iter().map(|image| (image.bytes, image.own_bytes)).collect();
    let common = 1000 + config.size;
    assert_eq!(sizes, [(common + one.size, one.size), (common + two.size + 3, two.size + 3)]);
    assert_eq!(overview.bytes_unshared, overview.bytes + common);
}

#[test]
fn only_a_trusted_signature_makes_a_bundle_trusted() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let key = sample.key.public().clone();

    let claimed =
        inspect(&path.clone().into(), &Trust::UnsafeAnySigner, moment(NOW), false).unwrap();
    let trusted =
        inspect(&path.clone().into(), &Trust::Keys(vec![key.clone()]), moment(NOW), false).unwrap();

    assert!(!claimed.trusted && claimed.evidence.signers.is_empty());
    assert_eq!(claimed.claimed_signers, [key.id().hex()]);
    assert!(trusted.trusted);
    assert_eq!(trusted.evidence.signers, [key.id()]);
}
