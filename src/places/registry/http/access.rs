//! [`Access`]: how one host is reached, as far as a configuration file says it.

use std::path::PathBuf;

use super::url::Url;
use crate::words::reference::Registry;

/// How a host is reached. By default: over TLS that is checked, below `/v2/`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// Whether it speaks plain HTTP; `None` when the settings and the host itself tell.
    pub(crate) plain: Option<bool>,
    /// Whether nobody said that credentials may cross plain HTTP, where it speaks that.
    pub(crate) hushed: bool,
    /// Whether any certificate will do, and plain HTTP where the host speaks no TLS.
    pub(crate) insecure: bool,
    /// Files with certificate authorities.
    pub(crate) authorities: Vec<PathBuf>,
    /// A client certificate and its key, which may be one file.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// What paths begin with instead of `/v2`, without a slash at the end.
    pub(crate) root: Option<String>,
    /// Whom the host answers for, when it is not itself: sent as `ns`, as containerd does.
    pub(crate) namespace: Option<Registry>,
}

impl Access {
    /// The address of `path` below `repository` at `base`.
    pub(crate) fn url(&self, base: &Url, repository: &str, path: &str) -> Url {
        let root = self.root.as_deref().unwrap_or("/v2");
        let path = format!("{root}/{repository}/{path}");
        let url = base.with_path(&path);
        match &self.namespace {
            Some(registry) => url.with_query("ns", registry.as_str()),
            None => url,
        }
    }
}
