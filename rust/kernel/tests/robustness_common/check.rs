//! What must hold for every question: an error that names the parameter, or feasible weights without a NaN.

use silverbullet_kernel::exact::{self, ActiveSetSolver, RankOne, Start};
use silverbullet_kernel::spectrum::extreme_eigenvalues;
use silverbullet_kernel::{
    Error, FrontierPoint, Label, MonteCarloOptions, Objective, Population, PopulationOptions, Portfolio,
    Problem, SamplerKind, gap, monte_carlo,
};

use super::draw::Question;
use super::source::Source;

/// The first thing that is wrong with the answers.
pub(crate) type Check = std::result::Result<(), String>;

/// Weights may leave their bounds, and their sum one, by this share of their own size.
const FEASIBILITY: f64 = 1e-9;
/// No portfolio may beat the exact optimum by more.
const GAP: f64 = 1e-9;
/// What an error may begin with: a parameter, as the caller knows it.
const PARAMETERS: [&str; 8] = [
    "mean",
    "covariance",
    "shrunk covariance",
    "observations",
    "lower bounds",
    "upper bounds",
    "bounds",
    "risk_free",
];

/// Draws a question and checks every answer to it.
pub(crate) fn question(source: &mut impl Source) -> Check {
    let question = Question::draw(source);
    answered(&question, source).map_err(|fault| {
        let show = std::env::var_os("SILVERBULLET_FUZZ_SHOW").is_some();
        if show { format!("{fault}\n{question:#?}") } else { fault }
    })
}

fn answered(question: &Question, source: &mut impl Source) -> Check {
    match (question.problem(), question.sound) {
        (Err(error), Some(true)) => Err(format!("a sound problem is refused: {error}")),
        (Err(error), _) => names_its_parameter(&error),
        (Ok(_), Some(false)) => Err("an unsound problem is accepted".into()),
        (Ok(problem), _) => answers(&problem, source),
    }
}

fn names_its_parameter(error: &Error) -> Check {
    let message = error.to_string();
    let named = PARAMETERS.iter().any(|parameter| {
        message.strip_prefix(parameter).is_some_and(|rest| rest.starts_with(':') || rest.starts_with('['))
    });
    if named { Ok(()) } else { Err(format!("an error names no parameter: {message}")) }
}

fn answers(problem: &Problem, source: &mut impl Source) -> Check {
    let exact = [Objective::MaxSharpe, Objective::MinVariance].map(|objective| {
        let portfolio = exact::solve(problem, objective);
        (objective, portfolio)
    });
    for (objective, portfolio) in &exact {
        answer(problem, portfolio).map_err(|fault| format!("exact {objective}: {fault}"))?;
        if portfolio.gap != portfolio.label.is_ok().then_some(0.0) {
            return Err(format!("exact {objective}: gap {:?} and {}", portfolio.gap, portfolio.label));
        }
    }
    frontier(problem).map_err(|fault| format!("frontier: {fault}"))?;
    warm(problem, source).map_err(|fault| format!("warm: {fault}"))?;
    let options = MonteCarloOptions {
        samples: 1 + source.below(48) as u64,
        seed: u64::from(source.byte()),
        sampler: [SamplerKind::Auto, SamplerKind::Uniform, SamplerKind::FaceEdgeVertex][source.below(3)],
        refine: !source.one_in(3),
        ..Default::default()
    };
    let search = monte_carlo(problem, &options).map_err(|error| format!("search: {error}"))?;
    for (objective, best) in &exact {
        let found = search.portfolio(*objective).ok_or(format!("search: no {objective} portfolio"))?;
        answer(problem, found).map_err(|fault| format!("search {objective}: {fault}"))?;
        beats(problem, best, found).map_err(|fault| format!("search {objective}: {fault}"))?;
    }
    for point in &search.frontier {
        feasible(problem, &point.weights).map_err(|fault| format!("search frontier: {fault}"))?;
        evaluated(problem, point).map_err(|fault| format!("search frontier: {fault}"))?;
    }
    population(problem, source).map_err(|fault| format!("population: {fault}"))
}

