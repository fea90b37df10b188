//! The text format of Prometheus, version 0.0.4. Pure.

use std::fmt::{Display, Write};

/// The content type of the format.
pub(in crate::admin) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its name ends in `_total`.
    Counter,
    Gauge,
    Histogram,
}

/// Labels with their values.
pub(super) type Labels<'l> = &'l [(&'static str, &'l str)];

/// Metrics as text.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a metric. All of its samples follow.
    pub(super) fn metric(&mut self, name: &'static str, kind: Kind, help: &str) -> Metric<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writes to memory do not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Metric {
            out: &mut self.0,
            name,
        }
    }

    /// Adds a metric of one sample without labels.
    pub(super) fn single(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        value: impl Display,
    ) {
        self.metric(name, kind, help).sample(&[], value);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A metric, to which samples are added.
pub(super) struct Metric<'t> {
    out: &'t mut String,
    name: &'static str,
}

impl Metric<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Adds a histogram. `counts` are those of each bucket alone: one for each of `bounds`, in seconds, and one for what
    /// exceeds them all.
    pub(super) fn histogram(
        &mut self,
        labels: Labels<'_>,
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) {
        let mut total = 0;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(counts) {
            total += count;
            self.line("_bucket", labels, Some(bound), total);
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, total);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<f64>, value: impl Display) {
        let Self { out, name } = self;
        let _ = write!(out, "{name}{suffix}");
        let mut before = '{';
        for (label, value) in labels {
            let _ = write!(out, "{before}{label}=\"{}\"", escape(value));
            before = ',';
        }
        match bound {
            None => {}
            Some(bound) if bound.is_infinite() => {
                let _ = write!(out, "{before}le=\"+Inf\"");
                before = ',';
            }
            Some(bound) => {
                let _ = write!(out, "{before}le=\"{bound}\"");
                before = ',';
            }
        }
        if before == ',' {
            out.push('}');
        }
        let _ = writeln!(out, " {value}");
    }
}

/// Escapes the value of a label.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for char in value.chars() {
        match char {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metrics_have_help_type_and_samples() {
        let mut text = Text::default();
        text.single("a_total", Kind::Counter, "Of \\ and\nmore.", 3);
        let mut metric = text.metric("b", Kind::Gauge, "B.");
        metric.sample(&[("x", "1"), ("y", "a\"b\\c\nd")], 0.5);
        let expected = "# HELP a_total Of \\\\ and\\nmore.\n# TYPE a_total counter\na_total 3\n\
                        # HELP b B.\n# TYPE b gauge\nb{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 0.5\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn the_buckets_of_a_histogram_are_cumulative() {
        let mut text = Text::default();
        let mut metric = text.metric("h", Kind::Histogram, "H.");
        metric.histogram(&[("a", "b")], &[0.0001, 1.0], &[2, 0, 3], 7.25);
        let text = text.finish();
        let samples: Vec<_> = text.lines().skip(2).collect();
        let expected = [
            "h_bucket{a=\"b\",le=\"0.0001\"} 2",
            "h_bucket{a=\"b\",le=\"1\"} 2",
            "h_bucket{a=\"b\",le=\"+Inf\"} 5",
            "h_sum{a=\"b\"} 7.25",
            "h_count{a=\"b\"} 5",
        ];
        assert_eq!(samples, expected);
    }

    /// What a reader of the format makes of an escaped value, up to the closing quote.
    fn unescape(text: &str) -> Option<String> {
        let mut value = String::new();
        let mut chars = text.chars();
        loop {
            match chars.next()? {
                '"' => return chars.next().is_none().then_some(value),
                '\n' => return None,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    same @ ('\\' | '"') => same,
                    _ => return None,
                }),
                other => value.push(other),
            }
        }
    }

    proptest! {
        #[test]
        fn no_value_of_a_label_ends_it_or_its_line(value in "\\PC*|[\\\\\"\n]*|.*") {
            let escaped = format!("{}\"", escape(&value));
            prop_assert_eq!(unescape(&escaped), Some(value));
        }
    }
}
