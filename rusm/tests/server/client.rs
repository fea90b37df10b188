//! A client that sends what it is told, and takes responses apart.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::server::PATIENCE;

/// A connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    /// Read, and not taken yet.
    input: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::over(TcpStream::connect(addr).unwrap())
    }

    /// A connection to a server that may have stopped.
    pub(crate) fn try_connect(addr: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(addr).map(Self::over)
    }

    /// A connection that takes in little which isn't read.
    pub(crate) fn with_a_small_buffer(addr: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(&addr.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            input: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).unwrap();
        self
    }

    /// Send to a server that may have closed already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    /// A GET, and its answer.
    #[track_caller]
    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.send(get(target)).response()
    }

    /// A GET, and the status of its answer, if there is one.
    pub(crate) fn try_get(&mut self, target: &str) -> Option<u16> {
        self.try_send(get(target)).ok()?;
        self.try_status()
    }

    /// The status of the next answer, if there is one. The rest is not read.
    pub(crate) fn try_status(&mut self) -> Option<u16> {
        let mut line = [0; 12];
        self.socket.read_exact(&mut line).ok()?;
        std::str::from_utf8(&line[9..]).ok()?.parse().ok()
    }

    /// The next response; to any request but HEAD.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        let mut response = self.head();
        if response.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                response.body.extend(chunk);
            }
            response.trailers = self.trailers();
            return response;
        }
        let len = response
            .header("content-length")
            .map_or(0, |len| len.parse().unwrap());
        response.body = self.take(len, "a body");
        response
    }

    /// The next chunk of a body. None is its end, which leaves the trailers.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.read_until("\r\n");
        let len = usize::from_str_radix(line.trim_end(), 16).expect(&line);
        if len == 0 {
            return None;
        }
        let chunk = self.take(len, "a chunk");
        assert_eq!(self.take(2, "the end of a chunk"), b"\r\n");
        Some(chunk)
    }

    /// What stands behind the last chunk.
    #[track_caller]
    pub(crate) fn trailers(&mut self) -> Vec<(String, String)> {
        let mut trailers = Vec::new();
        loop {
            let line = self.read_until("\r\n");
            match line.trim_end() {
                "" => return trailers,
                line => trailers.push(field(line)),
            }
        }
    }

    /// The next `len` bytes.
    #[track_caller]
    pub(crate) fn take(&mut self, len: usize, of: &str) -> Vec<u8> {
        while self.input.len() < len {
            self.read_more(of);
        }
        self.input.drain(..len).collect()
    }

    /// The head of the next response.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Response {
        loop {
            let end = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.input.drain(..end + 4).collect();
                return Response::parse(&head[..end]);
            }
            self.read_more("a head");
        }
    }

    /// Everything up to and with `text`.
    #[track_caller]
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        loop {
            let found = String::from_utf8_lossy(&self.input).find(text);
            if let Some(start) = found {
                let taken = self.input.drain(..start + text.len()).collect();
                return String::from_utf8(taken).unwrap();
            }
            self.read_more(text);
        }
    }

    /// Everything until the server closes. None if the connection was reset.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Option<Vec<u8>> {
        match self.socket.read_to_end(&mut self.input) {
            Ok(_) => Some(std::mem::take(&mut self.input)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("it isn't closed: {error}"),
        }
    }

    /// Check that the server says nothing more, and closes.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        let rest = self.rest().expect("it was closed, not reset");
        assert_eq!(rest.escape_ascii().to_string(), "", "before it was closed");
    }

    /// Close so that the server gets a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    #[track_caller]
    fn read_more(&mut self, of: &str) {
        let mut chunk = [0; 16 * 1024];
        let len = match self.socket.read(&mut chunk) {
            Ok(len @ 1..) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            ended => panic!(
                "{ended:?} amid {of}, after {:?}",
                self.input.escape_ascii().to_string()
            ),
        };
        self.input.extend_from_slice(&chunk[..len]);
    }
}

/// Send `bytes` on a connection of their own, and take all responses until the server closes.
#[track_caller]
pub(crate) fn exchange(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<Response> {
    let mut client = Client::connect(addr);
    // It may be refused and closed before all of it is written.
    let _ = client.try_send(bytes);
    client.responses_to_end()
}

impl Client {
    /// All responses until the server closes.
    #[track_caller]
    pub(crate) fn responses_to_end(&mut self) -> Vec<Response> {
        self.input = self.rest().expect("it was closed, not reset");
        let mut responses = Vec::new();
        while !self.input.is_empty() {
            responses.push(self.response());
        }
        responses
    }
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Response {
    #[track_caller]
    fn parse(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).unwrap();
        let (line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|line| line.get(..3)?.parse().ok());
        Self {
            status: status.expect(line),
            headers: fields.lines().map(field).collect(),
            body: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// The only header of that name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "several {name}: {self:?}");
        value
    }

    /// All headers of that name.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers.iter().filter(move |(n, _)| n == name);
        values.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[track_caller]
fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").expect(line);
    (name.to_ascii_lowercase(), value.to_owned())
}

/// A GET of HTTP/1.1, with nothing in it but what must be.
pub(crate) fn get(target: &str) -> String {
    request("GET", target, "", "")
}

/// A request of HTTP/1.1; each of `headers` ends its own line.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n{body}")
}
