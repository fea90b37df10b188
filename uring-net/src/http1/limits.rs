//! Limits of heads.

/// The limits of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the request line without its line end; beyond, 414.
    pub request_line: usize,
    /// Bytes of all header lines and the empty line after them; beyond, 431.
    pub header_bytes: usize,
    /// Headers; beyond, 431.
    pub headers: usize,
}

impl Default for HeadLimits {
    /// 8 KiB of request line, 16 KiB and 100 headers.
    fn default() -> Self {
        Self {
            request_line: 8 << 10,
            header_bytes: 16 << 10,
            headers: 100,
        }
    }
}
