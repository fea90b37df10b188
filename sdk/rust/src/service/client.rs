//! Caller's side of calls: the methods of a typed client.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::{self, Chunk};
use crate::bindings::rusm::runtime::actor;
use crate::{CallError, Pid, Stream};

/// The callee of a client, and its timeout.
#[derive(Clone, Debug)]
pub struct Connection {
    to: Callee,
    timeout: Duration,
}

#[derive(Clone, Debug)]
enum Callee {
    Process(Pid),
    /// A fresh process of this component for each call.
    Fresh(String),
}

impl Connection {
    /// Connects to the process of that name.
    pub fn whereis(name: &str) -> Result<Self, CallError> {
        crate::whereis(name)
            .map(Self::to)
            .ok_or_else(|| CallError::NoName(name.to_owned()))
    }

    /// Connects to a process.
    pub fn to(pid: Pid) -> Self {
        Self {
            to: Callee::Process(pid),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Starts a process and connects to it.
    pub fn spawn(component: &str) -> Result<Self, String> {
        crate::spawn(component).map(Self::to)
    }

    /// Connects to a fresh process for each call.
    pub fn fresh(component: &str) -> Self {
        Self {
            to: Callee::Fresh(component.to_owned()),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Sets how long a call waits for its result.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the process, if it is the same for all calls.
    pub fn pid(&self) -> Option<Pid> {
        match self.to {
            Callee::Process(pid) => Some(pid),
            Callee::Fresh(_) => None,
        }
    }

    /// Calls a function that returns a value.
    pub fn call<A: Serialize, R: DeserializeOwned>(
        &self,
        function: &str,
        arguments: &A,
    ) -> Result<R, CallError> {
        match &self.to {
            Callee::Process(pid) => crate::call(*pid, function, arguments, self.timeout),
            Callee::Fresh(component) => crate::run(component, function, arguments, self.timeout),
        }
    }

    /// Calls a function without waiting for it.
    pub fn cast<A: Serialize>(&self, function: &str, arguments: &A) -> Result<(), CallError> {
        match &self.to {
            Callee::Process(pid) => crate::cast(*pid, function, arguments),
            // Nobody would end the process when it has done with it.
            Callee::Fresh(_) => Err(CallError::Failed(
                "a fresh process takes calls alone: cast to one that was spawned".to_owned(),
            )),
        }
    }

    /// Calls a function that returns an iterator.
    pub fn items<A: Serialize, T>(&self, function: &str, arguments: &A) -> Items<T> {
        let source = match self.open(function, arguments) {
            Ok(reply) => Source::Reply(reply),
            Err(error) => Source::Error(error),
        };
        Items {
            source,
            item: PhantomData,
        }
    }

    /// Calls a function that takes callbacks. `callbacks` are in the order of its parameters.
    pub fn call_with_callbacks<A: Serialize, R: DeserializeOwned>(
        &self,
        function: &str,
        arguments: &A,
        callbacks: &mut [&mut CallbackFn<'_>],
    ) -> Result<R, CallError> {
        let reply = self.open(function, arguments)?;
        loop {
            let Some(chunk) = reply.read()? else {
                return Err(CallError::Decode("the stream ended early".to_owned()));
            };
            match Chunk::decode(&chunk) {
                Some(Chunk::Answer(answer)) => return wire::answer(answer),
                Some(Chunk::Callback { index, argument }) => {
                    let callback = usize::try_from(index)
                        .ok()
                        .and_then(|index| callbacks.get_mut(index));
                    match callback {
                        Some(callback) => callback(argument)?,
                        None => return Err(not_a_chunk()),
                    }
                }
                Some(Chunk::Item(_)) | None => return Err(not_a_chunk()),
            }
        }
    }

    fn open<A: Serialize>(&self, function: &str, arguments: &A) -> Result<Reply, CallError> {
        let arguments = wire::arguments(arguments)?;
        let (to, fresh) = match &self.to {
            Callee::Process(pid) => (*pid, None),
            Callee::Fresh(component) => {
                let pid = crate::spawn(component).map_err(CallError::Failed)?;
                (pid, Some(pid))
            }
        };
        let stream = actor::call_stream(to.0, function, &arguments);
        Ok(Reply {
            stream: Some(Stream::from_handle(stream)),
            fresh,
        })
    }
}

/// A closure behind the wire.
pub(super) type CallbackFn<'a> = dyn FnMut(&[u8]) -> Result<(), CallError> + 'a;

/// A closure of the author's, behind the wire.
pub fn callback<A: DeserializeOwned>(
    mut closure: impl FnMut(A),
) -> impl FnMut(&[u8]) -> Result<(), CallError> {
    move |argument| wire::answer(argument).map(&mut closure)
}

/// The items of a function that returns an iterator, as they arrive. An error is the last item.
///
/// Dropping it ends the function's stream.
#[derive(Debug)]
pub struct Items<T> {
    source: Source,
    item: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Source {
    Reply(Reply),
    /// There is no stream: to be told once.
    Error(CallError),
    Ended,
}

impl<T: DeserializeOwned> Iterator for Items<T> {
    type Item = Result<T, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Reply(reply) => {
                let next = reply.read_item().transpose();
                if let Some(Ok(_)) = next {
                    self.source = Source::Reply(reply);
                }
                next
            }
            Source::Error(error) => Some(Err(error)),
            Source::Ended => None,
        }
    }
}

/// The reading end of the stream that answers a call.
#[derive(Debug)]
struct Reply {
    /// Always there, until it is dropped.
    stream: Option<Stream>,
    /// A process that was started for this call.
    fresh: Option<Pid>,
}

impl Reply {
    fn read(&self) -> Result<Option<Vec<u8>>, CallError> {
        let Some(stream) = &self.stream else {
            return Ok(None);
        };
        match stream.read() {
            Some(chunk) => Ok(Some(chunk)),
            None => match stream.failure() {
                Some(why) => Err(CallError::from_failure(why)),
                None => Ok(None),
            },
        }
    }

    fn read_item<T: DeserializeOwned>(&self) -> Result<Option<T>, CallError> {
        let Some(chunk) = self.read()? else {
            return Ok(None);
        };
        match Chunk::decode(&chunk) {
            Some(Chunk::Item(item)) => wire::answer(item).map(Some),
            _ => Err(not_a_chunk()),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.close();
        }
        if let Some(pid) = self.fresh {
            crate::kill(pid);
        }
    }
}

fn not_a_chunk() -> CallError {
    CallError::Decode("the stream carries something else".to_owned())
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
