//! The time in which a certificate is valid (RFC 5280 section 4.1).

use std::time::{Duration, SystemTime};

/// The time in which a certificate is valid, as far as it says so in a form that this reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Option<SystemTime>,
    pub(super) not_after: Option<SystemTime>,
}

/// Returns the time in which the certificate is valid.
pub(super) fn validity(certificate: &[u8]) -> Validity {
    let Some(validity) = field(certificate) else {
        return Validity::default();
    };
    let (start, end) = match element(validity) {
        Some((_, _, behind)) => (element(validity), element(behind)),
        None => (None, None),
    };
    let read = |(tag, content, _)| time(tag, content);
    Validity {
        not_before: start.and_then(read),
        not_after: end.and_then(read),
    }
}

/// Returns the content of the field `validity`.
fn field(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, to_be_signed, _) = element(certificate)?;
    let (tag, _, behind_version) = element(to_be_signed)?;
    let fields = match tag {
        VERSION => behind_version,
        _ => to_be_signed,
    };
    let (_serial, fields) = skip(fields)?;
    let (_signature, fields) = skip(fields)?;
    let (_issuer, fields) = skip(fields)?;
    let (_, validity, _) = element(fields)?;
    Some(validity)
}

fn time(tag: u8, time: &[u8]) -> Option<SystemTime> {
    let time = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = number(time, 2)?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => number(time, 4)?,
        _ => return None,
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    if !rest.is_empty() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = (days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Splits off the first element: its tag, its content, and what is behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let len = bytes
                .iter()
                .fold(0, |len, byte| len << 8 | usize::from(*byte));
            (len, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

fn skip(der: &[u8]) -> Option<(&[u8], &[u8])> {
    element(der).map(|(_, content, rest)| (content, rest))
}

fn number(digits: &str, len: usize) -> Option<(i64, &str)> {
    let (number, rest) = digits.split_at_checked(len)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number.parse().ok()?, rest))
}

/// Days from 1970 to this day of the Gregorian calendar. The year begins in March, so that a leap
/// day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut der = vec![0x30];
        match u8::try_from(content.len()) {
            Ok(len @ 0..=0x7f) => der.push(len),
            Ok(len) => der.extend([0x81, len]),
            Err(_) => {
                der.push(0x82);
                der.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        der.extend(content);
        der
    }

    fn certificate(tag: u8, time: &str, version: &[u8], issuer: usize) -> Vec<u8> {
        let mut end = vec![tag, u8::try_from(time.len()).unwrap()];
        end.extend_from_slice(time.as_bytes());
        let validity = sequence(&[b"\x17\x0d250101000000Z", &end]);
        let issuer = sequence(&[&vec![0; issuer]]);
        let signed = sequence(&[version, b"\x02\x01\x07", &sequence(&[]), &issuer, &validity]);
        sequence(&[&signed, b"\x30\0"])
    }

    #[test]
    fn start_and_end_are_read_in_both_forms() {
        let version = b"\xa0\x03\x02\x01\x02";
        let seconds = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        for (tag, time, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "000301000000Z", Some(951_868_800)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "20240229120000Z", Some(1_709_208_000)),
            (UTC_TIME, "501231235959Z", None),
            (UTC_TIME, "20500101000000Z", None),
            (UTC_TIME, "251331000000Z", None),
            (UTC_TIME, "2512310000+0Z", None),
            (0x13, "251231000000Z", None),
        ] {
            for issuer in [0, 200, 300] {
                for version in [&version[..], b""] {
                    let der = certificate(tag, time, version, issuer);
                    let validity = validity(&der);
                    assert_eq!(validity.not_after.map(seconds), expected, "{time} {issuer}");
                    let start = validity.not_before.map(seconds);
                    assert_eq!(start, Some(1_735_689_600), "{time} {issuer}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            validity(&bytes);
        }
    }
}
