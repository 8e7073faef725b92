//! docker's `daemon.json` (dockerd(8)): mirrors of Docker Hub, and of nothing else.

use super::file::{MirrorConfig, MirrorFile, MirrorWriter};
use super::routes::{MirrorMisfit, MirrorRoutes};

/// Docker Hub, as names have it.
const HUB: &str = "docker.io";

/// Writes the members of `daemon.json`. docker takes no path in a mirror, and asks Docker Hub for what the
/// mirror does not have.
pub(super) struct DockerDaemon;

impl MirrorWriter for DockerDaemon {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let mut misfits = Vec::new();
        for (registry, host) in routes.hosts() {
            let elsewhere = "docker knows mirrors of Docker Hub alone";
            if registry.as_str() != HUB {
                misfits.extend(host.images().map(|image| image.misfit(elsewhere)));
            } else if host.below() != Some(None) {
                let bent = "docker takes no path in a mirror: the image would have to lie there under its own name";
                misfits.extend(host.images().map(|image| image.misfit(bent)));
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let target = routes.target();
        let mut text = format!("{{\n  \"registry-mirrors\": [\"{}\"]", target.url());
        if target.plain {
            text += &format!(",\n  \"insecure-registries\": [\"{}\"]", target.registry);
        }
        text += "\n}\n";
        let mut files = vec![MirrorFile::new("daemon.json", "/etc/docker/daemon.json", text)];
        files.extend(target.authorities.clone().map(|pem| {
            let path = format!("certs.d/{}/ca.crt", target.registry);
            MirrorFile::new(path.clone(), format!("/etc/docker/{path}"), pem)
        }));
        let hosts: Vec<_> = routes.hosts().map(|(registry, _)| (registry, None)).collect();
        let mut warnings = vec![
            "docker asks Docker Hub for whatever the mirror does not give, and no setting stops that: keep it \
             from there by the network, or name the private registry in the images"
                .to_owned(),
        ];
        warnings.extend(routes.stray_warning(&hosts));
        let notes = vec![
            "put the members into the daemon.json that is there, and reload docker: systemctl reload docker"
                .to_owned(),
            "docker shows no credentials to a mirror: images have to be public there".to_owned(),
        ];
        Ok(MirrorConfig { files, warnings, notes })
    }
}
