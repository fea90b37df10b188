//! The histogram in a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::model::Latency;

/// The reason why a histogram cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not base64.
    #[error("the histogram is not base64: {0}")]
    Base64(base64::DecodeError),
    /// The bytes are not a histogram.
    #[error("the histogram is not an HdrHistogram, V2: {0:?}")]
    Hdr(hdrhistogram::serialization::DeserializeError),
}

/// Decodes the histogram of a distribution, in nanoseconds.
///
/// # Errors
/// If it is not base64 of an `HdrHistogram` V2, compressed or not.
pub fn decode(latency: &Latency) -> Result<Histogram<u64>, Error> {
    let bytes = STANDARD.decode(&latency.histogram).map_err(Error::Base64)?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(Error::Hdr)
}

/// Returns the latency at `percentile` (0 to 100) in microseconds: from the file's percentiles,
/// else from the histogram. None if nothing was recorded or neither has it.
#[must_use]
pub fn percentile(latency: &Latency, percentile: f64) -> Option<f64> {
    if latency.count == 0 {
        return None;
    }
    let stated = latency.percentiles.iter().find_map(|(key, value)| {
        let key: f64 = key.parse().ok()?;
        ((key - percentile).abs() < 1e-9).then_some(*value)
    });
    stated.or_else(|| {
        let histogram = decode(latency).ok().filter(|all| !all.is_empty())?;
        Some(histogram.value_at_percentile(percentile) as f64 / NANOSECONDS)
    })
}

/// Nanoseconds in a microsecond, the unit of all other figures.
pub(crate) const NANOSECONDS: f64 = 1e3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_percentile_that_is_not_stated_comes_from_the_histogram() {
        let latency = sample::latency(&(1..=1000).map(f64::from).collect::<Vec<_>>());
        assert_eq!(
            percentile(&latency, 99.0),
            latency.percentiles.get("99").copied()
        );
        let p97 = percentile(&latency, 97.0).unwrap();
        assert!((p97 - 970.0).abs() < 2.0, "{p97}");
    }

    #[test]
    fn nothing_recorded_has_no_percentile() {
        assert_eq!(percentile(&sample::latency(&[]), 50.0), None);
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let mut latency = sample::latency(&[1.0]);
        latency.histogram = "%%".into();
        assert!(matches!(decode(&latency), Err(Error::Base64(_))));
        latency.histogram = "aGVsbG8gd29ybGQ=".into();
        assert!(matches!(decode(&latency), Err(Error::Hdr(_))));
    }
}
