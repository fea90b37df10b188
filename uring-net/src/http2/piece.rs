//! A part of a response's content on its way to the socket.

use std::rc::Rc;

use bytes::{Buf, Bytes};

use crate::access::AccessRecorder;
use crate::memory::Reserved;

/// A part of the content, held until it is written. The request ends with its last part: then the
/// memory is given back, and the record is made.
pub(super) struct Piece {
    bytes: Bytes,
    request: Rc<Open>,
}

/// What lives as long as a request and all parts of its response.
pub(super) struct Open {
    pub(super) recorder: AccessRecorder,
    _reserved: std::cell::RefCell<Option<Reserved>>,
}

impl Open {
    pub(super) fn new(recorder: AccessRecorder) -> Rc<Self> {
        Rc::new(Self {
            recorder,
            _reserved: std::cell::RefCell::default(),
        })
    }

    /// Holds memory until the end.
    pub(super) fn hold(&self, reserved: Reserved) {
        *self._reserved.borrow_mut() = Some(reserved);
    }
}

impl Piece {
    pub(super) fn new(bytes: Bytes, request: Rc<Open>) -> Self {
        Self { bytes, request }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.request.recorder.wrote(count);
        self.bytes.advance(count);
    }
}
