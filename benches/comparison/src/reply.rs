//! What comes back: counted message by message, and the first one of every connection compared with what was sent.

use anyhow::{Context, Result, bail, ensure};
use flate2::{Decompress, FlushDecompress};

use crate::{
    frame::{self, Header, HeaderReader},
    traffic::Traffic,
};

/// How a message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// With WebSocket frames.
    WebSocket,
    /// With the bytes that came.
    Bytes,
}

/// The replies of one connection.
#[derive(Debug)]
pub struct Replies<'t> {
    traffic: &'t Traffic,
    /// The message that is being answered.
    index: usize,
    /// What has come of the first reply, until it is complete and right.
    first: Option<Vec<u8>>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Bytes { left: usize },
    Frames(Frames),
}

#[derive(Debug, Default)]
struct Frames {
    reader: HeaderReader,
    /// The frame that is being received.
    header: Option<Header>,
    /// How much of its payload has come.
    received: usize,
    /// The message was marked as compressed by its first frame (RFC 7692 §6).
    compressed: bool,
    message_len: usize,
}

impl<'t> Replies<'t> {
    /// Expects `traffic` from message `index` on, and so on in its order.
    pub fn new(traffic: &'t Traffic, index: usize, protocol: Protocol) -> Self {
        let form = match protocol {
            Protocol::Bytes => Form::Bytes { left: traffic.wire_len(index) },
            Protocol::WebSocket => Form::Frames(Frames::default()),
        };
        Self { traffic, index, first: Some(Vec::new()), form }
    }

    /// Takes what was read, and returns how many messages it completed.
    ///
    /// # Errors
    ///
    /// When the answer is not the message that was sent: in its length for each, in its bytes for the first.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.form {
            Form::Bytes { .. } => self.push_bytes(bytes),
            Form::Frames(_) => self.push_frames(bytes),
        }
    }

    fn push_bytes(&mut self, mut bytes: &[u8]) -> Result<usize> {
        let Form::Bytes { left } = &mut self.form else { bail!("not a byte stream") };
        let mut complete = 0;
        while !bytes.is_empty() {
            let (taken, rest) = bytes.split_at((*left).min(bytes.len()));
            bytes = rest;
            *left -= taken.len();
            if let Some(first) = &mut self.first {
                first.extend_from_slice(taken);
            }
            if *left > 0 {
                continue;
            }
            if let Some(first) = self.first.take() {
                ensure!(
                    first == self.traffic.wire(self.index, 1),
                    "the first reply has other bytes than its message"
                );
            }
            complete += 1;
            self.index = (self.index + 1) % self.traffic.len();
            *left = self.traffic.wire_len(self.index);
        }
        Ok(complete)
    }

    fn push_frames(&mut self, mut bytes: &[u8]) -> Result<usize> {
        let Form::Frames(frames) = &mut self.form else { bail!("not a stream of frames") };
        let mut complete = 0;
        loop {
            let Some(header) = frames.header.or_else(|| frames.reader.take(&mut bytes)) else {
                return Ok(complete);
            };
            if frames.received == 0 {
                let is_masked = header.key.is_some();
                ensure!(
                    is_masked != self.traffic.is_masked(),
                    "both ends mask their frames, or neither does"
                );
            }
            let (taken, rest) = bytes.split_at((header.len - frames.received).min(bytes.len()));
            bytes = rest;
            if !header.is_control() {
                frames.message_len += taken.len();
                if let Some(first) = &mut self.first {
                    let start = first.len();
                    first.extend_from_slice(taken);
                    let key = header.key.unwrap_or_default();
                    let taken = first.get_mut(start..).unwrap_or_default();
                    frame::mask_in_place(taken, key, frames.received);
                }
            }
            frames.received += taken.len();
            if frames.received < header.len {
                frames.header = Some(header);
                return Ok(complete);
            }
            (frames.header, frames.received) = (None, 0);
            if matches!(header.opcode, frame::TEXT | frame::BINARY) {
                frames.compressed = header.rsv1;
            }
            if header.fin && !header.is_control() {
                let payload = self.traffic.payload(self.index);
                check(payload, frames, self.first.take())?;
                frames.message_len = 0;
                complete += 1;
                self.index = (self.index + 1) % self.traffic.len();
            }
        }
    }
}

fn check(payload: &[u8], frames: &Frames, first: Option<Vec<u8>>) -> Result<()> {
    if !frames.compressed {
        ensure!(
            frames.message_len == payload.len(),
            "a reply of {} bytes to {}",
            frames.message_len,
            payload.len()
        );
    }
    let Some(first) = first else { return Ok(()) };
    let first = if frames.compressed { inflate(first, payload.len())? } else { first };
    ensure!(first == payload, "the first reply says something else than its message");
    Ok(())
}

