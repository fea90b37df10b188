//! Responses before the final one (RFC 9110 section 15.2).

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use thiserror::Error;

use crate::http1::{InvalidHeader, ResponseHeaders};

/// The way to informational responses, such as 103 (Early Hints), to one request.
///
/// They are written in the order in which they were sent, as long as the final response has
/// not begun; after that, and to a client of HTTP/1.0, which doesn't know them, they are left
/// out.
#[derive(Clone, Default)]
pub struct Informational {
    queue: Rc<RefCell<Queue>>,
}

impl Informational {
    /// Sends an informational response.
    ///
    /// # Errors
    /// One that can't be sent: a status that is not of 102 to 199, or an invalid header.
    pub fn send<N, V>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), InvalidInformational>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        if !(102..=199).contains(&status) {
            return Err(InvalidInformational::Status(status));
        }
        let headers = headers.into_iter().map(|(name, value)| {
            let name = String::from_utf8_lossy(name.as_ref());
            (name.into_owned(), value.as_ref().to_vec())
        });
        let headers = ResponseHeaders::new(headers.collect())?;
        let mut queue = self.queue.borrow_mut();
        if !queue.closed {
            queue.heads.push(InformationalHead { status, headers });
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
        Ok(())
    }

    /// Takes the responses that were sent and are not written; `waker` is woken when there are more.
    pub(crate) fn take(&self, waker: &Waker) -> Vec<InformationalHead> {
        let mut queue = self.queue.borrow_mut();
        if queue.heads.is_empty() {
            queue.waker = Some(waker.clone());
        }
        std::mem::take(&mut queue.heads)
    }

    /// The final response begins. What was sent before and isn't written goes out before it.
    pub(crate) fn close(&self) -> Vec<InformationalHead> {
        let mut queue = self.queue.borrow_mut();
        queue.closed = true;
        queue.waker = None;
        std::mem::take(&mut queue.heads)
    }
}

impl fmt::Debug for Informational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Informational").finish_non_exhaustive()
    }
}

/// An informational response. Of its headers, those that are the host's are not sent.
pub(crate) struct InformationalHead {
    pub(crate) status: u16,
    pub(crate) headers: ResponseHeaders,
}

/// An informational response that can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidInformational {
    /// 100 and 101 are the host's to send.
    #[error("{0} is not the status of an informational response: use 102 to 199")]
    Status(u16),
    /// A header of it.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
}

#[derive(Default)]
struct Queue {
    heads: Vec<InformationalHead>,
    /// The waker of the connection that waits for the final response.
    waker: Option<Waker>,
    closed: bool,
}
