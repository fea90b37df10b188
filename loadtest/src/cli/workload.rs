//! The load of a command, ready to run.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use miette::miette;

use crate::cli::args::{Common, Kind, Request};
use crate::cli::progress::Progress;
use crate::cli::{CliError, ErrorMessage, interrupt, machine, output, server};
use crate::generator::{self, Endpoint, Load, conn, http, sse, ws};
use crate::measure::Stop;
use crate::model::{Arrivals, Mode, Plan, Run};
use crate::targets::{Expect, Scheme, Target, Targets, Url, parse_body, read_file};

/// The load of a command, for a server that has just been reachable.
pub(super) struct Workload {
    common: Common,
    cores: Vec<usize>,
    urls: Vec<Url>,
    address: SocketAddr,
    /// A plain request that the server answers in every mode.
    probe: Vec<u8>,
    pipeline: usize,
    mode: ModeConfig,
    seed: Cell<u64>,
    stop: Stop,
}

enum ModeConfig {
    Http(Targets),
    Ws(Endpoint, ws::Options),
    Sse(Endpoint, sse::Options),
    Conn(Endpoint, conn::Protocol),
}

impl Workload {
    /// Creates the load of the URL or the file of targets.
    pub(super) fn http(
        url: Option<&str>,
        request: &Request,
        common: &Common,
    ) -> Result<Self, CliError> {
        let targets = targets(url, request)?;
        let urls: Vec<Url> = targets
            .all()
            .iter()
            .map(|target| target.url.clone())
            .collect();
        let probe = targets
            .all()
            .first()
            .map(Target::encode)
            .unwrap_or_default();
        for url in &urls {
            check_scheme(url, Scheme::Http)?;
        }
        Self::new(common, urls, probe, request.pipeline, |_| {
            ModeConfig::Http(targets)
        })
    }

    /// Creates the load of WebSockets.
    pub(super) fn ws(
        url: &str,
        headers: &[(String, String)],
        options: &ws::Options,
        common: &Common,
    ) -> Result<Self, CliError> {
        let url: Url = url.parse().map_err(CliError::usage)?;
        check_scheme(&url, Scheme::Ws)?;
        let mode = |endpoint| ModeConfig::Ws(endpoint, options.clone());
        Self::endpoint(url, headers, &holding(common, options.hold), mode)
    }

    /// Creates the load of event streams.
    pub(super) fn sse(
        url: &str,
        headers: &[(String, String)],
        options: &sse::Options,
        common: &Common,
    ) -> Result<Self, CliError> {
        let url: Url = url.parse().map_err(CliError::usage)?;
        check_scheme(&url, Scheme::Http)?;
        let common = Common {
            connections: options.streams.unwrap_or(common.connections),
            ..holding(common, options.hold)
        };
        let mode = |endpoint| ModeConfig::Sse(endpoint, options.clone());
        Self::endpoint(url, headers, &common, mode)
    }

    /// Creates the load of connections.
    pub(super) fn conn(
        url: &str,
        headers: &[(String, String)],
        common: &Common,
    ) -> Result<Self, CliError> {
        let url: Url = url.parse().map_err(CliError::usage)?;
        let protocol = match url.scheme {
            Scheme::Http => conn::Protocol::Http,
            Scheme::Ws => conn::Protocol::WebSocket,
        };
        Self::endpoint(url, headers, common, |endpoint| {
            ModeConfig::Conn(endpoint, protocol)
        })
    }

    /// Creates the load of `peak` and `sweep`.
    pub(super) fn of(load: &crate::cli::args::Load) -> Result<Self, CliError> {
        let (url, request, common) = (load.url.as_deref(), &load.request, &load.common);
        if load.ws.hold {
            return Err(CliError::usage(ErrorMessage::new(
                "--hold is for the command `ws`",
            )));
        }
        match (load.mode, url) {
            (Kind::Http, url) => Self::http(url, request, common),
            (Kind::Ws, Some(url)) => Self::ws(url, &request.headers, &load.ws, common),
            (Kind::Conn, Some(url)) => Self::conn(url, &request.headers, common),
            (_, None) => Err(CliError::usage(ErrorMessage::new(
                "--targets is for --mode http",
            ))),
        }
    }

    fn endpoint(
        url: Url,
        headers: &[(String, String)],
        common: &Common,
        mode: impl FnOnce(Endpoint) -> ModeConfig,
    ) -> Result<Self, CliError> {
        let probe = Target::get(url.clone()).encode();
        Self::new(common, vec![url.clone()], probe, 1, |address| {
            mode(endpoint(&url, address, headers))
        })
    }

