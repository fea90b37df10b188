//! `rusm check`: would this app be served?

use std::time::Duration;

use rusm_config::Target;
use rusm_core::{ProcessTable, ShardId};
use rusm_wasm_pool::ShardPool;

use crate::Failure;
use crate::app::Application;
use crate::build;
use crate::cli::AppArgs;

/// Read the manifest, look for every component, load each, and look for every action.
///
/// # Errors
/// The first thing that keeps the app from being served.
pub fn check(args: &AppArgs) -> Result<(), Failure> {
    let app = Application::open(args)?;
    crate::log::init(&app.manifest.log);
    for spec in app.specs() {
        match build::status(&app.dir, &spec)? {
            build::Status::Missing => {
                return Err(Failure::App(format!(
                    "component `{0}`: neither components/{0} nor wasm/{0}.wasm is there",
                    spec.name
                )));
            }
            build::Status::Stale => {
                println!("component `{}` is stale: `rusm build` builds it", spec.name);
            }
            build::Status::Prebuilt | build::Status::Fresh => {}
        }
    }
    let mut compiled = app.compile(1)?;
    // Nothing is going to run.
    compiled.pool.instances = 1;
    let table = ProcessTable::new(ShardId::new(0));
    let engine = compiled.engine()?;
    ShardPool::load(engine, &compiled.components, table, 1, Duration::ZERO)?;
    let routes = app
        .manifest
        .listeners
        .iter()
        .map(|listener| match &listener.target {
            Target::Routes(table) => table.routes().len(),
            Target::Component(_) => 1,
        });
    println!(
        "{} is fine: {} listener(s), {} route(s), {} component(s)",
        args.manifest().display(),
        app.manifest.listeners.len(),
        routes.sum::<usize>(),
        compiled.components.len(),
    );
    Ok(())
}
