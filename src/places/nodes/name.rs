//! [`NodeName`]: what a machine is called, and lists of them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::error::{Class, Error, Result};

/// Longest name: that of a host in the DNS, and a user before it.
const MAX_NAME: usize = 300;
/// Most nodes of one run: the largest clusters there are have about ten thousand.
const MAX_NODES: usize = 20_000;

/// What a machine is called: a host, for OpenSSH also `USER@HOST`. Letters, digits, `.`, `_`, `-`, `:` and
/// `@`, of which the first one is a letter, a digit or `_`: never an option, nor a path. `:` stands in
/// addresses of IPv6 alone: a port is no part of it.
///
/// ```
/// use sealift::places::nodes::NodeName;
///
/// let node: NodeName = "root@login1.example".parse()?;
/// assert_eq!((node.as_str(), node.host()), ("root@login1.example", "login1.example"));
/// assert!("-oProxyCommand=x".parse::<NodeName>().is_err());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct NodeName(String);

impl NodeName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the user: what stands for `{node}`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or(&self.0)
    }
}

impl FromStr for NodeName {
    type Err = Error;

    fn from_str(text: &str) -> Result<NodeName> {
        let is_first = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let is_other = |c: u8| is_first(c) || b".-:".contains(&c);
        let is_part =
            |part: &str| part.bytes().next().is_some_and(is_first) && part.bytes().all(is_other);
        let mut parts = text.splitn(2, '@');
        let is_name = text.len() <= MAX_NAME && !text.contains("..") && parts.by_ref().all(is_part);
        // No machine is called by its port as well, as OpenSSH's client would take it.
        let host = text.rsplit('@').next().unwrap_or_default();
        let is_name = is_name && (!host.contains(':') || host.parse::<Ipv6Addr>().is_ok());
        match is_name {
            true => Ok(NodeName(text.to_owned())),
            false => Err(Error::new(Class::Usage, format!("{text:?} is no name of a node"))
                .hint("write HOST or USER@HOST; a port goes into ~/.ssh/config")),
        }
    }
}

impl TryFrom<String> for NodeName {
    type Error = Error;

    fn try_from(text: String) -> Result<NodeName> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> String {
        name.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The nodes of a list: names with commas or white space between them, `#` for comments. Each counts once.
///
/// # Errors
/// [`Class::Usage`] for what is no name, for none and for too many.
pub fn node_names(text: &str) -> Result<Vec<NodeName>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()));
    let (mut names, mut seen) = (Vec::new(), BTreeSet::new());
    for word in words.filter(|word| !word.is_empty()) {
        let name: NodeName = word.parse()?;
        if seen.insert(name.clone()) {
            names.push(name);
        }
        if names.len() > MAX_NODES {
            return Err(Error::new(Class::Usage, format!("more than {MAX_NODES} nodes"))
                .hint("name them in parts"));
        }
    }
    match names.is_empty() {
        true => Err(Error::new(Class::Usage, "no node is named").hint("name one or more")),
        false => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_neither_an_option_nor_a_path_nor_anything_for_a_shell() {
        for good in ["n1", "login-1.example.org", "root@n1", "fe80::1", "10.0.0.7", "_x"] {
            assert_eq!(good.parse::<NodeName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-n1",
            "a/b",
            "..",
            "a..b",
            ".a",
            "a b",
            "a;b",
            "$(x)",
            "a'b",
            "a\nb",
            "@n1",
            "root@",
            "root@-n1",
            "a@b@c",
            "ä",
            "n[1-3]",
            "n1:22",
            "root@n1:22",
            "{node}",
            &"a".repeat(301),
        ] {
            assert_eq!(bad.parse::<NodeName>().unwrap_err().class(), Class::Usage, "{bad:?}");
        }
    }

    #[test]
    fn a_list_has_each_node_once_in_its_order() {
        let names = node_names("n2, n1\n# spare: n9\nn3 n1 # again\n").unwrap();

        assert_eq!(names.iter().map(NodeName::as_str).collect::<Vec<_>>(), ["n2", "n1", "n3"]);
        assert!(node_names(" ,\n# n1\n").is_err() && node_names("n1,-x").is_err());
    }
}
