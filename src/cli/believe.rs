//! The options that say whom to believe.

use std::path::PathBuf;

use clap::Args;

use super::printer::Printer;
use super::secrets::public_keys;
use crate::bundle::check::Trust;
use crate::words::error::Result;

/// Whom to believe.
#[derive(Debug, Args)]
pub(super) struct Believe {
    /// Public key that must have signed the bundle (with several, any one of them)
    #[arg(long, value_name = "PUB.pem", required_unless_present = "insecure_no_verify")]
    key: Vec<PathBuf>,
    /// Take the bundle whoever signed it: bytes are still checked, but against a list that
    /// anybody may have made
    #[arg(long, conflicts_with = "key")]
    insecure_no_verify: bool,
}

impl Believe {
    pub(super) fn trust(&self, printer: &Printer) -> Result<Trust> {
        if self.insecure_no_verify {
            printer.note("warning: --insecure-no-verify: nobody's signature is asked for");
            return Ok(Trust::UnsafeAnySigner);
        }
        public_keys(&self.key).map(Trust::Keys)
    }
}
