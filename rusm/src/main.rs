//! The `rusm` command.

use std::process::ExitCode;

use clap::Parser;
use rusm::cli::{Cli, Command};
use rusm::{Failure, app, check, kv, scaffold, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::serve(&args),
        Command::Dev(args) => serve::dev(&args),
        Command::Build(args) => app::Application::open(&args.app)?.build(args.types),
        Command::Check(args) => check::check(&args),
        Command::Kv(args) => kv::run(&args),
        Command::New { name, lang } => {
            scaffold::create(&name, lang)?;
            Ok(())
        }
    }
}
