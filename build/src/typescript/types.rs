//! Checks types with TypeScript's own compiler, if it is installed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The checks of one build: each project, a `tsconfig.json` with everything that it covers, is
/// checked once.
#[derive(Debug, Default)]
pub(crate) struct TypeCheck {
    checked: BTreeSet<PathBuf>,
}

impl TypeCheck {
    /// Checks the project that `entry` belongs to: that of the nearest `tsconfig.json` above it, up
    /// to `app_dir`. Without one, or without a compiler, nothing is checked.
    ///
    /// The compiler is the one in the app's `node_modules`, or on the `PATH`. Its messages go to
    /// the terminal unchanged.
    pub(crate) fn check(&mut self, app_dir: &Path, entry: &Path) -> Result<(), TypesError> {
        let dirs = || {
            let dirs = entry.ancestors().skip(1);
            dirs.take_while(|dir| dir.starts_with(app_dir))
        };
        let projects = dirs().map(|dir| dir.join("tsconfig.json"));
        let Some(project) = projects.into_iter().find(|file| file.is_file()) else {
            return Ok(());
        };
        if !self.checked.insert(project.clone()) {
            return Ok(());
        }
        let installed = dirs().map(|dir| dir.join("node_modules/.bin/tsc"));
        let installed = installed.into_iter().find(|tsc| tsc.is_file());
        let tsc = installed.as_deref().map_or("tsc".as_ref(), Path::as_os_str);
        match run(tsc, app_dir, &project) {
            Ok(true) => Ok(()),
            Ok(false) => {
                // Until it is fixed, the error is reported for each component.
                self.checked.remove(&project);
                Err(TypesError::Found)
            }
            Err(error) if installed.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(TypesError::Run {
                tsc: tsc.into(),
                error,
            }),
        }
    }
}

/// The reason why types could not be accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypesError {
    /// The compiler has reported errors.
    #[error("its types are wrong, see above (--no-check builds it as it is)")]
    Found,
    /// The compiler can't be run.
    #[error("running {} (--no-check builds without it)", tsc.display())]
    Run {
        /// The compiler.
        tsc: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
}

fn run(tsc: &OsStr, app_dir: &Path, project: &Path) -> io::Result<bool> {
    let mut command = Command::new(tsc);
    command
        .current_dir(app_dir)
        .args(["--noEmit", "--project"])
        .arg(project)
        .stdin(Stdio::null())
        // Standard output belongs to the server.
        .stdout(io::stderr());
    Ok(command.status()?.success())
}
