use silverbullet_kernel::{Bounds, PopulationOptions, Problem};
use silverbullet_market::moments::{Estimator, ReturnMatrix, RollingMoments, estimate};

use super::*;

/// Numbers in [0, 1) from a fixed recurrence (splitmix64).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns of one bar with a common part, at the scale of second bars.
    fn bar(&mut self, assets: usize) -> Vec<f64> {
        let common = self.next() - 0.5;
        (0..assets).map(|asset| 1e-4 * (common + (self.next() - 0.49) * (1.0 + asset as f64 / 4.0))).collect()
    }
}

/// The best seen so far; ties go to the lower number.
struct Ranking {
    sharpe: (f64, usize),
    variance: (f64, usize),
}

impl Ranking {
    const fn new() -> Self {
        Self { sharpe: (f64::NEG_INFINITY, 0), variance: (f64::INFINITY, 0) }
    }

    fn offer(&mut self, k: usize, excess: f64, variance: f64) {
        self.offer_sharpe(k, excess * excess.abs() / variance);
        self.offer_variance(k, variance);
    }

    fn offer_sharpe(&mut self, k: usize, score: f64) {
        if score > self.sharpe.0 || (score == self.sharpe.0 && k < self.sharpe.1) {
            self.sharpe = (score, k);
        }
    }

    fn offer_variance(&mut self, k: usize, variance: f64) {
        if variance < self.variance.0 || (variance == self.variance.0 && k < self.variance.1) {
            self.variance = (variance, k);
        }
    }

    const fn leaders(&self) -> Leaders {
        Leaders { max_sharpe: self.sharpe.1, min_variance: self.variance.1 }
    }
}

struct World {
    random: Uniform,
    window: std::collections::VecDeque<Vec<f64>>,
    rolling: RollingMoments,
    closed: ClosedMoments,
    population: LivePopulation,
    open: Vec<f64>,
}

const BARS: usize = 40;

impl World {
    fn new(assets: usize, size: usize, estimator: Estimator) -> Self {
        let mut random = Uniform(7);
        let mut rolling = RollingMoments::new(assets, BARS, estimator).unwrap();
        let mut window = std::collections::VecDeque::new();
        for _ in 0..BARS {
            let bar = random.bar(assets);
            rolling.push(&bar, None).unwrap();
            window.push_back(bar);
        }
        let mut closed = ClosedMoments::new(assets, estimator);
        rolling.write_closed(&mut closed).unwrap();
        let problem = Problem::new(closed.mean.clone(), closed.covariance.clone(), BARS)
            .unwrap()
            .with_bounds(Bounds::long_only(assets))
            .unwrap();
        let options = PopulationOptions { size, ..PopulationOptions::default() };
        let population = LivePopulation::new(Population::draw(&problem, &options).unwrap(), &closed, 0.0);
        Self { random, window, rolling, closed, population, open: vec![0.0; assets] }
    }

    fn tick(&mut self) -> Leaders {
        let assets = self.open.len();
        let asset = (self.random.next() * assets as f64) as usize;
        let change = 1e-4 * (self.random.next() - 0.5);
        self.open[asset] += change;
        self.population.tick(&[asset], &self.open, &self.window[0])
    }

    /// Closes the open bar at returns that differ from those followed for some assets, as late ticks make
    /// them, with prices moved on since.
    fn close(&mut self) -> Leaders {
        let corrections: Vec<f64> = (0..self.open.len())
            .map(|asset| if asset % 3 == 0 { 1e-5 * self.random.next() } else { 0.0 })
            .collect();
        let bar: Vec<f64> =
            self.open.iter().zip(&corrections).map(|(open, correction)| open + correction).collect();
        let oldest = self.window.pop_front().unwrap();
        self.rolling.push(&bar, Some(&oldest)).unwrap();
        self.rolling.write_closed(&mut self.closed).unwrap();
        self.window.push_back(bar.clone());
        self.open = corrections.iter().map(|correction| -correction).collect();
        self.population.close(&bar, &self.open, &oldest, &self.closed)
    }

    /// Mean and variance of portfolio `k` from its weights and the moments, from scratch.
    fn fresh(&self, k: usize) -> (f64, f64, f64) {
        let weights: Vec<f64> =
            (0..self.open.len()).map(|asset| f64::from(self.population.drawn().column(asset)[k])).collect();
        let open: f64 = weights.iter().zip(&self.open).map(|(weight, open)| weight * open).sum();
        let mut deviation = vec![0.0; self.open.len()];
        self.closed.deviation_into(&self.open, &mut deviation);
        let mut mean = deviation.clone();
        self.closed.open_mean_into(&deviation, &mut mean);
        let mut covariance = self.closed.base.clone();
        self.closed.open_covariance_into(&deviation, &mut covariance);
        let expected = weights.iter().zip(&mean).map(|(weight, mean)| weight * mean).sum();
        (open, expected, covariance.quadratic_form(&weights))
    }

