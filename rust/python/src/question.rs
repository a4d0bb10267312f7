//! Objectives with their parameters and constraints beyond bounds, as the package passes them.

use numpy::PyReadonlyArray2;
use pyo3::prelude::*;
use silverbullet_kernel::objective::CVAR_LEVEL;
use silverbullet_kernel::{Constraints, Error, Fees, Goal, Objective, Scenarios};

use crate::error::{InputError, raise};

/// An objective and the number it comes with.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Aim<'py> {
    objective: String,
    risk_aversion: Option<f64>,
    target_risk: Option<f64>,
    target_return: Option<f64>,
    cvar_level: Option<f64>,
    /// Bars by assets: the scenarios of objectives that are measured over them.
    returns: Option<PyReadonlyArray2<'py, f64>>,
}

impl Aim<'_> {
    pub(crate) fn goal(&self, assets: &[String]) -> PyResult<Goal> {
        let objective: Objective =
            self.objective.parse().map_err(|error| InputError::new_err(format!("objective: {error}")))?;
        let goal = match objective {
            Objective::MaxSharpe => Ok(Goal::max_sharpe()),
            Objective::MinVariance => Ok(Goal::min_variance()),
            Objective::Utility => Goal::utility(needed(objective, "risk_aversion", self.risk_aversion)?),
            Objective::TargetRisk => Goal::target_risk(needed(objective, "target_risk", self.target_risk)?),
            Objective::TargetReturn => {
                Goal::target_return(needed(objective, "target_return", self.target_return)?)
            }
            Objective::MinCvar => {
                Goal::min_cvar(self.scenarios(objective, assets)?, self.cvar_level.unwrap_or(CVAR_LEVEL))
            }
            Objective::MinDrawdown => Goal::min_drawdown(self.scenarios(objective, assets)?),
            Objective::MaxDiversification => Ok(Goal::max_diversification()),
            Objective::RiskParity => Ok(Goal::risk_parity()),
        };
        goal.map_err(|error| raise(&error, assets))
    }

    fn scenarios(&self, objective: Objective, assets: &[String]) -> PyResult<Scenarios> {
        let returns = needed(objective, "returns", self.returns.as_ref())?.as_array();
        if returns.ncols() != assets.len() {
            let (columns, count) = (returns.ncols(), assets.len());
            return Err(InputError::new_err(format!(
                "returns: {columns} columns for {count} assets; give one for each"
            )));
        }
        let rows = returns.iter().copied().collect();
        Scenarios::from_row_major(assets.len(), rows).map_err(|error| raise(&error, assets))
    }
}

/// A parameter without which its objective means nothing.
fn needed<T>(objective: Objective, parameter: &str, value: Option<T>) -> PyResult<T> {
    value.ok_or_else(|| {
        InputError::new_err(format!("{parameter}: {objective} needs it; per bar, as the moments are"))
    })
}

/// What portfolios are drawn by.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Draw {
    pub(crate) seed: u64,
    pub(crate) stream: u64,
    pub(crate) sampler: String,
}

/// What restricts the weights beside bounds; holdings come as weights of all assets, groups by position.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Limits {
    gross_limit: Option<f64>,
    /// Name, assets, least and largest sum.
    groups: Vec<(String, Vec<usize>, f64, f64)>,
    max_assets: Option<usize>,
    min_position: Option<f64>,
    holdings: Option<Vec<f64>>,
    turnover_limit: Option<f64>,
    /// Rate on what is traded, and the bars it is spread over.
    fee: Option<(f64, f64)>,
}

impl Limits {
    pub(crate) fn constraints(self, assets: &[String]) -> PyResult<Constraints> {
        let needs_holdings = self.holdings.is_none() && (self.turnover_limit.is_some() || self.fee.is_some());
        if needs_holdings {
            return Err(InputError::new_err(
                "holdings: turnover_limit and fee are counted from them; pass the weights held now",
            ));
        }
        self.build(assets.len()).map_err(|error| raise(&error, assets))
    }

    fn build(self, assets: usize) -> Result<Constraints, Error> {
        let mut constraints = Constraints::none(assets);
        if let Some(limit) = self.gross_limit {
            constraints = constraints.with_gross_limit(limit)?;
        }
        for (name, members, least, most) in self.groups {
            constraints = constraints.with_group(name, &members, least, most)?;
        }
        if let Some(count) = self.max_assets {
            constraints = constraints.with_max_assets(count)?;
        }
        if let Some(least) = self.min_position {
            constraints = constraints.with_min_position(least)?;
        }
        if let Some(held) = self.holdings {
            constraints = constraints.with_holdings(held)?;
        }
        if let Some(limit) = self.turnover_limit {
            constraints = constraints.with_turnover_limit(limit)?;
        }
        if let Some((rate, holding_bars)) = self.fee {
            let fees = Fees { maker: rate, taker: rate, maker_share: 0.0, holding_bars };
            constraints = constraints.with_fees(fees)?;
        }
        Ok(constraints)
    }
}
