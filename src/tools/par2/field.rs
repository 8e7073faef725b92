//! [`Field`]: the 65,536 numbers that slices are made of.

/// What a product is reduced by.
const GENERATOR: u32 = 0x1_100b;
/// How many numbers are not zero: as many powers 2 has.
pub(super) const ORDER: usize = 65_535;

/// Powers of 2, and which power each number is.
pub(super) struct Field {
    powers: Vec<u16>,
    logs: Vec<u16>,
}

impl Field {
    pub(super) fn new() -> Field {
        let (mut powers, mut logs) = (Vec::with_capacity(ORDER), vec![0; ORDER + 1]);
        let mut power = 1;
        for log in 0..ORDER {
            powers.push(power);
            logs[usize::from(power)] = u16::try_from(log).unwrap_or(0);
            power = double(power);
        }
        Field { powers, logs }
    }

    /// `a` times `b`.
    #[cfg(test)]
    pub(super) fn times(&self, a: u16, b: u16) -> u16 {
        if a == 0 || b == 0 {
            return 0;
        }
        let sum = self.log(a) + self.log(b);
        self.powers[sum % ORDER]
    }

    /// What `a`, which is not zero, times is 1.
    pub(super) fn inverse(&self, a: u16) -> u16 {
        self.powers[(ORDER - self.log(a)) % ORDER]
    }

    /// The factor of a slice with the constant 2^`log` in the recovery slice `exponent`.
    pub(super) fn factor(&self, log: u16, exponent: u16) -> u16 {
        self.powers[usize::from(log) * usize::from(exponent) % ORDER]
    }

    fn log(&self, a: u16) -> usize {
        usize::from(self.logs[usize::from(a)])
    }
}

/// `a` times 2.
pub(super) fn double(a: u16) -> u16 {
    let twice = u32::from(a) << 1;
    let reduced = if twice > 0xffff { twice ^ GENERATOR } else { twice };
    // Seventeen bits, of which the highest has just been taken off.
    (reduced & 0xffff) as u16
}

/// The logarithms of the constants of all slices, in their order: powers of 2 that have all other
/// numbers among their own powers.
pub(super) fn constants(count: usize) -> Vec<u16> {
    let primes = [3, 5, 17, 257];
    (1..u16::MAX).filter(|log| primes.iter().all(|prime| log % prime != 0)).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_specification() {
        let field = Field::new();

        assert_eq!(field.times(0x8000, 2), 0x100b);
        for a in [1, 2, 3, 0x1234, 0xffff] {
            assert_eq!(field.times(a, field.inverse(a)), 1);
            assert_eq!(field.times(a, 2), double(a));
            assert_eq!(field.times(a, 3), double(a) ^ a);
        }
        assert_eq!(field.times(7, 0), 0);
        assert_eq!(field.factor(4, 3), field.times(16, field.times(16, 16)));
    }

    #[test]
    fn there_is_a_constant_for_each_slice() {
        assert_eq!(constants(7), [1, 2, 4, 7, 8, 11, 13]);
        assert_eq!(constants(40_000).len(), 32_768);
    }
}
