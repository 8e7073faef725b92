//! The option that says where it is noted what was done.

use std::path::PathBuf;

use clap::Args;

use super::environment::{host, ledger_file, now, user};
use super::printer::Printer;
use crate::verbs::recording::LedgerKeeper;
use crate::words::error::{Class, Error, Result};

/// Where it is noted what was done.
#[derive(Debug, Args)]
pub(super) struct Noting {
    /// File in which it is noted what was done, by whom and how it ended; it is made where it is missing
    /// [default: ~/.local/state/sealift/ledger.jsonl, for root /var/lib/sealift/ledger.jsonl]
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

impl Noting {
    /// Who notes what changes something: what cannot be noted is not done. Nothing where there is no
    /// home to keep anything in, which is said to whoever asked for quiet, too.
    pub(super) fn keeper(&self, printer: &Printer) -> Option<LedgerKeeper> {
        let keeper = self.known();
        if keeper.is_none() {
            printer.warn(
                "warning: nothing of this is noted: there is no home to keep a ledger in; \
                 --ledger names a file",
            );
        }
        keeper
    }

    /// Who notes what only looks: it goes on where that cannot be noted, unless a ledger is named.
    pub(super) fn lenient_keeper(&self) -> Option<LedgerKeeper> {
        let keeper = self.known();
        match self.ledger.is_some() {
            true => keeper,
            false => keeper.map(LedgerKeeper::lenient),
        }
    }

    /// The one that is named, or that there is.
    ///
    /// # Errors
    /// [`Class::Usage`] where there is none.
    pub(super) fn required(&self) -> Result<LedgerKeeper> {
        self.known().ok_or_else(|| {
            Error::new(Class::Usage, "there is no home to keep a ledger in")
                .hint("name a file with --ledger")
        })
    }

    fn known(&self) -> Option<LedgerKeeper> {
        let file = self.ledger.clone().or_else(ledger_file)?;
        Some(LedgerKeeper::new(file, user(), host(), now))
    }
}
