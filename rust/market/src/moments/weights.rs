//! The weights of the observations: all one, or decaying exponentially with age.
//!
//! Stored moments must have the same bits on every machine, so powers of two are computed here from
//! additions and multiplications alone: the mathematical library's differ in the last bit between systems.

/// 2^`exponent` exactly; zero where it would be subnormal, at most 2^1023.
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1022 {
        return 0.0;
    }
    f64::from_bits(((exponent.min(1023) + 1023) as u64) << 52)
}

/// 2^`x` as a factor in [2^−½, 2^½] and a whole exponent, by the Taylor series of e^(x ln 2) to degree 15:
/// the remainder is below 1e-20, so the factor is right to an ulp or two.
pub(crate) fn exp2_parts(x: f64) -> (f64, i32) {
    let whole = x.round();
    let z = (x - whole) * std::f64::consts::LN_2;
    let mut series = 1.0;
    for degree in (1..=15).rev() {
        series = 1.0 + series * z / f64::from(degree);
    }
    (series, whole as i32)
}

/// The weight of a bar of age `age`: 2^(−age/half-life), or one where nothing decays.
pub(crate) fn weight_at_age(age: usize, half_life: Option<f64>) -> f64 {
    half_life.map_or(1.0, |half_life| {
        let (factor, exponent) = exp2_parts(-(age as f64) / half_life);
        factor * power_of_two(exponent)
    })
}

/// Sums over the weights of the newest `count` bars, the newest weight being one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WeightSums {
    half_life: Option<f64>,
    count: usize,
    sum: f64,
    /// (Σw)² − Σw², summed as the positive terms 2 w_j w_k: the difference would cancel when one dominates.
    cross: f64,
}

impl WeightSums {
    /// Of no bar yet.
    pub(crate) const fn empty(half_life: Option<f64>) -> Self {
        Self { half_life, count: 0, sum: 0.0, cross: 0.0 }
    }

    /// Of `count` bars.
    pub(crate) fn of(count: usize, half_life: Option<f64>) -> Self {
        let mut sums = Self::empty(half_life);
        for _ in 0..count {
            sums.grow();
        }
        sums
    }

    /// One more bar: every bar's age goes up by one, which is the same as adding an older one.
    pub(crate) fn grow(&mut self) {
        let weight = weight_at_age(self.count, self.half_life);
        self.cross += 2.0 * weight * self.sum;
        self.sum += weight;
        self.count += 1;
    }

    /// Number of bars.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Σw.
    pub(crate) const fn sum(&self) -> f64 {
        self.sum
    }

    /// What makes the scatter an unbiased covariance of independent observations: Σw (1 − Σp²) with
    /// p = w/Σw; that is count − 1 for equal weights.
    pub(crate) fn unbiased_divisor(&self) -> f64 {
        self.cross / self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_agree_with_the_mathematical_library() {
        for step in -2000..2000 {
            let x = f64::from(step) * 0.0517;
            let (factor, exponent) = exp2_parts(x);
            let ours = factor * power_of_two(exponent);
            assert!((ours / x.exp2() - 1.0).abs() < 1e-15, "{x}: {ours} against {}", x.exp2());
        }
        assert_eq!(weight_at_age(3, Some(1.0)), 0.125);
        assert_eq!(weight_at_age(5000, Some(1.0)), 0.0);
    }

    #[test]
    fn sums_are_what_the_definition_says() {
        let sums = WeightSums::of(3, Some(1.0));
        let (total, squares) = (1.0 + 0.5 + 0.25, 1.0 + 0.25 + 0.0625_f64);
        assert_eq!(sums.sum(), total);
        assert!((sums.unbiased_divisor() - (total * total - squares) / total).abs() < 1e-15);
        assert_eq!(WeightSums::of(7, None).unbiased_divisor(), 6.0);
    }
}
