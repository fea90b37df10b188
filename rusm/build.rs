//! Lists the SDK's sources for `build::sdk`, which carries them in the binary.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("..")
        .canonicalize()?;
    let mut files = Vec::new();
    for part in ["sdk/Cargo.toml", "sdk/rust", "sdk/rust-macros"] {
        collect(&root.join(part), &mut files)?;
    }
    files.sort();

    let mut list = String::from("const FILES: &[(&str, &[u8])] = &[\n");
    for file in &files {
        writeln!(
            list,
            "    ({:?}, include_bytes!({file:?})),",
            file.strip_prefix(&root)?
        )?;
    }
    list.push_str("];\n");
    std::fs::write(
        Path::new(&std::env::var("OUT_DIR")?).join("sdk_sources.rs"),
        list,
    )?;
    Ok(())
}

/// Every file that a guest's build reads: not the tests, nor what a build leaves behind.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') && !matches!(&*name, "target" | "tests" | "Cargo.lock") {
            // `wit` may be a link to the repository's own: its content is what counts.
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
