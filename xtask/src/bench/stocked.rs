//! A registry of many repositories, filled once and kept.

use crate::image::{self, Descriptor};
use crate::server::Server;
use crate::{Result, http, shell};
use serde_json::json;
use std::path::Path;

/// The end of the name of the file that says that a registry was filled.
const FILLED: &str = "filled";

/// The registry `name` of `cache` with so many `repositories`, each `fill`ed by its port and its number.
pub fn registry(
    cache: &Path,
    name: &str,
    repositories: usize,
    fill: fn(u16, usize) -> Result,
) -> Result<Server> {
    let store = cache.join(format!("registry-{name}-{repositories}"));
    let registry = Server::registry(&store)?;
    let done = store.with_extension(FILLED);
    if shell::read_text(&done).is_err() {
        println!("filling {}", store.display());
        (0..repositories).try_for_each(|number| fill(registry.port, number))?;
        shell::write(&done, repositories.to_string())?;
    }
    Ok(registry)
}

/// Puts an image of a base that all have and of a layer with `own` content.
pub fn put_image(port: u16, repository: &str, tag: &str, own: &str) -> Result {
    let tars = ["base", own].map(|content| image::tar("file", 0o644, content.as_bytes()));
    let diff_ids = tars.each_ref().map(|tar| image::digest(tar));
    let config = image::config("amd64", "2026-01-01T00:00:00Z", &diff_ids, &json!({}));
    for blob in tars.iter().chain([&config]) {
        http::put_blob(port, repository, &image::digest(blob), blob)?;
    }
    let layers = tars.each_ref().map(|tar| Descriptor::of(image::LAYER, tar));
    let manifest = image::manifest(&Descriptor::of(image::CONFIG, &config), &layers);
    http::put_manifest(port, repository, tag, image::MANIFEST, &manifest)
}
