//! What is asked beyond maximum Sharpe ratio and minimum variance under bounds: the other objectives with their
//! parameters, and constraints on several assets at once.

use anyhow::anyhow;
use silverbullet_kernel::objective::CVAR_LEVEL;
use silverbullet_kernel::{Constraints, Error, Fees, Goal, Objective, Scenarios};

use super::input::Loaded;
use crate::args::{ConstraintArguments, GoalArguments, GroupArgument};
use crate::failure::usage;

/// The goal of one objective, its parameter from the flags.
pub(crate) fn goal(objective: Objective, arguments: &GoalArguments, input: &Loaded) -> anyhow::Result<Goal> {
    let goal = match objective {
        Objective::MaxSharpe => Ok(Goal::max_sharpe()),
        Objective::MinVariance => Ok(Goal::min_variance()),
        Objective::Utility => Goal::utility(needed(objective, "--risk-aversion", arguments.risk_aversion)?),
        Objective::TargetRisk => {
            Goal::target_risk(needed(objective, "--target-risk", arguments.target_risk)?)
        }
        Objective::TargetReturn => {
            Goal::target_return(needed(objective, "--target-return", arguments.target_return)?)
        }
        Objective::MinCvar => Goal::min_cvar(scenarios(input)?, arguments.cvar_level.unwrap_or(CVAR_LEVEL)),
        Objective::MinDrawdown => Goal::min_drawdown(scenarios(input)?),
        Objective::MaxDiversification => Ok(Goal::max_diversification()),
        Objective::RiskParity => Ok(Goal::risk_parity()),
    };
    goal.map_err(|error| usage(error.to_string()))
}

/// A parameter without which its objective means nothing.
fn needed(objective: Objective, flag: &str, value: Option<f64>) -> anyhow::Result<f64> {
    value.ok_or_else(|| usage(format!("{objective} needs {flag}; per bar, as the results are")))
}

/// The returns of the window, in the order of time.
fn scenarios(input: &Loaded) -> anyhow::Result<Scenarios> {
    Ok(Scenarios::from_row_major(input.assets.len(), input.returns.clone())?)
}

/// The constraints of the flags, for the assets that take part.
pub(crate) fn constraints(arguments: &ConstraintArguments, input: &Loaded) -> anyhow::Result<Constraints> {
    build(arguments, &input.assets).map_err(|error| match error.downcast::<Error>() {
        Ok(error) => usage(error.to_string()),
        Err(other) => other,
    })
}

fn build(arguments: &ConstraintArguments, assets: &[String]) -> anyhow::Result<Constraints> {
    let mut constraints = Constraints::none(assets.len());
    if let Some(limit) = arguments.gross {
        constraints = constraints.with_gross_limit(limit)?;
    }
    for GroupArgument { name, assets: members, least, most } in &arguments.groups {
        let members: Vec<usize> =
            members.iter().map(|asset| position(assets, asset, "--group")).collect::<anyhow::Result<_>>()?;
        constraints = constraints.with_group(name, &members, *least, *most)?;
    }
    if let Some(count) = arguments.max_assets {
        constraints = constraints.with_max_assets(count)?;
    }
    if let Some(least) = arguments.min_position {
        constraints = constraints.with_min_position(least)?;
    }
    if !arguments.holdings.is_empty() {
        let mut held = vec![0.0; assets.len()];
        for (asset, weight) in &arguments.holdings {
            held[position(assets, asset, "--hold")?] += weight;
        }
        constraints = constraints.with_holdings(held)?;
    }
    if let Some(limit) = arguments.turnover {
        constraints = constraints.with_turnover_limit(limit)?;
    }
    if let Some(taker) = arguments.fee {
        let fees = Fees { maker: taker, taker, maker_share: 0.0, holding_bars: arguments.holding_bars };
        constraints = constraints.with_fees(fees)?;
    }
    Ok(constraints)
}

fn position(assets: &[String], asset: &str, flag: &str) -> anyhow::Result<usize> {
    assets.iter().position(|known| known == asset).ok_or_else(|| {
        usage(format!("{flag}: no asset {asset:?} takes part; there are {}", assets.join(", ")))
    })
}

/// An error of the kernel with the names of the assets it numbers.
pub(crate) fn named(error: &Error, assets: &[String]) -> anyhow::Error {
    anyhow!("{}", with_names(&error.to_string(), assets))
}

/// `asset 3` and `assets 1, 4 and 2 more` with names for the numbers.
fn with_names(text: &str, assets: &[String]) -> String {
    // "maximum assets 3" counts assets.
    let (mut before, mut numbers) = ("", false);
    let words = text.split(' ').map(|word| {
        let (digits, rest) = word.split_at(word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len()));
        let name = digits.parse().ok().filter(|_| numbers).and_then(|number: usize| assets.get(number));
        let starts = matches!(word, "asset" | "assets") && before != "maximum";
        numbers = starts || (name.is_some() && rest == ",");
        before = word;
        name.map_or_else(|| word.to_owned(), |name| format!("{name}{rest}"))
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_assets_get_their_names() {
        let assets: Vec<String> = ["BTC", "ETH", "SOL", "XRP"].map(str::to_owned).to_vec();
        for (text, expected) in [
            ("bounds of assets 0, 1 and gross limit 2", "bounds of assets BTC, ETH and gross limit 2"),
            ("raise the bound of asset 3 by 0.1", "raise the bound of asset XRP by 0.1"),
            (
                "bounds of assets 0, 1, 2 and 3 more; lower",
                "bounds of assets BTC, ETH, SOL and 3 more; lower",
            ),
            ("maximum assets 3", "maximum assets 3"),
        ] {
            assert_eq!(with_names(text, &assets), expected);
        }
    }
}
