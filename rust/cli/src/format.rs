//! Numbers and durations as people read them.

use silverbullet_market::Nanos;
use silverbullet_market::duration::YEAR_SECONDS;

/// A whole number with commas.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `161,280 ticks`, `1 tick`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A latency in the unit that keeps it short.
pub(crate) fn latency(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..100_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanos as f64 / 1e6),
        _ => format!("{:.2} s", nanos as f64 / 1e9),
    }
}

/// A share in percent, or a dash where there is none.
pub(crate) fn percent(share: f64, decimals: usize) -> String {
    if share.is_finite() { format!("{:.decimals$} %", share * 100.0) } else { dash() }
}

/// A return per bar in basis points (1/100 %).
pub(crate) fn basis_points(value: f64) -> String {
    if value.is_finite() { format!("{:.3} bp", value * 1e4) } else { dash() }
}

/// The same in little room: about three significant decimals, and percent above 10,000 basis points.
pub(crate) fn short_basis_points(value: f64) -> String {
    let points = (value * 1e4).abs();
    match points {
        points if !points.is_finite() => dash(),
        0.0..9.9995 => format!("{:.3} bp", value * 1e4),
        9.9995..99.995 => format!("{:.2} bp", value * 1e4),
        99.995..9_999.95 => format!("{:.1} bp", value * 1e4),
        9_999.95..1e8 => format!("{:.1} %", value * 1e2),
        _ => format!("{:.1e} %", value * 1e2),
    }
}

/// A number in little room: `decimals` of them where it is small, in scientific notation where it is huge.
pub(crate) fn short_number(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(value) if value.abs() >= 1e5 && value.is_finite() => format!("{value:.1e}"),
        Some(value) if value.abs() >= 1e2 => number(Some(value), decimals.min(1)),
        value => number(value, decimals),
    }
}

/// A plain number, or a dash.
pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(value) if value.is_finite() => format!("{value:.decimals$}"),
        _ => dash(),
    }
}

/// A gap: zero as it is, small ones in scientific notation.
pub(crate) fn gap(value: Option<f64>) -> String {
    match value {
        Some(0.0) => "0".to_owned(),
        Some(value) if value.is_finite() => format!("{value:.1e}"),
        _ => dash(),
    }
}

/// A price with about six significant digits.
pub(crate) fn price(value: f64) -> String {
    if !value.is_finite() {
        return dash();
    }
    let decimals = match value.abs() {
        size if size >= 10_000.0 => 1,
        size if size >= 100.0 => 2,
        size if size >= 1.0 => 4,
        _ => 6,
    };
    format!("{value:.decimals$}")
}

/// Hours, minutes and seconds since the start.
pub(crate) fn elapsed(nanos: Nanos) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Bars in a year of 365 days of round-the-clock trading: means grow with it, risks and Sharpe ratios
/// with its square root.
pub(crate) fn bars_per_year(interval: Nanos) -> f64 {
    YEAR_SECONDS / (interval as f64 / 1e9)
}

fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            ["0", "999", "1,000", "161,280"],
            [0, 999, 1_000, 161_280].map(thousands).each_ref().map(String::as_str)
        );
        assert_eq!((counted(1, "tick"), counted(2_000, "tick")), ("1 tick".into(), "2,000 ticks".into()));
        let shown = [950, 3_450, 250_000, 12_000_000, 1_500_000_000].map(latency);
        assert_eq!(shown, ["950 ns", "3.5 µs", "250 µs", "12.0 ms", "1.50 s"].map(String::from));
        assert_eq!((percent(0.12345, 2), percent(f64::NAN, 2)), ("12.35 %".into(), "–".into()));
        assert_eq!(
            (gap(Some(0.0)), gap(Some(1.234e-5)), gap(None)),
            ("0".into(), "1.2e-5".into(), "–".into())
        );
        assert_eq!(
            [104_123.46, 142.256, 2.5, 0.8049].map(price),
            ["104123.5", "142.26", "2.5000", "0.804900"].map(String::from)
        );
        assert_eq!(elapsed(3_723_000_000_000), "01:02:03");
    }

    #[test]
    fn returns_stay_short_whatever_their_size() {
        let shown = [2e-6, -0.0156626, -0.00156626, 0.15, -1.5, f64::NAN, 1e9].map(short_basis_points);
        let expected = ["0.020 bp", "-156.6 bp", "-15.66 bp", "1500.0 bp", "-150.0 %", "–", "1.0e11 %"];
        assert_eq!(shown, expected.map(String::from));
        let shown = [Some(-0.00412), Some(-123.456), Some(1e6), None].map(|value| short_number(value, 4));
        assert_eq!(shown, ["-0.0041", "-123.5", "1.0e6", "–"].map(String::from));
    }

    #[test]
    fn a_year_has_this_many_minutes() {
        assert!((bars_per_year(60_000_000_000) - 525_600.0).abs() < 1e-9);
    }
}
