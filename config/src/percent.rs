//! Percent-encoding in the path of a request (RFC 3986 sections 2 and 3.3).

use std::borrow::Cow;
use std::ops::Range;

/// Returns whether `path` has nothing to normalise or decode.
pub(crate) fn is_plain(path: &str) -> bool {
    path.bytes().all(|b| b == b'/' || is_pchar(b))
}

/// Returns the range of the first `%` without two hexadecimal digits, and of the characters there.
pub(crate) fn malformed_escape(text: &str) -> Option<Range<usize>> {
    (text.match_indices('%'))
        .find(|(at, _)| escaped(text.as_bytes(), *at).is_none())
        .map(|(at, _)| {
            let digits = text[at + 1..].chars().take(2);
            at..at + 1 + digits.map(char::len_utf8).sum::<usize>()
        })
}

/// Returns the normal form of `segment` (RFC 3986 section 6.2.2): escapes of unreserved characters
/// decoded, others in upper case, and characters that a path can't contain escaped. The escapes of
/// `segment` must be well-formed.
pub(crate) fn normalise(segment: &str) -> Cow<'_, str> {
    if segment.bytes().all(is_pchar) {
        return Cow::Borrowed(segment);
    }
    let bytes = segment.as_bytes();
    let mut normal = String::with_capacity(segment.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match escaped(bytes, at) {
            Some(octet) if is_unreserved(octet) => normal.push(char::from(octet)),
            Some(octet) => push_escape(&mut normal, octet),
            None if is_pchar(byte) => normal.push(char::from(byte)),
            None => push_escape(&mut normal, byte),
        }
        at += if byte == b'%' { 3 } else { 1 };
    }
    Cow::Owned(normal)
}

/// Decodes the escapes of `segment`. Returns `None` if the result is not UTF-8. Allocates only if
/// there are escapes.
pub(crate) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let decoded = percent_encoding::percent_decode_str(segment);
    decoded.decode_utf8().ok()
}

/// Returns the octet of the escape at `at`.
fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let &[b'%', high, low] = bytes.get(at..at + 3)? else {
        return None;
    };
    let digit = |b: u8| char::from(b).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn push_escape(text: &mut String, octet: u8) {
    text.push_str(percent_encoding::percent_encode_byte(octet));
}

fn is_pchar(byte: u8) -> bool {
    PCHAR[byte as usize]
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The characters of `pchar` (RFC 3986 section 3.3), without escapes.
const PCHAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_unreserved(byte as u8)
            || matches!(
                byte as u8,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            )
            || matches!(byte as u8, b':' | b'@');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_to_one_spelling() {
        for (segment, normal) in [
            ("a-z_0.~", "a-z_0.~"),
            ("%61%2D%7e", "a-~"),
            ("%2f%3A%c3%A9", "%2F%3A%C3%A9"),
            ("é {|}", "%C3%A9%20%7B%7C%7D"),
            ("a@b:c", "a@b:c"),
            ("%2525", "%2525"),
        ] {
            assert_eq!(normalise(segment), normal);
            assert_eq!(normalise(normal), normal, "again");
        }
    }

    #[test]
    fn finds_malformed_escapes() {
        assert_eq!(malformed_escape("/a%20b"), None);
        assert_eq!(malformed_escape("/a%2"), Some(2..4));
        assert_eq!(malformed_escape("%"), Some(0..1));
        assert_eq!(malformed_escape("%41%zz"), Some(3..6));
        assert_eq!(malformed_escape("%é"), Some(0..3));
        assert_eq!(malformed_escape("%+1"), Some(0..3));
    }

    #[test]
    fn decodes_once_and_only_utf8() {
        assert_eq!(decode("%252F").as_deref(), Some("%2F"));
        assert_eq!(decode("a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(decode("%FF"), None);
        assert!(matches!(decode("plain+"), Some(Cow::Borrowed("plain+"))));
    }
}
