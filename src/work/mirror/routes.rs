//! [`MirrorRoutes`]: which image lies where at the private registry, ordered by what clients can be told.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::digest::Digest;
use crate::words::reference::{Reference, Registry, Repository};

/// An image at the private registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct MirroredImage {
    /// Its own name, by which manifests ask for it.
    pub name: Reference,
    /// The name that it has at the private registry.
    pub to: Reference,
    /// Its digest there, where that is known.
    pub digest: Option<Digest>,
}

/// An image that no setting of a client leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorMisfit {
    /// Its own name.
    pub name: Reference,
    /// The name that it has at the destination.
    pub to: Reference,
    /// Why.
    pub why: &'static str,
}

/// The private registry, as clients reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorTarget {
    /// Its host.
    pub registry: Registry,
    /// Whether it speaks plain HTTP.
    pub plain: bool,
    /// The authorities that vouch for it, as PEM, where clients do not know them.
    pub authorities: Option<String>,
}

/// Which image lies where.
#[derive(Debug, Clone)]
pub struct MirrorRoutes {
    target: MirrorTarget,
    hosts: BTreeMap<Registry, HostRoutes>,
}

/// Where the images of one registry lie.
#[derive(Debug, Clone, Default)]
pub(super) struct HostRoutes {
    pub(super) repositories: BTreeMap<Repository, Vec<MirroredImage>>,
}

/// A prefix of all repositories of a registry, which is nothing where they have their own names.
pub(super) type BelowPrefix = Option<Repository>;

impl MirroredImage {
    /// The image `name`, which is called `to` there, with its `digest`.
    #[must_use]
    pub fn new(name: Reference, to: Reference, digest: Option<Digest>) -> MirroredImage {
        MirroredImage { name, to, digest }
    }

    /// Whether it has its own tag there, if it has any.
    fn keeps_tag(&self) -> bool {
        self.name.tag.is_none() || self.name.tag == self.to.tag
    }

    /// What its repository there has in front of its own.
    fn prefix(&self) -> Option<BelowPrefix> {
        let (own, there) = (self.name.repository.as_str(), self.to.repository.as_str());
        match there.strip_suffix(own)?.strip_suffix('/') {
            Some(prefix) => prefix.parse().ok().map(Some),
            None => (own == there).then_some(None),
        }
    }

    /// That a client cannot be led to it, and `why`.
    pub(super) fn misfit(&self, why: &'static str) -> MirrorMisfit {
        MirrorMisfit { name: self.name.clone(), to: self.to.clone(), why }
    }
}

impl MirrorTarget {
    /// That at `registry`, with TLS by authorities that everybody knows.
    #[must_use]
    pub fn new(registry: Registry) -> MirrorTarget {
        MirrorTarget { registry, plain: false, authorities: None }
    }

    /// Its address, without a path.
    pub(super) fn url(&self) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://{}", self.registry)
    }

    /// Its host and `prefix`.
    pub(super) fn below(&self, prefix: &BelowPrefix) -> String {
        match prefix {
            Some(prefix) => format!("{}/{prefix}", self.registry),
            None => self.registry.to_string(),
        }
    }
}

impl MirrorRoutes {
    /// The way to `images` at `target`. Those that have their own names there need none.
    #[must_use]
    pub fn new(target: MirrorTarget, images: Vec<MirroredImage>) -> MirrorRoutes {
        let mut hosts: BTreeMap<Registry, HostRoutes> = BTreeMap::new();
        let images: BTreeSet<MirroredImage> = images.into_iter().collect();
        for image in images.into_iter().filter(|image| image.name != image.to) {
            let host = hosts.entry(image.name.registry.clone()).or_default();
            host.repositories.entry(image.name.repository.clone()).or_default().push(image);
        }
        MirrorRoutes { target, hosts }
    }

    /// The private registry.
    #[must_use]
    pub fn target(&self) -> &MirrorTarget {
        &self.target
    }

