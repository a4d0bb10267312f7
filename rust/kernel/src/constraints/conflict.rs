//! Whether anything satisfies all constraints, and if not, which of them are in each other's way.
//!
//! Phase one: the least v ≥ 0 by which all constraints must be relaxed at once (a linear program, with a cone
//! where there is a target risk). Above zero, the deletion filter (Chinneck & Dravnieks 1991) leaves out one
//! constraint after the other for as long as the rest is infeasible: what remains is a conflict of which each
//! part is needed. For each part the smallest change that would resolve it is the remedy.

use super::region::Region;
use super::rows::{Item, Rows};
use super::{Constraints, Group};
use crate::conic::{Model, Outcome, Row};
use crate::error::{Error, Result};
use crate::problem::Bounds;

/// A relaxation of this little is rounding.
const SLACK: f64 = 1e-9;
/// Assets that are named one by one.
const NAMED: usize = 5;

/// Targets that a feasible portfolio has to reach.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// Mean of each asset, fee rates, and the mean after fees that is to be reached; in any common unit.
    pub(crate) mean: Option<(Vec<f64>, Option<Vec<f64>>, f64)>,
    /// Rows of a matrix L with ‖Lw‖ = risk, and the risk that is not to be exceeded.
    pub(crate) risk: Option<(Vec<Vec<f64>>, f64)>,
    /// What the targets are to be multiplied with, to be told in the caller's unit.
    pub(crate) unit: f64,
}

/// A part of the problem that a conflict can name.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Rows(Vec<Item>),
    TargetReturn,
    TargetRisk,
}

/// A feasible portfolio in the middle of the region, where it has one.
pub(crate) fn require_feasible(
    bounds: &Bounds,
    constraints: &Constraints,
    limits: &Limits,
) -> Result<Vec<f64>> {
    // The box as it was given: what the gross limit implies must not be taken for a bound.
    let given = Region {
        lower: bounds.lower().to_vec(),
        upper: bounds.upper().to_vec(),
        gross: constraints.gross,
        ..Region::new(bounds, constraints)
    };
    let filter = Filter { region: &given, limits };
    let mut parts: Vec<Part> = Vec::new();
    parts.extend(limits.mean.is_some().then_some(Part::TargetReturn));
    parts.extend(limits.risk.is_some().then_some(Part::TargetRisk));
    let (boxes, others): (Vec<Item>, Vec<Item>) =
        Rows::items(&given).into_iter().partition(|item| matches!(item, Item::Lower(_) | Item::Upper(_)));
    parts.extend(others.into_iter().map(|item| Part::Rows(vec![item])));
    let (lower, upper) = boxes.into_iter().partition(|item| matches!(item, Item::Lower(_)));
    parts.push(Part::Rows(lower));
    parts.push(Part::Rows(upper));
    let (slack, weights) = filter.relaxation(&parts, None);
    if slack <= SLACK {
        return Ok(weights);
    }
    let parts = filter.narrow(parts);
    let named = parts.iter().map(|part| filter.name(part)).collect();
    let remedies: Vec<String> = (0..parts.len()).filter_map(|part| filter.remedy(&parts, part)).collect();
    let remedy = if remedies.is_empty() { "relax one of them".to_owned() } else { remedies.join(", or ") };
    Err(Error::Conflict { constraints: named, remedy })
}

struct Filter<'a> {
    region: &'a Region,
    limits: &'a Limits,
}

