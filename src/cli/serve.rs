//! `sealift serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::access_log::{AccessLog, LogFormat};
use super::at_hand::all_at_hand;
use super::believe::Believe;
use super::bundle::Bundle;
use super::environment::{inherited_listener, now};
use super::evidence::ahead;
use super::printer::Printer;
use super::server_tls;
use super::unlock::Unlock;
use crate::bundle::bases::Bases;
use crate::bundle::check;
use crate::medium::Medium;
use crate::tools::ground;
use crate::tools::parallel::all_cores;
use crate::verbs::evidence::Evidence;
use crate::verbs::report::{BundleReport, served_bundles, served_page};
use crate::verbs::serve::{
    GivenFile, GivenFiles, Hidden, Passwords, Terms, Visits, serve, shelf, whole,
};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Cancellable;
use crate::words::size::parse_rate;

/// Serve a bundle as a read-only registry
///
/// Every byte is verified first. Then docker, podman, containerd and skopeo can pull from it by
/// the image's path (library/alpine) or its full name (docker.io/library/alpine).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift serve june.tar --key transfer.pub.pem
  sealift serve july.tar --key transfer.pub.pem --base june.tar
  sealift serve july.tar --also june.tar --key transfer.pub.pem --access-log -
  sealift serve june.tar.age --identity site.key --key transfer.pub.pem
  sealift serve june.tar --key transfer.pub.pem --listen 0.0.0.0:443 --tls-cert site.pem --tls-key site.key \
    --htpasswd users --client-rate 100MB
  podman pull --tls-verify=false 127.0.0.1:5000/library/alpine:3.20

At / a browser shows what is in the bundle, as `sealift report` writes it, with the command to pull each
image. A bundle that is one file is given as that as well, at /bundles/june.tar, whole or in parts; /bundles/
lists them. Without --tls-cert it is plain HTTP, and without --htpasswd whoever reaches the address can pull. On the loopback it answers to
addresses and localhost only, whatever name leads there. /healthz answers ok, /metrics is for Prometheus.
Ctrl-C or SIGTERM ends it, with exit code 0, once the answers under way have ended.")]
pub(super) struct Serve {
    #[command(flatten)]
    bundle: Bundle,
    /// Earlier bundle, or layout (DIR, oci:DIR or oci-archive:FILE), that gives what the bundle does not
    /// carry (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    /// Another bundle that is served as well, as a folder or packed, or the folder of its volumes (can be
    /// repeated). What one of them does not carry is taken from the others; a name that several have is that
    /// of the first
    #[arg(long, value_name = "BUNDLE")]
    also: Vec<PathBuf>,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    unlock: Unlock,
    /// Address and port; port 0 takes a free one [default: the socket that systemd hands over, else
    /// 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Certificates in PEM, the server's own first: speak TLS. A renewed one is taken up by itself
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Who may pull: names and passwords as `htpasswd -B` writes them. A changed file is taken up by itself.
    /// /healthz is open to all
    #[arg(long, value_name = "FILE")]
    htpasswd: Option<PathBuf>,
    /// Take passwords by plain HTTP on addresses beyond the loopback: something in front of it speaks TLS
    #[arg(long, requires = "htpasswd", conflicts_with = "tls_cert")]
    htpasswd_over_http: bool,
    /// Most bytes a second for each client, as in 5MB or 500KiB, over all of its connections [default: as
    /// fast as it goes]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    client_rate: Option<u64>,
    /// Note every request behind the end of this file, which may be moved away meanwhile; - is standard output
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// How a request is noted
    #[arg(long, value_enum, default_value_t = LogFormat::Combined, requires = "access_log")]
    access_log_format: LogFormat,
    /// How long answers under way may take to end after Ctrl-C or SIGTERM; the second one does not wait
    #[arg(long, value_name = "SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u32).range(0..=3600))]
    grace: u32,
}

/// Where a registry usually is.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
/// How long the server may take beyond that to end by itself.
const LEAVE: Duration = Duration::from_secs(5);

