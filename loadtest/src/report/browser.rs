//! Tests the page in a real browser: it has its charts, and logs no error.

use std::path::Path;
use std::process::Command;

use crate::model::Report;
use crate::report::{charts, html, sample};

/// Opens a page in Chromium. Returns the document after its scripts ran, and the log.
fn browsed(chromium: &Path, page: &str, folder: &Path) -> (String, String) {
    let file = folder.join("report.html");
    std::fs::write(&file, page).unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--window-size=1200,2400",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn chromium() -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| {
            ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name))
        })
        .find(|file| file.is_file())
}

#[test]
fn every_page_draws_its_charts_without_an_error() {
    let Some(chromium) = chromium() else {
        eprintln!("skipped: no chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let reports: [Report; 4] = [
        sample::http_report(),
        sample::peak_report(),
        sample::sweep_report(),
        sample::cores_report(),
    ];
    for report in reports {
        let (document, log) = browsed(&chromium, &html::render(&report), folder.path());
        let charts = charts::of(&report).len();
        assert_eq!(document.matches("<canvas").count(), charts, "{log}");
        assert!(!document.contains("class=\"error\""), "{document}");
        assert!(!log.contains("CONSOLE"), "{log}");
    }
}
