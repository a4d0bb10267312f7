//! Latency by stage, and the newest events.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Paragraph, Row, Table};
use silverbullet_engine::live::EventRow;

use super::page::Page;
use crate::format;

pub(crate) fn draw_latency(page: &Page<'_>, frame: &mut Frame<'_>, area: Rect) {
    let right = |text: String| Text::from(text).right_aligned();
    let rows = page.snapshot.latency.iter().map(|(stage, latency)| {
        Row::new([
            Text::from(*stage),
            right(format::latency(latency.p50)),
            right(format::latency(latency.p99)),
            right(format::latency(latency.max)),
        ])
    });
    let header = [Text::from("stage"), right("p50".into()), right("p99".into()), right("max".into())];
    let widths = [Constraint::Min(12), Constraint::Length(9), Constraint::Length(9), Constraint::Length(9)];
    let table = Table::new(rows, widths)
        .header(Row::new(header).style(Style::new().dim()))
        .column_spacing(1)
        .block(Block::bordered().title(" Latency "));
    frame.render_widget(table, area);
}

pub(crate) fn draw_events(page: &Page<'_>, frame: &mut Frame<'_>, area: Rect) {
    let lines: Vec<Line<'_>> = if page.snapshot.events.is_empty() {
        vec![Line::from(" none").dim()]
    } else {
        page.snapshot.events.iter().rev().map(event).collect()
    };
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" Events, newest first ")), area);
}

/// All stages in one line, for a small screen.
pub(crate) fn latency_line<'a>(page: &Page<'a>) -> Line<'a> {
    let mut spans = vec![Span::from(" p50/p99 ").dim()];
    // The last stage is the whole way; where the line is cut, it is the one to keep.
    for (stage, latency) in page.snapshot.latency.iter().rev() {
        let figures = format!("{}/{}", format::latency(latency.p50), format::latency(latency.p99));
        spans.push(Span::from(format!("{stage} ")).dim());
        spans.push(Span::from(format!("{}  ", figures.replace(' ', ""))));
    }
    Line::from(spans)
}

/// The newest event, for a small screen.
pub(crate) fn event_line<'a>(page: &Page<'a>) -> Line<'a> {
    page.snapshot.events.last().map_or_else(|| Line::from(" no events").dim(), event)
}

fn event(event: &EventRow) -> Line<'_> {
    Line::from(vec![Span::from(format!(" {} ", event.kind)).yellow(), Span::from(event.detail.as_str())])
}
