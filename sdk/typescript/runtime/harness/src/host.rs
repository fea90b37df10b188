//! The host's pure functions, real; see `../../host.d.ts`.

use std::time::Instant;

use hmac::{Hmac, Mac};
use rquickjs::function::Opt;
use rquickjs::{Array, ArrayBuffer, Ctx, Function, IntoJs, Object, Result, TypedArray, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::{Position, Url, quirks};

type Bytes<'js> = TypedArray<'js, u8>;

/// Defines `globalThis.__host`.
pub fn define(ctx: &Ctx<'_>) -> Result<()> {
    let host = Object::new(ctx.clone())?;
    let begun = Instant::now();
    host.set("utf8Encode", Function::new(ctx.clone(), utf8_encode)?)?;
    host.set("utf8Decode", Function::new(ctx.clone(), utf8_decode)?)?;
    host.set("urlParse", Function::new(ctx.clone(), url_parse)?)?;
    host.set("urlSet", Function::new(ctx.clone(), url_set)?)?;
    host.set("urlOrigin", Function::new(ctx.clone(), url_origin)?)?;
    host.set("digest", Function::new(ctx.clone(), digest)?)?;
    host.set("hmac", Function::new(ctx.clone(), hmac)?)?;
    host.set("random", Function::new(ctx.clone(), random)?)?;
    let monotonic = move || begun.elapsed().as_secs_f64() * 1000.0;
    host.set("monotonic", Function::new(ctx.clone(), monotonic)?)?;
    let sleep = |ms: f64| std::thread::sleep(std::time::Duration::from_secs_f64(ms / 1000.0));
    host.set("sleep", Function::new(ctx.clone(), sleep)?)?;
    let print = |text: String| println!("{text}");
    ctx.globals()
        .set("print", Function::new(ctx.clone(), print)?)?;
    let read_file = |path: String| std::fs::read_to_string(path).ok();
    ctx.globals()
        .set("readFile", Function::new(ctx.clone(), read_file)?)?;
    ctx.globals().set("__host", host)
}

/// Text as the runtime hands it over: its lone surrogates are replaced.
fn text(value: &rquickjs::String<'_>) -> Result<String> {
    Ok(value.to_string()?)
}

/// Nothing of JavaScript runs while a function here has them.
fn bytes_of<'a>(bytes: &'a Bytes<'_>) -> &'a [u8] {
    unsafe { bytes.as_bytes() }.unwrap_or_default()
}

fn utf8_encode<'js>(ctx: Ctx<'js>, value: rquickjs::String<'js>) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new(ctx, text(&value)?.into_bytes())
}

fn utf8_decode<'js>(ctx: Ctx<'js>, bytes: Bytes<'js>, fatal: bool) -> Result<Value<'js>> {
    let bytes = bytes_of(&bytes);
    if fatal {
        return match std::str::from_utf8(bytes) {
            Ok(text) => text.into_js(&ctx),
            Err(_) => Ok(Value::new_undefined(ctx)),
        };
    }
    String::from_utf8_lossy(bytes).as_ref().into_js(&ctx)
}

fn parts<'js>(ctx: &Ctx<'js>, url: &Url) -> Result<Value<'js>> {
    let at = |position| url[..position].len();
    let array = Array::new(ctx.clone())?;
    array.set(0, url.as_str())?;
    array.set(1, at(Position::AfterScheme) + 1)?;
    array.set(2, at(Position::AfterUsername))?;
    array.set(3, at(Position::BeforeHost))?;
    array.set(4, at(Position::AfterHost))?;
    array.set(5, url.port().map_or(-1, i32::from))?;
    array.set(6, at(Position::BeforePath))?;
    array.set(7, mark(url.query(), at(Position::AfterPath)))?;
    array.set(8, mark(url.fragment(), at(Position::AfterQuery)))?;
    array.into_js(ctx)
}

/// Where a part's `?` or `#` is, if it has the part.
fn mark(part: Option<&str>, at: usize) -> isize {
    part.map_or(-1, |_| isize::try_from(at).unwrap_or(-1))
}

fn url_parse<'js>(ctx: Ctx<'js>, url: String, base: Opt<String>) -> Result<Value<'js>> {
    let parsed = match &base.0 {
        Some(base) => Url::parse(base).and_then(|base| base.join(&url)),
        None => Url::parse(&url),
    };
    match parsed {
        Ok(url) => parts(&ctx, &url),
        Err(_) => Ok(Value::new_undefined(ctx)),
    }
}

fn url_set<'js>(ctx: Ctx<'js>, href: String, part: String, value: String) -> Result<Value<'js>> {
    let Ok(mut url) = Url::parse(&href) else {
        return Ok(Value::new_undefined(ctx));
    };
    match part.as_str() {
        "protocol" => drop(quirks::set_protocol(&mut url, &value)),
        "username" => drop(quirks::set_username(&mut url, &value)),
        "password" => drop(quirks::set_password(&mut url, &value)),
        "host" => drop(quirks::set_host(&mut url, &value)),
        "hostname" => drop(quirks::set_hostname(&mut url, &value)),
        "port" => drop(quirks::set_port(&mut url, &value)),
        "pathname" => quirks::set_pathname(&mut url, &value),
        "search" => quirks::set_search(&mut url, &value),
        _ => quirks::set_hash(&mut url, &value),
    }
    parts(&ctx, &url)
}

fn url_origin(href: String) -> String {
    Url::parse(&href).map_or_else(|_| "null".to_owned(), |url| quirks::origin(&url))
}

fn digest<'js>(ctx: Ctx<'js>, algorithm: String, bytes: Bytes<'js>) -> Result<ArrayBuffer<'js>> {
    let bytes = bytes_of(&bytes);
    let digest = match algorithm.as_str() {
        "SHA-1" => Sha1::digest(bytes).to_vec(),
        "SHA-256" => Sha256::digest(bytes).to_vec(),
        "SHA-384" => Sha384::digest(bytes).to_vec(),
        _ => Sha512::digest(bytes).to_vec(),
    };
    ArrayBuffer::new(ctx, digest)
}

fn hmac<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    key: Bytes<'js>,
    bytes: Bytes<'js>,
) -> Result<ArrayBuffer<'js>> {
    let key = bytes_of(&key);
    let bytes = bytes_of(&bytes);
    macro_rules! with {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(key).expect("a key of any length");
            mac.update(bytes);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    let code = match algorithm.as_str() {
        "SHA-1" => with!(Sha1),
        "SHA-256" => with!(Sha256),
        "SHA-384" => with!(Sha384),
        _ => with!(Sha512),
    };
    ArrayBuffer::new(ctx, code)
}

fn random(ctx: Ctx<'_>, length: usize) -> Result<ArrayBuffer<'_>> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the machine's randomness");
    ArrayBuffer::new(ctx, bytes)
}
