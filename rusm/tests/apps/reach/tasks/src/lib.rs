//! What std reaches of WASI, by name, and what takes a guest's stack and heap.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

/// Does the task of this name, and tells what came of it; an error is told as `error: …`.
pub fn run(task: &str) -> String {
    let (task, argument) = task.split_once(' ').unwrap_or((task, ""));
    done(task, argument).unwrap_or_else(|error| format!("error: {error}"))
}

fn done(task: &str, argument: &str) -> io::Result<String> {
    Ok(match task {
        "clock" => {
            let (start, now) = (Instant::now(), SystemTime::now());
            let since = now.duration_since(SystemTime::UNIX_EPOCH);
            let later = since.is_ok_and(|since| since > Duration::from_secs(1_700_000_000));
            format!("{}", later && start.elapsed() < Duration::from_secs(60))
        }
        "sleep" => {
            let start = Instant::now();
            std::thread::sleep(Duration::from_millis(5));
            format!("{}", start.elapsed() >= Duration::from_millis(5))
        }
        "random" => format!(
            "{}",
            RandomState::new().hash_one(0) != RandomState::new().hash_one(1)
        ),
        "stdout" => {
            println!("to standard output {argument}");
            io::stdout().flush()?;
            "written".to_owned()
        }
        "stderr" => {
            eprintln!("to standard error {argument}");
            "written".to_owned()
        }
        "stdin" => {
            let mut input = Vec::new();
            io::stdin().read_to_end(&mut input)?;
            format!("{} bytes", input.len())
        }
        "terminal" => format!(
            "{}",
            io::stdin().is_terminal() || io::stderr().is_terminal()
        ),
        "exit" => std::process::exit(number(argument) as i32),
        "env" => std::env::var(argument).unwrap_or_else(|_| "unset".to_owned()),
        "vars" => format!("{}", std::env::vars().count()),
        "args" => format!("{}", std::env::args().count()),
        "cwd" => std::env::current_dir()?.display().to_string(),
        "read" => std::fs::read_to_string(argument)?,
        "write" => {
            let mut file = std::fs::File::create(argument)?;
            file.write_all(b"written by a guest")?;
            file.sync_all()?;
            std::fs::metadata(argument)?.len().to_string()
        }
        "files" => files(std::path::Path::new(argument))?,
        "list" => std::fs::read_dir(argument)?.count().to_string(),
        "connect" => {
            TcpStream::connect(argument)?;
            "connected".to_owned()
        }
        "listen" => {
            TcpListener::bind(argument)?;
            "bound".to_owned()
        }
        "udp" => {
            UdpSocket::bind(argument)?;
            "bound".to_owned()
        }
        "thread" => match std::thread::Builder::new().spawn(|| ()) {
            Ok(_) => "spawned".to_owned(),
            Err(error) => error.kind().to_string(),
        },
        "json" => match serde_json::from_str::<serde_json::Value>(argument) {
            Ok(value) => format!("{} bytes", value.to_string().len()),
            Err(error) => format!("no JSON: {error}"),
        },
        "local" => format!("{}", local::<{ 60 << 10 }>(argument.len())),
        "both" => format!("{}", local_and_json(argument)),
        "huge" => format!("{}", local::<{ 200 << 10 }>(argument.len())),
        "deep" => format!("{}", deep(number(argument))),
        "small" => format!("{}", small(number(argument))),
        "calls" => format!("{}", calls(number(argument))),
        // The length of what came, to the byte.
        task => format!("{} bytes", task.len() + argument.len()),
    })
}

/// Makes a directory and a file in it, goes about in the file, renames it, and removes all again.
fn files(dir: &std::path::Path) -> io::Result<String> {
    use std::fs;

    let made = dir.join("made");
    fs::create_dir(&made)?;
    let (old, new) = (made.join("old"), made.join("new"));
    let mut file = fs::File::options()
        .create_new(true)
        .read(true)
        .write(true)
        .open(&old)?;
    file.write_all(b"0123456789")?;
    file.seek(SeekFrom::Start(3))?;
    file.write_all(b"three")?;
    file.set_len(9)?;
    file.seek(SeekFrom::End(-7))?;
    let mut read = String::new();
    file.read_to_string(&mut read)?;
    fs::rename(&old, &new)?;
    let is_moved = !old.exists() && new.metadata()?.len() == 9;
    fs::remove_file(&new)?;
    fs::remove_dir(&made)?;
    Ok(format!("{read} {is_moved} {}", made.exists()))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(u64::MAX)
}

/// Has a local variable of so many bytes.
#[inline(never)]
fn local<const SIZE: usize>(seed: usize) -> usize {
    let mut local = [0u8; SIZE];
    std::hint::black_box(&mut local)[seed % SIZE] = 1;
    local.iter().map(|&byte| usize::from(byte)).sum()
}

/// Has one of 64 KiB while it parses.
#[inline(never)]
fn local_and_json(text: &str) -> usize {
    let mut local = [0u8; 64 << 10];
    std::hint::black_box(&mut local)[0] = 1;
    let parsed = serde_json::from_str::<serde_json::Value>(text).is_ok();
    usize::from(std::hint::black_box(&local)[0]) + usize::from(parsed)
}

/// A frame of two kilobytes for each level.
#[inline(never)]
fn deep(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 128]);
    match levels {
        0 => 0,
        levels => deep(levels - 1) + frame[levels as usize % 128] % 2,
    }
}

/// A frame of some bytes for each level.
#[inline(never)]
fn small(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 4]);
    match levels {
        0 => 0,
        levels => small(levels - 1) + frame[levels as usize % 4] % 2,
    }
}

/// No variable of it has an address.
#[inline(never)]
fn calls(levels: u64) -> u64 {
    match levels {
        0 => 1,
        levels => {
            let below = calls(levels - 1);
            below.rotate_left((below % 7) as u32) ^ levels
        }
    }
}
