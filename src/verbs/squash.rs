//! `squash`: a bundle and the deltas upon it into one whole bundle. Blobs are hashed on their way,
//! and nothing is staged.

mod lineup;
mod request;
mod summary;

use self::lineup::Lineup;
pub use self::request::Request;
pub use self::summary::{SquashedFrom, Summary};
use crate::bundle::blob_list::BlobList;
use crate::bundle::check::{self, Trust};
use crate::bundle::draft::{Draft, refuse_existing};
use crate::bundle::head::Head;
use crate::bundle::keys::PrivateKey;
use crate::bundle::ledger::LedgerVerb;
use crate::bundle::statement::Predicate;
use crate::places::at_hand::AtHand;
use crate::storage::store::BlobSources;
use crate::tools::ground;
use crate::verbs::making::{
    self, copy_layers, no_room_for, read_configs, set_platforms, sizes, tell_anew, too_large,
};
use crate::verbs::numbered;
use crate::verbs::recording::LedgerRun;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;
use crate::work::merged::Merged;

/// Makes one bundle of several as `request` says, signed with `key`, which is wiped from memory as
/// soon as it has signed. It is whole, outside of any stream or the next one of that which is asked for,
/// and expires when the first does of those that it is made of, where nothing else is.
///
/// # Errors
/// Those of each of the bundles; [`Class::Incomplete`] by image where a blob is in none of them;
/// [`Class::Stale`] where two of them have one number; those of the history of its stream. All of that
/// comes before anything is written. After a fault of the disk `NAME.partial` holds what was finished, and the same call
/// goes on from there.
pub fn squash(request: &Request, key: PrivateKey, progress: &dyn Progress) -> Result<Summary> {
    let keeper = request.ledger.as_ref().filter(|_| !request.dry_run);
    let run = LedgerRun::new(keeper, LedgerVerb::Squash);
    let result = make(request, key, &run, progress);
    run.end(result, progress, |summary, event| {
        let event = event.count("images", summary.images.len() as u64);
        let event = event.count("referrers", summary.referrers as u64);
        (event.count("copiedBlobs", summary.copied.blobs), None)
    })
}

/// As [`squash`], which notes how this `run` ended.
fn make(
    request: &Request,
    key: PrivateKey,
    run: &LedgerRun<'_>,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. Where to, and is it free?
    run.check()?;
    let output = &request.output;
    refuse_existing(output)?;
    ground::check(output.path())?;
    if let Some(around) = request.bundles.iter().find(|bundle| bundle.contains(output.path())) {
        let text = format!("{output} lies in the bundle {around}");
        return Err(Error::new(Class::Usage, text).hint("name another place"));
    }
    let turn = numbered::turn(request.stream.as_ref(), key.public(), request.dry_run)?;

    // 2. Believe each bundle. What do they hold together, the newest name winning?
    let lineup = Lineup::open(request, progress)?;
    lineup.tell_older(turn.as_ref(), progress);
    let Merged { mut contents, names, blobs } = Merged::of(&lineup.contents(), &request.choice)?;
    let taken = lineup.taken(&names);
    let sources = lineup.sources(blobs);

    // 3. What do the images run on, and what did an interrupted run leave?
    let mut draft = match request.dry_run {
        true => None,
        false => Some(Draft::open(output)?),
    };
    let cancel = progress.handle();
    let (configs, mut reused, mut copied) = read_configs(
        &contents,
        &sources,
        draft.as_ref(),
        &AtHand::default(),
        request.jobs.most,
        &cancel,
    )?;
    set_platforms(&mut contents, &configs);

    // 4. Describe and sign, as an export does.
    let expires_at = request.expires_at.or_else(|| taken.expiry());
    let predicate =
        Predicate::of(&contents, request.created_at, expires_at).without(taken.skipped());
    let predicate = numbered::next(predicate, turn.as_ref(), draft.as_ref(), key.public(), false);
    let head = Head::make(&contents, &configs, &predicate, &key);
    let signer = key.public().clone();
    match draft.as_mut() {
        Some(draft) => draft.keep_key(key),
        None => drop(key),
    }
    check::promise(&head, &signer)?;
    too_large(output, &head)?;
    let (mut statement, mut planned, mut read_back) = (None, None, None);
    match draft {
        None => {
            let left = Draft::left(output)?;
            no_room_for(output, &head, left)?;
            planned = Some(sizes(output, &head, left));
            copied = contents.blobs.carried().collect();
        }
        Some(mut draft) => {
            contents.blobs = BlobList::default();
            tell_anew(&draft, progress);
            draft.begin(&head)?;

            // 5. Copy what is missing straight to its place; only then does it get its name.
            let from = (&contents, &sources as &dyn BlobSources);
            let more = copy_layers(&draft, &head, from, request.jobs, progress, &mut reused)?;
            copied.join(more.came);
            statement = Some(head.statement);
            let proven = draft.prove(&signer)?;
            read_back = making::read_back(
                request.verify_media,
                &proven,
                &Trust::Keys(vec![signer.clone()]),
                progress,
            )?;
            numbered::name(proven, turn.as_ref(), output, (run, &signer))?;
        }
    }
    Ok(Summary {
        bundle: output.clone(),
        from: taken.list(),
        referrers: contents.referrers.len(),
        images: contents.images,
        position: predicate.position(),
        skipped: predicate.skipped,
        copied,
        reused,
        expires_at,
        key: signer.id(),
        statement,
        dry_run: request.dry_run,
        sizes: planned,
        read_back,
    })
}
