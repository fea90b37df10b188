//! `rusm check`: checks that an app can be served.

use std::rc::Rc;
use std::time::Duration;

use rusm_core::{Node, ShardId};
use rusm_wasm_pool::pool::limits::PoolSize;
use rusm_wasm_pool::{PoolSetup, ShardPool, WasiLimits};

use crate::app::{self, Application, Compiled};
use crate::app_error::ServiceError;
use crate::cli::AppArgs;
use crate::gateway::{self, HttpGateway, ListenerSpec};
use crate::log;
use crate::tls;
use crate::{AppError, CliError};

/// Reads the manifest, loads every component, and resolves every route.
///
/// # Errors
/// The first problem that keeps the app from being served.
pub fn check(args: &AppArgs) -> Result<(), CliError> {
    let app = Application::open(args)?;
    let _log = log::init(&app.manifest.log).map_err(CliError::Log)?;
    app.check_ground()?;
    for listener in &app.manifest.listeners {
        tls::acceptor(&app.dir, listener)?;
    }
    #[cfg(feature = "build")]
    look_for_sources(&app)?;
    let compiled = app.compile(1, None)?;
    load(&app, &compiled)?;
    let listeners = app.manifest.listeners.iter();
    let routes: usize = listeners.map(|l| l.routes.routes().len()).sum();
    log::print(format!(
        "{} is fine: {} listener(s), {routes} route(s), {} component(s)\n",
        args.manifest().display(),
        app.manifest.listeners.len(),
        compiled.components.len(),
    ));
    Ok(())
}

/// Prints which components are stale.
///
/// # Errors
/// If a component has neither sources nor an artifact.
#[cfg(feature = "build")]
fn look_for_sources(app: &Application) -> Result<(), CliError> {
    for spec in app.specs() {
        match rusm_build::status(&app.dir, &spec)? {
            rusm_build::Status::Missing => {
                return Err(AppError::NoComponent {
                    component: spec.name,
                }
                .into());
            }
            rusm_build::Status::Stale => {
                log::print(format!(
                    "component `{}` is stale: `rusm build` builds it\n",
                    spec.name
                ));
            }
            rusm_build::Status::Prebuilt | rusm_build::Status::Fresh => {}
        }
    }
    Ok(())
}

/// Loads an app's components as a shard would, and resolves its routes and services.
///
/// # Errors
/// The first problem that keeps a shard from serving it.
pub(crate) fn load(app: &Application, compiled: &Compiled) -> Result<(), CliError> {
    // Nothing will run.
    let size = PoolSize {
        instances: 1,
        ..compiled.pool
    };
    let setup = PoolSetup {
        process_memory: 0,
        engine: app::engine(&size)?,
        shard: Node::new(1).shard(ShardId::new(0), drop),
        instances: 1,
        spawned: 0,
        connections: 0,
        pool_wait: Duration::ZERO,
        store: None,
        encode_event: gateway::encode_event,
        wasi: WasiLimits::default(),
    };
    let pool = Rc::new(ShardPool::load(setup, &compiled.components)?);
    for (name, component) in &app.manifest.components {
        let loaded = pool.component(name.as_str());
        if component.resident.is_some()
            && let Some(Err(error)) = loaded.map(|loaded| pool.check_process(loaded))
        {
            return Err(AppError::Service {
                service: name.as_str().into(),
                error: ServiceError::Component(error),
            }
            .into());
        }
    }
    for listener in &app.manifest.listeners {
        HttpGateway::new(pool.clone(), ListenerSpec::from(listener))?;
    }
    Ok(())
}
