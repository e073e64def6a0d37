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
}

impl Deflater {
    pub(crate) fn new(direction: Direction, config: &DeflateConfig) -> Self {
        let (level, threshold) = (config.level, config.threshold);
        Self { direction, level, threshold, window: Window::default(), mark: Mark::new() }
    }

    /// Whether a message of this size is worth compressing.
    pub(crate) const fn is_worth(&self, size: usize) -> bool {
        size >= self.threshold
    }

    /// Compresses one message.
    ///
    /// The output is collected in steps through a small buffer: one copy of the compressed bytes, in exchange for not clearing
    /// a buffer as large as the message.
    pub(crate) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if message.is_empty() {
            // The shortest empty message (RFC 7692 §7.2.3.6); it enters no window.
            return vec![0];
        }
        let settings = (self.level, self.direction.window.get());
        let mut context = self.context(settings);
        let compressed = run(&mut context, message);
        self.mark = self.mark.next();
        let mark = self.direction.takeover.then(|| {
            self.window.push(message, self.direction.window.size());
            self.mark
        });
        contexts::give(&COMPRESSORS, mark, settings, context);
        compressed
    }

    /// A compressor whose history is the window of this direction.
    fn context(&self, settings: (Level, u8)) -> Deflate {
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

/// Compresses a message, flushes, and takes the tail off (RFC 7692 §7.2.1).
fn run(context: &mut Deflate, message: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::with_capacity(message.len() / 3 + 64);
    let mut buffer = [0; 4 << 10];
    let mut rest = message;
    loop {
        let (consumed, produced) = (context.total_in(), context.total_out());
        // Neither an error nor a full buffer is possible on a valid stream with room to write.
        let _ = context.compress(rest, &mut buffer, DeflateFlush::SyncFlush);
        let consumed = usize::try_from(context.total_in() - consumed).unwrap_or_default();
        let produced = usize::try_from(context.total_out() - produced).unwrap_or_default();
        rest = rest.get(consumed..).unwrap_or_default();
        compressed.extend_from_slice(buffer.get(..produced).unwrap_or_default());
        if produced < buffer.len() {
            break;
        }
    }
    let length = compressed.strip_suffix(&TAIL).unwrap_or(&compressed).len();
    compressed.truncate(length);
    compressed
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("direction", &self.direction)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
