//! [`Cluster`]: which cluster is meant, as the user names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::words::error::{Class, Error, Result};

/// What a cluster's names begin with.
const TRANSPORT: &str = "kubernetes:";

/// A Kubernetes cluster, or what `kubectl get -o json` printed of one.
///
/// ```
/// use sealift::places::kubernetes::Cluster;
///
/// assert!(matches!("kubernetes:".parse()?, Cluster::Asked { context: None }));
/// assert_eq!("kubernetes:[prod]".parse::<Cluster>()?.to_string(), "kubernetes:[prod]");
/// assert!(matches!("kubernetes:-".parse()?, Cluster::Stdin));
/// assert!(matches!("kubernetes:pods.json".parse()?, Cluster::File(_)));
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cluster {
    /// `kubernetes:` or `kubernetes:[CONTEXT]`: kubectl is asked.
    Asked {
        /// The context, if not the one that kubectl itself would take.
        context: Option<String>,
    },
    /// `kubernetes:-`, or `-`: standard input.
    Stdin,
    /// `kubernetes:FILE`.
    File(PathBuf),
}

impl Cluster {
    /// Whether `text` is meant as a cluster.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text == "-" || text.starts_with(TRANSPORT)
    }
}

impl FromStr for Cluster {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cluster> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("{text:?} {why}"))
                .hint("write kubernetes:, kubernetes:[CONTEXT], kubernetes:FILE or kubernetes:-")
        };
        if text == "-" {
            return Ok(Cluster::Stdin);
        }
        let rest = text.strip_prefix(TRANSPORT).ok_or_else(|| bad("is no cluster"))?;
        match rest.strip_prefix('[') {
            Some(rest) => match rest.strip_suffix(']') {
                Some(context) if !context.is_empty() => {
                    Ok(Cluster::Asked { context: Some(context.to_owned()) })
                }
                _ => Err(bad("names no context of kubectl's")),
            },
            None => Ok(match rest {
                "" => Cluster::Asked { context: None },
                "-" => Cluster::Stdin,
                path => Cluster::File(path.into()),
            }),
        }
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cluster::Asked { context: None } => f.write_str(TRANSPORT),
            Cluster::Asked { context: Some(context) } => write!(f, "{TRANSPORT}[{context}]"),
            Cluster::Stdin => write!(f, "{TRANSPORT}-"),
            Cluster::File(path) => write!(f, "{TRANSPORT}{}", path.display()),
        }
    }
}
