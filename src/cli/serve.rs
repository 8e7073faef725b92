//! `sealift serve`.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::at_hand::all_at_hand;
use super::believe::Believe;
use super::bundle::Bundle;
use super::environment::now;
use super::evidence::ahead;
use super::printer::Printer;
use super::unlock::Unlock;
use crate::bundle::bases::Bases;
use crate::bundle::check;
use crate::tools::parallel::all_cores;
use crate::verbs::evidence::Evidence;
use crate::verbs::report::{BundleReport, served_page};
use crate::verbs::serve::{serve, shelf, whole};
use crate::words::error::{Error, Result};

/// Serve a bundle as a read-only registry
///
/// Every byte is verified first. Then docker, podman, containerd and skopeo can pull from it by
/// the image's path (library/alpine) or its full name (docker.io/library/alpine).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift serve june.tar --key transfer.pub.pem
  sealift serve july.tar --key transfer.pub.pem --base june.tar
  sealift serve june.tar.age --identity site.key --key transfer.pub.pem
  podman pull --tls-verify=false 127.0.0.1:5000/library/alpine:3.20

At / a browser shows what is in the bundle, as `sealift report` writes it, with the command to pull each
image. Plain HTTP without credentials: whoever reaches the address can pull. On the loopback it answers to
addresses and localhost only, whatever name leads there. Ctrl-C ends it, with exit code 0.")]
pub(super) struct Serve {
    #[command(flatten)]
    bundle: Bundle,
    /// Earlier bundle, or layout (DIR, oci:DIR or oci-archive:FILE), that gives what the bundle does not
    /// carry (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    unlock: Unlock,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
}

impl Serve {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let trust = self.believe.trust(printer)?;
        let (progress, now) = (printer.progress(), now()?);
        // Before the long work of verifying, so that a port in use is known at once.
        let listener = TcpListener::bind(self.listen).map_err(|e| {
            Error::io(format!("cannot listen on {}", self.listen), e).hint(
                "name an address of this machine and a free port with --listen; port 0 takes one",
            )
        })?;
        let opener = self.unlock.opener(printer)?;
        let medium = self.bundle.medium(|path| opener.medium(path));
        let bases = opener.media(all_at_hand::<PathBuf>("--base", self.base)?);
        let bundle = check::examine(&medium, &trust, now)?.into_trusted()?;
        let bundle = whole(bundle.beside(Bases::open(&bases, &medium, &progress.handle())?))?
            .verify(all_cores(), &*progress)?;
        let address = listener.local_addr().map_err(|e| Error::io("cannot tell the address", e))?;
        let url = format!("http://{address}");
        let report = BundleReport::of(&medium, &bundle, now, &*progress)?;
        let page = served_page(&report, &as_pulled(address));
        drop(report);
        let evidence = Evidence::of(&medium, bundle.trusted().about(), now);
        ahead(&evidence).iter().for_each(|line| printer.note(&format!("warning: {line}")));
        printer.result(&json!({"listening": url}), || vec![format!("listening on {url}")])?;
        let shelf = shelf(bundle);
        let shelf = match page {
            Some(page) => shelf.with_front(page),
            None => {
                printer.note("there is no page at /: it would be too large for a browser");
                shelf
            }
        };
        serve(shelf, listener, || printer.cancel().is_cancelled(), progress)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// How those who pull call `address`. What listens on every address is called by one of them.
fn as_pulled(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("THIS-MACHINE:{}", address.port()),
        false => address.to_string(),
    }
}
