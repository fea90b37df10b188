//! The command `rusm-loadtest`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rusm_loadtest::cli::main()
}
