//! Scenario measures with their kinks rounded off, so that they have a gradient to climb.
//!
//! CVaR is the largest `Σ ωL/k` over weights 0 ≤ ω ≤ 1 that sum to k, the size of the tail; taking
//! `εΣω²/2k` off makes it smooth (Nesterov 2005). Both maxima of the drawdown become `ε ln Σ exp(·/ε)`. The error
//! is at most ε/2 and 2ε ln(T + 1): the search lets ε shrink.

use crate::risk::tail;

const STEPS: usize = 60;
/// Widths beyond which an exponential is nothing beside one.
const FAR: f64 = 37.0;

/// exp(−distance), for a distance in widths that is not negative.
fn decay(distance: f64) -> f64 {
    if distance > FAR { 0.0 } else { libm::exp(-distance) }
}

/// The threshold a at which `Σ clamp((Lₛ − a)/ε, 0, 1)` is `count`, for losses −returns.
fn threshold(returns: &[f64], count: f64, width: f64) -> f64 {
    let (mut low, mut high) =
        returns.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(-value - width), high.max(-value))
        });
    let mut middle = 0.5 * (low + high);
    for _ in 0..STEPS {
        let (mut sum, mut free) = (0.0, 0.0);
        for value in returns {
            let share = (-value - middle) / width;
            sum += share.clamp(0.0, 1.0);
            free += f64::from(u8::from(share > 0.0 && share < 1.0));
        }
        if (sum - count).abs() <= 1e-12 * count {
            break;
        }
        if sum > count {
            low = middle
        } else {
            high = middle
        }
        let newton = middle + (sum - count) * width / free;
        middle = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
    }
    middle
}

/// ωₛ/k, which sum to one: the weights of the scenarios in the rounded CVaR, and its gradient by the returns,
/// with the sign turned.
pub(super) fn tail_shares(returns: &[f64], level: f64, width: f64) -> Vec<f64> {
    let count = tail(returns.len(), level).clamp(f64::MIN_POSITIVE, returns.len() as f64);
    let a = threshold(returns, count, width);
    returns.iter().map(|value| ((-value - a) / width).clamp(0.0, 1.0) / count).collect()
}

/// The rounded CVaR.
pub(super) fn tail_mean(returns: &[f64], level: f64, width: f64) -> f64 {
    let count = tail(returns.len(), level).clamp(f64::MIN_POSITIVE, returns.len() as f64);
    let a = threshold(returns, count, width);
    let terms = returns.iter().map(|value| {
        let share = ((-value - a) / width).clamp(0.0, 1.0);
        share * (-value - 0.5 * width * share)
    });
    terms.sum::<f64>() / count
}

/// The rounded highest points of a path that starts at zero, and its rounded drawdowns at each.
fn rounded_path(path: &[f64], width: f64) -> (Vec<f64>, Vec<f64>) {
    let mut top = 0.0_f64;
    path.iter()
        .map(|&value| {
            let apart = (top - value).abs() / width;
            top = top.max(value) + if apart > FAR { 0.0 } else { width * libm::log1p(decay(apart)) };
            (top, top - value)
        })
        .unzip()
}

/// The rounded maximum drawdown.
pub(super) fn drawdown(path: &[f64], width: f64) -> f64 {
    let (_, falls) = rounded_path(path, width);
    let worst = falls.iter().copied().fold(0.0, f64::max);
    let sum: f64 = falls.iter().map(|fall| decay((worst - fall) / width)).sum();
    worst + width * libm::log(sum)
}

/// The gradient of the rounded maximum drawdown by the points of the path, with the sign turned.
pub(super) fn drawdown_shares(path: &[f64], width: f64) -> Vec<f64> {
    let (tops, falls) = rounded_path(path, width);
    let worst = falls.iter().copied().fold(0.0, f64::max);
    let mut shares: Vec<f64> = falls.iter().map(|fall| decay((worst - fall) / width)).collect();
    let sum: f64 = shares.iter().sum();
    // From the end: how much of the highest points from here on goes back to the highest point here.
    let mut carried = 0.0;
    for bar in (0..path.len()).rev() {
        let share = shares[bar] / sum;
        if let Some(next) = tops.get(bar + 1) {
            carried *= decay((next - tops[bar]) / width);
        }
        carried += share;
        shares[bar] = share - carried * decay((tops[bar] - path[bar]) / width);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::{conditional_value_at_risk, drawdown_of_path};

    fn series() -> Vec<f64> {
        (0..60).map(|i| f64::from((i * 37 + 11) % 61) / 61.0 - 0.5).collect()
    }

    fn differences(value: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let mut at = series();
        (0..at.len())
            .map(|i| {
                let middle = at[i];
                at[i] = middle + 1e-6;
                let above = value(&at);
                at[i] = middle - 1e-6;
                let below = value(&at);
                at[i] = middle;
                (above - below) / 2e-6
            })
            .collect()
    }

    #[test]
    fn a_narrow_width_leaves_the_measures_as_they_are() {
        let returns = series();
        let exact = conditional_value_at_risk(&returns, 0.93);
        assert!((tail_mean(&returns, 0.93, 1e-6) - exact).abs() < 1e-6);
        let exact = drawdown_of_path(returns.iter().copied());
        assert!((drawdown(&returns, 1e-6) - exact).abs() < 1e-5);
    }

    #[test]
    fn shares_are_the_gradient() {
        let returns = series();
        let pairs = [
            (tail_shares(&returns, 0.93, 0.05), differences(|at| tail_mean(at, 0.93, 0.05))),
            (drawdown_shares(&returns, 0.05), differences(|at| drawdown(at, 0.05))),
        ];
        for (shares, expected) in pairs {
            for (share, slope) in shares.iter().zip(expected) {
                assert!((share + slope).abs() < 1e-6, "{share} and {slope}");
            }
        }
    }
}