impl Serve {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let trust = self.believe.trust(printer)?;
        let (progress, now) = (printer.progress(), now()?);
        // Before the long work of verifying, so that what is taken or cannot be written is known at once.
        let listener = listener(self.listen)?;
        let address = listener.local_addr().map_err(|e| Error::io("cannot tell the address", e))?;
        let mut terms = self.terms(address, printer)?;
        let access = self.access_log.as_deref();
        if let Some(path) = access.filter(|path| path.as_os_str() != "-") {
            let bundles = self.bundle.paths().iter().chain(&self.also).chain(&self.base);
            bundles.into_iter().try_for_each(|bundle| apart(path, bundle))?;
        }
        let access = access
            .map(|path| AccessLog::begin(path, self.access_log_format, printer))
            .transpose()?;
        let access = access.map(Arc::new);
        terms.visits = access.map(|log| -> Visits { Arc::new(move |visit| log.note(visit)) });
        let opener = self.unlock.opener(printer)?;
        let mut media = vec![self.bundle.medium(|path| opener.medium(path))];
        media.extend(opener.media(self.also));
        let bases = opener.media(all_at_hand::<PathBuf>("--base", self.base)?);
        let url = format!("http{}://{address}", if terms.tls.is_some() { "s" } else { "" });
        let (mut bundles, mut pages) = (Vec::new(), Vec::new());
        for medium in &media {
            let bundle = check::examine(medium, &trust, now)?.into_trusted()?;
            // What one bundle does not carry, another one may.
            let lacks = bundle.contents().blobs.lacking().next().is_some();
            let others = media.iter().filter(|other| lacks && other.path() != medium.path());
            let beside: Vec<Medium> = bases.iter().chain(others).cloned().collect();
            let bundle = whole(bundle.beside(Bases::open(&beside, medium, &progress.handle())?))?
                .verify(all_cores(), &*progress)?;
            let report = BundleReport::of(medium, &bundle, now, &*progress)?;
            pages.push(served_page(&report, &as_pulled(address), terms.tls.is_some()));
            let evidence = Evidence::of(medium, bundle.trusted().about(), now);
            ahead(&evidence).iter().for_each(|line| printer.note(&format!("warning: {line}")));
            bundles.push(bundle);
        }
        let (shelf, hidden) = shelf(bundles);
        hidden.iter().for_each(|hidden| printer.note(&told_hidden(hidden)));
        for name in shelf.files().withheld() {
            printer.note(&format!(
                "warning: the bundle {name} is not given as a file: another one, or a page, has its name"
            ));
        }
        let told = listening(&url, &hidden, shelf.files());
        printer.result(&told, || vec![format!("listening on {url}")])?;
        let shelf = match pages.into_iter().collect::<Option<Vec<_>>>() {
            Some(pages) => shelf.with_front(fronts(pages, &media)),
            None => {
                printer.note("there is no page at /: it would be too large for a browser");
                shelf
            }
        };
        // The first stop ends the server, and not what it reads for answers under way.
        let log = Arc::new(Cancellable::new(progress, Cancel::default()));
        printer.finish_within(terms.grace + LEAVE);
        serve(shelf, listener, terms, || printer.cancel().is_cancelled(), log)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Serve {
    /// How it is served, but for the log.
    fn terms(&self, address: SocketAddr, printer: &Printer) -> Result<Terms> {
        let tls = server_tls::opened(self.tls_cert.as_deref(), self.tls_key.as_deref(), printer)?;
        let passwords = self.htpasswd.as_deref().map(Passwords::open).transpose()?.map(Arc::new);
        let is_near = address.ip().to_canonical().is_loopback();
        if passwords.is_some() && tls.is_none() && !is_near && !self.htpasswd_over_http {
            let text = format!("passwords would cross the network in clear on {address}");
            return Err(Error::new(Class::Usage, text).hint(
                "name a certificate (--tls-cert, --tls-key), or, where a proxy in front speaks TLS, say \
                 --htpasswd-over-http",
            ));
        }
        let (grace, client_rate) = (Duration::from_secs(self.grace.into()), self.client_rate);
        Ok(Terms { grace, passwords, tls, client_rate, visits: None })
    }
}

/// An address to listen at: of this machine by number, as `localhost` may be several.
fn address(text: &str) -> Result<SocketAddr, String> {
    let number = match text.split_once(':') {
        Some(("localhost", port)) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
        _ => text.to_owned(),
    };
    number.parse().map_err(|_| {
        "write an address and a port, as 127.0.0.1:5000, [::1]:5000, or 0.0.0.0:5000 for every address \
         of this machine"
            .to_owned()
    })
}

/// Where clients are awaited: at `address`, else at the socket that systemd handed over, else where
/// registries usually are.
fn listener(address: Option<SocketAddr>) -> Result<TcpListener> {
    let given = if address.is_none() { inherited_listener()? } else { None };
    if let Some(listener) = given {
        return Ok(listener);
    }
    let address = address.unwrap_or(USUAL);
    TcpListener::bind(address).map_err(|e| {
        Error::io(format!("cannot listen on {address}"), e)
            .hint("name an address of this machine and a free port with --listen; port 0 takes one")
    })
}

/// Fails where a log at `path` would be written into a bundle, or is the file `bundle`.
fn apart(path: &Path, bundle: &Path) -> Result<()> {
    ground::no_bundle(path.parent().unwrap_or(Path::new(".")))?;
    let known = |path: &Path| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    match known(path).is_some_and(|log| known(bundle) == Some(log)) {
        false => Ok(()),
        true => Err(Error::new(Class::Usage, format!("{} is the bundle itself", path.display()))
            .hint("name another file for the log")),
    }
}

/// What is printed once it listens.
fn listening(url: &str, hidden: &[Hidden], files: &GivenFiles) -> Value {
    let hidden: Vec<Value> = hidden
        .iter()
        .map(|hidden| {
            let (digest, bundle) = &hidden.hidden;
            json!({"name": hidden.name, "shown": hidden.shown, "hidden": digest, "bundle": bundle})
        })
        .collect();
    let one = |file: &GivenFile| {
        json!({
            "name": file.name(),
            "url": format!("{url}{}", file.path()),
            "statement": file.statement(),
        })
    };
    let files: Vec<Value> = files.iter().map(one).collect();
    json!({"listening": url, "hidden": hidden, "files": files})
}

fn told_hidden(hidden: &Hidden) -> String {
    let (digest, bundle) = &hidden.hidden;
    format!(
        "warning: {} is {}; what {bundle} has under that name is there as {digest} alone",
        hidden.name, hidden.shown
    )
}

/// The pages of bundles, behind one that leads to them where there are several.
fn fronts(pages: Vec<String>, media: &[Medium]) -> Vec<String> {
    if pages.len() < 2 {
        return pages;
    }
    let names: Vec<String> = media.iter().map(ToString::to_string).collect();
    served_bundles(&names).into_iter().chain(pages).collect()
}

/// How those who pull call `address`. What listens on every address is called by one of them.
fn as_pulled(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("THIS-MACHINE:{}", address.port()),
        false => address.to_string(),
    }
}
