//! The resampled frontier: known answers, bands, partitions and threads to the same bits, degenerate windows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[path = "common/problems.rs"]
mod problems;

use problems::Random;
use silverbullet_kernel::{
    Bootstrap, Bounds, Error, Fallback, Label, ResampleOptions, ResamplePart, ResampledFrontier, Resampler,
    Scenarios, exact, resample,
};

/// Returns with a common factor, at the scale of minutes.
fn history(seed: u64, bars: usize, assets: usize) -> Scenarios {
    let mut random = Random(seed);
    let traits: Vec<(f64, f64, f64)> = (0..assets)
        .map(|_| (random.between(-1e-5, 4e-5), random.between(2e-4, 1e-3), random.between(0.2, 1.2)))
        .collect();
    let mut returns = Vec::with_capacity(bars * assets);
    for _ in 0..bars {
        let market = random.normal() * 5e-4;
        returns.extend(traits.iter().map(|(mean, own, beta)| mean + beta * market + own * random.normal()));
    }
    Scenarios::from_row_major(assets, returns).unwrap()
}

fn options(bootstraps: u64, points: usize) -> ResampleOptions {
    ResampleOptions { bootstraps, points, seed: 11, ..Default::default() }
}

fn bits(frontier: &ResampledFrontier) -> Vec<u64> {
    let numbers = frontier.points.iter().flat_map(|point| {
        let scalars =
            [point.mean, point.risk, point.mean_low, point.mean_high, point.risk_low, point.risk_high];
        let weights = [&point.weights, &point.weights_low, &point.weights_high].into_iter().flatten();
        scalars.into_iter().chain(weights.copied()).map(f64::to_bits).collect::<Vec<_>>()
    });
    numbers.chain([frontier.bootstraps, frontier.fallbacks]).collect()
}

#[test]
fn a_bootstrap_of_every_bar_once_is_the_plain_frontier() {
    let history = history(1, 240, 12);
    let plain = exact::frontier(&history.problem().unwrap());
    let whole = Bootstrap::Block { length: 240 };
    for bounds in [None, Some(Bounds::new(vec![0.01; 12], vec![0.3; 12]).unwrap())] {
        let plain = match &bounds {
            None => plain.clone(),
            Some(bounds) => exact::frontier(&history.problem().unwrap().with_bounds(bounds.clone()).unwrap()),
        };
        let found =
            resample(&history, ResampleOptions { bootstrap: whole, bounds, ..options(1, 50) }).unwrap();
        assert_eq!((found.label, found.fallbacks), (Label::Ok, 0));
        for (point, expected) in found.points.iter().zip(plain.equally_spaced(50)) {
            for (weight, expected) in point.weights.iter().zip(&expected.weights) {
                assert!((weight - expected).abs() < 1e-12, "{weight} {expected}");
            }
            assert!((point.mean - expected.mean).abs() < 1e-12 * expected.risk);
            assert!((point.risk / expected.risk - 1.0).abs() < 1e-12);
            assert_eq!((point.mean_low, point.mean_high), (point.mean, point.mean));
            assert_eq!(point.weights_low, point.weights);
        }
    }
}

#[test]
fn averages_and_bands_are_those_of_the_single_bootstraps() {
    let history = history(2, 150, 5);
    let problem = history.problem().unwrap();
    let resampler = Resampler::new(&history, options(40, 7)).unwrap();
    let all = resampler.finish(&resampler.part(0..40).unwrap()).unwrap();
    let single: Vec<ResampledFrontier> = (0..40)
        .map(|number| resampler.finish(&resampler.part(number..number + 1).unwrap()).unwrap())
        .collect();
    // 5 % of 39 intervals lie 1.95 above the first order statistic.
    let band = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        (0.05 * values[1] + 0.95 * values[2], 0.95 * values[37] + 0.05 * values[38])
    };
    let close = |a: f64, b: f64| (a - b).abs() < 1e-13;
    for (rank, point) in all.points.iter().enumerate() {
        for asset in 0..5 {
            let weights: Vec<f64> = single.iter().map(|one| one.points[rank].weights[asset]).collect();
            assert!(close(point.weights[asset], weights.iter().sum::<f64>() / 40.0));
            let (low, high) = band(weights);
            assert!(close(point.weights_low[asset], low) && close(point.weights_high[asset], high));
        }
        let achieved = problem.evaluate(&point.weights);
        assert!((achieved.mean - point.mean).abs() < 1e-12 * achieved.risk);
        assert!((achieved.risk / point.risk - 1.0).abs() < 1e-12);
        let worth = |one: &ResampledFrontier| problem.evaluate(&one.points[rank].weights);
        let (low, high) = band(single.iter().map(|one| worth(one).mean).collect());
        assert!((point.mean_low - low).abs() < 1e-12 * achieved.risk);
        assert!((point.mean_high - high).abs() < 1e-12 * achieved.risk);
        let (low, high) = band(single.iter().map(|one| worth(one).risk).collect());
        assert!((point.risk_low / low - 1.0).abs() < 1e-12 && (point.risk_high / high - 1.0).abs() < 1e-12);
    }
    assert!(all.points[6].mean_low < all.points[6].mean_high);
}

