//! [`encode`]: recovery slices from slices.

use super::field::{Field, constants};
use super::rows::Rows;
use super::stir::{MadeSlices, Slices, stir, width};
use crate::words::error::Result;
use crate::words::progress::Progress;

/// Most memory that the sums take.
const MEMORY: usize = 128 << 20;

/// Makes the recovery slices 0 to `count` of the first `slices` slices of `source`, each of `slice_size`
/// bytes. `out` gets the bytes of each (its number, from which byte on, the bytes), from the first to the
/// last.
///
/// # Errors
/// Those of `source` and `out`, and when it is stopped.
pub fn encode(
    source: &dyn Slices,
    (slices, slice_size, count): (usize, u64, u16),
    jobs: usize,
    progress: &dyn Progress,
    out: MadeSlices<'_, u16>,
) -> Result<()> {
    let (field, logs) = (Field::new(), constants(slices));
    let all: Vec<usize> = (0..slices).collect();
    let factors = |slice: usize| (0..count).map(|row| field.factor(logs[slice], row)).collect();
    let rows = usize::from(count);
    let width = width(slice_size, rows, MEMORY);
    let (mut sums, mut bytes) = (Rows::new(rows, width), vec![0; width]);
    let mut offset = 0;
    while offset < slice_size {
        let len = usize::try_from(slice_size - offset).unwrap_or(width).min(width);
        sums.clear();
        stir(&mut sums, (width, offset, len), &all, source, &factors, jobs, progress)?;
        for row in 0..count {
            sums.read(row.into(), &mut bytes[..len]);
            out(row, offset, &bytes[..len])?;
        }
        offset += len as u64;
    }
    Ok(())
}
