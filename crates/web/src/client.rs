//! The client side in callback style, as ws4py and Tornado's `on_message_callback` have it.
//!
//! Connections come from the `Connector` of `squall-tokio` or `squall-async-std`; in loop style, `recv` until it answers
//! `None`, this module is not needed.

use squall_io::{Error, Runtime, Transport, WebSocket};
use squall_proto::{CloseCode, Closed, ControlPayload, Event, Message};

use crate::{
    Close, Failure, Remote,
    channel::Socket,
    hook::{flatten, guarded},
    runner::Events,
};

/// What a client does when something happens on its connection. Only [`on_message`](Self::on_message) has to be written.
///
/// The hooks run strictly one after another. One that fails or panics closes the connection with 1011, and [`run`] answers with it.
pub trait Handler: Sized + Send {
    /// The connection is open: ws4py's `opened`.
    fn opened(&mut self, remote: &Remote) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = remote;
        async { Ok(()) }
    }

    /// A message arrived: ws4py's `received_message`, Tornado's `on_message_callback`.
    fn on_message(
        &mut self,
        remote: &Remote,
        message: Message,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A pong arrived: ws4py's `ponged`.
    fn on_pong(
        &mut self,
        remote: &Remote,
        payload: ControlPayload,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (remote, payload);
        async { Ok(()) }
    }

    /// The connection is over: ws4py's `closed`, Tornado's message of `None`.
    fn on_close(&mut self, close: &Close) -> impl Future<Output = ()> + Send {
        let _ = close;
        async {}
    }
}

/// Runs a handler on a connection until its end, and says how it ended. [`remote`] is for writing from elsewhere meanwhile.
///
/// # Errors
/// What a hook failed with, once the connection is closed.
///
/// # Cancel safety
/// Dropping the future ends the connection with 1001, without `on_close`.
pub async fn run<T, R>(
    socket: WebSocket<T, R>,
    handler: &mut impl Handler,
) -> Result<Close, Failure>
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    let subprotocol = socket.subprotocol().map(str::to_owned);
    let socket = Socket::new(socket, |_, _| Err(std::io::ErrorKind::Unsupported.into()));
    let remote = Remote::new(socket.channel, subprotocol);
    let mut events = Events::new(socket.receive, remote.clone());
    let mut result = events.during(handler.opened(&remote)).await;
    let close = loop {
        if result.is_err() && remote.is_open() {
            remote.close(CloseCode::INTERNAL_ERROR, "");
        }
        let hook = match events.next().await {
            Some(Event::Message(message)) if result.is_ok() => {
                events.during(handler.on_message(&remote, message)).await
            }
            Some(Event::Pong(payload)) if result.is_ok() => {
                events.during(handler.on_pong(&remote, payload)).await
            }
            Some(Event::Closed(closed)) => {
                let error = events.receive.error_of(&closed);
                break Close::new(closed, remote.initiator(), error);
            }
            Some(_) => Ok(()),
            // The last event is the one above.
            None => break Close::new(Closed::Aborted, remote.initiator(), Some(Error::Aborted)),
        };
        result = result.and(hook);
    };
    let last = flatten(guarded(handler.on_close(&close)).await.map(Ok));
    result.and(last).map(|()| close)
}

/// A handle that writes to a connection, and closes it, from any task while [`run`] has it.
pub fn remote<T, R>(socket: &WebSocket<T, R>) -> Remote
where
    T: Transport + Send + 'static,
    R: Runtime,
{
    let subprotocol = socket.subprotocol().map(str::to_owned);
    Remote::new(crate::channel::link(socket.sender()), subprotocol)
}
