//! [`gather`]: a bundle in volumes of which not all are at hand at a time. What is there is brought
//! without a name, parts of layers are held, and the next volumes are waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::discs::{Awaited, AwaitedVolume, Discs};
use super::hold::{Hold, choose};
use super::job::Job;
use super::landing::Landing;
use super::leave_behind::LeaveBehind;
use super::partly::Unremarked;
use super::prepared::{landing, prepared};
use super::request::Request;
use super::sharing::Sharing;
use crate::bundle::check::{self, Examined};
use crate::bundle::contents::Contents;
use crate::bundle::problem::failure;
use crate::medium::Medium;
use crate::medium::attendant::MediaChange;
use crate::medium::part_store::{HeldPart, LoosePart, PartStore};
use crate::medium::volumes::Volumes;
use crate::places::registry::Client;
use crate::tools::folder::is_folder_at;
use crate::tools::room;
use crate::verbs::recording::LedgerRun;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;
use crate::work::transfer::{Moved, Tally};

/// Brings what of the volumes is there that `examined` lies in, where others are not, and waits for those,
/// until the destination has all blobs of what `request` asks for. Gives the bundle as it lies there at
/// the end, which lacks nothing that the destination does not have, and what was moved.
///
/// # Errors
/// [`Class::Incomplete`] when nobody brings the volumes that lack, with the images that need them; and as
/// [`import`](super::import). The same import goes on from there.
pub(super) fn gather(
    request: &Request,
    examined: Examined,
    run: &LedgerRun<'_>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Examined, Tally)> {
    let is_all = request.dry_run
        || request.leave_behind != LeaveBehind::Nothing
        || request.sharing != Sharing::None
        || !examined.lacks_only_volumes();
    let set = examined.volumes().and_then(Volumes::set);
    let takes_ahead = landing(&request.to, client).takes_ahead();
    let (Some(discs), Some(set), false, true) = (&request.discs, set, is_all, takes_ahead) else {
        return Ok((examined, Tally::default()));
    };
    needs_all(request)?;
    let purpose = Digest::of(format!("{}\n{set}", request.to).as_bytes());
    if request.bundle.contains(&discs.scratch) {
        let text = format!("{} lies in the bundle itself", discs.scratch.display());
        return Err(Error::new(Class::Usage, text).hint(elsewhere()));
    }
    let held = PartStore::open(&discs.scratch, &purpose).map_err(|e| e.hint(elsewhere()))?;
    let held = Arc::new(held);
    let medium = request.bundle.clone().with_parts(Arc::clone(&held));
    let pieces = examined.pieces_of_volumes().unwrap_or_default();
    let mut homes: BTreeMap<Digest, Vec<u32>> = BTreeMap::new();
    for (number, blobs) in &pieces {
        blobs.iter().for_each(|(blob, _)| homes.entry(*blob).or_default().push(*number));
    }
    let (statement, tally) = (examined.statement().digest, Tally::default());
    // No file of a medium stays open that somebody wants to take out.
    drop(examined);
    let gathering = Gathering {
        request,
        discs,
        run,
        client,
        progress,
        held,
        medium,
        set,
        statement,
        pieces,
        homes,
        tally,
    };
    gathering.run()
}

/// Fails where `request` asks for what takes all of the bundle: nothing is brought ahead that was not looked at.
fn needs_all(request: &Request) -> Result<()> {
    let asks_signatures = !request.signatures.is_empty() || request.admission.asks_signatures();
    let why = match (request.scans.is_empty(), asks_signatures) {
        (true, false) => return Ok(()),
        (false, _) => "all is scanned before anything is brought",
        (true, true) => "signatures of images are looked for before anything is brought",
    };
    let text = format!("{}: some volumes are not at hand, and {why}", request.bundle);
    Err(Error::new(Class::Incomplete, text)
        .subject(Subject::Path(request.bundle.path().to_owned()))
        .hint("copy all volumes into one folder, and name that"))
}

fn elsewhere() -> Phrase {
    phrase!["hold parts of layers in another folder: ", Remedy::Scratch, " DIR"]
}

struct Gathering<'g> {
    request: &'g Request,
    discs: &'g Discs,
    run: &'g LedgerRun<'g>,
    client: &'g Client,
    progress: &'g dyn Progress,
    held: Arc<PartStore>,
    /// The bundle beside the parts that are held.
    medium: Medium,
    /// What all volumes have in common.
    set: Digest,
    statement: Digest,
    /// Of which blobs each volume has a piece, and where in them that begins.
    pieces: BTreeMap<u32, Vec<(Digest, u64)>>,
    /// Which volumes have a piece of each blob.
    homes: BTreeMap<Digest, Vec<u32>>,
    tally: Tally,
}

