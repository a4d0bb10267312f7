//! The stream of one portfolio, and of sixteen portfolios side by side.

use rand_core::{Infallible, TryRng, utils};

use super::philox::{halves, philox_state, philox4x32_10};
use crate::batch::{LANES, Lanes};

/// What a stream is drawn for, so that no two uses of a run's seed share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The portfolios of a Monte Carlo run.
    Portfolios,
    /// The choices that the sixteen portfolios of a group share, such as an order of the assets.
    Groups,
    /// The live population.
    Population,
    /// The shared choices of the live population's groups.
    PopulationGroups,
    /// The bars that a bootstrap of a window draws.
    Bootstrap,
    /// The rows of a scenario matrix.
    Scenarios,
}

/// The 128 bits that stand for (seed, stream, purpose): the key and the upper half of the counter under which
/// portfolio numbers are turned into states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunKey {
    key: [u32; 2],
    tail: [u32; 2],
}

impl RunKey {
    /// The key of `purpose` in run `seed`, for `stream` (for example the number of a bar).
    #[must_use]
    pub fn new(seed: u64, stream: u64, purpose: Purpose) -> Self {
        let [low, high] = halves(stream);
        let words = philox4x32_10([low, high, purpose as u32, 0], halves(seed));
        Self { key: [words[0], words[1]], tail: [words[2], words[3]] }
    }

    /// The state that portfolio `number` starts from.
    #[inline]
    fn state(self, number: u64) -> [u32; 4] {
        let [low, high] = halves(number);
        let state = philox4x32_10([low, high, self.tail[0], self.tail[1]], self.key);
        // The all-zero state would stay zero for ever; Philox is a bijection, so it does occur.
        if state == [0; 4] { [1, 0, 0, 0] } else { state }
    }
}

/// The random stream of one portfolio: xoshiro128+ from a state that Philox derives from its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortfolioStream {
    state: [u32; 4],
}

impl PortfolioStream {
    /// The stream of portfolio `number`.
    #[must_use]
    pub fn new(run: RunKey, number: u64) -> Self {
        Self { state: run.state(number) }
    }

    /// An integer below `bound`, without the bias of a remainder beyond 2^-32 of it.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let Ok(word) = self.try_next_u32();
        ((u64::from(word) * bound as u64) >> 32) as usize
    }
}

impl TryRng for PortfolioStream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut lanes = self.state.map(|word| [word]);
        let [word] = advance(&mut lanes);
        self.state = lanes.map(|[word]| word);
        Ok(word)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

/// The streams of sixteen consecutive portfolios; lane `l` gives the words of portfolio `first + l`.
#[derive(Debug, Clone)]
pub struct LaneStream {
    state: [[u32; LANES]; 4],
}

impl LaneStream {
    /// The streams of portfolios `16 · group` to `16 · group + 15`.
    #[must_use]
    #[inline(always)]
    pub fn new(run: RunKey, group: u64) -> Self {
        // The lanes differ in the lowest four bits only, so the upper counter words are shared.
        let [low, high] = halves(group * LANES as u64);
        let lows: [u32; LANES] = std::array::from_fn(|lane| low | lane as u32);
        let mut state = philox_state(lows, [0, high, run.tail[0], run.tail[1]], run.key);
        let [first, rest @ ..] = &mut state;
        for (lane, word) in first.iter_mut().enumerate() {
            // As for one portfolio: the all-zero state would stay zero for ever.
            let empty = *word | rest[0][lane] | rest[1][lane] | rest[2][lane] == 0;
            *word |= u32::from(empty);
        }
        Self { state }
    }

    /// The next word of each lane.
    #[inline(always)]
    pub fn next_words(&mut self) -> [u32; LANES] {
        advance(&mut self.state)
    }

    /// The next number of each lane, uniform on the open interval (0, 1): odd multiples of 2^-24, each exact.
    #[inline(always)]
    pub fn next_uniform(&mut self) -> Lanes {
        let words = self.next_words();
        let mut uniform = Lanes::ZERO;
        for (value, word) in uniform.0.iter_mut().zip(words) {
            // Twenty-three bits fit a signed integer, whose conversion every vector unit has.
            *value = ((word >> 9) as i32 as f32 + 0.5) * (1.0 / 8_388_608.0);
        }
        uniform
    }
}

/// One step of xoshiro128+ in each lane.
#[inline(always)]
fn advance<const L: usize>(state: &mut [[u32; L]; 4]) -> [u32; L] {
    let mut words = [0; L];
    let [s0, s1, s2, s3] = state;
    for lane in 0..L {
        words[lane] = s0[lane].wrapping_add(s3[lane]);
        let shifted = s1[lane] << 9;
        s2[lane] ^= s0[lane];
        s3[lane] ^= s1[lane];
        s1[lane] ^= s2[lane];
        s0[lane] ^= s3[lane];
        s2[lane] ^= shifted;
        s3[lane] = s3[lane].rotate_left(11);
    }
    words
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn a_lane_is_the_stream_of_its_portfolio() {
        let run = RunKey::new(11, 5, Purpose::Portfolios);
        // The last group crosses into the upper word of the number.
        for group in [0, 1, 4095, (1_u64 << 32) / 16] {
            let mut lanes = LaneStream::new(run, group);
            let words: Vec<_> = (0..5).map(|_| lanes.next_words()).collect();
            for lane in 0..LANES {
                let mut alone = PortfolioStream::new(run, group * 16 + lane as u64);
                assert!(words.iter().all(|word| word[lane] == alone.next_u32()), "group {group} lane {lane}");
            }
        }
    }

    #[test]
    fn seed_stream_purpose_and_number_each_change_the_stream() {
        let first = |seed, stream, purpose, number| {
            PortfolioStream::new(RunKey::new(seed, stream, purpose), number).next_u64()
        };
        let words = [
            first(1, 2, Purpose::Portfolios, 3),
            first(2, 2, Purpose::Portfolios, 3),
            first(1, 3, Purpose::Portfolios, 3),
            first(1, 2, Purpose::Population, 3),
            first(1, 2, Purpose::Portfolios, 4),
            first(1 << 40, 2, Purpose::Portfolios, 3),
            first(1, 2, Purpose::Portfolios, 3 | 1 << 40),
        ];
        for (index, word) in words.iter().enumerate() {
            assert!(!words[..index].contains(word), "{index}");
        }
    }

    #[test]
    fn xoshiro_steps_as_its_recurrence_says() {
        // By hand from state 1, 2, 3, 4: 1 + 4; then 7, 0, 0x402, 0x3000; 7 + 0x3000; …
        let mut state = [[1], [2], [3], [4]];
        assert_eq!(advance(&mut state), [5]);
        assert_eq!(state, [[7], [0], [0x402], [0x3000]]);
        assert_eq!(advance(&mut state), [0x3007]);
    }

    #[test]
    fn uniforms_stay_inside_the_open_interval_and_are_uniform() {
        let run = RunKey::new(0, 0, Purpose::Portfolios);
        let (mut sum, mut square, mut count) = (0.0, 0.0, 0.0);
        for group in 0..4000 {
            for value in LaneStream::new(run, group).next_uniform().0 {
                assert!(value > 0.0 && value < 1.0);
                sum += f64::from(value);
                square += f64::from(value) * f64::from(value);
                count += 1.0;
            }
        }
        let mean: f64 = sum / count;
        assert!((mean - 0.5).abs() < 4.0 / (12.0_f64 * count).sqrt(), "mean {mean}");
        assert!((square / count - 1.0 / 3.0).abs() < 0.005, "second moment {}", square / count);
    }
}
