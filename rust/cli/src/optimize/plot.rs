//! The picture of `optimize --plot`: a cloud of sampled portfolios, the frontier, the portfolios and the assets.

use std::path::Path;

use anyhow::{Context, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use silverbullet_kernel::batch::{Batch, LANES};
use silverbullet_kernel::sampler::Sampler;
use silverbullet_kernel::{Method, Portfolio, SamplerKind};
use silverbullet_market::format_duration;

use super::answer::Answer;
use super::input::Loaded;
use crate::format;

const SIZE: (u32, u32) = (1080, 720);
/// Groups of sixteen portfolios in the cloud.
const GROUPS: u64 = 250;
/// Returns are drawn in basis points.
const UNIT: f64 = 1e4;
const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(33, 37, 41);
const PALE: RGBColor = RGBColor(134, 142, 150);
const MARKS: [RGBColor; 4] =
    [RGBColor(214, 40, 57), RGBColor(29, 78, 216), RGBColor(217, 119, 6), RGBColor(22, 128, 61)];
/// From low to high Sharpe ratio: readable for the colour-blind and in grey.
const GRADIENT: [RGBColor; 5] = [
    RGBColor(68, 1, 84),
    RGBColor(59, 82, 139),
    RGBColor(33, 145, 140),
    RGBColor(94, 201, 98),
    RGBColor(253, 231, 37),
];

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Risk and mean in basis points, and the Sharpe ratio.
#[derive(Debug, Clone, Copy)]
struct Spot {
    risk: f64,
    mean: f64,
    sharpe: f64,
}

/// Draws into an SVG file, whole or not at all.
pub(crate) fn draw(path: &Path, input: &Loaded, answer: &Answer, seed: u64) -> anyhow::Result<()> {
    let svg = render(input, answer, seed).map_err(|error| anyhow!("the picture cannot be drawn: {error}"))?;
    std::fs::write(path, svg).with_context(|| {
        format!("{} cannot be written (name a file in a folder you may write to)", path.display())
    })
}

fn render(input: &Loaded, answer: &Answer, seed: u64) -> Result<String, Box<dyn std::error::Error>> {
    let cloud = cloud(input, seed);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        titles(&root, input, cloud.len())?;
        let (risks, means) = ranges(input, answer, &cloud);
        let mut chart = ChartBuilder::on(&root.margin(70, 20, 20, 30))
            .x_label_area_size(48)
            .y_label_area_size(64)
            .build_cartesian_2d(risks, means)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE.mix(0.18))
            .axis_style(PALE.mix(0.6))
            .label_style((FONT, 14).into_font().color(&INK))
            .axis_desc_style((FONT, 15).into_font().color(&INK))
            .x_label_formatter(&|value| axis_label(*value))
            .y_label_formatter(&|value| axis_label(*value))
            .x_desc("risk per bar, basis points")
            .y_desc("mean return per bar, basis points")
            .draw()?;
        chart.draw_series(dots(&cloud))?;
        chart.draw_series(LineSeries::new(
            answer.frontier.iter().map(|point| (point.risk * UNIT, point.mean * UNIT)),
            INK.stroke_width(3),
        ))?;
        let mut taken = Vec::new();
        taken.extend(answer.portfolios.iter().map(|one| around(spot_of(&chart, one), 10)));
        assets(&chart, &root, input, &mut taken)?;
        portfolios(&chart, &root, answer)?;
        legend(&root, answer, &cloud)?;
        root.present()?;
    }
    Ok(svg)
}

/// A number on an axis: as many decimals as it needs, up to four, and no minus before zero.
fn axis_label(value: f64) -> String {
    format!("{}", (value * 1e4).round() / 1e4 + 0.0)
}

