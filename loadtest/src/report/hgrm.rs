//! Histograms for other tools of `HdrHistogram`.
//!
//! There are two formats, in milliseconds by convention: the interval log (one line a run), and the
//! percentile distribution (`.hgrm`) for the plotter of hdrhistogram.org.

use std::fmt::Write as _;
use std::io::Write;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::analysis::distribution;
use crate::model::{Latency, Report};

/// The reason why a histogram cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The report's histogram cannot be read.
    #[error(transparent)]
    Histogram(#[from] distribution::Error),
    /// The log cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A histogram cannot be written to the log.
    #[error("a histogram cannot be written to the log: {0:?}")]
    Log(String),
}

/// Writes the interval log: the histogram of each run in order, tagged by its label. Runs without
/// recorded operations are omitted.
///
/// # Errors
/// If a histogram of the report is invalid, or the log cannot be written.
pub fn write(report: &Report, mut to: impl Write) -> Result<(), Error> {
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Latencies in nanoseconds; Interval_Max in milliseconds]")
        .with_base_time(SystemTime::UNIX_EPOCH)
        .with_max_value_divisor(NANOSECONDS_IN_MILLISECOND)
        .begin_log_with(&mut to, &mut serializer)?;
    let mut start = Duration::ZERO;
    for run in &report.runs {
        let length = Duration::try_from_secs_f64(run.elapsed_s).unwrap_or_default();
        if run.latency.count > 0 {
            let tag = tag(&run.label);
            log.write_histogram(
                &distribution::decode(&run.latency)?,
                start,
                length,
                Tag::new(&tag),
            )
            .map_err(|error| Error::Log(format!("{error:?}")))?;
        }
        start += length;
    }
    Ok(to.flush()?)
}

/// Formats the percentile distribution of one run: `Value Percentile TotalCount 1/(1-Percentile)`,
/// values in milliseconds, five steps for each halving of the rest.
///
/// # Errors
/// If the histogram is invalid.
pub fn percentiles(latency: &Latency) -> Result<String, Error> {
    let histogram = distribution::decode(latency)?;
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let mut total = 0;
    for step in histogram.iter_quantiles(STEPS) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / NANOSECONDS_IN_MILLISECOND;
        let quantile = step.quantile_iterated_to();
        let _ = write!(text, "{value:12.3} {quantile:2.12} {total:10}");
        // The last line has no inverse, which the format omits.
        if quantile < 1.0 {
            let _ = write!(text, " {:14.2}", 1.0 / (1.0 - quantile));
        }
        text.push('\n');
    }
    let ms = |nanoseconds: f64| nanoseconds / NANOSECONDS_IN_MILLISECOND;
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n\
         #[Max     = {:12.3}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]",
        ms(histogram.mean()),
        ms(histogram.stdev()),
        ms(histogram.max() as f64),
        histogram.len(),
        histogram.buckets(),
        2048,
    );
    Ok(text)
}

/// Returns a label without characters that end a tag.
fn tag(label: &str) -> String {
    label
        .chars()
        .map(|c| {
            if c == ',' || c.is_whitespace() {
                '_'
            } else {
                c
            }
        })
        .collect()
}

const NANOSECONDS_IN_MILLISECOND: f64 = 1e6;
const STEPS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn the_log_reads_back_with_its_histograms() {
        let report = sample::peak_report();
        let mut log = Vec::new();
        write(&report, &mut log).unwrap();
        let intervals: Vec<_> = IntervalLogIterator::new(&log)
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => Some(interval),
                _ => None,
            })
            .collect();
        assert_eq!(intervals.len(), report.runs.len());
        assert_eq!(intervals[1].tag().unwrap().as_str(), "trial_at_40000");
        assert_eq!(intervals[1].start_timestamp(), Duration::from_secs(30));
        let mut latency = report.runs[1].latency.clone();
        latency.histogram = intervals[1].encoded_histogram().to_owned();
        let (read, written) = (
            distribution::decode(&latency).unwrap(),
            distribution::decode(&report.runs[1].latency).unwrap(),
        );
        assert_eq!(read, written);
        assert!((intervals[1].max() - written.max() as f64 / 1e6).abs() < 0.001);
    }

    #[test]
    fn the_distribution_is_that_of_the_plotter() {
        let latency =
            sample::latency(&(1..=1000).map(|ms| f64::from(ms) * 1e3).collect::<Vec<_>>());
        let text = percentiles(&latency).unwrap();
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                line.split_whitespace()
                    .map(|cell| cell.parse().unwrap())
                    .collect()
            })
            .collect();
        let half = rows.iter().find(|row| row[1] == 0.5).unwrap();
        assert!(
            (half[0] - 500.0).abs() < 1.0 && half[2] == 500.0 && half[3] == 2.0,
            "{half:?}"
        );
        let last = rows.last().unwrap();
        assert!(
            last[1] == 1.0 && last[2] == 1000.0 && last.len() == 3,
            "{last:?}"
        );
        assert!(text.contains("#[Max     =") && text.contains("Total count    =         1000"));
    }

    #[test]
    fn a_run_of_nothing_is_left_out() {
        let mut report = sample::http_report();
        report.runs[0].latency = sample::latency(&[]);
        let mut log = Vec::new();
        write(&report, &mut log).unwrap();
        assert_eq!(String::from_utf8(log).unwrap().matches("Tag=").count(), 0);
    }
}