/// What became of the volumes that are there.
struct Taken {
    /// Why not all of it was taken.
    refused: Option<Error>,
    /// What is still needed.
    volumes: Vec<AwaitedVolume>,
}

impl Gathering<'_> {
    fn run(mut self) -> Result<(Examined, Tally)> {
        // What is named by itself cannot be exchanged for another.
        let bundle = &self.request.bundle;
        let is_drive = bundle.places().count() == 1 && is_folder_at(bundle.path())?;
        let attendant = self.discs.attendant.as_ref().filter(|_| is_drive);
        let mut taken = self.take(self.open()?)?;
        loop {
            if taken.volumes.is_empty() && taken.refused.is_none() {
                let whole = self.open()?;
                self.held.remove()?;
                return Ok((whole, self.tally));
            }
            let Taken { refused, volumes } = taken;
            let wanted = Awaited { refused, volumes };
            let asked = attendant.map(|it| it.asked(&wanted.request(&self.request.bundle)));
            self.progress.check()?;
            if asked != Some(MediaChange::Done) {
                if self.held.all()?.is_empty() {
                    self.held.remove()?;
                }
                return Err(wanted.failure(&self.request.bundle));
            }
            taken = match self.open() {
                Ok(examined) => self.take(examined)?,
                Err(refused) => Taken { refused: Some(refused), volumes: wanted.volumes },
            };
        }
    }

    /// The volumes that are there, if they are of the set and nothing is wrong with their heads.
    fn open(&self) -> Result<Examined> {
        let tree = self.medium.open()?;
        let Some(volumes) = tree.volumes() else {
            let text = format!("{} holds no volume", self.medium);
            return Err(Error::new(Class::Usage, text));
        };
        let names: Vec<String> = volumes.numbers().iter().map(|it| volumes.name(*it)).collect();
        let names = names.join(", ");
        if volumes.set() != Some(self.set) {
            let why = match volumes.statement() == Some(self.statement) {
                true => {
                    format!("the same bundle, cut into volumes of {} bytes", volumes.volume_size())
                }
                false => "another bundle".to_owned(),
            };
            return Err(Error::new(Class::Usage, format!("{names} is of {why}")));
        }
        let Request { trust, now, .. } = self.request;
        let mut examined = check::examine_tree(tree, &self.medium, trust, *now)
            .map_err(|error| error.context(&names))?;
        examined.forget_other_volumes();
        match examined.problems().is_empty() {
            true => Ok(examined),
            false => Err(failure(examined.name(), examined.problems()).context(names)),
        }
    }

    /// Brings what the volumes of `examined` have, and holds the parts whose others are elsewhere.
    fn take(&mut self, examined: Examined) -> Result<Taken> {
        let quiet = Unremarked(self.progress);
        let (before, tally) = (self.tally.moved(), std::mem::take(&mut self.tally));
        let this = &*self;
        let take =
            |job: Job<'_>, landing: &dyn Landing, _| this.take_prepared(job, landing, before);
        let (taken, tally) =
            prepared(this.request, examined, (tally, this.run), this.client, &quiet, take)?;
        self.tally = tally;
        Ok(taken)
    }

    fn take_prepared(&self, job: Job<'_>, landing: &dyn Landing, before: Moved) -> Result<Taken> {
        // 1. Bring the blobs that are whole here, or with what is held.
        let Job { ready, contents, .. } = job;
        let mut ahead = landing.bring_ahead(job)?;
        // What a delta does not carry is in no volume.
        ahead.lacking.retain(|digest| self.homes.contains_key(digest));
        if ahead.unsound.is_some() {
            self.weed()?;
        }

        // 2. Hold the parts of others.
        let volumes = ready.bundle.about().volumes();
        let loose = volumes.map(Volumes::loose_parts).unwrap_or_default();
        let limit = volumes.map_or(0, Volumes::volume_size);
        let (is_new, unheld) = self.hold(&loose, contents, &ahead.lacking, limit)?;

        // 3. What is still needed?
        let moved = ready.tally.moved();
        let is_new = is_new || moved.copied != before.copied || moved.mounted != before.mounted;
        let wanted = self.wanted(volumes, contents, &ahead.lacking)?;
        let repeated = || {
            let each = volumes.map(|it| it.numbers().into_iter().map(|n| it.name(n)));
            let names: Vec<String> = each.into_iter().flatten().collect();
            let text = format!("{} was taken already", names.join(", "));
            (!is_new && !wanted.is_empty()).then(|| Error::new(Class::Incomplete, text))
        };
        let refused = ahead.unsound.or(unheld).or_else(repeated);
        Ok(Taken { refused, volumes: wanted })
    }

    /// Lets go of held parts that are not what they were.
    fn weed(&self) -> Result<()> {
        for part in self.held.all()? {
            if !self.held.is_sound(&part, &self.progress.handle())? {
                self.held.release(&part)?;
            }
        }
        Ok(())
    }

    /// Holds of the `loose` parts what `lacking` blobs need, as far as there may be `limit` bytes, and lets
    /// go of what none needs. Whether any is new; what is wrong with one that is damaged.
    fn hold(
        &self,
        loose: &[LoosePart],
        contents: &Contents,
        lacking: &BTreeSet<Digest>,
        limit: u64,
    ) -> Result<(bool, Option<Error>)> {
        let held = self.held.all()?;
        let blobs = contents.blobs.needed().iter().filter(|blob| lacking.contains(&blob.digest));
        let several =
            blobs.filter(|blob| self.homes.get(&blob.digest).is_some_and(|it| it.len() > 1));
        // A layer that is larger than a volume is held as a whole: nobody takes less of it.
        let limit = several.map(|blob| blob.size).fold(limit, u64::max);
        let loose_parts = loose.iter().map(|it| it.part).filter(|it| lacking.contains(&it.blob));
        let (kept, rest): (Vec<HeldPart>, Vec<HeldPart>) =
            held.into_iter().partition(|it| lacking.contains(&it.blob));
        let first = |blob: &Digest| self.homes.get(blob)?.first().copied();
        let Hold { new, let_go } = choose(&kept, loose_parts, first, limit);
        rest.iter().chain(&let_go).try_for_each(|part| self.held.release(part))?;
        let bytes = new.iter().map(|part| part.size).fold(0, u64::saturating_add);
        let what = format!("to hold parts in {}", self.held.path().display());
        room::check(self.held.path(), bytes, &what).map_err(|e| e.hint(elsewhere()))?;
        let items = new.len() as u64;
        self.progress.event(Event::Phase { name: "holding parts of layers", bytes, items });
        let mut unheld = None;
        for part in loose.iter().filter(|it| new.contains(&it.part)) {
            self.progress.check()?;
            match self.held.hold(part, self.progress) {
                Err(error) if error.is_about_content() => unheld = Some(error),
                done => done?,
            }
        }
        self.progress.event(Event::Done);
        Ok((!new.is_empty() && unheld.is_none(), unheld))
    }

    /// The volumes that have what `lacking` blobs need beside what is held.
    fn wanted(
        &self,
        volumes: Option<&Volumes>,
        contents: &Contents,
        lacking: &BTreeSet<Digest>,
    ) -> Result<Vec<AwaitedVolume>> {
        let held = self.held.all()?;
        let begun: BTreeSet<Digest> = held.iter().map(|part| part.blob).collect();
        let held: BTreeSet<(Digest, u64)> = held.iter().map(|it| (it.blob, it.offset)).collect();
        let mut wanted = Vec::new();
        for (number, pieces) in &self.pieces {
            let needs = |it: &&(Digest, u64)| lacking.contains(&it.0) && !held.contains(it);
            let blobs: BTreeSet<Digest> = pieces.iter().filter(needs).map(|it| it.0).collect();
            if blobs.is_empty() {
                continue;
            }
            let roots: BTreeSet<_> = contents.needed_by(&blobs).into_values().flatten().collect();
            let images: BTreeSet<String> =
                roots.into_iter().map(|root| contents.root_name(root)).collect();
            let name = volumes.map(|it| it.name(*number)).unwrap_or_default();
            let is_here = volumes.is_some_and(|it| it.numbers().contains(number));
            let images = images.into_iter().collect();
            let is_begun = blobs.iter().any(|blob| begun.contains(blob));
            wanted.push((!is_begun, AwaitedVolume { number: *number, name, is_here, images }));
        }
        // Those first that free what is held.
        wanted.sort_by_key(|(is_later, volume)| (*is_later, volume.number));
        Ok(wanted.into_iter().map(|(_, volume)| volume).collect())
    }
}
