//! [`receipted`]: an import writes its receipt, which says what is at the destination now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::job::Job;
use super::landing::Landing;
use super::partly::Unremarked;
use super::receipted::{NotAsBrought, Receipted};
use super::receipting::Receipting;
use super::request::Request;
use super::summary::{Landed, Summary};
use super::there_now::{Seen, ThereNow};
use crate::bundle::contents::{Contents, Image};
use crate::bundle::receipt::{
    HeldBundle, MAX_REASON, MAX_UNREAD, Receipt, ReceiptAbout, ReceivedImage, ReceivedState, Unread,
};
use crate::bundle::subset::{Referring, subset};
use crate::tools::file::lies_in;
use crate::tools::folder::is_folder_at;
use crate::tools::ground;
use crate::verbs::inventory::hand_out;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::reference::Reference;
use crate::work::plan::NameAction;

/// Fails as writing the receipt that is `wanted` will, where that can be known.
///
/// # Errors
/// [`Class::Usage`] where the `landing` cannot be read back, and for a path in the bundle or at the
/// destination; those of [`ground::check`].
pub(super) fn check(wanted: &Receipting, request: &Request, landing: &dyn Landing) -> Result<()> {
    let refused = |text: String, hint: &str| {
        Err(Error::new(Class::Usage, text)
            .subject(Subject::Path(wanted.path.clone()))
            .hint(hint.to_owned()))
    };
    let shown = wanted.path.display();
    if !landing.can_be_read() {
        let text = "what goes to standard output cannot be read back, and gets no receipt";
        return refused(text.to_owned(), "import into a file or a folder");
    }
    let elsewhere = "name another place for the receipt";
    if is_folder_at(&wanted.path)? {
        return refused(format!("{shown} is a folder, not a file"), "name a file in it");
    }
    if request.bundle.contains(&wanted.path) {
        return refused(format!("{shown} lies in the bundle itself"), elsewhere);
    }
    let is_there = |place: &Path| place == wanted.path || lies_in(&wanted.path, place);
    if landing.path().is_some_and(is_there) {
        return refused(format!("{shown} lies at the destination itself"), elsewhere);
    }
    ground::check(&wanted.path)
}

/// What came to one name of a repository.
type Came<'s> = BTreeMap<(Reference, String), &'s Landed>;

/// Asks the destination of `job` what is there of what `summary` says, and writes it as the receipt that
/// is `wanted`.
///
/// # Errors
/// When the destination cannot be asked, and when the receipt cannot be written. What is not there is no
/// failure: the receipt says so.
pub(super) fn receipted(
    job: Job<'_>,
    landing: &dyn Landing,
    summary: Summary,
    wanted: &Receipting,
) -> Result<Summary> {
    // 1. What is there of what was brought, what was left as it was, and what did not arrive?
    let quiet = Unremarked(job.progress);
    let job = Job { progress: &quiet, ..job };
    let came: Came<'_> =
        summary.images.iter().map(|it| ((it.name.clone(), it.to.name()), it)).collect();
    let sorted = |kept: bool| -> BTreeSet<&Reference> {
        let landed = summary.images.iter();
        landed.filter(|it| (it.action == NameAction::Keep) == kept).map(|it| &it.name).collect()
    };
    let (brought, kept) = (sorted(false), sorted(true));
    let brought = only(job.contents, |image| brought.contains(&image.name));
    let kept = only(job.contents, |image| kept.contains(&image.name));
    let unread = |e: Error| e.context("what was brought could not be read back");
    let mut back = look(job, landing, &brought, &came).map_err(unread)?;
    back.join(without_referrers(look(job, landing, &kept, &came).map_err(unread)?));
    let (failed, unread) = failed(job, landing, &summary)?;
    back.content.join(failed.content);

    // 2. Image by image.
    let signed = Signed::of(job);
    let (mut images, mut missing) = (Vec::new(), Vec::new());
    for seen in back.seen {
        let landed = came.get(&(seen.name.clone(), seen.to.name())).copied();
        let (image, lacks) = signed.line(job.contents, seen, landed);
        let is_kept = landed.is_some_and(|it| it.action == NameAction::Keep);
        if image.state != ReceivedState::Complete && !is_kept {
            missing.push(NotAsBrought { image: image.clone(), lacks });
        }
        images.push(image);
    }
    images.extend(failed.seen.into_iter().map(|seen| signed.line(job.contents, seen, None).0));
    images.extend(unread.iter().filter_map(|(name, to, _)| {
        let image = ReceivedImage::new(name.clone(), signed.digest(name)?);
        Some(ReceivedImage { to: to.clone(), state: ReceivedState::Unread, ..image })
    }));

    // 3. The receipt.
    let place = job.request.to.to_string();
    let statement = job.ready.bundle.about().statement();
    let is_whole = signed.all_complete(&images);
    let bundle = HeldBundle::new(statement.predicate.position(), statement.digest, is_whole);
    let about = ReceiptAbout::import((wanted.clock)()?, place, bundle);
    let unread = unread.into_iter().take(MAX_UNREAD);
    let unread = unread.map(|(name, _, why)| Unread::new(name.to_string(), why));
    let receipt = Receipt::import(about.without(unread.collect()), back.content, images);
    let digest = hand_out(&receipt, wanted.key.as_deref(), &wanted.path)
        .map_err(|e| e.context("what was brought is there, and there is no receipt of it"))?;
    let receipted = Receipted {
        path: wanted.path.clone(),
        digest,
        key: wanted.key.as_ref().map(|key| key.public().id()),
        totals: receipt.about.images.unwrap_or_default(),
        missing,
    };
    let ok = summary.ok && receipted.missing.is_empty();
    Ok(Summary { ok, receipt: Some(receipted), ..summary })
}

