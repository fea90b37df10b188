//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rusm_config::{Cores, Setting};

/// Serve WebAssembly components as processes: a fresh, sandboxed instance for every request.
#[derive(Debug, Parser)]
#[command(name = "rusm", version, arg_required_else_help = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve an app, after building whatever of it is stale
    Serve(ServeArgs),
    /// Serve an app while it is worked on: what changes is built and swapped in
    Dev(RunArgs),
    /// Build an app's components
    Build(BuildArgs),
    /// Compile an app's components to machine code, for an image that can't be written to
    Compile(CompileArgs),
    /// Check an app's manifest and components without serving it
    Check(AppArgs),
    /// Look into an app's durable store, or change it, while its server is stopped
    Kv(KvArgs),
    /// Print the JSON schema of rusm.toml, for editors
    Schema,
    /// Print a script that completes this command in a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write the manual pages, in section 1
    Man {
        /// The directory they are written to
        dir: PathBuf,
    },
    /// Start a new app
    New {
        /// Its name, and that of the directory it is made in
        name: String,
        /// What its component is written in
        #[arg(long, value_enum, default_value_t = Language::Rust)]
        lang: Language,
    },
}

/// The app of a command.
#[derive(Debug, Args)]
pub struct AppArgs {
    /// The directory of the app
    #[arg(default_value = ".")]
    pub app_dir: PathBuf,
    /// The manifest [default: rusm.toml in the directory of the app]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set a value of the manifest, whatever the file has: `--set node.cores=2`; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<Setting>,
}

impl AppArgs {
    /// Returns the path of the manifest.
    pub fn manifest(&self) -> PathBuf {
        match &self.config {
            Some(file) => file.clone(),
            None => self.app_dir.join("rusm.toml"),
        }
    }
}

/// Options of `rusm build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The app.
    #[command(flatten)]
    pub app: AppArgs,
    /// The type check.
    #[command(flatten)]
    pub types: TypesArgs,
}

/// Options of `rusm compile`.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// The app.
    #[command(flatten)]
    pub app: AppArgs,
    /// How many cores the server will have, or which [default: as many as here]
    #[arg(long, value_name = "N|LIST")]
    pub cores: Option<Cores>,
}

/// The type check of TypeScript.
#[derive(Clone, Copy, Debug, Args)]
pub struct TypesArgs {
    /// Don't check the types of TypeScript, even if its compiler is there
    #[arg(long)]
    pub no_check: bool,
}

/// Options of `rusm serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The options that `rusm dev` has too.
    #[command(flatten)]
    pub run: RunArgs,
    /// Serve the components as they were built last
    #[arg(long)]
    pub no_build: bool,
}

/// Options of `rusm serve` and `rusm dev`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The app.
    #[command(flatten)]
    pub app: AppArgs,
    /// The type check.
    #[command(flatten)]
    pub types: TypesArgs,
    /// How many cores, or which: `2`, `0,2`, `0-3` [default: all that we may run on]
    #[arg(long, value_name = "N|LIST")]
    pub cores: Option<Cores>,
    /// Where to listen, for an app with one listener
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// How to talk to the kernel
    #[arg(long, value_enum, default_value_t = Io::Auto)]
    pub io: Io,
}

/// The language of a new component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// A crate, with the SDK `rusm-rs`
    Rust,
    /// An ES module, with the module `rusm`
    Ts,
}

#[cfg(feature = "build")]
impl From<Language> for rusm_build::scaffold::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Rust => Self::Rust,
            Language::Ts => Self::Ts,
        }
    }
}

/// The interface to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Io {
    /// io_uring, or nothing
    Uring,
    /// epoll
    Epoll,
    /// io_uring, or epoll where it is forbidden
    Auto,
}

/// Options of `rusm kv`.
#[derive(Debug, Args)]
pub struct KvArgs {
    /// The directory of the app
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    pub app_dir: PathBuf,
    /// The manifest [default: rusm.toml in the directory of the app]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The operation.
    #[command(subcommand)]
    pub command: KvCommand,
}

/// An operation on the durable store.
#[derive(Debug, Subcommand)]
pub enum KvCommand {
    /// Print a value as it is; exit code 1 if there is none
    Get {
        /// The bucket
        bucket: String,
        /// The key
        key: String,
    },
    /// Store a value
    Set {
        /// The bucket
        bucket: String,
        /// The key
        key: String,
        /// The value; `-` reads it from standard input
        value: String,
    },
    /// Print the keys of a bucket, or the buckets, one a line
    List {
        /// The bucket
        bucket: Option<String>,
        /// Only the keys that begin with this
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Remove a key; exit code 1 if it is not there
    Rm {
        /// The bucket
        bucket: String,
        /// The key
        key: String,
    },
}
