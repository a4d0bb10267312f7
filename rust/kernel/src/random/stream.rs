//! The stream of one portfolio, and of sixteen portfolios side by side.

use rand_core::{Infallible, TryRng, utils};

use super::philox::{halves, philox4x32_10};
use crate::batch::{LANES, Lanes};
use crate::simd::{Machine, Seeds};

/// What is added to each word of a group's seeds for each of its lanes: multiples of four odd numbers.
pub(crate) const LANE_STEPS: [[u32; LANES]; 4] =
    lane_steps([0x9E37_79B9, 0xBB67_AE85, 0x3C6E_F373, 0xA54F_F53B]);

/// Multipliers of the bijection of words that follows. With shifts of 16, 15 and 16 it flips each bit of the result with
/// a probability near one half for any bit of its argument.
pub(crate) const MIX: [u32; 2] = [0x7FEB_352D, 0x846C_A68B];

const fn lane_steps(odd: [u32; 4]) -> [[u32; LANES]; 4] {
    let mut steps = [[0; LANES]; 4];
    let mut word = 0;
    while word < 4 {
        let mut lane = 0;
        while lane < LANES {
            steps[word][lane] = odd[word].wrapping_mul(lane as u32);
            lane += 1;
        }
        word += 1;
    }
    steps
}

/// The state that a lane of a group starts from.
#[inline]
fn lane_state(seeds: Seeds, lane: usize) -> [u32; 4] {
    let mut state = [0; 4];
    for word in 0..4 {
        let mut x = seeds[word].wrapping_add(LANE_STEPS[word][lane]);
        x = (x ^ (x >> 16)).wrapping_mul(MIX[0]);
        x = (x ^ (x >> 15)).wrapping_mul(MIX[1]);
        state[word] = x ^ (x >> 16);
    }
    // The all-zero state would stay zero for ever.
    state[3] |= 1;
    state
}

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
    /// The portfolios and moves of a search under constraints.
    Constrained,
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

    /// What the streams of portfolios `16 · group` to `16 · group + 15` start from.
    #[inline]
    pub(crate) fn seeds(self, group: u64) -> Seeds {
        let [low, high] = halves(group);
        philox4x32_10([low, high, self.tail[0], self.tail[1]], self.key)
    }
}

/// The random stream of one portfolio: xoshiro128+ from a state that is derived from its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortfolioStream {
    state: [u32; 4],
}

impl PortfolioStream {
    /// The stream of portfolio `number`.
    #[must_use]
    pub fn new(run: RunKey, number: u64) -> Self {
        let lanes = LANES as u64;
        Self { state: lane_state(run.seeds(number / lanes), (number % lanes) as usize) }
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
    pub fn new(run: RunKey, group: u64) -> Self {
        let seeds = run.seeds(group);
        let mut state = [[0; LANES]; 4];
        for lane in 0..LANES {
            for (words, word) in state.iter_mut().zip(lane_state(seeds, lane)) {
                words[lane] = word;
            }
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

    /// The next number of each lane, standard exponential in units of ln 2.
    pub(crate) fn next_exponential(&mut self, machine: Machine) -> Lanes {
        machine.exponentials(&self.next_words())
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
        // The last group's number needs the upper word.
        for group in [0, 1, 4095, 1_u64 << 32] {
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
