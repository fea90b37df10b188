//! Arguments of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::analysis::gates::Gates;
use crate::cli::values::{self, Numbers, Rates};
use crate::generator::{sse, ws};
use crate::model::{Arrivals, Slo};

/// Load tests for HTTP, WebSocket and Server-Sent Events.
#[derive(Debug, Parser)]
#[command(name = "rusm-loadtest", version, about, propagate_version = true)]
pub struct Args {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Requests over HTTP/1.1: closed loop, or open loop with --rate
    Http(Http),
    /// Round trips over held WebSockets: closed loop, or open loop with --rate
    Ws(Ws),
    /// Events of held streams (Server-Sent Events): their rate, and the gaps between them
    Sse(Sse),
    /// Connections a second, each with one request or WebSocket handshake, and its close
    Conn(Conn),
    /// Find the highest rate that meets an objective of latency and errors
    Peak(Peak),
    /// Latency against offered load, or throughput against the server's cores
    Sweep(Sweep),
    /// Say what changed between two JSON files, and whether it is more than noise
    Compare(Compare),
}

/// Options of every load.
#[derive(Clone, Debug, ClapArgs)]
pub struct Common {
    /// Connections, over all the generator's cores
    #[arg(short, long, default_value_t = 64, value_name = "N")]
    pub connections: usize,
    /// How long is measured, as 10s
    #[arg(short, long, value_parser = values::some_duration, default_value = "10s")]
    pub duration: Duration,
    /// End after so many operations; --duration is then the most that it may take, and there is no
    /// warm-up
    #[arg(short = 'n', long = "number", value_name = "COUNT")]
    pub count: Option<u64>,
    /// The seed of random arrivals and of the choice of targets; each further run adds 10000. If not
    /// said, it is random, and each run in the JSON has its own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How long load is made before that
    #[arg(long, value_parser = values::duration, default_value = "1s", default_value_if("count", clap::builder::ArgPredicate::IsPresent, "0s"))]
    pub warmup: Duration,
    /// How long connecting, and an operation once it is sent, may take
    #[arg(long, value_parser = values::some_duration, default_value = "5s")]
    pub timeout: Duration,
    /// Cores of the generator, as 1,3 or 2-5, a thread on each; the last core if not said
    #[arg(long, value_name = "LIST")]
    pub cores: Option<Numbers>,
    /// Write everything to this file as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with charts to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the histograms to this file, as an HdrHistogram interval log
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// The expectations of a run. A run that misses one ends with exit code 1.
#[derive(Clone, Debug, ClapArgs)]
pub struct Expected {
    /// The most that the median latency may be, as 1ms; else the exit code is 1
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub expect_p50: Option<Duration>,
    /// The most that the 90th percentile may be
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub expect_p90: Option<Duration>,
    /// The most that the 99th percentile may be
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub expect_p99: Option<Duration>,
    /// The most that the 99.9th percentile may be
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub expect_p999: Option<Duration>,
    /// The least operations a second
    #[arg(long, value_parser = values::rate, value_name = "RATE")]
    pub expect_rate: Option<f64>,
    /// The most that the share of operations which fail or are never sent may be; 0.1% with another
    /// expectation
    #[arg(long, value_parser = values::share, value_name = "SHARE")]
    pub expect_errors: Option<f64>,
}

impl Expected {
    pub(super) fn gates(&self) -> Gates {
        let limits = [
            (50.0, self.expect_p50),
            (90.0, self.expect_p90),
            (99.0, self.expect_p99),
            (99.9, self.expect_p999),
        ];
        let limits = limits.into_iter();
        Gates {
            latencies: limits
                .filter_map(|(percentile, limit)| Some((percentile, limit?.as_secs_f64() * 1e6)))
                .collect(),
            rate: self.expect_rate,
            errors: self.expect_errors,
        }
    }
}

/// The arrival of operations.
#[derive(Clone, Debug, ClapArgs)]
pub struct Offered {
    /// Operations a second: an open loop, latency counts from the intended time
    #[arg(short, long, value_parser = values::rate, value_name = "RATE")]
    pub rate: Option<f64>,
    /// The gaps of an open loop
    #[arg(long, value_enum, default_value_t = Gaps::Constant)]
    pub arrivals: Gaps,
}

/// The gaps of an open loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gaps {
    /// All the same
    Constant,
    /// Exponential, as of many users who do not know of one another
    Poisson,
}

