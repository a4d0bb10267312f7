use proptest::prelude::*;

use super::*;
use crate::batch::LANES;

/// The weights of `count` groups of sixteen portfolios.
fn draws(assets: usize, groups: u64, mut draw: impl FnMut(u64, &mut Batch)) -> Vec<Vec<f64>> {
    let mut batch = Batch::new(assets);
    let mut portfolios = Vec::new();
    for group in 0..groups {
        draw(group, &mut batch);
        portfolios.extend((0..LANES).map(|lane| batch.lane(lane).map(f64::from).collect::<Vec<f64>>()));
    }
    portfolios
}

/// Largest distance between the sample's distribution function and 1 − (1 − x)^(N−1), times √n: the marginal of
/// the uniform distribution on the simplex is Beta(1, N − 1).
fn kolmogorov_smirnov(portfolios: &[Vec<f64>], asset: usize) -> f64 {
    let mut values: Vec<f64> = portfolios.iter().map(|weights| weights[asset]).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let power = portfolios[0].len() as i32 - 1;
    let distance = |(place, &x): (usize, &f64)| {
        let exact = 1.0 - (1.0 - x).powi(power);
        (exact - place as f64 / count).abs().max((place as f64 + 1.0) / count - exact)
    };
    values.iter().enumerate().map(distance).fold(0.0, f64::max) * count.sqrt()
}

/// Mean and standard error of a statistic.
fn mean_and_error(portfolios: &[Vec<f64>], statistic: impl Fn(&[f64]) -> f64) -> (f64, f64) {
    let count = portfolios.len() as f64;
    let values: Vec<f64> = portfolios.iter().map(|weights| statistic(weights)).collect();
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, (variance / count).sqrt())
}

/// First and second moments of Dirichlet(1): 1/N, (N−1)/(N²(N+1)) and −1/(N²(N+1)).
fn assert_uniform_on_simplex(portfolios: &[Vec<f64>]) {
    let n = portfolios[0].len() as f64;
    let check = |statistic: &dyn Fn(&[f64]) -> f64, expected: f64| {
        let (mean, error) = mean_and_error(portfolios, statistic);
        assert!((mean - expected).abs() < 4.5 * error, "{mean} not {expected} ± {error}");
    };
    for asset in [0, portfolios[0].len() - 1] {
        check(&|w| w[asset], 1.0 / n);
        check(&|w| (w[asset] - 1.0 / n).powi(2), (n - 1.0) / (n * n * (n + 1.0)));
        let distance = kolmogorov_smirnov(portfolios, asset);
        assert!(distance < 1.95, "Kolmogorov-Smirnov statistic {distance} of asset {asset}");
    }
    check(&|w| (w[0] - 1.0 / n) * (w[1] - 1.0 / n), -1.0 / (n * n * (n + 1.0)));
}

#[test]
fn exponential_spacings_are_uniform_on_the_simplex() {
    for assets in [2, 5, 50] {
        let sampler = Sampler::new(&Bounds::long_only(assets), SamplerKind::Uniform, 3, 1);
        assert_uniform_on_simplex(&draws(assets, 4000, |group, batch| sampler.draw(group, batch)));
    }
}

#[test]
fn bias_moves_mass_to_vertices() {
    let sampler = Sampler::new(&Bounds::long_only(20), SamplerKind::FaceEdgeVertex, 3, 1);
    // Groups of one level each; the mean of the largest weight rises from level to level.
    let largest: Vec<f64> = (0..7)
        .map(|level| {
            let portfolios = draws(20, 300, |group, batch| sampler.draw(group * 7 + level, batch));
            mean_and_error(&portfolios, |w| w.iter().copied().fold(0.0, f64::max)).0
        })
        .collect();
    assert!(largest.is_sorted() && largest[0] < 0.25 && largest[6] > 0.8, "{largest:?}");
}

/// Hit-and-run in a region that is the simplex but for a corner that nothing reaches.
fn hit_and_run_on_simplex(assets: usize, sweeps: usize, groups: u64) -> Vec<Vec<f64>> {
    let mut region = Region::new(&Bounds::long_only(assets));
    region.capped = true;
    let keys = [Purpose::Portfolios, Purpose::Groups].map(|purpose| RunKey::new(5, 0, purpose));
    draws(assets, groups, |group, batch| {
        let (mut lanes, mut shared) = (LaneStream::new(keys[0], group), PortfolioStream::new(keys[1], group));
        capped::hit_and_run(&region, sweeps, &mut lanes, &mut shared, batch);
    })
}

/// Where the uniform distribution is known, the fixed number of sweeps reaches it; a single one does not.
#[test]
fn hit_and_run_mixes_within_its_sweeps() {
    for assets in [3, 10, 50] {
        assert_uniform_on_simplex(&hit_and_run_on_simplex(assets, capped::SWEEPS, 1000));
    }
    let early = hit_and_run_on_simplex(50, 1, 1000);
    assert!(kolmogorov_smirnov(&early, 0) > 1.95, "the check cannot tell");
}

