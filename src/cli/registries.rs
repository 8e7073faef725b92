//! The options that say how registries are reached.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::environment::{path, state_folder, variable};
use super::idle::Given;
use crate::places::registry::{Client, MirrorFiles, Proxies, Settings};
use crate::tools::pace::Jobs;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;
use crate::words::reference::Registry;
use crate::words::size::parse_rate;

/// How registries are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(super) struct Registries {
    #[command(flatten)]
    reach: Reach,
    /// Most transfers at a time; each host gets as many of them as do it good [default: 6, or up
    /// to 32 where they are small]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
}

/// The same without how many transfers there are at a time.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(super) struct Reach {
    /// Credentials, as podman and docker write them [default: theirs]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
    /// Folder with *.crt authorities, and *.cert with *.key, for every registry
    #[arg(long, value_name = "DIR", value_parser = folder)]
    cert_dir: Option<PathBuf>,
    /// Registry that speaks plain HTTP (can be repeated); those on loopback need not be named, but
    /// to be shown credentials
    #[arg(long, value_name = "HOST[:PORT]")]
    plain_http: Vec<Registry>,
    /// Host that a registry may lead to wherever it is, as storage in a private network behind a
    /// registry with a public name (can be repeated); nobody's credentials go there
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_redirect: Vec<Registry>,
    /// Bytes a second over all transfers, as in 5MB or 500KiB [default: as fast as it goes]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    limit_rate: Option<u64>,
    /// How long a connection may stand still or a download trickle before it is tried again
    /// [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: Option<u32>,
}

/// How many transfers there are at a time from one that gives to many: as many as podman has.
const AMONG_MANY: u16 = 6;

/// How long is waited where nobody says.
const TIMEOUT: u32 = 60;

/// A folder that is there: a misspelt one would silently trust nobody new.
fn folder(text: &str) -> Result<PathBuf> {
    let folder = PathBuf::from(text);
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(Error::new(Class::Usage, "no such folder")),
    }
}

impl Registries {
    pub(super) fn jobs(&self) -> Jobs {
        self.jobs.map_or_else(Jobs::default, |jobs| Jobs::up_to(jobs.into()))
    }

    /// Whether a number of transfers was given.
    pub(super) fn has_jobs(&self) -> bool {
        self.jobs.is_some()
    }

    /// Takes a few connections, where no number was given: whoever gives a bundle to many nodes has so many
    /// for all of them.
    pub(super) fn share(&mut self) {
        self.jobs.get_or_insert(AMONG_MANY);
    }

    /// Forgets files that no registry is reached with: that they are missing is no matter then.
    pub(super) fn unused(&mut self) {
        (self.reach.authfile, self.reach.cert_dir) = (None, None);
    }

    /// Which of the options were given that matter to the movement of blobs alone.
    pub(super) fn given_for_blobs(&self) -> [Given; 2] {
        [("--limit-rate", self.reach.limit_rate.is_some()), ("--jobs", self.jobs.is_some())]
    }

    /// Which options were given that matter to registries alone.
    pub(super) fn given(&self) -> [Given; 6] {
        self.reach.given()
    }

    /// Whether a registry is named for plain HTTP, and `registry` is not.
    pub(super) fn plain_elsewhere(&self, registry: &Registry) -> bool {
        !self.reach.plain_http.is_empty() && !self.reach.plain_http.contains(registry)
    }

    /// A client as the options and the environment say.
    pub(super) fn client(&self, progress: Arc<dyn Progress>) -> Result<Client> {
        Client::new(self.settings(), progress)
    }

    /// [`client`](Registries::client), which sends blobs in pieces of `chunk_size` if one is given,
    /// and, when `quick`, lets manifests vouch for their blobs.
    pub(super) fn client_sending(
        &self,
        progress: Arc<dyn Progress>,
        chunk_size: Option<u64>,
        quick: bool,
    ) -> Result<Client> {
        Client::new(Settings { chunk_size, quick, ..self.settings() }, progress)
    }

    /// [`client`](Registries::client), which believes lists of tags where `tag_lists` says so.
    pub(super) fn client_reading(
        &self,
        progress: Arc<dyn Progress>,
        tag_lists: bool,
    ) -> Result<Client> {
        Client::new(Settings { tag_lists, ..self.settings() }, progress)
    }

