//! A client's opening handshake by hand (RFC 6455 §4.1).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// The answer to the nonce of RFC 6455 §1.3, which every connection here sends.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const MAX_RESPONSE_SIZE: usize = 16 << 10;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The smallest window of a client that our messages, compressed one by one, may need; 1 KiB is 10 bits.
const MIN_CLIENT_WINDOW_BITS: u8 = 10;

/// Opens a connection that is ready for the first message.
///
/// # Errors
///
/// When the server does not answer in ten seconds, refuses, or does not agree on exactly what was asked for.
pub fn open(address: SocketAddr, offer_deflate: bool) -> Result<TcpStream> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let offer = if offer_deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    // One write, as every client does it.
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {NONCE}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    check_response(&read_response(&mut stream)?, offer_deflate)?;
    Ok(stream)
}

/// Opens a connection without a handshake.
///
/// # Errors
///
/// When the server does not accept it.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn read_response(stream: &mut TcpStream) -> Result<String> {
    let mut response = Vec::new();
    let mut buffer = [0; 1024];
    while !response.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer).context("the server did not answer the handshake")?;
        ensure!(count > 0, "the server closed the connection during the handshake");
        response.extend_from_slice(buffer.get(..count).unwrap_or(&[]));
        ensure!(
            response.len() <= MAX_RESPONSE_SIZE,
            "the server's answer to the handshake is too long"
        );
    }
    Ok(String::from_utf8(response)?)
}

fn check_response(response: &str, offer_deflate: bool) -> Result<()> {
    ensure!(response.starts_with("HTTP/1.1 101 "), "the server refused the handshake: {response}");
    let field = |name: &str| {
        let fields = response.lines().filter_map(|line| line.split_once(':'));
        fields
            .into_iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    ensure!(field("sec-websocket-accept") == Some(ACCEPT), "the server answered another nonce");
    let Some(extension) = field("sec-websocket-extensions") else {
        ensure!(!offer_deflate, "the server did not agree on permessage-deflate");
        return Ok(());
    };
    ensure!(
        offer_deflate && extension.starts_with("permessage-deflate"),
        "the server agreed on {extension}"
    );
    for parameter in extension.split(';').skip(1) {
        match parameter.trim().split_once('=').unwrap_or((parameter.trim(), "")) {
            ("client_max_window_bits", bits)
                if bits.trim_matches('"').parse::<u8>()? < MIN_CLIENT_WINDOW_BITS =>
            {
                bail!("the server agreed on a window that is too small: {extension}")
            }
            ("client_max_window_bits", _)
            | ("server_max_window_bits", _)
            | ("client_no_context_takeover" | "server_no_context_takeover", "") => {}
            _ => bail!("the server agreed on {extension}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(extensions: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{extensions}\r\n"
        )
    }

    #[test]
    fn what_was_offered_must_be_agreed_on_and_nothing_else() {
        let plain = response("");
        let deflate =
            response("sec-websocket-extensions: permessage-deflate; client_max_window_bits=12\r\n");
        assert!(check_response(&plain, false).is_ok());
        assert!(check_response(&plain, true).is_err());
        assert!(check_response(&deflate, true).is_ok());
        assert!(check_response(&deflate, false).is_err());
    }

    #[test]
    fn a_window_too_small_for_our_messages_is_an_error() {
        let deflate =
            response("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n");
        assert!(check_response(&deflate, true).is_err());
    }
}
