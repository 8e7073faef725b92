//! What is made here, checked as what arrives is.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use super::examined::{Examined, look};
use super::files::Described;
use super::recalled::Recalled;
use super::trust::Trust;
use crate::bundle::head::Head;
use crate::bundle::keys::PublicKey;
use crate::bundle::problem::{Problem, failure};
use crate::medium::tree::Tree;
use crate::storage::reading::digest_of;
use crate::tools::parallel::all_cores;
use crate::tools::stretch::Stretch;
use crate::tools::uncached::UncachedReader;
use crate::words::count::are;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, ErrorKind, Result, Subject};
use crate::words::progress::Progress;

/// Checks a bundle that is only described so far, as [`examine`](super::examine) will when it is there: by its
/// small files, and the sizes of its layers. `key` signed it.
///
/// # Errors
/// [`Class::Usage`](crate::words::error::Class::Usage) for what a bundle has no room for, with both
/// numbers; of another class for images that nobody could import.
pub fn promise(head: &Head, key: &PublicKey) -> Result<()> {
    let trust = Trust::Keys(vec![key.clone()]);
    // When it expires is the business of those who take it.
    let examined = look(Described::new(head), "to be".to_owned(), &trust, None)?;
    if examined.problems.is_empty() {
        return Ok(());
    }
    let class = failure("", &examined.problems).class();
    let count = examined.problems.len();
    let text =
        format!("the bundle would not verify: {count} of its parts {} not acceptable", are(count));
    Err(Error::new(class, text)
        .details(examined.problems.iter().map(Problem::to_string))
        .hint("leave those images out, or have them built and pushed again"))
}

/// Checks the finished bundle in `tree`, signed as `trust` wants it, before it gets its name; of one
/// that is not whole layers are not asked for.
///
/// # Errors
/// As [`examine`](super::examine), and when anything is wrong at all.
pub(in crate::bundle) fn made(
    tree: Tree,
    trust: &Trust,
    is_whole: bool,
) -> Result<Examined<Recalled>> {
    let name = tree.path().display().to_string();
    let examined = match is_whole {
        true => look(tree, name, trust, None).and_then(Examined::flawless).map(Examined::recalled),
        false => look(Recalled(tree), name, trust, None).and_then(Examined::flawless),
    };
    examined.map_err(|e| {
        // What cannot be read has a way out of its own.
        let is_read = !matches!(e.kind(), ErrorKind::Unreadable | ErrorKind::MediumFault);
        let e = e.context("the finished bundle does not verify and gets no name");
        match is_read {
            true => e.hint("somebody else may have written there; run the same command again"),
            false => e,
        }
    })
}

/// Checks that the finished bundle in `tree`, which is signed as `trust` wants it, is found right in memory and is
/// read past that, is what the medium gives back, to the last byte.
///
/// # Errors
/// [`Class::Damaged`] for anything else than was written, and [`Class::Refused`] where the medium gives
/// nothing back.
pub(in crate::bundle) fn stored(
    tree: Tree,
    trust: &Trust,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let name = tree.path().display().to_string();
    let read = || {
        let mut examined = look(tree, name.clone(), trust, None)?;
        examined.hash_everything(jobs, progress)?;
        examined.flawless().map(drop)
    };
    read().map_err(|e| not_stored(e, &name, "bundle"))
}

/// What a volume begins with: bytes, and where they are to be.
#[derive(Debug, Clone, Copy)]
pub(in crate::bundle) struct Beginning {
    /// Where in the file.
    pub at: u64,
    pub length: u64,
    /// Taken before it was written: a machine whose memory goes bad is found too.
    pub sha256: Digest,
}

impl Beginning {
    /// That `bytes` are to lie at `at`.
    pub fn of(at: u64, bytes: &[u8]) -> Beginning {
        Beginning { at, length: bytes.len() as u64, sha256: Digest::of(bytes) }
    }

    /// Whether it lies in `file`, as the device gives it where that is asked for.
    fn is_in(self, file: &Arc<File>, is_past_cache: bool, progress: &dyn Progress) -> Result<bool> {
        let place = Stretch::new(Arc::clone(file), self.at, self.length);
        let mut reader: Box<dyn Read> = match is_past_cache {
            true => Box::new(UncachedReader::new(place)),
            false => Box::new(place.reader(0)),
        };
        let read = digest_of(&mut reader, &progress.handle());
        progress.check()?;
        Ok(read.is_ok_and(|digest| digest == self.sha256))
    }
}

