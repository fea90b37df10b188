//! Measurements as the JSON file has them: the contract between the generator, which fills it, and
//! the reports, which read it.
//!
//! Times are microseconds unless a name says otherwise. An additional field keeps [`SCHEMA`]; a
//! removed field, or one with another meaning, raises it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version of this format, in every file as `schema`.
pub const SCHEMA: u32 = 2;

/// A whole invocation: one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of `rusm-loadtest`.
    pub version: String,
    /// The start, RFC 3339, UTC.
    pub started: String,
    /// The command line.
    pub command: Vec<String>,
    /// The machine of the generator.
    pub machine: Machine,
    /// The requested measurement.
    pub plan: Plan,
    /// The runs, in order; one for `http`, `ws`, `sse` and `conn`.
    pub runs: Vec<Run>,
    /// The result of `peak`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
    /// The result of `sweep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

/// The generator's machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Kernel release.
    pub kernel: String,
    /// Model name of the processor.
    pub cpu: String,
    /// The number of cores of the machine.
    pub cores: usize,
    /// Cores that the generator was pinned to.
    pub generator_cores: Vec<usize>,
}

/// The requested measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The kind of an operation.
    pub mode: Mode,
    /// The targets' URLs.
    pub targets: Vec<String>,
    /// Connections held or kept busy.
    pub connections: usize,
    /// Requests in flight on one connection.
    pub pipeline: usize,
    /// Seconds before anything is recorded.
    pub warmup_s: f64,
    /// Seconds recorded.
    pub duration_s: f64,
}

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A request and its whole response.
    Http,
    /// A round trip of a message over a held WebSocket.
    Ws,
    /// An event of a held stream; its latency is the gap since the previous one.
    Sse,
    /// A connection: TCP, one request (or WebSocket handshake) and its response, and the close.
    Conn,
}

/// The arrival of operations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "loop")]
pub enum Arrivals {
    /// The next begins when the last has ended.
    Closed,
    /// At intended times, `rate` a second, evenly; latency counts from the intended time.
    Constant {
        /// Operations a second.
        #[serde(deserialize_with = "number")]
        rate: f64,
    },
    /// At intended times, `rate` a second on average, exponential gaps; latency counts from the
    /// intended time.
    Poisson {
        /// Operations a second.
        #[serde(deserialize_with = "number")]
        rate: f64,
    },
}

/// serde passes on the fields of a tagged enum as it found them, and a number may then be its text
/// (serde_json's `arbitrary_precision`, which another crate of the build may enable).
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let wanted = || serde::de::Error::custom("a number is too large");
    number.as_f64().ok_or_else(wanted)
}

/// One run at one load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The label that distinguishes it from other runs of the file, as `rate 2000, round 3`; may be
    /// empty.
    pub label: String,
    /// The arrival of operations.
    pub arrivals: Arrivals,
    /// The seed of its random arrivals and of its choice of targets.
    pub seed: u64,
    /// True if it was ended before its time, by the user.
    pub interrupted: bool,
    /// The recorded seconds.
    pub elapsed_s: f64,
    /// Successful operations; of an open loop those that were due in the recorded time, whenever
    /// they ended.
    pub ok: u64,
    /// Successful operations that ended in the recorded time, whenever they were due; of a closed
    /// loop the same as `ok`.
    pub completed: u64,
    /// Operations of an open loop that were due in the recorded time and never sent.
    pub unsent: u64,
    /// Failed operations by reason: `connect`, `reset`, `timeout`, `protocol`, `status 503`,
    /// `body`, `close 1008` (of a WebSocket), ...; of an open loop those that were due in the
    /// recorded time.
    pub errors: BTreeMap<String, u64>,
    /// Responses by status; empty in modes without statuses.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes read, heads included.
    pub bytes_in: u64,
    /// Bytes written, heads included.
    pub bytes_out: u64,
    /// The throughput: `completed / elapsed_s`.
    pub rate: f64,
    /// The latency of successful operations.
    pub latency: Latency,
    /// Counts of held connections, including the warm-up: `opened`, `reopened`, `refused`, `lost`,
    /// `finished`, `silent`, and `alive` at the end; empty in other modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, u64>,
    /// The intervals of the run, of a second or less, in order.
    pub timeline: Vec<Interval>,
    /// The state of the generator.
    pub generator: Generator,
}

