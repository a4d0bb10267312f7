use super::*;
use crate::batch::{Batch, Evaluator, LANES, Lanes, ScaledProblem, Scores};
use crate::matrix::SymmetricMatrix;
use crate::monte_carlo::Scan;
use crate::problem::{Bounds, Problem};
use crate::random::{LaneStream, PortfolioStream, Purpose, RunKey};
use crate::sampler::{Sampler, SamplerKind};

const KINDS: [SamplerKind; 3] = [SamplerKind::Auto, SamplerKind::Uniform, SamplerKind::FaceEdgeVertex];

fn problem(assets: usize) -> Problem {
    let covariance = SymmetricMatrix::from_lower(assets, |row, column| {
        let own = if row == column { 1.0 } else { 0.0 };
        own + 0.5 * (row as f64).cos() * (column as f64).cos()
    });
    Problem::new((0..assets).map(|asset| 0.1 + 0.1 * (asset as f64).sin()).collect(), covariance, 100)
        .unwrap()
}

fn bits(lanes: &Lanes) -> [u32; LANES] {
    lanes.0.map(f32::to_bits)
}

fn score_bits(scores: &Scores) -> [[u32; LANES]; 2] {
    [bits(&scores.mean), bits(&scores.variance)]
}

#[test]
fn every_instruction_set_draws_and_scores_the_same_bits() {
    let sets = InstructionSet::available();
    eprintln!("instruction sets: {sets:?}");
    for assets in (1..=13).chain([31, 50, 100]) {
        let long_only = problem(assets);
        let shifted = Bounds::new(vec![0.3 / assets as f64; assets], vec![2.0; assets]).unwrap();
        let shifted = long_only.clone().with_bounds(shifted).unwrap();
        for (problem, kind) in [&long_only, &shifted].into_iter().flat_map(|p| KINDS.map(|kind| (p, kind))) {
            let scan = |set| Scan::new(problem, kind, 3, assets as u64, Some(set)).unwrap();
            let mut portable = scan(InstructionSet::Portable);
            for &set in &sets {
                let mut other = scan(set);
                // Eight groups: each of the seven levels of bias.
                for first in [0, 4] {
                    let expected = portable.scores(first).map(|scores| score_bits(&scores));
                    let found = other.scores(first).map(|scores| score_bits(&scores));
                    assert!(expected == found, "{set}, {assets} assets, {kind:?}");
                    for number in 0..Scan::PORTFOLIOS {
                        let weights = other.weights(number).map(f32::to_bits);
                        assert!(weights.eq(portable.weights(number).map(f32::to_bits)), "{set}, {assets}");
                    }
                }
            }
        }
    }
}

/// The tile and the single group, the spacings and the weights: four ways to the same portfolios.
#[test]
fn a_scan_is_what_sampler_and_evaluator_say() {
    for (assets, lower) in [(1, 0.0), (7, 0.0), (10, -0.05), (50, 0.01)] {
        let bounds = Bounds::new(vec![lower; assets], vec![9.0; assets]).unwrap();
        let problem = problem(assets).with_bounds(bounds).unwrap();
        for &set in &InstructionSet::available() {
            let mut scan = Scan::new(&problem, SamplerKind::FaceEdgeVertex, 5, 1, Some(set)).unwrap();
            let sampler = Sampler::new(problem.bounds(), SamplerKind::FaceEdgeVertex, 5, 1);
            let sampler = sampler.with_instructions(set).unwrap();
            let evaluator = Evaluator::with_instructions(&problem, set).unwrap();
            let mut batch = Batch::new(assets);
            let scores = *scan.scores(8);
            for group in 0..GROUPS {
                sampler.draw(8 + group as u64, &mut batch);
                let alone = evaluator.evaluate(&batch);
                for lane in 0..LANES {
                    assert!(scan.weights(group * LANES + lane).eq(batch.lane(lane)));
                    let (a, b) = (scores[group].variance.0[lane], alone.variance.0[lane]);
                    assert!((a / b - 1.0).abs() < 4e-6, "{set}, {assets} assets: variance {a} and {b}");
                    let (a, b) = (scores[group].mean.0[lane], alone.mean.0[lane]);
                    assert!((a - b).abs() < 4e-6, "{set}, {assets} assets: mean {a} and {b}");
                }
            }
        }
    }
}

