//! [`Agent`]: K3s, RKE2 or k0s on this machine: a folder from which it imports archives of images, and
//! the containerd that it runs.

use std::fmt;
use std::io::ErrorKind as Fault;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::words::error::{Class, Error, ErrorKind, Result};

/// How archives are called in a folder that others fill as well.
const FILE_NAMES: &str = "sealift-{host}_{repo}.{name}_{tag}.tar";

/// Which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AgentKind {
    /// K3s.
    K3s,
    /// RKE2.
    Rke2,
    /// k0s.
    K0s,
}

/// What is known of a kind.
struct About {
    name: &'static str,
    /// Where it keeps everything, if nobody says otherwise.
    data: &'static str,
    /// Below that, the folder that it imports from (K3s and RKE2, "Air-Gap Install"; k0s, "Airgap Install").
    images: &'static str,
    /// Where its containerd listens, wherever the data is.
    socket: &'static str,
    /// Where programs are that have `ctr` in them; the first that is there is called.
    programs: &'static [&'static str],
}

impl AgentKind {
    const ALL: [AgentKind; 3] = [AgentKind::K3s, AgentKind::Rke2, AgentKind::K0s];

    fn about(self) -> About {
        match self {
            AgentKind::K3s => About {
                name: "k3s",
                data: "/var/lib/rancher/k3s",
                images: "agent/images",
                socket: "/run/k3s/containerd/containerd.sock",
                programs: &["/usr/local/bin/k3s", "/opt/bin/k3s", "/usr/bin/k3s"],
            },
            AgentKind::Rke2 => About {
                name: "rke2",
                data: "/var/lib/rancher/rke2",
                images: "agent/images",
                socket: "/run/k3s/containerd/containerd.sock",
                programs: &[],
            },
            AgentKind::K0s => About {
                name: "k0s",
                data: "/var/lib/k0s",
                images: "images",
                socket: "/run/k0s/containerd.sock",
                programs: &["/usr/local/bin/k0s", "/usr/bin/k0s"],
            },
        }
    }
}

/// An agent on this machine: `k3s:`, `rke2:` or `k0s:`, behind it in brackets the socket of its containerd
/// and the folder of its data, where these are not where it has them by itself.
///
/// ```
/// use sealift::places::engine::Agent;
///
/// let agent = Agent::named("k3s:/srv/k3s")?.expect("one of the three");
/// assert_eq!(agent.images(), std::path::Path::new("/srv/k3s/agent/images"));
/// assert!(Agent::named("containerd:")?.is_none());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    kind: AgentKind,
    data: Option<PathBuf>,
    socket: Option<PathBuf>,
}

