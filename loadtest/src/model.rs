//! What was measured, as the JSON file keeps it: the contract between the generator, which fills
//! it, and the reports, which read it.
//!
//! Times are microseconds unless a name says otherwise. A field that is added keeps [`SCHEMA`]; one
//! that changes its meaning or goes raises it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version of this format, in every file as `schema`.
pub const SCHEMA: u32 = 1;

/// A whole invocation: one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of `rusm-loadtest`.
    pub version: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// The command line.
    pub command: Vec<String>,
    /// Where the generator ran.
    pub machine: Machine,
    /// What was asked for.
    pub plan: Plan,
    /// Every run, in the order in which they were made; one for `http`, `ws`, `sse` and `conn`.
    pub runs: Vec<Run>,
    /// What `peak` found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
    /// What `sweep` found.
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
    /// Cores that the machine has.
    pub cores: usize,
    /// Cores that the generator was pinned to.
    pub generator_cores: Vec<usize>,
}

/// What was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What one operation is.
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

/// What one operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A request and its whole response.
    Http,
    /// A round trip of a message over a held WebSocket.
    Ws,
    /// An event of a held stream; its latency is the gap since the one before.
    Sse,
    /// A connection: TCP, one request (or WebSocket handshake) and its response, and the close.
    Conn,
}

/// How operations are started.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "loop")]
pub enum Arrivals {
    /// The next when the last has ended: latency is that of a server which is never waited for.
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

/// serde hands the fields of a tagged enum on as it found them, and a number may then be the text of
/// one (serde_json's `arbitrary_precision`, which another crate of the build may turn on).
fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let wanted = || serde::de::Error::custom("a number is too large");
    number.as_f64().ok_or_else(wanted)
}

/// One run at one load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// What tells it from the others of the file, as `rate 2000, round 3`; may be empty.
    pub label: String,
    /// How operations were started.
    pub arrivals: Arrivals,
    /// Seconds that were recorded.
    pub elapsed_s: f64,
    /// Operations that ended as they should.
    pub ok: u64,
    /// Operations that did not, by reason: `connect`, `reset`, `timeout`, `protocol`,
    /// `status 503`, `body`, `unsent` (of an open loop: due within the run, never sent), ...
    pub errors: BTreeMap<String, u64>,
    /// Responses by status; empty where there is none.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes read, heads included.
    pub bytes_in: u64,
    /// Bytes written, heads included.
    pub bytes_out: u64,
    /// `ok / elapsed_s`.
    pub rate: f64,
    /// Latency of the operations that ended as they should.
    pub latency: Latency,
    /// Of held connections, the warm-up included: `opened`, `reopened`, `refused`, `lost`,
    /// `finished`, `silent`, and `alive` at the end; empty in other modes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub connections: BTreeMap<String, u64>,
    /// What happened in each second (or less) of the run, in order.
    pub timeline: Vec<Interval>,
    /// Whether the generator kept up.
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
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// By percentile, keys as `50`, `90`, `99`, `99.9`, `99.99`.
    pub percentiles: BTreeMap<String, f64>,
    /// The whole histogram, in nanoseconds: `HdrHistogram` V2 compressed or not, in base64.
    pub histogram: String,
}

/// A slice of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// When it began, seconds since the recording began.
    pub at_s: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Operations that ended as they should in it.
    pub ok: u64,
    /// Operations that did not.
    pub errors: u64,
    /// Median of those that ended as they should; 0 where there was none.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Greatest.
    pub max: f64,
}

/// What the generator says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generator {
    /// Its share of its cores while it recorded, 0 to 1: near 1, it may have been the limit.
    pub cpu: f64,
    /// Operations of an open loop that the generator itself began late (a free connection was
    /// there, and the intended time more than 1 ms past).
    pub late: u64,
    /// The most that it was late, microseconds.
    pub max_lateness: f64,
    /// What whoever reads the figures has to know, in sentences.
    pub warnings: Vec<String>,
}

/// What must hold for a rate to count.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Slo {
    /// Percentile, 0 to 100, as 99.
    pub percentile: f64,
    /// The latency that it may reach, microseconds.
    pub latency: f64,
    /// The share of operations that may fail, 0 to 1.
    pub errors: f64,
}

/// The highest rate that meets an objective.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peak {
    /// The objective.
    pub slo: Slo,
    /// Operations a second; 0 when no rate met the objective.
    pub rate: f64,
    /// The 95 % confidence range of `rate`.
    pub range: (f64, f64),
    /// Whether the generator, or the user's own limit, came before the server's: `rate` is then a
    /// lower bound.
    #[serde(default)]
    pub at_least: bool,
    /// Each trial: indices into `runs`, the offered rate, and whether it met the objective.
    pub trials: Vec<Trial>,
}

/// One trial of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// Index into `runs`.
    pub run: usize,
    /// Operations a second that were offered.
    pub offered: f64,
    /// Whether the objective held.
    pub met: bool,
}

/// Latency against load, or throughput against cores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sweep {
    /// What was varied: `rate` or `cores`.
    pub over: String,
    /// Each point, in ascending order.
    pub points: Vec<Point>,
    /// The fit of the Universal Scalability Law, where there are enough points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usl: Option<Usl>,
    /// Of a sweep over rates: where latency leaves its floor, operations a second.
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
    /// Median latency, the median of the rounds; 0 where most rounds had no answer.
    pub p50: f64,
    /// 99th percentile, the median of the rounds; 0 where most rounds had no answer.
    pub p99: f64,
    /// Share of operations that failed, 0 to 1.
    pub errors: f64,
}

/// `X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))`, Gunther's Universal Scalability Law.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Usl {
    /// Operations a second of one.
    pub lambda: f64,
    /// Contention: the share of work that is serial.
    pub sigma: f64,
    /// Coherency: the cost of each pair's agreement.
    pub kappa: f64,
    /// 95 % ranges of the three, by bootstrap.
    pub ranges: [(f64, f64); 3],
    /// Coefficient of determination.
    pub r2: f64,
    /// The `n` at which throughput is greatest; none if it grows without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_n: Option<f64>,
}

/// What a capacity planner came for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Capacity {
    /// The objective.
    pub slo: Slo,
    /// Operations a second.
    pub rate: f64,
    /// Its 95 % confidence range.
    pub range: (f64, f64),
    /// Whether the objective still held at the highest rate that was offered: `rate` is then a lower
    /// bound.
    #[serde(default)]
    pub at_least: bool,
}
