//! Offers and answers (RFC 7692 §5, §7.1), as pure functions over extension parameters.

use super::{DeflateConfig, WindowBits};

/// The name under which the extension is negotiated.
pub(crate) const EXTENSION: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// Why an offer is declined, or why an answer fails the handshake (RFC 7692 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeflateNegotiationError {
    /// A parameter that RFC 7692 does not define.
    #[error("unknown parameter of permessage-deflate")]
    UnknownParameter,
    /// A parameter that stands twice.
    #[error("parameter of permessage-deflate stands twice")]
    DuplicateParameter,
    /// A value where none may be, none where one has to be, or one that is not 8 to 15.
    #[error("invalid value of a parameter of permessage-deflate")]
    InvalidValue,
    /// Something that this side cannot do or did not offer.
    #[error("configuration of permessage-deflate that was not offered or is not supported")]
    Unsupported,
}

/// What both sides agreed on, from this side's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// How to compress; `None`: with a window of 256 bytes, which zlib cannot, so that everything is sent uncompressed.
    pub(crate) outgoing: Option<Direction>,
    /// How the peer compresses.
    pub(crate) incoming: Direction,
}

/// How the messages of one direction are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) window: WindowBits,
    /// Whether each message goes on with the context of the one before.
    pub(crate) takeover: bool,
}

/// The parameters of one offer or answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Offered without a value, it says that the client understands it.
    client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    /// Parses parameters; `is_offer`: whether `client_max_window_bits` may go without a value (RFC 7692 §7.1.2.2).
    fn parse<'a>(
        parameters: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        is_offer: bool,
    ) -> Result<Self, DeflateNegotiationError> {
        use DeflateNegotiationError::{DuplicateParameter, InvalidValue, UnknownParameter};
        let mut parsed = Self::default();
        for (name, value) in parameters {
            let bits = value.map(|value| window_bits(value).ok_or(InvalidValue)).transpose();
            let again = match (name, value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => {
                    std::mem::replace(&mut parsed.server_no_context_takeover, true)
                }
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => {
                    std::mem::replace(&mut parsed.client_no_context_takeover, true)
                }
                (SERVER_MAX_WINDOW_BITS, Some(_)) => {
                    parsed.server_max_window_bits.replace(bits?.ok_or(InvalidValue)?).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, Some(_)) => {
                    parsed.client_max_window_bits.replace(bits?).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, None) if is_offer => {
                    parsed.client_max_window_bits.replace(None).is_some()
                }
                (
                    SERVER_NO_CONTEXT_TAKEOVER
                    | CLIENT_NO_CONTEXT_TAKEOVER
                    | SERVER_MAX_WINDOW_BITS
                    | CLIENT_MAX_WINDOW_BITS,
                    _,
                ) => return Err(InvalidValue),
                _ => return Err(UnknownParameter),
            };
            if again {
                return Err(DuplicateParameter);
            }
        }
        Ok(parsed)
    }

    /// The header value that says this.
    fn to_header(self) -> String {
        let mut header = String::from(EXTENSION);
        let mut add = |parameter: &str| {
            header.push_str("; ");
            header.push_str(parameter);
        };
        if self.server_no_context_takeover {
            add(SERVER_NO_CONTEXT_TAKEOVER);
        }
        if self.client_no_context_takeover {
            add(CLIENT_NO_CONTEXT_TAKEOVER);
        }
        if let Some(bits) = self.server_max_window_bits {
            add(&format!("{SERVER_MAX_WINDOW_BITS}={bits}"));
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => add(&format!("{CLIENT_MAX_WINDOW_BITS}={bits}")),
            Some(None) => add(CLIENT_MAX_WINDOW_BITS),
            None => {}
        }
        header
    }
}

/// 8 to 15 in decimal, without sign, space or leading zero (RFC 7692 §7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