impl Agent {
    /// The agent that `text` names, if it begins with the name of one.
    ///
    /// # Errors
    /// [`Class::Usage`] for paths that are not full ones.
    pub fn named(text: &str) -> Result<Option<Agent>> {
        let Some((name, rest)) = text.split_once(':') else { return Ok(None) };
        let Some(kind) = AgentKind::ALL.into_iter().find(|kind| kind.about().name == name) else {
            return Ok(None);
        };
        let (socket, data) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((socket, data)) => (Some(socket), data),
            None => (None, rest),
        };
        let data = (!data.is_empty()).then_some(data);
        // Behind two slashes stands a host, and an agent is here.
        let is_full = |path: &str| path.starts_with('/') && !path.starts_with("//");
        if !socket.into_iter().chain(data).all(is_full) {
            let text = format!("{text:?} is not a place of {name}'s");
            return Err(Error::new(Class::Usage, text).hint(format!(
                "write {name}:, {name}:/DATA-DIR or {name}:[/SOCKET]/DATA-DIR, with full paths"
            )));
        }
        Ok(Some(Agent { kind, data: data.map(PathBuf::from), socket: socket.map(PathBuf::from) }))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.about().name
    }

    /// Which one it is.
    #[must_use]
    pub fn kind(&self) -> AgentKind {
        self.kind
    }

    /// The folder in which it keeps everything.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(self.kind.about().data))
    }

    /// The folder of archives that it imports, and pins, when it starts and when one comes.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.data().join(self.kind.about().images)
    }

    /// The socket of its containerd.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.socket.as_deref().unwrap_or(Path::new(self.kind.about().socket))
    }

    /// The template of the names of its archives.
    #[must_use]
    pub fn file_names(&self) -> &'static str {
        FILE_NAMES
    }

    /// Whether it gives an image that it imports its name by digest as well (K3s and RKE2 do).
    #[must_use]
    pub fn names_digests(&self) -> bool {
        self.kind != AgentKind::K0s
    }

    /// Whether its containerd listens.
    ///
    /// # Errors
    /// [`Class::Refused`] where this user may not ask.
    pub fn runs(&self) -> Result<bool> {
        let fault = match UnixStream::connect(self.socket()) {
            Ok(_) => return Ok(true),
            Err(fault) => fault,
        };
        match fault.kind() {
            Fault::NotFound | Fault::ConnectionRefused | Fault::NotADirectory => Ok(false),
            Fault::PermissionDenied => {
                let text = format!("{} belongs to another user", self.socket().display());
                Err(Error::new(Class::Refused, text)
                    .of_kind(ErrorKind::AccessDenied)
                    .hint(format!("run it as root, as {} does", self.name())))
            }
            _ => Err(Error::io(format!("cannot ask at {}", self.socket().display()), fault)),
        }
    }

    /// `ctr`, as it comes with the agent where that is, speaking to its containerd.
    pub(super) fn ctr(&self) -> Command {
        let programs = self.kind.about().programs.iter();
        let mut command = match programs.map(Path::new).find(|program| program.exists()) {
            Some(program) => {
                let mut command = Command::new(program);
                command.arg("ctr");
                command
            }
            None => match self.data().join("bin/ctr") {
                own if self.kind == AgentKind::Rke2 && own.exists() => Command::new(own),
                _ => Command::new("ctr"),
            },
        };
        if let (AgentKind::K3s, Some(data)) = (self.kind, &self.data) {
            // It unpacks its own programs there.
            command.env("K3S_DATA_DIR", data);
        }
        command.arg("--address").arg(self.socket());
        command
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name())?;
        if let Some(socket) = &self.socket {
            write!(f, "[{}]", socket.display())?;
        }
        self.data.as_ref().map_or(Ok(()), |data| write!(f, "{}", data.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn named(text: &str) -> Agent {
        Agent::named(text).unwrap().unwrap()
    }

    #[test]
    fn each_agent_has_its_folder_and_its_socket() {
        for (text, images, socket) in [
            ("k3s:", "/var/lib/rancher/k3s/agent/images", "/run/k3s/containerd/containerd.sock"),
            ("rke2:", "/var/lib/rancher/rke2/agent/images", "/run/k3s/containerd/containerd.sock"),
            ("k0s:", "/var/lib/k0s/images", "/run/k0s/containerd.sock"),
            ("k3s:/d", "/d/agent/images", "/run/k3s/containerd/containerd.sock"),
            ("k0s:[/s]/d:e", "/d:e/images", "/s"),
            ("k0s:[/s]", "/var/lib/k0s/images", "/s"),
        ] {
            let agent = named(text);
            assert_eq!(agent.images(), Path::new(images), "{text}");
            assert_eq!(agent.socket(), Path::new(socket), "{text}");
            assert_eq!(agent.to_string(), text);
        }
        for bad in ["k3s:data", "k3s:[s]/d", "k0s:[/s]d", "k3s:[/s", "k3s://host"] {
            assert_eq!(Agent::named(bad).unwrap_err().class(), Class::Usage, "{bad}");
        }
        assert!(Agent::named("k3s").unwrap().is_none());
        assert!(Agent::named("docker-daemon:").unwrap().is_none());
    }

    #[test]
    fn an_agent_runs_where_its_socket_is_listened_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let agent = named(&format!("k3s:[{}]", path.display()));

        assert!(!agent.runs().unwrap());
        let listener = UnixListener::bind(&path).unwrap();
        assert!(agent.runs().unwrap());
        drop(listener);
        assert!(!agent.runs().unwrap(), "a socket that was left behind");
    }

    #[test]
    fn ctr_is_told_whose_containerd_it_is() {
        let command = named("rke2:[/s]/nowhere").engine().command();
        let arguments: Vec<_> = command.get_args().collect();

        assert_eq!(command.get_program(), "ctr");
        assert_eq!(arguments, ["--address", "/s", "--namespace", "k8s.io"]);
    }
}
