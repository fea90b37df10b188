//! A constant by monoio and httparse, on one thread: `hello-monoio ADDRESS`.

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 16\r\n\r\nHello from RUSM\n";

#[monoio::main(driver = "io_uring")]
async fn main() {
    let address = std::env::args().nth(1).expect("an address");
    let listener = TcpListener::bind(address).expect("a free port");
    loop {
        if let Ok((stream, _peer)) = listener.accept().await {
            monoio::spawn(serve(stream));
        }
    }
}

async fn serve(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut input = Vec::with_capacity(4096);
    let mut output = Vec::new();
    loop {
        let (read, buffer) = stream.read(Vec::with_capacity(4096)).await;
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => input.extend_from_slice(&buffer),
        }
        while let Some(length) = head(&input) {
            input.drain(..length);
            output.extend_from_slice(RESPONSE);
        }
        let (written, buffer) = stream.write_all(std::mem::take(&mut output)).await;
        if written.is_err() {
            return;
        }
        output = buffer;
        output.clear();
    }
}

/// The length of the request head that `input` begins with.
fn head(input: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    match httparse::Request::new(&mut headers).parse(input) {
        Ok(httparse::Status::Complete(length)) => Some(length),
        _ => None,
    }
}
