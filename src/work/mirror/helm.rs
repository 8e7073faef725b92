//! Values for charts of Helm: the one that many charts share.

use std::fmt::Write as _;

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{MirrorMisfit, MirrorRoutes};

/// Writes `global.imageRegistry`, and beside it every name. What else a chart reads is known to it alone.
pub(super) struct Helm;

impl MirrorWriter for Helm {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let hosts = routes.whole_hosts()?;
        let several = "images lie below several prefixes, and a chart takes one for all of them";
        let first = hosts.first().and_then(|(_, prefix)| prefix.clone());
        if hosts.iter().any(|(_, prefix)| *prefix != first) {
            return Err(routes.images().map(|image| image.misfit(several)).collect());
        }
        let mut text = format!(
            "{WRITTEN}.\n\
             # Many charts put this registry before every image, in place of its own; others have keys of their\n\
             # own, which their values.yaml shows: write the names below there.\n\
             global:\n  imageRegistry: \"{}\"\n\n# What lies where:\n",
            routes.target().below(&first)
        );
        for image in routes.images() {
            let _ = writeln!(text, "#   {} -> {}", image.name, image.to);
        }
        let warnings = vec![
            "which values a chart reads cannot be known from here: see in what `helm template` prints that every \
             image has the private registry; the component for kustomize, as a post-renderer, asks no chart"
                .to_owned(),
        ];
        let notes = vec![
            "official images of Docker Hub lie below library/, which charts may not write"
                .to_owned(),
            "credentials belong in the cluster, as pull secrets".to_owned(),
        ];
        let install = "helm install --values values.yaml";
        let files = vec![MirrorFile::new("values.yaml", install, text)];
        Ok(MirrorConfig { files, warnings, notes })
    }
}
