//! `text/event-stream`, parsed as it arrives (HTML Living Standard, section 9.2.6, "Interpreting an
//! event stream").

use std::time::Duration;

use memchr::{memchr, memchr2};

/// The parser of one stream's events.
#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes of the stream so far, up to the length of [`BOM`], which may be at its start.
    begun: usize,
    /// True if the last byte was a CR, which an LF may follow.
    after_cr: bool,
    /// The beginning of an unfinished line.
    line: Vec<u8>,
    /// Data lines of the event in progress, each followed by an LF.
    data: Vec<u8>,
    /// The type of the event in progress.
    event: Vec<u8>,
    /// The last `id` of this stream, which persists between events.
    id: Vec<u8>,
    /// The `id` as it was at the last empty line.
    last_id: Vec<u8>,
    retry: Option<Duration>,
}

/// An event, as a browser would dispatch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'p> {
    /// Its type; `message` by default.
    pub event: &'p [u8],
    /// Its data lines, separated by LF.
    pub data: &'p [u8],
    /// The last `id` so far, of this event or an earlier one.
    pub last_id: &'p [u8],
}

impl Parser {
    /// Parses `input`, the stream's next bytes, and calls `dispatch` for each event that ends in
    /// it.
    pub fn feed(&mut self, input: &[u8], mut dispatch: impl FnMut(Event<'_>)) {
        let mut rest = input;
        while self.begun < BOM.len() {
            // One mark at the very beginning is not a part of the stream.
            let Some((first, later)) = rest.split_first() else {
                return;
            };
            if BOM.get(self.begun) != Some(first) {
                // The apparent beginning of a mark is that of a line.
                let begun = BOM.get(..self.begun).unwrap_or_default();
                self.line.extend_from_slice(begun);
                self.begun = BOM.len();
                break;
            }
            self.begun += 1;
            rest = later;
        }
        if !rest.is_empty() && std::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = memchr2(b'\r', b'\n', rest) {
            let (line, end) = rest.split_at(at);
            rest = match end {
                [b'\r', b'\n', later @ ..] => later,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, later @ ..] => later,
                [] => &[],
            };
            if self.line.is_empty() {
                self.take_line(line, &mut dispatch);
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.take_line(&whole, &mut dispatch);
                // Keep the allocation.
                whole.clear();
                self.line = whole;
            }
        }
        self.line.extend_from_slice(rest);
    }

    /// Returns the value of `Last-Event-ID` for a reconnection: the last `id` of a finished event.
    /// If it is empty, send none.
    pub fn last_id(&self) -> &[u8] {
        &self.last_id
    }

    /// Returns the last `retry`: the delay before a reconnection.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Begins the stream of the next response. Unfinished lines and events are dropped;
    /// [`Parser::last_id`] and [`Parser::retry`] persist until the stream changes them.
    pub fn restart(&mut self) {
        self.begun = 0;
        self.after_cr = false;
        self.line.clear();
        self.data.clear();
        self.event.clear();
        self.id.clear();
    }