/// Also where an instruction set would not do both at once by itself.
#[test]
fn drawing_between_the_rows_of_a_product_changes_no_bit() {
    let run = RunKey::new(3, 9, Purpose::Portfolios);
    for assets in [1, 4, 7, 30, 53] {
        let problem = problem(assets);
        let elites: Vec<f32> = (0..assets).map(|asset| asset as f32 / assets as f32).collect();
        let around = Around { first: &elites, second: &elites[..], step: 0.25 };
        let plain = [Recipe::default(); GROUPS];
        let mut shaped = plain;
        (shaped[1].squarings, shaped[2].around) = (3, Some(around));
        for (&set, recipes) in
            InstructionSet::available().iter().flat_map(|set| [(set, &plain), (set, &shaped)])
        {
            let machine = set.machine().unwrap();
            let evaluator = Evaluator::of(&ScaledProblem::new(&problem), machine);
            let mean = evaluator.mean();
            let seeds: [Seeds; GROUPS] = std::array::from_fn(|group| run.seeds(group as u64));
            // The last tile of a run may have fewer groups.
            for groups in [GROUPS, 3] {
                let recipes = &recipes[..groups];
                let room = || (vec![[Lanes::ZERO; GROUPS]; assets], [Spacings::ZERO; GROUPS]);
                let ((mut weights, mut spacings), (mut others, mut sums)) = (room(), room());
                machine.draw(Draw {
                    seeds: &seeds,
                    recipes,
                    mean,
                    weights: &mut weights,
                    spacings: &mut spacings,
                });
                let mut expected = [Scores::ZERO; GROUPS];
                let mut found = expected;
                evaluator.evaluate_spacings(&weights, &spacings, GROUPS, &mut expected);
                let next = Draw { seeds: &seeds, recipes, mean, weights: &mut others, spacings: &mut sums };
                evaluator.evaluate_drawing(&weights, &spacings, &mut found, next);
                let scores = |scores: &[Scores]| scores[..groups].iter().map(score_bits).collect::<Vec<_>>();
                assert_eq!(scores(&found), scores(&expected), "{set}, {assets} assets");
                for (drawn, row) in others.iter().zip(&weights) {
                    assert!(drawn[..groups].iter().map(bits).eq(row[..groups].iter().map(bits)), "{set}");
                }
                evaluator.evaluate_spacings(&others, &sums, GROUPS, &mut found);
                assert_eq!(scores(&found), scores(&expected), "{set}, {assets} assets: sums");
            }
        }
    }
}

#[test]
fn lanes_of_a_register_are_the_streams_of_their_portfolios() {
    let run = RunKey::new(11, 5, Purpose::Portfolios);
    let machine = Machine::detect();
    let mut weights = vec![[Lanes::ZERO]; 9];
    let mut spacings = [Spacings::ZERO];
    let (seeds, recipes) = ([run.seeds(77)], [Recipe::default()]);
    let (weights_of, spacings_of) = (&mut weights, &mut spacings);
    machine.draw(Draw {
        seeds: &seeds,
        recipes: &recipes,
        mean: &[0.0; 9],
        weights: weights_of,
        spacings: spacings_of,
    });
    let mut stream = LaneStream::new(run, 77);
    for [spacing] in &weights {
        assert_eq!(spacing.map(|value| value / 8_388_608.0), stream.next_exponential(machine));
    }
}

#[test]
fn spacings_are_logarithms_over_the_whole_grid() {
    let machine = Machine::detect();
    let mut worst = 0.0_f64;
    // Every mantissa of the numbers next to one, where the logarithm is smallest, and a grid of the others.
    let words =
        (0..1 << 23).map(|step| 0x7fff_ffff - 128 * step).chain((0..1 << 22).map(|step| step * 511 + 1));
    let words: Vec<u32> = words.collect();
    for chunk in words.as_chunks::<LANES>().0 {
        for (value, word) in machine.exponentials(chunk).0.into_iter().zip(chunk) {
            assert!(value > 0.0, "{word:#x}");
            // The numbers are what single precision makes of the words. Zero is replaced by 2^-23, and next to
            // it the steps between the numbers count.
            let u = f64::from((word & 0x7fff_ffff | 1) as f32) / f64::from(1_u32 << 31);
            let exact = -u.log2();
            worst = worst.max(((f64::from(value) - exact).abs() - 2.0_f64.powi(-22)) / exact.max(1e-3));
        }
    }
    assert!(worst < 6e-7, "relative error {worst:e}");
}

