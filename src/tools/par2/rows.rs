//! [`Rows`]: sums of slices in the making, and the one loop that does the arithmetic.
//!
//! Sixteen sums lie interleaved, so that one look at a table gives the products of a number with all
//! sixteen factors at once. What a thread works on at a time stays in its caches.

use super::field::double;
use crate::tools::mutex::lock;

/// How many sums lie side by side.
const LANES: usize = 16;
/// Their numbers at one place, four to each word of the machine.
type Lane = [u64; 4];
/// How many numbers of a sum are worked on at a time: sixteen sums of them have 128 KiB.
const WORDS: usize = 4_096;
/// How many bytes that are. What is worked on is as wide, or a multiple of it.
pub(super) const STRIDE: usize = 2 * WORDS;

/// Some sums, over a range of the bytes of slices.
pub(super) struct Rows {
    groups: usize,
    lanes: Vec<Lane>,
}

/// What is added to all sums: bytes, with a factor for each sum.
pub(super) struct Input {
    /// As wide as the sums.
    pub(super) bytes: Vec<u8>,
    /// One a sum.
    pub(super) factors: Vec<u16>,
}

/// The products of sixteen factors with every lower and every higher half of a number.
struct Products {
    low: Box<[Lane; 256]>,
    high: Box<[Lane; 256]>,
}

/// How many bytes of memory `rows` sums take for each byte of their width, at most.
pub(super) fn weight(rows: usize) -> usize {
    rows.div_ceil(LANES) * LANES
}

impl Rows {
    /// `rows` sums of `width` bytes, a multiple of [`STRIDE`]; nothing in them.
    pub(super) fn new(rows: usize, width: usize) -> Rows {
        let groups = rows.div_ceil(LANES);
        Rows { groups, lanes: vec![[0; 4]; groups * width / 2] }
    }

    /// Empties them.
    pub(super) fn clear(&mut self) {
        self.lanes.fill([0; 4]);
    }

    /// Adds `inputs` to all sums, on `jobs` threads.
    pub(super) fn add(&mut self, inputs: &[Input], jobs: usize) {
        let groups = self.groups;
        let blocks = self.lanes.chunks_mut(groups * WORDS).enumerate();
        let blocks = std::sync::Mutex::new(blocks);
        let worker = || {
            let mut products = Products::new();
            loop {
                let next = lock(&blocks).next();
                let Some((at, block)) = next else { break };
                let bytes = at * STRIDE..(at + 1) * STRIDE;
                for (group, sums) in block.chunks_mut(WORDS).enumerate() {
                    for input in inputs {
                        let factors = input.factors.iter().skip(group * LANES).take(LANES);
                        products.fill(factors.copied());
                        products.add(sums, &input.bytes[bytes.clone()]);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..jobs {
                scope.spawn(worker);
            }
            worker();
        });
    }

    /// Adds `bytes` to the sum `row` alone, as they are.
    pub(super) fn add_to(&mut self, row: usize, bytes: &[u8]) {
        let (word, shift) = place(row);
        for (at, number) in bytes.chunks_exact(2).enumerate() {
            let number = u64::from(u16::from_le_bytes([number[0], number[1]]));
            let at = self.index(row, at);
            self.lanes[at][word] ^= number << shift;
        }
    }

    /// The sum `row`, as far as `into` is wide.
    pub(super) fn read(&self, row: usize, into: &mut [u8]) {
        let (word, shift) = place(row);
        for (at, number) in into.chunks_exact_mut(2).enumerate() {
            let bytes = (self.lanes[self.index(row, at)][word] >> shift).to_le_bytes();
            number.copy_from_slice(&bytes[..2]);
        }
    }

    /// Where number `at` of the sum `row` is.
    fn index(&self, row: usize, at: usize) -> usize {
        (at / WORDS * self.groups + row / LANES) * WORDS + at % WORDS
    }
}

/// Which word of a lane has the numbers of the sum `row`, and how far they are shifted there.
fn place(row: usize) -> (usize, usize) {
    (row % LANES / 4, row % 4 * 16)
}

impl Products {
    fn new() -> Products {
        Products { low: Box::new([[0; 4]; 256]), high: Box::new([[0; 4]; 256]) }
    }

    /// Makes them those of `factors`.
    fn fill(&mut self, factors: impl Iterator<Item = u16>) {
        let mut scaled = [0; LANES];
        scaled.iter_mut().zip(factors).for_each(|(to, factor)| *to = factor);
        for half in [&mut self.low, &mut self.high] {
            for bit in 0..8 {
                let top = 1 << bit;
                half[top] = lane(&scaled);
                for rest in 1..top {
                    half[top + rest] = sum(&half[top], &half[rest]);
                }
                scaled = scaled.map(double);
            }
        }
    }

    /// Adds `bytes` times each factor to its sum.
    fn add(&self, sums: &mut [Lane], bytes: &[u8]) {
        for (to, number) in sums.iter_mut().zip(bytes.chunks_exact(2)) {
            let product =
                sum(&self.low[usize::from(number[0])], &self.high[usize::from(number[1])]);
            *to = sum(to, &product);
        }
    }
}

fn sum(a: &Lane, b: &Lane) -> Lane {
    [a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]]
}

fn lane(numbers: &[u16; LANES]) -> Lane {
    let word = |at: usize| {
        let four = numbers.iter().skip(4 * at).take(4).rev();
        four.fold(0, |word, number| word << 16 | u64::from(*number))
    };
    [word(0), word(1), word(2), word(3)]
}

#[cfg(test)]
mod tests {
    use super::super::field::Field;
    use super::*;

    #[test]
    fn sums_are_those_of_the_field() {
        let (field, rows, width) = (Field::new(), 19, 2 * STRIDE);
        let byte = |at: usize, of: usize| (at * 31 + of * 7 + at / 251) as u8;
        let inputs: Vec<Input> = (0..3)
            .map(|of| Input {
                bytes: (0..width).map(|at| byte(at, of)).collect(),
                factors: (0..rows).map(|row| (row * 4_099 + of * 77 + 1) as u16).collect(),
            })
            .collect();
        let mut sums = Rows::new(rows, width);

        sums.add(&inputs, 2);
        sums.add_to(18, &[1, 2, 3, 4]);

        let mut read = vec![0; width];
        for row in 0..rows {
            sums.read(row, &mut read);
            for at in [0, 2, STRIDE - 2, STRIDE, width - 2] {
                let number = |bytes: &[u8]| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
                let products = inputs.iter().map(|i| field.times(number(&i.bytes), i.factors[row]));
                let added = match (row, at) {
                    (18, 0) => 0x0201,
                    (18, 2) => 0x0403,
                    _ => 0,
                };
                assert_eq!(number(&read), products.fold(added, |a, b| a ^ b), "{row} {at}");
            }
        }
        sums.clear();
        sums.read(5, &mut read);
        assert!(read.iter().all(|byte| *byte == 0));
    }
}
