//! [`rebuild`]: lost slices from those that are left and from recovery slices.

use super::field::{Field, constants};
use super::matrix::solve;
use super::rows::{Input, Rows};
use super::stir::{MadeSlices, Slices, stir, width};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Most slices that are made again at once: the equations for as many take 200 MiB and minutes.
pub const MAX_LOST: usize = 2_048;
/// Most memory that either the sums or the slices made of them take.
const MEMORY: usize = 48 << 20;
/// How many recovery slices are taken more than are needed, since a few choices of them cannot be
/// solved.
const SPARE: usize = 4;
/// How many sums are added at a time to what is made of them.
const BATCH: usize = 16;

/// Makes the slices `lost`, in order, of the `slices` slices of `source` again, each of `slice_size` bytes.
/// `recovery` has the recovery slices `exponents`, in this order. `out` gets the bytes of each (which of
/// `lost`, from which byte on, the bytes), from the first to the last.
///
/// # Errors
/// [`Class::Damaged`] when there are too few recovery slices; those of `source`, `recovery` and `out`; and
/// when it is stopped.
#[expect(clippy::too_many_arguments, reason = "two sources, what is lost, and where it goes")]
pub fn rebuild(
    source: &dyn Slices,
    (slices, slice_size): (usize, u64),
    lost: &[usize],
    recovery: &dyn Slices,
    exponents: &[u16],
    jobs: usize,
    progress: &dyn Progress,
    out: MadeSlices<'_, usize>,
) -> Result<()> {
    if lost.len() > exponents.len() || lost.len() > MAX_LOST {
        let most = exponents.len().min(MAX_LOST);
        let text = format!("{} slices are lost, and {most} can be made again", lost.len());
        return Err(Error::new(Class::Damaged, text));
    }
    let exponents = &exponents[..exponents.len().min(lost.len() + SPARE)];
    let (field, logs) = (Field::new(), constants(slices));
    let of_lost: Vec<u16> = lost.iter().map(|slice| logs[*slice]).collect();
    let solution = solve(&field, &of_lost, exponents, progress)?;
    let left: Vec<usize> = (0..slices).filter(|slice| lost.binary_search(slice).is_err()).collect();
    let factors =
        |slice: usize| exponents.iter().map(|row| field.factor(logs[slice], *row)).collect();
    let width = width(slice_size, exponents.len(), MEMORY);
    let mut sums = Rows::new(exponents.len(), width);
    let mut made = Rows::new(lost.len(), width);
    let mut bytes = vec![0; width];
    let mut offset = 0;
    while offset < slice_size {
        let len = usize::try_from(slice_size - offset).unwrap_or(width).min(width);
        // What the recovery slices hold without that of all slices that are left is of the lost ones.
        sums.clear();
        for row in 0..exponents.len() {
            recovery.read(row, offset, &mut bytes[..len])?;
            sums.add_to(row, &bytes[..len]);
        }
        stir(&mut sums, (width, offset, len), &left, source, &factors, jobs, progress)?;
        made.clear();
        let all: Vec<usize> = (0..exponents.len()).collect();
        for batch in all.chunks(BATCH) {
            let inputs = batch.iter().map(|sum| {
                let mut bytes = vec![0; width];
                sums.read(*sum, &mut bytes[..len]);
                Input { bytes, factors: solution.iter().map(|row| row[*sum]).collect() }
            });
            made.add(&inputs.collect::<Vec<_>>(), jobs);
        }
        for row in 0..lost.len() {
            made.read(row, &mut bytes[..len]);
            out(row, offset, &bytes[..len])?;
        }
        offset += len as u64;
    }
    Ok(())
}
