//! A constant by hyper on Tokio, on one thread: `hello-hyper ADDRESS`.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).expect("an address");
    let listener = TcpListener::bind(address).await.expect("a free port");
    loop {
        if let Ok((stream, _peer)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let connection = http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service_fn(hello));
            tokio::spawn(connection);
        }
    }
}

async fn hello(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"Hello from RUSM\n")));
    let text = hyper::header::HeaderValue::from_static("text/plain");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, text);
    Ok(response)
}
