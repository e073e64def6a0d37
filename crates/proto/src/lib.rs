//! The WebSocket protocol (RFC 6455) as state machines that do no I/O.
//!
//! This crate reads no socket, no clock and no random source. Bytes, time and entropy are arguments; events and bytes come
//! out. Whoever has a byte stream can run it: a thread, an event loop, an async runtime, a test, a fuzzer. For tokio and
//! async-std there are adapters (`squall-tokio`, `squall-async-std`); this crate is for everything else.
//!
//! There are three machines, each a [`Machine`]:
//!
//! - [`handshake::ServerHandshake`] turns a request's bytes into an upgrade to accept or reject,
//! - [`handshake::ClientHandshake`] sends a request and judges the answer,
//! - [`Connection`] is what both end in: messages, pings and the closing handshake.
//!
//! # The loop
//!
//! Every caller drives every machine in the same way: take events until there are none, write what there is to write,
//! then wait for whichever comes first, bytes or the timer. Here it runs on a byte stream held in memory, with the echo of one
//! message:
//!
//! ```
//! use std::{io::{Read, Write}, sync::Arc, time::{Duration, Instant}};
//!
//! use bytes::{Buf, BytesMut};
//! use squall_proto::{Closed, Config, Connection, Event, Machine};
//!
//! /// Runs a connection on a blocking stream until it ends, and answers each message with itself.
//! fn echo(mut stream: impl Read + Write, mut clock: impl FnMut() -> Instant) -> std::io::Result<Closed> {
//!     let mut connection = Connection::server(Arc::new(Config::default()), clock());
//!     let mut input = BytesMut::new();
//!     let mut closed = Closed::Aborted;
//!     loop {
//!         // 1. Take events until there are none.
//!         while let Some(event) = connection.poll_event(clock(), &mut input) {
//!             match event {
//!                 // A message that cannot be sent any more, because the peer has closed, is no error here.
//!                 Event::Message(message) => drop(connection.send(clock(), message)),
//!                 Event::Closed(how) => closed = how,
//!                 _ => {}
//!             }
//!         }
//!         // 2. Write what there is to write.
//!         while connection.transmit().has_remaining() {
//!             let written = stream.write(connection.transmit().chunk())?;
//!             connection.transmit().advance(written);
//!         }
//!         // 3. Stop at the end; else wait for bytes or for the timer (here: for bytes only).
//!         if connection.is_finished() {
//!             return Ok(closed);
//!         }
//!         let mut bytes = [0; 4096];
//!         match stream.read(&mut bytes)? {
//!             0 => connection.handle_eof(clock()),
//!             count => input.extend_from_slice(&bytes[..count]),
//!         }
//!         if connection.poll_timeout().is_some_and(|deadline| deadline <= clock()) {
//!             connection.handle_timeout(clock());
//!         }
//!     }
//! }
//! # struct Duplex(std::io::Cursor<Vec<u8>>, Vec<u8>);
//! # impl Read for Duplex { fn read(&mut self, b: &mut [u8]) -> std::io::Result<usize> { self.0.read(b) } }
//! # impl Write for Duplex {
//! #     fn write(&mut self, b: &[u8]) -> std::io::Result<usize> { self.1.write(b) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # let received = b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0".to_vec();
//! # let mut stream = Duplex(std::io::Cursor::new(received), Vec::new());
//! # struct ByRef<'a>(&'a mut Duplex);
//! # impl Read for ByRef<'_> { fn read(&mut self, b: &mut [u8]) -> std::io::Result<usize> { self.0.read(b) } }
//! # impl Write for ByRef<'_> {
//! #     fn write(&mut self, b: &[u8]) -> std::io::Result<usize> { self.0.write(b) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # let closed = echo(ByRef(&mut stream), Instant::now).unwrap();
//! # assert_eq!(closed, Closed::Clean(None));
//! # assert_eq!(stream.1, b"\x81\x02hi\x88\x00");
//! ```
//!
//! `docs/EMBEDDING.md` in the repository explains the loop step by step, with timers and many connections; the examples
//! `blocking_echo` and `mio_echo` are whole programs.
//!
//! # What cannot go wrong
//!
//! No input panics, no call order is wrong, and every limit and every timeout is finite by default ([`Config`],
//! [`HandshakeConfig`]). A violation by the peer is not an error of a call but an event, [`Closed::Violation`], after the Close
//! frame that answers it is queued.

mod buffers;
mod close;
mod config;
pub mod connection;
pub mod deflate;
mod entropy;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod machine;
mod mask;
mod message;
mod text;
mod timer;
mod transmit;
mod utf8;

pub use buffers::ReadBuffer;
pub use close::{CloseCode, CloseFrame, InvalidCloseCode, ReasonTooLong};
pub use config::{Config, Delivery, HandshakeConfig, KeepAlive, WriteMarks};
pub use connection::{Connection, Initiator, Role, Stats};
pub use entropy::{Entropy, EntropyError};
pub use error::{ProtocolError, SendError};
pub use event::{Closed, Deadline, Event};
pub use frame::{ControlPayload, PayloadTooLong};
pub use machine::Machine;
pub use mask::apply_mask;
pub use message::{Fragment, Message, MessageKind};
pub use text::{InvalidUtf8, Utf8Bytes};
pub use transmit::Transmit;
pub use utf8::Utf8Validator;

/// The code of the guide compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/EMBEDDING.md")]
struct Embedding;
