//! The messages of a workload, made and encoded before anything is measured.

use std::{io::Write, ops::Range};

use anyhow::{Context, Result};
use flate2::{Compress, Compression, FlushCompress};

use crate::{
    frame,
    workload::{Content, Deflate, Group, Workload},
};

/// The wire bytes of one message after the other, which every connection sends over and over.
#[derive(Debug)]
pub struct Traffic {
    /// The frames of all messages; the first ones once more at the end, so that no window has to wrap around.
    wire: Vec<u8>,
    /// Where each message begins in `wire`, and where the last one ends.
    offsets: Vec<usize>,
    /// What has to come back, before compression.
    payloads: Vec<Vec<u8>>,
    /// The frames are masked, as a client's are.
    is_masked: bool,
}

impl Traffic {
    /// Makes the messages of `workload`; twice the same for the same workload.
    pub fn new(workload: &Workload) -> Result<Self> {
        let mut random = fastrand::Rng::with_seed(0x5155_414C_4C00);
        let opcode = if workload.content == Content::Binary { frame::BINARY } else { frame::TEXT };
        let payloads: Vec<_> = (0..distinct_messages(workload.size))
            .map(|_| payload(workload.content, workload.size, &mut random))
            .collect::<Result<_>>()?;
        let is_masked = workload.group != Group::Client;
        let mut traffic =
            Self { wire: Vec::new(), offsets: vec![0], payloads: Vec::new(), is_masked };
        for payload in payloads.iter().cycle().take(payloads.len() + workload.window) {
            let compressed = workload.deflate != Deflate::Off;
            let deflated = if compressed { deflate(payload)? } else { Vec::new() };
            let bytes = if compressed { &deflated } else { payload };
            frame::encode_message(
                opcode,
                compressed,
                bytes,
                workload.fragments,
                is_masked.then_some(&mut random),
                &mut traffic.wire,
            );
            traffic.offsets.push(traffic.wire.len());
        }
        traffic.payloads = payloads;
        Ok(traffic)
    }

    /// The number of different messages.
    pub fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Whether these are the frames of a client.
    pub fn is_masked(&self) -> bool {
        self.is_masked
    }

    /// What message `index` says.
    pub fn payload(&self, index: usize) -> &[u8] {
        self.payloads.get(index % self.len()).map_or(&[], Vec::as_slice)
    }

    /// The wire bytes of `count` messages, at most the window, from message `index`.
    pub fn wire(&self, index: usize, count: usize) -> &[u8] {
        self.wire.get(self.range(index, count)).unwrap_or(&[])
    }

    /// The number of wire bytes of message `index`.
    pub fn wire_len(&self, index: usize) -> usize {
        self.range(index, 1).len()
    }

    fn range(&self, index: usize, count: usize) -> Range<usize> {
        let offset = |index: usize| self.offsets.get(index).copied().unwrap_or(self.wire.len());
        let index = index % self.len();
        offset(index)..offset(index + count)
    }
}

/// Few enough large messages to stay cheap to make, and enough small ones that no compressor sees the same twice soon.
fn distinct_messages(size: usize) -> usize {
    ((4 << 20) / size).clamp(2, 64)
}

fn payload(content: Content, size: usize, random: &mut fastrand::Rng) -> Result<Vec<u8>> {
    match content {
        Content::Binary => Ok(std::iter::repeat_with(|| random.u8(..)).take(size).collect()),
        Content::AsciiText => Ok(text(ASCII_WORDS, size, random)),
        Content::OtherText => Ok(text(OTHER_WORDS, size, random)),
        Content::Json => json(size, random),
    }
}

const ASCII_WORDS: &[&str] = &[
    "socket", "frame", "a", "payload", "of", "the", "message", "arrives", "in", "pieces", "and",
    "is", "whole",
];
const OTHER_WORDS: &[&str] =
    &["καλημέρα", "κόσμε", "здравствуй", "мир", "你好", "世界", "消息", "🌧️", "ß", "été"];

/// Words up to exactly `size` bytes, with spaces where the next word would not fit.
fn text(words: &[&str], size: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = String::with_capacity(size);
    while let Some(word) = random.choice(words) {
        if text.len() + word.len() + 1 > size {
            break;
        }
        text.push_str(word);
        text.push(' ');
    }
    let mut text = text.into_bytes();
    text.resize(size, b' ');
    text
}

/// What a trading or telemetry service would push: the same members each time, with other values.
fn json(size: usize, random: &mut fastrand::Rng) -> Result<Vec<u8>> {
    let mut json = Vec::with_capacity(size);
    write!(json, r#"{{"channel":"quotes","sequence":{},"items":["#, random.u32(..))?;
    loop {
        let symbol: String = (0..4).map(|_| random.uppercase()).collect();
        let (whole, cents, volume) =
            (random.u16(1..900), random.u8(10..100), random.u32(1..1_000_000));
        let buyer = random.bool();
        let item = format!(
            r#"{{"symbol":"{symbol}","price":{whole}.{cents},"volume":{volume},"buyer":{buyer}}},"#
        );
        if json.len() + item.len() + 16 > size {
            break;
        }
        json.extend_from_slice(item.as_bytes());
    }
    json.pop().context("a message without items")?;
    json.extend_from_slice(br#"],"note":""#);
    json.resize(size - 2, b'-');
    json.extend_from_slice(br#""}"#);
    Ok(json)
}

/// One message by itself (RFC 7692 §7.2.1): as no message refers to an earlier one, they may be sent in any order on any
/// connection, whatever was agreed on.
fn deflate(payload: &[u8]) -> Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::default(), false);
    let mut output = Vec::with_capacity(payload.len() + 64);
    compress.compress_vec(payload, &mut output, FlushCompress::Sync)?;
    let len = output.len().checked_sub(4).filter(|_| output.ends_with(&[0, 0, 0xFF, 0xFF]));
    output.truncate(len.context("the compressor did not flush")?);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn every_payload_has_its_size_and_text_is_text() {
        for workload in workload::ALL {
            let traffic = Traffic::new(workload).unwrap();
            for index in 0..traffic.len() {
                assert_eq!(traffic.payload(index).len(), workload.size, "{workload}");
                let text = std::str::from_utf8(traffic.payload(index));
                assert!(workload.content == Content::Binary || text.is_ok(), "{workload}");
                assert!(
                    workload.content != Content::OtherText || !text.unwrap().is_ascii(),
                    "{workload}"
                );
            }
        }
    }

    #[test]
    fn a_window_at_the_end_of_the_messages_goes_on_with_the_first() {
        let workload = Workload { window: 3, ..workload::ALL[0] };
        let traffic = Traffic::new(&workload).unwrap();
        let last = traffic.len() - 1;
        assert_eq!(traffic.wire(last, 3).len(), 3 * traffic.wire_len(0));
        assert_eq!(traffic.wire(last, 3).len(), 3 * (2 + 4 + workload.size));
    }

    #[test]
    fn json_is_json() {
        let json = json(1 << 10, &mut fastrand::Rng::with_seed(1)).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
    }
}
