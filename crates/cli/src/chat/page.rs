//! The page of the chat room, built into the program.

use http::{HeaderName, HeaderValue, header};
use squall_tokio::web::{Application, Response, RouteError};

/// Nothing but this server's own files, and its socket.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page says about itself to the browser, besides its type.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // A newer program brings a newer page.
    (header::CACHE_CONTROL, "no-cache"),
];

pub(super) fn routes(application: Application) -> Result<Application, RouteError> {
    let file = |content: &'static str, media_type: &'static str| {
        move |_| {
            let response = Response::bytes(content.as_bytes(), media_type);
            std::future::ready(HEADERS.into_iter().fold(response, |response, (name, value)| {
                response.header(name, HeaderValue::from_static(value))
            }))
        }
    };
    application
        .get("/", file(include_str!("page/index.html"), "text/html; charset=utf-8"))?
        .get("/chat.css", file(include_str!("page/chat.css"), "text/css; charset=utf-8"))?
        .get("/chat.js", file(include_str!("page/chat.js"), "text/javascript; charset=utf-8"))?
        .get("/icon.svg", file(include_str!("page/icon.svg"), "image/svg+xml"))
}
