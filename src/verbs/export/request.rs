//! [`Request`]: what to export, and how.

use std::collections::BTreeMap;
use std::io::Read;

use super::since::Since;
use crate::bundle::contents::Skipped;
use crate::bundle::draft::Draft;
use crate::bundle::history::Opening;
use crate::bundle::keys::PublicKey;
use crate::bundle::ledger::LedgerOverride;
use crate::bundle::recovery::Redundancy;
use crate::bundle::roots::TrustFolder;
use crate::medium::Medium;
use crate::places::location::Source;
use crate::tools::pace::Jobs;
use crate::verbs::admission::Admission;
use crate::verbs::recording::LedgerKeeper;
use crate::verbs::sequel::Sequel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::work::graph::Selection;
use crate::work::scan::Scans;
use crate::work::signature_rule::SignatureRule;

/// What to export, and how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The images.
    pub images: Vec<Source>,
    /// Whether images come along that the charts among them name, as far as that is known without rendering
    /// them. Else it is told that there are some.
    pub with_images: bool,
    /// Where those are named that come from lists, as in `images.txt: line 3`, by their text.
    pub listed: BTreeMap<String, String>,
    /// The SHA-256 of each lock among those lists, which the bundle says.
    pub locks: Vec<Digest>,
    /// Where the bundle is to lie.
    pub output: Medium,
    /// Which parts of the images.
    pub select: Selection,
    /// What tells which blobs the other side holds already, so that they are not carried.
    pub since: Vec<Since>,
    /// Of whose keys one has to have signed each receipt among those; anybody may where there is none.
    pub since_keys: Vec<PublicKey>,
    /// The bundle's time.
    pub created_at: Moment,
    /// When the bundle stops being acceptable.
    pub expires_at: Option<Moment>,
    /// The trust folder of which the bundle carries all roots, for sites that have missed some. The key has to
    /// be one that signs its stream there.
    pub trust: Option<TrustFolder>,
    /// The stream that it goes on with, if any.
    pub stream: Option<Sequel>,
    /// Which signatures the images have to carry. They come along, so that the other side can ask, too.
    pub signatures: Vec<SignatureRule>,
    /// What they are scanned with before they cross.
    pub scans: Scans,
    /// Transfers at a time.
    pub jobs: Jobs,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
    /// Whether images that cannot be read are left behind, of places that are asked for as a whole.
    pub skip_unreadable: bool,
    /// Whether images that are not there, or that nobody may have, are left behind, asked for by their names
    /// or not. The summary says then that it is not all.
    pub skip_missing: bool,
    /// What was asked for, and was found to mean nothing before this: it stands in the bundle as left out.
    pub missing: Vec<Skipped>,
    /// Bundles, layouts and other folders on this side, of which blobs are taken that are there.
    pub reuse: Vec<Medium>,
    /// Whether a bundle that is at the output is brought up to date, where it is a folder: another one
    /// comes in its place in one step, of the same files where they stay.
    pub update: bool,
    /// Whether every byte is read back from the medium, past what the system has in memory, before the
    /// bundle gets its name.
    pub verify_media: bool,
    /// How much recovery data it gets once it is finished, if any. Volumes have room for it on their
    /// media where they are cut for that ([`Redundancy::leaves`]).
    pub redundancy: Option<Redundancy>,
    /// The policies that the images are held against before they are let in.
    pub admission: Admission,
    /// Where it is noted what is done, if anywhere.
    pub ledger: Option<LedgerKeeper>,
    /// Opens standard input, for the archive that is called `-`.
    pub stdin: fn() -> Result<Box<dyn Read>>,
}

impl Request {
    /// Exports `images`, with all their platforms and referrers, to `output`, dated `created_at`;
    /// without an end, and as fast as it goes. The fields say otherwise.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use sealift::verbs::export::Request;
    ///
    /// let images = vec!["alpine:3.20".parse()?, "oci:build/layout".parse()?];
    /// let mut request = Request::new(images, "june.tar", SystemTime::now().try_into()?);
    /// request.expires_at = Some(request.created_at.plus_days(90)?);
    /// request.select.platforms = vec!["linux/amd64".parse()?];
    /// # Ok::<(), sealift::words::error::Error>(())
    /// ```
    #[must_use]
    pub fn new(images: Vec<Source>, output: impl Into<Medium>, created_at: Moment) -> Request {
        Request {
            images,
            with_images: false,
            listed: BTreeMap::new(),
            locks: Vec::new(),
            output: output.into(),
            select: Selection::default(),
            since: Vec::new(),
            since_keys: Vec::new(),
            created_at,
            expires_at: None,
            trust: None,
            stream: None,
            signatures: Vec::new(),
            scans: Scans::default(),
            jobs: Jobs::default(),
            dry_run: false,
            skip_unreadable: false,
            skip_missing: false,
            missing: Vec::new(),
            reuse: Vec::new(),
            update: false,
            verify_media: false,
            redundancy: None,
            admission: Admission::default(),
            ledger: None,
            stdin: || Err(Error::new(Class::Usage, "there is no standard input to read from")),
        }
    }
    /// What is done though the rule says otherwise, where so many images were `skipped`.
    pub(super) fn overrides(&self, skipped: u64) -> impl Iterator<Item = LedgerOverride> + use<> {
        let opening = self.stream.as_ref().map(|stream| &stream.opening);
        let is_new = matches!(opening, Some(Opening::NewEpoch(_)));
        let all = [("newEpoch", is_new), (self.skipping(), skipped > 0)];
        all.into_iter().filter(|(_, is)| *is).map(|(what, _)| LedgerOverride::new(what, None))
    }

    /// What it is called that images are left behind.
    fn skipping(&self) -> &'static str {
        if self.skip_missing { "skipMissing" } else { "skipUnreadable" }
    }

    /// Removes what an update of the output left that was killed when it was done.
    pub(super) fn tidy_up(&self) -> Result<()> {
        match self.update && !self.dry_run {
            true => Draft::tidy_up(&self.output),
            false => Ok(()),
        }
    }
}
