//! From moments and population to the portfolios of a publication.

use silverbullet_kernel::exact::{self, ActiveSetSolver, RISKLESS, Start, Status, dot};
use silverbullet_kernel::{
    Bounds, Evaluation, Fallback, Label, Method, Objective, Problem, RankOne, SymmetricMatrix, gap,
};
use silverbullet_market::Universe;

use super::book::Book;
use crate::population::LivePopulation;
use crate::publication::{Answer, Publication};

/// Which moments an answer is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Those of the closed bars alone: what the durable path stores.
    Close,
    /// With the open bar as observation W + 1.
    Open,
}

/// Most portfolios an answer to a tick holds: each live objective exactly and by Monte Carlo.
pub(crate) fn most_answers(universe: &Universe) -> usize {
    2 * universe.live_objectives().count()
}

/// Answers for one universe; owns the warm-started solvers.
#[derive(Debug)]
pub(crate) struct Answerer {
    objectives: Vec<Objective>,
    risk_free: f64,
    /// Bounds of the eligible assets; `None` where they cannot be met.
    bounds: Option<Bounds>,
    min_variance: Option<ActiveSetSolver>,
    max_sharpe: Option<ActiveSetSolver>,
    mean: Vec<f64>,
    weights: Vec<f64>,
    /// Minimum-variance weights under the present question.
    least: Vec<f64>,
    least_variance: f64,
    /// Last good weights over the universe, by objective.
    last_good: Vec<Option<Vec<f64>>>,
    /// What stands in for a singular covariance, from the last close at which there was one.
    stand_in: Option<SymmetricMatrix>,
    /// The best of the population by Sharpe ratio and by variance, as looked up last.
    leaders: [Leader; 2],
    last_moment: Moment,
}

/// A portfolio of the population that is best, mostly for many ticks on end.
#[derive(Debug, Default)]
struct Leader {
    /// Its number; `None` where all has to be looked up again.
    number: Option<usize>,
    weights: Vec<f64>,
    /// Its variance under the part of the covariance that stays while the bar is open.
    base_variance: f64,
}

/// The moments one answer is formed under.
struct Question<'a> {
    mean: &'a [f64],
    covariance: RankOne<'a>,
    risk_free: f64,
    observations: usize,
}

impl Question<'_> {
    fn evaluate(&self, weights: &[f64]) -> Evaluation {
        self.evaluate_as(weights, self.covariance.quadratic_form(weights))
    }

    /// With the variance known.
    fn evaluate_as(&self, weights: &[f64], variance: f64) -> Evaluation {
        Evaluation::new(dot(self.mean, weights), variance, self.risk_free)
    }
}

impl Answerer {
    pub(crate) fn new(universe: &Universe) -> Self {
        let objectives: Vec<_> = universe.live_objectives().collect();
        Self {
            last_good: vec![None; objectives.len()],
            objectives,
            risk_free: universe.risk_free,
            bounds: None,
            min_variance: None,
            max_sharpe: None,
            mean: Vec::new(),
            weights: Vec::new(),
            least: Vec::new(),
            least_variance: 0.0,
            stand_in: None,
            leaders: Default::default(),
            last_moment: Moment::Close,
        }
    }

    /// The population is another one.
    pub(crate) fn forget_leaders(&mut self) {
        for leader in &mut self.leaders {
            leader.number = None;
        }
    }

    /// Other assets are eligible now.
    pub(crate) fn reset(&mut self, universe: &Universe, eligible: &[usize]) {
        self.bounds = universe.bounds_for(eligible).ok().filter(|bounds| bounds.assets() > 0);
        self.min_variance = self.bounds.as_ref().map(ActiveSetSolver::new);
        self.max_sharpe = self.min_variance.clone();
        self.stand_in = None;
        self.forget_leaders();
        let [by_sharpe, by_variance] = &mut self.leaders;
        let leaders = [&mut by_sharpe.weights, &mut by_variance.weights];
        for vector in [&mut self.mean, &mut self.weights, &mut self.least].into_iter().chain(leaders) {
            vector.clear();
            vector.resize(eligible.len(), 0.0);
        }
    }

    /// What a refresh draws under; `None` where there is nothing to draw.
    pub(crate) fn bounds(&self) -> Option<&Bounds> {
        self.bounds.as_ref()
    }

    /// Keeps what stands in for a singular covariance until the next close.
    pub(crate) fn set_stand_in(&mut self, stand_in: Option<SymmetricMatrix>) {
        self.stand_in = stand_in;
    }

