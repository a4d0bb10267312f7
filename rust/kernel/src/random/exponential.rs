//! −ln(u) in single precision, the same bits on every machine.
//!
//! The logarithm of a platform's mathematics library differs from one to the next in the last bit, and calls into it
//! do not vectorise. This one is a polynomial: additions and multiplications only, in a fixed order, none fused.

use crate::batch::{LANES, Lanes};

/// Coefficients of ln(1 + f)/f − 1 = f·(c₀ + f·(c₁ + …)) on √½ − 1 ≤ f ≤ √2 − 1: the polynomial of least
/// relative error (2.3e-7), found by the exchange algorithm of Remez.
const LOGARITHM: [f32; 7] =
    [-0.500_005, 0.333_337_46, -0.249_606_39, 0.199_421_03, -0.174_258_57, 0.159_042_64, -0.090_758_02];

/// The bit pattern of √½: subtracting it moves the cut between exponents from 1 to √½.
const ROOT_HALF_BITS: i32 = 0x3f35_04f3;

/// −ln(u) of each lane, for normal positive u. Standard exponential when u is uniform on (0, 1).
#[inline(always)]
pub(crate) fn negative_ln(uniform: Lanes) -> Lanes {
    let mut result = Lanes::ZERO;
    for lane in 0..LANES {
        let bits = uniform.0[lane].to_bits() as i32;
        // u = 2^exponent · (1 + f)
        let exponent = (bits - ROOT_HALF_BITS) >> 23;
        let f = f32::from_bits((bits - (exponent << 23)) as u32) - 1.0;
        let mut p = LOGARITHM[6];
        p = p * f + LOGARITHM[5];
        p = p * f + LOGARITHM[4];
        p = p * f + LOGARITHM[3];
        p = p * f + LOGARITHM[2];
        p = p * f + LOGARITHM[1];
        p = p * f + LOGARITHM[0];
        p = p * f + 1.0;
        result.0[lane] = -(exponent as f32 * std::f32::consts::LN_2 + f * p);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_logarithm_over_the_whole_grid() {
        let mut worst = 0.0_f64;
        for block in 0..(1 << 19) {
            let mut uniform = Lanes::ZERO;
            for lane in 0..LANES {
                uniform.0[lane] = ((block * LANES + lane) as f32 + 0.5) / 8_388_608.0;
            }
            for (value, u) in negative_ln(uniform).0.into_iter().zip(uniform.0) {
                let exact = -f64::from(u).ln();
                worst = worst.max((f64::from(value) / exact - 1.0).abs());
            }
        }
        assert!(worst < 6e-7, "relative error {worst:e}");
    }
}
