//! The node's own standard streams, for guests that may write to them as they are.

/// Where guests write that may write to the node's standard streams. Called on the guest's shard,
/// so neither may wait: a reader that stands still costs text, and nobody's time.
#[derive(Clone, Copy, Debug)]
pub struct Stdio {
    /// Standard output.
    pub out: fn(&[u8]),
    /// Standard error.
    pub err: fn(&[u8]),
}

impl Stdio {
    /// Nothing is written.
    pub const NONE: Self = Self {
        out: |_| {},
        err: |_| {},
    };
}
