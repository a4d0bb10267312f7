//! The screen as a whole: what stands where, at any size.

use std::net::SocketAddr;

use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, LineGauge, Paragraph, Wrap};
use silverbullet_engine::live::Phase;
use silverbullet_market::{Nanos, Universe, format_duration};

use super::{assets, health, portfolios};
use crate::format;
use crate::run::snapshot::{Snapshot, phase_name};

/// From this size on latency and events have panels of their own.
const WIDE: (u16, u16) = (110, 28);
/// Below this size there is no room for what counts.
const LEAST: (u16, u16) = (60, 16);
/// Width of those panels.
const SIDE: u16 = 50;
const KEYS: &str = " q, Esc     end the run
 Ctrl-C     end the run, exit code 130
 Tab, ← →   next or previous universe
 ↑ ↓ j k    scroll the assets
 ?          this help

 Mean, risk and Sharpe are per bar; the annual
 Sharpe is multiplied as its column says.
 Gap: distance from the exact optimum.
 Change: against the last final bar's close.";

/// Everything one picture is made of.
pub(crate) struct Page<'a> {
    pub(crate) universes: Vec<&'a str>,
    pub(crate) selected: usize,
    pub(crate) universe: &'a Universe,
    pub(crate) source: &'a str,
    pub(crate) rows: Option<u64>,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) elapsed: Nanos,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) scroll: usize,
    pub(crate) help: bool,
}

impl Page<'_> {
    /// Draws the whole screen.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let text = format!("too small: {}x{} is needed", LEAST.0, LEAST.1);
            frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
            return;
        }
        let wide = area.width >= WIDE.0 && area.height >= WIDE.1;
        let gauge = u16::from(self.rows.is_some());
        let foot = if wide { 1 } else { 3 };
        let [head, counts, progress, table, middle, bottom] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(gauge),
            Constraint::Length(portfolios::height(self, area.height)),
            Constraint::Min(3),
            Constraint::Length(foot),
        ])
        .areas(area);
        frame.render_widget(self.header(), head);
        frame.render_widget(self.counts(), counts);
        self.progress(frame, progress);
        portfolios::draw(self, frame, table);
        if wide {
            let [left, right] =
                Layout::horizontal([Constraint::Min(50), Constraint::Length(SIDE)]).areas(middle);
            let stages = self.snapshot.latency.len() as u16;
            let [latency, events] =
                Layout::vertical([Constraint::Length(stages.max(1) + 3), Constraint::Min(3)]).areas(right);
            assets::draw(self, frame, left);
            health::draw_latency(self, frame, latency);
            health::draw_events(self, frame, events);
            frame.render_widget(self.footer(), bottom);
        } else {
            let [latency, event, keys] = Layout::vertical([Constraint::Length(1); 3]).areas(bottom);
            assets::draw(self, frame, middle);
            frame.render_widget(health::latency_line(self), latency);
            frame.render_widget(health::event_line(self), event);
            frame.render_widget(self.footer(), keys);
        }
        if self.help {
            draw_help(frame, area);
        }
    }

    fn header(&self) -> Line<'_> {
        let mut spans = vec![Span::from(" SilverBullet ").bold().reversed(), Span::from(" ")];
        for (index, name) in self.universes.iter().enumerate() {
            let name = Span::from(*name);
            spans.push(if index == self.selected { name.bold().cyan() } else { name.dim() });
            spans.push(Span::from(" "));
        }
        let phase = self.snapshot.phase;
        let color = match phase {
            Phase::Live => Color::Green,
            Phase::Failed => Color::Red,
            Phase::Starting | Phase::WarmingUp | Phase::Paused | Phase::Ended => Color::Yellow,
        };
        spans.push(Span::styled(format!("● {} ", phase_name(phase)), Style::new().fg(color)));
        spans.push(Span::from(format!(
            "{} · bar {} · {} × {} · {}",
            self.source,
            format_duration(self.universe.interval),
            self.universe.estimator.name(),
            self.universe.window,
            format::elapsed(self.elapsed),
        )));
        Line::from(spans)
    }

    fn counts(&self) -> Line<'_> {
        let snapshot = self.snapshot;
        let quarantined =
            Span::from(format!("{} quarantined", format::thousands(snapshot.summary.quarantined)));
        Line::from(vec![
            Span::from(format!(" {:.0} ticks/s", snapshot.ticks_per_second)).bold(),
            Span::from(format!(" · {:.0} answers/s", snapshot.publications_per_second)).bold(),
            Span::from(format!(" · {}", format::counted(snapshot.summary.ticks, "tick"))),
            Span::from(format!(" · {} · ", format::counted(snapshot.summary.bars, "bar"))),
            if snapshot.summary.quarantined > 0 { quarantined.yellow().bold() } else { quarantined },
            Span::from(format!(" · {} refreshes", format::thousands(snapshot.refreshes))).dim(),
            Span::from(format!(" · {} skipped", format::thousands(snapshot.summary.skipped))).dim(),
        ])
    }

    fn progress(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(rows) = self.rows.filter(|&rows| rows > 0) else { return };
        let frames = self.snapshot.summary.frames;
        let share = (frames as f64 / rows as f64).clamp(0.0, 1.0);
        let label = format!(
            " {} of {} rows {:3.0} %",
            format::thousands(frames),
            format::thousands(rows),
            share * 100.0
        );
        let gauge = LineGauge::default().ratio(share).label(label).filled_style(Style::new().cyan());
        frame.render_widget(gauge, area);
    }

    fn footer(&self) -> Line<'_> {
        let keys = if self.universes.len() > 1 {
            " q quit  tab universe  ↑↓ scroll  ? help"
        } else {
            " q quit  ↑↓ scroll  ? help"
        };
        let http = self.http.map(|address| format!("   http://{address}")).unwrap_or_default();
        Line::from(vec![Span::from(keys), Span::from(http)]).dim()
    }
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let height = KEYS.lines().count() as u16 + 2;
    let [row] = Layout::vertical([Constraint::Length(height)]).flex(Flex::Center).areas(area);
    let [popup] = Layout::horizontal([Constraint::Length(52)]).flex(Flex::Center).areas(row);
    frame.render_widget(Clear, popup);
    frame.render_widget(Paragraph::new(KEYS).block(Block::bordered().title(" Keys ")), popup);
}
