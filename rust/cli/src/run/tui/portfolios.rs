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

/// At most this many lines on any screen, and a third of a high one; what is left over is for the assets.
const MOST: usize = 8;

/// Lines the panel takes of a screen of `screen` lines.
pub(crate) fn height(page: &Page<'_>, screen: u16) -> u16 {
    let answers = page.snapshot.publication.as_ref().map_or(2, |publication| publication.listed().count());
    let most = MOST.max(usize::from(screen / 3));
    answers.clamp(1, most) as u16 + 3
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
    let annual = format!("×{factor:.0}");
    let header = ["portfolio", "method", "Sharpe", &annual, "mean", "risk", "gap", "label"].map(String::from);
    let shown = usize::from(area.height.saturating_sub(3));
    let answers = publication.listed().take(shown);
    let mut lines: Vec<Cells> =
        std::iter::once(header).chain(answers.clone().map(|(one, bar)| cells(one, bar, factor))).collect();
    let room = usize::from(area.width.saturating_sub(2));
    let columns = fit(&mut lines, room);
    let widths = columns.iter().map(|&(_, width)| Constraint::Length(width as u16));
    let row = |cells: &Cells, label: Style| {
        Row::new(columns.iter().map(|&(column, _)| {
            let text = Text::from(cells[column].clone());
            match column {
                PORTFOLIO | METHOD => text,
                LABEL => text.style(label),
                _ => text.right_aligned(),
            }
        }))
    };
    let rows = lines.iter().skip(1).zip(answers).map(|(cells, (answer, _))| {
        let color = if answer.label.is_ok() { Color::Green } else { Color::Yellow };
        let row = row(cells, Style::new().fg(color));
        if answer.method == Method::Exact { row.bold() } else { row }
    });
    let rows: Vec<Row<'_>> = rows.collect();
    let table = Table::new(rows, widths)
        .header(row(&lines[0], Style::new()).style(Style::new().dim()))
        .column_spacing(1)
        .block(Block::bordered().title(title).title_bottom(condition));
    frame.render_widget(table, area);
}

/// What one line says, column by column.
type Cells = [String; 8];
const PORTFOLIO: usize = 0;
const METHOD: usize = 1;
const ANNUAL: usize = 3;
const GAP: usize = 6;
const LABEL: usize = 7;
/// Columns that make room for a label, the first one first.
const GIVEN_UP: [usize; 2] = [ANNUAL, GAP];
/// A longer label than this gets no further column's room.
const LABEL_ROOM: usize = 24;
/// A method's name where there is little room.
const SAMPLED: &str = "sampled";

fn cells(answer: &Answer, bar: Option<i64>, factor: f64) -> Cells {
    let label = match answer.label {
        Label::Ok => "ok",
        Label::Fallback(reason) => reason.reason(),
    };
    [
        answer.objective.name().to_owned(),
        answer.method.name().to_owned(),
        format::short_number(answer.sharpe, 4),
        format::short_number(answer.sharpe.map(|sharpe| sharpe * factor), 2),
        format::short_basis_points(answer.mean),
        format::short_basis_points(answer.risk),
        format::gap(answer.gap),
        bar.map_or_else(|| label.to_owned(), |bar| format!("{label}, bar {bar}")),
    ]
}

/// The columns shown with their widths, each as wide as what stands in it. Where that is too much, names get
/// shorter, then whole columns go, and last of all the label loses its end; a figure is never cut.
fn fit(lines: &mut [Cells], room: usize) -> Vec<(usize, usize)> {
    let mut columns: Vec<usize> = (0..=LABEL).collect();
    let width = |lines: &[Cells], column: usize| {
        lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default()
    };
    let label = width(lines, LABEL);
    let left = |lines: &[Cells], columns: &[usize]| {
        let taken = |&column: &usize| if column == LABEL { 1 } else { width(lines, column) + 1 };
        room.saturating_sub(columns.iter().map(taken).sum::<usize>() - 1)
    };
    let wanted = label.min(LABEL_ROOM);
    if left(lines, &columns) < label {
        for cells in lines.iter_mut().filter(|cells| cells[METHOD] == Method::MonteCarlo.name()) {
            SAMPLED.clone_into(&mut cells[METHOD]);
        }
    }
    for column in GIVEN_UP {
        if left(lines, &columns) < wanted {
            columns.retain(|&kept| kept != column);
        }
    }
    let last = left(lines, &columns).min(label);
    for cells in lines.iter_mut().filter(|cells| cells[LABEL].chars().count() > last) {
        let kept: String = cells[LABEL].chars().take(last.saturating_sub(1)).collect();
        cells[LABEL] = format!("{kept}…");
    }
    columns
        .into_iter()
        .map(|column| (column, if column == LABEL { last } else { width(lines, column) }))
        .collect()
}

/// What there is to say before the first answer.
fn waiting(page: &Page<'_>) -> String {
    let (bars, window) = (page.snapshot.summary.bars, page.universe.window);
    match page.snapshot.phase {
        Phase::Starting => " Waiting for the first price …".to_owned(),
        Phase::WarmingUp => format!(" Waiting for a full window: {bars} of {window} bars …"),
        Phase::Live => " The first answer is on its way …".to_owned(),
        Phase::Paused => " Paused by a command; resume it to have answers.".to_owned(),
        Phase::Ended => format!(" The input ended after {bars} bars; {window} are needed for an answer."),
        Phase::Failed => " The engine failed; the reason follows when this view closes.".to_owned(),
    }
}