/// The counts of pairs of numbers in the cells of a grid, as a chi-squared statistic in standard deviations.
fn dependence(pairs: impl Iterator<Item = (u32, u32)>) -> f64 {
    const CELLS: usize = 32;
    let mut counts = vec![0.0; CELLS * CELLS];
    let mut total = 0.0;
    for (a, b) in pairs {
        counts[(a >> 27) as usize * CELLS + (b >> 27) as usize] += 1.0;
        total += 1.0;
    }
    let expected = total / counts.len() as f64;
    let statistic: f64 = counts.iter().map(|count| (count - expected) * (count - expected) / expected).sum();
    let freedom = (counts.len() - 1) as f64;
    (statistic - freedom) / (2.0 * freedom).sqrt()
}

/// The lanes of a group share their seeds, and groups next to each other share all but the counter.
#[test]
fn lanes_and_groups_are_independent() {
    let run = RunKey::new(1, 2, Purpose::Portfolios);
    let groups = 1 << 13;
    let words = |group: u64, steps: usize| -> Vec<[u32; LANES]> {
        let mut lanes = LaneStream::new(run, group);
        (0..steps).map(|_| lanes.next_words()).collect()
    };
    let table: Vec<Vec<[u32; LANES]>> = (0..groups).map(|group| words(group, 4)).collect();
    let mut worst = 0.0_f64;
    for step in 0..4 {
        for lane in 1..LANES {
            worst = worst.max(dependence(table.iter().map(|w| (w[step][0], w[step][lane]))).abs());
            worst = worst.max(dependence(table.iter().map(|w| (w[step][lane - 1], w[step][lane]))).abs());
        }
        let neighbours =
            table.windows(2).flat_map(|w| (0..LANES).map(move |l| (w[0][step][l], w[1][step][l])));
        worst = worst.max(dependence(neighbours).abs());
    }
    for step in 1..4 {
        let successors = table.iter().flat_map(|w| (0..LANES).map(move |l| (w[step - 1][l], w[step][l])));
        worst = worst.max(dependence(successors).abs());
    }
    // The largest of some 130 nearly normal statistics.
    assert!(worst < 4.5, "{worst} standard deviations");
    // No two of the first words agree in more than chance has them agree.
    let mut first: Vec<u32> = table.iter().flat_map(|words| words[0]).collect();
    first.sort_unstable();
    let equal = first.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(equal < 12, "{equal} of 2^17 words are there twice; two are to be expected");
}

#[test]
fn neighbouring_lanes_differ_in_half_of_their_bits() {
    let run = RunKey::new(4, 4, Purpose::Portfolios);
    let mut flips = [0_u32; 128];
    let groups = 2_000;
    for group in 0..groups {
        for lane in 0..LANES as u64 - 1 {
            let state = |lane| {
                let mut stream = PortfolioStream::new(run, group * LANES as u64 + lane);
                (0..4).map(move |_| rand::Rng::next_u32(&mut stream))
            };
            for (word, (a, b)) in state(lane).zip(state(lane + 1)).enumerate() {
                (0..32).for_each(|bit| flips[word * 32 + bit] += (a ^ b) >> bit & 1);
            }
        }
    }
    let count = f64::from(groups as u32) * 15.0;
    for flips in flips {
        let off = (f64::from(flips) - count / 2.0) / (count / 4.0).sqrt();
        assert!(off.abs() < 5.0, "{off} standard deviations");
    }
}

#[test]
fn only_what_the_processor_has_can_be_forced() {
    assert!(InstructionSet::available().contains(&InstructionSet::detect()));
    for set in InstructionSet::ALL {
        assert_eq!(set.machine().is_ok(), set.is_available());
        assert_eq!(set.name().parse(), Ok(set));
        let scan = Scan::new(&problem(3), SamplerKind::Auto, 0, 0, Some(set));
        assert_eq!(scan.is_ok(), set.is_available());
        assert!(multiply_adds(set, 10).is_ok_and(|done| done.sum > 0.0) == set.is_available());
    }
    assert!("sse9".parse::<InstructionSet>().is_err());
}
