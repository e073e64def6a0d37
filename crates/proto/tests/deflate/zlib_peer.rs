//! Whoever is on the other side, with zlib itself.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// A compressor and an inflater by zlib, for the payloads of messages.
pub(crate) struct ZlibPeer {
    outgoing: (u8, bool),
    incoming: (u8, bool),
    level: u32,
    compress: Compress,
    decompress: Decompress,
}

impl ZlibPeer {
    /// Each direction is window bits and whether the context is taken over.
    pub(crate) fn new(outgoing: (u8, bool), incoming: (u8, bool), level: u32) -> Self {
        Self {
            outgoing,
            incoming,
            level,
            compress: Compress::new_with_window_bits(Compression::new(level), false, outgoing.0),
            decompress: Decompress::new_with_window_bits(false, incoming.0),
        }
    }

    /// A message as it leaves.
    pub(crate) fn compress(&mut self, plaintext: &[u8]) -> Vec<u8> {
        if plaintext.is_empty() {
            return vec![0];
        }
        let mut compressed = Vec::with_capacity(plaintext.len() + plaintext.len() / 8 + 1024);
        let before = self.compress.total_in();
        self.compress.compress_vec(plaintext, &mut compressed, FlushCompress::Sync).unwrap();
        assert_eq!(self.compress.total_in() - before, plaintext.len() as u64);
        assert!(compressed.ends_with(b"\x00\x00\xFF\xFF"));
        compressed.truncate(compressed.len() - 4);
        if !self.outgoing.1 {
            let level = Compression::new(self.level);
            self.compress = Compress::new_with_window_bits(level, false, self.outgoing.0);
        }
        compressed
    }

    /// What a message says; an error where it is not DEFLATE or refers to more than the window.
    ///
    /// zlib takes any distance within the output of one call, so each call makes one byte only: then what it may refer to is
    /// the window and nothing else.
    pub(crate) fn inflate(
        &mut self,
        compressed: &[u8],
    ) -> Result<Vec<u8>, flate2::DecompressError> {
        let input = [compressed, b"\x00\x00\xFF\xFF"].concat();
        let mut rest = input.as_slice();
        let mut plaintext = Vec::new();
        loop {
            let mut byte = [0];
            let (used, made) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self.decompress.decompress(rest, &mut byte, FlushDecompress::Sync)?;
            assert_ne!(status, Status::StreamEnd, "our compressor makes no final blocks");
            rest = &rest[(self.decompress.total_in() - used) as usize..];
            if self.decompress.total_out() > made {
                plaintext.push(byte[0]);
            } else if rest.is_empty() {
                break;
            }
        }
        if !self.incoming.1 {
            self.decompress = Decompress::new_with_window_bits(false, self.incoming.0);
        }
        Ok(plaintext)
    }
}