/// A distribution, in microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Values recorded.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation.
    pub stdev: f64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
    /// By percentile, keys as `50`, `90`, `99`, `99.9`, `99.99`.
    pub percentiles: BTreeMap<String, f64>,
    /// The whole histogram, in nanoseconds: `HdrHistogram` V2 compressed or not, in base64.
    pub histogram: String,
}

/// An interval of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// Its start in seconds since the recording began.
    pub at_s: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Successful operations that ended in it.
    pub ok: u64,
    /// Failed operations; in the last interval also those that ended after it.
    pub errors: u64,
    /// Median of successful operations; 0 without one.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Maximum.
    pub max: f64,
}

/// The generator's report about itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generator {
    /// Its usage of its cores during the recording, 0 to 1: near 1, it may have been the limit.
    pub cpu: f64,
    /// Operations of an open loop that the generator itself began late (a free connection existed,
    /// and the intended time was more than 1 ms past).
    pub late: u64,
    /// The maximum delay, in microseconds.
    pub max_lateness: f64,
    /// Notes for the reader of the figures, in sentences.
    pub warnings: Vec<String>,
}

/// The conditions for a rate to count.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Slo {
    /// Percentile, 0 to 100, as 99.
    pub percentile: f64,
    /// The maximum latency, in microseconds.
    pub latency: f64,
    /// The maximum share of failed operations, 0 to 1.
    pub errors: f64,
}

/// The highest rate that meets an objective.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peak {
    /// The objective.
    pub slo: Slo,
    /// Operations a second; 0 if no rate met the objective.
    pub rate: f64,
    /// The 95 % confidence range of `rate`.
    pub range: (f64, f64),
    /// True if the limit of the generator or of the user was reached before the server's: `rate` is
    /// then a lower bound.
    #[serde(default)]
    pub at_least: bool,
    /// The trials: indices into `runs`, the offered rate, and whether it met the objective.
    pub trials: Vec<Trial>,
}

/// One trial of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// Index into `runs`.
    pub run: usize,
    /// The offered operations a second.
    pub offered: f64,
    /// True if the objective was met.
    pub met: bool,
}

/// Latency against load, or throughput against cores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sweep {
    /// The variable: `rate` or `cores`.
    pub over: String,
    /// The points, in ascending order.
    pub points: Vec<Point>,
    /// The fit of the Universal Scalability Law, with enough points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usl: Option<Usl>,
    /// The rate at which latency leaves its floor, in operations a second; only for a sweep over
    /// rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knee: Option<f64>,
    /// The highest rate that meets the objective, with its 95 % confidence range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

/// A point of a sweep, of one or more rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// The offered rate, or the number of cores.
    pub x: f64,
    /// Indices into `runs`.
    pub runs: Vec<usize>,
    /// Operations a second, the median of the rounds.
    pub rate: f64,
    /// Median latency, the median of the rounds; 0 if most rounds had no answer.
    pub p50: f64,
    /// 99th percentile, the median of the rounds; 0 if most rounds had no answer.
    pub p99: f64,
    /// Share of failed operations, 0 to 1.
    pub errors: f64,
}

/// `X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))`, Gunther's Universal Scalability Law.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Usl {
    /// Operations a second at `n = 1`.
    pub lambda: f64,
    /// Contention: the share of work that is serial.
    pub sigma: f64,
    /// Coherency: the cost of each pair's agreement.
    pub kappa: f64,
    /// 95 % ranges of the three, by bootstrap.
    pub ranges: [(f64, f64); 3],
    /// Coefficient of determination.
    pub r2: f64,
    /// The `n` with the maximum throughput; none if the range of `kappa` contains 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_n: Option<f64>,
}

/// The capacity at an objective.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Capacity {
    /// The objective.
    pub slo: Slo,
    /// Operations a second.
    pub rate: f64,
    /// Its 95 % confidence range.
    pub range: (f64, f64),
    /// True if the objective was still met at the highest offered rate: `rate` is then a lower
    /// bound.
    #[serde(default)]
    pub at_least: bool,
}
