//! A stream of events: each message of the group `?name=` names a task.

#[rusm_rs::sse]
pub mod sse {
    use rusm_rs::{Event, Sse};

    pub fn open(sse: &Sse) {
        let info = sse.info();
        let name = info.query_param("name").unwrap_or_default();
        rusm_rs::register_tag(&name);
        sse.send(Event::new().data("open"));
    }

    pub fn message(sse: &Sse, message: Vec<u8>) {
        sse.send(Event::new().data(tasks::run(&String::from_utf8_lossy(&message))));
    }
}
