//! `registries.conf` of version 2, as podman, buildah, skopeo and CRI-O read it
//! (containers-registries.conf(5)).

use std::fmt::Write as _;

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{MirrorMisfit, MirrorRoutes, scattered, whole};
use crate::words::reference::Registry;

/// Writes a file that is read beside the main one. Each registry gets the private one as its location, and
/// no mirror: what has mirrors is asked itself after them. A name that leads nowhere is blocked.
pub(super) struct RegistriesConf;

impl MirrorWriter for RegistriesConf {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let target = routes.target();
        let mut text = format!(
            "{WRITTEN}: no other registry is asked for these names.\n\
             # Pushes go where they went before, to the registry that stands in the name.\n"
        );
        let mut remapped = |prefix: &str, location: &str| {
            let _ =
                write!(text, "\n[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{location}\"\n");
            if target.plain {
                text.push_str("insecure = true\n");
            }
        };
        let (mut blocked, mut misfits): (Vec<&Registry>, Vec<MirrorMisfit>) = Default::default();
        for (registry, host) in routes.hosts() {
            let is_target = *registry == target.registry;
            let below = host
                .below()
                .filter(|prefix| !is_target && routes.strays(registry, prefix).is_empty());
            if let Some(prefix) = below {
                remapped(registry.as_str(), &target.below(&prefix));
                continue;
            }
            if !is_target {
                blocked.push(registry);
            }
            for (repository, images) in &host.repositories {
                let name = format!("{registry}/{repository}");
                match whole(images) {
                    Some(to) => remapped(&name, &format!("{}/{to}", target.registry)),
                    // It is looked up by its repository: an entry with a tag is never found.
                    None => misfits.extend(scattered(images)),
                }
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        for registry in &blocked {
            let _ = write!(
                text,
                "\n# Nothing else of it was brought.\n[[registry]]\nlocation = \"{registry}\"\nblocked = true\n"
            );
        }
        if target.plain {
            let _ = write!(
                text,
                "\n[[registry]]\nlocation = \"{}\"\ninsecure = true\n",
                target.registry
            );
        }
        let path = "registries.conf.d/50-sealift.conf";
        let mut files = vec![MirrorFile::new(path, format!("/etc/containers/{path}"), text)];
        files.extend(target.authorities.clone().map(|pem| {
            let path = format!("certs.d/{}/ca.crt", target.registry);
            MirrorFile::new(path.clone(), format!("/etc/containers/{path}"), pem)
        }));
        let notes = vec![format!(
            "credentials for {} belong in the file of `podman login`, or in the cluster as pull secrets",
            target.registry
        )];
        Ok(MirrorConfig { files, notes, warnings: Vec::new() })
    }
}
