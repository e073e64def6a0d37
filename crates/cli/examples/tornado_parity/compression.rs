//! Routes with and without compression, with and without limits.

use std::sync::Arc;

use squall_tokio::{
    proto::deflate::{DeflateConfig, Level},
    web::{Config, Failure, Handler, Message, Request, Session},
};

/// Echoes or counts, under a limit or not, compressed or not.
pub(crate) struct Size {
    counts: bool,
    limit: Option<usize>,
    is_compressed: bool,
}

impl Size {
    pub(crate) const fn echo() -> Self {
        Self { counts: false, limit: None, is_compressed: false }
    }

    /// Answers with the number of characters or bytes.
    pub(crate) const fn counting() -> Self {
        Self { counts: true, ..Self::echo() }
    }

    pub(crate) const fn limited(self, bytes: usize) -> Self {
        Self { limit: Some(bytes), ..self }
    }

    pub(crate) const fn compressed(self) -> Self {
        Self { is_compressed: true, ..self }
    }
}

impl Handler for Size {
    fn compression(&mut self, _: &Request) -> Option<DeflateConfig> {
        self.is_compressed.then(|| DeflateConfig::default().level(Level::BALANCED).threshold(0))
    }

    fn options(&mut self, defaults: &Arc<Config>) -> Arc<Config> {
        self.limit.map_or_else(
            || Arc::clone(defaults),
            |limit| Config::clone(defaults).max_message_size(limit).into(),
        )
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        let answer = match &message {
            _ if !self.counts => message,
            Message::Text(text) => text.chars().count().to_string().into(),
            Message::Binary(bytes) => bytes.len().to_string().into(),
        };
        Ok(session.write_message(answer).await?)
    }
}
