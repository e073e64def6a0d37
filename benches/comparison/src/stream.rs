//! What the load generator reads and writes: TCP, or TLS over it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};

/// A connection, blocking until [`Stream::set_nonblocking`].
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Stream {
    /// Bare TCP.
    pub fn tcp(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    /// Makes the handshake of TLS, as a client that expects a certificate for `name`.
    ///
    /// # Errors
    ///
    /// When the server does not agree.
    pub fn tls(
        mut tcp: TcpStream,
        config: &Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> anyhow::Result<Self> {
        let mut tls = ClientConnection::new(Arc::clone(config), name)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self { tcp, tls: Some(Box::new(tls)) })
    }

    /// From here on nothing waits.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        self.tcp.set_nonblocking(true)
    }

    /// The socket, for a poll to wait for.
    pub fn socket(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether a read that did not fill its buffer has left nothing in the socket.
    pub fn short_read_drains(&self) -> bool {
        self.tls.is_none()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.tcp.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            if tls.read_tls(&mut self.tcp)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

/// What TLS has taken may be left in its buffers where the socket takes no more; the next write or flush goes on with it.
impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.tcp.write(bytes);
        }
        self.flush()?;
        let Some(tls) = &mut self.tls else { return Ok(0) };
        let count = tls.writer().write(bytes)?;
        match self.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(count),
            result => result.map(|()| count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            tls.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use rustls::{ServerConnection, StreamOwned};

    use super::*;
    use crate::certificate::Certificate;

    /// More than the buffers of two sockets and of TLS.
    const SIZE: usize = 16 << 20;

    #[test]
    fn what_goes_through_tls_comes_back_though_the_buffers_are_full() {
        let certificate = Certificate::new().unwrap();
        let server = certificate.server_config().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let echo = thread::spawn(move || {
            let (tcp, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(server).unwrap(), tcp);
            let mut received = vec![0; SIZE];
            stream.read_exact(&mut received).unwrap();
            stream.write_all(&received).unwrap();
            stream.flush().unwrap();
        });
        let tcp = TcpStream::connect(address).unwrap();
        let mut stream =
            Stream::tls(tcp, certificate.client_config(), Certificate::name()).unwrap();
        stream.set_nonblocking().unwrap();
        let sent: Vec<u8> = (0..SIZE).map(|index| (index / 7) as u8).collect();
        let (mut written, mut received) = (0, Vec::new());
        let mut buffer = vec![0; 64 << 10];
        while received.len() < SIZE {
            match stream.write(&sent[written..]) {
                Ok(count) => written += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            match stream.read(&mut buffer) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            thread::yield_now();
        }
        assert!(sent == received);
        echo.join().unwrap();
    }
}
