//! Events of a stream.

use std::time::Duration;

use crate::mail::millis;

/// A Server-Sent Event (WHATWG HTML, section 9.2).
///
/// ```
/// # use rusm_rs::Event;
/// let event = Event::new().id(7).name("price").data("41.50");
/// ```
///
/// The format allows no line break in a name or an id, and no NUL in an id. Such an event is not
/// sent, and the operator's log has a line about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub(super) data: Vec<u8>,
    pub(super) name: Option<String>,
    pub(super) id: Option<String>,
    pub(super) retry: Option<u32>,
}

impl Event {
    /// Creates an event without data.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the data: UTF-8, one line or several.
    #[must_use]
    pub fn data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    /// Sets the event type: the client dispatches it to listeners of that name instead of `message`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the id, which a reconnecting client sends back, see
    /// [`Sse::last_event_id`](crate::Sse::last_event_id).
    #[must_use]
    pub fn id(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }

    /// Sets how long the client waits before it reconnects.
    #[must_use]
    pub fn retry(mut self, wait: Duration) -> Self {
        self.retry = Some(u32::try_from(millis(wait)).unwrap_or(u32::MAX));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_what_it_was_given() {
        let event = Event::new()
            .id(7)
            .name("tick")
            .retry(Duration::from_micros(1500))
            .data("a\nb");
        assert_eq!(event.id.as_deref(), Some("7"));
        assert_eq!(event.name.as_deref(), Some("tick"));
        assert_eq!(event.retry, Some(2));
        assert_eq!(event.data, b"a\nb");
        assert_eq!(Event::new().retry(Duration::MAX).retry, Some(u32::MAX));
    }
}