#[test]
fn partitions_in_any_order_and_threads_give_the_same_bits() {
    let history = history(3, 200, 10);
    for bootstrap in
        [Bootstrap::Plain, Bootstrap::Block { length: 12 }, Bootstrap::Stationary { mean_length: 9 }]
    {
        let options = ResampleOptions { bootstrap, ..options(130, 9) };
        let expected = bits(&resample(&history, options.clone()).unwrap());
        for threads in [2, 8, 300] {
            let found = resample(&history, ResampleOptions { threads, ..options.clone() }).unwrap();
            assert_eq!(bits(&found), expected, "{threads} threads");
        }
        let resampler = Resampler::new(&history, options).unwrap();
        for partitions in [1_u64, 2, 8, 64] {
            let mut parts: Vec<ResamplePart> = (0..partitions)
                .map(|part| {
                    let range = part * 130 / partitions..(part + 1) * 130 / partitions;
                    // As over a wire.
                    let json = serde_json::to_string(&resampler.part(range).unwrap()).unwrap();
                    serde_json::from_str(&json).unwrap()
                })
                .collect();
            let mut random = Random(partitions);
            while parts.len() > 1 {
                let part = parts.swap_remove(random.below(parts.len()));
                let into = random.below(parts.len());
                parts[into].merge(part).unwrap();
            }
            assert_eq!(bits(&resampler.finish(&parts[0]).unwrap()), expected, "{partitions} partitions");
        }
    }
}

#[test]
fn parts_of_other_runs_are_refused() {
    let window = history(4, 60, 4);
    let part = |window: &Scenarios, options: ResampleOptions| {
        Resampler::new(window, options).unwrap().part(0..3).unwrap()
    };
    let own = part(&window, options(5, 4));
    let others = [
        part(&history(5, 60, 4), options(5, 4)),
        part(&window, ResampleOptions { seed: 12, ..options(5, 4) }),
        part(&window, ResampleOptions { bootstrap: Bootstrap::Block { length: 2 }, ..options(5, 4) }),
        part(&window, ResampleOptions { shrinkage: 0.5, ..options(5, 4) }),
        part(&window, options(5, 6)),
    ];
    let resampler = Resampler::new(&window, options(5, 4)).unwrap();
    for other in others {
        assert!(own.clone().merge(other.clone()).unwrap_err().to_string().starts_with("part"));
        assert!(resampler.finish(&other).unwrap_err().to_string().starts_with("part"));
    }
    let twice = {
        let mut twice = own.clone();
        twice.merge(own.clone()).unwrap();
        twice
    };
    assert_eq!(twice, own);
    let empty = resampler.part(5..9).unwrap();
    assert_eq!(resampler.finish(&empty), Err(Error::Empty { parameter: "part" }));
}

