//! Seeded questions under every kind of constraint, with scenarios.
#![allow(dead_code, reason = "each test crate uses its part")]

#[path = "../common/problems.rs"]
pub(crate) mod problems;

use problems::Random;
use silverbullet_kernel::objective::CVAR_LEVEL;
use silverbullet_kernel::{Bounds, Constraints, Fees, Goal, Problem, Scenarios, constrained};

/// Bars of the scenarios.
pub(crate) const BARS: usize = 300;

/// Which constraints a question has beside its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    LongOnly,
    Capped,
    LongShort,
    Groups,
    Turnover,
    Fees,
    All,
}

impl Rules {
    pub(crate) const ALL: [Self; 7] =
        [Self::LongOnly, Self::Capped, Self::LongShort, Self::Groups, Self::Turnover, Self::Fees, Self::All];
}

/// Returns of a market, three sectors and the assets themselves, of the size of minute returns.
pub(crate) fn scenarios(random: &mut Random, assets: usize) -> Scenarios {
    let traits: Vec<[f64; 4]> = (0..assets)
        .map(|_| {
            [random.between(0.5, 1.5), random.between(0.2, 1.0), random.between(0.5, 2.0), random.normal()]
        })
        .collect();
    let mut returns = Vec::new();
    for _ in 0..BARS {
        let market = random.normal();
        let sectors = [random.normal(), random.normal(), random.normal()];
        for (asset, [beta, sector, own, drift]) in traits.iter().enumerate() {
            let value =
                beta * market + sector * sectors[asset % 3] + own * random.normal() + 0.08 * drift + 0.04;
            returns.push(1e-3 * value);
        }
    }
    Scenarios::from_row_major(assets, returns).unwrap()
}

/// A seeded question: the moments are those of the scenarios.
pub(crate) fn question(assets: usize, rules: Rules, seed: u64) -> (Problem, Constraints, Scenarios) {
    let mut random = Random(seed * 1_000 + assets as u64);
    let scenarios = scenarios(&mut random, assets);
    let equal = 1.0 / assets as f64;
    let short = matches!(rules, Rules::LongShort | Rules::All);
    let lower = if short { -0.3 } else { 0.0 };
    let upper = if rules == Rules::LongOnly || rules == Rules::LongShort { 1.0 } else { 4.0 * equal };
    let bounds = Bounds::new(vec![lower; assets], vec![upper.max(0.3); assets]).unwrap();
    let problem = scenarios.problem().unwrap().with_bounds(bounds).unwrap();
    let mut constraints = Constraints::none(assets);
    if short {
        constraints = constraints.with_gross_limit(1.6).unwrap();
    }
    if matches!(rules, Rules::Groups | Rules::All) {
        let third = |part: usize| (0..assets).filter(|asset| asset % 3 == part).collect::<Vec<_>>();
        constraints = constraints.with_group("first", &third(0), 0.1, 0.35).unwrap();
        constraints = constraints.with_group("second", &third(1), 0.2, 0.2).unwrap();
        let half: Vec<usize> = (0..assets / 2).collect();
        constraints = constraints.with_group("half", &half, -1.0, 0.5).unwrap();
    }
    if matches!(rules, Rules::Turnover | Rules::Fees | Rules::All) {
        constraints = constraints.with_holdings(vec![equal; assets]).unwrap();
    }
    if matches!(rules, Rules::Turnover | Rules::All) {
        constraints = constraints.with_turnover_limit(if short { 1.2 } else { 0.6 }).unwrap();
    }
    if matches!(rules, Rules::Fees | Rules::All) {
        let fees = Fees { maker: 2e-4, taker: 5e-4, maker_share: 0.5, holding_bars: 10.0 };
        constraints = constraints.with_fees(fees).unwrap();
    }
    (problem, constraints, scenarios)
}

/// Every objective, with targets between what is least and what is attainable within the box.
pub(crate) fn goals(problem: &Problem, constraints: &Constraints, scenarios: &Scenarios) -> Vec<Goal> {
    let of = |goal: Goal| constrained::solve(problem, constraints, &goal).unwrap().unwrap();
    let (least, most) = (of(Goal::min_variance()), of(Goal::utility(0.0).unwrap()));
    vec![
        Goal::max_sharpe(),
        Goal::min_variance(),
        Goal::utility(50.0).unwrap(),
        Goal::target_risk(0.6 * least.risk + 0.4 * most.risk).unwrap(),
        Goal::target_return(0.5 * least.mean + 0.5 * most.mean).unwrap(),
        Goal::min_cvar(scenarios.clone(), CVAR_LEVEL).unwrap(),
        Goal::min_drawdown(scenarios.clone()).unwrap(),
        Goal::max_diversification(),
        Goal::risk_parity(),
    ]
}
