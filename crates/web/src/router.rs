//! From a path to what there is.

use std::collections::HashMap;

use ::http::Method;
use regex::Regex;

use crate::{
    BoxFuture, PathArguments, Pattern, Request, Response, negotiate::Endpoint, pattern::Kind,
};

/// A plain page.
pub(crate) type Page = Box<dyn Fn(Request) -> BoxFuture<Response> + Send + Sync>;

/// What there is at one pattern.
#[derive(Default)]
pub(crate) struct Resource {
    pub(crate) websocket: Option<Endpoint>,
    pub(crate) get: Option<Page>,
    pub(crate) post: Option<Page>,
}

impl Resource {
    /// The methods that it answers to, for `Allow`.
    pub(crate) fn allowed(&self) -> &'static str {
        match (&self.websocket, &self.get, &self.post) {
            (_, Some(_), Some(_)) => "GET, HEAD, POST",
            (_, Some(_), None) => "GET, HEAD",
            (Some(_), None, Some(_)) => "GET, POST",
            (None, None, Some(_)) => "POST",
            (_, None, None) => "GET",
        }
    }

    /// The page for a method.
    pub(crate) fn page(&self, method: &Method) -> Option<&Page> {
        match *method {
            Method::GET | Method::HEAD => self.get.as_ref(),
            Method::POST => self.post.as_ref(),
            _ => None,
        }
    }
}

/// Why a route cannot be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The `{name}` pattern is not valid, or it matches the same paths as another.
    #[error("the pattern {pattern:?} cannot be added: {reason}")]
    #[non_exhaustive]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// The regular expression is not valid.
    #[error(transparent)]
    Regex(Box<regex::Error>),
    /// The pattern has such a handler already.
    #[error("{0:?} has a handler of this kind already")]
    Duplicate(Pattern),
    /// The target of a redirect cannot stand in a header.
    #[error("{0:?} is no target to redirect to")]
    Target(String),
    /// The folder of static files cannot be found.
    #[error("cannot serve the files of a folder: {0}")]
    Folder(#[source] std::io::Error),
}

/// What became of a path.
pub(crate) enum Found<'a> {
    Resource(&'a Resource, PathArguments),
    Nothing,
    /// A capture is not UTF-8.
    Malformed,
}

#[derive(Default)]
pub(crate) struct Router {
    resources: Vec<Resource>,
    known: HashMap<Pattern, usize>,
    names: matchit::Router<usize>,
    regexes: Vec<(Regex, usize)>,
}

impl Router {
    /// The resource of a pattern, which may be new.
    pub(crate) fn at(&mut self, pattern: &Pattern) -> Result<&mut Resource, RouteError> {
        let next = self.resources.len();
        let index = match self.known.get(pattern) {
            Some(index) => *index,
            None => {
                match &pattern.0 {
                    Kind::Names(path) => self.names.insert(path, next).map_err(|error| {
                        RouteError::Pattern { pattern: path.clone(), reason: error.to_string() }
                    })?,
                    Kind::Regex(expression) => {
                        // Both ends are anchored, as Tornado does.
                        let regex = Regex::new(&format!(r"\A(?:{expression})\z"))
                            .map_err(|error| RouteError::Regex(Box::new(error)))?;
                        self.regexes.push((regex, next));
                    }
                }
                self.resources.push(Resource::default());
                self.known.insert(pattern.clone(), next);
                next
            }
        };
        self.resources.get_mut(index).ok_or_else(|| RouteError::Duplicate(pattern.clone()))
    }

    /// What there is at a path.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        let Some((index, arguments)) = self.by_name(path).or_else(|| self.by_regex(path)) else {
            return Found::Nothing;
        };
        match (self.resources.get(index), arguments) {
            (Some(resource), Some(arguments)) => Found::Resource(resource, arguments),
            (Some(_), None) => Found::Malformed,
            (None, _) => Found::Nothing,
        }
    }

    fn by_name(&self, path: &str) -> Option<(usize, Option<PathArguments>)> {
        let found = self.names.at(path).ok()?;
        let mut arguments = PathArguments::default();
        let decoded = found
            .params
            .iter()
            .try_for_each(|(name, value)| arguments.push(Some(name), Some(value)));
        Some((*found.value, decoded.map(|()| arguments)))
    }

    fn by_regex(&self, path: &str) -> Option<(usize, Option<PathArguments>)> {
        let (regex, captures, index) = self.regexes.iter().find_map(|(regex, index)| {
            regex.captures(path).map(|captures| (regex, captures, *index))
        })?;
        let mut arguments = PathArguments::default();
        let decoded =
            regex.capture_names().zip(captures.iter()).skip(1).try_for_each(|(name, group)| {
                arguments.push(name, group.map(|group| group.as_str()))
            });
        Some((index, decoded.map(|()| arguments)))
    }
}
