//! The options by which a fan-out gives nodes the bundle from here.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::printer::Printer;
use super::server_tls;
use crate::medium::Medium;
use crate::tools::file::open_regular;
use crate::verbs::serve::{FileServer, GivenFile, MAX_CONNECTIONS, Passwords, Terms};
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;

/// Where a registry usually is, as `sealift serve` has it.
const USUAL_PORT: u16 = 5000;
/// Longest name of a host (RFC 1035).
const MAX_HOST: usize = 253;
/// How long answers under way may take once the run is over: nobody is left who waits for one.
const GRACE: Duration = Duration::from_secs(1);
/// How many nodes read at once where nobody says: one network card serves all of them, and more make it no
/// faster.
const AT_ONCE: usize = 32;
/// How many transfers all of them may have together: as many as the server has seats for one address, behind
/// which all nodes may be. Whoever finds no seat is sent away.
const TRANSFERS: usize = MAX_CONNECTIONS as usize / 2;
/// Most of them that one node has: what engines have at a registry.
const MOST_EACH: usize = 6;

/// Whether and how nodes are given the bundle from here.
#[derive(Debug, Args)]
pub(super) struct ServedHere {
    /// Give the bundle, which is one file, to nodes from here as long as the run lasts: HOST is what they call
    /// this machine, its name or address. They read what they lack of it, and it lies nowhere on them. Whoever
    /// reaches the port can read it meanwhile [default port: 5000]
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with_all = ["send", "bundle_at"])]
    serve: Option<HeadAddress>,
    /// Certificates in PEM for --serve, the server's own first: nodes read by https, and believe their own
    /// authorities, or those of --cert-dir behind --
    #[arg(long, value_name = "FILE", requires_all = ["serve", "tls_key"])]
    tls_cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Who may read: names and passwords as `htpasswd -B` writes them. Nodes have theirs where podman and docker
    /// keep them, or in --authfile behind --
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    htpasswd: Option<PathBuf>,
}

/// What nodes call this machine, and where they are awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeadAddress {
    host: String,
    /// The one address to listen at; all of them for a name, since that may stand for another one here.
    ip: Option<IpAddr>,
    port: u16,
}

/// A bundle that is about to be given.
pub(super) struct Serving {
    url: String,
    file: GivenFile,
    listener: Option<TcpListener>,
    terms: Terms,
    /// The command that gives it without a run.
    by_hand: String,
}

impl ServedHere {
    /// How `bundle` is given; the port is taken unless this is a `dry_run`. Nothing where it is not.
    pub(super) fn serving(
        &self,
        bundle: &[PathBuf],
        dry_run: bool,
        printer: &Printer,
    ) -> Result<Option<Serving>> {
        let Some(address) = &self.serve else { return Ok(None) };
        let [path] = bundle else { return Err(no_single("a bundle in several places")) };
        if !path.is_file() {
            return Err(no_single(&path.display().to_string()));
        }
        if Medium::at(path).is_encrypted()? {
            let text =
                format!("{} is encrypted, and nodes read no such one from here", path.display());
            return Err(Error::new(Class::Usage, text)
                .hint("send it along with --send, or put it where all nodes see it"));
        }
        let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
        let file = GivenFile::new(path, Arc::new(open_regular(path).map_err(fault)?), None);
        let file = file.ok_or_else(|| no_single(&path.display().to_string()))?;
        let terms = self.terms(printer)?;
        if dry_run && address.port == 0 {
            return Err(Error::new(Class::Usage, "which port is free is known when it is taken")
                .hint("name a port with --serve: what is printed is to be run later"));
        }
        let listener = if dry_run { None } else { Some(address.listener()?) };
        let taken = listener.as_ref().and_then(|it| it.local_addr().ok()).map(|it| it.port());
        let port = taken.unwrap_or(address.port);
        let scheme = if terms.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}:{port}{}", address.shown(), file.path());
        let by_hand = self.by_hand(path, address);
        Ok(Some(Serving { url, file, listener, terms, by_hand }))
    }

    fn terms(&self, printer: &Printer) -> Result<Terms> {
        let tls = server_tls::opened(self.tls_cert.as_deref(), self.tls_key.as_deref(), printer)?;
        let passwords = self.htpasswd.as_deref().map(Passwords::open).transpose()?.map(Arc::new);
        Ok(Terms { grace: GRACE, passwords, tls, ..Terms::default() })
    }

    fn by_hand(&self, path: &Path, address: &HeadAddress) -> String {
        let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"));
        let all = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let listen = match address.ip.unwrap_or(all) {
            IpAddr::V4(ip) => format!("{ip}:{}", address.port),
            IpAddr::V6(ip) => format!("[{ip}]:{}", address.port),
        };
        let files = [
            ("--tls-cert", &self.tls_cert),
            ("--tls-key", &self.tls_key),
            ("--htpasswd", &self.htpasswd),
        ];
        let mut line = format!("sealift serve {} --listen {listen}", quoted(path));
        for (option, file) in files {
            line.extend(file.iter().map(|file| format!(" {option} {}", quoted(file))));
        }
        line
    }
}

impl Serving {
    /// Where nodes read it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// How many nodes read at once where nobody says, and `most` would begin.
    pub(super) fn at_once(most: usize) -> usize {
        most.min(AT_ONCE)
    }

    /// What each of `nodes` that read at once is told, where it is not told otherwise by `options`: where the
    /// bundle is, and how many transfers it may have.
    pub(super) fn words(&self, nodes: Option<usize>, options: &[String]) -> Vec<String> {
        let jobs = Serving::transfers(nodes.unwrap_or(AT_ONCE)).to_string();
        let is_said = options.iter().any(|it| it == "--jobs" || it.starts_with("--jobs="));
        let jobs = (!is_said).then(|| ["--jobs".to_owned(), jobs]);
        [self.url.clone()].into_iter().chain(jobs.into_iter().flatten()).collect()
    }

