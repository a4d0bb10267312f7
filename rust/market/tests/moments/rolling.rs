//! The rolling form against moments summed afresh over the same window.

use proptest::prelude::{any, proptest};
use silverbullet_kernel::spectrum::extreme_eigenvalues;
use silverbullet_market::moments::{
    ClosedMoments, Error, Estimator, Moments, ReturnMatrix, RollingMoments, estimate,
};

use crate::common::{Numbers, any_estimator, covariance_error, matrix, mean_error, random_rows, symmetric};

const ALL: [Estimator; 5] = [
    Estimator::Sample,
    Estimator::LedoitWolf,
    Estimator::Exponential { half_life: 1.0 },
    Estimator::Exponential { half_life: 20.0 },
    Estimator::Exponential { half_life: 1e6 },
];

/// Where the newest bar dominates, little of the sums is left once they are centred.
fn tolerance(estimator: Estimator, otherwise: f64) -> f64 {
    if estimator.half_life().is_some_and(|bars| bars < 2.0) { 1e-7 } else { otherwise }
}

/// A window that is followed and can be summed afresh.
struct Followed {
    rolling: RollingMoments,
    closed: ClosedMoments,
    rows: Vec<Vec<f64>>,
    estimator: Estimator,
}

impl Followed {
    fn new(assets: usize, window: usize, estimator: Estimator) -> Self {
        let rolling = RollingMoments::new(assets, window, estimator).unwrap();
        Self { rolling, closed: ClosedMoments::new(assets, estimator), rows: vec![], estimator }
    }

    fn push(&mut self, row: Vec<f64>) {
        let evicted = self.rolling.is_full().then(|| self.rows.remove(0));
        self.rolling.push(&row, evicted.as_deref()).unwrap();
        self.rows.push(row);
        assert_eq!(self.rolling.observations(), self.rows.len());
    }

    fn afresh(&self) -> Moments {
        estimate(&matrix(&self.rows), self.estimator).unwrap()
    }

    /// Compares with the window summed afresh, means as well as all that the open bar needs.
    fn check(&mut self, tolerance: f64) {
        let expected = ClosedMoments::from_moments(&self.afresh()).unwrap();
        self.rolling.write_closed(&mut self.closed).unwrap();
        let (found, estimator) = (&self.closed, self.estimator);
        let errors = [
            covariance_error(&found.covariance, &expected.covariance),
            covariance_error(&found.base, &expected.base),
            mean_error(&found.mean, &expected.mean, &expected.covariance),
        ];
        assert!(errors.iter().all(|&error| error < tolerance), "{estimator}: {errors:?}");
        assert_eq!(found.observations, expected.observations);
        assert_eq!(found.mean_coefficient, expected.mean_coefficient);
        let rank_one = found.rank_one_coefficient / expected.rank_one_coefficient - 1.0;
        // Relative to 1 − δ, which may itself be small.
        assert!(rank_one.abs() < 1e3 * tolerance || expected.rank_one_coefficient < 1e-6, "{estimator}");
        assert!(symmetric(&found.covariance) && symmetric(&found.base));
        let (smallest, largest) = extreme_eigenvalues(&found.covariance);
        assert!(smallest >= -tolerance * largest, "{estimator}: {smallest} against {largest}");
    }
}

proptest! {
    #[test]
    fn rolling_equals_afresh_after_every_bar(
        seed in any::<u64>(), assets in 1..6_usize, window in 2..30_usize, estimator in any_estimator(),
    ) {
        let mut followed = Followed::new(assets, window, estimator);
        for (bar, row) in random_rows(seed, 5 * window + 3, assets, 1e-4).into_iter().enumerate() {
            followed.push(row);
            if bar > 0 {
                // In a few bars the deviations may happen to be a thousandth of their distance.
                let few = followed.rows.len() < 8;
                followed.check(if few { 1e-6 } else { tolerance(estimator, 1e-10) });
            }
        }
    }
}

#[test]
fn rolling_equals_afresh_after_thousands_of_bars() {
    for estimator in ALL {
        let mut followed = Followed::new(8, 100, estimator);
        let mut numbers = Numbers(17);
        for bar in 0..6_000 {
            followed.push(numbers.row(8, 1e-5));
            if bar % 61 == 60 {
                followed.check(tolerance(estimator, 1e-12));
            }
        }
    }
}