    /// What stands in for a singular covariance, where the last close had one.
    pub(crate) fn stand_in(&self) -> Option<&SymmetricMatrix> {
        self.stand_in.as_ref()
    }

    /// Writes all portfolios into `out`. Returns true when an answer would gain from a stand-in covariance
    /// formed from the window.
    pub(crate) fn answer(
        &mut self,
        book: &Book,
        moment: Moment,
        population: Option<&LivePopulation>,
        out: &mut Publication,
    ) -> bool {
        out.answered = 0;
        if book.eligible.is_empty() || self.bounds.is_none() {
            self.fall_back(book, out);
            return false;
        }
        // The covariance that stays while a bar is open is that of the close no more, or not yet.
        if std::mem::replace(&mut self.last_moment, moment) == Moment::Close || moment == Moment::Close {
            self.forget_leaders();
        }
        let mut mean = std::mem::take(&mut self.mean);
        let covariance = match moment {
            Moment::Close => {
                mean.copy_from_slice(&book.closed.mean);
                RankOne::plain(&book.closed.covariance)
            }
            Moment::Open => {
                book.closed.open_mean_into(&book.deviation, &mut mean);
                RankOne {
                    base: &book.closed.base,
                    coefficient: book.closed.rank_one_coefficient,
                    vector: &book.deviation,
                }
            }
        };
        let observations = book.closed.observations + usize::from(moment == Moment::Open);
        let question = Question { mean: &mean, covariance, risk_free: self.risk_free, observations };
        let singular = self.answer_question(book, &question, population, out);
        self.mean = mean;
        singular && self.stand_in.is_none()
    }

    fn answer_question(
        &mut self,
        book: &Book,
        question: &Question<'_>,
        population: Option<&LivePopulation>,
        out: &mut Publication,
    ) -> bool {
        let riskless = self.is_degenerate(question);
        for slot in 0..self.objectives.len() {
            let objective = self.objectives[slot];
            let warm = if riskless { None } else { self.solve_warm(objective, question) };
            let (label, best) = match warm {
                Some((label, variance)) => (label, question.evaluate_as(&self.weights, variance)),
                None => {
                    let label = self.solve_cold(objective, question);
                    (label, question.evaluate(&self.weights))
                }
            };
            push(
                out,
                book,
                (objective, Method::Exact, label),
                &best,
                label.is_ok().then_some(0.0),
                &self.weights,
            );
            self.remember(slot, book);
            if let Some(population) = population {
                self.answer_from(population, objective, label, &best, question, book, out);
            }
        }
        riskless
    }

    /// True where no active-set answer exists: a single asset, or a feasible portfolio without risk.
    fn is_degenerate(&mut self, question: &Question<'_>) -> bool {
        let assets = question.mean.len();
        let Some(solver) = self.min_variance.as_mut().filter(|_| assets > 1) else { return true };
        let solution = solver.solve_min_variance(&question.covariance, Start::Warm);
        let diagonal = |asset| question.covariance.entry(asset, asset);
        let typical = (0..assets).map(diagonal).sum::<f64>() / assets as f64;
        self.least.copy_from_slice(solution.weights);
        self.least_variance = solution.variance;
        solution.status != Status::Optimal || solution.variance <= RISKLESS * typical
    }

    /// The warm answer with its variance, its weights in `self.weights`; `None` where only a cold one will do. The
    /// minimum-variance weights are in `self.least` by now.
    fn solve_warm(&mut self, objective: Objective, question: &Question<'_>) -> Option<(Label, f64)> {
        if objective == Objective::MinVariance {
            self.weights.copy_from_slice(&self.least);
            return Some((Label::Ok, self.least_variance));
        }
        let solver = self.max_sharpe.as_mut()?;
        let solution =
            solver.solve_max_sharpe(question.mean, self.risk_free, &question.covariance, Start::Warm);
        match solution.status {
            Status::Optimal => {
                self.weights.copy_from_slice(solution.weights);
                Some((Label::Ok, solution.variance))
            }
            Status::NoPositiveExcessMean => {
                self.weights.copy_from_slice(&self.least);
                Some((Label::Fallback(Fallback::NoPositiveExcessMean), self.least_variance))
            }
            Status::Riskless | Status::NotConverged | Status::Unattainable => None,
        }
    }

