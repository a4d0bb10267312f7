//! Covariances of less than full rank, where many portfolios are as good as the best one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use silverbullet_kernel::{Bounds, Problem, SymmetricMatrix, exact};

#[test]
fn a_target_between_two_optima_of_a_singular_covariance_has_the_risk_of_the_frontier() {
    let covariance = vec![
        46610483336.95976,
        0.0,
        0.0,
        215894611644.10693,
        -28749124269.5417,
        0.0,
        -40606005985.59206, //
        0.0,
        1e12,
        1e12,
        1e12,
        1e12,
        0.0,
        -477464479420.37244, //
        0.0,
        1e12,
        1941290558656.3372,
        1970201298007.9636,
        1e12,
        0.0,
        -2234446541582.7666, //
        215894611644.10693,
        1e12,
        1970201298007.9636,
        3e12,
        866837231135.0994,
        0.0,
        -2476492914384.961, //
        -28749124269.5417,
        1e12,
        1e12,
        866837231135.0994,
        1017732323011.767,
        0.0,
        -452418888201.54333, //
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0, //
        -40606005985.59206,
        -477464479420.37244,
        -2234446541582.7666,
        -2476492914384.961,
        -452418888201.54333,
        0.0,
        3542872419653.2676,
    ];
    let mean =
        vec![-789753.8893863006, 629465.3112900376, -500000.0, -500000.0, -164061.8493689251, 0.0, -500000.0];
    let lower = vec![
        0.027799002663964224,
        0.06486610898215231,
        -0.08481257317270398,
        0.03325747802607635,
        -0.0664011202192134,
        1.0 / 7.0,
        -0.02756405287927973,
    ];
    let upper = vec![
        0.3816639283500196,
        0.2754322458452743,
        0.31130670658745985,
        1.0 / 7.0,
        0.17646263133710097,
        1.0 / 7.0,
        0.2591728832909347,
    ];
    let matrix = SymmetricMatrix::from_row_major(7, covariance).unwrap();
    let bounds = Bounds::new(lower, upper).unwrap();
    let problem = Problem::new(mean, matrix, 50).unwrap().with_bounds(bounds).unwrap();
    let frontier = exact::frontier(&problem);
    assert!(frontier.label.is_ok());
    let (first, last) = (&frontier.corners[0], frontier.corners.last().unwrap());
    for share in (0..=100).map(|share| f64::from(share) / 100.0) {
        let mean = first.mean + share * (last.mean - first.mean);
        let reached = exact::target_return(&problem, mean).unwrap();
        let least = frontier.at_mean(mean).risk;
        assert!(reached.risk <= least * (1.0 + 1e-7), "{share}: {} against {least}", reached.risk);
    }
}
