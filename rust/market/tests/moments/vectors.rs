//! Equality with scikit-learn and pandas on stored returns; `vectors/make_ledoit_wolf.py` wrote them.

use serde::Deserialize;
use silverbullet_kernel::SymmetricMatrix;
use silverbullet_market::moments::{ClosedMoments, Estimator, Moments, RollingMoments, estimate};

use crate::common::{covariance_error, matrix, mean_error};

const TOLERANCE: f64 = 1e-10;

#[derive(Deserialize)]
struct Case {
    name: String,
    returns: Vec<Vec<f64>>,
    mean: Vec<f64>,
    covariance: Vec<Vec<f64>>,
    intensity: Option<f64>,
    target: Option<f64>,
    half_life: Option<f64>,
}

impl Case {
    /// Compares with what was stored; zero variances must be met exactly, or nearly so in the rolling form.
    fn check(&self, moments: &Moments) {
        let order = self.mean.len();
        let expected = SymmetricMatrix::from_row_major(order, self.covariance.concat()).unwrap();
        let error = covariance_error(&moments.covariance, &expected);
        assert!(error < TOLERANCE, "{}: covariance off by {error:e}", self.name);
        let error = mean_error(&moments.mean, &self.mean, &expected);
        assert!(error < TOLERANCE, "{}: mean off by {error:e}", self.name);
        assert_eq!(moments.shrinkage.is_some(), self.intensity.is_some(), "{}", self.name);
        if let (Some(shrinkage), Some(intensity), Some(target)) =
            (moments.shrinkage, self.intensity, self.target)
        {
            assert!((shrinkage.intensity - intensity).abs() < TOLERANCE, "{}: {shrinkage:?}", self.name);
            assert!((shrinkage.target / target - 1.0).abs() < TOLERANCE, "{}: {shrinkage:?}", self.name);
        }
    }

    fn check_both_forms(&self, estimator: Estimator) {
        let returns = matrix(&self.returns);
        self.check(&estimate(&returns, estimator).unwrap());
        let mut rolling = RollingMoments::new(returns.assets(), returns.rows(), estimator).unwrap();
        let mut closed = ClosedMoments::new(returns.assets(), estimator);
        returns.iter().for_each(|row| rolling.push(row, None).unwrap());
        rolling.write_closed(&mut closed).unwrap();
        self.check(&Moments {
            mean: closed.mean,
            covariance: closed.covariance,
            observations: closed.observations,
            estimator,
            shrinkage: closed.shrinkage,
        });
    }
}

fn cases(json: &str, at_least: usize) -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(json).unwrap();
    assert!(cases.len() >= at_least, "only {} cases", cases.len());
    cases
}

#[test]
fn shrinkage_equals_that_of_scikit_learn() {
    let cases = cases(include_str!("../vectors/ledoit_wolf.json"), 9);
    assert!(cases.iter().any(|case| case.returns.len() < case.mean.len()));
    assert!(cases.iter().any(|case| case.intensity == Some(1.0)));
    cases.iter().for_each(|case| case.check_both_forms(Estimator::LedoitWolf));
}

#[test]
fn exponential_weights_equal_those_of_pandas() {
    for case in cases(include_str!("../vectors/exponential.json"), 6) {
        case.check_both_forms(Estimator::Exponential { half_life: case.half_life.unwrap() });
    }
}
