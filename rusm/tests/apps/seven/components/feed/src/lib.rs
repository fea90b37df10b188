//! Server-Sent Events: of its own, pushed to it, and how its end is seen.

use rusm_rs::kv;
use rusm_rs::sse::{self, Event, Handler, Stream};

struct Feed;

impl Handler for Feed {
    fn open(&mut self, stream: &Stream) {
        let info = stream.info();
        let first = Event {
            data: b"one\ntwo",
            id: Some("7"),
            event: Some("greeting"),
            retry: Some(1500),
        };
        assert!(stream.emit(&first));
        let last = info.header("last-event-id").unwrap_or("nothing");
        stream.data(format!("{}?{} after {last}", info.path(), info.query()).as_bytes());
        rusm_rs::register_tag(&format!("feed:{}", name(stream)));
        stream.data(stream.writer().to_string().as_bytes());
    }

    fn message(&mut self, stream: &Stream, event: Vec<u8>) {
        match event.as_slice() {
            b"close" => {
                assert!(stream.emit(&Event {
                    data: b"the last",
                    ..Event::default()
                }));
                stream.close();
            }
            b"spin" => loop {
                std::hint::black_box(());
            },
            // It doesn't look whether anybody hears it.
            b"tick" => loop {
                stream.data(b"tick");
            },
            b"panic" => panic!("as told"),
            _ => stream.data(&event),
        }
    }

    fn close(&mut self, stream: &Stream) {
        kv::bucket("left").set(name(stream), b"yes").unwrap();
    }
}

fn name(stream: &Stream) -> &str {
    stream.info().param("name").unwrap_or_default()
}

#[rusm_rs::main]
fn run() {
    sse::serve(Feed);
}