/// Portfolios drawn with a bias to faces, edges and vertices: uniform ones would all lie in one spot.
fn cloud(input: &Loaded, seed: u64) -> Vec<Spot> {
    let problem = &input.problem;
    let sampler = Sampler::new(problem.bounds(), SamplerKind::FaceEdgeVertex, seed, 0);
    let mut batch = Batch::new(problem.assets());
    let mut spots = Vec::new();
    for group in 0..GROUPS {
        sampler.draw(group, &mut batch);
        for lane in 0..LANES {
            let weights: Vec<f64> = batch.lane(lane).map(f64::from).collect();
            let value = problem.evaluate(&weights);
            if let Some(sharpe) = value.sharpe.filter(|sharpe| sharpe.is_finite()) {
                spots.push(Spot { risk: value.risk * UNIT, mean: value.mean * UNIT, sharpe });
            }
        }
    }
    spots
}

fn ranges(input: &Loaded, answer: &Answer, cloud: &[Spot]) -> (std::ops::Range<f64>, std::ops::Range<f64>) {
    let assets = (0..input.assets.len()).map(|asset| asset_spot(input, asset));
    let frontier = answer.frontier.iter().map(|point| (point.risk * UNIT, point.mean * UNIT));
    let portfolios = answer.portfolios.iter().map(|one| (one.risk * UNIT, one.mean * UNIT));
    let all = assets.chain(frontier).chain(portfolios).chain(cloud.iter().map(|spot| (spot.risk, spot.mean)));
    let empty = (f64::INFINITY, f64::NEG_INFINITY);
    let (risks, means) = all.fold((empty, empty), |((a, b), (c, d)), (risk, mean)| {
        ((a.min(risk), b.max(risk)), (c.min(mean), d.max(mean)))
    });
    (padded(risks, 0.04, 0.10), padded(means, 0.08, 0.08))
}

fn padded((low, high): (f64, f64), below: f64, above: f64) -> std::ops::Range<f64> {
    let width = if high - low > 0.0 { high - low } else { high.abs().max(1.0) };
    low - below * width..high + above * width
}

fn asset_spot(input: &Loaded, asset: usize) -> (f64, f64) {
    let risk = input.problem.covariance().diagonal(asset).max(0.0).sqrt();
    (risk * UNIT, input.problem.mean()[asset] * UNIT)
}

fn dots(cloud: &[Spot]) -> impl Iterator<Item = Circle<(f64, f64), i32>> + '_ {
    let (low, high) = sharpe_range(cloud);
    cloud.iter().map(move |spot| {
        let share = if high > low { (spot.sharpe - low) / (high - low) } else { 0.5 };
        Circle::new((spot.risk, spot.mean), 2, gradient(share).mix(0.7).filled())
    })
}

fn sharpe_range(cloud: &[Spot]) -> (f64, f64) {
    cloud.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), spot| {
        (low.min(spot.sharpe), high.max(spot.sharpe))
    })
}

fn gradient(share: f64) -> RGBColor {
    let place = share.clamp(0.0, 1.0) * (GRADIENT.len() - 1) as f64;
    let index = (place as usize).min(GRADIENT.len() - 2);
    let between =
        |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * (place - index as f64)).round() as u8;
    let (a, b) = (GRADIENT[index], GRADIENT[index + 1]);
    RGBColor(between(a.0, b.0), between(a.1, b.1), between(a.2, b.2))
}

type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn titles(root: &Root<'_>, input: &Loaded, cloud: usize) -> Drawn {
    let small = (FONT, 15).into_font().color(&PALE);
    let subtitle = format!(
        "{} bars of {} · {} assets · {} covariance · {} sampled portfolios",
        format::thousands(input.moments.observations as u64),
        format_duration(input.interval),
        input.assets.len(),
        input.moments.estimator.name(),
        format::thousands(cloud as u64),
    );
    root.draw(&Text::new(
        format!("Efficient portfolios of {}", input.title),
        (84, 18),
        (FONT, 24).into_font().color(&INK),
    ))?;
    root.draw(&Text::new(subtitle, (84, 48), small))?;
    Ok(())
}

/// A box in pixels that other labels keep clear of.
type Taken = (i32, i32, i32, i32);

fn around((x, y): (i32, i32), reach: i32) -> Taken {
    (x - reach, y - reach, x + reach, y + reach)
}

