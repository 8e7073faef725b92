//! OpenShift's `ImageDigestMirrorSet` and `ImageTagMirrorSet` (config.openshift.io/v1).

use std::fmt::Write as _;

use super::file::{MirrorConfig, MirrorFile, MirrorWriter, WRITTEN};
use super::routes::{MirrorMisfit, MirrorRoutes, scattered, whole};

/// The name of both sets, and of what goes with them.
const NAME: &str = "sealift";

/// Writes one set for digests and one for tags, both of which never ask the source.
pub(super) struct Openshift;

impl MirrorWriter for Openshift {
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let target = routes.target();
        let (mut ways, mut open, mut misfits) = (Vec::new(), Vec::new(), Vec::new());
        for (registry, host) in routes.hosts() {
            let is_target = *registry == target.registry;
            let below = host
                .below()
                .filter(|prefix| !is_target && routes.strays(registry, prefix).is_empty());
            if let Some(prefix) = below {
                ways.push((registry.to_string(), target.below(&prefix)));
                continue;
            }
            if !is_target {
                open.push(registry.as_str());
            }
            for (repository, images) in &host.repositories {
                match whole(images) {
                    Some(to) => ways.push((
                        format!("{registry}/{repository}"),
                        format!("{}/{to}", target.registry),
                    )),
                    None => misfits.extend(scattered(images)),
                }
            }
        }
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let digests = set("ImageDigestMirrorSet", "imageDigestMirrors", &ways);
        let tags = set("ImageTagMirrorSet", "imageTagMirrors", &ways);
        let mut text = format!("{WRITTEN}.\n{digests}---\n{tags}");
        if let Some(pem) = &target.authorities {
            let _ = write!(
                text,
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {NAME}-ca\n  namespace: openshift-config\n\
                 data:\n  \"{}\": |\n",
                target.registry.as_str().replace(':', "..")
            );
            pem.lines().for_each(|line| text += &format!("    {line}\n"));
        }
        let warnings = match open.is_empty() {
            true => Vec::new(),
            false => vec![format!(
                "other images of {} than those that were brought are still asked for there",
                open.join(", ")
            )],
        };
        let mut notes = vec![
            "the machine config operator writes it to every node, one after the other".to_owned(),
            "credentials belong in the cluster's global pull secret".to_owned(),
        ];
        if target.authorities.is_some() {
            notes.push(format!(
                "name the authority: oc patch image.config.openshift.io/cluster --type merge --patch \
                 '{{\"spec\":{{\"additionalTrustedCA\":{{\"name\":\"{NAME}-ca\"}}}}}}'"
            ));
        }
        if target.plain {
            notes.push(format!(
                "{} speaks plain HTTP: put it into registrySources.insecureRegistries of \
                 image.config.openshift.io/cluster",
                target.registry
            ));
        }
        let files = vec![MirrorFile::new("mirror-sets.yaml", "oc apply -f mirror-sets.yaml", text)];
        Ok(MirrorConfig { files, warnings, notes })
    }
}

fn set(kind: &str, member: &str, ways: &[(String, String)]) -> String {
    let mut text = format!(
        "apiVersion: config.openshift.io/v1\nkind: {kind}\nmetadata:\n  name: {NAME}\nspec:\n  {member}:\n"
    );
    for (source, mirror) in ways {
        let _ = write!(
            text,
            "  - source: \"{source}\"\n    mirrors:\n    - \"{mirror}\"\n    mirrorSourcePolicy: NeverContactSource\n"
        );
    }
    text
}
