use super::*;

/// Numbers in [−½, ½) from a fixed recurrence.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }
}

/// A population of `size` portfolios whose excess means lie around `centre`, everything in units of `scale`.
struct World {
    random: Uniform,
    scale: f64,
    weights: Vec<Vec<f32>>,
    deviation: Vec<f64>,
    excess: Vec<f64>,
    base: Vec<f64>,
    leaders: Leaders,
}

impl World {
    fn new(size: usize, centre: f64, scale: f64) -> Self {
        let mut random = Uniform(size as u64);
        let mut column = |scale: f64, centre: f64| -> Vec<f64> {
            (0..size).map(|_| scale * (centre + random.next())).collect()
        };
        let weights =
            (0..3).map(|_| column(1.0, 0.5).iter().map(|&weight| weight as f32).collect()).collect();
        Self {
            weights,
            deviation: column(scale, 0.0),
            excess: column(0.1 * scale, centre),
            base: column(scale * scale, 1.0),
            leaders: Leaders { max_sharpe: 0, min_variance: 0 },
            random,
            scale,
        }
    }

    fn changes(&mut self, count: usize) -> Vec<(usize, f64)> {
        (0..count).map(|asset| (asset, self.scale * self.random.next())).collect()
    }

    fn follow(&mut self, follower: Follower, changes: &[(usize, f64)]) -> Leaders {
        let rough = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
        let (rough_excess, rough_base) = (rough(&self.excess), rough(&self.base));
        let changes: Vec<_> =
            changes.iter().map(|&(asset, change)| (&self.weights[asset][..], change)).collect();
        let followed = Followed {
            deviation: &mut self.deviation,
            excess: &self.excess,
            rough_excess: &rough_excess,
            base: &self.base,
            rough_base: &rough_base,
            mean_coefficient: 0.05,
            rank_one_coefficient: 0.04,
        };
        self.leaders = follower.follow(followed, &changes, self.leaders);
        self.leaders
    }

    /// The best by dividing for every portfolio.
    fn leaders_from_scratch(&self) -> Leaders {
        let (mut sharpe, mut variance) = ((f64::NEG_INFINITY, 0), (f64::INFINITY, 0));
        for (k, u) in self.deviation.iter().enumerate() {
            let excess = self.excess[k] + 0.05 * u;
            let risk = self.base[k] + 0.04 * u * u;
            let score = excess * excess.abs() / risk;
            sharpe = if score > sharpe.0 { (score, k) } else { sharpe };
            variance = if risk < variance.0 { (risk, k) } else { variance };
        }
        Leaders { max_sharpe: sharpe.1, min_variance: variance.1 }
    }
}

#[test]
fn the_best_are_found_whatever_the_signs_and_scales() {
    for size in [1, 15, 64, 65, 1_000] {
        // Excess means of both signs, all positive, all negative; down to where single precision underflows.
        for (centre, scale) in [(0.0, 1.0), (1.0, 1e-6), (-1.0, 1e-4), (0.0, 1e-25), (1.0, 1e12)] {
            let mut world = World::new(size, centre, scale);
            for step in 0..200 {
                let changes = world.changes(1 + step % 3);
                let leaders = world.follow(Follower::detect(), &changes);
                assert_eq!(
                    leaders,
                    world.leaders_from_scratch(),
                    "{size} around {centre} by {scale}, {step}"
                );
            }
        }
    }
}

