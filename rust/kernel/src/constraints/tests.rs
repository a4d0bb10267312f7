use super::*;

/// SplitMix64 (Steele, Lea & Flood 2014): enough for test data.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn vector(&mut self, assets: usize, size: f64) -> Vec<f64> {
        (0..assets).map(|_| size * (self.uniform() - 0.4)).collect()
    }
}

const ASSETS: usize = 12;

/// Long and short, overlapping groups, one of them fixed, and a turnover limit.
fn crowded() -> Region {
    let bounds = Bounds::new(vec![-0.3; ASSETS], vec![0.4; ASSETS]).unwrap();
    let constraints = Constraints::none(ASSETS)
        .with_gross_limit(1.5)
        .and_then(|c| c.with_group("a", &[0, 1, 2, 3], 0.1, 0.3))
        .and_then(|c| c.with_group("b", &[2, 3, 4, 5, 6], 0.2, 0.2))
        .and_then(|c| c.with_holdings(vec![1.0 / ASSETS as f64; ASSETS]))
        .and_then(|c| c.with_turnover_limit(1.1))
        .unwrap();
    Region::new(&bounds, &constraints)
}

#[test]
fn a_projection_is_feasible_and_no_feasible_point_is_nearer() {
    let region = crowded();
    let mut random = Random(7);
    let mut projector = Projector::new(&region);
    let feasible: Vec<Vec<f64>> =
        (0..40).map(|_| projector.project(&random.vector(ASSETS, 2.0), None).to_vec()).collect();
    for number in 0..300 {
        let point = random.vector(ASSETS, 10f64.powi(number % 4 - 1));
        let nearest = projector.project(&point, None).to_vec();
        assert!(region.violation(&nearest) < 1e-11, "{number}: {:e}", region.violation(&nearest));
        // The angle between the way to the point and the way to anything feasible is not acute.
        for other in &feasible {
            let cosine: f64 =
                point.iter().zip(&nearest).zip(other).map(|((z, p), q)| (z - p) * (q - p)).sum();
            assert!(cosine < 1e-9, "{number}: {cosine:e}");
        }
    }
}

#[test]
fn a_proximal_point_is_better_than_those_around_it() {
    let region = crowded();
    let mut random = Random(11);
    let mut projector = Projector::new(&region);
    let rates: Vec<f64> = (0..ASSETS).map(|asset| 0.01 * asset as f64).collect();
    for _ in 0..100 {
        let point = random.vector(ASSETS, 1.0);
        let cost = |weights: &[f64]| -> f64 {
            let away = weights.iter().zip(&point).map(|(w, z)| 0.5 * (w - z) * (w - z)).sum::<f64>();
            let traded = weights.iter().zip(&region.holdings).zip(&rates);
            away + traded.map(|((w, h), rate)| 0.7 * rate * (w - h).abs()).sum::<f64>()
        };
        let best = projector.project(&point, Some((&rates, 0.7))).to_vec();
        for _ in 0..20 {
            let other = Projector::new(&region).project(&random.vector(ASSETS, 2.0), None).to_vec();
            for share in [1e-3, 0.1, 1.0] {
                let mixed: Vec<f64> = best.iter().zip(&other).map(|(a, b)| a + share * (b - a)).collect();
                let gain = cost(&best) - cost(&mixed);
                assert!(gain <= 1e-10, "{gain:e}, violation {:e}", region.violation(&other));
            }
        }
    }
}

#[test]
fn the_reach_ends_where_a_constraint_does() {
    let region = crowded();
    let mut random = Random(3);
    let mut projector = Projector::new(&region);
    for _ in 0..200 {
        let start = projector.project(&random.vector(ASSETS, 1.0), None).to_vec();
        let end = projector.project(&random.vector(ASSETS, 3.0), None).to_vec();
        let direction: Vec<f64> = end.iter().zip(&start).map(|(b, a)| b - a).collect();
        let at = |t: f64| -> Vec<f64> { start.iter().zip(&direction).map(|(w, d)| w + t * d).collect() };
        let reach = region.reach(&start, &direction, 100.0);
        assert!(region.violation(&at(reach)) < 1e-11);
        assert!(reach >= 1.0 - 1e-9, "the far end is feasible: {reach}");
        assert!(region.violation(&at(1.001 * reach)) > 1e-9 || reach >= 100.0);
    }
}

#[test]
fn a_violation_is_measured_against_the_constraint_that_is_missed_most() {
    let bounds = Bounds::new(vec![-1.0; 3], vec![1.0; 3]).unwrap();
    let constraints = Constraints::none(3)
        .with_gross_limit(1.2)
        .and_then(|c| c.with_group("g", &[0, 1], 0.0, 0.5))
        .and_then(|c| c.with_max_assets(2))
        .and_then(|c| c.with_min_position(0.25))
        .unwrap();
    let violation = |weights: [f64; 3]| constraints.violation(&bounds, &weights);
    assert!(violation([0.5, 0.0, 0.5]) < 1e-15);
    assert!((violation([0.9, 0.0, 0.1]) - 0.4).abs() < 1e-15, "group by 0.4, position by 0.1");
    assert!((violation([0.0, -0.5, 1.5]) - 0.8).abs() < 1e-15, "gross by 0.8, bound by 0.5");
    assert!((violation([0.3, 0.2, 0.5]) - 0.2).abs() < 1e-15, "a third asset of 0.2");
    assert!((violation([0.3, 0.0, 0.5]) - 0.2).abs() < 1e-15, "a sum of 0.8");
}

#[test]
fn fees_are_blended_and_spread_over_the_bars_held() {
    let fees = Fees { maker: -1e-4, taker: 5e-4, maker_share: 0.25, holding_bars: 10.0 };
    assert!((fees.rate() - 3.5e-5).abs() < 1e-18);
    let constraints = Constraints::none(2).with_holdings(vec![1.0, 0.0]).unwrap().with_fees(fees).unwrap();
    assert!((constraints.fees(&[0.4, 0.6]) - 1.2 * 3.5e-5).abs() < 1e-18);
    assert!(!constraints.is_empty() && !constraints.is_combinatorial());
}
