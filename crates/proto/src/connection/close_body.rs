//! The body of a Close frame (RFC 6455 §5.5.1).

use bytes::{Buf, Bytes};

use crate::{CloseCode, CloseFrame, ProtocolError, Utf8Bytes};

/// Parses the body of a Close frame: nothing, or a code and a reason.
pub(super) fn parse_close(mut payload: Bytes) -> Result<Option<CloseFrame>, ProtocolError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let code = payload.try_get_u16().map_err(|_| ProtocolError::TruncatedCloseCode)?;
    let code = CloseCode::new(code).map_err(|_| ProtocolError::InvalidCloseCode(code))?;
    let reason = Utf8Bytes::try_from(payload).map_err(|_| ProtocolError::InvalidUtf8)?;
    CloseFrame::new(code, reason).map(Some).map_err(|_| ProtocolError::ControlTooLong)
}

/// The body of a Close frame.
pub(super) fn encode_close(frame: Option<&CloseFrame>) -> Vec<u8> {
    let Some(frame) = frame else { return Vec::new() };
    [&frame.code().get().to_be_bytes(), frame.reason().as_bytes()].concat()
}
