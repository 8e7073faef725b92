//! [`solve`]: by what lost slices follow from sums that they are in.

use super::field::{Field, double};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// The factors by which each lost slice follows from the sums, in the order of `exponents`: a list a
/// lost slice. `logs` are the constants of the lost ones. There are as many sums as lost slices, or some
/// more: a few choices of them cannot be solved.
pub(super) fn solve(
    field: &Field,
    logs: &[u16],
    exponents: &[u16],
    progress: &dyn Progress,
) -> Result<Vec<Vec<u16>>> {
    let (lost, sums) = (logs.len(), exponents.len());
    let mut rows: Vec<Vec<u16>> = (0..sums)
        .map(|sum| {
            let mut row: Vec<u16> =
                logs.iter().map(|log| field.factor(*log, exponents[sum])).collect();
            row.extend((0..sums).map(|other| u16::from(other == sum)));
            row
        })
        .collect();
    for column in 0..lost {
        progress.check()?;
        let found = (column..sums).find(|row| rows[*row][column] != 0);
        let Some(found) = found else {
            let text = "these recovery slices happen to say nothing of what is lost";
            return Err(Error::new(Class::Damaged, text));
        };
        rows.swap(column, found);
        let inverse = field.inverse(rows[column][column]);
        let pivot = Scaled::by(inverse).all(&rows[column]);
        for (at, row) in rows.iter_mut().enumerate() {
            let factor = row[column];
            if at != column && factor != 0 {
                Scaled::by(factor).add(&pivot, row);
            }
        }
        rows[column] = pivot;
    }
    rows.truncate(lost);
    Ok(rows.into_iter().map(|mut row| row.split_off(lost)).collect())
}

/// The products of one factor with every lower and every higher half of a number.
struct Scaled {
    low: [u16; 256],
    high: [u16; 256],
}

impl Scaled {
    fn by(factor: u16) -> Scaled {
        let mut products = Scaled { low: [0; 256], high: [0; 256] };
        let mut scaled = factor;
        for half in [&mut products.low, &mut products.high] {
            for bit in 0..8 {
                let top = 1 << bit;
                half[top] = scaled;
                for rest in 1..top {
                    half[top + rest] = half[rest] ^ scaled;
                }
                scaled = double(scaled);
            }
        }
        products
    }

    fn times(&self, number: u16) -> u16 {
        let [low, high] = number.to_le_bytes();
        self.low[usize::from(low)] ^ self.high[usize::from(high)]
    }

    fn all(&self, row: &[u16]) -> Vec<u16> {
        row.iter().map(|number| self.times(*number)).collect()
    }

    fn add(&self, row: &[u16], to: &mut [u16]) {
        to.iter_mut().zip(row).for_each(|(to, number)| *to ^= self.times(*number));
    }
}
