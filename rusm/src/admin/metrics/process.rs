//! The numbers of the process that the kernel keeps, under Prometheus' usual names.

use std::fs;

use super::text::{Kind, Text};

/// Adds them, as far as the kernel tells.
pub(super) fn write(text: &mut Text) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let system = fs::read_to_string("/proc/stat").unwrap_or_default();
    let files = fs::read_dir("/proc/self/fd").map(Iterator::count);
    let (ticks, page) = (
        system_value(libc::_SC_CLK_TCK),
        system_value(libc::_SC_PAGESIZE),
    );
    let gauges = [
        (
            "process_resident_memory_bytes",
            "Resident memory.",
            nth(&statm, 1).map(|pages| pages * page),
        ),
        (
            "process_virtual_memory_bytes",
            "Address space; most of it is reserved and unused.",
            nth(&statm, 0).map(|pages| pages * page),
        ),
        (
            "process_start_time_seconds",
            "The time of the start, since 1970.",
            start_time(&stat, &system, ticks),
        ),
        (
            "process_open_fds",
            "Open files.",
            files.ok().map(|count| count as f64),
        ),
        (
            "process_max_fds",
            "Files that may be open.",
            max_files(&limits),
        ),
    ];
    if let Some(seconds) = cpu_time(&stat, ticks) {
        let help = "Time of the processors that was used, by the process and by the kernel for it.";
        text.single("process_cpu_seconds_total", Kind::Counter, help, seconds);
    }
    for (name, help, value) in gauges {
        if let Some(value) = value {
            text.single(name, Kind::Gauge, help, value);
        }
    }
}

fn system_value(name: libc::c_int) -> f64 {
    // SAFETY: it takes a number and returns one.
    let value = unsafe { libc::sysconf(name) };
    value.max(1) as f64
}

fn nth(fields: &str, index: usize) -> Option<f64> {
    fields.split_ascii_whitespace().nth(index)?.parse().ok()
}

/// The fields of `/proc/self/stat` behind the name of the program, which may contain spaces and parentheses. The first
/// of them is the third.
fn behind_name(stat: &str) -> Option<&str> {
    Some(stat.rsplit_once(')')?.1)
}

fn cpu_time(stat: &str, ticks: f64) -> Option<f64> {
    let fields = behind_name(stat)?;
    Some((nth(fields, 11)? + nth(fields, 12)?) / ticks)
}

fn start_time(stat: &str, system: &str, ticks: f64) -> Option<f64> {
    let started = nth(behind_name(stat)?, 19)? / ticks;
    let booted = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    let booted: f64 = booted.trim().parse().ok()?;
    Some(booted + started)
}

fn max_files(limits: &str) -> Option<f64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    nth(line, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_understood() {
        let stat = "42 (rusm) a) b) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1000 1 1";
        assert_eq!(cpu_time(stat, 100.0), Some(2.0));
        let system = "cpu 1 2\nbtime 1700000000\nprocesses 1\n";
        assert_eq!(start_time(stat, system, 100.0), Some(1_700_000_010.0));
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024   4096    files\n";
        assert_eq!(max_files(limits), Some(1024.0));
        assert_eq!(
            max_files("Max open files unlimited unlimited files\n"),
            None
        );
        assert_eq!((cpu_time("", 1.0), start_time("", "", 1.0)), (None, None));
    }

    #[test]
    fn this_process_has_all_of_them() {
        let mut text = Text::default();
        write(&mut text);
        assert_eq!(text.finish().matches("# TYPE ").count(), 6);
    }
}
