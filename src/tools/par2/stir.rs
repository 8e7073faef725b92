//! [`stir`]: many slices into some sums, a few at a time.

use super::rows::{Input, Rows, STRIDE, weight};
use crate::tools::parallel;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};

/// Slices, wherever they lie.
pub trait Slices: Sync {
    /// Fills `into` with the bytes of slice `slice` from byte `offset` of it on; behind the end of a file
    /// stand zeros.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, slice: usize, offset: u64, into: &mut [u8]) -> Result<()>;
}

/// Gets the bytes of slices that are made: the number of one, from which byte of it on, and the bytes.
pub type MadeSlices<'m, N> = &'m mut dyn FnMut(N, u64, &[u8]) -> Result<()>;

/// How many slices are read before they are added.
const BATCH: usize = 16;
/// Widest range of bytes of all slices that is worked on at a time: sixteen of them are in memory beside
/// the sums.
const WIDEST: usize = 2 << 20;

/// How wide a range of bytes of slices of `slice_size` is worked on at a time, so that `rows` sums take no
/// more than `memory`.
pub(super) fn width(slice_size: u64, rows: usize, memory: usize) -> usize {
    let whole = usize::try_from(slice_size).unwrap_or(WIDEST).min(WIDEST).next_multiple_of(STRIDE);
    (memory / weight(rows) / STRIDE * STRIDE).clamp(STRIDE, whole)
}

/// Adds the bytes of `slices` from `offset` on, `len` of them, to all `sums`, which are `width` wide.
/// `factors` are those of a slice, one a sum.
pub(super) fn stir(
    sums: &mut Rows,
    (width, offset, len): (usize, u64, usize),
    slices: &[usize],
    source: &dyn Slices,
    factors: &(dyn Fn(usize) -> Vec<u16> + Sync),
    jobs: usize,
    progress: &dyn Progress,
) -> Result<()> {
    for batch in slices.chunks(BATCH) {
        progress.check()?;
        let inputs = parallel::map(jobs, batch, |slice| {
            let mut bytes = vec![0; width];
            source.read(*slice, offset, &mut bytes[..len])?;
            Ok(Input { bytes, factors: factors(*slice) })
        })?;
        sums.add(&inputs, jobs);
        let bytes = (len * batch.len()) as u64;
        progress.event(Event::Advanced { digest: None, bytes });
    }
    Ok(())
}
