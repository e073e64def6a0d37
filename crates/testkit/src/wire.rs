//! The bytes of frames and handshakes, as they stand on the wire.

/// The request of RFC 6455 §1.3 without what is optional.
pub const REQUEST: &str = "GET /chat HTTP/1.1\r\n\
     Host: server.example.com\r\n\
     Upgrade: websocket\r\n\
     Connection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Version: 13\r\n\
     \r\n";

/// The answer to [`REQUEST`].
pub const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\n\
     Upgrade: websocket\r\n\
     Connection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
     \r\n";

/// The accept value that fits the key of a request (RFC 6455 §4.2.2).
pub fn answer_to(request: &str) -> String {
    let parsed = request.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut builder = http::Request::get("/");
    for (name, value) in parsed {
        builder = builder.header(name, value);
    }
    let request = builder.body(()).expect("a request");
    let request = squall_proto::handshake::UpgradeRequest::from_http(request).expect("in order");
    let acceptance = request.accept(squall_proto::handshake::Accept::new()).expect("acceptable");
    let accept = acceptance.response().headers()["sec-websocket-accept"].to_str().expect("ASCII");
    ANSWER.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", accept)
}

/// A frame as a server sends it, with `first` as its first byte (FIN, RSV and opcode).
pub fn from_server(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(first, payload.as_ref(), false)
}

/// A frame as a client sends it, with a masking key of zeros.
pub fn from_client(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(first, payload.as_ref(), true)
}

/// A header that declares `length` bytes of binary payload, from a client if `masked`.
pub fn declares(length: u64, masked: bool) -> Vec<u8> {
    let mut header = vec![0x82, if masked { 0xFF } else { 0x7F }];
    header.extend(length.to_be_bytes());
    header.extend(masked.then_some([0; 4]).into_iter().flatten());
    header
}

fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut frame = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => frame.push(mask | length),
        (_, Ok(length)) => {
            frame.push(mask | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(mask | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(masked.then_some([0; 4]).into_iter().flatten());
    frame.extend(payload);
    frame
}
