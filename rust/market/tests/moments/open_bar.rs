//! The open bar as observation W + 1, against moments of W + 1 bars from scratch.

use proptest::prelude::{any, proptest};
use proptest::{prop_assert, prop_assert_eq};
use silverbullet_kernel::SymmetricMatrix;
use silverbullet_market::moments::{ClosedMoments, Error, Estimator, Shrinkage, estimate};

use crate::common::{
    any_estimator, by_definition, covariance_error, exponential_weights, matrix, mean_error, random_rows,
    symmetric,
};

/// Mean and covariance with the open bar, through a, B and c.
fn opened(closed: &ClosedMoments, open: &[f64]) -> (Vec<f64>, SymmetricMatrix) {
    let assets = closed.assets();
    let (mut deviation, mut mean) = (vec![0.0; assets], vec![0.0; assets]);
    let mut covariance = SymmetricMatrix::zeros(assets);
    closed.deviation_into(open, &mut deviation);
    closed.open_mean_into(&deviation, &mut mean);
    closed.open_covariance_into(&deviation, &mut covariance);
    (mean, covariance)
}

/// The same from all W + 1 bars, by the letter; shrinkage is frozen at what it was at the close.
fn from_scratch(
    rows: &[Vec<f64>],
    estimator: Estimator,
    frozen: Option<Shrinkage>,
) -> (Vec<f64>, SymmetricMatrix) {
    let count = rows.len() as f64;
    let equal = vec![1.0 / count; rows.len()];
    match estimator {
        Estimator::Sample => by_definition(rows, &equal, 1.0 / count),
        Estimator::LedoitWolf => {
            let (mean, covariance) = by_definition(rows, &equal, 0.0);
            let Shrinkage { intensity, target } = frozen.unwrap();
            (mean, covariance.shrunk(intensity, target))
        }
        Estimator::Exponential { half_life } => {
            let (p, squares) = exponential_weights(rows.len(), half_life);
            by_definition(rows, &p, squares)
        }
    }
}

proptest! {
    #[test]
    fn the_open_bar_is_one_observation_more(
        seed in any::<u64>(), window in 2..60_usize, assets in 1..6_usize, estimator in any_estimator(),
        move_scale in 0.01..30.0,
    ) {
        let mut rows = random_rows(seed, window + 1, assets, 1e-4);
        rows[window].iter_mut().for_each(|value| *value *= move_scale);
        let at_close = estimate(&matrix(&rows[..window]), estimator).unwrap();
        let closed = ClosedMoments::from_moments(&at_close).unwrap();
        prop_assert_eq!(&closed.covariance, &at_close.covariance);

        let (mean, covariance) = opened(&closed, &rows[window]);
        let (expected_mean, expected) = from_scratch(&rows, estimator, at_close.shrinkage);
        prop_assert!(covariance_error(&covariance, &expected) < 1e-11);
        prop_assert!(mean_error(&mean, &expected_mean, &expected) < 1e-11);
        prop_assert!(symmetric(&covariance));
    }
}

#[test]
fn the_sample_covariance_opens_by_the_textbook_formula() {
    let rows = random_rows(61, 20, 2, 1e-3);
    let closed = ClosedMoments::from_moments(&estimate(&matrix(&rows), Estimator::Sample).unwrap()).unwrap();
    let w = 20.0;
    assert_eq!((closed.mean_coefficient, closed.rank_one_coefficient), (1.0 / (w + 1.0), 1.0 / (w + 1.0)));
    assert_eq!(closed.base.get(1, 0), (w - 1.0) / w * closed.covariance.get(1, 0));
}

#[test]
fn moments_that_contradict_themselves_are_refused() {
    let moments = estimate(&matrix(&random_rows(67, 5, 2, 1e-3)), Estimator::Sample).unwrap();
    let mut few = moments.clone();
    few.observations = 1;
    assert_eq!(ClosedMoments::from_moments(&few), Err(Error::TooFewRows { rows: 1 }));
    let mut short = moments.clone();
    short.mean.pop();
    assert!(matches!(ClosedMoments::from_moments(&short), Err(Error::Shape { .. })));
    let mut endless = moments;
    endless.estimator = Estimator::Exponential { half_life: f64::INFINITY };
    assert!(matches!(ClosedMoments::from_moments(&endless), Err(Error::HalfLife { .. })));
}