/// The first message of a connection by itself: its compressor knew nothing before it.
fn inflate(mut deflated: Vec<u8>, len: usize) -> Result<Vec<u8>> {
    deflated.extend_from_slice(&[0, 0, 0xFF, 0xFF]);
    let mut inflated = Vec::with_capacity(len + 64);
    let inflater = &mut Decompress::new(false);
    inflater
        .decompress_vec(&deflated, &mut inflated, FlushDecompress::Sync)
        .context("the reply does not inflate")?;
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{self, Group, Workload};

    const WORKLOAD: Workload = workload::ALL[0];

    fn reply(payload: &[u8]) -> Vec<u8> {
        [&[0x82, payload.len() as u8], payload].concat()
    }

    #[test]
    fn replies_are_counted_under_any_cut() {
        let traffic = Traffic::new(&WORKLOAD).unwrap();
        let wire = [reply(traffic.payload(5)), vec![0x89, 0], reply(traffic.payload(6))].concat();
        for cut in 0..wire.len() {
            let mut replies = Replies::new(&traffic, 5, Protocol::WebSocket);
            let (head, tail) = wire.split_at(cut);
            assert_eq!(
                replies.push(head).unwrap() + replies.push(tail).unwrap(),
                2,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_first_reply_with_one_other_byte_is_an_error() {
        let traffic = Traffic::new(&WORKLOAD).unwrap();
        let mut wire = reply(traffic.payload(0));
        *wire.last_mut().unwrap() ^= 1;
        assert!(Replies::new(&traffic, 0, Protocol::WebSocket).push(&wire).is_err());
        assert!(
            Replies::new(&traffic, 0, Protocol::Bytes).push(&vec![0; traffic.wire_len(0)]).is_err()
        );
    }

    #[test]
    fn a_later_reply_of_another_length_is_an_error() {
        let traffic = Traffic::new(&WORKLOAD).unwrap();
        let mut replies = Replies::new(&traffic, 0, Protocol::WebSocket);
        assert_eq!(replies.push(&reply(traffic.payload(0))).unwrap(), 1);
        assert!(replies.push(&reply(&traffic.payload(1)[1..])).is_err());
    }

    #[test]
    fn bytes_that_come_back_as_they_went_are_messages() {
        let traffic = Traffic::new(&Workload { window: 3, ..WORKLOAD }).unwrap();
        let mut replies = Replies::new(&traffic, 1, Protocol::Bytes);
        let wire = traffic.wire(1, 3);
        assert_eq!(replies.push(&wire[..wire.len() - 1]).unwrap(), 2);
        assert_eq!(replies.push(&wire[wire.len() - 1..]).unwrap(), 1);
    }

    #[test]
    fn a_client_has_to_mask_its_replies_and_a_server_not_to() {
        let workload = workload::ALL.iter().find(|w| w.group == Group::Client).unwrap();
        let to_client = Traffic::new(workload).unwrap();
        let to_server = Traffic::new(&Workload { group: Group::Small, ..*workload }).unwrap();
        assert_eq!(to_client.payload(0), to_server.payload(0));
        let push = |traffic: &Traffic, wire: &[u8]| {
            Replies::new(traffic, 0, Protocol::WebSocket).push(wire).ok()
        };
        assert_eq!(push(&to_client, to_server.wire(0, 1)), Some(1));
        assert_eq!(push(&to_server, to_client.wire(0, 1)), Some(1));
        assert_eq!(push(&to_client, to_client.wire(0, 1)), None);
        assert_eq!(push(&to_server, to_server.wire(0, 1)), None);
    }

    #[test]
    fn a_masked_first_reply_in_pieces_with_one_other_byte_is_an_error() {
        let workload = workload::ALL.iter().find(|w| w.group == Group::Client).unwrap();
        let to_client = Traffic::new(workload).unwrap();
        let to_server = Traffic::new(&Workload { group: Group::Small, ..*workload }).unwrap();
        let mut wire = to_server.wire(0, 1).to_vec();
        let push = |wire: &[u8]| {
            let mut replies = Replies::new(&to_client, 0, Protocol::WebSocket);
            wire.chunks(7).try_fold(0, |sum, piece| Some(sum + replies.push(piece).ok()?))
        };
        assert_eq!(push(&wire), Some(1));
        *wire.last_mut().unwrap() ^= 1;
        assert_eq!(push(&wire), None);
    }

    #[test]
    fn a_compressed_first_reply_is_inflated() {
        let workload = workload::ALL.iter().find(|w| w.deflate != workload::Deflate::Off).unwrap();
        let traffic = Traffic::new(workload).unwrap();
        let masked = traffic.wire(0, 1);
        let (header, body) = masked.split_at(4);
        let payload: Vec<u8> =
            body[4..].iter().zip(body[..4].iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let unmasked =
            [&[header[0], header[1] & 0x7F, header[2], header[3]], &payload[..]].concat();
        assert_eq!(Replies::new(&traffic, 0, Protocol::WebSocket).push(&unmasked).unwrap(), 1);
        assert!(Replies::new(&traffic, 1, Protocol::WebSocket).push(&unmasked).is_err());
    }
}