    /// The file that keeps what `login` is told: podman's.
    pub(super) fn login_file(&self) -> Result<PathBuf> {
        let below = |dir: PathBuf| dir.join("containers/auth.json");
        let usual = || path("XDG_RUNTIME_DIR").or_else(configuration).map(below);
        let named = self.reach.authfile.clone().or_else(|| path("REGISTRY_AUTH_FILE"));
        named.or_else(usual).ok_or_else(|| {
            Error::new(Class::Usage, "there is no place to keep credentials")
                .hint("set HOME, or name a file with --authfile")
        })
    }

    /// How registries are reached, as the options and the environment say.
    pub(super) fn settings(&self) -> Settings {
        self.reach.settings(self.jobs())
    }
}

impl Reach {
    /// Which options were given that matter to registries alone.
    pub(super) fn given(&self) -> [Given; 6] {
        [
            ("--authfile", self.authfile.is_some()),
            ("--cert-dir", self.cert_dir.is_some()),
            ("--plain-http", !self.plain_http.is_empty()),
            ("--allow-redirect", !self.allow_redirect.is_empty()),
            ("--limit-rate", self.limit_rate.is_some()),
            ("--timeout", self.timeout.is_some()),
        ]
    }

    /// A client as the options and the environment say, for as many transfers as do it good.
    pub(super) fn client(&self, progress: Arc<dyn Progress>) -> Result<Client> {
        Client::new(self.settings(Jobs::default()), progress)
    }

    fn settings(&self, jobs: Jobs) -> Settings {
        let named = self.authfile.clone().or_else(|| path("REGISTRY_AUTH_FILE"));
        let home = path("HOME");
        let below_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
        let usual = [
            path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
            configuration().map(|dir| dir.join("containers/auth.json")),
            path("DOCKER_CONFIG")
                .map(|dir| dir.join("config.json"))
                .or_else(|| below_home(".docker/config.json")),
            below_home(".dockercfg"),
        ];
        let cert_dirs = [
            below_home(".config/containers/certs.d"),
            Some("/etc/containers/certs.d".into()),
            Some("/etc/docker/certs.d".into()),
        ];
        let proxy = |name: &str| {
            let all = || variable("ALL_PROXY").or_else(|| variable("all_proxy"));
            variable(name).or_else(|| variable(&name.to_ascii_uppercase())).or_else(all)
        };
        Settings {
            authfile_required: self.authfile.is_some(),
            auth_files: match named {
                Some(named) => vec![named],
                None => usual.into_iter().flatten().collect(),
            },
            cert_dirs: cert_dirs.into_iter().flatten().collect(),
            cert_dir: self.cert_dir.clone(),
            plain_http: self.plain_http.clone(),
            allow_redirects: self.allow_redirect.clone(),
            proxies: Proxies {
                http: proxy("http_proxy"),
                https: proxy("https_proxy"),
                no_proxy: variable("no_proxy").or_else(|| variable("NO_PROXY")),
            },
            mirrors: mirror_files(),
            jobs,
            limit_rate: self.limit_rate,
            uploads: state_folder().map(|state| state.join("uploads")),
            timeout: Duration::from_secs(self.timeout.unwrap_or(TIMEOUT).into()),
            ..Settings::default()
        }
    }
}

/// Where podman, and after it containerd, look for mirrors.
fn mirror_files() -> MirrorFiles {
    let system = PathBuf::from("/etc/containers");
    let user = path("HOME").map(|home| home.join(".config/containers"));
    let conf = |folder: &PathBuf| folder.join("registries.conf");
    let below = |folder: &PathBuf| folder.join("registries.conf.d");
    let named = path("CONTAINERS_REGISTRIES_CONF").or_else(|| path("REGISTRIES_CONFIG_PATH"));
    let required = named.is_some();
    let folders = [&system].into_iter().chain(&user).map(below).collect::<Vec<_>>();
    let registries_conf = match named {
        Some(named) => vec![(named, folders)],
        None => {
            let user = user.iter().map(|user| (conf(user), vec![below(user)]));
            user.chain([(conf(&system), folders)]).collect()
        }
    };
    MirrorFiles { registries_conf, required, hosts: vec!["/etc/containerd/certs.d".into()] }
}

/// The folder of the user's configuration files.
fn configuration() -> Option<PathBuf> {
    path("XDG_CONFIG_HOME").or_else(|| path("HOME").map(|home| home.join(".config")))
}
