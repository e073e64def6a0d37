//! Routes with rules about origins of their own.

use squall_tokio::web::{Failure, Handler, Handshake, Message, Refusal, Request, Session};

const TRUSTED: [&str; 1] = ["http://trusted.example.com"];

/// Echoes to pages of the origins that a rule allows.
pub(crate) struct OriginEcho(pub(crate) Rule);

/// Which origins may connect, besides the server's own.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    Trusted,
    Any,
    /// All of them, where the query of the request has the right token.
    Token {
        is_right: bool,
    },
    Override,
}

impl Handler for OriginEcho {
    async fn prepare(&mut self, handshake: &mut Handshake) -> Result<(), Refusal> {
        if let Rule::Token { is_right } = &mut self.0 {
            let token = handshake.request().query_value("token");
            *is_right = token.as_deref() == Some("secret");
        }
        Ok(())
    }

    fn check_origin(&mut self, origin: &str, _: &Request) -> bool {
        match self.0 {
            Rule::Trusted => TRUSTED.contains(&origin),
            Rule::Any => true,
            Rule::Token { is_right } => is_right,
            Rule::Override => origin.ends_with(".example.com") && !origin.contains("evil"),
        }
    }

    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}