/// The server's answer to one offer: what is agreed, and the header value that says so.
///
/// # Errors
/// Why the offer is declined; the next one may do.
pub(crate) fn answer<'a>(
    offer: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    config: &DeflateConfig,
) -> Result<(Agreement, String), DeflateNegotiationError> {
    let offer = Parameters::parse(offer, true)?;
    let own = config.server_window.unwrap_or(WindowBits::DEFAULT);
    let server_window = match offer.server_max_window_bits {
        None => own,
        // 8 is declined: what zlib makes of it may need 9 (RFC 7692 §7.1.2.1).
        Some(bits) => WindowBits::new(bits).ok_or(DeflateNegotiationError::Unsupported)?.min(own),
    };
    let wanted = config.client_window.unwrap_or(WindowBits::DEFAULT).get();
    let client_bits = offer
        .client_max_window_bits
        .map(|offered| offered.unwrap_or(WindowBits::MAX.get()).min(wanted));
    let header = Parameters {
        server_no_context_takeover: offer.server_no_context_takeover || !config.server_takeover,
        client_no_context_takeover: offer.client_no_context_takeover || !config.client_takeover,
        server_max_window_bits: offer.server_max_window_bits.map(|_| server_window.get()),
        client_max_window_bits: client_bits.filter(|bits| *bits < WindowBits::MAX.get()).map(Some),
    };
    let agreement = Agreement {
        outgoing: Some(Direction {
            window: server_window,
            takeover: !header.server_no_context_takeover,
        }),
        incoming: Direction {
            window: readable_window(client_bits),
            takeover: !header.client_no_context_takeover,
        },
    };
    Ok((agreement, header.to_header()))
}

/// The client's offer.
pub(crate) fn offer(config: &DeflateConfig) -> String {
    Parameters {
        server_no_context_takeover: !config.server_takeover,
        client_no_context_takeover: !config.client_takeover,
        server_max_window_bits: config.server_window.map(WindowBits::get),
        client_max_window_bits: Some(config.client_window.map(WindowBits::get)),
    }
    .to_header()
}

/// What the server's answer to [`offer`] agrees on.
///
/// # Errors
/// Why the handshake fails (RFC 7692 §7.1: an answer that does not fit the offer).
pub(crate) fn accept_answer<'a>(
    answer: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    config: &DeflateConfig,
) -> Result<Agreement, DeflateNegotiationError> {
    let answer = Parameters::parse(answer, false)?;
    let unmet = !config.server_takeover && !answer.server_no_context_takeover;
    let exceeds = |answered: Option<u8>, offered: Option<WindowBits>| match (answered, offered) {
        (Some(answered), Some(offered)) => answered > offered.get(),
        _ => false,
    };
    let client_bits = answer.client_max_window_bits.flatten();
    if unmet
        || config.server_window.is_some() && answer.server_max_window_bits.is_none()
        || exceeds(answer.server_max_window_bits, config.server_window)
        || exceeds(client_bits, config.client_window)
    {
        return Err(DeflateNegotiationError::Unsupported);
    }
    let own = config.client_window.unwrap_or(WindowBits::DEFAULT);
    let takeover = config.client_takeover && !answer.client_no_context_takeover;
    let window =
        client_bits.map_or(Some(own), |bits| WindowBits::new(bits).map(|bits| bits.min(own)));
    Ok(Agreement {
        outgoing: window.map(|window| Direction { window, takeover }),
        incoming: Direction {
            window: readable_window(answer.server_max_window_bits),
            takeover: !answer.server_no_context_takeover,
        },
    })
}

/// The window to inflate with: 32 KiB where the peer promised nothing, and a larger one than it promised for 256 bytes.
fn readable_window(promised: Option<u8>) -> WindowBits {
    promised.map_or(WindowBits::MAX, |bits| WindowBits::new(bits).unwrap_or(WindowBits::MIN))
}

#[cfg(test)]
mod tests {
    use super::{DeflateNegotiationError::*, *};

