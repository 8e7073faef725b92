//! What tells a client of images that a private registry has them under the names that it knows: one
//! file a client, as pure text. Names in, files out.

mod buildkit;
mod containerd;
mod docker;
mod file;
mod helm;
mod kustomize;
mod openshift;
mod rancher;
mod registries_conf;
mod routes;

use serde::{Serialize, Serializer};

use self::buildkit::Buildkit;
use self::containerd::Containerd;
use self::docker::DockerDaemon;
use self::file::MirrorWriter;
pub use self::file::{MirrorConfig, MirrorFile, WRITTEN};
use self::helm::Helm;
use self::kustomize::KustomizeComponent;
use self::openshift::Openshift;
use self::rancher::Rancher;
use self::registries_conf::RegistriesConf;
pub use self::routes::{MirrorMisfit, MirrorRoutes, MirrorTarget, MirroredImage};

/// A client of images that can be told where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MirrorClient {
    /// containerd, by `hosts.toml`.
    Containerd,
    /// CRI-O, by `registries.conf`.
    CriO,
    /// podman, buildah and skopeo, by `registries.conf`.
    Podman,
    /// docker's daemon, by `daemon.json`, for images of Docker Hub alone.
    Docker,
    /// K3s, by `registries.yaml`.
    K3s,
    /// RKE2, by `registries.yaml`.
    Rke2,
    /// BuildKit's daemon, by `buildkitd.toml`.
    Buildkit,
    /// Manifests themselves, by a component of kustomize.
    Kustomize,
    /// Charts, as far as one value for all of them does it.
    Helm,
    /// OpenShift, by sets of mirrors for digests and for tags.
    Openshift,
}

impl MirrorClient {
    /// All of them.
    pub const ALL: [MirrorClient; 10] = [
        MirrorClient::Containerd,
        MirrorClient::CriO,
        MirrorClient::Podman,
        MirrorClient::Docker,
        MirrorClient::K3s,
        MirrorClient::Rke2,
        MirrorClient::Buildkit,
        MirrorClient::Kustomize,
        MirrorClient::Helm,
        MirrorClient::Openshift,
    ];

    /// Its name, which never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MirrorClient::Containerd => "containerd",
            MirrorClient::CriO => "cri-o",
            MirrorClient::Podman => "podman",
            MirrorClient::Docker => "docker",
            MirrorClient::K3s => "k3s",
            MirrorClient::Rke2 => "rke2",
            MirrorClient::Buildkit => "buildkit",
            MirrorClient::Kustomize => "kustomize",
            MirrorClient::Helm => "helm",
            MirrorClient::Openshift => "openshift",
        }
    }

    /// The files that lead it along `routes`.
    ///
    /// ```
    /// use sealift::work::mirror::{MirrorClient, MirrorRoutes, MirrorTarget, MirroredImage};
    ///
    /// let target = MirrorTarget::new("harbor.example".parse()?);
    /// let (name, to) = ("alpine:3.20".parse()?, "harbor.example/group/library/alpine:3.20".parse()?);
    /// let routes = MirrorRoutes::new(target, vec![MirroredImage::new(name, to, None)]);
    ///
    /// let config = MirrorClient::Podman.config(&routes).unwrap();
    /// assert!(config.files[0].text.contains("location = \"harbor.example/group\""));
    /// # Ok::<(), sealift::words::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// Every image that no setting of the client leads to: a file that lacks it would let the client ask
    /// elsewhere, or get something else.
    pub fn config(self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>> {
        let writer: &dyn MirrorWriter = match self {
            MirrorClient::Containerd => &Containerd,
            MirrorClient::CriO | MirrorClient::Podman => &RegistriesConf,
            MirrorClient::Docker => &DockerDaemon,
            MirrorClient::K3s => &Rancher { name: "k3s" },
            MirrorClient::Rke2 => &Rancher { name: "rke2" },
            MirrorClient::Buildkit => &Buildkit,
            MirrorClient::Kustomize => &KustomizeComponent,
            MirrorClient::Helm => &Helm,
            MirrorClient::Openshift => &Openshift,
        };
        writer.config(routes)
    }
}

impl Serialize for MirrorClient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests;
