//! [`KubernetesOptions`]: which nodes of a cluster, and what their jobs are made of.

use std::time::Duration;

use super::name::NodeName;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// Longest name of a namespace (RFC 1123 label).
const MAX_NAMESPACE: usize = 63;

/// Which nodes, and what jobs are made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KubernetesOptions {
    /// Nodes by name; all, where none is named.
    pub nodes: Vec<NodeName>,
    /// A label selector that they fulfil, as `kubectl get nodes --selector` takes it.
    pub selector: Option<String>,
    /// The namespace of the jobs; that of kubectl's context without.
    pub namespace: Option<String>,
    /// The image of the container; without, one that each node says it has.
    pub image: Option<String>,
    /// Further arguments of every call of kubectl.
    pub extra: Vec<String>,
    /// When the cluster itself ends a job.
    pub deadline: Duration,
}

impl KubernetesOptions {
    /// All nodes, for a day.
    #[must_use]
    pub fn new() -> KubernetesOptions {
        KubernetesOptions {
            nodes: Vec::new(),
            selector: None,
            namespace: None,
            image: None,
            extra: Vec::new(),
            deadline: Duration::from_secs(86_400),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Some(image) = &self.image {
            image.parse::<Reference>().map_err(|e| Error::new(Class::Usage, e.words()))?;
        }
        let is_namespace = |name: &str| {
            let is_one = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
            let is_short = (1..=MAX_NAMESPACE).contains(&name.len());
            is_short && name.bytes().all(is_one) && !name.starts_with('-') && !name.ends_with('-')
        };
        if let Some(name) = self.namespace.as_ref().filter(|it| !is_namespace(it)) {
            let text = format!("{name:?} is no name of a namespace");
            return Err(Error::new(Class::Usage, text)
                .hint("write small letters, digits and -, as kubectl get namespaces does"));
        }
        Ok(())
    }
}

impl Default for KubernetesOptions {
    fn default() -> KubernetesOptions {
        KubernetesOptions::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_an_option_or_a_path_is_no_name() {
        let with = |image: &str, namespace: &str| {
            let (image, namespace) = (Some(image.to_owned()), Some(namespace.to_owned()));
            KubernetesOptions { image, namespace, ..KubernetesOptions::new() }.check()
        };
        assert!(with("registry.k8s.io/pause:3.10", "kube-system").is_ok());
        for (image, namespace) in [("", "x"), ("-x", "x"), ("a b", "x"), ("a", ""), ("a", "-x")] {
            assert_eq!(with(image, namespace).unwrap_err().class(), Class::Usage);
        }
        for namespace in ["a/b", "A", "a.b", "a\n", &"a".repeat(64)] {
            assert_eq!(with("a", namespace).unwrap_err().class(), Class::Usage, "{namespace:?}");
        }
    }
}
