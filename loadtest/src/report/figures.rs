//! Formats figures for people.

use crate::model::{Arrivals, Mode, Slo};

/// Formats a count with separated thousands: `1,234,567`.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats operations a second, without the unit: `51,400`, `12.5`.
pub(super) fn rate(value: f64) -> String {
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    count(value.round().max(0.0) as u64)
}

/// Formats a latency as [`time`]; `-` if nothing was answered.
pub(super) fn latency(microseconds: f64) -> String {
    if microseconds > 0.0 {
        time(microseconds)
    } else {
        "-".into()
    }
}

/// Formats microseconds with three figures, in a suitable unit: `812 µs`, `1.80 ms`, `12.3 s`.
pub(super) fn time(microseconds: f64) -> String {
    let (value, unit) = match microseconds {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    format!("{} {unit}", three_figures(value))
}

/// Formats bytes in a suitable binary unit: `1.25 MiB`.
pub(super) fn bytes(value: f64) -> String {
    let mut value = value;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return format!("{} {unit}", three_figures(value));
        }
        value /= 1024.0;
    }
    format!("{} TiB", three_figures(value))
}

/// Formats a share: `0.23 %`.
pub(super) fn share(value: f64) -> String {
    let percent = value * 100.0;
    if percent == 0.0 {
        return "0 %".into();
    }
    if percent < 0.01 {
        return "< 0.01 %".into();
    }
    format!("{} %", three_figures(percent))
}

/// Formats a number of any magnitude with three figures: `0`, `6.00e-4`.
pub(super) fn scientific(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    format!("{value:.2e}")
}

/// Formats a change with its sign: `+12.3 %`.
pub(super) fn change(value: f64) -> String {
    format!("{:+.1} %", value * 100.0)
}

/// Formats a difference of shares with its sign: `+0.12 points`.
pub(super) fn points(value: f64) -> String {
    format!("{:+.2} points", value * 100.0)
}

/// Formats the arrival of operations.
pub(super) fn arrivals(arrivals: Arrivals) -> String {
    match arrivals {
        Arrivals::Closed => "closed loop".into(),
        Arrivals::Constant { rate: at } => format!("open loop, {}/s, constant", rate(at)),
        Arrivals::Poisson { rate: at } => format!("open loop, {}/s, Poisson", rate(at)),
    }
}

/// Formats an objective: `p99 <= 5.00 ms, errors <= 0.1 %`.
pub(super) fn objective(slo: &Slo) -> String {
    format!(
        "p{} ≤ {}, errors ≤ {}",
        slo.percentile,
        time(slo.latency),
        share(slo.errors)
    )
}

/// Returns the plural name of an operation.
pub(super) fn operations(mode: Mode) -> &'static str {
    match mode {
        Mode::Http => "requests",
        Mode::Ws => "round trips",
        Mode::Sse => "events",
        Mode::Conn => "connections",
    }
}

/// Returns the mode as on the command line.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Http => "http",
        Mode::Ws => "ws",
        Mode::Sse => "sse",
        Mode::Conn => "conn",
    }
}

fn three_figures(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_have_units() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(rate(51_400.4), "51,400");
        assert_eq!(rate(12.5), "12.5");
        assert_eq!(time(812.0), "812 µs");
        assert_eq!(time(1800.0), "1.80 ms");
        assert_eq!(time(12_340_000.0), "12.3 s");
        assert_eq!(bytes(1_310_720.0), "1.25 MiB");
        assert_eq!(share(0.0023), "0.23 %");
        assert_eq!(share(0.0), "0 %");
        assert_eq!(change(-0.051), "-5.1 %");
    }
}