/// A request.
#[derive(Clone, Debug, ClapArgs)]
pub struct Request {
    /// The method
    #[arg(short = 'X', long, value_parser = crate::targets::parse_method, default_value = "GET")]
    pub method: String,
    /// A header, `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_parser = crate::targets::parse_header, value_name = "HEADER")]
    pub headers: Vec<(String, String)>,
    /// The body, or @FILE
    #[arg(short, long, value_name = "BODY")]
    pub body: Option<String>,
    /// What a success is: a status as 200, a class as 2xx, contains:TEXT; may be repeated
    #[arg(long, value_name = "WHAT")]
    pub expect: Vec<String>,
    /// Requests in flight on one connection
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub pipeline: usize,
    /// A file of weighted requests (tables `[[target]]` of url, method, headers, body, weight, expect)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "headers", "body", "expect"])]
    pub targets: Option<PathBuf>,
}

/// `http`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("what").required(true).args(["url", "targets"])))]
pub struct Http {
    /// As http://127.0.0.1:8080/path
    pub url: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub request: Request,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub offered: Offered,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub expected: Expected,
}

/// `ws`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Ws {
    /// As ws://127.0.0.1:8080/path
    pub url: String,
    /// A header of the handshake, `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_parser = crate::targets::parse_header, value_name = "HEADER")]
    pub headers: Vec<(String, String)>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub options: ws::Options,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub offered: Offered,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub expected: Expected,
}

/// `sse`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Sse {
    /// As http://127.0.0.1:8080/events
    pub url: String,
    /// A header of the request, `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_parser = crate::targets::parse_header, value_name = "HEADER")]
    pub headers: Vec<(String, String)>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub options: sse::Options,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub expected: Expected,
}

/// `conn`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Conn {
    /// As http://127.0.0.1:8080/path for one request, or ws://... for a handshake
    pub url: String,
    /// A header of the request, `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_parser = crate::targets::parse_header, value_name = "HEADER")]
    pub headers: Vec<(String, String)>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub offered: Offered,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub expected: Expected,
}

/// The kind of an operation, for commands that do not determine it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A request over HTTP/1.1
    Http,
    /// A round trip over a held WebSocket
    Ws,
    /// A connection with one request or WebSocket handshake
    Conn,
}