fn spot_of(chart: &Chart<'_, '_>, one: &Portfolio) -> (i32, i32) {
    chart.backend_coord(&(one.risk * UNIT, one.mean * UNIT))
}

fn portfolios<'a>(chart: &Chart<'_, 'a>, root: &Root<'a>, answer: &Answer) -> Drawn {
    for (index, one) in answer.portfolios.iter().enumerate() {
        let at = spot_of(chart, one);
        let color = MARKS[index / 2 % MARKS.len()];
        if one.method == Method::Exact {
            root.draw(&Circle::new(at, 8, WHITE.filled()))?;
            root.draw(&Circle::new(at, 6, color.filled()))?;
        } else {
            root.draw(&Circle::new(at, 10, color.stroke_width(2)))?;
        }
    }
    Ok(())
}

fn assets<'a>(chart: &Chart<'_, 'a>, root: &Root<'a>, input: &Loaded, taken: &mut Vec<Taken>) -> Drawn {
    let spots: Vec<_> =
        (0..input.assets.len()).map(|asset| chart.backend_coord(&asset_spot(input, asset))).collect();
    taken.extend(spots.iter().map(|&spot| around(spot, 5)));
    for (name, &(x, y)) in input.assets.iter().zip(&spots) {
        root.draw(&TriangleMarker::new((x, y), 6, WHITE.filled()))?;
        root.draw(&TriangleMarker::new((x, y), 5, INK.filled()))?;
        let (width, height) = (name.chars().count() as i32 * 8, 13);
        let place = [(9, -7), (-9 - width, -7), (-width / 2, -21), (-width / 2, 8), (9, -19), (9, 6)]
            .into_iter()
            .map(|(dx, dy)| (x + dx, y + dy, x + dx + width, y + dy + height))
            .find(|place| !taken.iter().any(|other| overlap(place, other)));
        // A name that fits nowhere is left out: the table has it.
        let Some(place) = place else { continue };
        taken.push(place);
        let (from, to) = ((place.0 - 2, place.1 - 1), (place.2 - 1, place.3 + 1));
        root.draw(&Rectangle::new([from, to], WHITE.mix(0.65).filled()))?;
        root.draw(&Text::new(name.clone(), (place.0, place.1), (FONT, 13).into_font().color(&INK)))?;
    }
    Ok(())
}

fn overlap(a: &Taken, b: &Taken) -> bool {
    a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3
}

/// One line of marks and a colour bar, in the top right corner above the chart.
fn legend(root: &Root<'_>, answer: &Answer, cloud: &[Spot]) -> Drawn {
    let text = (FONT, 13).into_font().color(&INK);
    let right = text.pos(Pos::new(HPos::Right, VPos::Top));
    let (low, high) = sharpe_range(cloud);
    let (x, y) = (SIZE.0 as i32 - 30, 20);
    if high > low {
        root.draw(&Text::new(format!("{high:.3}"), (x - 44, y), text.clone()))?;
        for step in 0..100 {
            let left = x - 150 + step;
            let color = gradient(f64::from(step) / 99.0);
            root.draw(&Rectangle::new([(left, y + 1), (left + 1, y + 11)], color.filled()))?;
        }
        root.draw(&Text::new(format!("Sharpe {low:.3}"), (x - 156, y), right))?;
    }
    let mut left = x - 200;
    for (index, one) in answer.portfolios.iter().enumerate().rev() {
        if one.method == Method::Exact {
            let name = one.objective.name();
            left -= name.chars().count() as i32 * 8 + 24;
            root.draw(&Circle::new((left, 56), 6, MARKS[index / 2 % MARKS.len()].filled()))?;
            root.draw(&Text::new(name, (left + 12, 50), text.clone()))?;
        }
    }
    let ring = x - 200;
    root.draw(&Circle::new((ring, 56), 7, PALE.stroke_width(2)))?;
    root.draw(&Text::new("Monte Carlo", (ring + 12, 50), text.clone()))?;
    root.draw(&TriangleMarker::new((x - 82, 57), 5, INK.filled()))?;
    root.draw(&Text::new("single asset", (x - 72, 50), text))?;
    Ok(())
}
