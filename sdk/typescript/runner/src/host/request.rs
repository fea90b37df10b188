//! The request of an entry, and its end.

use rquickjs::function::Opt;
use rquickjs::{ArrayBuffer, Ctx, Object, Result, Value};

use super::{Bytes, buffer, bytes_of, define, paired_headers};
use crate::entry::{self, Ended, Response};

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    define!(ctx, host, {
        "requestHeaders": || entry::with_request(|request| std::mem::take(&mut request.headers)),
        "requestParams": || entry::with_request(|request| std::mem::take(&mut request.params)),
        "requestBody": request_body,
        "answer": answer,
        "answerFunction": |json: String| entry::end(Ended::Value(json)),
        "failFunction": |message: String| entry::end(Ended::Failed(message)),
        "finish": || entry::end(Ended::Finished),
        "fail": |description: String| entry::end(Ended::Failed(description)),
    });
    Ok(())
}

fn request_body(ctx: Ctx<'_>) -> Result<ArrayBuffer<'_>> {
    let body = entry::with_request(|request| std::mem::take(&mut request.body));
    buffer(&ctx, body)
}

fn answer<'js>(status: u16, headers: Vec<String>, body: Opt<Value<'js>>) -> Result<()> {
    let body = match body.0 {
        Some(body) if body.is_string() => body.get::<String>()?.into_bytes(),
        Some(body) if body.is_object() => bytes_of(&body.get::<Bytes<'js>>()?).to_vec(),
        _ => Vec::new(),
    };
    entry::end(Ended::Answer(Response {
        status,
        headers: paired_headers(&headers),
        body,
    }));
    Ok(())
}
