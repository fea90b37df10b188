//! Checking types by TypeScript's own compiler, where it is installed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The checks of one build: each project, a `tsconfig.json` with all that it covers, is checked
/// once.
#[derive(Debug, Default)]
pub(crate) struct TypeCheck {
    checked: BTreeSet<PathBuf>,
}

impl TypeCheck {
    /// Checks the project that `entry` belongs to: that of the `tsconfig.json` nearest above it, up
    /// to `app_dir`. Without one, or without a compiler, there is nothing to check.
    ///
    /// The compiler is that of the app's `node_modules`, or the one on the `PATH`; what it finds
    /// goes to the terminal as it is.
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
                // Until it is mended, it is told for each component.
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

/// Why types are not right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypesError {
    /// The compiler has said what it found.
    #[error("its types are wrong, see above (--no-check builds it as it is)")]
    Found,
    /// The compiler is there, and can't be run.
    #[error("running {} (--no-check builds without it)", tsc.display())]
    Run {
        /// Which.
        tsc: PathBuf,
        /// What the system says.
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
        // Standard output is the server's.
        .stdout(io::stderr());
    Ok(command.status()?.success())
}
