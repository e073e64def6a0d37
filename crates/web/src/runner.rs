//! An open connection and its handler, from `open` to `on_close`.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use squall_io::Error;
use squall_proto::{CloseCode, Closed, Event};

use crate::{
    Close, Failure, Handler, Hook, Remote, Request, Session,
    channel::{Receive, Socket},
    hook::{flatten, guard, guarded, poll_guarded},
};

/// How many events are kept while a hook runs. At most one of them is a message.
const AHEAD: usize = 16;

/// Runs the hooks of a connection until it is over.
pub(crate) async fn run<H: Handler>(
    mut handler: H,
    socket: Socket,
    request: Request,
    subprotocol: Option<String>,
) {
    let remote = Remote::new(socket.channel, subprotocol);
    let mut events = Events::new(socket.receive, remote.clone());
    let session = Session::new(remote, request);
    let mut is_open = true;
    let opened = events.during(handler.open(&session)).await;
    end_if_failed(&mut handler, &session, Hook::Open, opened, &mut is_open);
    let close = loop {
        let (hook, result) = match events.next().await {
            Some(Event::Message(message)) if is_open => {
                (Hook::Message, events.during(handler.on_message(&session, message)).await)
            }
            Some(Event::Ping(payload)) if is_open => {
                (Hook::Ping, events.during(handler.on_ping(&session, payload)).await)
            }
            Some(Event::Pong(payload)) if is_open => {
                (Hook::Pong, events.during(handler.on_pong(&session, payload)).await)
            }
            Some(Event::Closed(closed)) => {
                let error = events.receive.error_of(&closed);
                break Close::new(closed, session.initiator(), error);
            }
            Some(_) => continue,
            // The last event is the one above.
            None => break Close::new(Closed::Aborted, session.initiator(), Some(Error::Aborted)),
        };
        end_if_failed(&mut handler, &session, hook, result, &mut is_open);
    };
    drop(events);
    if let Err(panicked) = guarded(handler.on_close(&session, close)).await {
        session.request().report(Hook::Close, &panicked.into());
    }
}

/// Closes the connection of a hook that failed, and tells of it.
fn end_if_failed<H: Handler>(
    handler: &mut H,
    session: &Session,
    hook: Hook,
    result: Result<(), Failure>,
    is_open: &mut bool,
) {
    let Err(failure) = result else { return };
    *is_open = false;
    session.close(CloseCode::INTERNAL_ERROR, "");
    session.request().report(hook, &failure);
    if let Err(panicked) = guard(|| handler.on_error(session, &failure)) {
        session.request().report(Hook::Error, &panicked.into());
    }
}

/// The events of a connection, some of which came while a hook was running.
pub(crate) struct Events {
    pub(crate) receive: Box<dyn Receive>,
    remote: Remote,
    ahead: VecDeque<Event>,
}

impl Events {
    pub(crate) fn new(receive: Box<dyn Receive>, remote: Remote) -> Self {
        Self { receive, remote, ahead: VecDeque::new() }
    }

    /// The next event; what is queued is written before it waits for one.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self.ahead.pop_front() {
            Some(event) => Some(event),
            None => poll_fn(|cx| self.receive.poll_event(cx)).await,
        }
    }

    /// Runs a hook, and the connection while the hook waits: queued messages are written, pings answered, deadlines judged.
    pub(crate) async fn during(
        &mut self,
        hook: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let mut hook = pin!(hook);
        let result = poll_fn(|cx| {
            self.remote.set_in_hook(true);
            let polled = poll_guarded(hook.as_mut(), cx);
            self.remote.set_in_hook(false);
            if polled.is_pending() {
                self.poll_ahead(cx);
            }
            polled
        });
        flatten(result.await)
    }

    /// Drives the connection up to its next message.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        let is_full = |ahead: &VecDeque<Event>| {
            ahead.len() >= AHEAD || ahead.back().is_some_and(is_message_or_end)
        };
        while !is_full(&self.ahead) {
            match self.receive.poll_event(cx) {
                Poll::Ready(Some(event)) => self.ahead.push_back(event),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
        // Whether it is over is for the next event to say.
        let _ = self.remote.channel().poll_flushed(cx);
    }
}

const fn is_message_or_end(event: &Event) -> bool {
    matches!(event, Event::Message(_) | Event::Fragment(_) | Event::Closed(_))
}
