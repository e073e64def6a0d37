//! JSON in text messages.

use serde::{Serialize, de::DeserializeOwned};
use squall_proto::Message;

/// A value as JSON text, with `</` written as `<\/` so that it can stand inside a `<script>` of a page, as Tornado writes it.
///
/// # Errors
/// What the value's `Serialize` reports.
pub fn encode<V: Serialize + ?Sized>(value: &V) -> Result<String, serde_json::Error> {
    // In JSON a `<` stands only inside strings, where `\/` is a slash.
    serde_json::to_string(value)
        .map(|text| if text.contains("</") { text.replace("</", r"<\/") } else { text })
}

/// The value that a message holds as JSON, whether it is text or binary.
///
/// # Errors
/// Where it is not JSON, or not of this type.
pub fn decode<V: DeserializeOwned>(message: &Message) -> Result<V, serde_json::Error> {
    serde_json::from_slice(message.as_bytes())
}