    fn new(
        common: &Common,
        urls: Vec<Url>,
        probe: Vec<u8>,
        pipeline: usize,
        mode: impl FnOnce(SocketAddr) -> ModeConfig,
    ) -> Result<Self, CliError> {
        if common.count == Some(0) {
            let message = ErrorMessage::new("--number has to be at least 1");
            return Err(CliError::usage(message));
        }
        if common.connections == 0 || pipeline == 0 {
            let message = ErrorMessage::new("--connections and --pipeline have to be at least 1");
            return Err(CliError::usage(message));
        }
        output::try_paths(common)?;
        let files = machine::raise_file_limit();
        if (common.connections as u64).saturating_add(SPARE_FILES) > files {
            let message = ErrorMessage::new(format!(
                "{} connections are more than the {files} files that may be open",
                common.connections
            ));
            return Err(CliError::usage(message.help("raise the limit: ulimit -n")));
        }
        let url = urls
            .first()
            .ok_or_else(|| CliError::usage(miette!("there is no URL")))?;
        let address = server::find(url, common.timeout)?;
        let cores = common.cores.clone().map(|cores| cores.0);
        Ok(Self {
            cores: cores.unwrap_or_else(machine::default_cores),
            common: common.clone(),
            mode: mode(address),
            urls,
            address,
            probe,
            pipeline,
            seed: Cell::new(common.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)))),
            stop: interrupt::stop(),
        })
    }

    /// Returns the server's address.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a plain request that the server answers.
    pub(super) fn probe(&self) -> &[u8] {
        &self.probe
    }

    /// Returns the generator's cores.
    pub(super) fn cores(&self) -> &[usize] {
        &self.cores
    }

    /// Returns the options that every load has.
    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    /// Returns whether the user has ended the measurement.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_requested()
    }

    /// Returns the seed of a run: of the first the user's or a random one, of each further one
    /// another. The distance is more than the threads, each of which adds its number.
    fn next_seed(&self) -> u64 {
        let seed = self.seed.get();
        self.seed.set(seed.wrapping_add(SEED_DISTANCE));
        seed
    }

    /// Runs the load once.
    pub(super) fn run(
        &self,
        label: String,
        arrivals: Arrivals,
        progress: &Progress,
    ) -> Result<Run, CliError> {
        let load = Load {
            label,
            cores: self.cores.clone(),
            connections: self.common.connections,
            arrivals,
            warmup: self.common.warmup,
            duration: self.common.duration,
            timeout: self.common.timeout,
            count: self.common.count,
            seed: self.next_seed(),
            stop: self.stop.clone(),
        };
        progress.begin(&load);
        let mut each = |interval: &_| progress.interval(interval);
        let run = match &self.mode {
            ModeConfig::Http(targets) => {
                let mode = http::Mode::new(self.address, targets.clone(), self.pipeline);
                generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut each)?
            }
            ModeConfig::Ws(endpoint, options) => {
                let mode = ws::Mode::new(endpoint.clone(), options);
                let mut run =
                    generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut each)?;
                mode.tally()
                    .annotate(load.connections, options.hold, &mut run);
                run
            }
            ModeConfig::Sse(endpoint, options) => {
                let mode = sse::Mode::new(endpoint.clone(), options);
                let mut run =
                    generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut each)?;
                mode.tally()
                    .annotate(load.connections, options.hold, &mut run);
                run
            }
            ModeConfig::Conn(endpoint, protocol) => {
                let mode = conn::Mode::new(endpoint.clone(), *protocol);
                generator::run(&load, |worker| Arc::clone(&mode).run(worker), &mut each)?
            }
        };
        progress.end();
        Ok(run)
    }

    /// Returns the plan for the report.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            mode: match self.mode {
                ModeConfig::Http(_) => Mode::Http,
                ModeConfig::Ws(..) => Mode::Ws,
                ModeConfig::Sse(..) => Mode::Sse,
                ModeConfig::Conn(..) => Mode::Conn,
            },
            targets: self.urls.iter().map(Url::to_string).collect(),
            connections: self.common.connections,
            pipeline: self.pipeline,
            warmup_s: self.common.warmup.as_secs_f64(),
            duration_s: self.common.duration.as_secs_f64(),
        }
    }
}

fn targets(url: Option<&str>, request: &Request) -> Result<Targets, CliError> {
    if let Some(path) = &request.targets {
        return read_file(path).map_err(CliError::usage);
    }
    let url: Url = url.unwrap_or_default().parse().map_err(CliError::usage)?;
    let body = match &request.body {
        None => Vec::new(),
        Some(body) => parse_body(body, Path::new("."))
            .map_err(|message| CliError::usage(ErrorMessage::new(message)))?,
    };
    let target = Target {
        method: request.method.clone(),
        headers: request.headers.clone(),
        body,
        expect: Expect::parse(&request.expect).map_err(CliError::usage)?,
        ..Target::get(url)
    };
    Targets::new(vec![target]).map_err(CliError::usage)
}

/// Removes the warm-up if connections are only held: then their opening is counted.
fn holding(common: &Common, hold: bool) -> Common {
    Common {
        warmup: if hold { Duration::ZERO } else { common.warmup },
        ..common.clone()
    }
}

fn check_scheme(url: &Url, scheme: Scheme) -> Result<(), CliError> {
    if url.scheme == scheme {
        return Ok(());
    }
    let message = ErrorMessage::new(format!("`{url}` is not for this mode"));
    Err(CliError::usage(message.help(match scheme {
        Scheme::Http => "it loads http://; for ws:// there is the command `ws`, or --mode ws",
        Scheme::Ws => "it loads ws://",
    })))
}

fn endpoint(url: &Url, address: SocketAddr, headers: &[(String, String)]) -> Endpoint {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    Endpoint {
        address,
        authority: url.authority.clone(),
        target: url.target.clone(),
        headers: lines.collect(),
    }
}

/// The distance between the seeds of two runs.
const SEED_DISTANCE: u64 = 10_000;
/// Open files other than connections.
const SPARE_FILES: u64 = 64;
