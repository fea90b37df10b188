//! A stream of Server-Sent Events of one topic, with a process for each client. The group
//! `feed:<topic>` has these processes; the group `watch:<topic>` is told who left.

#[rusm_rs::sse]
pub mod feed {
    use rusm_rs::{Event, Sse};

    pub struct State {
        topic: String,
        /// The id of the last event.
        last: u64,
    }

    pub fn init(sse: &Sse) -> State {
        let topic = sse.info().param("topic").unwrap_or_default().to_owned();
        State { topic, last: 0 }
    }

    /// Says `hello`, and to a client that comes again also what it saw last.
    pub fn open(state: &mut State, sse: &Sse) {
        rusm_rs::register_tag(&format!("feed:{}", state.topic));
        let hello = match sse.last_event_id() {
            Some(id) => format!("hello after {id}"),
            None => "hello".to_owned(),
        };
        sse.send(Event::new().id(state.last).name("hello").data(hello));
    }

    /// Passes it on with the next id. `bye` ends the stream, `trap` and `exit` the process.
    pub fn message(state: &mut State, sse: &Sse, message: Vec<u8>) {
        match &*message {
            b"bye" => return sse.close(),
            b"trap" => panic!("as it was told"),
            b"exit" => rusm_rs::exit(Some("had enough")),
            _ => {}
        }
        state.last += 1;
        sse.send(Event::new().id(state.last).data(message));
    }

    /// Tells how many events the client that left was sent after the first.
    pub fn close(state: &mut State) {
        let State { topic, last } = state;
        rusm_rs::publish(&format!("watch:{topic}"), format!("left {last}").as_bytes());
    }
}
