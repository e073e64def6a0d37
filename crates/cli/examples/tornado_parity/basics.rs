//! Routes about the request, the path, the answer and single messages.

use squall_tokio::web::{CloseCode, Failure, Handler, Handshake, Message, Refusal, Session};

pub(crate) struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        Ok(session.write_message(message).await?)
    }
}

/// Sends a request header.
pub(crate) struct Header;

impl Handler for Header {
    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        let value = session.request().headers().get("x-test");
        let value = value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(session.write_message(value.unwrap_or_default()).await?)
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

/// Answers the handshake with headers.
pub(crate) struct HeaderEcho;

impl Handler for HeaderEcho {
    async fn prepare(&mut self, handshake: &mut Handshake) -> Result<(), Refusal> {
        let headers = handshake.request().headers().clone();
        for (name, value) in headers.iter().filter(|(name, _)| name.as_str().starts_with("x-test"))
        {
            handshake.add_header(name.clone(), value.clone());
        }
        let name = "x-extra-response-header".parse()?;
        handshake.add_header(name, "Extra-Response-Value".parse()?);
        Ok(())
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

pub(crate) struct CloseReason;

impl Handler for CloseReason {
    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        session.close(CloseCode::GOING_AWAY, "goodbye");
        Ok(())
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

/// Sends what the route captured of the path.
pub(crate) struct PathArgument;

impl Handler for PathArgument {
    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        let argument = session.request().arguments().get(0).unwrap_or_default();
        Ok(session.write_message(argument).await?)
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

/// Answers text in HTML.
pub(crate) struct Render;

impl Handler for Render {
    async fn on_message(&mut self, session: &Session, message: Message) -> Result<(), Failure> {
        if let Some(text) = message.as_text() {
            session.write_message(format!("<b>{}</b>", escaped(text))).await?;
        }
        Ok(())
    }
}

/// Text as HTML that shows it, as Tornado's `xhtml_escape` does.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#x27;")
}

/// Selects one subprotocol, and counts how often it is asked.
#[derive(Default)]
pub(crate) struct Subprotocol {
    asked: u32,
}

impl Handler for Subprotocol {
    fn select_subprotocol(&mut self, offered: &[&str]) -> Option<String> {
        self.asked += 1;
        offered.contains(&"goodproto").then(|| "goodproto".to_owned())
    }

    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        if self.asked != 1 {
            return Err(format!("select_subprotocol ran {} times", self.asked).into());
        }
        let selected = session.subprotocol().unwrap_or("None");
        Ok(session.write_message(format!("subprotocol={selected}")).await?)
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}

pub(crate) struct Nodelay;

impl Handler for Nodelay {
    async fn open(&mut self, session: &Session) -> Result<(), Failure> {
        session.set_nodelay(true)?;
        Ok(session.write_message("hello").await?)
    }

    async fn on_message(&mut self, _: &Session, _: Message) -> Result<(), Failure> {
        Ok(())
    }
}