    fn take_line(&mut self, line: &[u8], dispatch: &mut impl FnMut(Event<'_>)) {
        if line.is_empty() {
            return self.end_event(dispatch);
        }
        let (field, value) = match memchr(b':', line) {
            Some(at) => {
                let (field, value) = line.split_at(at);
                let value = value.get(1..).unwrap_or_default();
                (field, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        match field {
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => value.clone_into(&mut self.event),
            b"id" if memchr(0, value).is_none() => value.clone_into(&mut self.id),
            b"retry" => {
                let digits = value.iter().all(u8::is_ascii_digit);
                let number = str::from_utf8(value).ok().filter(|_| digits);
                let millis = number.and_then(|number| number.parse().ok());
                self.retry = millis.map(Duration::from_millis).or(self.retry);
            }
            // This includes comments: the name of their field is empty.
            _ => {}
        }
    }

    fn end_event(&mut self, dispatch: &mut impl FnMut(Event<'_>)) {
        self.id.clone_into(&mut self.last_id);
        if let Some((_, data)) = self.data.split_last() {
            let event = match &self.event[..] {
                b"" => b"message",
                event => event,
            };
            dispatch(Event {
                event,
                data,
                last_id: &self.last_id,
            });
        }
        self.data.clear();
        self.event.clear();
    }
}

/// The byte order mark in UTF-8.
const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Type, data and last id of each event.
    type Events = Vec<(String, String, String)>;

    fn parse(parser: &mut Parser, pieces: &[&[u8]]) -> Events {
        let mut events = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for piece in pieces {
            parser.feed(piece, |event| {
                events.push((text(event.event), text(event.data), text(event.last_id)));
            });
        }
        events
    }

    fn events(stream: &str) -> Events {
        parse(&mut Parser::default(), &[stream.as_bytes()])
    }

    fn message(data: &str, id: &str) -> (String, String, String) {
        ("message".into(), data.into(), id.into())
    }

    /// The streams and results of HTML section 9.2.6.
    #[test]
    fn the_examples_of_the_standard() {
        let stock = "data: YHOO\ndata: +2\ndata: 10\n\n";
        assert_eq!(events(stock), [message("YHOO\n+2\n10", "")]);
        let four = ": test stream\n\ndata: first event\nid: 1\n\n\
                    data:second event\nid\n\ndata:  third event\n\n";
        let expected = [
            message("first event", "1"),
            message("second event", ""),
            message(" third event", ""),
        ];
        assert_eq!(events(four), expected);
        let expected = [message("", ""), message("\n", "")];
        assert_eq!(events("data\n\ndata\ndata\n\ndata:"), expected);
        let same = [message("test", ""), message("test", "")];
        assert_eq!(events("data:test\n\ndata: test\n\n"), same);
    }

    #[test]
    fn line_ends_and_the_mark() {
        let one = [message("a\nb", "")];
        for stream in [
            "data:a\ndata:b\n\n",
            "data:a\rdata:b\r\r",
            "data:a\r\ndata:b\r\n\r\n",
            "data:a\rdata:b\n\r",
            "\u{feff}data:a\ndata:b\n\n",
        ] {
            assert_eq!(events(stream), one, "{stream:?}");
        }
        assert_eq!(events("\u{feff}\u{feff}data:a\n\n"), []);
        assert_eq!(events("data:a\n\n\u{feff}data:b\n\n"), [message("a", "")]);
    }

    #[test]
    fn fields() {
        let mut parser = Parser::default();
        let named = b"event: tick\nid: 5\ndata: a\nretry: 250\n\ndata: b\n\n";
        let heard = parse(&mut parser, &[named]);
        assert_eq!(heard[0], ("tick".into(), "a".into(), "5".into()));
        assert_eq!(heard[1], message("b", "5"));
        assert_eq!(parser.retry(), Some(Duration::from_millis(250)));
        // An event without data is not dispatched, but its id counts; the others are invalid ids or
        // numbers.
        let rest = b"id: 6\nevent: x\n\nid: \0\nretry: 1s\nretry:\nData: x\n\n";
        assert_eq!(parse(&mut parser, &[rest]), []);
        assert_eq!(parser.last_id(), b"6");
        assert_eq!(parser.retry(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn another_stream() {
        let mut parser = Parser::default();
        let heard = parse(&mut parser, &[b"id: 1\ndata: a\n\nid: 2\ndata: b\n"]);
        assert_eq!(heard, [message("a", "1")]);
        parser.restart();
        assert_eq!(parser.last_id(), b"1");
        let heard = parse(&mut parser, &["\u{feff}\ndata: c\n\n".as_bytes()]);
        assert_eq!(heard, [message("c", "")]);
    }

    proptest! {
        #[test]
        fn split_anywhere_it_says_the_same(
            stream in "\u{feff}?(((data|id|event|retry|x)?:? ?[a-z0-9\u{feff}]{0,4})?(\r|\n|\r\n)){0,12}",
            cut in 1usize..9,
        ) {
            let whole = events(&stream);
            let pieces: Vec<_> = stream.as_bytes().chunks(cut).collect();
            let mut parser = Parser::default();
            prop_assert_eq!(parse(&mut parser, &pieces), &whole[..]);
            let mut other = Parser::default();
            parse(&mut other, &[stream.as_bytes()]);
            prop_assert_eq!(parser.last_id(), other.last_id());
            prop_assert_eq!(parser.retry(), other.retry());
        }

        #[test]
        fn what_is_written_is_read(
            written in prop::collection::vec(("[a-z]{1,5}", "[ -~]{0,20}(\n[ -~]{0,5}){0,2}", "[0-9]{1,3}"), 0..5),
            end in prop_oneof![Just("\n"), Just("\r"), Just("\r\n")],
        ) {
            let mut stream = String::new();
            for (event, data, id) in &written {
                stream += &format!("event: {event}{end}id: {id}{end}");
                for line in data.split('\n') {
                    stream += &format!("data: {line}{end}");
                }
                stream += end;
            }
            prop_assert_eq!(events(&stream), written);
        }
    }
}
