//! Fields and heads in the form of the `http` crate.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::http1::{Fields, Line};

/// Gathers the fields of a head.
#[derive(Default)]
pub(super) struct FieldMap {
    map: HeaderMap,
    /// Set if there were more than a map has room for.
    is_full: bool,
}

impl FieldMap {
    /// Returns the head, if it can be sent.
    pub(super) fn into_head(self, status: u16) -> Option<Response<()>> {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::from_u16(status).ok()?;
        *head.headers_mut() = self.into_map()?;
        Some(head)
    }

    /// Returns the fields, if they can be sent.
    pub(super) fn into_map(self) -> Option<HeaderMap> {
        (!self.is_full).then_some(self.map)
    }
}

impl Fields for FieldMap {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        // They are valid: only their number can be too large.
        let added = match (name, value) {
            (Ok(name), Ok(value)) => self.map.try_append(name, value).is_ok(),
            _ => false,
        };
        self.is_full |= !added;
    }

    fn line(&mut self, line: &Line) {
        self.field(line.name(), line.value());
    }
}