/// Those images of `contents` that are meant, with what refers to them.
fn only(contents: &Contents, is_meant: impl Fn(&Image) -> bool) -> Contents {
    subset(contents, &Referring::among(contents), is_meant)
}

/// What is there of `contents`.
fn look(
    job: Job<'_>,
    landing: &dyn Landing,
    contents: &Contents,
    came: &Came<'_>,
) -> Result<ThereNow> {
    if contents.images.is_empty() {
        return Ok(ThereNow::default());
    }
    let came_as = |name: &Reference, to: &Reference| {
        came.get(&(name.clone(), to.name())).map_or_else(|| to.clone(), |it| it.to.clone())
    };
    landing.read_back(Job { contents, ..job }, &came_as)
}

/// The same without what refers to images.
fn without_referrers(mut back: ThereNow) -> ThereNow {
    back.seen.retain(|seen| !seen.refers);
    back
}

/// An image of which the destination did not tell: its name, that there, and why.
type Untold = (Reference, Option<Reference>, String);

/// What is there of the images that did not arrive, one by one; and those of which nobody can tell.
fn failed(
    job: Job<'_>,
    landing: &dyn Landing,
    summary: &Summary,
) -> Result<(ThereNow, Vec<Untold>)> {
    let (mut back, mut unread) = (ThereNow::default(), Vec::new());
    for failed in &summary.failed {
        job.progress.check()?;
        let is_it = |image: &Image| image.name == failed.name;
        let written = only(job.contents, is_it);
        let contents = match written.images.is_empty() {
            true => only(job.ready.signed(), is_it),
            false => written,
        };
        match look(job, landing, &contents, &Came::new()) {
            Ok(found) => back.join(without_referrers(found)),
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => {
                let reason = error.spelled().chars().take(MAX_REASON).collect();
                unread.push((failed.name.clone(), None, reason));
            }
        }
    }
    Ok((back, unread))
}

/// What was signed.
struct Signed<'s> {
    contents: &'s Contents,
    digests: BTreeMap<&'s Reference, Digest>,
}

impl<'s> Signed<'s> {
    fn of(job: Job<'s>) -> Signed<'s> {
        let contents = job.ready.signed();
        let digests = contents.images.iter().map(|image| (&image.name, image.digest)).collect();
        Signed { contents, digests }
    }

    /// The digest that was signed as that of the image `name`.
    fn digest(&self, name: &Reference) -> Option<Digest> {
        self.digests.get(name).copied()
    }

    /// What `seen` is in a receipt, of `contents` as they were written, and what of it lacks. It `landed` so.
    fn line(
        &self,
        contents: &Contents,
        seen: Seen,
        landed: Option<&Landed>,
    ) -> (ReceivedImage, Vec<Digest>) {
        let own = || contents.replaced.get(&seen.wanted).copied().unwrap_or(seen.wanted);
        let signed = self.digest(&seen.name).filter(|_| !seen.refers).unwrap_or_else(own);
        let before = landed.and_then(|it| match it.action {
            NameAction::Present | NameAction::Keep => Some(it.digest),
            NameAction::Replace => it.before,
            NameAction::Create | NameAction::ByDigest => None,
        });
        let Seen { name, to, state, there, lacks, .. } = seen;
        let image = ReceivedImage::new(name, signed);
        (ReceivedImage { to: Some(to), state, there, before, ..image }, lacks)
    }

    /// Whether `images` tell of all that the bundle brought, and all of it is there as it was signed.
    fn all_complete(&self, images: &[ReceivedImage]) -> bool {
        let is_whole = |image: &ReceivedImage| {
            image.state == ReceivedState::Complete && image.there == Some(image.signed)
        };
        let told: BTreeSet<Digest> = images.iter().map(|image| image.signed).collect();
        let names: BTreeSet<&Reference> = images.iter().map(|image| &image.name).collect();
        images.iter().all(is_whole)
            && self.contents.images.iter().all(|image| names.contains(&image.name))
            && self.contents.referrers.iter().all(|it| it.is_list() || told.contains(&it.digest))
    }
}
