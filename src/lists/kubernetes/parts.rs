//! [`NameParts`]: an image whose name is written in parts.

use crate::lists::yaml::Node;
use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// An image whose name is written in parts: `{registry, repository, tag, digest}`, as charts and operators
/// have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NameParts {
    pub(crate) registry: Option<String>,
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<String>,
}

impl NameParts {
    /// Reads a mapping that is an image, as in `image: {repository: nginx, tag: "1"}`.
    pub(crate) fn of(map: &Node) -> Option<NameParts> {
        let repository = ["repository", "name", "image"].iter().find_map(|key| text(map, key))?;
        Some(NameParts { repository, ..NameParts::beside(map) })
    }

    /// Reads a mapping in which a part is called `image` (or `baseImage`), with others beside it:
    /// `{repository: nvcr.io/nvidia, image: driver, version: "550"}`, `{image: calico/node, digest: sha256:…}`.
    pub(crate) fn around(map: &Node, image: &str) -> Option<NameParts> {
        if is_whole(image) {
            return None;
        }
        let before = text(map, "repository").filter(|it| is_path(it));
        let beside = NameParts::beside(map);
        let version = || before.as_ref().and_then(|_| text(map, "version"));
        let tag = beside.tag.or_else(version);
        let (tag, digest) = match tag {
            Some(tag) if tag.starts_with("sha256:") => (None, Some(tag)),
            tag => (tag, beside.digest),
        };
        if before.is_none() && beside.registry.is_none() && tag.is_none() && digest.is_none() {
            return None;
        }
        let repository = match before {
            Some(before) => format!("{}/{image}", before.trim_end_matches('/')),
            None => image.to_owned(),
        };
        Some(NameParts { registry: beside.registry, repository, tag, digest })
    }

    fn beside(map: &Node) -> NameParts {
        let digest = text(map, "digest")
            .or_else(|| text(map, "sha").map(|hex| format!("sha256:{hex}")))
            .map(|it| it.trim_start_matches('@').to_owned());
        NameParts {
            registry: text(map, "registry"),
            repository: String::new(),
            tag: text(map, "tag").or_else(|| text(map, "imageTag")),
            digest: digest.map(|it| if it.contains(':') { it } else { format!("sha256:{it}") }),
        }
    }

    /// Whether it says which one of the repository it is.
    pub(crate) fn is_pinned(&self) -> bool {
        self.tag.is_some() || self.digest.is_some() || is_whole(&self.repository)
    }

    /// The name, put together.
    pub(crate) fn name(&self) -> String {
        let mut name = self.repository.clone();
        if let Some(registry) = &self.registry {
            name = format!("{}/{name}", registry.trim_end_matches('/'));
        }
        if let Some(tag) = &self.tag {
            name = format!("{name}:{tag}");
        }
        if let Some(digest) = &self.digest {
            name = format!("{name}@{digest}");
        }
        name
    }
}

fn text(map: &Node, key: &str) -> Option<String> {
    let text = map.text_of(key)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether `image` has a tag or a digest already.
pub(crate) fn is_whole(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    last.contains([':', '@'])
}

fn is_path(text: &str) -> bool {
    !text.contains("://") && !is_whole(text)
}

/// Whether `text` is a name of an image by its grammar.
pub(crate) fn is_name(text: &str) -> bool {
    text.parse::<Reference>().is_ok()
}

/// Whether `text` looks like the whole name of an image, and like hardly anything else: with a path, and a
/// tag or a digest; and where `strictly`, with a registry's host.
pub(crate) fn looks_so(text: &str, strictly: bool) -> bool {
    let Some((first, _)) = text.split_once('/') else { return false };
    let has_host = first.contains('.') || first.starts_with("localhost");
    let digest = text.rsplit_once('@').is_some_and(|(_, it)| it.parse::<Digest>().is_ok());
    (has_host || !strictly) && (digest || is_whole(text)) && is_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::yaml::documents;

    fn named(yaml: &str) -> Option<String> {
        let node = documents(yaml).next().unwrap().unwrap();
        NameParts::of(&node).map(|parts| parts.name())
    }

    fn around(yaml: &str) -> Option<String> {
        let node = documents(yaml).next().unwrap().unwrap();
        NameParts::around(&node, node.text_of("image").unwrap()).map(|parts| parts.name())
    }

    #[test]
    fn parts_are_put_together() {
        let hex = "0".repeat(64);
        assert_eq!(named("{repository: a/b, tag: 1.10}").as_deref(), Some("a/b:1.10"));
        assert_eq!(named("{registry: q.io, repository: a, tag: ''}").as_deref(), Some("q.io/a"));
        assert_eq!(
            named(&format!("{{name: a, tag: x, digest: 'sha256:{hex}'}}")),
            Some(format!("a:x@sha256:{hex}"))
        );
        assert_eq!(
            named(&format!("{{repository: a, sha: {hex}}}")),
            Some(format!("a@sha256:{hex}"))
        );
        assert_eq!(named("{tag: 1}"), None);
        assert_eq!(
            around("{repository: nvcr.io/nvidia, image: driver, version: 550.1}").as_deref(),
            Some("nvcr.io/nvidia/driver:550.1")
        );
        assert_eq!(around("{image: calico/node, tag: v3}").as_deref(), Some("calico/node:v3"));
        assert_eq!(around("{image: 'a:1', tag: v3}"), None);
        assert_eq!(around("{image: a, version: 3}"), None);
        assert_eq!(around("{image: a, repository: 'https://charts', version: 3}"), None);
    }

    #[test]
    fn few_things_look_like_images() {
        for text in ["quay.io/a/b:1", "longhornio/longhorn-engine:v1.5.3", "localhost/x:1"] {
            assert!(looks_so(text, false), "{text}");
        }
        assert!(looks_so("quay.io/a/b:1", true));
        for text in ["nginx:1", "a/b", "https://a.b/c:1", "a b/c:1", "10.0.0.0/8", "quay.io/A:1"] {
            assert!(!looks_so(text, false), "{text}");
        }
        assert!(!looks_so("longhornio/longhorn-engine:v1.5.3", true));
    }
}