    /// The rare way: through the cold solver with all its fallbacks.
    fn solve_cold(&mut self, objective: Objective, question: &Question<'_>) -> Label {
        let assets = question.mean.len();
        let mut covariance = SymmetricMatrix::zeros(assets);
        question.covariance.write_into(&mut covariance);
        let bounds = self.bounds.clone().unwrap_or_else(|| Bounds::long_only(assets));
        let problem = Problem::new(question.mean.to_vec(), covariance, question.observations)
            .and_then(|problem| problem.with_bounds(bounds))
            .and_then(|problem| problem.with_risk_free(self.risk_free))
            .and_then(|problem| match &self.stand_in {
                Some(stand_in) => problem.with_shrunk(stand_in.clone()),
                None => Ok(problem),
            });
        match problem {
            Ok(problem) => {
                let portfolio = exact::solve(&problem, objective);
                self.weights.copy_from_slice(&portfolio.weights);
                portfolio.label
            }
            // As the last solver left them: feasible, and labelled.
            Err(_) => {
                self.weights.copy_from_slice(&self.least);
                Label::Fallback(Fallback::NotConverged)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one answer, all borrowed from the caller")]
    fn answer_from(
        &mut self,
        population: &LivePopulation,
        objective: Objective,
        label: Label,
        best: &Evaluation,
        question: &Question<'_>,
        book: &Book,
        out: &mut Publication,
    ) {
        let leaders = population.leaders();
        let (kept, number) = match (objective, label) {
            (Objective::MinVariance, _) | (_, Label::Fallback(Fallback::NoPositiveExcessMean)) => {
                (&mut self.leaders[1], leaders.min_variance)
            }
            (Objective::MaxSharpe, _) => (&mut self.leaders[0], leaders.max_sharpe),
            // Not answered live, so not among those of this answerer.
            _ => return,
        };
        let RankOne { base, coefficient, vector } = question.covariance;
        if kept.number != Some(number) {
            if population.drawn().weights_of(number, &mut kept.weights).is_err() {
                return;
            }
            kept.base_variance = base.quadratic_form(&kept.weights);
            kept.number = Some(number);
        }
        let along = if question.covariance.is_plain() { 0.0 } else { dot(vector, &kept.weights) };
        let variance = kept.base_variance + coefficient * along * along;
        let achieved = question.evaluate_as(&kept.weights, variance);
        let gap = label.is_ok().then(|| gap(objective, best, &achieved, question.observations)).flatten();
        push(out, book, (objective, Method::MonteCarlo, label), &achieved, gap, &kept.weights);
    }

    fn remember(&mut self, slot: usize, book: &Book) {
        let universe = book.prices.len();
        let good = self.last_good[slot].get_or_insert_with(|| vec![0.0; universe]);
        spread(&self.weights, book, good);
    }

    /// No eligible asset, or bounds that those there are cannot meet: the last good weights, or equal ones.
    fn fall_back(&self, book: &Book, out: &mut Publication) {
        let reason =
            if book.eligible.is_empty() { Fallback::NoEligibleAsset } else { Fallback::InfeasibleBounds };
        let priced = book.prices.iter().filter(|price| !price.is_nan()).count().max(1) as f64;
        for (&objective, good) in self.objectives.iter().zip(&self.last_good) {
            let Some(answer) = out.answers.get_mut(out.answered) else { return };
            out.answered += 1;
            answer.objective = objective;
            answer.method = Method::Exact;
            answer.label = Label::Fallback(reason);
            (answer.mean, answer.risk) = (f64::NAN, f64::NAN);
            (answer.sharpe, answer.gap) = (None, None);
            match good {
                Some(good) => answer.weights.copy_from_slice(good),
                None => {
                    for (weight, price) in answer.weights.iter_mut().zip(&book.prices) {
                        *weight = if price.is_nan() { 0.0 } else { 1.0 / priced };
                    }
                }
            }
        }
    }
}

fn push(
    out: &mut Publication,
    book: &Book,
    (objective, method, label): (Objective, Method, Label),
    evaluation: &Evaluation,
    gap: Option<f64>,
    weights: &[f64],
) {
    let Some(answer) = out.answers.get_mut(out.answered) else { return };
    out.answered += 1;
    let Answer { weights: spread_weights, .. } = answer;
    spread(weights, book, spread_weights);
    answer.objective = objective;
    answer.method = method;
    answer.label = label;
    answer.mean = evaluation.mean;
    answer.risk = evaluation.risk;
    answer.sharpe = evaluation.sharpe;
    answer.gap = gap;
}

/// Weights of the eligible assets to their places in the universe, zero elsewhere.
fn spread(weights: &[f64], book: &Book, out: &mut [f64]) {
    out.fill(0.0);
    for (&position, &weight) in book.eligible.iter().zip(weights) {
        out[position] = weight;
    }
}
