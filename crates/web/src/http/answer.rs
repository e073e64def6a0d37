//! From a request to its answer.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use ::http::{HeaderValue, Method, Response as HttpResponse, StatusCode, Version, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use squall_io::{Runtime, Timer, within};

use crate::{
    PathArguments, Request, Response,
    application::Shared,
    negotiate::{Accepted, Endpoint},
    response::Content,
    router::{Found, Resource},
};

/// What answering needs.
pub(super) struct Answering<R> {
    pub(super) application: Arc<Shared>,
    pub(super) runtime: R,
    pub(super) peer: Option<SocketAddr>,
}

/// An answer, and what becomes of the connection behind it.
pub(super) struct Answer {
    pub(super) response: HttpResponse<Content>,
    pub(super) upgrade: Option<(OnUpgrade, Accepted)>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response: response.into_http(), upgrade: None }
    }
}

impl<R: Runtime> Answering<R> {
    /// Answers a request, whatever it is.
    pub(super) async fn answer(
        &self,
        request: hyper::Request<Incoming>,
    ) -> Result<Answer, Infallible> {
        let application = Arc::clone(&self.application);
        if !has_host(&request) {
            return Ok(Response::status(StatusCode::BAD_REQUEST).into());
        }
        let (resource, arguments) = match application.router.find(request.uri().path()) {
            Found::Resource(resource, arguments) => (resource, arguments),
            Found::Nothing => return Ok(Response::status(StatusCode::NOT_FOUND).into()),
            Found::Malformed => return Ok(Response::status(StatusCode::BAD_REQUEST).into()),
        };
        Ok(match &resource.websocket {
            Some(endpoint) if is_for_websocket(&request, resource) => {
                self.upgrade(endpoint, request, arguments).await
            }
            _ => self.page(resource, request, arguments).await.into(),
        })
    }

    async fn page(
        &self,
        resource: &Resource,
        request: hyper::Request<Incoming>,
        arguments: PathArguments,
    ) -> Response {
        let Some(page) = resource.page(request.method()) else {
            let allowed = HeaderValue::from_static(resource.allowed());
            return Response::status(StatusCode::METHOD_NOT_ALLOWED).header(header::ALLOW, allowed);
        };
        let (head, body) = request.into_parts();
        let body = match head.method {
            Method::POST => match self.body(body).await {
                Ok(body) => body,
                Err(status) => {
                    // What is left of the body is not read.
                    let close = HeaderValue::from_static("close");
                    return Response::status(status).header(header::CONNECTION, close);
                }
            },
            _ => Bytes::new(),
        };
        page(self.request(hyper::Request::from_parts(head, ()), body, arguments)).await
    }

    /// The body of a request, or the status that says why there is none.
    async fn body(&self, body: Incoming) -> Result<Bytes, StatusCode> {
        let settings = &self.application.settings;
        let mut timer = self.runtime.timer();
        let deadline = timer.now() + settings.body_timeout;
        let collecting = Limited::new(body, settings.max_body_size).collect();
        match within(&mut timer, deadline, collecting).await {
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        }
    }

    async fn upgrade(
        &self,
        endpoint: &Endpoint,
        mut request: hyper::Request<Incoming>,
        arguments: PathArguments,
    ) -> Answer {
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let head = hyper::Request::from_parts(head, ());
        let mut timer = self.runtime.timer();
        let deadline = timer.now() + self.application.settings.handshake.time_limit();
        let negotiating = endpoint(self.request(head, Bytes::new(), arguments));
        match within(&mut timer, deadline, negotiating).await {
            Ok(Ok(accepted)) => Answer {
                response: accepted.acceptance.response().clone().map(|()| Content::empty()),
                upgrade: Some((upgrade, accepted)),
            },
            Ok(Err(response)) => (*response).into(),
            Err(_) => Response::status(StatusCode::SERVICE_UNAVAILABLE).into(),
        }
    }

    fn request(
        &self,
        mut head: hyper::Request<()>,
        body: Bytes,
        arguments: PathArguments,
    ) -> Request {
        // What hyper has left there is its own.
        head.extensions_mut().clear();
        Request::new(head, body, arguments, self.peer, Arc::clone(&self.application))
    }
}

/// RFC 9112 §3.2: a request of HTTP/1.1 without a `Host`, or with two, is answered with 400.
fn has_host<B>(request: &hyper::Request<B>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts == 1 || hosts == 0 && request.version() < Version::HTTP_11
}

/// Whether the WebSocket of a resource answers: to every GET where there is no page beside it, else to those that ask for an upgrade.
fn is_for_websocket<B>(request: &hyper::Request<B>, resource: &Resource) -> bool {
    request.method() == Method::GET
        && (resource.get.is_none() || request.headers().contains_key(header::UPGRADE))
}
