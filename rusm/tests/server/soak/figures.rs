//! What a soak counts and measures.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::server::Server;

/// Outcomes, by who had them.
#[derive(Default)]
pub(super) struct Counts {
    outcomes: Mutex<BTreeMap<(String, String), u64>>,
    errors: Mutex<Vec<String>>,
    /// Lines of the server's own, by their words.
    lines: Mutex<BTreeMap<String, u64>>,
}

impl Counts {
    pub(super) fn add(&self, who: &str, outcome: &str) {
        let mut outcomes = self.outcomes.lock().unwrap();
        *outcomes
            .entry((who.to_owned(), outcome.to_owned()))
            .or_default() += 1;
    }

    /// What must not be.
    pub(super) fn error(&self, who: &str, what: &str) {
        self.add(who, "ERROR");
        let mut errors = self.errors.lock().unwrap();
        errors.push(format!("{who}: {what}"));
    }

    /// No client had an error that is not documented, and each was served again and again.
    pub(super) fn are_as_documented(&self) {
        let errors = self.errors.lock().unwrap();
        assert!(errors.is_empty(), "{} errors: {errors:#?}", errors.len());
        let outcomes = self.outcomes.lock().unwrap();
        for job in super::clients::JOBS {
            let served = outcomes.iter().filter(|((who, outcome), _)| {
                *who == job.0 && !outcome.starts_with(['4', '5']) && outcome != "ERROR"
            });
            let served: u64 = served.map(|(_, count)| count).sum();
            assert!(served >= 3, "{} was served {served} times", job.0);
        }
    }

    fn note_lines(&self, log: &str) {
        let mut lines = self.lines.lock().unwrap();
        for line in log.lines() {
            // The time, the level and the module stand before the message, and fields behind it.
            let Some((head, message)) = line.split_once(": ") else {
                continue;
            };
            if head.ends_with(" guest") {
                continue;
            }
            let words: String = message
                .chars()
                .filter(|c| !c.is_ascii_digit())
                .take(90)
                .collect();
            *lines.entry(words).or_default() += 1;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = self.outcomes.lock().unwrap();
        for ((who, outcome), count) in &*outcomes {
            writeln!(f, "{count:>8}  {who}: {outcome}")?;
        }
        for (line, count) in &*self.lines.lock().unwrap() {
            writeln!(f, "{count:>8}  log: {line}")?;
        }
        Ok(())
    }
}

/// Memory and open files over the time of a soak.
#[derive(Default)]
pub(super) struct Samples(Mutex<Vec<Sample>>);

#[derive(Clone, Copy)]
struct Sample {
    /// The quarter of the time, and whether it is in its second half.
    quarter: u32,
    is_late: bool,
    /// Bytes that are resident, but for those of stacks.
    memory: usize,
    /// Bytes of stacks that are.
    stacks: usize,
    files: usize,
}

impl Samples {
    pub(super) fn take(&self, server: &Server, begun: Instant, until: Instant, counts: &Counts) {
        let time = until - begun;
        while Instant::now() < until {
            let eighth = begun.elapsed().div_duration_f32(time / 8) as u32;
            let (memory, stacks) = resident(server);
            let sample = Sample {
                quarter: eighth / 2,
                is_late: eighth % 2 == 1,
                memory,
                stacks,
                files: server.open_files(),
            };
            self.0.lock().unwrap().push(sample);
            // Neither is kept for a soak's whole time.
            counts.note_lines(&server.take_log());
            for _ in server.printed() {
                counts.add("log", "lines of access");
            }
            thread::sleep(time / 120);
        }
    }

    /// The least of the second half of a quarter: what hostile guests hold comes and goes, and
    /// what leaks stays.
    fn least(&self, quarter: u32) -> (usize, usize) {
        let samples = self.0.lock().unwrap();
        let late = samples
            .iter()
            .filter(|sample| sample.quarter == quarter && sample.is_late);
        let memory = late.clone().map(|sample| sample.memory).min();
        let files = late.map(|sample| sample.files).min();
        (memory.unwrap_or_default(), files.unwrap_or_default())
    }

    /// What all stacks took at last.
    fn stacks(&self, quarter: u32) -> usize {
        let samples = self.0.lock().unwrap();
        let mut of = samples.iter().filter(|sample| sample.quarter == quarter);
        of.next_back().map_or(0, |sample| sample.stacks)
    }

    fn greatest(&self, quarter: u32) -> (usize, usize) {
        let samples = self.0.lock().unwrap();
        let of = samples.iter().filter(|sample| sample.quarter == quarter);
        let memory = of.clone().map(|sample| sample.memory).max();
        (
            memory.unwrap_or_default(),
            of.map(|sample| sample.files).max().unwrap_or_default(),
        )
    }

    /// The last quarter has no more than the first.
    pub(super) fn are_flat(&self, more_memory: usize) {
        let ((first_memory, first_files), (memory, files)) = (self.least(0), self.least(3));
        assert!(
            memory <= first_memory + first_memory / 10 + more_memory,
            "{memory} bytes of memory, {first_memory} in the first quarter"
        );
        assert!(
            files <= first_files + FILES,
            "{files} files are open, {first_files} in the first quarter"
        );
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for quarter in 0..4 {
            let ((low, few), (high, many)) = (self.least(quarter), self.greatest(quarter));
            writeln!(
                f,
                "quarter {}: {} to {} MiB resident, and {} of stacks; {few} to {many} files open",
                quarter + 1,
                low >> 20,
                high >> 20,
                self.stacks(quarter) >> 20,
            )?;
        }
        Ok(())
    }
}

/// Bytes of memory that are resident, without the stacks of fibers, and those of the stacks. What was
/// ever used of such a stack stays, up to its size for each instance of the pool: that is bounded, and
/// it may take hours until the deepest recursion has been on each of them.
fn resident(server: &Server) -> (usize, usize) {
    let maps = std::fs::read_to_string(format!("/proc/{}/smaps", server.id())).unwrap();
    let (mut rest, mut stacks) = (0, 0);
    let mut is_stack = false;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if first == "Rss:" {
            let kib: usize = words.next().unwrap().parse().unwrap();
            *(if is_stack { &mut stacks } else { &mut rest }) += kib << 10;
        } else if let Some((from, to)) = first.split_once('-') {
            let bound = |text| usize::from_str_radix(text, 16).unwrap_or(0);
            is_stack = bound(to).wrapping_sub(bound(from)) == STACK;
        }
    }
    (rest, stacks)
}

/// Bytes of a fiber's stack: that of the guest's calls, and that of the host's (`wasm-pool/src/pool/engine.rs`).
const STACK: usize = (2 << 20) + (512 << 10);
/// Open files that may be more by chance: a guest may be about to be ended that has some.
pub(super) const FILES: usize = 16;
