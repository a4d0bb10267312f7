//! Measures of risk of a series of returns.
//!
//! All take simple returns per bar in time order. A loss is a positive number. The path of a portfolio that is
//! rebalanced to its weights at each bar is the running sum of its returns, not compounded, as in Chekhlov,
//! Uryasev & Zabarankin (2005): so the drawdown is convex in the weights.

/// Mean squared deviation from the mean, with divisor one less than the returns; zero for fewer than two.
#[must_use]
pub fn variance(returns: &[f64]) -> f64 {
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count.max(1.0);
    returns.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0).max(1.0)
}

/// Mean square of what falls short of `threshold` (Markowitz 1959), over all returns; zero for none.
#[must_use]
pub fn semivariance(returns: &[f64], threshold: f64) -> f64 {
    let short = returns.iter().map(|value| (threshold - value).max(0.0).powi(2));
    short.sum::<f64>() / (returns.len() as f64).max(1.0)
}

/// Conditional value at risk: the mean of the worst `1 − level` of the losses, a scenario that lies across the
/// boundary counted in part,
/// `min_a a + Σ max(L − a, 0) / ((1 − level)·S)` (Rockafellar & Uryasev 2002). Negative where even those are gains;
/// zero for no return.
#[must_use]
pub fn conditional_value_at_risk(returns: &[f64], level: f64) -> f64 {
    let mut sorted = returns.to_vec();
    worst_mean(&mut sorted, level)
}

/// [`conditional_value_at_risk`], which leaves the returns in another order.
pub(crate) fn worst_mean(returns: &mut [f64], level: f64) -> f64 {
    let Some(last) = returns.len().checked_sub(1) else { return 0.0 };
    let count = tail(returns.len(), level);
    let whole = (count as usize).min(last);
    let (worst, boundary, _) = returns.select_nth_unstable_by(whole, f64::total_cmp);
    // In ascending order, so that the sum does not depend on what the selection left.
    worst.sort_unstable_by(f64::total_cmp);
    -(worst.iter().sum::<f64>() + (count - whole as f64) * *boundary) / count
}

/// Value at risk: the least loss that is not exceeded in a share of `level` of the returns,
/// `inf {l : P(L ≤ l) ≥ level}`. Negative where even that is a gain; zero for no return.
#[must_use]
pub fn value_at_risk(returns: &[f64], level: f64) -> f64 {
    let Some(last) = returns.len().checked_sub(1) else { return 0.0 };
    // A tail of a whole number of scenarios is often a little less in double precision.
    let beyond = (tail(returns.len(), level) + 1e-9) as usize;
    let mut sorted = returns.to_vec();
    let (_, &mut boundary, _) = sorted.select_nth_unstable_by(beyond.min(last), f64::total_cmp);
    -boundary
}

/// How many of the scenarios the tail beyond `level` holds.
pub(crate) fn tail(scenarios: usize, level: f64) -> f64 {
    (1.0 - level) * scenarios as f64
}

/// The largest fall of the running sum of the returns from its highest point before, the start included.
#[must_use]
pub fn max_drawdown(returns: &[f64]) -> f64 {
    let mut sum = 0.0;
    drawdown_of_path(returns.iter().map(|value| {
        sum += value;
        sum
    }))
}

/// The largest fall of a path that starts at zero.
pub(crate) fn drawdown_of_path(path: impl Iterator<Item = f64>) -> f64 {
    let (mut highest, mut worst) = (0.0_f64, 0.0_f64);
    for value in path {
        highest = highest.max(value);
        worst = worst.max(highest - value);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_counts_the_boundary_in_part() {
        let returns = [0.03, -0.04, 0.01, -0.02, 0.02];
        assert!((conditional_value_at_risk(&returns, 0.8) - 0.04).abs() < 1e-15);
        assert!((conditional_value_at_risk(&returns, 0.7) - (0.04 + 0.5 * 0.02) / 1.5).abs() < 1e-15);
        // A tail of less than one scenario is the worst one; all of them are the mean.
        assert!((conditional_value_at_risk(&returns, 0.99) - 0.04).abs() < 1e-15);
        assert!((conditional_value_at_risk(&returns, 0.0) - 0.0).abs() < 1e-15);
        assert_eq!(conditional_value_at_risk(&[], 0.5), 0.0);
    }

    #[test]
    fn conditional_value_at_risk_is_the_least_of_its_definition() {
        let returns: Vec<f64> = (0..50).map(|i| f64::from((i * 37) % 50) / 50.0 - 0.5).collect();
        let at = |a: f64| {
            let beyond: f64 = returns.iter().map(|value| (-value - a).max(0.0)).sum();
            a + beyond / (0.07 * 50.0)
        };
        // Piecewise linear: its least value lies at a loss.
        let least = returns.iter().map(|value| at(-value)).fold(f64::INFINITY, f64::min);
        assert!((conditional_value_at_risk(&returns, 0.93) - least).abs() < 1e-14);
    }

    #[test]
    fn the_value_at_risk_is_reached_by_its_share_of_the_losses() {
        for (count, level) in [(10, 0.9), (10, 0.85), (100, 0.95), (100, 0.55), (7, 0.0), (3, 0.99)] {
            let losses: Vec<f64> = (0..count).map(|i| f64::from((i * 37) % count + 1)).collect();
            let returns: Vec<f64> = losses.iter().map(|loss| -loss).collect();
            // Losses are 1 to `count`, so the least of which enough are no larger is their number itself.
            let least = (1..=count).find(|&l| f64::from(l) >= level * f64::from(count) - 1e-9);
            assert_eq!(value_at_risk(&returns, level), f64::from(least.unwrap()), "{count} {level}");
        }
        assert_eq!(value_at_risk(&[], 0.9), 0.0);
    }

    #[test]
    fn the_drawdown_starts_at_the_start() {
        assert!((max_drawdown(&[-0.1, 0.3, -0.05, -0.2, 0.4]) - 0.25).abs() < 1e-15);
        assert!((max_drawdown(&[-0.1, -0.1]) - 0.2).abs() < 1e-15);
        assert_eq!(max_drawdown(&[0.1, 0.0]), 0.0);
    }

    #[test]
    fn semivariance_counts_what_falls_short() {
        assert!((semivariance(&[0.1, -0.2, 0.0, -0.1], 0.0) - 0.05 / 4.0).abs() < 1e-15);
        assert!((variance(&[1.0, 2.0, 3.0]) - 1.0).abs() < 1e-15);
        assert_eq!(variance(&[1.0]), 0.0);
    }
}
