//! [`Workload`]: an object of a cluster, as far as it has to do with images (Kubernetes API, `PodSpec` and
//! `PodStatus`).

use serde::Deserialize;

use super::loose::{Loose, LooseList, LooseText};
use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// How deep templates lie in each other: a cron job has that of a job, which has that of a pod.
const MAX_TEMPLATES: usize = 4;

/// An object that runs images, or is to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Workload {
    /// What it is, as in `Pod`; empty where it does not say.
    pub kind: String,
    /// Its namespace; nothing of what has none.
    pub namespace: Option<String>,
    /// Its name; empty where it does not say.
    pub name: String,
    /// The images.
    pub images: Vec<AskedImage>,
}

/// An image that a workload asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskedImage {
    /// The container, or the volume, that is of it.
    pub part: String,
    /// Its name, as it stands there: nobody has looked whether it is one.
    pub image: String,
    /// What runs there now; nothing where nothing does, or the cluster does not tell.
    pub running: Option<RunningImage>,
}

/// What a node runs for a container (`imageID`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunningImage {
    /// `REPOSITORY@DIGEST`: the manifest or index that it was pulled by.
    Pulled {
        /// The repository as `host/path`, where it can be read.
        repository: Option<String>,
        /// The digest of the manifest or index.
        digest: Digest,
    },
    /// The digest of its config: it was not pulled by a digest.
    Config(Digest),
}

impl RunningImage {
    /// What `id` says: containerd and CRI-O write `REPOSITORY@DIGEST` or a bare digest, docker's shim put
    /// `docker-pullable://` or `docker://` before it.
    fn read(id: &str) -> Option<RunningImage> {
        let id = id.split_once("://").map_or(id, |(_, rest)| rest);
        match id.rsplit_once('@') {
            Some((_, digest)) => {
                let digest = digest.parse().ok()?;
                let name = id.parse::<Reference>().ok();
                Some(RunningImage::Pulled { repository: name.map(|name| name.name()), digest })
            }
            None => {
                let bare = Digest::from_hex(id).ok();
                Some(RunningImage::Config(bare.or_else(|| id.parse().ok())?))
            }
        }
    }
}

/// An object of any kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClusterObject {
    pub(super) kind: LooseText,
    pub(super) metadata: Loose<ObjectMetadata>,
    pub(super) spec: Loose<ObjectSpec>,
    pub(super) status: Loose<PodStatus>,
    /// Of a pod template.
    pub(super) template: Loose<PodTemplate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ObjectMetadata {
    name: LooseText,
    namespace: LooseText,
}

/// That of a pod, or of what makes pods.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ObjectSpec {
    containers: LooseList<Container>,
    init_containers: LooseList<Container>,
    ephemeral_containers: LooseList<Container>,
    volumes: LooseList<Volume>,
    template: Loose<PodTemplate>,
    job_template: Loose<PodTemplate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodTemplate {
    spec: Box<Loose<ObjectSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    name: LooseText,
    image: LooseText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Volume {
    name: LooseText,
    image: Loose<ImageVolume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ImageVolume {
    reference: LooseText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodStatus {
    container_statuses: LooseList<ContainerStatus>,
    init_container_statuses: LooseList<ContainerStatus>,
    ephemeral_container_statuses: LooseList<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    name: LooseText,
    image: LooseText,
    #[serde(rename = "imageID")]
    image_id: LooseText,
}

impl ClusterObject {
    /// What it has to do with images; nothing where that is nothing. What does not say its kind is one of a
    /// list of `kind`.
    pub(super) fn workload(self, kind: Option<&str>) -> Option<Workload> {
        let mut images = Vec::new();
        let status = self.status.0.unwrap_or_default();
        let told = [
            status.container_statuses,
            status.init_container_statuses,
            status.ephemeral_container_statuses,
        ];
        let mut told: Vec<ContainerStatus> = told.into_iter().flat_map(|it| it.0).collect();
        let specs = [self.spec, self.template.0.map(|it| *it.spec).unwrap_or_default()];
        for spec in specs.into_iter().filter_map(|spec| spec.0) {
            spec.images(MAX_TEMPLATES, &mut images);
        }
        for status in &mut told {
            let (Some(name), id) = (std::mem::take(&mut status.name).text(), &mut status.image_id)
            else {
                continue;
            };
            let running = std::mem::take(id).text().and_then(|id| RunningImage::read(&id));
            match images.iter_mut().find(|it| it.part == name && it.running.is_none()) {
                Some(asked) => asked.running = running,
                // What runs though nobody asked for it, as far as it is told.
                None => {
                    let image = std::mem::take(&mut status.image).text().unwrap_or_default();
                    images.push(AskedImage { part: name, image, running });
                }
            }
        }
        let about = self.metadata.0.unwrap_or_default();
        let kind = self.kind.text().or_else(|| Some(kind?.to_owned())).unwrap_or_default();
        (!images.is_empty()).then(|| Workload {
            kind,
            namespace: about.namespace.text(),
            name: about.name.text().unwrap_or_default(),
            images,
        })
    }
}

impl ObjectSpec {
    /// Adds the images of its containers and volumes, and of those of what it makes.
    fn images(self, templates: usize, images: &mut Vec<AskedImage>) {
        let mut add = |part: LooseText, image: LooseText| {
            let image = match image {
                // An image may be left to whatever fills in a template.
                LooseText::Absent => return,
                LooseText::Is(text) => text,
                LooseText::Odd => String::new(),
            };
            let part = part.text().unwrap_or_default();
            images.push(AskedImage { part, image, running: None });
        };
        for list in [self.containers, self.init_containers, self.ephemeral_containers] {
            list.0.into_iter().for_each(|it| add(it.name, it.image));
        }
        for volume in self.volumes.0 {
            if let Some(image) = volume.image.0 {
                add(volume.name, image.reference);
            }
        }
        for template in [self.template, self.job_template] {
            if let (Some(template), 1..) = (template.0, templates)
                && let Some(spec) = template.spec.0
            {
                spec.images(templates - 1, images);
            }
        }
    }
}
