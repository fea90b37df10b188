//! What describes the command to shells and to `man`, made from its definition, and the manifest to editors.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::CliError;
use crate::cli::Cli;

/// Prints a script that completes the command in a shell.
///
/// # Errors
/// If standard output can't be written to.
pub fn completions(shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rusm", &mut script);
    print(&script, "the script can't be written")
}

/// Prints the JSON schema of the manifest.
///
/// # Errors
/// If standard output can't be written to.
pub fn schema() -> Result<(), CliError> {
    print(
        rusm_config::SCHEMA.as_bytes(),
        "the schema can't be written",
    )
}

/// Writes a page for the command, and one for each of its commands, to a directory, which is made if it is not
/// there.
///
/// # Errors
/// If they can't be written.
pub fn write_pages(dir: &Path) -> Result<(), CliError> {
    let written =
        fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.map_err(|error| CliError::System {
        what: "the manual pages can't be written",
        error,
    })
}

fn print(text: &[u8], what: &'static str) -> Result<(), CliError> {
    let written = io::stdout().write_all(text);
    written.map_err(|error| CliError::System { what, error })
}
