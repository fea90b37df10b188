//! The response to each path.

use std::cell::RefCell;
use std::sync::Arc;

use rusm_uring_net::http1::Status;

use super::http::{Request, Response};
use super::key::Key;
use super::metrics::{self, Metrics};
use super::state::NodeState;
use super::{health, lists};

/// The pages of the admin listener.
pub(super) struct Pages {
    node: Arc<NodeState>,
    key: Option<Key>,
    metrics: Metrics,
    /// What the shards told in this turn of the listener.
    told: RefCell<Vec<(Page, String)>>,
}

/// A page, by its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Live,
    Ready,
    Metrics,
    Processes,
    Services,
}

impl Page {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/health/live" => Self::Live,
            "/health/ready" => Self::Ready,
            "/metrics" => Self::Metrics,
            "/processes" => Self::Processes,
            "/services" => Self::Services,
            _ => return None,
        })
    }

    /// Returns whether it may be seen without the key. Probes have none.
    fn is_open(self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }
}

impl Pages {
    pub(super) fn new(node: Arc<NodeState>, key: Option<Key>) -> Self {
        Self {
            node,
            key,
            metrics: Metrics::default(),
            told: RefCell::default(),
        }
    }

    /// Begins a turn. Clients that ask in one turn for what the shards tell get the same answer, so a turn waits at
    /// most once for each page, however many ask: probes wait behind no queue.
    pub(super) fn begin_turn(&self) {
        self.told.borrow_mut().clear();
    }

    fn once_a_turn(&self, page: Page, tell: impl FnOnce() -> String) -> String {
        let told = self
            .told
            .borrow()
            .iter()
            .find(|(of, _)| *of == page)
            .cloned();
        if let Some((_, text)) = told {
            return text;
        }
        let text = tell();
        self.told.borrow_mut().push((page, text.clone()));
        text
    }

    pub(super) fn respond(&self, request: &Request<'_>) -> Response {
        let page = Page::at(request.path);
        let admits = |key: &Key| key.admits(request.authorization);
        let is_admitted = self.key.as_ref().is_none_or(admits);
        // Without the key a client does not learn which paths there are.
        if !is_admitted && !page.is_some_and(Page::is_open) {
            return Response::bare(Status::UNAUTHORIZED).with("www-authenticate: Bearer\r\n");
        }
        let Some(page) = page else {
            return Response::bare(Status::NOT_FOUND);
        };
        if !matches!(request.method, "GET" | "HEAD") {
            return Response::bare(Status::METHOD_NOT_ALLOWED).with("allow: GET, HEAD\r\n");
        }
        match page {
            Page::Live => probe(health::dead(&self.node)),
            Page::Ready => probe(health::unready(&self.node)),
            Page::Metrics => {
                let text = self.once_a_turn(page, || self.metrics.scrape(&self.node));
                Response::new(Status::OK, metrics::CONTENT_TYPE, text)
            }
            Page::Processes => {
                let text = self.once_a_turn(page, || lists::processes(&self.node));
                Response::new(Status::OK, JSON, text)
            }
            Page::Services => {
                let text = self.once_a_turn(page, || lists::services(&self.node));
                Response::new(Status::OK, JSON, text)
            }
        }
    }
}

/// The response to a probe, by what is wrong.
fn probe(problem: Option<String>) -> Response {
    match problem {
        None => Response::text(Status::OK, "ok"),
        Some(problem) => Response::text(Status::SERVICE_UNAVAILABLE, problem),
    }
}

const JSON: &str = "application/json";
