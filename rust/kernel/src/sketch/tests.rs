use proptest::prelude::*;

use super::*;
use crate::matrix::SymmetricMatrix;
use crate::problem::Problem;

fn axes() -> Axes {
    let covariance =
        SymmetricMatrix::from_lower(3, |row, column| if row == column { 1.0 + row as f64 } else { 0.2 });
    Axes::new(&ScaledProblem::new(&Problem::new(vec![0.1, 0.2, 0.3], covariance, 100).unwrap()))
}

/// Few different numbers, so that ties are common.
fn sketches() -> impl Strategy<Value = Vec<FrontierSketch>> {
    let portfolio = (0_u64..6, 0_u8..4, 1_u8..5, 0_u8..3);
    prop::collection::vec(prop::collection::vec(portfolio, 0..12), 3).prop_map(|parts| {
        parts
            .into_iter()
            .map(|portfolios| {
                let mut sketch = FrontierSketch::new(axes());
                sketch.count(portfolios.len() as u64);
                for (number, mean, variance, weight) in portfolios {
                    let score = Score { mean: f64::from(mean) - 1.0, variance: f64::from(variance) / 4.0 };
                    sketch.offer(number, score, &[f64::from(weight), 0.0, 1.0]);
                }
                sketch
            })
            .collect()
    })
}

fn merged(left: &FrontierSketch, right: &FrontierSketch) -> FrontierSketch {
    let mut sketch = left.clone();
    sketch.merge(right.clone()).unwrap();
    sketch
}

proptest! {
    #[test]
    fn merging_is_associative_and_commutative(parts in sketches()) {
        let [a, b, c] = &parts[..] else { unreachable!() };
        let bits = |sketch: &FrontierSketch| serde_json::to_string(sketch).unwrap();
        prop_assert_eq!(bits(&merged(a, b)), bits(&merged(b, a)));
        prop_assert_eq!(bits(&merged(&merged(a, b), c)), bits(&merged(a, &merged(b, c))));
    }

    #[test]
    fn a_sketch_survives_the_wire(parts in sketches()) {
        let back: FrontierSketch = serde_json::from_str(&serde_json::to_string(&parts[0]).unwrap()).unwrap();
        prop_assert_eq!(&back, &parts[0]);
    }
}

#[test]
fn ties_go_to_the_lower_number_whatever_came_first() {
    let score = Score { mean: 0.5, variance: 1.0 };
    for numbers in [[4, 9], [9, 4]] {
        let mut sketch = FrontierSketch::new(axes());
        for number in numbers {
            sketch.offer(number, score, &[1.0, 0.0, 0.0]);
        }
        assert!(sketch.entries().count() > 2);
        assert!(sketch.entries().all(|entry| entry.number == 4), "{numbers:?}");
    }
}

#[test]
fn scores_that_are_not_finite_are_passed_over() {
    let mut sketch = FrontierSketch::new(axes());
    assert!(!sketch.offer(0, Score { mean: f64::NAN, variance: 1.0 }, &[0.0; 3]));
    assert!(!sketch.offer(0, Score { mean: 1.0, variance: f64::INFINITY }, &[0.0; 3]));
    assert_eq!(sketch.entries().count(), 0);
}

#[test]
fn a_sketch_of_another_problem_is_refused() {
    let covariance = SymmetricMatrix::from_lower(3, |row, column| f64::from(u8::from(row == column)));
    let other = Problem::new(vec![0.1, 0.2, 0.3], covariance, 100).unwrap();
    let other = FrontierSketch::new(Axes::new(&ScaledProblem::new(&other)));
    let error = FrontierSketch::new(axes()).merge(other.clone()).unwrap_err();
    assert!(error.to_string().starts_with("sketch"), "{error}");
    assert!(other.require_axes(&axes()).is_err());
}

#[test]
fn each_slot_keeps_what_it_is_for() {
    let mut sketch = FrontierSketch::new(axes());
    let offers = [(0.9, 4.0), (0.5, 0.5), (0.2, 0.1)];
    for (number, (mean, variance)) in offers.into_iter().enumerate() {
        sketch.offer(number as u64, Score { mean, variance }, &[0.0; 3]);
    }
    assert_eq!(sketch.min_risk().unwrap().number, 2);
    // Squared ratios: 0.2025, 0.5, 0.4.
    assert_eq!(sketch.max_sharpe().unwrap().number, 1);
    let by_aversion: Vec<u64> = sketch.by_aversion().iter().flatten().map(|entry| entry.number).collect();
    assert_eq!((by_aversion[0], by_aversion[15]), (0, 2));
    assert!(by_aversion.is_sorted());
}
