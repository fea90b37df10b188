//! The `rusm` command.

use std::process::ExitCode;

use clap::Parser;
use rusm::cli::{Cli, Command};
use rusm::{CliError, check, kv, manual, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::serve(&args),
        #[cfg(feature = "build")]
        Command::Dev(args) => serve::dev(&args),
        #[cfg(feature = "build")]
        Command::Build(args) => {
            rusm::app::Application::open_without_secrets(&args.app)?.build(args.types)
        }
        Command::Compile(args) => serve::compile(&args),
        Command::Check(args) => check::check(&args),
        Command::Kv(args) => kv::run(&args),
        Command::Schema => manual::schema(),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { dir } => manual::write_pages(&dir),
        #[cfg(feature = "build")]
        Command::New { name, lang } => {
            rusm_build::scaffold::create(&name, lang.into())?;
            Ok(())
        }
        #[cfg(not(feature = "build"))]
        Command::Dev(_) | Command::Build(_) | Command::New { .. } => Err(CliError::Usage(
            "this rusm only serves: it was compiled without the feature `build`".into(),
        )),
    }
}
