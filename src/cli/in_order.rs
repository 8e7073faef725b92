//! The options that say which stream a bundle has to be of, and what was taken of it before.

use std::path::PathBuf;

use clap::Args;

use super::environment::state_folder;
use super::evidence::in_words;
use super::idle;
use super::printer::Printer;
use super::report::argument;
use crate::bundle::memory::{Reasons, Verdict};
use crate::verbs::evidence::Evidence;
use crate::verbs::freshness::{Demands, Freshness};
use crate::words::escape::Safe;
use crate::words::stream::StreamName;

/// What a bundle is held against.
#[derive(Debug, Args)]
pub(super) struct InOrder {
    /// Take a bundle of this stream only [default: of any, or of none]
    #[arg(long, value_name = "NAME", value_parser = argument::<StreamName>)]
    stream: Option<StreamName>,
    /// Folder in which it is remembered which bundle of each stream was taken last
    /// [default: ~/.local/state/sealift/state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Take the bundle though others before it are missing; the reason is remembered
    #[arg(long, value_name = "REASON")]
    accept_gap: Option<String>,
    /// Take the bundle though the sender began to count again; the reason is remembered
    #[arg(long, value_name = "REASON")]
    new_epoch: Option<String>,
}

impl InOrder {
    /// Whether any of it was given.
    pub(super) fn is_given(&self) -> bool {
        let reasons = self.accept_gap.is_some() || self.new_epoch.is_some();
        self.stream.is_some() || self.state.is_some() || reasons
    }

    pub(super) fn demands(self) -> Demands {
        Demands {
            stream: self.stream,
            state: self.state.or_else(|| state_folder().map(|it| it.join("state"))),
            reasons: Reasons { gap: self.accept_gap, new_epoch: self.new_epoch },
        }
    }
}

/// Says which reasons were not needed.
pub(super) fn tell_idle(reasons: &Reasons, evidence: &Evidence, printer: &Printer) {
    let used = evidence.freshness.as_ref().map_or(&[][..], |it| &it.reasons);
    let is_idle = |reason: &Option<String>| reason.as_ref().is_some_and(|it| !used.contains(it));
    let given =
        [("--accept-gap", is_idle(&reasons.gap)), ("--new-epoch", is_idle(&reasons.new_epoch))];
    idle::tell(&given, "the bundle is one that is taken without", printer);
}

/// Where the bundle stands in its stream, and to what was taken before.
pub(super) fn standing(of: &Evidence) -> Vec<String> {
    let Some(position) = &of.position else { return Vec::new() };
    let mut line = in_words(position);
    if let Some(Freshness { verdict, before, .. }) = &of.freshness {
        let last = before.as_ref().map(ToString::to_string).unwrap_or_default();
        line += &match verdict {
            Verdict::First => {
                "; the first of it that is seen here: there is nothing to compare it with"
                    .to_owned()
            }
            Verdict::Same => "; the same was taken before".to_owned(),
            Verdict::Next => format!("; it follows {last}, which was taken before"),
            Verdict::Gap => format!("; others are MISSING between {last} and this one"),
            Verdict::NewEpoch => format!("; a NEW EPOCH, behind {last}"),
        };
    }
    let mut lines = vec![line];
    if let Some(fresh) = &of.freshness {
        lines.extend(fresh.reasons.iter().map(|it| format!("taken because: {}", Safe(it))));
        lines.extend(fresh.remembered.then(|| format!("remembered as {position}")));
    }
    lines
}
