//! `rusm kv`: the durable store from the command line.

use std::io::{self, Read, Write};

use futures_executor::block_on;
use rusm_store::Store;

use crate::app::Application;
use crate::cli::{AppArgs, KvArgs, KvCommand};
use crate::{AppError, CliError};

/// Runs one operation on the store of an app while no server uses it.
///
/// # Errors
/// If the app has no store, the store can't be opened, or the key does not exist.
pub fn run(args: &KvArgs) -> Result<(), CliError> {
    let app = Application::open_without_secrets(&AppArgs {
        app_dir: args.app_dir.clone(),
        config: args.config.clone(),
        settings: Vec::new(),
    })?;
    let store = app.open_store()?.ok_or(AppError::NoStore)?;
    let done = execute(&store, &args.command);
    store.close();
    done
}

fn execute(store: &Store, command: &KvCommand) -> Result<(), CliError> {
    match command {
        KvCommand::Get { bucket, key } => {
            let value = block_on(store.get(bucket, key))?;
            print(&value.ok_or_else(|| missing(bucket, key))?)
        }
        KvCommand::Set { bucket, key, value } => {
            let value = match value.as_str() {
                "-" => read_input()?,
                value => value.as_bytes().to_vec(),
            };
            Ok(block_on(store.set(bucket, key, value))?)
        }
        KvCommand::List { bucket, prefix } => {
            let lines = match bucket {
                Some(bucket) => block_on(store.list(bucket, prefix, 0))?,
                None => block_on(store.buckets())?,
            };
            print(
                lines
                    .iter()
                    .flat_map(|line| [line, "\n"])
                    .collect::<String>()
                    .as_bytes(),
            )
        }
        KvCommand::Rm { bucket, key } => match block_on(store.delete(bucket, key))? {
            true => Ok(()),
            false => Err(missing(bucket, key)),
        },
    }
}

fn missing(bucket: &str, key: &str) -> CliError {
    CliError::NoKey {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    }
}

fn read_input() -> Result<Vec<u8>, CliError> {
    let mut value = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut value);
    read.map_err(|error| CliError::System {
        what: "standard input could not be read",
        error,
    })?;
    Ok(value)
}

fn print(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    match written {
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| CliError::System {
            what: "standard output could not be written",
            error,
        }),
    }
}
