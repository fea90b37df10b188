//! Pure functions of the host that JavaScript sees (`../runtime/host.d.ts`): text, URLs (WHATWG, as crate `url` has
//! them), digests. The runner and the tests of the runtime share them, so that what is tested is what ships.

use hmac::{Hmac, Mac};
use rquickjs::function::Opt;
use rquickjs::{Array, ArrayBuffer, Ctx, Function, IntoJs, Object, Result, TypedArray, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::{Position, Url, quirks};

/// Bytes of JavaScript.
pub type Bytes<'js> = TypedArray<'js, u8>;

/// Defines them all on the object that is the host.
///
/// # Errors
/// When JavaScript's memory is used up.
pub fn define_on<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("utf8Encode", Function::new(ctx.clone(), utf8_encode)?)?;
    host.set("utf8Decode", Function::new(ctx.clone(), utf8_decode)?)?;
    host.set("urlParse", Function::new(ctx.clone(), url_parse)?)?;
    host.set("urlSet", Function::new(ctx.clone(), url_set)?)?;
    host.set("urlOrigin", Function::new(ctx.clone(), url_origin)?)?;
    host.set("digest", Function::new(ctx.clone(), digest)?)?;
    host.set("hmac", Function::new(ctx.clone(), hmac)?)
}

/// The bytes. No JavaScript may run while they are used.
pub fn bytes_of<'a>(bytes: &'a Bytes<'_>) -> &'a [u8] {
    // SAFETY: no JavaScript runs, so nothing detaches or resizes the buffer.
    unsafe { bytes.as_bytes() }.unwrap_or_default()
}

/// An `ArrayBuffer` of these bytes.
///
/// # Errors
/// When JavaScript's memory is used up.
pub fn buffer<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new(ctx.clone(), bytes)
}

fn utf8_encode<'js>(ctx: Ctx<'js>, value: rquickjs::String<'js>) -> Result<ArrayBuffer<'js>> {
    buffer(&ctx, value.to_string()?.into_bytes())
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
    buffer(&ctx, digest)
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
            let mut mac = <Hmac<$hash> as Mac>::new_from_slice(key)
                .unwrap_or_else(|_| unreachable!("a key may have any length"));
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
    buffer(&ctx, code)
}
