//! Lists the SDK's sources for `rust::sdk`, and its types for `scaffold`. Both are embedded in the
//! binary.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?)
        .join("..")
        .canonicalize()?;
    let sdk = ["sdk/Cargo.toml", "sdk/rust", "sdk/rust-macros"];
    embed("sdk_sources.rs", "FILES", &root, &sdk)?;
    let node = root.join("sdk/typescript/node/modules");
    embed("node_modules.rs", "FILES", &node, &["."])?;
    let types = root.join("sdk/typescript/types");
    embed("typescript_types.rs", "TYPES", &types, &["."])
}

/// Writes a list of the files of `parts` of a directory, with their content, for `include!`.
fn embed(list: &str, name: &str, dir: &Path, parts: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    for part in parts {
        collect(&dir.join(part), &mut files)?;
    }
    files.sort();
    let mut text = format!("const {name}: &[(&str, &[u8])] = &[\n");
    for file in &files {
        let path = file.strip_prefix(dir)?.to_string_lossy().replace("./", "");
        writeln!(text, "    ({path:?}, include_bytes!({file:?})),")?;
    }
    text.push_str("];\n");
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join(list), text)?;
    Ok(())
}

/// Collects every file that a guest's build reads: neither tests nor build outputs.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", path.display());
    if !path.exists() {
        return Ok(());
    }
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
