//! Types of option values.

use std::time::Duration;

/// Parses a duration: `10s`, `500ms`, `100us`, `1m 30s`.
///
/// # Errors
/// A sentence, if it is invalid.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as 10s, 500ms or 100us"))
}

/// Parses a duration above zero.
///
/// # Errors
/// A sentence, if it is invalid or zero.
pub fn some_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it has to be longer than nothing".to_owned()),
        some => Ok(some),
    }
}

/// Parses operations a second, above 0: `2000`, `1.5k`.
///
/// # Errors
/// A sentence, if it is invalid.
pub fn rate(text: &str) -> Result<f64, String> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1000.0),
        None => (text, 1.0),
    };
    match digits.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate * factor),
        _ => Err("it has to be a number above 0".to_owned()),
    }
}

/// Parses a share, 0 to 1: `0.1%`, `0.001`.
///
/// # Errors
/// A sentence, if it is invalid.
pub fn share(text: &str) -> Result<f64, String> {
    let (digits, factor) = match text.strip_suffix('%') {
        Some(digits) => (digits, 0.01),
        None => (text, 1.0),
    };
    match digits.trim().parse::<f64>().map(|share| share * factor) {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("it has to be a share, as 0.1% or 0.001".to_owned()),
    }
}

/// A set of whole numbers in ascending order: `1,3`, `0-2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers(pub Vec<usize>);

impl std::str::FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| {
                let number: Result<usize, _> = text.trim().parse();
                number.map_err(|_| format!("`{part}` is no number and no range as 0-2"))
            };
            let (first, last) = (number(first)?, number(last)?);
            if first > last || last - first > MOST_NUMBERS {
                return Err(format!("`{part}` is no ascending range"));
            }
            numbers.extend(first..=last);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Self(numbers))
    }
}

/// Rates in ascending order: `1000..20000/8` (eight of them, evenly), or `1000,2000,5000`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates(pub Vec<f64>);

impl std::str::FromStr for Rates {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((first, rest)) = text.split_once("..") else {
            let mut rates = text
                .split(',')
                .map(|part| rate(part.trim()).map_err(|error| format!("`{part}`: {error}")))
                .collect::<Result<Vec<f64>, String>>()?;
            rates.sort_by(f64::total_cmp);
            rates.dedup();
            return Ok(Self(rates));
        };
        let (last, count) = rest.split_once('/').unwrap_or((rest, "10"));
        let (first, last) = (rate(first)?, rate(last)?);
        let count = match count.parse::<u32>() {
            Ok(count @ 2..=MOST_RATES) => count,
            _ => return Err(format!("`{count}` is no count from 2 to {MOST_RATES}")),
        };
        if first >= last {
            return Err(format!("{first} is not below {last}"));
        }
        Ok(Self(spread(first, last, count)))
    }
}

/// Returns this many rates from the first to the last, evenly.
#[must_use]
pub fn spread(first: f64, last: f64, count: u32) -> Vec<f64> {
    let step = (last - first) / f64::from(count.saturating_sub(1).max(1));
    (0..count)
        .map(|n| (first + step * f64::from(n)).round().max(1.0))
        .collect()
}

const MOST_NUMBERS: usize = 10_000;
const MOST_RATES: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_rates_and_shares() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert!(duration("10").is_err());
        assert!(some_duration("0s").is_err());
        assert_eq!(rate("1.5k"), Ok(1500.0));
        for bad in ["0", "-1", "inf", "x", ""] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert_eq!(share("0.1%"), Ok(0.001));
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["101%", "-0.1", "2", "x"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!("3,0-1, 3".parse(), Ok(Numbers(vec![0, 1, 3])));
        for bad in ["", "a", "3-1", "1,", "-1", "0-99999999999"] {
            assert!(bad.parse::<Numbers>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(
            "1000..20000/3".parse(),
            Ok(Rates(vec![1000.0, 10_500.0, 20_000.0]))
        );
        assert_eq!("2k, 100".parse(), Ok(Rates(vec![100.0, 2000.0])));
        for bad in ["", "5..1/2", "1..5/1", "1..5/x", "0..5/2"] {
            assert!(bad.parse::<Rates>().is_err(), "{bad}");
        }
    }
}
