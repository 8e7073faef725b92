//! `registries.yaml`, from which K3s and RKE2 make containerd's configuration (K3s, Private Registry
//! Configuration).

use std::fmt::Write as _;

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{BelowPrefix, HostRoutes, MirrorMisfit, MirrorRoutes, scattered, whole};
use crate::words::reference::{Registry, Repository};

/// Writes `registries.yaml`, and beside it the setting without which every registry is asked itself at last.
pub(super) struct Rancher {
    /// What the distribution's folders are called.
    pub(super) name: &'static str,
}

impl MirrorWriter for Rancher {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let (name, target) = (self.name, routes.target());
        let etc = format!("/etc/rancher/{name}");
        let mut text = format!("{WRITTEN}.\nmirrors:\n");
        let mut misfits = Vec::new();
        let mut hosts: Vec<(&Registry, BelowPrefix)> = Vec::new();
        for (registry, host) in routes.hosts() {
            let _ =
                write!(text, "  \"{registry}\":\n    endpoint:\n      - \"{}\"\n", target.url());
            match host.below() {
                Some(prefix) => {
                    if let Some(prefix) = &prefix {
                        let _ = write!(text, "    rewrite:\n      '^(.*)$': '{prefix}/$1'\n");
                    }
                    hosts.push((registry, prefix));
                }
                None => match rewrites(host) {
                    Ok(lines) => text += &lines,
                    Err(wrong) => misfits.extend(wrong),
                },
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let ca = format!("{etc}/sealift-ca.crt");
        if target.authorities.is_some() {
            let _ = write!(
                text,
                "configs:\n  \"{}\":\n    tls:\n      ca_file: \"{ca}\"\n",
                target.registry
            );
        }
        let only = format!(
            "{WRITTEN}: what a mirror does not have is asked for nowhere else.\n\
             disable-default-registry-endpoint: true\n"
        );
        let drop_in = "config.yaml.d/50-sealift.yaml";
        let mut files = vec![
            MirrorFile::new("registries.yaml", format!("{etc}/registries.yaml"), text),
            MirrorFile::new(drop_in, format!("{etc}/{drop_in}"), only),
        ];
        let pem = target.authorities.clone();
        files.extend(pem.map(|pem| MirrorFile::new("sealift-ca.crt", ca, pem)));
        let notes = vec![
            format!("both files belong on every node; {name} reads them when it starts"),
            format!(
                "credentials belong under configs: \"{}\": auth: in registries.yaml, or in the cluster as pull secrets",
                target.registry
            ),
        ];
        Ok(MirrorConfig {
            files,
            notes,
            warnings: routes.stray_warning(&hosts).into_iter().collect(),
        })
    }
}

/// A rule for each repository, none of which fits the name of another, since their order is not kept.
fn rewrites(host: &HostRoutes) -> Result<String, Vec<MirrorMisfit>> {
    let mut text = "    rewrite:\n".to_owned();
    let mut misfits = Vec::new();
    for (repository, images) in &host.repositories {
        match whole(images) {
            Some(to) => {
                let _ = writeln!(text, "      '^{}$': '{to}'", pattern(repository));
            }
            None => misfits.extend(scattered(images)),
        }
    }
    if misfits.is_empty() { Ok(text) } else { Err(misfits) }
}

/// The name as a regular expression: of what names have, the dot alone means something there.
fn pattern(repository: &Repository) -> String {
    repository.as_str().replace('.', "\\.")
}
