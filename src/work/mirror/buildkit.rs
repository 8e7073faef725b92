//! BuildKit's `buildkitd.toml` (BuildKit, docs/buildkitd.toml.md).

use std::fmt::Write as _;

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{MirrorMisfit, MirrorRoutes};

/// Writes a table a registry. BuildKit asks the registry itself where the mirror fails.
pub(super) struct Buildkit;

impl MirrorWriter for Buildkit {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let hosts = routes.whole_hosts()?;
        let target = routes.target();
        let ca = "/etc/buildkit/sealift-ca.crt";
        let mut text = format!(
            "{WRITTEN}.\n# What the mirror does not give, BuildKit asks the registry itself for.\n"
        );
        for (registry, prefix) in &hosts {
            let mirror = target.below(prefix);
            let _ = write!(text, "\n[registry.\"{registry}\"]\nmirrors = [\"{mirror}\"]\n");
        }
        if target.plain || target.authorities.is_some() {
            let _ = write!(text, "\n[registry.\"{}\"]\n", target.registry);
            text += if target.plain { "http = true\n" } else { "" };
        }
        if target.authorities.is_some() {
            let _ = writeln!(text, "ca = [\"{ca}\"]");
        }
        let mut files =
            vec![MirrorFile::new("buildkitd.toml", "/etc/buildkit/buildkitd.toml", text)];
        let pem = target.authorities.clone();
        files.extend(pem.map(|pem| MirrorFile::new("sealift-ca.crt", ca, pem)));
        let mut warnings = vec![
            "BuildKit asks the registry of the name for whatever the mirror does not give, and no setting \
             stops that: keep it from there by the network"
                .to_owned(),
        ];
        warnings.extend(routes.stray_warning(&hosts));
        let notes = vec![
            "docker buildx takes the file with `docker buildx create --buildkitd-config`"
                .to_owned(),
            "credentials come from whoever runs the build: `docker login`".to_owned(),
        ];
        Ok(MirrorConfig { files, warnings, notes })
    }
}
