//! A connection that sends back what it receives, in trains of sixteen messages, as a pipelining peer sends them.

use std::{sync::Arc, time::Instant};

use bytes::BytesMut;
use squall_proto::{Config, Connection, Event, Machine, Role, SendError, frame::Opcode};

use crate::{FixedKeys, frame, read_into, write_all};

/// The messages of one train.
pub const TRAIN: usize = 16;

/// What the messages consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "only measurements use it")]
pub enum Content {
    /// Bytes.
    Binary,
    /// Text of one byte a character.
    Ascii,
    /// Text of two to four bytes a character.
    OtherText,
}

impl Content {
    /// A payload of `size` bytes.
    #[must_use]
    pub fn payload(self, size: usize) -> Vec<u8> {
        let unit = match self {
            Self::Binary => "\u{1}",
            Self::Ascii => "plain words ",
            Self::OtherText => "λόγος 你好 🌧 ",
        };
        let mut payload = unit.repeat(size / unit.len()).into_bytes();
        payload.resize(size, b'-');
        payload
    }

    const fn opcode(self) -> Opcode {
        match self {
            Self::Binary => Opcode::Binary,
            Self::Ascii | Self::OtherText => Opcode::Text,
        }
    }
}

/// A connection and the train of messages that it echoes.
#[derive(Debug)]
pub struct Echo {
    connection: Connection,
    train: Vec<u8>,
    input: BytesMut,
    now: Instant,
}

impl Echo {
    /// A connection of this role that echoes messages of `size` bytes.
    #[must_use]
    pub fn new(role: Role, content: Content, size: usize) -> Self {
        let now = Instant::now();
        let config = Arc::new(Config::default());
        let connection = match role {
            Role::Client => Connection::client(config, Box::new(FixedKeys), now),
            Role::Server => Connection::server(config, now),
        };
        let masked = role == Role::Server;
        let train = frame(content.opcode(), true, &content.payload(size), masked).repeat(TRAIN);
        Self { connection, train, input: BytesMut::new(), now }
    }

    /// The wire bytes of a train.
    #[must_use]
    pub const fn train_len(&self) -> usize {
        self.train.len()
    }

    /// Receives a train in one read, answers it, and writes the answers; returns how many bytes those were.
    ///
    /// # Errors
    /// [`SendError`], when the connection is closed; it is not.
    pub fn train(&mut self) -> Result<usize, SendError> {
        read_into(&mut self.input, &self.train);
        while let Some(event) = self.connection.poll_event(self.now, &mut self.input) {
            if let Event::Message(message) = event {
                self.connection.send(self.now, message)?;
            }
        }
        Ok(write_all(self.connection.transmit()))
    }
}