/// The load of `peak` and `sweep`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("what").required(true).args(["url", "targets"])))]
pub struct Load {
    /// What one operation is
    #[arg(long, value_enum, default_value_t = Kind::Http)]
    pub mode: Kind,
    /// As http://127.0.0.1:8080/path, or ws://...
    pub url: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub request: Request,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub ws: ws::Options,
    /// The gaps of the open loops
    #[arg(long, value_enum, default_value_t = Gaps::Constant)]
    pub arrivals: Gaps,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// An objective.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("objective").args(["p50", "p90", "p99", "p999"])))]
pub struct Objective {
    /// The most that the median latency may be, as 1ms
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub p50: Option<Duration>,
    /// The most that the 90th percentile may be
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub p90: Option<Duration>,
    /// The most that the 99th percentile may be
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub p99: Option<Duration>,
    /// The most that the 99.9th percentile may be
    #[arg(long, value_parser = values::some_duration, value_name = "TIME")]
    pub p999: Option<Duration>,
    /// The share of operations that may fail, as 0.1%
    #[arg(long, value_parser = values::share, default_value = "0.1%", value_name = "SHARE")]
    pub errors: f64,
}

/// `peak`.
#[derive(Clone, Debug, ClapArgs)]
#[command(mut_group("objective", |group| group.required(true)))]
pub struct Peak {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub load: Load,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub objective: Objective,
    /// The rate to begin with; if not said, what a closed loop reaches
    #[arg(long, value_parser = values::rate, value_name = "RATE")]
    pub start: Option<f64>,
    /// The highest rate to try
    #[arg(long = "most", value_parser = values::rate, value_name = "RATE")]
    pub max_rate: Option<f64>,
    /// The most trials to make, each of --duration
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub trials: usize,
    /// How narrow the confidence range has to be, as a share of the rate
    #[arg(long, value_parser = values::share, default_value = "5%", value_name = "SHARE")]
    pub precision: f64,
}

/// `sweep`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(ArgGroup::new("over").args(["rates", "cores_command"])))]
pub struct Sweep {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub load: Load,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub objective: Objective,
    /// The rates, as 1000..20000/8 or 1000,2000,5000; if not said, from a tenth of what a
    /// closed loop reaches to past it
    #[arg(long, value_name = "RATES")]
    pub rates: Option<Rates>,
    /// A command that gives the server so many cores and returns, with {cores} for the number, as
    /// 'systemctl restart x@{cores}': sweeps over cores, closed loop
    #[arg(long, value_name = "COMMAND", requires = "core_counts")]
    pub cores_command: Option<String>,
    /// The numbers of cores to give the server, as 1-4 or 1,2,4
    #[arg(long, value_name = "LIST", requires = "cores_command")]
    pub core_counts: Option<Numbers>,
    /// How often each point is measured, by turns
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub rounds: usize,
}

/// `compare`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Compare {
    /// The JSON file of before
    pub a: PathBuf,
    /// The JSON file of after
    pub b: PathBuf,
    /// Write a page to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

impl Offered {
    pub(super) fn arrivals(&self) -> Arrivals {
        match self.rate {
            None => Arrivals::Closed,
            Some(rate) => self.arrivals.at(rate),
        }
    }
}

impl Gaps {
    pub(super) fn at(self, rate: f64) -> Arrivals {
        match self {
            Self::Constant => Arrivals::Constant { rate },
            Self::Poisson => Arrivals::Poisson { rate },
        }
    }
}

impl Objective {
    pub(super) fn slo(&self) -> Option<Slo> {
        let limits = [
            (50.0, self.p50),
            (90.0, self.p90),
            (99.0, self.p99),
            (99.9, self.p999),
        ];
        limits.into_iter().find_map(|(percentile, latency)| {
            Some(Slo {
                percentile,
                latency: latency?.as_secs_f64() * 1e6,
                errors: self.errors,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_holds() {
        Args::command().debug_assert();
    }

    #[test]
    fn lines_that_are_meant_to_work() {
        for line in [
            "x http http://a/",
            "x http --targets t.toml -r 1.5k --arrivals poisson -c 8 -d 500ms --cores 0-1",
            "x http http://a/ -X POST -b {} --expect 201 --expect contains:x",
            "x ws ws://a/ --size 10 --binary",
            "x sse http://a/ --streams 10",
            "x conn ws://a/ -r 100",
            "x peak --mode conn http://a/ --p99 5ms",
            "x peak http://a/ --p99 5ms --errors 0.1%",
            "x sweep http://a/ --rates 1000..20000/8 --p99 5ms",
            "x sweep http://a/",
            "x sweep http://a/ --cores-command true --core-counts 1-2",
            "x compare a.json b.json",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn lines_that_are_not() {
        for line in [
            "x http",
            "x http http://a/ --targets t.toml",
            "x http --targets t.toml -X POST",
            "x http http://a/ -d 0s",
            "x http http://a/ -H broken",
            "x sse http://a/ --streams 10 -c 10",
            "x sse http://a/ -r 10",
            "x peak http://a/",
            "x peak http://a/ --p99 5ms --p50 1ms",
            "x sweep http://a/ --cores-command true",
            "x sweep http://a/ --rates 5..1/2",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn an_objective_is_microseconds_and_shares() {
        let Command::Peak(peak) = parse("x peak http://a/ --p999 5ms --errors 1%")
            .unwrap()
            .command
        else {
            panic!();
        };
        let slo = peak.objective.slo().unwrap();
        assert_eq!(
            (slo.percentile, slo.latency, slo.errors),
            (99.9, 5000.0, 0.01)
        );
    }
}