    /// `a; b=c` as parameters.
    fn parameters(text: &str) -> Vec<(&str, Option<&str>)> {
        text.split(';')
            .map(str::trim)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| {
                parameter
                    .split_once('=')
                    .map_or((parameter, None), |(name, value)| (name, Some(value)))
            })
            .collect()
    }

    fn bits(bits: u8) -> WindowBits {
        WindowBits::new(bits).unwrap()
    }

    fn answer_to(offered: &str, config: &DeflateConfig) -> Result<String, DeflateNegotiationError> {
        answer(parameters(offered), config).map(|(_, header)| header)
    }

    #[test]
    fn an_answer_has_only_what_the_offer_asked_for() {
        let plain = DeflateConfig::default();
        for (offered, answered) in [
            ("", "permessage-deflate"),
            ("client_max_window_bits", "permessage-deflate; client_max_window_bits=12"),
            ("client_max_window_bits=10", "permessage-deflate; client_max_window_bits=10"),
            ("client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8"),
            ("server_max_window_bits=15", "permessage-deflate; server_max_window_bits=12"),
            ("server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"),
            ("server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
            ("client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ] {
            assert_eq!(answer_to(offered, &plain).as_deref(), Ok(answered), "{offered}");
        }
    }

    #[test]
    fn a_configured_server_demands_what_it_is_configured_to() {
        let config = DeflateConfig::default()
            .client_no_context_takeover(true)
            .server_no_context_takeover(true)
            .client_max_window_bits(bits(15));
        assert_eq!(
            answer_to("client_max_window_bits", &config).as_deref(),
            Ok("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        );
    }

    /// EX05, EX10.
    #[test]
    fn an_offer_that_breaks_a_rule_is_declined_for_it() {
        for (offered, why) in [
            ("foo", UnknownParameter),
            ("foo=1", UnknownParameter),
            ("server_no_context_takeover; server_no_context_takeover", DuplicateParameter),
            ("client_no_context_takeover; client_no_context_takeover", DuplicateParameter),
            ("server_max_window_bits=10; server_max_window_bits=10", DuplicateParameter),
            ("client_max_window_bits; client_max_window_bits=10", DuplicateParameter),
            ("server_no_context_takeover=1", InvalidValue),
            ("client_no_context_takeover=", InvalidValue),
            ("server_max_window_bits", InvalidValue),
            ("server_max_window_bits=8", Unsupported),
        ] {
            assert_eq!(answer_to(offered, &DeflateConfig::default()), Err(why), "{offered}");
        }
        for value in ["", "0", "7", "16", "1000", "010", "+9", "-9", " 9", "9 ", "9.0", "0x9", "٩"]
        {
            for name in [SERVER_MAX_WINDOW_BITS, CLIENT_MAX_WINDOW_BITS] {
                let offered = [(name, Some(value))];
                assert_eq!(
                    answer(offered, &DeflateConfig::default()).map(drop),
                    Err(InvalidValue),
                    "{name}={value}"
                );
                assert_eq!(
                    accept_answer(offered, &DeflateConfig::default()).map(drop),
                    Err(InvalidValue),
                    "{name}={value}"
                );
            }
        }
    }

    #[test]
    fn the_default_offer_is_the_one_every_server_knows() {
        assert_eq!(offer(&DeflateConfig::default()), "permessage-deflate; client_max_window_bits");
    }

    /// EX06, EX07, EX11, EX12, EX13.
    #[test]
    fn an_answer_that_does_not_fit_the_offer_fails_the_handshake() {
        let plain = DeflateConfig::default();
        let strict = DeflateConfig::default()
            .server_no_context_takeover(true)
            .server_max_window_bits(bits(10))
            .client_max_window_bits(bits(11));
        for (answered, config, verdict) in [
            ("server_max_window_bits=9", &plain, None),
            ("client_max_window_bits", &plain, Some(InvalidValue)),
            ("foo", &plain, Some(UnknownParameter)),
            (
                "server_no_context_takeover; server_no_context_takeover",
                &plain,
                Some(DuplicateParameter),
            ),
            ("", &strict, Some(Unsupported)),
            ("server_no_context_takeover; server_max_window_bits=10", &strict, None),
            ("server_max_window_bits=10", &strict, Some(Unsupported)),
            ("server_no_context_takeover; server_max_window_bits=11", &strict, Some(Unsupported)),
            (
                "server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
                &strict,
                Some(Unsupported),
            ),
        ] {
            assert_eq!(accept_answer(parameters(answered), config).err(), verdict, "{answered}");
        }
    }

    #[test]
    fn a_client_that_may_use_256_bytes_only_sends_uncompressed() {
        let agreement =
            accept_answer(parameters("client_max_window_bits=8"), &DeflateConfig::default())
                .unwrap();
        assert_eq!(agreement.outgoing, None);
    }

    #[test]
    fn both_sides_agree_on_the_same_windows() {
        let client = DeflateConfig::default()
            .server_max_window_bits(bits(11))
            .client_max_window_bits(bits(10));
        let server = DeflateConfig::default();
        let offered = offer(&client);
        let (theirs, answered) =
            answer(parameters(offered.strip_prefix(EXTENSION).unwrap()), &server).unwrap();
        let ours =
            accept_answer(parameters(answered.strip_prefix(EXTENSION).unwrap()), &client).unwrap();
        assert_eq!((Some(ours.incoming), ours.outgoing), (theirs.outgoing, Some(theirs.incoming)));
    }
}
