//! Normal and chi-squared numbers, the same bits on every machine: elementary functions come from `libm`, in plain
//! Rust, not from the platform.

use rand_core::TryRng;

use crate::random::PortfolioStream;

/// Uniform on (0, 1): odd multiples of 2^-54.
fn uniform(stream: &mut PortfolioStream) -> f64 {
    let Ok(word) = stream.try_next_u64();
    ((word >> 11) as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64)
}

/// Fills `out` with standard normal numbers (Box & Muller 1958).
pub(super) fn fill_normal(stream: &mut PortfolioStream, out: &mut [f64]) {
    for pair in out.chunks_mut(2) {
        let radius = (-2.0 * libm::log(uniform(stream))).sqrt();
        let (sine, cosine) = libm::sincos(std::f64::consts::TAU * uniform(stream));
        for (value, direction) in pair.iter_mut().zip([cosine, sine]) {
            *value = radius * direction;
        }
    }
}

/// A chi-squared number with `degrees` > 2 degrees of freedom: twice a gamma number of half that shape, by the
/// rejection of Marsaglia & Tsang (2000), which accepts more than 95 in 100.
pub(super) fn chi_squared(stream: &mut PortfolioStream, degrees: f64) -> f64 {
    let d = 0.5 * degrees - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let mut normal = [0.0];
        fill_normal(stream, &mut normal);
        let v = 1.0 + c * normal[0];
        if v <= 0.0 {
            continue;
        }
        let cube = v * v * v;
        if libm::log(uniform(stream)) < 0.5 * normal[0] * normal[0] + d - d * cube + d * libm::log(cube) {
            return 2.0 * d * cube;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, RunKey};

    #[test]
    fn the_moments_are_those_of_the_distributions() {
        let count = 200_000.0;
        let mut stream = PortfolioStream::new(RunKey::new(1, 0, Purpose::Scenarios), 0);
        let mut normals = vec![0.0; 200_000];
        fill_normal(&mut stream, &mut normals);
        let moment = |power: i32| normals.iter().map(|z| z.powi(power)).sum::<f64>() / count;
        assert!(moment(1).abs() < 0.01 && (moment(2) - 1.0).abs() < 0.015, "{} {}", moment(1), moment(2));
        assert!(moment(3).abs() < 0.03 && (moment(4) - 3.0).abs() < 0.1, "{} {}", moment(3), moment(4));
        for degrees in [2.5, 5.0, 40.0] {
            let draws: Vec<f64> = (0..200_000).map(|_| chi_squared(&mut stream, degrees)).collect();
            let mean = draws.iter().sum::<f64>() / count;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count;
            assert!((mean / degrees - 1.0).abs() < 0.01, "{degrees}: mean {mean}");
            assert!((variance / (2.0 * degrees) - 1.0).abs() < 0.04, "{degrees}: variance {variance}");
        }
    }
}
