//! [`FrontToBack`]: blobs that are written one behind the other into what takes each byte once, as all that
//! is encrypted. What was written cannot be taken back.

use std::sync::{Mutex, MutexGuard};

use crate::storage::checked::Checked;
use crate::tools::buffer::BUFFER;
use crate::words::digest::Hasher;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// What takes the bytes of blobs, each once.
pub(super) trait Road: Send {
    /// What is there at last.
    type Made: Clone + Send;

    /// Hears that the bytes of `blob` come next.
    fn begin(&mut self, blob: &Descriptor) -> Result<()>;

    /// Takes the next bytes of it.
    fn take(&mut self, bytes: &[u8]) -> Result<()>;

    /// Hears that these were all.
    fn end(&mut self, blob: &Descriptor) -> Result<()>;

    /// Writes what is left.
    fn finish(self) -> Result<Self::Made>;
}

/// Blobs on a road, and how far they got.
pub(super) struct FrontToBack<R: Road>(Mutex<State<R>>);

enum State<R: Road> {
    /// Not begun.
    New,
    /// Under way.
    Writing(Box<Writing<R>>),
    /// Something was written that is wrong.
    Spoilt,
    /// All is written.
    Done(R::Made),
}

struct Writing<R> {
    road: R,
    /// What is to come, in this order.
    blobs: Vec<Descriptor>,
    /// So many are there to their end.
    whole: usize,
    /// Of the next one, what its source gave before it failed.
    part: Option<Part>,
}

/// The first bytes of a blob.
#[derive(Default)]
struct Part {
    count: u64,
    hasher: Hasher,
}

impl Part {
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.count += bytes.len() as u64;
    }
}

impl<R: Road> Default for FrontToBack<R> {
    fn default() -> Self {
        FrontToBack(Mutex::new(State::New))
    }
}

use Unput::{Later, Spoilt};

/// Why a blob was not written to its end.
enum Unput {
    /// Its source failed, and can be asked again.
    Later(Error),
    /// What was made is of no use any more.
    Spoilt(Error),
}

impl<R: Road> FrontToBack<R> {
    fn state(&self) -> Result<MutexGuard<'_, State<R>>> {
        self.0.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))
    }

    /// Begins on `road`, which `blobs` are to come along, in this order.
    pub fn begin(&self, road: R, blobs: Vec<Descriptor>) -> Result<()> {
        *self.state()? = State::Writing(Box::new(Writing { road, blobs, whole: 0, part: None }));
        Ok(())
    }

    /// Writes the blob that is `content`, whose turn it has to be. Where its source fails, what it gave stays,
    /// and it may be asked again: it has to give the same once more.
    ///
    /// # Errors
    /// Those of the source and of the road, and when it is not its turn.
    pub fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = content.blob().clone();
        let mut state = self.state()?;
        match std::mem::replace(&mut *state, State::Spoilt) {
            State::Writing(mut at) if at.is_turn_of(&blob) => match at.write(&blob, content) {
                Ok(()) => {
                    *state = State::Writing(at);
                    Ok(())
                }
                Err(Later(error)) => {
                    *state = State::Writing(at);
                    Err(error)
                }
                Err(Spoilt(error)) => Err(error),
            },
            other => {
                *state = other;
                Err(Error::new(Class::Other, format!("it is not the turn of blob {}", blob.digest))
                    .hint("what was written cannot be taken back: run the same command again"))
            }
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Those of the road, and when a blob is missing.
    pub fn finish(&self) -> Result<()> {
        let mut state = self.state()?;
        match std::mem::replace(&mut *state, State::Spoilt) {
            State::Writing(at) if at.whole == at.blobs.len() => {
                *state = State::Done(at.road.finish()?);
                Ok(())
            }
            _ => Err(Error::new(Class::Other, "what is encrypted is not whole")),
        }
    }

    /// What is there at last.
    ///
    /// # Errors
    /// When it is not finished.
    pub fn made(&self) -> Result<R::Made> {
        match &*self.state()? {
            State::Done(made) => Ok(made.clone()),
            _ => Err(Error::new(Class::Other, "what is encrypted is not whole")),
        }
    }
}

impl<R: Road> Writing<R> {
    fn is_turn_of(&self, blob: &Descriptor) -> bool {
        self.blobs.get(self.whole).is_some_and(|next| next.digest == blob.digest)
    }

    fn write(&mut self, blob: &Descriptor, content: &mut dyn Checked) -> Result<(), Unput> {
        if self.part.is_none() {
            self.road.begin(blob).map_err(Spoilt)?;
        }
        let part = self.part.get_or_insert_default();
        let mut again = Part::default();
        let mut buffer = vec![0; BUFFER];
        loop {
            let ahead = part.count.saturating_sub(again.count);
            let most = match ahead {
                0 => BUFFER,
                ahead => usize::try_from(ahead).unwrap_or(BUFFER).min(BUFFER),
            };
            let read = content.read(&mut buffer[..most]);
            let got = read.map_err(|e| Later(Error::io("cannot read", e)))?;
            if got == 0 {
                break;
            }
            if ahead > 0 {
                again.add(&buffer[..got]);
                if again.count == part.count
                    && again.hasher.clone().finish() != part.hasher.clone().finish()
                {
                    return Err(Spoilt(changed(blob)));
                }
                continue;
            }
            self.road.take(&buffer[..got]).map_err(Spoilt)?;
            part.add(&buffer[..got]);
            again.count = part.count;
        }
        self.road.end(blob).map_err(Spoilt)?;
        (self.whole, self.part) = (self.whole + 1, None);
        Ok(())
    }
}

fn changed(blob: &Descriptor) -> Error {
    let text = format!("blob {} came in two ways, and what was written is wrong", blob.digest);
    Error::new(Class::Damaged, text)
        .hint("what is encrypted cannot be mended: run the same command again, which begins anew")
}
