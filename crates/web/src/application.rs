//! An application: its routes, its settings, its state.

use std::{fmt, future::Future, path::Path, sync::Arc};

use ::http::{Extensions, HeaderValue, StatusCode};
use squall_io::{
    Shutdown,
    server::{Listen, Server},
};

use crate::{
    Handler, Hook, Pattern, Report, Request, Response, RouteError, Settings, files,
    hook::guarded,
    http,
    negotiate::endpoint,
    report::{self, ReportTo},
    router::{Page, Router},
};

/// An application: Tornado's `Application`. Add routes, then [`serve`](Self::serve) it on a listener.
#[must_use = "an application does nothing until it serves"]
pub struct Application {
    pub(crate) shared: Shared,
}

/// What every connection needs of the application.
pub(crate) struct Shared {
    pub(crate) router: Router,
    pub(crate) settings: Settings,
    pub(crate) state: Extensions,
    pub(crate) shutdown: Shutdown,
    pub(crate) report_to: ReportTo,
}

impl Default for Application {
    fn default() -> Self {
        Self::new()
    }
}

impl Application {
    /// An application without routes, with the default settings.
    pub fn new() -> Self {
        Self {
            shared: Shared {
                router: Router::default(),
                settings: Settings::default(),
                state: Extensions::new(),
                shutdown: Shutdown::new(),
                report_to: report::to_stderr(),
            },
        }
    }

    /// Other settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.shared.settings = settings;
        self
    }

    /// Adds a part of the shared state, for [`Request::state`] to find by its type: an `Arc` of something as a rule.
    pub fn state<S: Clone + Send + Sync + 'static>(mut self, state: S) -> Self {
        self.shared.state.insert(state);
        self
    }

    /// Sees errors and panics of handlers and pages that nothing else caught, in place of a line on standard error.
    pub fn on_uncaught(mut self, hook: impl Fn(&Report<'_>) + Send + Sync + 'static) -> Self {
        self.shared.report_to = Box::new(hook);
        self
    }

    /// Adds a WebSocket route. `factory` makes a handler for each request; what it captures is what Tornado's `initialize` gets.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn websocket<H: Handler>(
        mut self,
        pattern: impl Into<Pattern>,
        factory: impl Fn(&Request) -> H + Send + Sync + 'static,
    ) -> Result<Self, RouteError> {
        let pattern = pattern.into();
        match &mut self.shared.router.at(&pattern)?.websocket {
            Some(_) => Err(RouteError::Duplicate(pattern)),
            none => {
                *none = Some(endpoint(factory));
                Ok(self)
            }
        }
    }

    /// Adds a page for GET and HEAD.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn get<F, R>(
        mut self,
        pattern: impl Into<Pattern>,
        page: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Result<Self, RouteError>
    where
        F: Future<Output = R> + Send + 'static,
        R: Into<Response> + 'static,
    {
        let pattern = pattern.into();
        match &mut self.shared.router.at(&pattern)?.get {
            Some(_) => Err(RouteError::Duplicate(pattern)),
            none => {
                *none = Some(guarded_page(page));
                Ok(self)
            }
        }
    }

    /// Adds a page for POST. Its request has the body, at most [`Settings::max_body_size`] of it.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn post<F, R>(
        mut self,
        pattern: impl Into<Pattern>,
        page: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Result<Self, RouteError>
    where
        F: Future<Output = R> + Send + 'static,
        R: Into<Response> + 'static,
    {
        let pattern = pattern.into();
        match &mut self.shared.router.at(&pattern)?.post {
            Some(_) => Err(RouteError::Duplicate(pattern)),
            none => {
                *none = Some(guarded_page(page));
                Ok(self)
            }
        }
    }

    /// Adds a redirect (302) for GET and HEAD.
    ///
    /// # Errors
    /// [`RouteError`].
    pub fn redirect(self, pattern: impl Into<Pattern>, to: &str) -> Result<Self, RouteError> {
        let to = HeaderValue::from_str(to).map_err(|_| RouteError::Target(to.to_owned()))?;
        self.get(pattern, move |_| {
            let response = Response::status(StatusCode::FOUND);
            std::future::ready(response.header(::http::header::LOCATION, to.clone()))
        })
    }

    /// Serves the files of a folder below a path that ends in a slash; `index.html` stands for its folder.
    ///
    /// Nothing outside of the folder is served, whatever the path of the request or a link in it says, and no file whose name
    /// begins with a dot.
    ///
    /// # Errors
    /// [`RouteError`]; [`RouteError::Folder`] where there is no such folder.
    pub fn files(self, prefix: &str, folder: impl AsRef<Path>) -> Result<Self, RouteError> {
        let folder = Arc::new(folder.as_ref().canonicalize().map_err(RouteError::Folder)?);
        let index = Arc::clone(&folder);
        self.get(format!("{prefix}{{*path}}"), move |request| {
            files::serve(Arc::clone(&folder), request)
        })?
        .get(prefix, move |request| files::serve(Arc::clone(&index), request))
    }

    /// The switch that ends [`serve`](Self::serve): every connection is then closed with 1001.
    pub fn shutdown(&self) -> Shutdown {
        self.shared.shutdown.clone()
    }

    /// Serves the application on a listener, or on a [`Server`] with settings of its own: TLS, the most connections, the time
    /// for the end. Of its connection settings only those of TLS count.
    ///
    /// It ends when the [`shutdown`](Self::shutdown) switch is turned on: the listener is closed, pages under way are
    /// completed, open connections are closed with 1001, and what is left after the server's grace is aborted. The answer is how
    /// many that were.
    ///
    /// # Cancel safety
    /// Dropping the future closes the listener and aborts every connection.
    pub async fn serve<L: Listen>(self, server: impl Into<Server<L>>) -> usize {
        let shared = Arc::new(self.shared);
        let server = server.into().shutdown(shared.shutdown.clone());
        let runtime = server.runtime().clone();
        let serve = move |stream, peer| {
            http::serve::<L>(Arc::clone(&shared), runtime.clone(), stream, peer)
        };
        server.serve_streams(serve).await
    }
}

/// A page whose panics are answered with 500.
fn guarded_page<F, R>(page: impl Fn(Request) -> F + Send + Sync + 'static) -> Page
where
    F: Future<Output = R> + Send + 'static,
    R: Into<Response> + 'static,
{
    let page = Arc::new(page);
    Box::new(move |request| {
        let page = Arc::clone(&page);
        Box::pin(async move {
            let spare = request.clone();
            guarded(async move { page(request).await.into() }).await.unwrap_or_else(|panicked| {
                spare.report(Hook::Page, &panicked.into());
                Response::status(StatusCode::INTERNAL_SERVER_ERROR)
            })
        })
    })
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("settings", &self.settings).finish_non_exhaustive()
    }
}