    /// Whether no image needs one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The registries that images are from, with where those lie.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&Registry, &HostRoutes)> {
        self.hosts.iter()
    }

    /// Every image.
    pub(super) fn images(&self) -> impl Iterator<Item = &MirroredImage> {
        self.hosts.values().flat_map(|host| host.repositories.values().flatten())
    }

    /// The registries with the prefix that all their images have, for a client that knows no other rule.
    ///
    /// # Errors
    /// All images of a registry of which one has another.
    pub(super) fn whole_hosts(&self) -> Result<Vec<(&Registry, BelowPrefix)>, Vec<MirrorMisfit>> {
        let mut found = Vec::new();
        let mut misfits = Vec::new();
        for (registry, host) in self.hosts() {
            match host.below() {
                _ if *registry == self.target.registry => {
                    let at_target =
                        "it is from the private registry itself, and has another name there";
                    misfits.extend(host.images().map(|image| image.misfit(at_target)));
                }
                Some(prefix) => found.push((registry, prefix)),
                None => misfits.extend(host.misfits()),
            }
        }
        if misfits.is_empty() { Ok(found) } else { Err(misfits) }
    }

    /// Whether images of other registries lie below `prefix` too, so that a name of `registry` that was
    /// not brought may lead to one of them. Says which.
    pub(super) fn strays(&self, registry: &Registry, prefix: &BelowPrefix) -> Vec<String> {
        let Some(own) = self.hosts.get(registry) else { return Vec::new() };
        let mut strays = BTreeSet::new();
        for (other, host) in self.hosts().filter(|(other, _)| *other != registry) {
            for image in host.images() {
                let there = image.to.repository.as_str();
                let below = match prefix {
                    Some(prefix) => {
                        there.strip_prefix(prefix.as_str()).and_then(|it| it.strip_prefix('/'))
                    }
                    None => Some(there),
                };
                let taken = below.and_then(|it| it.parse::<Repository>().ok());
                if let Some(taken) = taken.filter(|it| !own.repositories.contains_key(it)) {
                    strays.insert(format!(
                        "{registry}/{taken}, which was not brought, would be {other}/{}",
                        image.name.repository
                    ));
                }
            }
        }
        strays.into_iter().collect()
    }

    /// [`strays`](MirrorRoutes::strays) of all `hosts` in a sentence, if there are any.
    pub(super) fn stray_warning(&self, hosts: &[(&Registry, BelowPrefix)]) -> Option<String> {
        let strays: Vec<String> =
            hosts.iter().flat_map(|(registry, prefix)| self.strays(registry, prefix)).collect();
        let first = strays.first()?;
        let more = match strays.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more such"),
        };
        Some(format!("images of several registries lie below one prefix: {first}{more}"))
    }
}

impl HostRoutes {
    /// Every image.
    pub(super) fn images(&self) -> impl Iterator<Item = &MirroredImage> {
        self.repositories.values().flatten()
    }

    /// The prefix that all repositories have there, with all tags as they are.
    pub(super) fn below(&self) -> Option<BelowPrefix> {
        let mut all = self.images().map(|image| match image.keeps_tag() {
            true => image.prefix(),
            false => None,
        });
        let first = all.next()??;
        all.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// Those that keep the registry from being one prefix: those with another name or tag, else all.
    fn misfits(&self) -> Vec<MirrorMisfit> {
        let bent = |image: &&MirroredImage| image.prefix().is_none() || !image.keeps_tag();
        let why =
            "it has another name there than a prefix makes, and the client knows nothing else";
        let bent: Vec<MirrorMisfit> =
            self.images().filter(bent).map(|image| image.misfit(why)).collect();
        if !bent.is_empty() {
            return bent;
        }
        let several = "images of its registry lie below several prefixes, and the client takes one";
        self.images().map(|image| image.misfit(several)).collect()
    }
}

/// Where all of a repository lies, with all tags as they are; nothing where that is not one place.
pub(super) fn whole(images: &[MirroredImage]) -> Option<&Repository> {
    let first = &images.first()?.to.repository;
    let is_so = |image: &MirroredImage| image.to.repository == *first && image.keeps_tag();
    images.iter().all(is_so).then_some(first)
}

/// Those of a repository that keep it from lying in one place.
pub(super) fn scattered(images: &[MirroredImage]) -> Vec<MirrorMisfit> {
    let retagged = "it has another tag there, and the client can change none";
    let several = "images of its repository lie in several, and the client knows one";
    let bent: Vec<MirrorMisfit> = images
        .iter()
        .filter(|image| !image.keeps_tag())
        .map(|image| image.misfit(retagged))
        .collect();
    match bent.is_empty() {
        true => images.iter().map(|image| image.misfit(several)).collect(),
        false => bent,
    }
}
