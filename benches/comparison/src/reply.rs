//! What comes back: counted message by message, and the first one of every connection compared with what was sent.

use anyhow::{Context, Result, bail, ensure};
use flate2::{Decompress, FlushDecompress};

use crate::{frame, traffic::Traffic};

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// With WebSocket frames.
    WebSocket,
    /// With the bytes that it gets.
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
    header: [u8; 10],
    header_len: usize,
    /// The payload bytes of the current frame that are still to come.
    left: Option<usize>,
    fin: bool,
    is_control: bool,
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
            let Some(left) = frames.left.or_else(|| frames.take_header(&mut bytes)) else {
                return Ok(complete);
            };
            let (taken, rest) = bytes.split_at(left.min(bytes.len()));
            bytes = rest;
            if !frames.is_control {
                frames.message_len += taken.len();
                if let Some(first) = &mut self.first {
                    first.extend_from_slice(taken);
                }
            }
            frames.left = Some(left - taken.len()).filter(|&left| left > 0);
            if frames.left.is_some() {
                return Ok(complete);
            }
            if frames.fin && !frames.is_control {
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

impl Frames {
    /// Takes a header (RFC 6455 §5.2) off the front of `bytes`, and returns the length of its payload; `None`: more bytes
    /// are needed.
    fn take_header(&mut self, bytes: &mut &[u8]) -> Option<usize> {
        while self.header_len < self.header_size() {
            let (&byte, rest) = bytes.split_first()?;
            *self.header.get_mut(self.header_len)? = byte;
            self.header_len += 1;
            *bytes = rest;
        }
        self.header_len = 0;
        let [first, second, a, b, c, d, e, f, g, h] = self.header;
        let opcode = first & 0x0F;
        self.fin = first & 0x80 != 0;
        self.is_control = opcode & 0x08 != 0;
        if matches!(opcode, frame::TEXT | frame::BINARY) {
            self.compressed = first & 0x40 != 0;
        }
        Some(match second & 0x7F {
            126 => u16::from_be_bytes([a, b]).into(),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize,
            len => len.into(),
        })
    }

    fn header_size(&self) -> usize {
        let [_, second, ..] = self.header;
        match second & 0x7F {
            126 if self.header_len >= 2 => 4,
            127 if self.header_len >= 2 => 10,
            _ => 2,
        }
    }
}

/// The first message of a connection by itself: the server's compressor knew nothing before it.
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
    use crate::workload::{self, Workload};

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
