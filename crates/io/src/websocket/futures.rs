//! The traits of the futures crates: a connection is a stream and a sink of messages.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use squall_proto::{Closed, Message, SendError};

use super::{Error, Receiver, Sender, WebSocket, shared::Until};
use crate::{Runtime, Transport};

impl<T: Transport + Send + 'static, R: Runtime> Stream for Receiver<T, R> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx).map(Result::transpose)
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Stream for WebSocket<T, R> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(cx).map(Result::transpose)
    }
}

impl<T: Transport + Send + 'static, R: Runtime> FusedStream for Receiver<T, R> {
    fn is_terminated(&self) -> bool {
        self.shared().state().transport().is_none()
    }
}

impl<T: Transport + Send + 'static, R: Runtime> FusedStream for WebSocket<T, R> {
    fn is_terminated(&self) -> bool {
        self.receiver.is_terminated()
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Sink<Message> for Sender<T, R> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(ready!(self.shared().poll_sent(cx, Until::Room))?))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Ok(self.shared().queue_message(message)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(ready!(self.shared().poll_sent(cx, Until::Written))?))
    }

    /// Sends a Close frame without a body; the receiving half completes the closing handshake.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.begin_close(None)?;
        self.shared().poll_sent(cx, Until::Written).map(|_| Ok(()))
    }
}

impl<T: Transport + Send + 'static, R: Runtime> Sink<Message> for WebSocket<T, R> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(self.receiver.sender_mut()).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Pin::new(self.receiver.sender_mut()).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(self.receiver.sender_mut()).poll_flush(cx)
    }

    /// Closes the connection and waits for the end of the closing handshake; messages that still arrive are dropped.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.begin_close(None)?;
        while ready!(self.poll_event(cx)).is_some() {}
        Poll::Ready(match self.closed() {
            Some(Closed::Clean(_)) => Ok(()),
            Some(closed) => {
                Err(self.receiver.error_of(&closed).unwrap_or(SendError::Closed.into()))
            }
            None => Err(SendError::Closed.into()),
        })
    }
}
