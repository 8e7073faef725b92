//! What stands in kustomizations.

use crate::lists::yaml::Node;

/// The group of its kinds.
const GROUP: &str = "kustomize.config.k8s.io/";

/// Members that say nothing about images, or are read where they are needed.
const KNOWN: [&str; 32] = [
    "apiVersion",
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "configMapGenerator",
    "configurations",
    "crds",
    "generatorOptions",
    "helmGlobals",
    "images",
    "imageTags",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "openapi",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "resources",
    "secretGenerator",
    "sortOptions",
    "validators",
    "vars",
    "inventory",
    "commonLabel",
];

/// Members that make or change objects by what is not run here, and what they are.
pub(super) const RUN: [(&str, &str); 4] = [
    ("helmCharts", "charts"),
    ("helmChartInflationGenerator", "charts"),
    ("generators", "generators"),
    ("transformers", "transformers"),
];

/// Members that nothing else has, of which a kustomization without a kind has one.
const OWN: [&str; 8] = [
    "bases",
    "components",
    "configMapGenerator",
    "images",
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "resources",
];

/// Whether `name` is a member of a kustomization.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || RUN.iter().any(|(run, _)| *run == name)
}

/// Whether `top` is a kustomization, or a component of some.
pub(super) fn is_kustomization(top: &Node) -> bool {
    let api = top.text_of("apiVersion");
    match top.text_of("kind") {
        Some("Kustomization" | "Component") => api.is_none_or(|api| api.starts_with(GROUP)),
        Some(_) => false,
        None if api.is_some_and(|api| !api.starts_with(GROUP)) => false,
        None => {
            top.members().all(|(name, _)| is_known(name))
                && top.members().any(|(name, value)| OWN.contains(&name) && looks_so(name, value))
        }
    }
}

/// Whether `value` looks like the member `name` of a kustomization.
fn looks_so(name: &str, value: &Node) -> bool {
    let is = |entry: &Node| match name {
        "bases" | "components" | "resources" | "patchesStrategicMerge" => entry.text().is_some(),
        "images" => {
            entry.text_of("name").is_some()
                && ["newName", "newTag", "digest", "tagSuffix"]
                    .iter()
                    .any(|key| entry.get(key).is_some())
        }
        "patches" => ["patch", "path"].iter().any(|key| entry.text_of(key).is_some()),
        "patchesJson6902" => entry.get("target").is_some(),
        _ => entry.is_map(),
    };
    !value.list().is_empty() && value.list().iter().all(is)
}
