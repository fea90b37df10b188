//! Sections of a core module or component, as bytes.

use wasm_encoder::Encode;

/// Writes a section: its id, its size, its content.
pub(crate) fn write(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    content.encode(out);
}

/// Items of a section, encoded.
#[derive(Default)]
pub(crate) struct Items {
    count: u32,
    bytes: Vec<u8>,
}

impl Items {
    /// Those of a section that is there: its content, without the count.
    pub(crate) fn of(count: u32, bytes: &[u8]) -> Self {
        let bytes = bytes.to_vec();
        Self { count, bytes }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Adds an item; its position.
    pub(crate) fn add(&mut self, item: impl FnOnce(&mut Vec<u8>)) -> u32 {
        item(&mut self.bytes);
        self.count += 1;
        self.count - 1
    }

    /// Writes the section, if it has any items.
    pub(crate) fn write(&self, out: &mut Vec<u8>, id: u8) {
        if self.count > 0 {
            let mut content = Vec::with_capacity(self.bytes.len() + 5);
            self.count.encode(&mut content);
            content.extend_from_slice(&self.bytes);
            write(out, id, &content);
        }
    }
}