#[test]
fn an_outlier_leaves_nothing_behind_once_it_is_evicted() {
    for estimator in ALL {
        let mut followed = Followed::new(3, 50, estimator);
        let mut numbers = Numbers(23);
        for bar in 0..1_000 {
            // A thousand deviations: 1e12 in the fourth powers that shrinkage sums.
            let scale = if bar % 130 == 129 { 0.1 } else { 1e-4 };
            followed.push(numbers.row(3, scale));
            if bar % 130 > 50 && bar % 130 < 129 {
                followed.check(tolerance(estimator, 1e-10));
            }
        }
    }
}

#[test]
fn a_mean_that_moves_far_off_is_followed() {
    for estimator in ALL {
        let mut followed = Followed::new(3, 40, estimator);
        let mut numbers = Numbers(29);
        for bar in 0..1_600 {
            // Every four windows the mean jumps by a thousand deviations.
            let level = f64::from((bar + 17) / 160) * 0.1;
            followed.push(numbers.row(3, 1e-4).into_iter().map(|value| level + value).collect());
            if bar > 0 {
                // The sums are still measured from the old mean: a thousand squared, or to the fourth.
                followed.check(if estimator == Estimator::LedoitWolf {
                    1e-4
                } else {
                    tolerance(estimator, 1e-8)
                });
            }
            if bar > 1 && (bar + 17) % 160 >= 120 {
                followed.check(tolerance(estimator, 1e-11));
            }
        }
    }
}

#[test]
fn bars_that_come_and_go_leave_the_window_as_it_was() {
    for estimator in ALL {
        let original = random_rows(31, 60, 4, 1e-4);
        let mut followed = Followed::new(4, 60, estimator);
        original.iter().for_each(|row| followed.push(row.clone()));
        let mut before = ClosedMoments::new(4, estimator);
        followed.rolling.write_closed(&mut before).unwrap();
        let between = random_rows(37, 77, 4, 3e-3);
        for row in between.into_iter().chain(original) {
            followed.push(row);
        }
        followed.check(tolerance(estimator, 1e-11));
        let error = covariance_error(&followed.closed.covariance, &before.covariance);
        assert!(error < tolerance(estimator, 1e-11), "{estimator}: {error:e}");
    }
}

#[test]
fn rebuilding_goes_on_as_if_nothing_had_happened_and_may_change_the_assets() {
    for estimator in ALL {
        for rows in [0, 1, 7, 30] {
            let mut followed = Followed::new(5, 30, estimator);
            random_rows(41, 45, 5, 1e-4).into_iter().for_each(|row| followed.push(row));
            followed.rows = random_rows(43, 30, 3, 1e-4)[..rows].to_vec();
            let mut returns = ReturnMatrix::new(3);
            followed.rows.iter().for_each(|row| returns.push_row(row));
            followed.rolling.rebuild(&returns).unwrap();
            followed.closed = ClosedMoments::new(3, estimator);
            for row in random_rows(47, 100, 3, 1e-4) {
                followed.push(row);
                if followed.rows.len() > 1 {
                    followed.check(tolerance(estimator, 1e-11));
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut followed = Followed::new(2, 3, Estimator::LedoitWolf);
    assert_eq!(followed.rolling.write_closed(&mut followed.closed), Err(Error::TooFewRows { rows: 0 }));
    random_rows(53, 7, 2, 1e-3).into_iter().for_each(|row| followed.push(row));
    let rolling = &mut followed.rolling;
    let oldest = followed.rows[0].clone();
    assert_eq!(rolling.push(&[0.0, 0.0], None), Err(Error::Eviction { full: true }));
    assert!(matches!(rolling.push(&[0.0], Some(&oldest)), Err(Error::Shape { found: 1, .. })));
    assert!(matches!(rolling.push(&[0.0, f64::NAN], Some(&oldest)), Err(Error::NotFinite { asset: 1, .. })));
    assert!(matches!(rolling.push(&[0.0, 0.0], Some(&[f64::NAN, 0.0])), Err(Error::NotFinite { .. })));
    let long = matrix(&random_rows(59, 4, 2, 1e-3));
    assert_eq!(rolling.rebuild(&long), Err(Error::TooManyRows { rows: 4, window: 3 }));
    let mut small = ClosedMoments::new(1, Estimator::LedoitWolf);
    assert!(matches!(rolling.write_closed(&mut small), Err(Error::Shape { expected: 2, found: 1, .. })));
    followed.check(1e-12);

    assert_eq!(RollingMoments::new(0, 5, Estimator::Sample).unwrap_err(), Error::NoAsset);
    assert_eq!(RollingMoments::new(1, 1, Estimator::Sample).unwrap_err(), Error::Window { window: 1 });
    let mut empty = RollingMoments::new(1, 5, Estimator::Sample).unwrap();
    assert_eq!(empty.push(&[0.0], Some(&[0.0])), Err(Error::Eviction { full: false }));
}
