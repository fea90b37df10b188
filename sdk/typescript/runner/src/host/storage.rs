//! The durable store, and byte streams.

use rquickjs::{ArrayBuffer, Ctx, Object, Result};

use super::{Bytes, buffer, bytes_of, define, handle, throw, whole};
use crate::bindings::rusm::runtime::{kv, streams};

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    define!(ctx, host, {
        "kvGet": kv_get,
        "kvSet": kv_set,
        "kvDelete": |ctx: Ctx<'js>, bucket: String, key: String| said(&ctx, kv::delete(&bucket, &key)),
        "kvExists": |ctx: Ctx<'js>, bucket: String, key: String| said(&ctx, kv::exists(&bucket, &key)),
        "kvList": |ctx: Ctx<'js>, bucket: String, prefix: String, limit: f64| {
            let limit = u32::try_from(whole(limit)).unwrap_or(u32::MAX);
            said(&ctx, kv::list_prefix(&bucket, &prefix, limit))
        },
        "kvCompareAndSet": kv_compare_and_set,
        "kvIncrement": |ctx: Ctx<'js>, bucket: String, key: String, by: f64| {
            said(&ctx, kv::increment(&bucket, &key, by as i64)).map(|now| now as f64)
        },
        "streamOpen": |ctx: Ctx<'js>, pid: String| {
            Ok::<_, rquickjs::Error>(streams::stream_open(handle(&ctx, &pid)?).map(|id| id.to_string()))
        },
        "streamWrite": stream_write,
        "streamClose": |ctx: Ctx<'js>, id: String| {
            streams::stream_close(handle(&ctx, &id)?);
            Ok::<_, rquickjs::Error>(())
        },
        "streamAccept": || streams::stream_accept().to_string(),
        "streamRead": stream_read,
        "streamFailure": |ctx: Ctx<'js>, id: String| {
            Ok::<_, rquickjs::Error>(streams::stream_failure(handle(&ctx, &id)?))
        },
    });
    Ok(())
}

fn said<T>(ctx: &Ctx<'_>, result: std::result::Result<T, String>) -> Result<T> {
    result.map_err(|error| throw(ctx, &error))
}

fn kv_get<'js>(ctx: Ctx<'js>, bucket: String, key: String) -> Result<Option<ArrayBuffer<'js>>> {
    let value = said(&ctx, kv::get(&bucket, &key))?;
    value.map(|value| buffer(&ctx, value)).transpose()
}

fn kv_set<'js>(ctx: Ctx<'js>, bucket: String, key: String, value: Bytes<'js>) -> Result<()> {
    said(&ctx, kv::set(&bucket, &key, bytes_of(&value)))
}

fn kv_compare_and_set<'js>(
    ctx: Ctx<'js>,
    bucket: String,
    key: String,
    expected: Option<Bytes<'js>>,
    value: Option<Bytes<'js>>,
) -> Result<bool> {
    let expected = expected.as_ref().map(bytes_of);
    let value = value.as_ref().map(bytes_of);
    said(&ctx, kv::compare_and_set(&bucket, &key, expected, value))
}

fn stream_write<'js>(ctx: Ctx<'js>, id: String, chunk: Bytes<'js>) -> Result<bool> {
    Ok(streams::stream_write(handle(&ctx, &id)?, bytes_of(&chunk)))
}

fn stream_read<'js>(ctx: Ctx<'js>, id: String) -> Result<Option<ArrayBuffer<'js>>> {
    let chunk = streams::stream_read(handle(&ctx, &id)?);
    chunk.map(|chunk| buffer(&ctx, chunk)).transpose()
}
