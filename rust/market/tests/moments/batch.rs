//! Moments summed afresh, against their definitions.

use proptest::prelude::{any, proptest};
use proptest::{prop_assert, prop_assert_eq};
use silverbullet_kernel::SymmetricMatrix;
use silverbullet_kernel::spectrum::extreme_eigenvalues;
use silverbullet_market::moments::{Error, Estimator, ReturnMatrix, estimate};

use crate::common::{
    Numbers, any_estimator, by_definition, covariance_error, exponential_weights, matrix, mean_error,
    random_rows, symmetric,
};

const ALL: [Estimator; 3] =
    [Estimator::Sample, Estimator::LedoitWolf, Estimator::Exponential { half_life: 7.0 }];

proptest! {
    #[test]
    fn sample_and_exponential_are_what_their_definitions_say(
        seed in any::<u64>(), rows in 2..80_usize, assets in 1..7_usize, half_life in 0.5..90.0,
    ) {
        let rows = random_rows(seed, rows, assets, 1e-4);
        let count = rows.len() as f64;
        let equal = vec![1.0 / count; rows.len()];
        let (p, squares) = exponential_weights(rows.len(), half_life);
        for (estimator, p, bias) in [
            (Estimator::Sample, equal, 1.0 / count),
            (Estimator::Exponential { half_life }, p, squares),
        ] {
            let found = estimate(&matrix(&rows), estimator).unwrap();
            let (mean, covariance) = by_definition(&rows, &p, bias);
            prop_assert!(covariance_error(&found.covariance, &covariance) < 1e-11);
            prop_assert!(mean_error(&found.mean, &mean, &covariance) < 1e-12);
            prop_assert_eq!((found.observations, found.estimator), (rows.len(), estimator));
        }
    }

    #[test]
    fn covariances_are_symmetric_and_positive_semidefinite(
        seed in any::<u64>(), rows in 2..12_usize, assets in 1..9_usize, estimator in any_estimator(),
    ) {
        let found = estimate(&matrix(&random_rows(seed, rows, assets, 1e-3)), estimator).unwrap();
        prop_assert!(symmetric(&found.covariance));
        let (smallest, largest) = extreme_eigenvalues(&found.covariance);
        prop_assert!(smallest >= -1e-13 * largest, "{smallest} against {largest}");
        prop_assert!(found.shrinkage.is_none_or(|shrinkage| (0.0..=1.0).contains(&shrinkage.intensity)));
    }

    #[test]
    fn another_unit_of_the_returns_changes_nothing_else(
        seed in any::<u64>(), estimator in any_estimator(), exponent in -40..40_i32, decade in -40..40_i32,
    ) {
        let rows = random_rows(seed, 20, 4, 1e-4);
        let original = estimate(&matrix(&rows), estimator).unwrap();
        let in_unit = |unit: f64| {
            let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|r| unit * r).collect()).collect();
            estimate(&matrix(&rows), estimator).unwrap()
        };
        // Powers of two scale without rounding: not a bit may differ.
        let unit = 2.0_f64.powi(exponent);
        let exact = in_unit(unit);
        let scaled = SymmetricMatrix::from_lower(4, |i, j| unit * unit * original.covariance.get(i, j));
        prop_assert_eq!(&exact.covariance, &scaled);
        prop_assert_eq!(exact.shrinkage.map(|s| s.intensity), original.shrinkage.map(|s| s.intensity));
        let factor = 10.0_f64.powi(decade);
        let rounded = in_unit(factor);
        let scaled = SymmetricMatrix::from_lower(4, |i, j| factor * factor * original.covariance.get(i, j));
        prop_assert!(covariance_error(&rounded.covariance, &scaled) < 1e-12);
    }
}

