//! What is known of kinds that others have brought: where they name images in other members than `image`,
//! and what in them is never one.

use super::path::PathRule;

/// Members of custom resources that are images under another name.
const KNOWN: [&str; 14] = [
    // The PostgreSQL operators CloudNativePG and Zalando's.
    "Cluster.postgresql.cnpg.io:spec.imageName",
    "postgresql.acid.zalan.do:spec.dockerImage",
    "OperatorConfiguration.acid.zalan.do:configuration.docker_image",
    "OperatorConfiguration.acid.zalan.do:configuration.connection_pooler.connection_pooler_image",
    "OperatorConfiguration.acid.zalan.do:configuration.logical_backup.logical_backup_docker_image",
    // Disks that KubeVirt imports from registries.
    "DataVolume.cdi.kubevirt.io:spec.source.registry.url",
    "DataImportCron.cdi.kubevirt.io:spec.template.spec.source.registry.url",
    "VirtualMachine.kubevirt.io:spec.dataVolumeTemplates[*].spec.source.registry.url",
    // Packages of Crossplane are images.
    "Provider.pkg.crossplane.io:spec.package",
    "Configuration.pkg.crossplane.io:spec.package",
    "Function.pkg.crossplane.io:spec.package",
    // Percona's, and the nodes of OpenShift.
    "PerconaServerMongoDB.psmdb.percona.com:spec.initImage",
    "PerconaXtraDBCluster.pxc.percona.com:spec.initImage",
    "MachineConfig.machineconfiguration.openshift.io:spec.osImageURL",
];

/// Kinds that install charts, of which the images are not in the manifest.
const INSTALLERS: [&str; 6] = [
    "Application.argoproj.io",
    "ApplicationSet.argoproj.io",
    "HelmRelease.helm.toolkit.fluxcd.io",
    "HelmRelease.helm.fluxcd.io",
    "HelmChart.helm.cattle.io",
    "Bundle.fleet.cattle.io",
];

/// Members whose own members are labels and the like, and never name images.
pub(super) const LABELS: [&str; 5] =
    ["labels", "matchLabels", "nodeSelector", "annotations", "commonLabels"];

/// The rules for kinds that are known.
pub(super) fn rules() -> Vec<PathRule> {
    KNOWN.iter().filter_map(|rule| rule.parse().ok()).collect()
}

/// Whether objects of this `kind` of a `group` install a chart.
pub(super) fn installs(kind: &str, group: &str) -> bool {
    INSTALLERS.iter().any(|it| it.split_once('.') == Some((kind, group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_rule_is_read() {
        assert_eq!(rules().len(), KNOWN.len());
    }
}
