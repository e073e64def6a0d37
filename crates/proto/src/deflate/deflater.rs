//! Compressing messages (RFC 7692 §7.2.1).

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig as Settings, DeflateFlush, Method, Strategy};

use super::{
    DeflateConfig, Level, TAIL,
    contexts::{self, Mark, Pool, Taken},
    negotiate::Direction,
    window::Window,
};

thread_local! {
    static COMPRESSORS: Pool<Deflate, (Level, u8)> = const { Pool::new(Vec::new()) };
}

/// Compresses the messages of one direction of one connection.
pub(crate) struct Deflater {
    direction: Direction,
    level: Level,
    threshold: usize,
    window: Window,
    mark: Mark,
    /// The context of the message whose last piece has not come.
    message: Option<Deflate>,
}

impl Deflater {
    pub(crate) fn new(direction: Direction, config: &DeflateConfig) -> Self {
        let (level, threshold) = (config.level, config.threshold);
        Self {
            direction,
            level,
            threshold,
            window: Window::default(),
            mark: Mark::new(),
            message: None,
        }
    }

    /// Whether a message of this size is worth compressing.
    pub(crate) const fn is_worth(&self, size: usize) -> bool {
        size >= self.threshold
    }

    /// Compresses a message, or the next piece of one.
    pub(crate) fn compress(&mut self, piece: &[u8], is_final: bool) -> Vec<u8> {
        if piece.is_empty() {
            // Nothing to add, or the shortest end of a message (RFC 7692 §7.2.3.6).
            self.end_message(is_final);
            return if is_final { vec![0] } else { Vec::new() };
        }
        let mut context = self.message.take().unwrap_or_else(|| self.context());
        let mut compressed = flush(&mut context, piece);
        if is_final && compressed.ends_with(&TAIL) {
            compressed.truncate(compressed.len() - TAIL.len());
        }
        if self.direction.takeover {
            self.window.push(piece, self.direction.window.size());
        }
        self.message = Some(context);
        self.end_message(is_final);
        compressed
    }

    /// Gives the context back at the end of a message.
    fn end_message(&mut self, is_final: bool) {
        if is_final && let Some(context) = self.message.take() {
            self.mark = self.mark.next();
            contexts::give(
                &COMPRESSORS,
                self.direction.takeover.then_some(self.mark),
                self.settings(),
                context,
            );
        }
    }

    /// What a context has to be made with to serve this direction.
    const fn settings(&self) -> (Level, u8) {
        (self.level, self.direction.window.get())
    }

    /// A compressor whose history is the window of this direction.
    fn context(&self) -> Deflate {
        let settings = self.settings();
        let mut context = match contexts::take(&COMPRESSORS, self.mark, &settings) {
            Some(Taken::Own(context)) => return context,
            Some(Taken::Used(mut context)) => {
                context.reset();
                context
            }
            None => Deflate::new_with_config(Settings {
                level: i32::from(settings.0.get()),
                method: Method::Deflated,
                // Negative: a raw stream, without the zlib header.
                window_bits: -i32::from(settings.1),
                mem_level: 8,
                strategy: Strategy::Default,
            }),
        };
        if !self.window.as_slice().is_empty() {
            // It can only fail on a stream that has begun.
            let _ = context.set_dictionary(self.window.as_slice());
        }
        context
    }
}

/// Compresses a piece and flushes it to a byte boundary.
///
/// The output is collected in steps through a small buffer: one copy of the compressed bytes, in exchange for not clearing a
/// buffer as large as the message.
fn flush(context: &mut Deflate, piece: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(piece.len() / 3 + 64);
    let mut buffer = [0; 4 << 10];
    let mut rest = piece;
    loop {
        let (consumed, produced) = (context.total_in(), context.total_out());
        // Neither an error nor a full buffer is possible on a valid stream with room to write.
        let _ = context.compress(rest, &mut buffer, DeflateFlush::SyncFlush);
        let consumed = usize::try_from(context.total_in() - consumed).unwrap_or_default();
        let produced = usize::try_from(context.total_out() - produced).unwrap_or_default();
        rest = rest.get(consumed..).unwrap_or_default();
        compressed.extend_from_slice(buffer.get(..produced).unwrap_or_default());
        if produced < buffer.len() {
            return compressed;
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("direction", &self.direction)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
