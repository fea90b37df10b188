//! The `date` header (RFC 9110 section 6.6.1).

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// The header line for one second of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date([u8; LINE]);

impl Date {
    /// The line for `now`, to the second. A clock before 1970 counts as 1970.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        let second = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut line = *b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
        let value = line.get_mut(NAME..LINE - LINE_END).unwrap_or_default();
        let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(second.min(LAST_SECOND)));
        // It is as long as what it replaces, so the write can't fail.
        let _ = write!(&mut *value, "{date}");
        Self(line)
    }

    /// The value: 29 bytes like `Sun, 06 Nov 1994 08:49:37 GMT`.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.0.get(NAME..LINE - LINE_END).unwrap_or_default()
    }

    /// `date: <value>` and the line's end.
    pub(super) fn line(&self) -> &[u8] {
        &self.0
    }
}

const NAME: usize = "date: ".len();
const LINE_END: usize = "\r\n".len();
const LINE: usize = NAME + "Thu, 01 Jan 1970 00:00:00 GMT".len() + LINE_END;
/// The end of the year 9999, beyond which the format has no room.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn dates() {
        for (now, value) in [
            (second(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"),
            (second(0), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                second(0) - Duration::from_secs(5),
                "Thu, 01 Jan 1970 00:00:00 GMT",
            ),
            (second(LAST_SECOND), "Fri, 31 Dec 9999 23:59:59 GMT"),
            (second(LAST_SECOND + 9), "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let date = Date::at(now);
            assert_eq!(date.value(), value.as_bytes());
            assert_eq!(date.line(), format!("date: {value}\r\n").as_bytes());
        }
    }
}
