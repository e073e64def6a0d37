//! The message under way.

use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::compressed::Inflated;
use crate::{Delivery, Message, MessageKind, Utf8Bytes, Utf8Validator, buffers::AssemblyBuffer};

/// A message under way.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) kind: MessageKind,
    /// Bytes that its frames have declared so far, and how many frames there were.
    pub(super) declared: usize,
    pub(super) frames: usize,
    pub(super) utf8: Utf8Validator,
    pub(super) assembly: Assembly,
    /// Since when its rest is waited for.
    pub(super) waiting_since: Option<Instant>,
}

/// How the payload of a message gets to the application.
#[derive(Debug)]
pub(super) enum Assembly {
    /// Whole: the frames before the current one.
    Whole(AssemblyBuffer),
    /// In pieces; the start of a code point that the last piece could not include.
    Pieces(BytesMut),
    /// Inflated, then either.
    Inflated(Inflated),
}

impl Incoming {
    pub(super) fn new(kind: MessageKind, delivery: Delivery, compressed: bool) -> Self {
        let assembly = match delivery {
            _ if compressed => Assembly::Inflated(Inflated::new(delivery)),
            Delivery::Messages => Assembly::Whole(AssemblyBuffer::default()),
            Delivery::Fragments => Assembly::Pieces(BytesMut::new()),
        };
        Self {
            kind,
            declared: 0,
            frames: 0,
            utf8: Utf8Validator::new(),
            assembly,
            waiting_since: None,
        }
    }

    /// Whether it is collected until it is whole.
    pub(super) fn is_collected(&self) -> bool {
        match &self.assembly {
            Assembly::Whole(_) => true,
            Assembly::Pieces(_) => false,
            Assembly::Inflated(inflated) => inflated.is_collected(),
        }
    }

    /// Whether it is compressed.
    pub(super) const fn is_compressed(&self) -> bool {
        matches!(self.assembly, Assembly::Inflated(_))
    }

    /// How many bytes its frames may carry: a little more than the message where DEFLATE makes it longer.
    pub(super) const fn wire_limit(&self, message_limit: usize) -> usize {
        if self.is_compressed() {
            message_limit.saturating_add(message_limit / 64 + 64)
        } else {
            message_limit
        }
    }
}

impl MessageKind {
    /// The message of this kind; text has been validated as it arrived.
    pub(super) fn message(self, payload: Bytes) -> Message {
        match self {
            Self::Text => Message::Text(Utf8Bytes::from_validated(payload)),
            Self::Binary => Message::Binary(payload),
        }
    }
}
