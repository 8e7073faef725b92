//! Foreign layers: those that their owner does not allow registries to hand on.

use std::collections::BTreeSet;
use std::fmt;

use super::document::Descriptor;

/// Most owners that are named. An image has one; a hostile one has a hundred thousand.
const MOST_OWNERS: usize = 3;
/// Longest name of a host (RFC 1035, 2.3.4), with a port.
const MAX_HOST: usize = 255 + 6;

/// The foreign ones of some layers, each once, and who hands them out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreign {
    /// How many there are.
    pub layers: usize,
    /// The hosts of their addresses, as they stand there, not escaped for a terminal: three at most.
    pub owners: Vec<String>,
}

impl Foreign {
    /// Those among `parts`.
    #[must_use]
    pub fn among<'a>(parts: impl IntoIterator<Item = &'a Descriptor>) -> Foreign {
        let (mut seen, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for part in parts.into_iter().filter(|part| part.is_foreign()) {
            if seen.insert(part.digest) {
                owners.extend(part.urls.iter().filter_map(|url| host(url)));
            }
        }
        let owners = owners.into_iter().take(MOST_OWNERS).map(str::to_owned).collect();
        Foreign { layers: seen.len(), owners }
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.layers > 0
    }

    /// A sentence about `what`, which has them.
    #[must_use]
    pub fn about(&self, what: impl fmt::Display) -> String {
        let (count, s) = (self.layers, if self.layers == 1 { "" } else { "s" });
        let at = self.at();
        format!(
            "{what} has {count} foreign layer{s}, which only their owner hands out{at}: not carried"
        )
    }

    /// Where they are to be had, for the end of a sentence about their owner; nothing where that is
    /// not said.
    #[must_use]
    pub fn at(&self) -> String {
        match self.owners.is_empty() {
            true => String::new(),
            false => format!(" at {}", self.owners.join(", ")),
        }
    }
}

/// The host of `url`, without the credentials that may stand before it.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty() && host.len() <= MAX_HOST).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::digest::Digest;

    #[test]
    fn each_layer_counts_once_and_its_owners_are_named_without_secrets() {
        let layer = |text: &str, urls: &[&str]| {
            let media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
            let layer = Descriptor::new(media_type, Digest::of(text.as_bytes()), 1);
            Descriptor { urls: urls.iter().map(|url| Box::from(*url)).collect(), ..layer }
        };
        let own = Descriptor::of("application/vnd.oci.image.layer.v1.tar", b"own");
        let one = layer("a", &["https://u:p@mcr.example:8443/v2/x?y", "no address", "https:///x"]);
        let other = layer("b", &["http://b.example", "https://mcr.example:8443/z"]);

        let found = Foreign::among([&one, &own, &other, &one]);

        assert_eq!(found.layers, 2);
        assert_eq!(found.owners, ["b.example", "mcr.example:8443"]);
        let text = "x:1 has 2 foreign layers, which only their owner hands out at b.example, \
                    mcr.example:8443: not carried";
        assert_eq!(found.about("x:1"), text);
        let hosts: Vec<String> = (0..9).map(|n| format!("https://{n}.example/")).collect();
        let many = layer("c", &hosts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(Foreign::among([&many]).owners.len(), MOST_OWNERS);
        assert_eq!(host(&format!("https://{}/", "a".repeat(300))), None);
        assert!(!Foreign::among([&own]).is_any());
        assert!(Foreign::among([&layer("d", &[])]).about("x").contains("hands out: not"));
    }
}