    fn assert_equal_to_fresh(&self) {
        (0..self.population.drawn().size()).for_each(|k| self.assert_one_equal_to_fresh(k));
    }

    fn assert_one_equal_to_fresh(&self, k: usize) {
        let (open, mean, variance) = self.fresh(k);
        let (live_mean, live_variance) = self.population.moments_of(k);
        let risk = variance.sqrt();
        assert!((self.population.open_return(k) - open).abs() < 1e-10 * risk, "return of {k}");
        assert!((live_mean - mean).abs() < 1e-10 * risk, "mean of {k}: {live_mean} {mean}");
        assert!((live_variance / variance - 1.0).abs() < 1e-9, "variance of {k}: {live_variance} {variance}");
    }

    fn leaders_from_scratch(&self) -> Leaders {
        let mut best = Ranking::new();
        for k in 0..self.population.drawn().size() {
            let (mean, variance) = self.population.moments_of(k);
            best.offer(k, mean, variance);
        }
        best.leaders()
    }
}

const ESTIMATORS: [Estimator; 3] =
    [Estimator::Sample, Estimator::LedoitWolf, Estimator::Exponential { half_life: 12.0 }];

#[test]
fn each_portfolio_equals_a_fresh_evaluation_after_every_tick() {
    for estimator in ESTIMATORS {
        let mut world = World::new(6, 77, estimator);
        world.assert_equal_to_fresh();
        for step in 0..400 {
            let leaders = world.tick();
            assert_eq!(leaders, world.leaders_from_scratch());
            world.assert_equal_to_fresh();
            if step % 9 == 0 {
                world.close();
                world.assert_equal_to_fresh();
            }
        }
    }
}

#[test]
fn a_million_ticks_do_not_make_it_drift() {
    for estimator in ESTIMATORS {
        let mut world = World::new(5, 33, estimator);
        for step in 0..334_000 {
            world.tick();
            if step % 10 == 0 {
                world.close();
            }
            world.assert_one_equal_to_fresh(step % 33);
        }
        world.assert_equal_to_fresh();
    }
}

#[test]
fn the_close_itself_is_ranked_without_an_open_bar() {
    for estimator in ESTIMATORS {
        let mut world = World::new(8, 500, estimator);
        world.tick();
        let leaders = world.close();
        let mut returns = ReturnMatrix::new(8);
        world.window.iter().for_each(|bar| returns.push_row(bar));
        let moments = estimate(&returns, estimator).unwrap();
        let mut best = Ranking::new();
        let mut weights = [0.0; 8];
        for k in 0..500 {
            for (asset, weight) in weights.iter_mut().enumerate() {
                *weight = f64::from(world.population.drawn().column(asset)[k]);
            }
            let mean: f64 = weights.iter().zip(&moments.mean).map(|(weight, mean)| weight * mean).sum();
            best.offer(k, mean, moments.covariance.quadratic_form(&weights));
        }
        assert_eq!(leaders, best.leaders());
    }
}

#[test]
fn rebasing_onto_later_moments_equals_having_followed_them() {
    let mut world = World::new(7, 64, Estimator::LedoitWolf);
    for _ in 0..5 {
        world.tick();
        world.close();
    }
    let mut rebased = world.population.clone();
    rebased.rebase(&world.closed);
    rebased.start_open_bar(&world.open);
    for k in 0..64 {
        let (followed, fresh) = (world.population.moments_of(k), rebased.moments_of(k));
        assert!((followed.0 - fresh.0).abs() < 1e-10 * fresh.1.sqrt());
        assert!((followed.1 / fresh.1 - 1.0).abs() < 1e-10);
    }
}

#[test]
fn ties_go_to_the_lower_number_wherever_the_lanes_end() {
    for size in [1, 7, 8, 9, 64, 65] {
        let mut world = World::new(3, size, Estimator::Sample);
        for _ in 0..20 {
            assert_eq!(world.tick(), world.leaders_from_scratch());
        }
    }
}

#[test]
fn many_ticks_followed_at_once_are_as_good_as_one_by_one() {
    let (mut each, mut once) =
        (World::new(40, 300, Estimator::Sample), World::new(40, 300, Estimator::Sample));
    for round in 0..30 {
        let mut changed = Vec::new();
        for asset in (0..40).filter(|asset| (asset + round) % 3 > 0) {
            let change = 1e-4 * (each.random.next() - 0.5);
            each.open[asset] += change;
            each.population.tick(&[asset], &each.open, &each.window[0]);
            changed.push(asset);
        }
        once.open.copy_from_slice(&each.open);
        let leaders = once.population.tick(&changed, &once.open, &once.window[0]);
        assert_eq!(leaders, once.leaders_from_scratch());
        assert_eq!(leaders, each.population.leaders());
        once.assert_equal_to_fresh();
    }
}