    /// How many transfers each of `nodes` that read at once may have.
    fn transfers(nodes: usize) -> usize {
        (TRANSFERS / nodes.max(1)).clamp(1, MOST_EACH)
    }

    /// What somebody has to know who runs by hand what is printed, as a comment of one line.
    pub(super) fn comment(&self) -> String {
        let line = format!(
            "# as long as it runs, {} has to be there, as by this with --key or --trust: {}",
            self.url, self.by_hand
        );
        Safe(&line).to_string()
    }

    /// Gives it as long as what comes back lives; nothing where no port was taken.
    pub(super) fn begin(self, printer: &Printer) -> Result<Option<FileServer>> {
        let Serving { file, listener, terms, .. } = self;
        let open = |listener| FileServer::open(file, listener, terms, printer.progress());
        listener.map(open).transpose()
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("url", &self.url).finish_non_exhaustive()
    }
}

fn no_single(what: &str) -> Error {
    let text = format!("{what} is no single file, and only such a one is given to nodes");
    Error::new(Class::Usage, text).hint("make one file of it: sealift pack")
}

impl HeadAddress {
    /// The host as it stands in an address.
    fn shown(&self) -> String {
        match self.ip {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            _ => self.host.clone(),
        }
    }

    fn listener(&self) -> Result<TcpListener> {
        let port = self.port;
        let bound = match self.ip {
            Some(ip) => TcpListener::bind((ip, port)),
            // All addresses of both kinds, else of the one that there is.
            None => TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).or_else(|e| match e.kind() {
                ErrorKind::AddrInUse | ErrorKind::PermissionDenied => Err(e),
                _ => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)),
            }),
        };
        bound.map_err(|e| {
            Error::io(format!("cannot listen on {}:{port}", self.shown()), e).hint(
                "where the same command is still running, wait for it; else name this machine and a free port \
                 with --serve, or, where sealift serve runs there already, what it gives with --bundle-at",
            )
        })
    }
}

impl FromStr for HeadAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<HeadAddress, String> {
        let usage = || {
            "write HOST or HOST:PORT, as head, head:5000, 10.0.0.1:5000 or [fd00::1]:5000"
                .to_owned()
        };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(usage)?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) if port.bytes().all(|c| c.is_ascii_digit()) => {
                port.parse().map_err(|_| usage())?
            }
            None if port.is_empty() => USUAL_PORT,
            _ => return Err(usage()),
        };
        let ip: Option<IpAddr> = match text.starts_with('[') {
            true => Some(host.parse::<Ipv6Addr>().map_err(|_| usage())?.into()),
            false => host.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        };
        if ip.is_some_and(|ip| ip.to_canonical().is_unspecified()) {
            return Err(
                "name what nodes call this machine: its name, or one of its addresses".to_owned()
            );
        }
        // As in the addresses of the web: a name whose last part is a number is none (WHATWG URL, "ends in a number").
        let is_label = |label: &str| {
            let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
            !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-')
        };
        let is_number = |label: &str| label.bytes().all(|c| c.is_ascii_digit());
        let is_name = host.len() <= MAX_HOST
            && host.split('.').all(is_label)
            && !host.rsplit('.').next().is_some_and(is_number);
        if ip.is_none() && !is_name {
            return Err(usage());
        }
        // The one name that every machine has for itself alone.
        let near = host.eq_ignore_ascii_case("localhost").then_some(Ipv4Addr::LOCALHOST.into());
        Ok(HeadAddress { host: host.to_owned(), ip: ip.or(near), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_read_at_once_find_a_seat() {
        for nodes in 1..=TRANSFERS {
            let each = Serving::transfers(nodes);
            assert!((1..=MOST_EACH).contains(&each) && each * nodes <= TRANSFERS, "{nodes}");
        }
        assert_eq!((Serving::transfers(AT_ONCE), Serving::transfers(0)), (MOST_EACH, MOST_EACH));
    }

    #[test]
    fn a_host_may_have_a_port_and_is_one_that_nodes_can_ask_for() {
        for (text, shown, ip, port) in [
            ("head", "head", None, 5000),
            ("head.cluster.example:8080", "head.cluster.example", None, 8080),
            ("10.0.0.1", "10.0.0.1", Some("10.0.0.1"), 5000),
            ("10.0.0.1:0", "10.0.0.1", Some("10.0.0.1"), 0),
            ("[fd00::1]:81", "[fd00::1]", Some("fd00::1"), 81),
            ("[::1]", "[::1]", Some("::1"), 5000),
            ("localhost:1", "localhost", Some("127.0.0.1"), 1),
        ] {
            let address: HeadAddress = text.parse().unwrap();
            assert_eq!((address.shown().as_str(), address.port), (shown, port), "{text}");
            assert_eq!(address.ip, ip.map(|ip| ip.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            ":5000",
            "0.0.0.0:5000",
            "[::]",
            "[::ffff:0.0.0.0]",
            "head:",
            "head:65536",
            "head:-1",
            "head:5000/x",
            "fd00::1",
            "[fd00::1",
            "[10.0.0.1]",
            "[fd00::1]5000",
            "he ad",
            "head/x",
            "u@head",
            "a..b",
            "-x",
            "127.1",
            "1",
            "head\n",
            "http://head:5000",
            "h\u{e9}ad",
            "[fe80::1%eth0]",
        ] {
            assert!(text.parse::<HeadAddress>().is_err(), "{text}");
        }
    }
}
