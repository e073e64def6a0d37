//! The receiving half.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use squall_proto::{Closed, Delivery, Event, Fragment, Message};

use super::{Agreed, Error, Sender, WebSocket, recv_event, shared::Shared};
use crate::{Runtime, Transport};

/// The receiving half of a [`WebSocket`]. It is the half that the connection lives by: dropping it ends the connection.
#[derive(Debug)]
pub struct Receiver<T: Transport + Send + 'static, R: Runtime> {
    shared: Arc<Shared<T, R>>,
    agreed: Agreed,
    /// Whether a message was begun in pieces, so that the rest of it is no message of its own.
    in_pieces: bool,
}

/// The two halves are not of one connection; here they are again.
#[derive(Debug, thiserror::Error)]
#[error("the two halves are not of one connection")]
#[non_exhaustive]
pub struct ReuniteError<T: Transport + Send + 'static, R: Runtime> {
    /// The half that receives.
    pub receiver: Receiver<T, R>,
    /// The half that sends.
    pub sender: Sender<T, R>,
}

impl<T: Transport + Send + 'static, R: Runtime> Receiver<T, R> {
    pub(super) const fn new(shared: Arc<Shared<T, R>>, agreed: Agreed) -> Self {
        Self { shared, agreed, in_pieces: false }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<T, R>> {
        &self.shared
    }

    /// As [`WebSocket::recv`].
    ///
    /// # Errors
    /// As [`WebSocket::recv`].
    ///
    /// # Cancel safety
    /// Cancel-safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// [`recv`](Self::recv) for futures that are written by hand.
    ///
    /// # Errors
    /// As [`WebSocket::recv`].
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        if self.in_pieces {
            self.shared.state().connection.set_delivery(Delivery::Messages);
        }
        loop {
            match ready!(self.shared.poll_event(cx)) {
                Some(Event::Message(message)) => return Poll::Ready(Ok(Some(message))),
                Some(Event::Fragment(fragment)) => {
                    if let Some(message) = self.skip_piece(fragment) {
                        return Poll::Ready(Ok(Some(message)));
                    }
                }
                Some(Event::Closed(closed)) => {
                    return Poll::Ready(self.error_of(&closed).map_or(Ok(None), Err));
                }
                Some(_) => {}
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// The rest of a message that was begun in pieces is passed over; a piece that is a message of its own is one.
    fn skip_piece(&mut self, fragment: Fragment) -> Option<Message> {
        let is_whole = fragment.is_final && !self.in_pieces;
        self.in_pieces = !fragment.is_final;
        is_whole.then_some(fragment.payload)
    }

    /// As [`WebSocket::recv_fragment`].
    ///
    /// # Errors
    /// As [`WebSocket::recv`].
    ///
    /// # Cancel safety
    /// Cancel-safe: no piece is lost.
    pub async fn recv_fragment(&mut self) -> Result<Option<Fragment>, Error> {
        self.shared.state().connection.set_delivery(Delivery::Fragments);
        loop {
            match recv_event(&self.shared).await {
                Some(Event::Message(message)) => return Ok(Some(Fragment::last(message))),
                Some(Event::Fragment(fragment)) => {
                    self.in_pieces = !fragment.is_final;
                    return Ok(Some(fragment));
                }
                Some(Event::Closed(closed)) => return self.error_of(&closed).map_or(Ok(None), Err),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// As [`WebSocket::recv_event`].
    ///
    /// # Cancel safety
    /// Cancel-safe: no event is lost.
    pub async fn recv_event(&mut self) -> Option<Event> {
        recv_event(&self.shared).await
    }

    /// [`recv_event`](Self::recv_event) for futures that are written by hand.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.shared.poll_event(cx)
    }

    /// How the connection ended, once that is decided.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.shared.state().connection.closed().cloned()
    }

    /// The subprotocol that the handshake selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.agreed.subprotocol.as_deref()
    }

    pub(super) fn response(&self) -> Option<&Response<()>> {
        self.agreed.response.as_deref()
    }

    pub(super) fn error_of(&self, closed: &Closed) -> Option<Error> {
        Error::from_ending(closed, self.shared.state().take_error())
    }

    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    /// [`ReuniteError`] where they are not of one connection.
    #[expect(clippy::result_large_err, reason = "the halves are given back")]
    pub fn reunite(self, sender: Sender<T, R>) -> Result<WebSocket<T, R>, ReuniteError<T, R>> {
        if Arc::ptr_eq(&self.shared, sender.shared()) {
            Ok(WebSocket { receiver: self, sender })
        } else {
            Err(ReuniteError { receiver: self, sender })
        }
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Drop for Receiver<T, R> {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}
