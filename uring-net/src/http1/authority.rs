//! `host [":" port]`, as `Host` and an absolute target have it (RFC 3986 section 3.2).

use std::net::Ipv6Addr;

/// Returns whether `authority` is a host (a name or an IP address), with or without a port, and without user
/// information. It may be empty, as `Host` may, but a port needs a host (RFC 9110 section 4.2.1).
pub(super) fn is_authority(authority: &[u8]) -> bool {
    if let Some(literal) = authority.strip_prefix(b"[") {
        let mut halves = literal.splitn(2, |&byte| byte == b']');
        let address = halves.next().unwrap_or_default();
        return is_ipv6(address) && halves.next().is_some_and(is_port);
    }
    let end = authority
        .iter()
        .position(|&byte| !is_name_byte(byte))
        .unwrap_or(authority.len());
    let (name, port) = authority.split_at(end);
    is_port(port) && has_whole_escapes(name) && (port.is_empty() || !name.is_empty())
}

/// Nothing, or a colon and perhaps the number of a port.
fn is_port(port: &[u8]) -> bool {
    match port.split_first() {
        None => true,
        Some((&colon, digits)) => colon == b':' && is_port_number(digits),
    }
}

fn is_port_number(digits: &[u8]) -> bool {
    digits.is_empty()
        || super::semantics::decimal(digits).is_some_and(|port| port <= u64::from(u16::MAX))
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// A byte of `reg-name`.
fn is_name_byte(byte: u8) -> bool {
    NAME_BYTE[usize::from(byte)]
}

fn has_whole_escapes(name: &[u8]) -> bool {
    !name.contains(&b'%')
        || name.split(|&byte| byte == b'%').skip(1).all(
            |after| matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()),
        )
}

const NAME_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$'
                | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b'%'
        );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid() {
        for authority in [
            "",
            "a",
            "example.com",
            "EXAMPLE.com:8080",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8080",
            "[::ffff:1.2.3.4]",
            "a:",
            "a:0",
            "a:65535",
            "a:00080",
            "[::1]:",
            "a_b-c.d~e",
            "%41bc%2f",
            "xn--bcher-kva.example",
        ] {
            assert!(is_authority(authority.as_bytes()), "{authority}");
        }
    }

    #[test]
    fn invalid() {
        for authority in [
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "a:b",
            "a:80:80",
            "a:65536",
            "x:99999",
            "a:18446744073709551696",
            "[::1]:65536",
            ":",
            ":80",
            "a:-1",
            "a:+80",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]]",
            "[]",
            "[::g]",
            "[fe80::1%eth0]",
            "a\\b",
            "a\tb",
            "bücher",
            "%",
            "%4",
            "%4x",
            "a, b",
            "<a>",
        ] {
            assert!(!is_authority(authority.as_bytes()), "{authority}");
        }
    }
}
