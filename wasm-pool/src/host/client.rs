//! `rusm:runtime/client@0.1.0`: requests to other servers, whole.
//!
//! They go the way of `wasi:http/outgoing-handler`, with the same grants.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::bindings::rusm::runtime::client::{FetchError, Fetched, Host, Outgoing};
use crate::state::HostState;
use crate::wasi_http::outbound::{self, Hooks};

impl Host for HostState {
    async fn fetch(&mut self, request: Outgoing) -> wasmtime::Result<Result<Fetched, FetchError>> {
        let limit = Duration::from_millis(request.timeout_ms);
        // The host holds it until the guest, which has no room for more, takes it.
        let max_body = request.max_body.min(self.capabilities.max_memory);
        let max_body = usize::try_from(max_body).unwrap_or(usize::MAX);
        let request = match into_http(request) {
            Ok(request) => request,
            Err(why) => return Ok(Err(FetchError::Invalid(why))),
        };
        let hooks = Hooks(self.capabilities.clone());
        if hooks.check(request.uri()).is_err() {
            let host = request.uri().authority().map(ToString::to_string);
            return Ok(Err(FetchError::Denied(host.unwrap_or_default())));
        }
        // Not on the shard: a task of WASI's threads, which ends with the guest's wait.
        let sending: AbortOnDropJoinHandle<_> = wasmtime_wasi::runtime::spawn(async move {
            match tokio::time::timeout(limit, fetch(request, limit, max_body)).await {
                Ok(fetched) => fetched,
                Err(_) => Err(FetchError::Timeout),
            }
        });
        Ok(sending.await)
    }
}

async fn fetch(
    request: http::Request<WasiBody>,
    limit: Duration,
    max_body: usize,
) -> Result<Fetched, FetchError> {
    let options = RequestOptions {
        connect_timeout: None,
        first_byte_timeout: Some(limit),
        between_bytes_timeout: Some(limit),
    };
    let (response, _driving) = outbound::send(request, options).await.map_err(sort)?;
    let (parts, mut body) = response.into_parts();
    let mut content = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(sort)?.into_data() else {
            continue;
        };
        if content.len() + data.len() > max_body {
            return Err(FetchError::TooLarge);
        }
        content.extend_from_slice(&data);
    }
    let headers = parts.headers.iter();
    Ok(Fetched {
        status: parts.status.as_u16(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: content.into(),
    })
}

fn into_http(request: Outgoing) -> Result<http::Request<WasiBody>, String> {
    let uri: http::Uri = request
        .url
        .parse()
        .map_err(|error| format!("the URL {:?}: {error}", request.url))?;
    if uri.host().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
        let url = &request.url;
        return Err(format!(
            "the URL {url:?} is none of `http://` or `https://`"
        ));
    }
    let body = Full::new(Bytes::from(request.body)).map_err(|never| match never {});
    let mut built = http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .body(body.boxed_unsync())
        .map_err(|error| format!("the method {:?}: {error}", request.method))?;
    for (name, value) in request.headers {
        let field = http::HeaderName::from_bytes(name.as_bytes());
        let field = field.map_err(|error| format!("the header {name:?}: {error}"))?;
        if outbound::frames_a_message(&field) {
            continue;
        }
        let value = http::HeaderValue::from_bytes(&value);
        let value = value.map_err(|error| format!("the header {name:?}: {error}"))?;
        built.headers_mut().append(field, value);
    }
    Ok(built)
}

fn sort(error: Error) -> FetchError {
    match error {
        Error::HttpRequestDenied => FetchError::Denied(String::new()),
        Error::ConnectionTimeout | Error::ConnectionReadTimeout | Error::HttpResponseTimeout => {
            FetchError::Timeout
        }
        Error::DnsError { .. }
        | Error::DnsTimeout
        | Error::ConnectionRefused
        | Error::DestinationNotFound
        | Error::DestinationUnavailable => FetchError::Unreachable(error.to_string()),
        Error::HttpResponseHeaderSectionSize(_) => FetchError::Failed(
            "the head of the response is too large: more than 1000 fields, or 400 KiB".into(),
        ),
        error => FetchError::Failed(error.to_string()),
    }
}
