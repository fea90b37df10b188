//! What a request was, as a component of the crate `wstd` sees it.
//!
//! - `/echo/head`: its method, its target, its headers, one a line
//! - `/echo/body`: its body, piece by piece, and its trailers
//! - `/echo/digest`: how long its body is, and its FNV-1a
//! - `/echo/slow/:pieces/:ms`: a body of so many pieces, so many milliseconds apart

use std::fmt::Write;

use futures_lite::stream;
use wstd::http::body::HttpBody;
use wstd::http::{Body, Error, Request, Response, StatusCode};
use wstd::time::Duration;

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    match segments[..] {
        ["head"] => Ok(Response::new(head(&request).into())),
        ["body"] => Ok(Response::new(request.into_body())),
        ["digest"] => Ok(Response::new(digest(request.into_body()).await?.into())),
        ["slow", pieces, ms] => Ok(Response::new(slow(pieces.parse()?, ms.parse()?))),
        _ => Ok(Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(().into())?),
    }
}

fn head(request: &Request<Body>) -> String {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let mut text = format!("{} {target}\n", request.method());
    let _ = writeln!(text, "{}", uri.authority().map_or("", |host| host.as_str()));
    for (name, value) in request.headers() {
        let _ = writeln!(text, "{name}: {}", value.as_bytes().escape_ascii());
    }
    text
}

async fn digest(body: Body) -> Result<String, Error> {
    let mut body = body.into_boxed_body();
    let (mut len, mut hash) = (0, 0xcbf2_9ce4_8422_2325_u64);
    let mut trailers = String::new();
    while let Some(frame) =
        std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await
    {
        match frame?.into_data() {
            Ok(data) => {
                len += data.len();
                for byte in data {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
                }
            }
            Err(frame) => {
                for (name, value) in &frame.into_trailers().unwrap_or_default() {
                    let _ = writeln!(trailers, "{name}: {}", value.as_bytes().escape_ascii());
                }
            }
        }
    }
    Ok(format!("{len} {hash:016x}\n{trailers}"))
}

fn slow(pieces: usize, ms: u64) -> Body {
    Body::from_stream(stream::unfold(0, move |piece| async move {
        if piece == pieces {
            return None;
        }
        if piece > 0 {
            wstd::task::sleep(Duration::from_millis(ms)).await;
        }
        Some((format!("piece {piece}\n"), piece + 1))
    }))
}
