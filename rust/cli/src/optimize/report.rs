//! The result of `optimize` as a table, as JSON and as CSV.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use silverbullet_kernel::Portfolio;
use silverbullet_market::format_duration;
use silverbullet_query::format::{Records, Terminator};
use silverbullet_server::{PortfolioView, Weights};

use super::answer::Answer;
use super::input::Loaded;
use crate::args::ResultFormat;
use crate::format;
use crate::output;

/// Weights below this share are not listed in the table.
const LEAST_SHOWN: f64 = 5e-4;

/// The whole result in one of the formats.
pub(crate) fn report(
    format: ResultFormat,
    input: &Loaded,
    answer: &Answer,
    bars_per_year: f64,
) -> anyhow::Result<String> {
    match format {
        ResultFormat::Json => Ok(serde_json::to_string(&json(input, answer))?),
        ResultFormat::Csv => csv(input, answer),
        ResultFormat::Table => table(input, answer, bars_per_year),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    portfolios: Vec<PortfolioView<'a>>,
    frontier: Vec<Point<'a>>,
    moments: MomentsView<'a>,
}

#[derive(Serialize)]
struct Point<'a> {
    risk: f64,
    mean: f64,
    weights: Weights<'a>,
}

#[derive(Serialize)]
struct MomentsView<'a> {
    estimator: &'a str,
    bars: usize,
    condition_number: Option<f64>,
}

fn json<'a>(input: &'a Loaded, answer: &Answer) -> Report<'a> {
    let assets: Vec<&str> = input.assets.iter().map(String::as_str).collect();
    let points = answer.frontier.iter().map(|point| Point {
        risk: point.risk,
        mean: point.mean,
        weights: Weights::new(assets.iter().copied(), &point.weights),
    });
    Report {
        portfolios: answer.portfolios.iter().map(|one| PortfolioView::of_portfolio(one, &assets)).collect(),
        frontier: points.collect(),
        moments: MomentsView {
            estimator: input.moments.estimator.name(),
            bars: input.moments.observations,
            condition_number: input.moments.condition_number(),
        },
    }
}

/// Portfolios and points of the frontier as rows, one column an asset.
fn csv(input: &Loaded, answer: &Answer) -> anyhow::Result<String> {
    let number = |value: Option<f64>| {
        value.filter(|value| value.is_finite()).map(|value| value.to_string()).unwrap_or_default()
    };
    let mut records = Records::new(Terminator::Any(b'\n'));
    let header = ["kind", "objective", "method", "mean", "risk", "sharpe", "gap", "label"];
    records.push(header.into_iter().chain(input.assets.iter().map(String::as_str)))?;
    let mut row = |names: [&str; 3], figures: [Option<f64>; 4], label: String, weights: &[f64]| {
        let names = names.into_iter().map(str::to_owned);
        let weights = weights.iter().map(|&weight| number(Some(weight)));
        records.push(names.chain(figures.map(number)).chain([label]).chain(weights))
    };
    for one in &answer.portfolios {
        let names = ["portfolio", one.objective.name(), one.method.name()];
        let figures = [Some(one.mean), Some(one.risk), one.sharpe, one.gap];
        row(names, figures, one.label.to_string(), &one.weights)?;
    }
    for point in &answer.frontier {
        let figures = [Some(point.mean), Some(point.risk), None, None];
        row(["frontier", "", "exact"], figures, answer.frontier_label.to_string(), &point.weights)?;
    }
    Ok(records.finish()?.trim_end().to_owned())
}

fn table(input: &Loaded, answer: &Answer, bars_per_year: f64) -> anyhow::Result<String> {
    let mut text = String::new();
    let moments = &input.moments;
    writeln!(
        text,
        "{}: {} bars of {}, {} assets, {}, condition number {}",
        input.title,
        format::thousands(moments.observations as u64),
        format_duration(input.interval),
        input.assets.len(),
        moments.estimator.name(),
        format::number(moments.condition_number(), 1),
    )?;
    writeln!(
        text,
        "Monte Carlo from {} portfolios; annual: means × {bars_per_year:.0} bars a year, risks and Sharpe ratios × {:.1}\n",
        format::thousands(answer.samples),
        bars_per_year.sqrt()
    )?;
    writeln!(text, "{}\n", portfolios(answer, bars_per_year))?;
    writeln!(text, "{}\n", weights(input, &answer.portfolios))?;
    write!(text, "{}", frontier(answer, bars_per_year))?;
    if let Some(remark) = answer.frontier_remark() {
        write!(text, "\n{remark}")?;
    }
    Ok(trimmed(&text))
}

fn portfolios(answer: &Answer, bars_per_year: f64) -> Table {
    let root = bars_per_year.sqrt();
    let header =
        ["objective", "method", "Sharpe", "annual", "mean", "annual", "risk", "annual", "gap", "label"];
    let mut table = output::table(&header);
    for one in &answer.portfolios {
        table.add_row([
            one.objective.to_string(),
            one.method.to_string(),
            format::number(one.sharpe, 4),
            format::number(one.sharpe.map(|sharpe| sharpe * root), 2),
            format::basis_points(one.mean),
            format::percent(one.mean * bars_per_year, 1),
            format::basis_points(one.risk),
            format::percent(one.risk * root, 1),
            format::gap(one.gap),
            one.label.to_string(),
        ]);
    }
    right(&mut table, 2..9);
    table
}

/// One column a portfolio; the assets by their largest weight.
fn weights(input: &Loaded, portfolios: &[Portfolio]) -> Table {
    let header: Vec<String> = std::iter::once("weights".to_owned())
        .chain(portfolios.iter().map(|one| format!("{}\n{}", one.objective, one.method)))
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = output::table(&header);
    let largest =
        |asset: usize| portfolios.iter().fold(0.0_f64, |most, one| most.max(one.weights[asset].abs()));
    let mut order: Vec<usize> =
        (0..input.assets.len()).filter(|&asset| largest(asset) >= LEAST_SHOWN).collect();
    let first = |asset: usize| portfolios.first().map_or(0.0, |one| one.weights[asset]);
    order.sort_by(|&a, &b| first(b).total_cmp(&first(a)).then(largest(b).total_cmp(&largest(a))));
    for asset in order {
        let cells = portfolios.iter().map(|one| match one.weights[asset] {
            weight if weight.abs() < LEAST_SHOWN => "·".to_owned(),
            weight => format::percent(weight, 2),
        });
        table.add_row(std::iter::once(input.assets[asset].clone()).chain(cells));
    }
    right(&mut table, 1..portfolios.len() + 1);
    table
}

fn frontier(answer: &Answer, bars_per_year: f64) -> Table {
    let mut table = output::table(&["frontier", "mean", "annual", "risk", "annual"]);
    for (index, point) in answer.frontier.iter().enumerate() {
        table.add_row([
            (index + 1).to_string(),
            format::basis_points(point.mean),
            format::percent(point.mean * bars_per_year, 1),
            format::basis_points(point.risk),
            format::percent(point.risk * bars_per_year.sqrt(), 1),
        ]);
    }
    right(&mut table, 0..5);
    table
}

fn right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Without blanks at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
