//! Requests by route, method and class of status, with their durations: those of one listener on one shard.

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use rusm_uring_net::http1::Status;
use rusm_uring_net::{MeteredRequest, Method, RequestMeter};

/// Counts the requests of one listener on one shard. Only the shard's thread touches it.
///
/// A client can't add a series: routes are declared, methods and classes of status are few. A series takes memory once
/// it has a request.
pub(crate) struct RequestMetrics {
    /// One for each route, and one behind them for requests that none matched.
    routes: Box<[OnceCell<Box<RouteSeries>>]>,
    active: Cell<u64>,
    websockets: Cell<u64>,
}

/// The series of one route.
struct RouteSeries([[OnceCell<Box<Histogram>>; StatusClass::ALL.len()]; Method::ALL.len()]);

/// Durations, counted by bucket.
#[derive(Default)]
struct Histogram {
    buckets: [Cell<u64>; BUCKETS],
    nanos: Cell<u64>,
}

/// The class of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(in crate::admin) enum StatusClass {
    /// A handshake of a WebSocket.
    Informational,
    Successful,
    Redirection,
    ClientError,
    ServerError,
    /// The client left before there was a status.
    Aborted,
}

impl StatusClass {
    const ALL: [Self; 6] = [
        Self::Informational,
        Self::Successful,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
        Self::Aborted,
    ];

    fn of(status: Option<Status>) -> Self {
        match status.map(Status::code) {
            None => Self::Aborted,
            Some(..200) => Self::Informational,
            Some(200..300) => Self::Successful,
            Some(300..400) => Self::Redirection,
            Some(400..500) => Self::ClientError,
            Some(500..) => Self::ServerError,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Informational => "1xx",
            Self::Successful => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::Aborted => "aborted",
        }
    }
}

/// The label of a method, as OpenTelemetry has it.
pub(super) fn method_label(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
        Method::Options => "OPTIONS",
        Method::Connect => "CONNECT",
        Method::Trace => "TRACE",
        Method::Other => "_OTHER",
    }
}

/// The numbers of a listener, on one shard or on several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct RequestStats {
    pub(super) series: Vec<Series>,
    pub(super) active: u64,
    pub(super) websockets: u64,
}

/// Requests that have a route, a method and a class of status in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::admin) struct Series {
    /// The position among the routes of the listener; `None` if none matched.
    pub(super) route: Option<usize>,
    /// By its position in [`Method::ALL`].
    method: usize,
    pub(super) class: StatusClass,
    pub(super) buckets: [u64; BUCKETS],
    pub(super) nanos: u64,
}

impl Series {
    pub(super) fn method(&self) -> Method {
        Method::ALL.get(self.method).copied().unwrap_or_default()
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds the requests of another series.
    pub(super) fn add(&mut self, other: &Self) {
        self.nanos += other.nanos;
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += count;
        }
    }

    fn key(&self) -> (Option<usize>, usize, StatusClass) {
        (self.route, self.method, self.class)
    }
}

impl RequestMetrics {
    /// Creates the counts of a listener with so many routes.
    pub(crate) fn new(routes: usize) -> Self {
        Self {
            routes: (0..=routes).map(|_| OnceCell::new()).collect(),
            active: Cell::new(0),
            websockets: Cell::new(0),
        }
    }

    /// Returns the numbers as they are now.
    pub(in crate::admin) fn stats(&self) -> RequestStats {
        let unmatched = self.routes.len().saturating_sub(1);
        let mut series = Vec::new();
        for (route, of_route) in self.routes.iter().enumerate() {
            let methods = of_route.get().into_iter().flat_map(|route| &route.0);
            for (method, classes) in methods.enumerate() {
                for (class, histogram) in StatusClass::ALL.into_iter().zip(classes) {
                    let Some(histogram) = histogram.get() else {
                        continue;
                    };
                    series.push(Series {
                        route: (route != unmatched).then_some(route),
                        method,
                        class,
                        buckets: histogram.buckets.each_ref().map(Cell::get),
                        nanos: histogram.nanos.get(),
                    });
                }
            }
        }
        RequestStats {
            series,
            active: self.active.get(),
            websockets: self.websockets.get(),
        }
    }

    fn histogram(&self, request: &MeteredRequest) -> Option<&Histogram> {
        let route = request.route.and_then(|route| usize::try_from(route).ok());
        let series = match route.and_then(|route| self.routes.get(route)) {
            Some(series) => series,
            None => self.routes.last()?,
        };
        let series = series.get_or_init(|| Box::new(RouteSeries(Default::default())));
        let methods = series.0.get(request.method as usize)?;
        let class = StatusClass::of(request.status);
        Some(methods.get(class as usize)?.get_or_init(Box::default))
    }
}

