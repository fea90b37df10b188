//! Header fields as WIT carries them: the name in lower case, the value as bytes.

/// One header field.
pub(crate) type Header = (String, Vec<u8>);

/// A field with its name brought to lower case.
pub(crate) fn header(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Header {
    let mut name = name.into();
    name.make_ascii_lowercase();
    (name, value.into())
}

/// The fields with their values as bytes.
pub(crate) fn iter(headers: &[Header]) -> impl Iterator<Item = (&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
}

/// The value of the first field of that name, in whatever case.
pub(crate) fn get<'a>(headers: &'a [Header], name: &str) -> Option<&'a [u8]> {
    iter(headers)
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