#[test]
fn degenerate_windows_are_labelled() {
    let check = |window: &Scenarios, label: Label| {
        let assets = window.assets();
        let found = resample(window, options(20, 5)).unwrap();
        assert_eq!(found.label, label);
        for point in &found.points {
            assert!(Bounds::long_only(assets).violation(&point.weights) < 1e-12);
            assert!([point.mean, point.risk, point.mean_low, point.risk_high].iter().all(|x| x.is_finite()));
        }
        found
    };
    let one = check(&history(6, 50, 1), Label::Fallback(Fallback::SingleAsset));
    assert_eq!((one.points[4].weights[0], one.fallbacks), (1.0, 20));
    let constant = Scenarios::from_row_major(3, [0.01, 0.02, 0.1].repeat(30)).unwrap();
    let constant = check(&constant, Label::Fallback(Fallback::ZeroVariance));
    assert!((constant.points[0].weights[1] - 1.0 / 3.0).abs() < 1e-12 && constant.points[0].risk == 0.0);
    check(&history(7, 1, 3), Label::Fallback(Fallback::ZeroVariance));
    // Two bars, twenty assets: long-only portfolios without risk in the sample.
    check(&history(8, 2, 20), Label::Fallback(Fallback::Singular));
    let few = check(&history(9, 30, 40), Label::Ok);
    assert_eq!(few.bootstraps, 20);
}

#[test]
fn returns_of_any_size_are_answered() {
    let window = history(12, 40, 4);
    let expected = resample(&window, options(10, 4)).unwrap();
    let sizes = [[1e300; 4], [1e-310; 4], [1e300, 1.0, 1e-10, 1e-300], [0.0, 1.0, 1e150, 0.0]];
    for size in sizes {
        let returns = window.as_slice().iter().enumerate().map(|(i, value)| value * size[i % 4]).collect();
        let found = resample(&Scenarios::from_row_major(4, returns).unwrap(), options(10, 4)).unwrap();
        for point in &found.points {
            let numbers = [point.mean, point.risk, point.mean_low, point.mean_high, point.risk_high];
            assert!(numbers.iter().all(|value| value.is_finite()), "{size:?}: {point:?}");
            assert!(Bounds::long_only(4).violation(&point.weights) < 1e-12, "{size:?}: {point:?}");
            assert!(point.weights.iter().chain(&point.weights_high).all(|weight| weight.is_finite()));
        }
        if size[0] == size[3] && size[0] == 1e300 {
            let pairs = found.points.iter().zip(&expected.points);
            for (point, expected) in pairs {
                let error = point
                    .weights
                    .iter()
                    .zip(&expected.weights)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f64::max);
                assert!(error < 1e-9, "{error:e}");
                assert!((point.risk / 1e300 / expected.risk - 1.0).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn invalid_input_names_its_parameter() {
    let window = history(10, 30, 3);
    let says =
        |options: ResampleOptions| Resampler::new(&window, options).map(|_| ()).unwrap_err().to_string();
    assert!(says(options(0, 5)).starts_with("bootstraps"));
    assert!(says(options(5, 0)).starts_with("points"));
    assert!(says(ResampleOptions { shrinkage: 1.5, ..options(5, 5) }).starts_with("shrinkage"));
    assert!(says(ResampleOptions { shrinkage: f64::NAN, ..options(5, 5) }).starts_with("shrinkage"));
    let block = Bootstrap::Block { length: 0 };
    assert!(says(ResampleOptions { bootstrap: block, ..options(5, 5) }).starts_with("block length"));
    let bounds = Some(Bounds::long_only(4));
    assert!(says(ResampleOptions { bounds, ..options(5, 5) }).starts_with("bounds"));
    let matrix = |assets, returns| Scenarios::from_row_major(assets, returns).unwrap_err().to_string();
    assert!(matrix(0, vec![]).starts_with("assets"));
    assert!(matrix(2, vec![]).starts_with("returns"));
    assert!(matrix(2, vec![0.0; 3]).starts_with("returns: expected 4"));
    assert!(matrix(2, vec![0.0, f64::NAN]).starts_with("returns[1]"));
}

#[test]
fn results_do_not_depend_on_the_unit_of_the_returns() {
    let window = history(11, 80, 6);
    let scale = 2.0_f64.powi(-60);
    let returns = window.as_slice().iter().map(|value| value * scale).collect();
    let small = Scenarios::from_row_major(6, returns).unwrap();
    let (large, small) =
        (resample(&window, options(25, 6)).unwrap(), resample(&small, options(25, 6)).unwrap());
    for (a, b) in large.points.iter().zip(&small.points) {
        assert_eq!((&a.weights, &a.weights_high), (&b.weights, &b.weights_high));
        assert_eq!((a.mean * scale, a.risk_low * scale), (b.mean, b.risk_low));
    }
}