impl Filter<'_> {
    /// The least relaxation of all parts (or of one, the others kept) and the weights it takes; infinite where
    /// none helps.
    fn relaxation(&self, parts: &[Part], only: Option<usize>) -> (f64, Vec<f64>) {
        let mut model = Model::default();
        let fees = self.limits.mean.as_ref().is_some_and(|(_, rates, _)| rates.is_some());
        let rows = Rows::new(self.region, &mut model, fees, false);
        let slack = model.variables(1);
        model.cost(slack, 1.0);
        model.at_most(vec![(slack, -1.0)], 0.0);
        for (number, part) in parts.iter().enumerate() {
            let relaxed = only.is_none_or(|only| only == number);
            let mut add = |(mut row, limit): (Row, f64)| {
                row.extend(relaxed.then_some((slack, -1.0)));
                model.at_most(row, limit);
            };
            match part {
                Part::Rows(items) => items.iter().for_each(|&item| add(rows.row(item))),
                Part::TargetReturn => add(self.mean_row(&rows)),
                Part::TargetRisk => self.add_risk(&mut model, relaxed.then_some(slack)),
            }
        }
        match model.solve() {
            Outcome::Solved(x, _) | Outcome::Reached(x, _) => (x[slack], x[..self.region.assets()].to_vec()),
            Outcome::Infeasible => (f64::INFINITY, Vec::new()),
        }
    }

    fn mean_row(&self, rows: &Rows<'_>) -> (Row, f64) {
        let Some((mean, rates, target)) = &self.limits.mean else { return (Vec::new(), 0.0) };
        let mut row: Row = mean.iter().enumerate().map(|(asset, mean)| (asset, -mean)).collect();
        if let (Some(rates), Some(trades)) = (rates, rows.trades()) {
            row.extend(rates.iter().enumerate().map(|(asset, &rate)| (trades + asset, rate)));
        }
        (row, -target)
    }

    fn add_risk(&self, model: &mut Model, slack: Option<usize>) {
        let Some((factor, target)) = &self.limits.risk else { return };
        let mut cone = vec![(slack.map(|slack| (slack, 1.0)).into_iter().collect(), *target)];
        cone.extend(factor.iter().map(|row| (row.iter().copied().enumerate().collect(), 0.0)));
        model.norm(cone);
    }

    fn is_feasible(&self, parts: &[Part]) -> bool {
        self.relaxation(parts, None).0 <= SLACK
    }

    /// A conflict of which each part is needed: first whole parts, then single assets of the bounds.
    fn narrow(&self, parts: Vec<Part>) -> Vec<Part> {
        let whole = self.delete(parts);
        let single: Vec<Part> = whole
            .into_iter()
            .flat_map(|part| match part {
                Part::Rows(items) => items.into_iter().map(|item| Part::Rows(vec![item])).collect(),
                other => vec![other],
            })
            .collect();
        let mut needed: Vec<Part> = Vec::new();
        for part in self.delete(single) {
            match (needed.last_mut(), part) {
                (Some(Part::Rows(items)), Part::Rows(more)) if same_kind(items[0], more[0]) => {
                    items.extend(more);
                }
                (_, part) => needed.push(part),
            }
        }
        needed
    }

    fn delete(&self, mut parts: Vec<Part>) -> Vec<Part> {
        let mut number = 0;
        while number < parts.len() {
            let part = parts.remove(number);
            if self.is_feasible(&parts) {
                parts.insert(number, part);
                number += 1;
            }
        }
        parts
    }

    fn group(&self, number: usize) -> &Group {
        &self.region.groups[number]
    }

    fn name(&self, part: &Part) -> String {
        let unit = self.limits.unit;
        match part {
            Part::TargetReturn => {
                format!("target return {}", self.limits.mean.as_ref().map_or(0.0, |mean| mean.2) * unit)
            }
            Part::TargetRisk => {
                format!("target risk {}", self.limits.risk.as_ref().map_or(0.0, |risk| risk.1) * unit)
            }
            Part::Rows(items) => match items[0] {
                Item::GroupLower(group) => {
                    format!("group {:?} at least {}", self.group(group).name(), self.group(group).limits().0)
                }
                Item::GroupUpper(group) => {
                    format!("group {:?} at most {}", self.group(group).name(), self.group(group).limits().1)
                }
                Item::Gross => format!("gross limit {}", self.region.gross.unwrap_or(f64::INFINITY)),
                Item::Turnover => format!("turnover limit {}", self.region.turnover.unwrap_or(f64::INFINITY)),
                Item::Lower(_) => format!("lower bounds of {}", list(items)),
                Item::Upper(_) => format!("upper bounds of {}", list(items)),
            },
        }
    }

    /// The smallest change of one part that would do, in words.
    fn remedy(&self, parts: &[Part], number: usize) -> Option<String> {
        let (slack, _) = self.relaxation(parts, Some(number));
        if !slack.is_finite() {
            return None;
        }
        let unit = self.limits.unit;
        // Rounded away from the conflict, so that the number can be taken as it is.
        let up = |value: f64| format!("{:.6}", (value * 1e6).ceil() / 1e6);
        let down = |value: f64| format!("{:.6}", (value * 1e6).floor() / 1e6);
        Some(match &parts[number] {
            Part::TargetReturn => {
                let target = self.limits.mean.as_ref().map_or(0.0, |mean| mean.2);
                format!("lower the target return to {:.6e}", (target - slack) * unit)
            }
            Part::TargetRisk => {
                let target = self.limits.risk.as_ref().map_or(0.0, |risk| risk.1);
                format!("raise the target risk to {:.6e}", (target + slack) * unit)
            }
            Part::Rows(items) => match items[0] {
                Item::GroupLower(group) => format!(
                    "lower the lower limit of group {:?} to {}",
                    self.group(group).name(),
                    down(self.group(group).limits().0 - slack)
                ),
                Item::GroupUpper(group) => format!(
                    "raise the upper limit of group {:?} to {}",
                    self.group(group).name(),
                    up(self.group(group).limits().1 + slack)
                ),
                Item::Gross => format!("raise the gross limit to {}", up(self.region.gross? + slack)),
                Item::Turnover => {
                    format!("raise the turnover limit to {}", up(self.region.turnover? + slack))
                }
                Item::Lower(_) => format!("lower the lower bounds of {} by {}", list(items), up(slack)),
                Item::Upper(_) => format!("raise the upper bounds of {} by {}", list(items), up(slack)),
            },
        })
    }
}

fn same_kind(a: Item, b: Item) -> bool {
    matches!((a, b), (Item::Lower(_), Item::Lower(_)) | (Item::Upper(_), Item::Upper(_)))
}

/// `asset 3`, `assets 1, 4, 5`, `assets 0, 1, 2, 3, 4 and 15 more`
fn list(items: &[Item]) -> String {
    let assets: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            Item::Lower(asset) | Item::Upper(asset) => Some(asset.to_string()),
            _ => None,
        })
        .collect();
    let noun = if assets.len() == 1 { "asset" } else { "assets" };
    match assets.len() {
        0..=NAMED => format!("{noun} {}", assets.join(", ")),
        more => format!("{noun} {} and {} more", assets[..NAMED].join(", "), more - NAMED),
    }
}