/// Checks one finished volume in `file`, whose bundle has this `statement`, and which has `beginnings`, signatures
/// among them: who may sign is not asked. Where it `is_read`, to the last byte.
///
/// # Errors
/// As [`stored`].
pub(in crate::bundle) fn volume(
    tree: Tree,
    file: &Arc<File>,
    statement: &Digest,
    beginnings: &[Beginning],
    is_read: bool,
    progress: &dyn Progress,
) -> Result<()> {
    let name = tree.path().display().to_string();
    let read = || {
        for beginning in beginnings {
            if !beginning.is_in(file, tree.is_past_cache(), progress)? {
                return Err(Error::new(Class::Damaged, "its beginning is not what was written"));
            }
        }
        let mut examined = look(tree, name.clone(), &Trust::UnsafeAnySigner, None)?;
        if examined.statement.digest != *statement {
            return Err(Error::new(Class::Damaged, "it is of another bundle"));
        }
        if is_read {
            examined.hash_everything(all_cores(), progress)?;
        }
        // The others are elsewhere.
        examined.by_itself();
        examined.flawless().map(drop)
    };
    read().map_err(|e| not_stored(e, &name, "volume"))
}

/// That the medium does not give back the `what` called `name`, as `e` tells.
fn not_stored(e: Error, name: &str, what: &str) -> Error {
    let hint = "the medium, its reader or the cable may be failing: run the same command again, which \
                writes anew what did not come back, or take another medium";
    match e.class() {
        Class::Interrupted => e,
        _ if e.kind() == ErrorKind::Unreadable => {
            let text = format!("what was written cannot be read back, and the {what} gets no name");
            e.context(text).hint(hint)
        }
        _ => {
            let text = format!(
                "{name}: the medium does not give back what was written, and the {what} gets no name"
            );
            let found =
                if e.findings().is_empty() { vec![e.words()] } else { e.findings().to_vec() };
            Error::new(Class::Damaged, text)
                .details(found)
                .subject(Subject::Path(name.into()))
                .hint(hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::check::MAX_INDEX;
    use crate::bundle::contents::MAX_LEVELS;
    use crate::bundle::draft::Draft;
    use crate::bundle::inventory::{MAX_SUMS, SUMS};
    use crate::bundle::samples::Sample;
    use crate::medium::Medium;
    use crate::storage::checked::samples::Unchecked;

    fn refused(sample: &Sample, head: &Head) -> (Class, String) {
        let error = promise(head, sample.key.public()).unwrap_err();
        (error.class(), format!("{error} {:?}", error.findings()))
    }

    #[test]
    fn what_verifies_is_promised() {
        let sample = Sample::new();

        promise(&sample.head(), sample.key.public()).unwrap();
    }

    #[test]
    fn each_limit_is_told_with_its_numbers() {
        let mut sample = Sample::new();
        let mut head = sample.head();
        let sums = head.files.iter_mut().find(|(path, _)| path == SUMS).unwrap();
        sums.1 = vec![b'x'; usize::try_from(MAX_SUMS).unwrap() + 1].into();
        let (class, text) = refused(&sample, &head);
        assert!(class == Class::Usage && text.contains(&MAX_SUMS.to_string()), "{text}");

        let image = sample.contents.images[0].clone();
        let named = |n| format!("x.example/{}:{n:05}", "a".repeat(230)).parse().unwrap();
        let many =
            (0..6_500).map(|n| crate::bundle::contents::Image { name: named(n), ..image.clone() });
        sample.contents.images = many.collect();
        sample.contents.referrers.clear();
        let (class, text) = refused(&sample, &sample.head());
        assert!(class == Class::Usage && text.contains(&MAX_INDEX.to_string()), "{text}");

        let mut top = sample.stock.image("deep", "linux/amd64");
        for _ in 0..MAX_LEVELS {
            top = sample.stock.index(&[&top]);
        }
        sample.contents = sample.stock.contents(&[("x.example/deep:1", &top)]);
        let (class, text) = refused(&sample, &sample.head());
        assert!(class == Class::Damaged && text.contains("nested deeper than 16"), "{text}");
    }

    #[test]
    fn a_blob_that_was_forgotten_is_missed_before_anything_moves() {
        let mut sample = Sample::new();
        let forgotten = sample.forget(1);

        let (class, text) = refused(&sample, &sample.head());

        assert_eq!(class, Class::Incomplete);
        assert!(text.contains(&forgotten.digest.to_string()[7..]), "{text}");
        assert!(text.contains("x.example/a:1"), "{text}");
    }

    #[test]
    fn what_was_changed_under_an_export_gets_no_name() {
        for path in ["manifest.json", "index.json", SUMS] {
            let sample = Sample::new();
            let head = sample.head();
            let mut draft = Draft::open(&Medium::at(sample.at("b"))).unwrap();
            draft.begin(&head).unwrap();
            for layer in &head.layers {
                draft
                    .sink()
                    .put(&mut Unchecked(layer, &mut &sample.stock.blobs[&layer.digest][..]))
                    .unwrap();
            }
            std::fs::write(draft.place().join(path), "{}").unwrap();

            let error = draft.seal(sample.key.public()).unwrap_err();

            assert!(error.message().contains("gets no name"), "{path}: {error}");
            assert!(!sample.at("b").exists());
        }
    }
}