#[test]
fn every_instruction_set_follows_to_the_same_bits() {
    for size in [63, 640, 1_001] {
        let sets = InstructionSet::available();
        let mut worlds: Vec<_> = sets.iter().map(|_| World::new(size, 0.1, 1e-4)).collect();
        for step in 0..100 {
            let mut seen = Vec::new();
            for (world, &set) in worlds.iter_mut().zip(&sets) {
                let changes = world.changes(1 + step % 2);
                let leaders = world.follow(Follower::with(set).unwrap(), &changes);
                let bits: Vec<u64> = world.deviation.iter().map(|u| u.to_bits()).collect();
                seen.push((leaders, bits));
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{size} portfolios, step {step}");
        }
    }
}

#[test]
fn ties_go_to_the_lower_number() {
    let mut world = World::new(300, 0.5, 1e-3);
    for k in 0..300 {
        world.deviation[k] = 0.0;
        (world.excess[k], world.base[k]) = (1e-4, 1e-6);
    }
    world.leaders = Leaders { max_sharpe: 250, min_variance: 130 };
    assert_eq!(world.follow(Follower::detect(), &[]), Leaders { max_sharpe: 0, min_variance: 0 });
}

#[test]
fn nothing_is_found_in_nothing_and_a_wrong_leader_does_no_harm() {
    let leaders = Leaders { max_sharpe: 7, min_variance: 9 };
    let mut world = World::new(0, 0.0, 1.0);
    world.leaders = leaders;
    assert_eq!(world.follow(Follower::detect(), &[]), leaders);
    let mut world = World::new(200, 0.0, 1.0);
    world.leaders = Leaders { max_sharpe: 900, min_variance: usize::MAX };
    world.follow(Follower::detect(), &[]);
    assert_eq!(world.leaders, world.leaders_from_scratch());
}

/// Σ and Σ² moved on, and everything that follows from them, one by one.
#[test]
fn a_close_gives_every_portfolio_its_moments_under_each_instruction_set() {
    for size in [1, 63, 200] {
        let step = CloseStep {
            decay: 0.9,
            entered: 1.0,
            evicted: 0.8,
            per_sum: 1.0 / 40.0,
            per_divisor: 1.0 / 39.0,
            base_scale: 0.7,
            closed_scale: 0.75,
            ridge: 1e-3,
            risk_free: 1e-3,
        };
        let mut seen = Vec::new();
        for set in InstructionSet::available() {
            let mut random = Uniform(5);
            let mut column =
                |centre: f64| -> Vec<f64> { (0..size).map(|_| centre + random.next()).collect() };
            let [mut deviation, mut mean, mut sum] = [column(0.0), column(0.0), column(0.0)];
            let [mut squares, evicted, norms] = [column(40.0), column(0.0), column(1.0)];
            let before = (deviation.clone(), mean.clone(), sum.clone(), squares.clone());
            let [mut excess, mut base] = [vec![0.0; size], vec![0.0; size]];
            let [mut rough_excess, mut rough_base] = [vec![0.0; size], vec![0.0; size]];
            let closing = Closing {
                deviation: &mut deviation,
                mean: &mut mean,
                sum: &mut sum,
                squares: &mut squares,
                excess: &mut excess,
                rough_excess: &mut rough_excess,
                base: &mut base,
                rough_base: &mut rough_base,
                evicted: &evicted,
                norms: &norms,
            };
            let leaders = Follower::with(set).unwrap().close(closing, &step);
            let mut best = best::Best::new();
            for k in 0..size {
                let (new, old) = (before.0[k] + before.1[k], evicted[k]);
                let sum = 0.9 * before.2[k] + new - 0.8 * old;
                let variance = (0.9 * before.3[k] + new * new - 0.8 * old * old - sum * sum / 40.0) / 39.0;
                assert!((mean[k] - sum / 40.0).abs() < 1e-14 && deviation[k] == -mean[k]);
                assert!((base[k] - (0.7 * variance + 1e-3 * norms[k])).abs() < 1e-13);
                assert_eq!((excess[k], rough_base[k]), (mean[k] - 1e-3, base[k] as f32));
                best.offer(k, excess[k], 0.75 * variance + 1e-3 * norms[k]);
            }
            assert_eq!(leaders, best.leaders());
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            seen.push([bits(&sum), bits(&squares), bits(&base), bits(&excess)]);
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{size}");
    }
}
