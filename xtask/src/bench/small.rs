//! Many small images, made here: what counts is the number of requests, not of bytes.

use super::set::Set;
use crate::Result;
use crate::image::{self, Descriptor};
#[cfg(test)]
use crate::shell;
use serde_json::json;
use std::path::Path;

const LAYERS: usize = 9;
/// From one kilobyte to sixteen.
const SMALLEST: u64 = 1 << 10;
const SPREAD: u64 = 15 << 10;

/// Images without a layer in common. The same bytes every time: digests, and with them caches,
/// stay what they are.
pub fn make(cache: &Path, count: usize) -> Result<Set> {
    let layout = cache.join(format!("layout-small-{count}"));
    let (mut roots, mut bytes) = (Vec::new(), 0);
    for number in 0..count {
        let root = make_image(&layout, number, &mut bytes)?;
        roots.push((format!("small-{number:03}:1"), root));
    }
    image::finish(&layout, &roots)?;
    let set = Set {
        images: (0..count).map(|number| format!("small-{number:03}")).collect(),
        digests: roots.into_iter().map(|(_, root)| root.digest).collect(),
        store: cache.join(format!("registry-small-{count}")),
        blobs: count * (LAYERS + 1),
        bytes,
    };
    set.fill(&layout)?;
    Ok(set)
}

/// An image of nine layers and a config: ten blobs.
fn make_image(layout: &Path, number: usize, bytes: &mut u64) -> Result<Descriptor> {
    let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
    for layer in 0..LAYERS {
        let mut noise = Noise((number * LAYERS + layer + 1) as u64);
        let length = SMALLEST + noise.next() % SPREAD;
        let content: Vec<u8> =
            (0..length.div_ceil(8)).flat_map(|_| noise.next().to_le_bytes()).collect();
        let tar = image::tar(&format!("file-{layer}"), 0o644, &content);
        *bytes += tar.len() as u64;
        diff_ids.push(image::digest(&tar));
        layers.push(image::put(layout, image::LAYER, &tar)?);
    }
    let process = json!({"Labels": {"number": number.to_string()}});
    let config = image::config("amd64", "2026-01-01T00:00:00Z", &diff_ids, &process);
    let config = image::put(layout, image::CONFIG, &config)?;
    image::put(layout, image::MANIFEST, &image::manifest(&config, &layers))
}

/// Seeded numbers (splitmix64): bytes that do not compress.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_are_the_same_every_time() {
        let folder = shell::Scratch::new("small").unwrap();
        let (mut once, mut twice) = (0, 0);

        let first = make_image(&folder.path().join("a"), 7, &mut once).unwrap();
        let second = make_image(&folder.path().join("b"), 7, &mut twice).unwrap();

        assert_eq!((first.digest, once), (second.digest, twice));
    }
}