fn feasible(problem: &Problem, weights: &[f64]) -> Check {
    if weights.len() != problem.assets() {
        return Err(format!("{} weights for {} assets", weights.len(), problem.assets()));
    }
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(format!("weights {weights:?}"));
    }
    // Bounds may be huge; then weights that sum to one cancel, and do so to a share of their size only.
    let size = weights.iter().map(|weight| weight.abs()).sum::<f64>().max(1.0);
    let violation = problem.bounds().violation(weights);
    if violation <= FEASIBILITY * size {
        Ok(())
    } else {
        Err(format!("bounds missed by {violation:e}: {weights:?}"))
    }
}

/// An infinite mean or risk is the overflow of finite moments; a NaN is a fault.
fn evaluated(problem: &Problem, point: &FrontierPoint) -> Check {
    let moderate = is_moderate(problem);
    let sound = |value: f64| value.is_finite() || (!moderate && !value.is_nan());
    if sound(point.mean) && sound(point.risk) && point.risk >= 0.0 {
        Ok(())
    } else {
        Err(format!("mean {:e}, risk {:e}", point.mean, point.risk))
    }
}

/// True where no sum of the moments can overflow.
fn is_moderate(problem: &Problem) -> bool {
    let most = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let weight = most(problem.bounds().lower()).max(most(problem.bounds().upper())).max(1.0);
    let size = problem.assets() as f64 * weight;
    (most(problem.mean()) * size).is_finite()
        && (most(problem.covariance().as_slice()) * size * size).is_finite()
}

fn answer(problem: &Problem, portfolio: &Portfolio) -> Check {
    feasible(problem, &portfolio.weights)?;
    let point = FrontierPoint { mean: portfolio.mean, risk: portfolio.risk, weights: Vec::new() };
    evaluated(problem, &point)?;
    if portfolio.sharpe.is_some_and(|sharpe| !sharpe.is_finite()) {
        return Err(format!("Sharpe ratio {:?}", portfolio.sharpe));
    }
    Ok(())
}

/// No portfolio is better than the exact one, where that one claims to be the optimum.
fn beats(problem: &Problem, best: &Portfolio, found: &Portfolio) -> Check {
    if best.label != Label::Ok || !is_moderate(problem) {
        return Ok(());
    }
    let [exact, search] = [best, found].map(|portfolio| problem.evaluate(&portfolio.weights));
    let lost = rounding(problem, &best.weights) + rounding(problem, &found.weights);
    if lost > 0.01 {
        // Neither risk has a digit to compare.
        return Ok(());
    }
    let tolerance = GAP + lost;
    match gap(best.objective, &exact, &search, problem.observations()) {
        Some(gap) if gap < -tolerance || gap.is_nan() => Err(format!(
            "beats the exact optimum by {gap:e}, rounding {tolerance:e}: {:?} against {:?}",
            found.weights, best.weights
        )),
        _ => Ok(()),
    }
}

/// What rounding can make of a risk and an excess mean, as a share of them: where weights cancel each other's risk,
/// the terms of wᵀΣw are larger than their sum; the same with means; and a covariance may have eigenvalues below zero as far as rounding makes them.
fn rounding(problem: &Problem, weights: &[f64]) -> f64 {
    let covariance = problem.covariance();
    let mut terms = 0.0;
    for (row, a) in weights.iter().enumerate() {
        terms += covariance.row(row).iter().zip(weights).map(|(entry, b)| (a * b * entry).abs()).sum::<f64>();
    }
    let below = (-extreme_eigenvalues(covariance).0).max(0.0);
    let negative = below * weights.iter().map(|weight| weight * weight).sum::<f64>();
    let variance = covariance.quadratic_form(weights);
    let share = weights.len() as f64 * 8.0 * f64::EPSILON;
    let sizes = problem.mean().iter().zip(weights).map(|(mean, weight)| (mean * weight).abs());
    let excess = (problem.evaluate(weights).mean - problem.risk_free()).abs();
    let of_mean = share * (sizes.sum::<f64>() + problem.risk_free().abs());
    // Where the mean is all rounding the gap of a Sharpe ratio is, that of a risk is not: then it stays strict.
    let of_mean = if excess > 0.0 { of_mean / excess } else { 0.0 };
    if variance > 0.0 { (share * terms + negative) / variance + of_mean } else { f64::INFINITY }
}

