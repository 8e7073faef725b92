//! A component of kustomize, whose `images` give manifests the names of the private registry.

use std::fmt::Write as _;

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{MirrorMisfit, MirrorRoutes, scattered, whole};

/// Writes an entry for each way to spell each name, since kustomize compares them as they are written.
pub(super) struct KustomizeComponent;

impl MirrorWriter for KustomizeComponent {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let mut text = format!(
            "{WRITTEN}: put this folder among the `components` of a kustomization.\n\
             apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n"
        );
        let mut misfits = Vec::new();
        for (registry, host) in routes.hosts() {
            for (repository, images) in &host.repositories {
                let Some(to) = whole(images) else {
                    misfits.extend(scattered(images));
                    continue;
                };
                for name in spellings(registry.as_str(), repository.as_str()) {
                    let new = format!("{}/{to}", routes.target().registry);
                    let _ = write!(text, "- name: \"{name}\"\n  newName: \"{new}\"\n");
                }
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let install = "a folder of its own, which a kustomization names among its components";
        let notes = vec![
            "names of images in fields that kustomize does not know as such stay as they are"
                .to_owned(),
            "credentials belong in the cluster, as pull secrets".to_owned(),
        ];
        let files = vec![MirrorFile::new("kustomization.yaml", install, text)];
        Ok(MirrorConfig { files, notes, warnings: Vec::new() })
    }
}

/// The ways in which manifests write `repository` of `registry`.
fn spellings(registry: &str, repository: &str) -> Vec<String> {
    let mut names = vec![format!("{registry}/{repository}")];
    if registry == "docker.io" {
        names.push(repository.to_owned());
        if let Some(short) = repository.strip_prefix("library/").filter(|it| !it.contains('/')) {
            names.extend([format!("docker.io/{short}"), short.to_owned()]);
        }
    }
    names
}