/// Uneven caps: as many sweeps again ten times over change nothing that can be measured.
#[test]
fn hit_and_run_mixes_under_uneven_caps() {
    let mut upper = vec![0.06; 30];
    upper[0] = 0.5;
    upper[1] = 0.02;
    let region = Region::new(&Bounds::new(vec![0.0; 30], upper).unwrap());
    assert!(region.capped);
    let run = |sweeps, seed| {
        let keys = [Purpose::Portfolios, Purpose::Groups].map(|purpose| RunKey::new(seed, 0, purpose));
        draws(30, 400, |group, batch| {
            let (mut lanes, mut shared) =
                (LaneStream::new(keys[0], group), PortfolioStream::new(keys[1], group));
            capped::hit_and_run(&region, sweeps, &mut lanes, &mut shared, batch);
        })
    };
    let (short, long) = (run(capped::SWEEPS, 1), run(10 * capped::SWEEPS, 2));
    let statistics: [fn(&[f64]) -> f64; 3] = [|w| w[0], |w| w[0] * w[0], |w| w.iter().map(|x| x * x).sum()];
    for (index, statistic) in statistics.into_iter().enumerate() {
        let ((a, a_error), (b, b_error)) =
            (mean_and_error(&short, statistic), mean_and_error(&long, statistic));
        assert!((a - b).abs() < 4.5 * a_error.hypot(b_error), "statistic {index}: {a} and {b}");
    }
}

#[test]
fn hit_and_run_agrees_with_rejection_where_that_is_possible() {
    let caps = [0.35, 0.3, 0.5, 0.4];
    let bounds = Bounds::new(vec![0.0; 4], caps.to_vec()).unwrap();
    let sampler = Sampler::new(&bounds, SamplerKind::Uniform, 8, 0);
    let capped = draws(4, 1500, |group, batch| sampler.draw(group, batch));
    let free = Sampler::new(&Bounds::long_only(4), SamplerKind::Uniform, 9, 0);
    let mut rejected = draws(4, 8000, |group, batch| free.draw(group, batch));
    rejected.retain(|weights| weights.iter().zip(caps).all(|(&weight, cap)| weight <= cap));
    assert!(rejected.len() > 5000, "{}", rejected.len());
    for asset in 0..4 {
        type Statistic<'a> = &'a dyn Fn(&[f64]) -> f64;
        let statistics: [Statistic<'_>; 3] =
            [&|w| w[asset], &|w| w[asset] * w[asset], &|w| f64::from(u8::from(w[asset] > 0.28))];
        for statistic in statistics {
            let ((a, a_error), (b, b_error)) =
                (mean_and_error(&capped, statistic), mean_and_error(&rejected, statistic));
            assert!((a - b).abs() < 4.5 * a_error.hypot(b_error), "asset {asset}: {a} and {b}");
        }
    }
}

prop_compose! {
    /// Bounds with short positions, fixed weights and caps, feasible by construction.
    fn bounds()(assets in 1_usize..40)(
        inside in prop::collection::vec(0.0_f64..1.0, assets),
        below in prop::collection::vec(prop_oneof![Just(0.0), 0.0_f64..0.5], assets),
        above in prop::collection::vec(prop_oneof![Just(0.0), 0.0_f64..0.5, Just(2.0)], assets),
    ) -> Bounds {
        let sum: f64 = inside.iter().sum::<f64>() + 1e-9;
        let inside: Vec<f64> = inside.iter().map(|value| (value + 1e-9 / inside.len() as f64) / sum).collect();
        let lower = inside.iter().zip(&below).map(|(value, below)| value - below).collect();
        let upper = inside.iter().zip(&above).map(|(value, above)| value + above).collect();
        Bounds::new(lower, upper).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_portfolio_meets_the_bounds(bounds in bounds(), seed in any::<u64>(), first in 0_u64..1 << 40) {
        for kind in [SamplerKind::Auto, SamplerKind::Uniform, SamplerKind::FaceEdgeVertex] {
            let sampler = Sampler::new(&bounds, kind, seed, 1);
            let mut batch = Batch::new(bounds.assets());
            for group in first..first + 17 {
                sampler.draw(group, &mut batch);
                check(&bounds, &batch, kind)?;
                let elites = sampler.elites([bounds.greedy_fill(&vec![1.0; bounds.assets()]).as_slice()]);
                sampler.draw_around(group, Some(&elites), &mut batch);
                check(&bounds, &batch, kind)?;
            }
        }
    }
}

fn check(bounds: &Bounds, batch: &Batch, kind: SamplerKind) -> std::result::Result<(), TestCaseError> {
    for lane in 0..LANES {
        let mut weights: Vec<f64> = batch.lane(lane).map(f64::from).collect();
        let gross = 1.0 + weights.iter().map(|weight| weight.abs()).sum::<f64>();
        let off = bounds.violation(&weights);
        prop_assert!(off < 3e-6 * gross, "{kind:?}: {off:e} in single precision");
        crate::batch::normalise(bounds, &mut weights);
        let off = bounds.violation(&weights);
        prop_assert!(off < 1e-12, "{kind:?}: {off:e} after normalising");
        let outside = weights.iter().zip(bounds.lower().iter().zip(bounds.upper()));
        prop_assert!(outside.clone().all(|(weight, (low, high))| low <= weight && weight <= high));
    }
    Ok(())
}
