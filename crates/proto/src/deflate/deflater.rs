//! Compressing messages (RFC 7692 §7.2.1).

use std::fmt;

use zlib_rs::{Deflate, DeflateConfig as ZlibConfig, DeflateFlush, Method, Strategy};

use super::{
    DeflateConfig, Level, MemoryLevel, TAIL, WindowBits,
    contexts::{self, Mark, Pool, Taken},
    negotiate::Direction,
    window::Window,
};

/// How much a context compresses to at a time.
const STEP: usize = 8 << 10;

thread_local! {
    static COMPRESSORS: Pool<Context, Settings> = const { Pool::new(Vec::new()) };
}

/// Compresses the messages of one direction of one connection.
pub(crate) struct Deflater {
    settings: Settings,
    takeover: bool,
    threshold: usize,
    window: Window,
    mark: Mark,
    /// The context of the message whose last piece has not come.
    message: Option<Context>,
}

/// What a context is made with; one serves all directions that ask for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    level: Level,
    memory_level: MemoryLevel,
    window: WindowBits,
}

/// A live compressor, and where it puts its output.
struct Context {
    deflate: Deflate,
    step: Box<[u8]>,
}

impl Deflater {
    pub(crate) fn new(direction: Direction, config: &DeflateConfig) -> Self {
        let (level, memory_level) = (config.level, config.memory_level);
        Self {
            settings: Settings { level, memory_level, window: direction.window },
            takeover: direction.takeover,
            threshold: config.threshold,
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
        let mut compressed = context.flush(piece);
        if is_final && compressed.ends_with(&TAIL) {
            compressed.truncate(compressed.len() - TAIL.len());
        }
        if self.takeover {
            self.window.push(piece, self.settings.window.size());
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
                self.takeover.then_some(self.mark),
                self.settings,
                context,
            );
        }
    }

    /// A compressor whose history is the window of this direction.
    fn context(&self) -> Context {
        let mut context = match contexts::take(&COMPRESSORS, self.mark, &self.settings) {
            Some(Taken::Own(context)) => return context,
            Some(Taken::Used(mut context)) => {
                context.deflate.reset();
                context
            }
            None => Context::new(self.settings),
        };
        if !self.window.as_slice().is_empty() {
            // It can only fail on a stream that has begun.
            let _ = context.deflate.set_dictionary(self.window.as_slice());
        }
        context
    }
}

impl Context {
    fn new(settings: Settings) -> Self {
        let deflate = Deflate::new_with_config(ZlibConfig {
            level: settings.level.get().into(),
            method: Method::Deflated,
            // Negative: a raw stream, without the zlib header.
            window_bits: -i32::from(settings.window.get()),
            mem_level: settings.memory_level.get().into(),
            strategy: Strategy::Default,
        });
        Self { deflate, step: vec![0; STEP].into() }
    }

    /// Compresses a piece and flushes it to a byte boundary (RFC 7692 §7.2.1).
    ///
    /// The output is collected in steps: one copy of the compressed bytes, in exchange for not clearing a buffer as large as
    /// the message.
    fn flush(&mut self, piece: &[u8]) -> Vec<u8> {
        let Self { deflate, step } = self;
        let mut compressed = Vec::new();
        let mut rest = piece;
        loop {
            let (consumed, produced) = (deflate.total_in(), deflate.total_out());
            // Neither an error nor a full buffer is possible on a valid stream with room to write.
            let _ = deflate.compress(rest, step, DeflateFlush::SyncFlush);
            let consumed = usize::try_from(deflate.total_in() - consumed).unwrap_or_default();
            let produced = usize::try_from(deflate.total_out() - produced).unwrap_or_default();
            rest = rest.get(consumed..).unwrap_or_default();
            compressed.extend_from_slice(step.get(..produced).unwrap_or_default());
            if produced < step.len() {
                return compressed;
            }
        }
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("settings", &self.settings)
            .field("takeover", &self.takeover)
            .finish_non_exhaustive()
    }
}
