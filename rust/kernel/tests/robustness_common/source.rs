//! Where the choices of a random problem come from: a seed, or bytes that a fuzzer made up.

/// A stream of choices.
pub(crate) trait Source {
    /// The next byte.
    fn byte(&mut self) -> u8;

    /// The next four bytes as one number.
    fn word(&mut self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below `count`, which is at most 256.
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) * count / 256
    }

    /// True once in `count` times.
    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    /// Uniform in [low, high).
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.word()) / (f64::from(u32::MAX) + 1.0)
    }

    /// Bell-shaped with mean zero and variance one, at most two standard deviations wide: tails are not the
    /// matter here, and bytes that a fuzzer changes by one should change the problem by little.
    fn normal(&mut self) -> f64 {
        (0..4).map(|_| f64::from(self.byte()) / 255.0 - 0.5).sum::<f64>() * 3f64.sqrt()
    }
}

/// SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Seeded {
    state: u64,
    bytes: [u8; 8],
    used: usize,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0xD134_2543_DE82_EF95), bytes: [0; 8], used: 8 }
    }
}

impl Source for Seeded {
    fn byte(&mut self) -> u8 {
        if self.used == 8 {
            self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            self.bytes = (z ^ (z >> 31)).to_le_bytes();
            self.used = 0;
        }
        self.used += 1;
        self.bytes[self.used - 1]
    }
}

/// Bytes as they are; zeros after their end.
#[derive(Debug, Clone)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Source for Bytes<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }
}
