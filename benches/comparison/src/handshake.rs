//! The opening handshake of either end by hand (RFC 6455 §4).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::{Digest, Sha1};

use crate::stream::Stream;

/// The answer to the nonce of RFC 6455 §1.3, which every connection here sends.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const NONCE: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What a server adds to a nonce (RFC 6455 §1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const MAX_HEAD_SIZE: usize = 16 << 10;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The smallest window of a client that our messages, compressed one by one, may need; 1 KiB is 10 bits.
const MIN_CLIENT_WINDOW_BITS: u8 = 10;

/// Makes the handshake of a client on `stream`, which is ready for the first message then.
///
/// # Errors
///
/// When the server does not answer in ten seconds, refuses, or does not agree on exactly what was asked for.
pub fn ask(stream: &mut Stream, server: SocketAddr, offer_deflate: bool) -> Result<()> {
    let offer = if offer_deflate { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    // One write, as every client does it.
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {NONCE}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    check_response(&read_head(stream)?, offer_deflate)
}

/// Answers the handshake of a client on `stream`, agreeing on no extension; it is ready for the first message then.
///
/// # Errors
///
/// When the client does not ask for WebSocket in ten seconds.
pub fn answer(stream: &mut Stream) -> Result<()> {
    let request = read_head(stream)?;
    ensure!(request.starts_with("GET / HTTP/1.1\r\n"), "the client asked for: {request}");
    let nonce = field(&request, "sec-websocket-key").context("a request without a nonce")?;
    let accept = accept_of(nonce);
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(response.as_bytes())?;
    Ok(())
}

/// Opens a connection without a handshake.
///
/// # Errors
///
/// When the server does not accept it.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    configured(TcpStream::connect_timeout(&address, TIMEOUT)?)
}

/// Accepts a connection, without a handshake, from a listener that does not block.
///
/// # Errors
///
/// When none comes in ten seconds.
pub fn accept(listener: &TcpListener) -> Result<TcpStream> {
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return configured(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        ensure!(start.elapsed() < TIMEOUT, "the client did not connect");
        thread::sleep(Duration::from_micros(200));
    }
}

fn configured(stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn read_head(stream: &mut Stream) -> Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer).context("the other end makes no handshake")?;
        ensure!(count > 0, "the connection was closed during the handshake");
        head.extend_from_slice(buffer.get(..count).unwrap_or(&[]));
        ensure!(head.len() <= MAX_HEAD_SIZE, "the other end's handshake is too long");
    }
    Ok(String::from_utf8(head)?)
}

/// The value of the first header field with this name, in whatever case.
fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn accept_of(nonce: &str) -> String {
    BASE64_STANDARD.encode(Sha1::new().chain_update(nonce).chain_update(GUID).finalize())
}

fn check_response(response: &str, offer_deflate: bool) -> Result<()> {
    ensure!(response.starts_with("HTTP/1.1 101 "), "the server refused the handshake: {response}");
    ensure!(
        field(response, "sec-websocket-accept") == Some(ACCEPT),
        "the server answered another nonce"
    );
    let Some(extension) = field(response, "sec-websocket-extensions") else {
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
    fn a_nonce_is_answered_as_in_the_rfc() {
        assert_eq!(accept_of(NONCE), ACCEPT);
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
