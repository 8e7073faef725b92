//! The options that say how registries are reached.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::environment::{path, variable};
use crate::places::registry::{Client, Proxies, Settings};
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Registry;

/// How registries are reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(super) struct Registries {
    /// Credentials, as podman and docker write them [default: theirs]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
    /// Folder with *.crt authorities, and *.cert with *.key, for every registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Registry that speaks plain HTTP (can be repeated); those on loopback need not be named
    #[arg(long, value_name = "HOST[:PORT]")]
    plain_http: Vec<Registry>,
    /// Transfers at a time
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// How long a connection may stand still or a download trickle before it is tried again
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
}

impl Registries {
    pub(super) fn jobs(&self) -> usize {
        self.jobs.into()
    }

    /// A client as the options and the environment say.
    pub(super) fn client(&self, progress: Arc<dyn Progress>) -> Result<Client> {
        let named = self.authfile.clone().or_else(|| path("REGISTRY_AUTH_FILE"));
        let home = path("HOME");
        let below_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
        let configuration = path("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
        let usual = [
            path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")),
            configuration.as_ref().map(|dir| dir.join("containers/auth.json")),
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
        let settings = Settings {
            authfile_required: self.authfile.is_some(),
            auth_files: match named {
                Some(named) => vec![named],
                None => usual.into_iter().flatten().collect(),
            },
            cert_dirs: cert_dirs.into_iter().flatten().collect(),
            cert_dir: self.cert_dir.clone(),
            plain_http: self.plain_http.clone(),
            proxies: Proxies {
                http: proxy("http_proxy"),
                https: proxy("https_proxy"),
                no_proxy: variable("no_proxy").or_else(|| variable("NO_PROXY")),
            },
            jobs: self.jobs(),
            timeout: Duration::from_secs(self.timeout.into()),
            ..Settings::default()
        };
        Client::new(settings, progress)
    }
}
