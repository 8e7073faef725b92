//! containerd's `hosts.toml` (containerd, docs/hosts.md).

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{BelowPrefix, MirrorMisfit, MirrorRoutes, MirrorTarget};
use crate::words::reference::Registry;

/// Where containerd is told to look, and where its documentation puts it.
const CERTS: &str = "/etc/containerd/certs.d";

/// Writes a folder a registry. The private registry stands as its `server` as well as its mirror:
/// without a `server` of its own, containerd asks the registry in the name at last.
pub(super) struct Containerd;

impl MirrorWriter for Containerd {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let hosts = routes.whole_hosts()?;
        let target = routes.target();
        let mut files = Vec::new();
        for (registry, prefix) in &hosts {
            files.extend(folder(registry, text(target, prefix), target));
        }
        // The registry by its own name is reached the same way.
        if target.plain || target.authorities.is_some() {
            files.extend(folder(&target.registry, text(target, &None), target));
        }
        let notes = vec![
            format!(
                "containerd reads this only where its configuration names the folder: config_path = \"{CERTS}\" \
                 below the registry of its CRI plugin, or ctr's and nerdctl's option --hosts-dir"
            ),
            "credentials belong in containerd's configuration, or in the cluster as pull secrets"
                .to_owned(),
        ];
        Ok(MirrorConfig {
            files,
            notes,
            warnings: routes.stray_warning(&hosts).into_iter().collect(),
        })
    }
}

/// The files of one registry.
fn folder(registry: &Registry, text: String, target: &MirrorTarget) -> Vec<MirrorFile> {
    let name = folder_name(registry);
    let file = |file: &str, text: String| {
        MirrorFile::new(format!("certs.d/{name}/{file}"), format!("{CERTS}/{name}/{file}"), text)
    };
    let mut files = vec![file("hosts.toml", text)];
    files.extend(target.authorities.clone().map(|pem| file("ca.crt", pem)));
    files
}

/// containerd's own name for the folder of a registry, which has no colon.
fn folder_name(registry: &Registry) -> String {
    match registry.as_str().rsplit_once(':') {
        Some((host, port)) => format!("{host}_{port}_"),
        None => registry.to_string(),
    }
}

fn text(target: &MirrorTarget, prefix: &BelowPrefix) -> String {
    let url = match prefix {
        Some(prefix) => format!("{}/v2/{prefix}", target.url()),
        None => format!("{}/v2", target.url()),
    };
    let mut about = "capabilities = [\"pull\", \"resolve\"]\noverride_path = true\n".to_owned();
    if target.authorities.is_some() {
        about.push_str("ca = \"ca.crt\"\n");
    }
    // Without a host containerd 1.6 takes the file for a broken one, and asks the registry in the name.
    format!(
        "{WRITTEN}: no other registry is asked.\nserver = \"{url}\"\n{about}\n[host.\"{url}\"]\n{about}"
    )
}
