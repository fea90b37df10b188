//! One page with charts for a browser, without a network or other files.
//!
//! All text is generated here and escaped; the charts' data are JSON in a script element that is
//! not executed. [uPlot](https://github.com/leeoniya/uPlot) (MIT), which the page contains, draws
//! the charts.

mod keys;
mod tables;

use crate::analysis::compare::{Comparison, Verdict};
use crate::analysis::warnings;
use crate::model::Report;
use crate::report::charts::{self, Chart};
use crate::report::html::keys::key_figures;
use crate::report::html::tables::{conditions, section, table_of, tables};
use crate::report::{figures, table};

/// Returns the page of a report.
#[must_use]
pub fn render(report: &Report) -> String {
    let charts = charts::of(report);
    let mut body = header(report);
    body += &warned(&warnings::of(report));
    body += &key_figures(report);
    body += &sentences(report);
    body += &figures_of(&charts);
    body += &tables(report);
    body += &conditions(report);
    page(&title(report), &body, &charts)
}

/// Returns the page of a comparison: the changes, without charts.
#[must_use]
pub fn render_comparison(comparison: &Comparison) -> String {
    let mut body = format!(
        "<header><p class=\"eyebrow\">rusm-loadtest compare</p><h1>What changed</h1>\
         <p class=\"command\">a: {}<br>b: {}</p></header>",
        escaped(&comparison.a),
        escaped(&comparison.b)
    );
    let reasons = comparison
        .incomparable
        .iter()
        .map(|reason| format!("Not comparable: {reason}"));
    let notes: Vec<String> = reasons.chain(comparison.notes.iter().cloned()).collect();
    body += &warned(&notes);
    for group in &comparison.groups {
        let rows: Vec<Vec<String>> = group.changes.iter().map(table::change).collect();
        let classes: Vec<&str> = group
            .changes
            .iter()
            .map(|change| match change.verdict {
                Verdict::Better => "good",
                Verdict::Worse => "bad",
                Verdict::Noise | Verdict::Unknown => "",
            })
            .collect();
        let title = format!("{}, by {}", group.label, table::evidence(group.evidence));
        body += &section(
            &title,
            &table_of(
                &["", "a", "b", "change", "95 % range", "verdict"],
                &rows,
                &classes,
            ),
        );
    }
    page("What changed", &body, &[])
}

fn title(report: &Report) -> String {
    format!(
        "{} {}",
        command_name(report),
        report.plan.targets.first().map_or("", String::as_str)
    )
}

fn command_name(report: &Report) -> String {
    match (&report.peak, &report.sweep) {
        (Some(_), _) => "peak".into(),
        (_, Some(sweep)) => format!("sweep over {}", sweep.over),
        _ => figures::mode(report.plan.mode).into(),
    }
}

fn header(report: &Report) -> String {
    let targets: Vec<String> = report.plan.targets.iter().map(|url| escaped(url)).collect();
    format!(
        "<header><p class=\"eyebrow\">rusm-loadtest {}</p><h1>{}</h1>\
         <p class=\"when\">{} · {} connections · {} s after {} s of warm-up</p>\
         <p class=\"command\">{}</p></header>",
        escaped(&command_name(report)),
        targets.join("<br>"),
        escaped(&report.started),
        figures::count(report.plan.connections as u64),
        report.plan.duration_s,
        report.plan.warmup_s,
        escaped(&report.command.join(" ")),
    )
}

fn warned(warnings: &[String]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let items: Vec<String> = warnings
        .iter()
        .map(|warning| format!("<li>{}</li>", escaped(warning)))
        .collect();
    format!("<ul class=\"warnings\">{}</ul>", items.concat())
}

/// Adds to the key figures: the whole fit, or that there is no result.
fn sentences(report: &Report) -> String {
    let mut text = String::new();
    if let Some(peak) = report.peak.as_ref().filter(|peak| peak.rate == 0.0) {
        text += &sentence(&table::peak_sentence(peak));
    }
    let Some(sweep) = &report.sweep else {
        return text;
    };
    if let Some(found) = sweep.capacity.as_ref().filter(|found| found.rate == 0.0) {
        text += &sentence(&table::capacity_sentence(found));
    }
    if let Some(usl) = &sweep.usl {
        text += &sentence(&table::usl_sentence(usl));
    }
    text
}

