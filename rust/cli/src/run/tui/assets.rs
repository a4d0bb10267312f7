//! One line an asset: price, change, and its weight in each exact portfolio as a bar.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Row, Table};
use silverbullet_engine::publication::{Answer, Publication};
use silverbullet_kernel::Method;

use super::page::Page;
use crate::format;

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const COLORS: [Color; 4] = [Color::Cyan, Color::Magenta, Color::Blue, Color::Yellow];
/// Columns before the weights: name, price, change, with the gaps between them.
const FIXED: [u16; 3] = [10, 12, 9];
/// Characters of a weight in percent behind its bar.
const FIGURE: usize = 8;
/// A portfolio's column is at least this wide.
const LEAST: u16 = 16;

pub(crate) fn draw(page: &Page<'_>, frame: &mut Frame<'_>, area: Rect) {
    let Some(publication) = &page.snapshot.publication else {
        frame.render_widget(Block::bordered().title(" Weights and prices "), area);
        return;
    };
    let inside = area.width.saturating_sub(2);
    let room = inside.saturating_sub(FIXED.iter().sum::<u16>() + FIXED.len() as u16);
    let shown = usize::from((room / (LEAST + 1)).max(1));
    let answers: Vec<&Answer> = publication
        .listed()
        .map(|(answer, _)| answer)
        .filter(|answer| answer.method == Method::Exact)
        .take(shown)
        .collect();
    let column = (room / (answers.len().max(1) as u16)).saturating_sub(1);
    let names = &page.universe.assets;
    let lines = usize::from(area.height.saturating_sub(3));
    let first = page.scroll.min(names.len().saturating_sub(lines));
    let last = (first + lines).min(names.len());
    let rows = (first..last).map(|asset| row(&names[asset], asset, publication, &answers, column));
    let title = format!(" Weights and prices · {}–{last} of {} ", (first + 1).min(last), names.len());
    let widths = FIXED.iter().map(|&width| Constraint::Length(width));
    let widths = widths.chain(answers.iter().map(|_| Constraint::Length(column)));
    let header =
        ["asset", "price", "change"].into_iter().chain(answers.iter().map(|answer| answer.objective.name()));
    let header = header.enumerate().map(|(index, name)| {
        if (1..3).contains(&index) { Text::from(name).right_aligned() } else { Text::from(name) }
    });
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Style::new().dim()))
        .column_spacing(1)
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

fn row<'a>(
    name: &'a str,
    asset: usize,
    publication: &Publication,
    answers: &[&Answer],
    column: u16,
) -> Row<'a> {
    let price = publication.prices[asset];
    let change = price / publication.closes[asset] - 1.0;
    let color = match change {
        change if change > 0.0 => Color::Green,
        change if change < 0.0 => Color::Red,
        _ => Color::Reset,
    };
    let change = if change.is_finite() { format!("{:+.3} %", change * 100.0) } else { "–".to_owned() };
    let mut cells = vec![
        Text::from(name),
        Text::from(format::price(price)).right_aligned(),
        Text::from(change).style(Style::new().fg(color)).right_aligned(),
    ];
    if publication.eligible[asset] {
        for (index, answer) in answers.iter().enumerate() {
            let most = answer.weights.iter().fold(0.0_f64, |most, &weight| most.max(weight));
            let color = COLORS[index % COLORS.len()];
            cells.push(Text::from(bar(answer.weights[asset], most, usize::from(column), color)));
        }
        Row::new(cells)
    } else {
        cells.push(Text::from("not enough bars yet"));
        Row::new(cells).dim()
    }
}

/// A weight as a bar, the largest of the portfolio as wide as there is room, and its figure.
fn bar(weight: f64, most: f64, width: usize, color: Color) -> Line<'static> {
    let cells = width.saturating_sub(FIGURE + 1);
    let share = if most > 0.0 { (weight / most).clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * cells as f64 * 8.0).round() as usize;
    let mut blocks = "█".repeat(eighths / 8);
    blocks.push_str(EIGHTHS[eighths % 8]);
    let figure = if weight.abs() < 5e-5 { "0".to_owned() } else { format!("{:.2} %", weight * 100.0) };
    let pad = " ".repeat(cells.saturating_sub(blocks.chars().count()));
    Line::from(vec![
        Span::styled(blocks, Style::new().fg(color)),
        Span::from(format!("{pad}{figure:>FIGURE$}")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share_of_the_largest() {
        let text = |weight| bar(weight, 0.5, 19, Color::Cyan).to_string();
        assert_eq!(text(0.5), "██████████ 50.00 %");
        assert_eq!(text(0.25), format!("{:<10}{:>8}", "█████", "25.00 %"));
        assert_eq!(text(0.031), format!("{:<10}{:>8}", "▋", "3.10 %"));
        assert_eq!(text(0.0), format!("{:<10}{:>8}", "", "0"));
    }
}