fn frontier(problem: &Problem) -> Check {
    let frontier = exact::frontier(problem);
    if frontier.corners.is_empty() {
        return Err("no corner".into());
    }
    let (first, last) = (&frontier.corners[0], &frontier.corners[frontier.corners.len() - 1]);
    let mut points = frontier.equally_spaced(5);
    if points.len() != 5 || !frontier.equally_spaced(0).is_empty() || frontier.equally_spaced(1).len() != 1 {
        return Err("another number of points than was asked for".into());
    }
    points.extend([f64::NAN, f64::NEG_INFINITY, f64::INFINITY].map(|mean| frontier.at_mean(mean)));
    points.extend(frontier.max_sharpe(problem.risk_free()));
    for point in frontier.corners.iter().chain(&points) {
        feasible(problem, &point.weights)?;
        evaluated(problem, point)?;
        if is_moderate(problem) && !(first.mean..=last.mean).contains(&point.mean) {
            let width = (last.mean - first.mean).max(last.mean.abs()).max(first.mean.abs());
            let outside = (first.mean - point.mean).max(point.mean - last.mean);
            if outside > FEASIBILITY * width {
                return Err(format!("mean {:e} beyond the ends by {outside:e}", point.mean));
            }
        }
    }
    for pair in frontier.corners.windows(2) {
        let rises =
            pair[1].mean > pair[0].mean && (pair[1].risk > pair[0].risk || frontier.label != Label::Ok);
        if is_moderate(problem) && !rises {
            return Err(format!(
                "from mean {:e}, risk {:e} to mean {:e}, risk {:e}",
                pair[0].mean, pair[0].risk, pair[1].mean, pair[1].risk
            ));
        }
    }
    Ok(())
}

/// A solver that is asked again and again, warm, under covariances that moved by rank one.
fn warm(problem: &Problem, source: &mut impl Source) -> Check {
    let mut solver = ActiveSetSolver::new(problem.bounds());
    let mut mean = problem.mean().to_vec();
    let mut vector = vec![0.0; problem.assets()];
    for _ in 0..3 {
        let asset = source.below(problem.assets());
        vector[asset] += problem.covariance().diagonal(asset).max(0.0).sqrt() * 3.0 * source.normal();
        mean[asset] += 0.01 * vector[asset];
        let view = RankOne { base: problem.covariance(), coefficient: 0.01, vector: &vector };
        let solution = match source.below(3) {
            0 => solver.solve_min_variance(&view, Start::Warm),
            1 => solver.solve_utility(&mean, source.between(0.0, 10.0), &view, Start::Warm),
            _ => solver.solve_max_sharpe(&mean, problem.risk_free(), &view, Start::Warm),
        };
        let status = solution.status;
        feasible(problem, solution.weights).map_err(|fault| format!("{status:?}: {fault}"))?;
    }
    Ok(())
}

fn population(problem: &Problem, source: &mut impl Source) -> Check {
    if !source.one_in(4) {
        return Ok(());
    }
    let options = PopulationOptions { size: 1 + source.below(40), seed: 1, stream: u64::from(source.byte()) };
    let population = Population::draw(problem, &options).map_err(|error| error.to_string())?;
    let mut weights = vec![0.0; problem.assets()];
    for portfolio in 0..population.size() {
        population.weights_of(portfolio, &mut weights).map_err(|error| error.to_string())?;
        feasible(problem, &weights)?;
    }
    Ok(())
}
