//! A server whose routes do what Tornado's own tests expect, to be exercised by Tornado's client.

#[path = "../program/mod.rs"]
mod program;

mod basics;
mod closes;
mod compression;
mod failing;
mod origins;
mod pings;
mod waiting;

use std::{error::Error, sync::Arc};

use squall_io::Runtime;
use squall_tokio::web::{Application, Handler, Pattern, Request, Response, RouteError};

use crate::{
    closes::{Closes, Recorded},
    compression::Size,
    failing::{Failing, When},
    origins::{OriginEcho, Rule},
    pings::PingEcho,
};

/// Adds routes whose close hooks are recorded.
struct Routes {
    application: Application,
    closes: Arc<Closes>,
}

impl Routes {
    fn websocket<H: Handler>(
        mut self,
        pattern: impl Into<Pattern>,
        factory: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<Self, RouteError> {
        let closes = Arc::clone(&self.closes);
        self.application = self.application.websocket(pattern, move |request| {
            Recorded::new(factory(request), Arc::clone(&closes))
        })?;
        Ok(self)
    }
}

fn application<R: Runtime>(runtime: R) -> Result<Application, RouteError> {
    let closes = Arc::new(Closes::default());
    let (count, last) = (Arc::clone(&closes), Arc::clone(&closes));
    let application = Application::new()
        .get("/closes", move |_| std::future::ready(count.count()))?
        .get("/last-close", move |_| std::future::ready(last.last()))?
        .get("/non_ws", async |_| Response::text("ok"))?
        .redirect("/redirect", "/echo")?;
    let routes = Routes { application, closes }
        .websocket("/echo", |_| basics::Echo)?
        .websocket("/header", |_| basics::Header)?
        .websocket("/header_echo", |_| basics::HeaderEcho)?
        .websocket("/close_reason", |_| basics::CloseReason)?
        .websocket(Pattern::regex("/path_args/(.*)"), |_| basics::PathArgument)?
        .websocket("/render", |_| basics::Render)?
        .websocket("/subprotocol", |_| basics::Subprotocol::default())?
        .websocket("/nodelay", |_| basics::Nodelay)?;
    Ok(failing_and_waiting(routes, runtime).and_then(origins_sizes_and_pings)?.application)
}

fn failing_and_waiting<R: Runtime>(routes: Routes, runtime: R) -> Result<Routes, RouteError> {
    let (coroutine, native, slow_open) = (runtime.clone(), runtime.clone(), runtime);
    routes
        .websocket("/error_in_on_message", |_| Failing(When::OnMessage))?
        .websocket("/error_in_async_on_message", |_| Failing(When::OnMessageLater))?
        .websocket("/cancelled_in_on_message", |_| Failing(When::PanicOnMessage))?
        .websocket("/cancelled_in_async_on_message", |_| Failing(When::CancelledOnMessage))?
        .websocket("/error_in_open", |_| Failing(When::Open))?
        .websocket("/error_in_async_open", |_| Failing(When::OpenLater))?
        .websocket("/async_prepare", |_| waiting::SlowPrepare)?
        .websocket("/coroutine", move |_| waiting::Sleeper::new(coroutine.clone()))?
        .websocket("/native", move |_| waiting::Sleeper::new(native.clone()))?
        .websocket("/open_coroutine", move |_| waiting::SlowOpen::new(slow_open.clone()))
}

fn origins_sizes_and_pings(routes: Routes) -> Result<Routes, RouteError> {
    routes
        .websocket("/origin/echo", |_| OriginEcho(Rule::Trusted))?
        .websocket("/origin/permissive", |_| OriginEcho(Rule::Any))?
        .websocket("/origin/token", |_| OriginEcho(Rule::Token { is_right: false }))?
        .websocket("/origin/trusted_override", |_| OriginEcho(Rule::Override))?
        .websocket("/plain/echo", |_| Size::echo())?
        .websocket("/deflate/echo", |_| Size::echo().compressed())?
        .websocket("/plain/limited", |_| Size::counting().limited(1024))?
        .websocket("/deflate/limited", |_| Size::counting().limited(1024).compressed())?
        .websocket("/bomb", |_| Size::echo().limited(1 << 20).compressed())?
        .websocket("/max_size", |_| Size::echo().limited(1024))?
        .websocket("/server_ping", |_| PingEcho::ServerPings)?
        .websocket("/client_ping", |_| PingEcho::SaysGotPing)?
        .websocket("/manual_ping", |_| PingEcho::ReturnsPayload)?
        .websocket("/ping_timeout", |_| PingEcho::Ignores)
}

struct Parity;

impl program::Program for Parity {
    fn application<R: Runtime>(runtime: R) -> Result<Application, Box<dyn Error>> {
        Ok(application(runtime)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    program::run::<Parity>()
}
