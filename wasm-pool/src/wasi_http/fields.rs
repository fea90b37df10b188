//! Header fields that are for one connection alone.

use http::{HeaderMap, HeaderName, header};

/// Remove the fields that `Connection` nominates: they are for the server that gets them, and who
/// forwards the message has to leave them out (RFC 9110, section 7.6.1). What frames the message
/// or says whom it is for can't be nominated away.
pub(super) fn remove_nominated(fields: &mut HeaderMap) {
    let options = fields.get_all(header::CONNECTION).iter();
    let options = options.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let nominated: Vec<_> = options
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        .filter(|name| !frames_or_routes(name))
        .collect();
    for name in nominated {
        fields.remove(name);
    }
}

fn frames_or_routes(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::CONTENT_LENGTH
        || *name == header::HOST
        || *name == header::TRANSFER_ENCODING
}
