//! [`Request`]: what to import, and how.

use super::discs::Discs;
use super::filing::Filing;
use super::leave_behind::LeaveBehind;
use super::receipting::Receipting;
use super::sharing::Sharing;
use crate::bundle::check::Trust;
use crate::medium::Medium;
use crate::places::engine::Trial;
use crate::places::location::Destination;
use crate::tools::pace::Jobs;
use crate::verbs::admission::Admission;
use crate::verbs::freshness::Demands;
use crate::verbs::recording::LedgerKeeper;
use crate::words::digest::Digest;
use crate::words::moment::Moment;
use crate::words::platform::Platform;
use crate::work::choice::Choice;
use crate::work::graph::Rewrite;
use crate::work::mapping::NameRule;
use crate::work::plan::OnExisting;
use crate::work::projects::Provision;
use crate::work::scan::Scans;
use crate::work::signature_rule::SignatureRule;

/// What to import, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: Medium,
    /// Where to.
    pub to: Destination,
    /// Earlier bundles and layouts at hand, for what the bundle does not carry.
    pub bases: Vec<Medium>,
    /// Whom to believe.
    pub trust: Trust,
    /// The digest of the statement that it has to be the bundle of; any without.
    pub statement: Option<Digest>,
    /// Which stream it has to be of, and what was taken of that before.
    pub demands: Demands,
    /// Which images.
    pub choice: Choice,
    /// Which signatures the images have to carry, inside of the bundle.
    pub signatures: Vec<SignatureRule>,
    /// What they are scanned with before they cross.
    pub scans: Scans,
    /// Rules for names; the first that matches decides.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of a name is kept.
    pub flatten: bool,
    /// What to do about names that stand for other images.
    pub existing: OnExisting,
    /// What may be done about projects, where the destination has such.
    pub projects: Provision,
    /// The platform of which multi-platform images are taken, where a destination holds one only.
    pub platform: Option<Platform>,
    /// What is written anew, under other digests.
    pub rewrite: Rewrite,
    /// The time, for the expiry.
    pub now: Moment,
    /// How archives are written, where they are the destination.
    pub filing: Filing,
    /// Transfers at a time.
    pub jobs: Jobs,
    /// Whether every byte of the bundle has to be right before anything is brought, also of what the destination
    /// has; else what is brought is checked on its way, and nothing more.
    pub every_byte: bool,
    /// Whether to stop with the plan.
    pub dry_run: bool,
    /// How a bundle in volumes is imported of which not all are at hand at a time; else they have to
    /// be.
    pub discs: Option<Discs>,
    /// Which images are left behind, so that the others are brought.
    pub leave_behind: LeaveBehind,
    /// Which part of it is done, where several do it together.
    pub sharing: Sharing,
    /// The policies that the images are held against before they are let in.
    pub admission: Admission,
    /// Where it is noted what is done, if anywhere.
    pub ledger: Option<LedgerKeeper>,
    /// The command that is run in every image afterwards, if one is.
    pub trial: Option<Trial>,
    /// The receipt that is to say what is at the destination afterwards, if one is wanted.
    pub receipt: Option<Receipting>,
}

impl Request {
    /// Imports all of `bundle` to the destination `to`, if `trust` lets it, at the time `now`:
    /// names as they are, nothing overwritten, as fast as it goes. The fields say otherwise.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use sealift::bundle::check::Trust;
    /// use sealift::verbs::import::Request;
    ///
    /// # let keys = Vec::new();
    /// let to = "docker://harbor.example/group".parse()?;
    /// let now = SystemTime::now().try_into()?;
    /// let mut request = Request::new("june.tar", to, Trust::Keys(keys), now);
    /// request.dry_run = true;
    /// # Ok::<(), sealift::words::error::Error>(())
    /// ```
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, to: Destination, trust: Trust, now: Moment) -> Request {
        Request {
            bundle: bundle.into(),
            to,
            bases: Vec::new(),
            trust,
            statement: None,
            demands: Demands::default(),
            choice: Choice::default(),
            signatures: Vec::new(),
            scans: Scans::default(),
            rules: Vec::new(),
            flatten: false,
            existing: OnExisting::default(),
            projects: Provision::default(),
            platform: None,
            rewrite: Rewrite::default(),
            now,
            filing: Filing::default(),
            jobs: Jobs::default(),
            every_byte: false,
            dry_run: false,
            discs: None,
            leave_behind: LeaveBehind::default(),
            sharing: Sharing::default(),
            admission: Admission::default(),
            ledger: None,
            trial: None,
            receipt: None,
        }
    }
}
