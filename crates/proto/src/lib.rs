//! The WebSocket protocol (RFC 6455) as state machines that do no I/O.
#![cfg_attr(not(test), doc = "")]

mod close;
mod config;
pub mod connection;
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
