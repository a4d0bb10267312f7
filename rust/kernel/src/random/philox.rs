//! Philox4x32-10: a counter-based generator (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", SC 2011). Block number `c` under a key is a pure function of both, so any part of a stream
//! can be computed anywhere.

use rand_core::{Infallible, SeedableRng, TryRng, utils};

const ROUNDS: usize = 10;
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// Added to the key after each round: the golden ratio and √3 − 1, as fractions of 2^32.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// The four words of block `counter` under `key`, after ten rounds.
#[must_use]
#[inline]
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut first, mut second, mut third, mut fourth] = counter;
    let mut key = key;
    for _ in 0..ROUNDS {
        let left = u64::from(MULTIPLIERS[0]) * u64::from(first);
        let right = u64::from(MULTIPLIERS[1]) * u64::from(third);
        first = (right >> 32) as u32 ^ second ^ key[0];
        second = right as u32;
        third = (left >> 32) as u32 ^ fourth ^ key[1];
        fourth = left as u32;
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    [first, second, third, fourth]
}

/// The stream of blocks 0, 1, 2, … under a key of 64 bits, word by word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
    block: u128,
    words: [u32; 4],
    used: usize,
}

impl Philox {
    /// The stream under `key`, from block zero.
    #[must_use]
    pub fn new(key: u64) -> Self {
        Self::at(key, 0)
    }

    /// The stream under `key`, from block `block` (of 2^128, four words each).
    #[must_use]
    pub fn at(key: u64, block: u128) -> Self {
        Self { key: halves(key), block, words: [0; 4], used: 4 }
    }
}

impl SeedableRng for Philox {
    type Seed = [u8; 8];

    fn from_seed(seed: Self::Seed) -> Self {
        Self::new(u64::from_le_bytes(seed))
    }
}

impl TryRng for Philox {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        if self.used == self.words.len() {
            let counter = std::array::from_fn(|word| (self.block >> (32 * word)) as u32);
            self.words = philox4x32_10(counter, self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        Ok(self.words[self.used - 1])
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

/// The low and the high half of a word.
#[inline]
pub(super) fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt};

    use super::*;

    /// The known answers published with Random123.
    #[test]
    fn the_published_vectors_come_out() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn a_stream_is_its_blocks_in_order_and_can_start_anywhere() {
        let mut stream = Philox::new(7);
        let words: Vec<u32> = (0..12).map(|_| stream.next_u32()).collect();
        assert_eq!(words[8..], philox4x32_10([2, 0, 0, 0], [7, 0]));
        assert_eq!(Philox::at(7, 2).next_u32(), words[8]);
        assert_eq!(Philox::at(7, 1 << 32).next_u32(), philox4x32_10([0, 1, 0, 0], [7, 0])[0]);
    }

    #[test]
    fn it_serves_the_distributions_of_rand() {
        let mut stream = Philox::from_seed(3_u64.to_le_bytes());
        let sum: f64 = (0..4000).map(|_| stream.random::<f64>()).sum();
        assert!((sum / 4000.0 - 0.5).abs() < 0.02, "{}", sum / 4000.0);
        assert!((0..100).all(|_| (3..9).contains(&stream.random_range(3..9))));
    }
}