fn sentence(text: &str) -> String {
    format!("<p class=\"result\">{}</p>", escaped(text))
}

fn figures_of(charts: &[Chart]) -> String {
    charts
        .iter()
        .map(|chart| {
            format!(
                "<figure><figcaption><h2>{}</h2><p>{}</p></figcaption>\
                 <div class=\"chart\" id=\"{}\"></div></figure>",
                escaped(&chart.title),
                escaped(&chart.note),
                chart.id
            )
        })
        .collect()
}

fn page(title: &str, body: &str, charts: &[Chart]) -> String {
    let scripts = if charts.is_empty() {
        String::new()
    } else {
        format!(
            "<script type=\"application/json\" id=\"charts\">{}</script>\
             <script>{UPLOT}</script><script>{SCRIPT}</script>",
            embedded(charts)
        )
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <title>{}</title><link rel=\"icon\" href=\"data:,\">\
         <style>{UPLOT_STYLE}</style><style>{STYLE}</style></head>\n\
         <body><main>{body}</main>{scripts}</body></html>\n",
        escaped(title)
    )
}

/// Encodes JSON that cannot end its script element: `<` occurs only in strings, where its escape is
/// equivalent.
fn embedded(charts: &[Chart]) -> String {
    serde_json::to_string(charts)
        .unwrap_or_else(|_| "[]".into())
        .replace('<', "\\u003c")
}

/// Escapes text for an HTML element or attribute.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            c => html.push(c),
        }
    }
    html
}

/// The page may load nothing, whatever its content.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:";

const UPLOT: &str = include_str!("../../../assets/uPlot.iife.min.js");

const UPLOT_STYLE: &str = include_str!("../../../assets/uPlot.min.css");

const SCRIPT: &str = include_str!("../../../assets/report.js");

const STYLE: &str = include_str!("../../../assets/report.css");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_page_loads_nothing() {
        let page = render(&sample::http_report());
        for part in [" src=", "@import", "url(", "fetch(", "XMLHttpRequest"] {
            assert!(!page.contains(part), "{part}");
        }
        assert_eq!(
            page.matches(" href=").count(),
            page.matches("href=\"data:,\"").count()
        );
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn no_text_of_the_report_becomes_markup() {
        let evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>\"'";
        let mut report = sample::sweep_report();
        report.command.push(evil.into());
        report.plan.targets = vec![evil.into()];
        report.machine.cpu = evil.into();
        report.started = evil.into();
        if let Some(sweep) = &mut report.sweep {
            sweep.over = evil.into();
        }
        for run in &mut report.runs {
            run.label = evil.into();
            run.generator.warnings.push(evil.into());
            run.errors.insert(evil.into(), 1);
        }
        let mut runs = report.clone();
        runs.sweep = None;
        for page in [render(&report), render(&runs)] {
            assert!(!page.contains("<img") && !page.contains("<script>alert"));
            assert_eq!(page.matches("</script").count(), 3);
        }
    }

    #[test]
    fn the_key_figures_are_in_the_page() {
        let page = render(&sample::http_report());
        assert!(
            page.contains("<strong>19,950</strong>"),
            "{}",
            &page[..9000]
        );
        assert!(page.contains("<strong>0.23 %</strong>"));
        let page = render(&sample::peak_report());
        assert!(page.contains("<strong>51,400/s</strong><small>95 % range 50,200 to 52,600"));
        assert!(render(&sample::cores_report()).contains("contention"));
    }

    #[test]
    fn a_comparison_has_a_page_too() {
        let (a, b) = (sample::sweep_report(), sample::sweep_report());
        let page = render_comparison(&crate::analysis::compare::compare(&a, &b));
        assert!(page.contains("within noise") && !page.contains("<script"));
    }

    #[test]
    fn a_report_without_runs_has_a_page() {
        assert!(render(&sample::report(Vec::new())).contains("Conditions"));
    }
}
