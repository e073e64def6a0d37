//! From a request for a WebSocket to the answer, through the hooks of its handler.

use std::sync::Arc;

use ::http::{HeaderMap, Response as HttpResponse};
use bytes::Bytes;
use squall_proto::{
    Config,
    handshake::{Accept, Acceptance, HandshakeError, OriginPolicy, Rejection, UpgradeRequest},
};

use crate::{
    BoxFuture, Failure, Handler, Handshake, Hook, Refusal, Request, Response, channel::Socket,
    hook::guarded, runner,
};

/// A WebSocket route: makes a handler for a request, and asks it.
pub(crate) type Endpoint =
    Box<dyn Fn(Request) -> BoxFuture<Result<Accepted, Box<Response>>> + Send + Sync>;

/// A request that was accepted.
pub(crate) struct Accepted {
    pub(crate) acceptance: Acceptance,
    pub(crate) config: Arc<Config>,
    pub(crate) start: Start,
}

/// Runs a handler on its connection.
pub(crate) type Start = Box<dyn FnOnce(Socket) -> BoxFuture<()> + Send>;

/// The endpoint of a route whose handlers `factory` makes.
pub(crate) fn endpoint<H: Handler>(
    factory: impl Fn(&Request) -> H + Send + Sync + 'static,
) -> Endpoint {
    let factory = Arc::new(factory);
    Box::new(move |request| {
        let factory = Arc::clone(&factory);
        Box::pin(async move {
            let spare = request.clone();
            let negotiated = guarded(negotiate(&*factory, request)).await;
            negotiated.unwrap_or_else(|panicked| Err(failed(&spare, &panicked.into())))
        })
    })
}

/// The order of the checks is Tornado's: upgrade, `prepare`, origin, version, key.
async fn negotiate<H: Handler>(
    factory: &impl Fn(&Request) -> H,
    request: Request,
) -> Result<Accepted, Box<Response>> {
    let checked = UpgradeRequest::from_http(request.head().clone());
    if let Err(error) = &checked
        && !is_judged_after_origin(error)
    {
        return Err(refuse(error));
    }
    let mut handler = factory(&request);
    let mut handshake = Handshake::new(request);
    let prepared = handler.prepare(&mut handshake).await;
    let (request, headers) = handshake.into_parts();
    match prepared {
        Ok(()) => {}
        Err(Refusal::Response(response)) => return Err(response),
        Err(Refusal::Failed(failure)) => return Err(failed(&request, &failure)),
    }
    let allows = |origin: &str| handler.check_origin(origin, &request);
    if !OriginPolicy::judge(request.host(), request.headers(), allows) {
        return Err(refuse(&HandshakeError::Origin));
    }
    let upgrade = checked.map_err(|error| refuse(&error))?;
    let accept = accept(&mut handler, &upgrade, &request, headers);
    let acceptance = upgrade.accept(accept).map_err(|error| failed(&request, &error.into()))?;
    let config = handler.options(request.settings().websocket_config());
    let subprotocol = acceptance.subprotocol().map(str::to_owned);
    let request = request.detached();
    let start = Box::new(move |socket| -> BoxFuture<()> {
        Box::pin(runner::run(handler, socket, request, subprotocol))
    });
    Ok(Accepted { acceptance, config, start })
}

fn accept<H: Handler>(
    handler: &mut H,
    upgrade: &UpgradeRequest,
    request: &Request,
    headers: HeaderMap,
) -> Accept {
    let offered: Vec<&str> = upgrade.subprotocols().collect();
    let mut accept = Accept::new().subprotocol(handler.select_subprotocol(&offered));
    #[cfg(feature = "deflate")]
    {
        accept = accept.deflate(handler.compression(request));
    }
    #[cfg(not(feature = "deflate"))]
    let _ = request;
    let mut last = None;
    for (name, value) in headers {
        // A name stands once before all of its values.
        last = name.or(last);
        if let Some(name) = &last {
            accept = accept.header(name.clone(), value);
        }
    }
    accept
}

/// Whether the error is one that counts only where the origin is allowed.
const fn is_judged_after_origin(error: &HandshakeError) -> bool {
    matches!(
        error,
        HandshakeError::Version
            | HandshakeError::RepeatedVersion
            | HandshakeError::Key
            | HandshakeError::MalformedProtocols
            | HandshakeError::MalformedExtensions
    )
}

fn refuse(error: &HandshakeError) -> Box<Response> {
    let response: HttpResponse<Bytes> = Rejection::from(error).into_response();
    Box::new(response.into())
}

/// The answer where a hook failed, which is reported too.
fn failed(request: &Request, failure: &Failure) -> Box<Response> {
    request.report(Hook::Handshake, failure);
    Box::new(Response::status(::http::StatusCode::INTERNAL_SERVER_ERROR))
}