#[test]
fn means_far_above_the_deviations_do_no_harm() {
    // Integers over a power of two are exact, so the covariance of the small parts is the whole truth.
    let mut numbers = Numbers(3);
    let small: Vec<Vec<f64>> =
        (0..200).map(|_| (0..3).map(|_| (numbers.bits() % 2001) as f64 - 1000.0).collect()).collect();
    for shift in [0.0, 2.0_f64.powi(20), -(2.0_f64.powi(50))] {
        let rows: Vec<Vec<f64>> = small
            .iter()
            .map(|row| row.iter().map(|value| (shift + value) / 2.0_f64.powi(30)).collect())
            .collect();
        for estimator in ALL {
            let found = estimate(&matrix(&rows), estimator).unwrap();
            let plain = estimate(&matrix(&small), estimator).unwrap();
            let expected =
                SymmetricMatrix::from_lower(3, |i, j| plain.covariance.get(i, j) / 2.0_f64.powi(60));
            // At 2^50 the mean is rounded to a quarter of these integers; only the fourth powers, which
            // nothing corrects for that, may show it.
            let coarse = shift < 0.0 && estimator == Estimator::LedoitWolf;
            let tolerance = if coarse { 1e-4 } else { 1e-12 };
            let error = covariance_error(&found.covariance, &expected);
            assert!(error < tolerance, "{estimator}, shift {shift}: {error:e}");
        }
    }
}

#[test]
fn an_asset_that_never_moves_has_no_variance_at_all() {
    let rows: Vec<Vec<f64>> = random_rows(5, 37, 2, 1e-3).into_iter().map(|row| vec![row[0], 0.1]).collect();
    for estimator in [Estimator::Sample, Estimator::Exponential { half_life: 7.0 }] {
        let found = estimate(&matrix(&rows), estimator).unwrap();
        assert_eq!(found.mean[1], 0.1, "{estimator}");
        assert_eq!(found.covariance.row(1), [0.0, 0.0], "{estimator}");
        assert_eq!(found.condition_number(), None, "{estimator}");
        let stand_in = found.ledoit_wolf_stand_in(&matrix(&rows)).unwrap();
        assert!(stand_in.diagonal(1) > 0.0);
        assert_eq!(stand_in, estimate(&matrix(&rows), Estimator::LedoitWolf).unwrap().covariance);
    }
}

#[test]
fn the_same_returns_give_the_same_bits() {
    let rows = random_rows(11, 300, 5, 1e-4);
    for estimator in ALL {
        let bits = || -> Vec<u64> {
            let found = estimate(&matrix(&rows), estimator).unwrap();
            found.mean.iter().chain(found.covariance.as_slice()).map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(), bits());
    }
    // A subset of the assets has the bits it has among the others, where nothing couples them.
    let (all, some) = (matrix(&rows), matrix(&rows).select(&[3, 1]));
    let (all, some) = (estimate(&all, ALL[2]).unwrap(), estimate(&some, ALL[2]).unwrap());
    assert_eq!(all.covariance.diagonal(3).to_bits(), some.covariance.diagonal(0).to_bits());
}

#[test]
fn returns_that_nothing_can_be_computed_from_are_refused() {
    let refused = |rows: &[Vec<f64>], estimator| estimate(&matrix(rows), estimator).unwrap_err();
    assert_eq!(estimate(&ReturnMatrix::new(2), Estimator::Sample), Err(Error::TooFewRows { rows: 0 }));
    assert_eq!(refused(&[vec![0.1]], Estimator::LedoitWolf), Error::TooFewRows { rows: 1 });
    assert_eq!(refused(&[vec![], vec![]], Estimator::Sample), Error::NoAsset);
    for value in [f64::INFINITY, -1e61] {
        let error = refused(&[vec![0.0, 0.1], vec![0.2, value]], Estimator::Sample);
        assert_eq!(error, Error::NotFinite { row: 1, asset: 1, value });
    }
    let error = refused(&[vec![f64::NAN], vec![0.0]], Estimator::Sample);
    assert!(error.to_string().starts_with("returns[0][0]: NaN"));
    let estimator = Estimator::Exponential { half_life: 0.0 };
    assert_eq!(refused(&[vec![0.1], vec![0.2]], estimator), Error::HalfLife { half_life: 0.0 });
}
