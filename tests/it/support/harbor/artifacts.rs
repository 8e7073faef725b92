//! What Harbor's database knows of manifests: tags, children, accessories, and what each holds.
//! The quota, the policies and the collection of garbage are made of that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Policy, State};
use crate::support::content::digest;

/// A manifest or index in a repository.
#[derive(Clone)]
pub struct Artifact {
    pub tags: BTreeSet<String>,
    children: BTreeSet<String>,
    /// Everything that counts for it: its own bytes and its blobs.
    holds: BTreeSet<String>,
    /// What it is an accessory of.
    pub subject: Option<String>,
    signs: bool,
    /// How a list of referrers describes it.
    entry: Value,
}

impl Artifact {
    fn read(body: &[u8], media_type: &str) -> Artifact {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let about = digest(body);
        let named = |value: &Value| value["digest"].as_str().map(str::to_owned);
        let each = |name: &str| document[name].as_array().cloned().unwrap_or_default();
        let mut holds: BTreeSet<String> = each("layers").iter().filter_map(named).collect();
        holds.extend(named(&document["config"]));
        holds.insert(about.clone());
        let kind = document.get("artifactType").or_else(|| document["config"].get("mediaType"));
        let kind = kind.cloned().unwrap_or_default();
        let mut entry = json!({ "mediaType": media_type, "digest": about, "size": body.len() });
        if !kind.is_null() {
            entry["artifactType"] = kind.clone();
        }
        if let Some(annotations) = document.get("annotations") {
            entry["annotations"] = annotations.clone();
        }
        Artifact {
            tags: BTreeSet::new(),
            children: each("manifests").iter().filter_map(named).collect(),
            holds,
            subject: named(&document["subject"]),
            signs: kind.as_str().is_some_and(|kind| kind.contains("sign")),
            entry,
        }
    }
}

/// Whose accessory a tag of cosign's makes, `sha256-HEX.sig` and the like.
fn cosigned(tag: &str) -> Option<String> {
    let (hex, suffix) = tag.strip_prefix("sha256-")?.split_once('.')?;
    matches!(suffix, "sig" | "att" | "sbom").then(|| format!("sha256:{hex}"))
}

impl State {
    /// A manifest was stored under `reference`.
    pub fn stored(&mut self, repository: &str, reference: &str, media_type: &str, body: &[u8]) {
        self.audit.push(format!("create artifact {repository} {reference}"));
        let about = digest(body);
        let artifacts = self.artifacts.entry(repository.to_owned()).or_default();
        self.gone.remove(&(repository.to_owned(), about.clone()));
        self.gone.remove(&(repository.to_owned(), reference.to_owned()));
        artifacts.entry(about.clone()).or_insert_with(|| Artifact::read(body, media_type));
        if reference.starts_with("sha256:") {
            return;
        }
        artifacts.values_mut().for_each(|artifact| _ = artifact.tags.remove(reference));
        let subject = cosigned(reference).filter(|subject| artifacts.contains_key(subject));
        let artifact = artifacts.get_mut(&about).unwrap();
        artifact.tags.insert(reference.to_owned());
        if artifact.subject.is_none() && subject.is_some() {
            artifact.subject = subject;
            artifact.signs = reference.ends_with(".sig");
        }
    }

    /// The artifact under a tag or digest.
    pub fn artifact(&self, repository: &str, reference: &str) -> Option<(&String, &Artifact)> {
        let mut all = self.artifacts.get(repository)?.iter();
        all.find(|(digest, artifact)| *digest == reference || artifact.tags.contains(reference))
    }

    /// What refers to `subject`, by its own word or by a tag of cosign's.
    pub fn referrers_of(&self, repository: &str, subject: &str) -> Vec<Value> {
        let all = self.artifacts.get(repository).into_iter().flat_map(BTreeMap::values);
        all.filter(|artifact| artifact.subject.as_deref() == Some(subject))
            .map(|artifact| artifact.entry.clone())
            .collect()
    }

    /// Whether a policy keeps it from being pulled. Accessories may always be.
    pub fn withheld(&self, repository: &str, reference: &str) -> bool {
        let project = repository.split('/').next().unwrap_or_default();
        let policy = self.projects.get(project).and_then(|project| project.policy);
        let (Some(policy), Some((about, artifact))) =
            (policy, self.artifact(repository, reference))
        else {
            return false;
        };
        let mut others = self.artifacts[repository].values();
        let mut signed = || others.any(|a| a.signs && a.subject.as_ref() == Some(about));
        artifact.subject.is_none()
            && match policy {
                Policy::Scanned => true,
                Policy::Signed => !signed(),
            }
    }

    /// Takes a tag away from what it stands for.
    pub fn untag(&mut self, repository: &str, digest: &str, tag: &str) {
        self.audit.push(format!("delete tag {repository} {tag}"));
        let artifact = self.artifacts.get_mut(repository).and_then(|all| all.get_mut(digest));
        artifact.unwrap().tags.remove(tag);
        self.gone.insert((repository.to_owned(), tag.to_owned()));
    }

    /// Whether an index of the repository is made of `digest`.
    pub fn is_part(&self, repository: &str, digest: &str) -> bool {
        let mut all = self.artifacts.get(repository).into_iter().flat_map(BTreeMap::values);
        all.any(|artifact| artifact.children.contains(digest))
    }

    /// All tags of a repository; nothing where there is none.
    pub fn tags_of(&self, repository: &str) -> Option<BTreeSet<String>> {
        let all = self.artifacts.get(repository)?;
        Some(all.values().flat_map(|artifact| artifact.tags.iter().cloned()).collect())
    }

    /// Removes `which` of a repository, with their accessories and the children that nothing else
    /// needs, and stops counting what nothing in the project refers to any more.
    pub fn remove(&mut self, repository: &str, which: Vec<String>) {
        let artifacts = self.artifacts.entry(repository.to_owned()).or_default();
        let mut ahead = which;
        while let Some(digest) = ahead.pop() {
            let Some(artifact) = artifacts.remove(&digest) else { continue };
            for reference in artifact.tags.iter().chain([&digest]) {
                self.gone.insert((repository.to_owned(), reference.clone()));
            }
            let free = |child: &&String| {
                let tagged = artifacts.get(*child).is_some_and(|child| !child.tags.is_empty());
                !tagged && !artifacts.values().any(|other| other.children.contains(*child))
            };
            ahead.extend(artifact.children.iter().filter(free).cloned());
            let accessories = artifacts.iter().filter(|(_, a)| a.subject.as_ref() == Some(&digest));
            ahead.extend(accessories.map(|(about, _)| about.clone()));
        }
        let name = repository.split('/').next().unwrap_or_default();
        let within = self.artifacts.iter().filter(|(path, _)| path.split('/').next() == Some(name));
        let held: BTreeSet<&String> =
            within.flat_map(|(_, all)| all.values().flat_map(|a| &a.holds)).collect();
        let project = self.projects.get_mut(name).unwrap();
        project.counted.retain(|digest, _| held.contains(digest));
        project.used = project.counted.values().sum();
    }

    /// The collection of garbage with "delete untagged artifacts".
    pub fn collect(&mut self) {
        for (repository, artifacts) in self.artifacts.clone() {
            let free = |(about, artifact): &(&String, &Artifact)| {
                artifact.tags.is_empty()
                    && artifact.subject.is_none()
                    && !artifacts.values().any(|other| other.children.contains(*about))
            };
            let free = artifacts.iter().filter(free).map(|(about, _)| about.clone()).collect();
            self.remove(&repository, free);
        }
    }
}
