//! Every request goes on to the server that the variable `UPSTREAM` names, and its response back.
//!
//! This is a component of WASI 0.2 and nothing else: its one export is
//! `wasi:http/incoming-handler`.

mod pump;

use pump::{Pump, wait};
use wasip2::exports::http::incoming_handler::{
    Guest, IncomingRequest, ResponseOutparam as Responder,
};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse, Scheme,
};

struct Proxy;

wasip2::http::proxy::export!(Proxy);

impl Guest for Proxy {
    fn handle(request: IncomingRequest, responder: Responder) {
        let upstream = match Upstream::from_env() {
            Ok(upstream) => upstream,
            Err(why) => return refuse(responder, 500, &why),
        };
        if let Err((responder, error)) = forward(&upstream, request, responder) {
            let why = format!("{}: {error:?}", upstream.authority);
            refuse(responder, status(&error), &why);
        }
    }
}

/// Where requests go.
struct Upstream {
    scheme: Scheme,
    /// Host and port.
    authority: String,
}

impl Upstream {
    fn from_env() -> Result<Self, String> {
        let url = std::env::var("UPSTREAM").map_err(|error| format!("UPSTREAM: {error}"))?;
        let (scheme, authority) = match url.split_once("://") {
            Some(("http", authority)) => (Scheme::Http, authority),
            Some(("https", authority)) => (Scheme::Https, authority),
            _ => return Err(format!("UPSTREAM is no http:// or https:// URL: {url:?}")),
        };
        Ok(Self {
            scheme,
            authority: authority.trim_end_matches('/').to_owned(),
        })
    }
}

/// Send the request on and the response back, both bodies at once: a server may answer before it
/// has read all.
///
/// # Errors
/// There is no response to send.
fn forward(
    upstream: &Upstream,
    request: IncomingRequest,
    responder: Responder,
) -> Result<(), (Responder, ErrorCode)> {
    let (mut upload, response) = match ask(upstream, &request) {
        Ok(asked) => asked,
        Err(error) => return Err((responder, error)),
    };
    let mut download = match answer(&response) {
        Ok((head, download)) => {
            Responder::set(responder, Ok(head));
            download
        }
        Err(error) => return Err((responder, error)),
    };
    while !download.is_done() {
        wait(&[&upload, &download], None);
        // A server that has answered may want no more of the request.
        let _ = upload.advance();
        if let Err(why) = download.advance() {
            // The head is on its way already: that the rest is missing tells the client.
            eprintln!("{}: amid its response: {why}", upstream.authority);
        }
    }
    Ok(())
}

/// Send the request on, and its body until the head of the response is there.
fn ask(
    upstream: &Upstream,
    request: &IncomingRequest,
) -> Result<(Pump, IncomingResponse), ErrorCode> {
    let outgoing = OutgoingRequest::new(passed_on(&request.headers()));
    let parts = [
        outgoing.set_method(&request.method()),
        outgoing.set_scheme(Some(&upstream.scheme)),
        outgoing.set_authority(Some(&upstream.authority)),
        outgoing.set_path_with_query(request.path_with_query().as_deref()),
    ];
    if parts.contains(&Err(())) {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    let mut upload = Pump::new(
        request.consume().map_err(twice)?,
        outgoing.body().map_err(twice)?,
    )?;
    let pending = outgoing_handler::handle(outgoing, None)?;
    let answered = pending.subscribe();
    while !answered.ready() {
        // One that wants no more of it says so by its answer.
        let _ = upload.advance();
        wait(&[&upload], Some(&answered));
    }
    drop(answered);
    match pending.get() {
        Some(Ok(response)) => Ok((upload, response?)),
        Some(Err(())) | None => Err(twice(())),
    }
}

/// The head of the response, and what brings its body.
fn answer(response: &IncomingResponse) -> Result<(OutgoingResponse, Pump), ErrorCode> {
    let outgoing = OutgoingResponse::new(passed_on(&response.headers()));
    outgoing
        .set_status_code(response.status())
        .map_err(|()| ErrorCode::HttpProtocolError)?;
    let download = Pump::new(
        response.consume().map_err(twice)?,
        outgoing.body().map_err(twice)?,
    )?;
    Ok((outgoing, download))
}

/// The fields, without those that are for this hop alone: the host sets its own, and refuses them
/// here.
fn passed_on(fields: &Fields) -> Fields {
    let passed_on = Fields::new();
    for (name, value) in fields.entries() {
        let _ = passed_on.append(&name, &value);
    }
    passed_on
}

/// Answer without the upstream.
fn refuse(responder: Responder, status: u16, why: &str) {
    eprintln!("{why}");
    let response = OutgoingResponse::new(Fields::new());
    let text = format!("{status}: see the log of the proxy\n");
    let set = response.set_status_code(status);
    let Ok(body) = set.and_then(|()| response.body()) else {
        return;
    };
    Responder::set(responder, Ok(response));
    // If the client is gone, so is who would hear of it.
    if let Ok(stream) = body.write() {
        let _ = stream.blocking_write_and_flush(text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}

fn status(error: &ErrorCode) -> u16 {
    match error {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => 504,
        ErrorCode::HttpRequestDenied | ErrorCode::HttpRequestUriInvalid => 500,
        _ => 502,
    }
}

/// WASI gives each body, and each response, once.
fn twice((): ()) -> ErrorCode {
    ErrorCode::InternalError(Some("taken twice".to_owned()))
}