impl RequestMeter for RequestMetrics {
    fn began(&self) {
        self.active.set(self.active.get() + 1);
    }

    fn ended(&self, request: &MeteredRequest) {
        self.active.set(self.active.get().saturating_sub(1));
        if let Some(histogram) = self.histogram(request) {
            histogram.add(request.took);
        }
    }

    fn websocket_began(&self) {
        self.websockets.set(self.websockets.get() + 1);
    }

    fn websocket_ended(&self) {
        self.websockets.set(self.websockets.get().saturating_sub(1));
    }
}

impl Histogram {
    fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.set(self.nanos.get().saturating_add(nanos));
        // Most requests take little, so the search ends soon.
        let bucket = BOUNDS.iter().position(|bound| nanos <= *bound);
        if let Some(count) = self.buckets.get(bucket.unwrap_or(BOUNDS.len())) {
            count.set(count.get() + 1);
        }
    }
}

impl RequestStats {
    /// Adds the numbers of another shard.
    pub(super) fn add(&mut self, other: Self) {
        self.active += other.active;
        self.websockets += other.websockets;
        for series in other.series {
            match self.series.binary_search_by_key(&series.key(), Series::key) {
                Err(place) => self.series.insert(place, series),
                Ok(place) => {
                    if let Some(sum) = self.series.get_mut(place) {
                        sum.add(&series);
                    }
                }
            }
        }
    }

    /// Returns the number of requests that have ended.
    pub(super) fn count(&self) -> u64 {
        self.series.iter().map(Series::count).sum()
    }
}

/// The upper bounds of the buckets, in nanoseconds: from a tenth of a millisecond to ten seconds.
const BOUNDS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// The buckets: one for each bound, and one for what exceeds them all.
const BUCKETS: usize = BOUNDS.len() + 1;

/// The upper bounds of the buckets, in seconds.
pub(super) fn bounds() -> [f64; BOUNDS.len()] {
    BOUNDS.map(|nanos| nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(
        route: Option<u32>,
        method: &str,
        status: Option<u16>,
        micros: u64,
    ) -> MeteredRequest {
        MeteredRequest {
            method: Method::of(method),
            route,
            status: status.map(|status| Status::new(status).unwrap()),
            took: Duration::from_micros(micros),
        }
    }

    fn seen(stats: &RequestStats) -> Vec<(Option<usize>, &'static str, &'static str, u64)> {
        let series = stats.series.iter();
        series
            .map(|one| {
                (
                    one.route,
                    method_label(one.method()),
                    one.class.label(),
                    one.count(),
                )
            })
            .collect()
    }

    #[test]
    fn requests_are_counted_by_route_method_and_class() {
        let metrics = RequestMetrics::new(2);
        for one in [
            request(Some(1), "GET", Some(200), 10),
            request(Some(1), "GET", Some(204), 10),
            request(Some(0), "BREW", Some(500), 10),
            request(None, "GET", Some(404), 10),
            request(Some(1), "GET", None, 10),
            // There is no such route.
            request(Some(7), "GET", Some(302), 10),
        ] {
            metrics.began();
            metrics.ended(&one);
        }
        metrics.began();
        let mut stats = metrics.stats();
        let expected = [
            (Some(0), "_OTHER", "5xx", 1),
            (Some(1), "GET", "2xx", 2),
            (Some(1), "GET", "aborted", 1),
            (None, "GET", "3xx", 1),
            (None, "GET", "4xx", 1),
        ];
        assert_eq!(seen(&stats), expected);
        assert_eq!((stats.count(), stats.active), (6, 1));
        assert_eq!(stats.series[1].nanos, 20_000);

        let mut sum = RequestStats::default();
        sum.add(stats.clone());
        sum.add(stats.clone());
        stats.series.sort_by_key(Series::key);
        assert_eq!((sum.count(), sum.active), (12, 2));
        let double: Vec<_> = seen(&stats)
            .into_iter()
            .map(|(r, m, c, n)| (r, m, c, 2 * n))
            .collect();
        assert_eq!(seen(&sum), double);
    }

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_it_does_not_exceed() {
        let metrics = RequestMetrics::new(0);
        for micros in [0, 100, 101, 250, 10_000_000, 10_000_001] {
            metrics.ended(&request(None, "GET", Some(200), micros));
        }
        let stats = metrics.stats();
        let buckets = stats.series[0].buckets;
        assert_eq!(
            (buckets[0], buckets[1], buckets[15], buckets[16]),
            (2, 2, 1, 1)
        );
        assert_eq!(buckets.iter().sum::<u64>(), 6);
    }

    #[test]
    fn websockets_come_and_go() {
        let metrics = RequestMetrics::new(0);
        metrics.websocket_began();
        metrics.websocket_began();
        metrics.websocket_ended();
        assert_eq!(metrics.stats().websockets, 1);
    }
}
