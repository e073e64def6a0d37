//! The receiving half.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use http::Response;
use squall_proto::{Closed, Delivery, Event, Fragment, Message, MessageKind, Utf8Bytes};

use super::{Agreed, Error, Sender, WebSocket, shared::Shared};
use crate::{Runtime, Transport};

/// The receiving half of a [`WebSocket`]. It is the half that the connection lives by: dropping it ends the connection.
#[derive(Debug)]
pub struct Receiver<T: Transport + Send + 'static, R: Runtime> {
    /// The other half, of which there can be any number: one for the calls of a [`WebSocket`] that send.
    sender: Sender<T, R>,
    /// Boxed, as on most connections nothing was.
    agreed: Option<Box<Agreed>>,
    pieces: Pieces,
    /// What the connection was last asked for; `None` where that is for the settings to say.
    delivery: Option<Delivery>,
}

/// How far the message is taken that comes in pieces.
#[derive(Debug)]
enum Pieces {
    /// There is none, or no piece of it has come.
    None,
    /// The application has had a piece, so that the rest is no message of its own.
    Given,
    /// Nobody has seen a piece: they are put together here, at most the largest message there may be.
    Kept(Box<Kept>),
}

/// A part of a message that was put together.
#[derive(Debug)]
struct Kept {
    kind: MessageKind,
    bytes: BytesMut,
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
    pub(super) fn new(sender: Sender<T, R>, agreed: Agreed) -> Self {
        let agreed = (!agreed.is_empty()).then(|| Box::new(agreed));
        Self { sender, agreed, pieces: Pieces::None, delivery: None }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<T, R>> {
        self.sender.shared()
    }

    pub(super) const fn sender(&self) -> &Sender<T, R> {
        &self.sender
    }

    pub(super) const fn sender_mut(&mut self) -> &mut Sender<T, R> {
        &mut self.sender
    }

    /// As [`WebSocket::recv`].
    ///
    /// # Errors
    /// As [`WebSocket::recv`].
    ///
    /// # Cancel safety
    /// Cancel-safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// [`recv`](Self::recv) for futures that are written by hand.
    ///
    /// # Errors
    /// As [`WebSocket::recv`].
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Error>> {
        self.ask_for(Delivery::Messages);
        loop {
            match ready!(self.shared().poll_event(cx)) {
                Some(Event::Message(message)) => return Poll::Ready(Ok(Some(message))),
                Some(Event::Fragment(fragment)) => {
                    if let Some(message) = self.put_together(fragment) {
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

    fn ask_for(&mut self, delivery: Delivery) {
        if self.delivery != Some(delivery) {
            self.shared().state().connection.set_delivery(delivery);
            self.delivery = Some(delivery);
        }
    }

    /// A message under way that began in pieces goes on so. The rest of one that the application has had a piece of is passed over;
    /// another is put together.
    fn put_together(&mut self, fragment: Fragment) -> Option<Message> {
        let Fragment { payload, is_final, .. } = fragment;
        match std::mem::replace(&mut self.pieces, Pieces::None) {
            Pieces::None if is_final => return Some(payload),
            Pieces::None => {
                let bytes = BytesMut::from(payload.as_bytes().as_ref());
                self.pieces = Pieces::Kept(Box::new(Kept { kind: payload.kind(), bytes }));
            }
            Pieces::Given if is_final => {}
            Pieces::Given => self.pieces = Pieces::Given,
            Pieces::Kept(mut kept) => {
                kept.bytes.extend_from_slice(payload.as_bytes());
                if is_final {
                    return kept.message();
                }
                self.pieces = Pieces::Kept(kept);
            }
        }
        None
    }

    /// As [`WebSocket::recv_fragment`].
    ///
    /// # Errors
    /// As [`WebSocket::recv`].
    ///
    /// # Cancel safety
    /// Cancel-safe: no piece is lost.
    pub async fn recv_fragment(&mut self) -> Result<Option<Fragment>, Error> {
        self.ask_for(Delivery::Fragments);
        loop {
            match self.recv_event().await {
                Some(Event::Message(message)) => return Ok(Some(Fragment::last(message))),
                Some(Event::Fragment(fragment)) => return Ok(Some(fragment)),
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
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// [`recv_event`](Self::recv_event) for futures that are written by hand.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Pieces::Kept(_) = &self.pieces
            && let Pieces::Kept(kept) = std::mem::replace(&mut self.pieces, Pieces::Given)
        {
            // A `recv` that was dropped had begun to put it together.
            let piece = kept.message().map(Fragment::more);
            return Poll::Ready(piece.map(Event::Fragment));
        }
        let event = ready!(self.shared().poll_event(cx));
        if let Some(Event::Fragment(fragment)) = &event {
            self.pieces = if fragment.is_final { Pieces::None } else { Pieces::Given };
        }
        Poll::Ready(event)
    }

    /// How the connection ended, once that is decided.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.shared().state().connection.closed().cloned()
    }

    /// The subprotocol that the handshake selected.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.agreed.as_ref()?.subprotocol.as_deref()
    }

    pub(super) fn response(&self) -> Option<&Response<()>> {
        self.agreed.as_ref()?.response.as_deref()
    }

    /// The error that an ending is, if it is one: what [`recv`](Self::recv) answers with, for those who take events. Why the stream
    /// failed is told once.
    #[must_use]
    pub fn error_of(&self, closed: &Closed) -> Option<Error> {
        Error::from_ending(closed, self.shared().state().take_error())
    }

    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    /// [`ReuniteError`] where they are not of one connection.
    pub fn reunite(self, sender: Sender<T, R>) -> Result<WebSocket<T, R>, ReuniteError<T, R>> {
        if Arc::ptr_eq(self.shared(), sender.shared()) {
            Ok(WebSocket { receiver: self })
        } else {
            Err(ReuniteError { receiver: self, sender })
        }
    }
}

impl Kept {
    /// The message that pieces make together; text is text again, as each piece was.
    fn message(self) -> Option<Message> {
        match self.kind {
            MessageKind::Binary => Some(Message::Binary(self.bytes.freeze())),
            MessageKind::Text => Utf8Bytes::try_from(self.bytes.freeze()).ok().map(Message::Text),
        }
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Drop for Receiver<T, R> {
    fn drop(&mut self) {
        self.shared().abandon();
    }
}
