//! From a host name to a connected stream.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use crate::{Runtime, Timer, Transport, client::ClientTls};

/// How long one address has for itself before the next is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How a runtime opens connections: the four steps that are its own.
pub trait Dial: Runtime {
    /// A connected stream of any kind.
    type Stream: Transport + Send + 'static;

    /// The addresses of a host, a name or an IP address without brackets.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects to one address by TCP, with `TCP_NODELAY` set.
    fn connect(&self, address: SocketAddr)
    -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Makes TLS of a stream, and verifies that the other end is `host`; this default cannot.
    fn secure(
        &self,
        stream: Self::Stream,
        host: &str,
        tls: &ClientTls,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let _ = (stream, host, tls);
        async { Err(io::Error::new(io::ErrorKind::Unsupported, "built without TLS")) }
    }
}

/// The future of a [`Resolve`].
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Finds the addresses of a host in another way than the runtime's.
///
/// Closures of the same shape are resolvers:
///
/// ```
/// use squall_io::client::{Resolve, Resolving};
///
/// fn is_resolver(_: impl Resolve) {}
/// is_resolver(|_host: &str, port: u16| -> Resolving {
///     Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
/// });
/// ```
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a host, in the order in which to try them.
    fn resolve(&self, host: &str, port: u16) -> Resolving;
}

impl<F: Fn(&str, u16) -> Resolving + Send + Sync + 'static> Resolve for F {
    fn resolve(&self, host: &str, port: u16) -> Resolving {
        self(host, port)
    }
}

impl std::fmt::Debug for dyn Resolve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolve")
    }
}

/// The addresses of a host: its own where it is an IP address, else the resolver's or the runtime's.
pub(super) async fn resolve<D: Dial>(
    dial: &D,
    resolver: Option<&Arc<dyn Resolve>>,
    host: &str,
    port: u16,
) -> io::Result<Vec<SocketAddr>> {
    let addresses = match (host.parse(), resolver) {
        (Ok(address), _) => vec![SocketAddr::new(address, port)],
        (Err(_), Some(resolver)) => resolver.resolve(host, port).await?,
        (Err(_), None) => dial.resolve(host, port).await?,
    };
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    }
    Ok(addresses)
}

type Attempt<'a, S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send + 'a>>;

/// Connects to the first address that answers (RFC 8305): one after the other, the next as soon as the last one has failed
/// or has had its time for itself. The error is the last one.
pub(super) async fn connect_first<D: Dial>(
    dial: &D,
    timer: &mut D::Timer,
    addresses: Vec<SocketAddr>,
) -> io::Result<D::Stream> {
    let mut waiting = alternating(addresses).into_iter();
    let mut attempts: Vec<Attempt<'_, D::Stream>> = Vec::new();
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    let mut next_at = timer.now();
    poll_fn(|cx| {
        loop {
            let mut index = 0;
            while let Some(attempt) = attempts.get_mut(index) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(failed)) => {
                        error = failed;
                        drop(attempts.remove(index));
                        next_at = timer.now();
                    }
                    Poll::Pending => index += 1,
                }
            }
            if waiting.len() == 0 && attempts.is_empty() {
                let placeholder = io::ErrorKind::NotFound.into();
                return Poll::Ready(Err(std::mem::replace(&mut error, placeholder)));
            }
            if waiting.len() == 0 || timer.poll_until(cx, next_at).is_pending() {
                return Poll::Pending;
            }
            if let Some(address) = waiting.next() {
                attempts.push(Box::pin(dial.connect(address)));
            }
            next_at = timer.now() + ATTEMPT_DELAY;
        }
    })
    .await
}

/// The addresses with their families taking turns, beginning with the first one's (RFC 8305 §4).
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first_is_v4);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(preferred.len() + other.len());
    while preferred.len() + other.len() > 0 {
        ordered.extend(preferred.next());
        ordered.extend(other.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 80);
        let given = ["::1", "::2", "::3", "127.0.0.1"].map(address).to_vec();
        let ordered = ["::1", "127.0.0.1", "::2", "::3"].map(address).to_vec();
        assert_eq!(alternating(given), ordered);
        let given = ["127.0.0.1", "127.0.0.2", "::1", "::2"].map(address).to_vec();
        let ordered = ["127.0.0.1", "::1", "127.0.0.2", "::2"].map(address).to_vec();
        assert_eq!(alternating(given), ordered);
    }
}
