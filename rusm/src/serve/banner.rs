//! What is served, for the person who started it.

use std::net::SocketAddr;

use rusm_config::Protocol;
use rusm_uring_net::Driver;

use super::cores;
use super::services::Service;
use crate::app::Application;

pub(super) fn print(
    app: &Application,
    addrs: &[SocketAddr],
    cores: &[core_affinity::CoreId],
    driver: Driver,
    services: &[Service],
) {
    let shards = if cores.len() == 1 {
        "1 shard"
    } else {
        &format!("{} shards", cores.len())
    };
    let on = if cores.len() == 1 { "core" } else { "cores" };
    println!(
        "RUSM {}: {shards} on {on} {}, {driver}, {} instances a core",
        env!("CARGO_PKG_VERSION"),
        cores::names(cores),
        app.manifest.node.instances_per_core,
    );
    for (listener, addr) in app.manifest.listeners.iter().zip(addrs) {
        let scheme = match listener.protocol {
            Protocol::Ws => "ws",
            _ => "http",
        };
        println!("\n{scheme}://{addr}");
        let table = &listener.routes;
        let width = table
            .routes()
            .iter()
            .map(|r| r.method.len() + r.pattern.len() + 1)
            .max();
        for route in table.routes() {
            let key = format!("{} {}", route.method, route.pattern);
            let action = route.action.as_ref();
            let action = action.map_or_else(String::new, |action| format!("#{}", action.as_str()));
            let component = route.component.as_str();
            println!(
                "  {key:width$}  {component}{action}",
                width = width.unwrap_or(0)
            );
        }
    }
    if !services.is_empty() {
        println!("\nservices");
    }
    for service in services {
        println!("  {}  shard {}", service.name, service.shard);
    }
    println!("\nready; Ctrl-C stops");
}
