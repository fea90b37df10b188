//! The fields of a head on their way out.

/// Takes the fields of a head. They are valid.
pub(crate) trait Fields {
    /// Takes a field.
    fn field(&mut self, name: &[u8], value: &[u8]);

    /// Takes a field that was encoded before.
    fn line(&mut self, line: &Line);
}

/// The lines of HTTP/1.
impl Fields for Vec<u8> {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.extend_from_slice(name);
        self.extend_from_slice(b": ");
        self.extend_from_slice(value);
        self.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, line: &Line) {
        self.extend_from_slice(&line.bytes);
    }
}

/// A header with the end of its line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    name: Box<[u8]>,
    bytes: Vec<u8>,
}

impl Line {
    /// A header, which is valid.
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        Self {
            name: name.into(),
            bytes: [name, b": ", value, b"\r\n"].concat(),
        }
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn value(&self) -> &[u8] {
        let start = self.name.len() + ": ".len();
        let end = self.bytes.len().saturating_sub("\r\n".len());
        self.bytes.get(start..end).unwrap_or_default()
    }
}
