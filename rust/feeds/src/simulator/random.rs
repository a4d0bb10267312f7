//! Random numbers of the simulator: seeded, and the same bits on every platform.
//!
//! xoshiro256++ (Blackman & Vigna 2019) gives the bits, one independent stream a purpose. Logarithms and
//! exponentials come from `libm`, which is plain Rust: those of the standard library are the system's, and differ.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    bits: Xoshiro256PlusPlus,
    spare: Option<f64>,
}

impl Random {
    /// The stream number `number` of `purpose` under `seed`.
    pub(crate) fn new(seed: u64, purpose: &str, number: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("silverbullet simulator 2025 random stream");
        hasher.update(&seed.to_le_bytes()).update(&number.to_le_bytes()).update(purpose.as_bytes());
        Self { bits: Xoshiro256PlusPlus::from_seed(*hasher.finalize().as_bytes()), spare: None }
    }

    /// Uniform on [0, 1), 53 bits.
    #[inline]
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform between `low` and `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Exponential with mean 1.
    #[inline]
    pub(crate) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Standard normal, by the polar method (Marsaglia & Bray 1964).
    #[inline]
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let scale = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(mut draw: impl FnMut() -> f64) -> [f64; 3] {
        let count = 200_000;
        let sums =
            (0..count).map(|_| draw()).fold([0.0; 3], |s, x| [s[0] + x, s[1] + x * x, s[2] + x.powi(4)]);
        sums.map(|sum| sum / f64::from(count))
    }

    #[test]
    fn the_moments_are_those_of_the_distributions() {
        let mut random = Random::new(1, "test", 0);
        let [mean, square, fourth] = moments(|| random.normal());
        assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.02 && (fourth - 3.0).abs() < 0.15, "{fourth}");
        let [mean, square, _] = moments(|| random.exponential());
        assert!((mean - 1.0).abs() < 0.01 && (square - 2.0).abs() < 0.05, "{mean} {square}");
        let [mean, square, _] = moments(|| random.uniform());
        assert!((mean - 0.5).abs() < 0.005 && (square - 1.0 / 3.0).abs() < 0.005, "{mean} {square}");
    }

    #[test]
    fn streams_are_fixed_for_ever_and_differ() {
        let first = |seed, purpose, number| Random::new(seed, purpose, number).bits.next_u64();
        assert_eq!(first(0, "market", 0), PINNED);
        assert_ne!(first(0, "market", 0), first(1, "market", 0));
        assert_ne!(first(0, "market", 0), first(0, "market", 1));
        assert_ne!(first(0, "market", 0), first(0, "history", 0));
    }

    /// Taken from the first run: a change of it changes every simulated price.
    const PINNED: u64 = 10_485_382_192_239_258_174;
}
