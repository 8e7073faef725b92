//! [`Set`]: images in a registry outside, under `bench/NAME:1`.

use crate::server::Server;
use crate::{Result, http, image, shell};
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Set {
    pub images: Vec<String>,
    /// The digest of every image's manifest, in their order.
    pub digests: Vec<String>,
    /// The registry's folder.
    pub store: PathBuf,
    /// Layers and configs.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Set {
    /// The registry outside.
    pub fn serve(&self) -> Result<Server> {
        Server::registry(&self.store)
    }

    /// Brings the images of `layout` into the registry, once.
    pub fn fill(&self, layout: &Path) -> Result {
        let done = self.store.with_extension("filled");
        let wanted = self.digests.join("\n");
        if shell::read_text(&done).is_ok_and(|digests| digests == wanted) {
            return Ok(());
        }
        println!("filling {}", self.store.display());
        let registry = self.serve()?;
        for name in &self.images {
            let mut skopeo = Command::new("skopeo");
            skopeo.args(["--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"]);
            skopeo.arg("--dest-tls-verify=false");
            skopeo.arg(format!("oci:{}:{name}:1", layout.display()));
            skopeo.arg(format!("docker://{}/bench/{name}:1", registry.host()));
            shell::run(&mut skopeo)?;
        }
        shell::write(&done, wanted)
    }

    /// Asserts that `registry` has every image with its digest.
    pub fn stands_at(&self, registry: &Server) -> Result {
        for (name, digest) in self.images.iter().zip(&self.digests) {
            let path = format!("/v2/bench/{name}/manifests/1");
            let (status, body) = http::get(registry.port, &path)?;
            if status != 200 || image::digest(&body) != *digest {
                return Err(format!("{}{path} is not {digest} ({status})", registry.host()));
            }
        }
        Ok(())
    }

    /// Reads everything once, so that no run finds a cold cache.
    pub fn warm(&self) -> Result {
        shell::files(&self.store)?.iter().try_for_each(|path| image::file_digest(path).map(drop))
    }
}
