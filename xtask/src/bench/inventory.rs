//! An inventory of a registry with many repositories, of which no peer has anything.

use super::measure;
use super::tasks::{Side, Task};
use crate::image::{self, Descriptor};
use crate::server::Server;
use crate::{Result, http, shell};
use serde_json::json;
use std::path::Path;

/// What is there when it is filled.
const FILLED: &str = "filled";

/// Measures it for so many repositories, `runs` times.
pub fn task(
    cache: &Path,
    work: &Path,
    sealift: &Path,
    repositories: usize,
    runs: usize,
) -> Result<Task> {
    let store = cache.join(format!("registry-many-{repositories}"));
    let registry = Server::registry(&store)?;
    let done = store.with_extension(FILLED);
    if shell::read_text(&done).is_err() {
        println!("filling {}", store.display());
        (0..repositories).try_for_each(|number| fill(registry.port, number))?;
        shell::write(&done, repositories.to_string())?;
    }
    let name = format!("inventory of {repositories} repositories");
    let script = format!(
        "exec {} inventory docker://{} -o receipt.json --no-progress --quiet > receipt.txt",
        shell::quoted(sealift),
        registry.host()
    );
    let mut samples = Vec::new();
    for run in 1..=runs {
        let sample = measure::run(work, &script)?;
        println!("run {run} of {runs}: {name} {:>7.2} s", sample.wall);
        samples.push(sample);
    }
    Ok(Task { name, sides: vec![Side { program: "sealift", does: "", samples }] })
}

/// An image of a base that all have and a layer of its own.
fn fill(port: u16, number: usize) -> Result {
    let repository = format!("team/app-{number}");
    let layers = ["base".to_owned(), format!("layer of {number}")];
    let tars = layers.map(|content| image::tar("file", 0o644, content.as_bytes()));
    let diff_ids = tars.each_ref().map(|tar| image::digest(tar));
    let config = image::config("amd64", "2026-01-01T00:00:00Z", &diff_ids, &json!({}));
    for blob in tars.iter().chain([&config]) {
        http::put_blob(port, &repository, &image::digest(blob), blob)?;
    }
    let layers = tars.each_ref().map(|tar| Descriptor::of(image::LAYER, tar));
    let manifest = image::manifest(&Descriptor::of(image::CONFIG, &config), &layers);
    http::put_manifest(port, &repository, "1", image::MANIFEST, &manifest)
}
