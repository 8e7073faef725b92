//! [`Settings`]: what a client of registries may use, and how patient it is.

use std::path::PathBuf;
use std::time::Duration;

use super::http::proxy::Proxies;
use super::mirrors::files::MirrorFiles;
use crate::tools::pace::Jobs;
use crate::tools::retry::Retry;
use crate::words::reference::Registry;

/// How to reach registries. Nothing here is read from the environment; the caller does that.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Credentials files of docker and podman, of which an earlier one counts more.
    pub auth_files: Vec<PathBuf>,
    /// Whether a missing one of them is an error rather than left out.
    pub authfile_required: bool,
    /// Folders in the manner of `/etc/containers/certs.d`: each may hold a folder named
    /// `host` or `host:port` with `*.crt` authorities and a `*.cert` with its `*.key`.
    pub cert_dirs: Vec<PathBuf>,
    /// A folder with such files for every host.
    pub cert_dir: Option<PathBuf>,
    /// Registries that speak plain HTTP. Those on loopback need not be listed.
    pub plain_http: Vec<Registry>,
    /// Hosts that a registry may lead to wherever they are; without a port all of the host's.
    pub allow_redirects: Vec<Registry>,
    /// Proxies, by scheme.
    pub proxies: Proxies,
    /// Files that say where images are fetched from. They do not matter to pushes.
    pub mirrors: MirrorFiles,
    /// How many transfers run at once, and so how many connections a host are kept.
    pub jobs: Jobs,
    /// How often and how patiently a request is sent again.
    pub retry: Retry,
    /// Largest body of an upload; larger blobs go in pieces of this size. Without it a blob goes
    /// whole until a host is found not to take that.
    pub chunk_size: Option<u64>,
    /// Whether a manifest that is at a destination vouches for its blobs.
    pub quick: bool,
    /// Whether a repository's list of tags may answer for tags of signatures that it does not show.
    pub tag_lists: bool,
    /// Bytes a second over all transfers in both directions; as fast as it goes without.
    pub limit_rate: Option<u64>,
    /// Folder for what is remembered of unfinished uploads; nothing is without.
    pub uploads: Option<PathBuf>,
    /// How long a connection may stand still, or a body trickle, before it is given up. After an
    /// upload the registry may think ten times as long.
    pub timeout: Duration,
}

impl Default for Settings {
    /// No credentials, the system's authorities only, no proxy, four transfers, a minute's patience.
    fn default() -> Settings {
        Settings {
            auth_files: Vec::new(),
            authfile_required: false,
            cert_dirs: Vec::new(),
            cert_dir: None,
            plain_http: Vec::new(),
            allow_redirects: Vec::new(),
            proxies: Proxies::default(),
            mirrors: MirrorFiles::default(),
            jobs: Jobs::up_to(4),
            retry: Retry::default(),
            chunk_size: None,
            quick: false,
            tag_lists: true,
            limit_rate: None,
            uploads: None,
            timeout: Duration::from_secs(60),
        }
    }
}
