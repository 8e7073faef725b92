//! [`Ready`]: a bundle that is believed.

use std::sync::Arc;

use super::request::Request;
use super::summary::Summary;
use crate::bundle::check::Trusted;
use crate::bundle::contents::Contents;
use crate::bundle::screening::Screening;
use crate::verbs::recording::LedgerRun;
use crate::words::digest::Digest;
use crate::words::progress::Progress;
use crate::work::plan::Plan;
use crate::work::transfer::{Carrier, Tally, Unfinished};

/// A bundle that is believed, and what was brought of it.
pub(super) struct Ready<'r> {
    pub(super) bundle: Arc<Trusted>,
    pub(super) tally: Tally,
    /// Where it is noted.
    pub(super) run: &'r LedgerRun<'r>,
    /// What was signed, where what is left of it is less.
    pub(super) whole: Option<Contents>,
}

impl Ready<'_> {
    /// Brings the blobs of `contents`.
    pub(super) fn carrier<'c>(
        &'c self,
        request: &Request,
        contents: &'c Contents,
        progress: &'c dyn Progress,
    ) -> Carrier<'c> {
        let (jobs, go_on) = (request.jobs, request.leave_behind.unsound());
        Carrier { jobs, go_on, ..Carrier::new(contents, &*self.bundle, &self.tally, progress) }
    }

    /// `stop`, with the volumes that those blobs lie in which cannot be used.
    pub(super) fn located(&self, stop: Unfinished) -> Unfinished {
        let Unfinished::Blobs(blobs) = stop else { return stop };
        let located = blobs.into_iter().map(|(digest, error)| {
            let volumes = self.bundle.about().suspects(&digest);
            match volumes.is_empty() {
                true => (digest, error),
                false => (digest, error.context(volumes.join(", "))),
            }
        });
        Unfinished::Blobs(located.collect())
    }

    /// What was signed, with what cannot be used of it where a receipt is to tell of that.
    pub(super) fn signed(&self) -> &Contents {
        self.whole.as_ref().unwrap_or_else(|| self.bundle.contents())
    }

    /// The digest of its statement.
    pub(super) fn statement(&self) -> Digest {
        self.bundle.about().statement().digest
    }

    /// The summary of an import that did nothing yet.
    pub(super) fn nothing(&self, request: &Request) -> Summary {
        self.summary(request, Plan::empty(self.statement()))
    }

    /// What the import amounted to, of which `plan` was the last.
    pub(super) fn summary(&self, request: &Request, plan: Plan) -> Summary {
        let signers = self.bundle.about().signers().to_vec();
        let screenings = Screening::in_order(self.run.screenings());
        Summary { screenings, ..Summary::of(request, plan, &self.tally, signers) }
    }
}
