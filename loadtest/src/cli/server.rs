//! Checks that the server is reachable.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::cli::{CliError, ErrorMessage};
use crate::targets::Url;

/// Returns the first of the host's addresses that accepts a connection.
pub(super) fn find(url: &Url, timeout: Duration) -> Result<SocketAddr, CliError> {
    let addresses = url.addresses().map_err(CliError::run)?;
    let mut why = String::new();
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(_) => return Ok(address),
            Err(error) => {
                if !why.is_empty() {
                    why.push_str("; ");
                }
                why.push_str(&format!("{address}: {error}"));
            }
        }
    }
    let message = ErrorMessage::new(format!("cannot connect to {url}: {why}"));
    Err(CliError::run(
        message.help("is the server up, and this its port?"),
    ))
}

/// Waits until the server answers a request, with any response.
pub(super) fn await_answer(
    address: SocketAddr,
    request: &[u8],
    patience: Duration,
) -> Result<(), CliError> {
    let begun = Instant::now();
    loop {
        match answer(address, request) {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > patience => {
                let message = ErrorMessage::new(format!(
                    "the server at {address} did not answer within {} s: {error}",
                    patience.as_secs()
                ));
                return Err(CliError::run(message));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn answer(address: SocketAddr, request: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, ONE_TRY)?;
    stream.set_read_timeout(Some(ONE_TRY))?;
    stream.write_all(request)?;
    match stream.read(&mut [0])? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

const ONE_TRY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);
