//! The beginning of a connection that speaks TLS.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::deadline_guard::Linger;
use crate::error_response::ErrorResponse;
use crate::http1::Status;
use crate::shard::{FIRST_REQUEST, Interrupt, Phase};
use crate::socket::{Client, Disconnected, IDLE_INPUT};
use crate::tls::{Acceptor, Session};

/// Has the handshake with a client, in the time that a head may take. Returns `None` if there is no
/// connection: the client was told why, as far as it can be.
pub(crate) async fn accept(
    mut client: Client,
    peer: SocketAddr,
    acceptor: Acceptor,
) -> Option<Client> {
    let end = match handshake(&mut client, &acceptor).await {
        Ok(session) => {
            client.secure(Rc::new(session));
            return Some(client);
        }
        Err(end) => end,
    };
    let failures = client.shard.handshake_failures();
    match end {
        End::Disconnected => {}
        End::Expired => failures.note(peer, "it took too long".into()),
        End::Failed(error, alert) => {
            failures.note(peer, error.to_string());
            if client.write(alert).await.is_ok() {
                client.close(Linger::REJECTED).await;
            }
        }
        End::Plain(input) => {
            tracing::debug!(%peer, "a client speaks HTTP without TLS");
            client.reject_plain(&input).await;
        }
    }
    None
}

/// The end of a connection that has no TLS.
enum End {
    /// The client left, or sent nothing.
    Disconnected,
    /// It did not come to the end in time.
    Expired,
    /// The client broke the protocol, or wants what we do not have. The alert for it.
    Failed(rustls::Error, Vec<u8>),
    /// The client speaks HTTP without TLS, and began with this.
    Plain(Vec<u8>),
}

async fn handshake(client: &mut Client, acceptor: &Acceptor) -> Result<Session, End> {
    let first = match client.shard.is_draining() {
        true => FIRST_REQUEST.min(client.settings.idle_timeout),
        false => client.settings.idle_timeout,
    };
    client.guard.set_phase(Phase::Idle, Some(first));
    let mut input = Vec::with_capacity(IDLE_INPUT);
    read(client, &mut input).await?;
    if input.first().is_some_and(u8::is_ascii_uppercase) {
        return Err(End::Plain(input));
    }
    let timeout = client.settings.header_timeout;
    client.guard.set_phase(Phase::Head, Some(timeout));
    let deadline = client.guard.deadline();
    let session = Session::new(acceptor.current());
    let session = session.map_err(|error| End::Failed(error, Vec::new()))?;
    loop {
        if let Err(error) = session.take_in_all(&input) {
            let mut alert = Vec::new();
            session.take_sendable(&mut alert);
            return Err(End::Failed(error, alert));
        }
        if session.is_ended() && session.is_handshaking() {
            return Err(End::Disconnected);
        }
        if session.may_wait() {
            return Ok(session);
        }
        let mut out = client.shard.take_buffer();
        session.take_sendable(&mut out);
        if !out.is_empty() {
            client.write_until(out, deadline).await?;
        }
        if !session.is_handshaking() {
            return Ok(session);
        }
        if let Some(deadline) = deadline {
            client.guard.set_phase_until(Phase::Head, deadline);
        }
        input.clear();
        read(client, &mut input).await?;
    }
}

async fn read(client: &mut Client, input: &mut Vec<u8>) -> Result<(), End> {
    match client.read_more(input).await {
        Ok(0) | Err(_) if client.guard.phase() == Phase::Idle => Err(End::Disconnected),
        Ok(0) if client.guard.interrupted() == Some(Interrupt::Expired) => Err(End::Expired),
        Ok(0) | Err(_) => Err(End::Disconnected),
        Ok(_) => Ok(()),
    }
}

impl From<Disconnected> for End {
    fn from(_: Disconnected) -> Self {
        Self::Disconnected
    }
}

impl Client {
    /// Answers a client that speaks HTTP without TLS, which it understands, as nginx does.
    async fn reject_plain(mut self, input: &[u8]) {
        self.guard.recorder.begin_unparsed(input);
        let response =
            ErrorResponse::new(Status::BAD_REQUEST).with_text("this port speaks TLS: use https://");
        let written = self.write_unparsed_error(&response, input).await;
        self.guard.recorder.end();
        if written.is_ok() {
            self.close(Linger::REJECTED).await;
        }
    }
}

/// The alert for a client beyond the limit of connections: fatal, `internal_error` (RFC 8446 section
/// 6). A handshake with it would cost what there is too little of.
pub(crate) const OVER_LIMIT: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
