//! The banner: what is served, as text or as one line of JSON.

use std::fmt::Write;
use std::net::SocketAddr;

use rusm_config::{Listener, LogFormat, Protocol};
use rusm_uring_net::Driver;
use serde::Serialize;

use super::cores::Placement;
use super::services::Service;
use crate::app::Application;
use crate::log::line::{self, Head};

/// What is served.
pub(super) struct Contents<'s> {
    pub(super) app: &'s Application,
    /// The addresses of its listeners.
    pub(super) addrs: &'s [SocketAddr],
    /// That of the admin listener, if there is one.
    pub(super) admin: Option<&'s str>,
    pub(super) cores: &'s Placement,
    pub(super) driver: Driver,
    pub(super) services: &'s [Service],
}

/// Formats the banner, in the format of the logs.
pub(super) fn of(served: &Contents<'_>) -> String {
    match served.app.manifest.log.format {
        LogFormat::Text => text(served),
        LogFormat::Json => json(served),
    }
}

fn text(served: &Contents<'_>) -> String {
    let Contents {
        app,
        addrs,
        admin,
        cores,
        driver,
        services,
    } = *served;
    let mut out = format!(
        "RUSM {VERSION}: {}, {driver}, {} instances a core\n",
        cores.describe(),
        app.manifest.node.instances_per_core,
    );
    // Writes to memory do not fail.
    for (listener, addr) in app.manifest.listeners.iter().zip(addrs) {
        let _ = writeln!(out, "\n{}", url(listener, *addr));
        let table = &listener.routes;
        let width = table
            .routes()
            .iter()
            .map(|r| r.method.len() + r.pattern.len() + 1)
            .max();
        for route in table.routes() {
            let key = format!("{} {}", route.method, route.pattern);
            let width = width.unwrap_or(0);
            let _ = writeln!(out, "  {key:width$}  {}", route.target());
        }
    }
    if !services.is_empty() {
        out += "\nservices\n";
    }
    for service in services {
        let _ = writeln!(out, "  {}  shard {}", service.name, service.shard);
    }
    if let Some(admin) = admin {
        let _ = writeln!(out, "\nadmin {admin}");
    }
    out += "\nready; Ctrl-C stops\n";
    out
}

fn json(served: &Contents<'_>) -> String {
    let Contents {
        app,
        addrs,
        admin,
        cores,
        driver,
        services,
    } = *served;
    let listeners = app.manifest.listeners.iter().zip(addrs);
    let banner = Banner {
        head: Head {
            time: line::now(),
            level: "info",
            kind: "ready",
            message: "ready",
            request_id: None,
        },
        version: VERSION,
        shards: cores.len(),
        cores: cores.pinned(),
        driver: driver.to_string(),
        instances_per_core: app.manifest.node.instances_per_core,
        listeners: listeners
            .map(|(listener, addr)| Listening {
                url: url(listener, *addr),
                routes: listener
                    .routes
                    .routes()
                    .iter()
                    .map(|route| Route {
                        method: &route.method,
                        path: &route.pattern,
                        action: route.target(),
                    })
                    .collect(),
            })
            .collect(),
        services: services
            .iter()
            .map(|service| Resident {
                name: &service.name,
                shard: service.shard.index(),
            })
            .collect(),
        admin,
    };
    let mut out = serde_json::to_string(&banner).unwrap_or_default();
    out.push('\n');
    out
}

#[derive(Serialize)]
struct Banner<'b> {
    #[serde(flatten)]
    head: Head<'b>,
    version: &'static str,
    shards: usize,
    /// The cores that the shards are pinned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    cores: Option<Vec<usize>>,
    driver: String,
    instances_per_core: u32,
    listeners: Vec<Listening<'b>>,
    services: Vec<Resident<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<&'b str>,
}

#[derive(Serialize)]
struct Listening<'b> {
    url: String,
    routes: Vec<Route<'b>>,
}

#[derive(Serialize)]
struct Route<'b> {
    method: &'b str,
    path: &'b str,
    /// The action, as in the access log.
    action: String,
}

#[derive(Serialize)]
struct Resident<'b> {
    name: &'b str,
    shard: u16,
}

fn url(listener: &Listener, addr: SocketAddr) -> String {
    let scheme = match (listener.protocol, &listener.tls) {
        (Protocol::Ws, None) => "ws",
        (Protocol::Ws, Some(_)) => "wss",
        (_, None) => "http",
        (_, Some(_)) => "https",
    };
    format!("{scheme}://{addr}")
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
