//! The portfolios of the newest publication, one a line.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::Text;
use ratatui::widgets::{Block, Paragraph, Row, Table};
use silverbullet_engine::live::Phase;
use silverbullet_engine::publication::Answer;
use silverbullet_kernel::{Label, Method};

use super::page::Page;
use crate::format;

/// At most this many lines; what is left over is for the assets.
const MOST: usize = 8;

/// Lines the panel needs.
pub(crate) fn height(page: &Page<'_>) -> u16 {
    let answers = page.snapshot.publication.as_ref().map_or(2, |publication| publication.portfolios().len());
    answers.clamp(1, MOST) as u16 + 3
}

pub(crate) fn draw(page: &Page<'_>, frame: &mut Frame<'_>, area: Rect) {
    let Some(publication) = &page.snapshot.publication else {
        frame.render_widget(
            Paragraph::new(waiting(page)).block(Block::bordered().title(" Portfolios ")),
            area,
        );
        return;
    };
    let factor = format::bars_per_year(page.universe.interval).sqrt();
    let title = format!(" Portfolios · answer {} ", format::thousands(publication.sequence));
    let condition = format!(" condition {} ", format::number(publication.condition_number, 1));
    let rows = publication.portfolios().iter().take(MOST).map(|answer| row(answer, factor));
    let annual = format!("×{factor:.0}");
    let header = ["portfolio", "method", "Sharpe", &annual, "mean", "risk", "gap", "label"];
    let header = header.map(|name| match name {
        "portfolio" | "method" | "label" => Text::from(name.to_owned()),
        _ => Text::from(name.to_owned()).right_aligned(),
    });
    let widths = [
        Constraint::Length(12),
        Constraint::Length(11),
        Constraint::Length(8),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(10),
        Constraint::Length(7),
        Constraint::Min(2),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Style::new().dim()))
        .column_spacing(1)
        .block(Block::bordered().title(title).title_bottom(condition));
    frame.render_widget(table, area);
}

fn row(answer: &Answer, factor: f64) -> Row<'static> {
    let right = |text: String| Text::from(text).right_aligned();
    let label = match answer.label {
        Label::Ok => Text::from("ok").style(Style::new().fg(Color::Green)),
        Label::Fallback(reason) => Text::from(reason.reason()).style(Style::new().fg(Color::Yellow)),
    };
    let row = Row::new([
        Text::from(answer.objective.name()),
        Text::from(answer.method.name()),
        right(format::number(answer.sharpe, 4)),
        right(format::number(answer.sharpe.map(|sharpe| sharpe * factor), 2)),
        right(format::basis_points(answer.mean)),
        right(format::basis_points(answer.risk)),
        right(format::gap(answer.gap)),
        label,
    ]);
    if answer.method == Method::Exact { row.bold() } else { row }
}

/// What there is to say before the first answer.
fn waiting(page: &Page<'_>) -> String {
    let (bars, window) = (page.snapshot.summary.bars, page.universe.window);
    match page.snapshot.phase {
        Phase::Starting => " Waiting for the first price …".to_owned(),
        Phase::WarmingUp => format!(" Waiting for a full window: {bars} of {window} bars …"),
        Phase::Live => " The first answer is on its way …".to_owned(),
        Phase::Ended => format!(" The input ended after {bars} bars; {window} are needed for an answer."),
        Phase::Failed => " The engine failed; the reason follows when this view closes.".to_owned(),
    }
}
