//! What an application is told about code of its own that failed.

use std::{fmt, io::Write, net::SocketAddr};

use crate::{Failure, Panicked, Request};

/// The code that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hook {
    /// Making a handler, `prepare`, `check_origin`, `select_subprotocol`, `compression` or `options`.
    Handshake,
    /// [`Handler::open`](crate::Handler::open).
    Open,
    /// [`Handler::on_message`](crate::Handler::on_message).
    Message,
    /// [`Handler::on_ping`](crate::Handler::on_ping).
    Ping,
    /// [`Handler::on_pong`](crate::Handler::on_pong).
    Pong,
    /// [`Handler::on_close`](crate::Handler::on_close).
    Close,
    /// [`Handler::on_error`](crate::Handler::on_error).
    Error,
    /// A page.
    Page,
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the handshake",
            Self::Open => "open",
            Self::Message => "on_message",
            Self::Ping => "on_ping",
            Self::Pong => "on_pong",
            Self::Close => "on_close",
            Self::Error => "on_error",
            Self::Page => "the page",
        })
    }
}

/// An error or a panic that nothing in the application caught. Its `Display` is one line for a log.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<'a> {
    /// Where it came from.
    pub hook: Hook,
    /// The path of the request.
    pub path: &'a str,
    /// The address of the peer, where the listener knows it.
    pub peer: Option<SocketAddr>,
    /// What failed; a [`Panicked`] where it was a panic.
    pub failure: &'a Failure,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.failure.is::<Panicked>() { "panic" } else { "error" };
        write!(f, "uncaught {kind} in {} of {}", self.hook, self.path.escape_debug())?;
        if let Some(peer) = self.peer {
            write!(f, " (from {peer})")?;
        }
        // One line, whatever the error says.
        write!(f, ": {}", self.failure.to_string().escape_debug())
    }
}

/// Where reports go.
pub(crate) type ReportTo = Box<dyn Fn(&Report<'_>) + Send + Sync>;

/// To standard error; that it may be closed is no reason to fail.
pub(crate) fn to_stderr() -> ReportTo {
    Box::new(|report| {
        let _ = writeln!(std::io::stderr(), "{report}");
    })
}

impl Request {
    /// Reports code of the application that failed on this request.
    pub(crate) fn report(&self, hook: Hook, failure: &Failure) {
        let report = Report { hook, path: self.path(), peer: self.peer(), failure };
        // A report that panics has nobody left to tell.
        let _ = crate::hook::guard(|| (self.application().report_to)(&report));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_that_names_the_hook() {
        let failure = Failure::from("two\nlines");
        for (hook, name) in [
            (Hook::Handshake, "the handshake"),
            (Hook::Open, "open"),
            (Hook::Message, "on_message"),
            (Hook::Ping, "on_ping"),
            (Hook::Pong, "on_pong"),
            (Hook::Close, "on_close"),
            (Hook::Error, "on_error"),
            (Hook::Page, "the page"),
        ] {
            let report = Report { hook, path: "/x", peer: None, failure: &failure };
            let line = format!(r"uncaught error in {name} of /x: two\nlines");
            assert_eq!(report.to_string(), line);
        }
    }

    #[test]
    fn a_report_tells_a_panic_from_an_error_and_who_was_there() {
        let panicked = crate::hook::guard(|| panic!("told to")).map(|()| "no panic").unwrap_err();
        let peer = Some(SocketAddr::from(([192, 0, 2, 1], 80)));
        let report = Report { hook: Hook::Page, path: "/", peer, failure: &panicked.into() };
        assert_eq!(
            report.to_string(),
            "uncaught panic in the page of / (from 192.0.2.1:80): panicked: told to"
        );
    }
}
