//! A WebSocket echo by monoio, on one thread: `echo-monoio ADDRESS`. It knows of RFC 6455 what an
//! echo of short messages needs, so that it costs next to nothing.

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use tungstenite::handshake::derive_accept_key;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MASK: usize = 4;
const CLOSE: u8 = 0x88;

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
    let mut open = false;
    loop {
        let (read, buffer) = stream.read(Vec::with_capacity(4096)).await;
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => input.extend_from_slice(&buffer),
        }
        let output = if open {
            echo(&mut input)
        } else {
            let response = handshake(&mut input);
            open = !response.is_empty();
            response
        };
        // An echoed close ends the connection.
        let closing = open && output.first() == Some(&CLOSE);
        if stream.write_all(output).await.0.is_err() || closing {
            return;
        }
    }
}

/// Takes the request from `input` and gives its response, once it is whole.
fn handshake(input: &mut Vec<u8>) -> Vec<u8> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(input) else {
        return Vec::new();
    };
    let key = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"));
    let response = match key {
        Some(key) => format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.value)
        ),
        // Only to be seen: it is up.
        None => "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned(),
    };
    input.drain(..length);
    response.into_bytes()
}

/// Takes the whole frames from `input` and gives them back without their masks.
fn echo(input: &mut Vec<u8>) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut taken = 0;
    while let [head, length, rest @ ..] = &input[taken..] {
        let length = usize::from(length & 0x7F);
        assert!(length < 126, "messages are short");
        let Some((mask, rest)) = rest.split_at_checked(MASK) else {
            break;
        };
        let Some(payload) = rest.get(..length) else {
            break;
        };
        output.extend([*head, length as u8]);
        output.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        taken += 2 + MASK + length;
    }
    input.drain(..taken);
    output
}
