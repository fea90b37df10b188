//! The route table of a listener, looked up for every request.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::name::{ActionName, ComponentName};
use crate::pattern::Pattern;
use crate::percent;
use crate::trie::{Captures, Node};

/// The routes of a listener: a component and action for each method and path.
///
/// Routes with the request's method precede those for any method (`*`). At each segment a literal
/// beats `:param`, which beats `*`; a route that fails at a later segment gives way to the next
/// best. Paths are compared as in RFC 3986 section 6.2.2: `%7E` is `~`, `%2f` is `%2F` but never
/// `/`. Dot segments and trailing slashes are not changed.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// The tries by method, sorted. There are few, so a linear search is fastest.
    methods: Vec<(Box<str>, Node)>,
}

impl RouteTable {
    /// Returns the routes in the order of the file; a [`RouteId`] is an index into them.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Creates a table with one route: with this method, every path leads to `component`.
    pub(crate) fn whole(method: &str, component: ComponentName) -> Self {
        let mut table = Self::default();
        let pattern = Pattern::any();
        // The first route can't be a duplicate.
        let _ = table.insert(Route::new(method, &pattern, component, None), pattern);
        table
    }

    /// Finds the route for a request.
    ///
    /// `path` is the path of the target, still encoded and without the query. A `HEAD` without its
    /// own route is routed as `GET`. Allocates only for escapes in captures, for a route with more
    /// than four captures, or if the path has characters to normalize.
    pub fn lookup<'t, 'p>(&'t self, method: &str, path: &'p str) -> Lookup<'t, 'p> {
        let is_plain = percent::is_plain(path);
        if !is_plain && percent::malformed_escape(path).is_some() {
            return Lookup::BadPath;
        }
        let Some(path) = path.strip_prefix('/') else {
            return Lookup::NotFound;
        };
        let mut captures = Captures::new();
        let mut find = |method: &str| {
            (self.methods.iter())
                .find(|(name, _)| **name == *method)
                .and_then(|(_, node)| node.find(path, is_plain, &mut captures))
        };
        let found = match find(method) {
            None if method == HEAD => find(GET).or_else(|| find(ANY_METHOD)),
            None => find(ANY_METHOD),
            found => found,
        };
        match found {
            Some(route) => self.found(route, captures, is_plain),
            None => self.refuse(path, is_plain),
        }
    }

    /// Adds a route. The error is the route that matches exactly the same requests.
    pub(crate) fn insert(&mut self, route: Route, pattern: Pattern) -> Result<RouteId, RouteId> {
        let id = RouteId(self.routes.len() as u32);
        let place = (self.methods).binary_search_by(|(name, _)| (**name).cmp(&route.method));
        let at = match place {
            Ok(at) => at,
            Err(at) => {
                let method = route.method.as_str().into();
                self.methods.insert(at, (method, Node::default()));
                at
            }
        };
        self.methods[at].1.insert(&pattern.segments, id)?;
        self.routes.push(route);
        Ok(id)
    }

    fn found<'t, 'p>(
        &'t self,
        route: RouteId,
        captures: Captures<'p>,
        is_plain: bool,
    ) -> Lookup<'t, 'p> {
        let mut values = SmallVec::new();
        for raw in captures {
            match is_plain {
                true => values.push(Cow::Borrowed(raw)),
                false => match percent::decode(raw) {
                    Some(value) => values.push(value),
                    None => return Lookup::BadPath,
                },
            }
        }
        let names = (self.routes.get(route.index())).map_or(&[][..], |route| &route.captures);
        Lookup::Found(Match {
            route,
            params: Params { names, values },
        })
    }

    #[cold]
    fn refuse<'t, 'p>(&'t self, path: &'p str, is_plain: bool) -> Lookup<'t, 'p> {
        let matches = |node: &Node| (node.find(path, is_plain, &mut Captures::new())).is_some();
        let mut allowed: Vec<&str> = (self.methods.iter())
            .filter(|(_, node)| matches(node))
            .map(|(name, _)| &**name)
            .collect();
        if allowed.is_empty() {
            return Lookup::NotFound;
        }
        if let Some(get) = allowed.iter().position(|name| *name == GET)
            && !allowed.contains(&HEAD)
        {
            allowed.insert(get + 1, HEAD);
        }
        Lookup::MethodNotAllowed {
            allow: allowed.join(", "),
        }
    }
}

/// The result of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<'t, 'p> {
    /// A route matches.
    Found(Match<'t, 'p>),
    /// The path has routes for other methods only (405).
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: String,
    },
    /// No route matches (404).
    NotFound,
    /// The path has a malformed escape, or a capture that is not UTF-8 once decoded (400).
    BadPath,
}

/// The route that matches a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'t, 'p> {
    /// The route.
    pub route: RouteId,
    /// The captures of its pattern.
    pub params: Params<'t, 'p>,
}

/// The captures of a route, percent-decoded, in the order of the path. The capture of `*` is named
/// `*`.
///
/// A value is the client's: it may contain escaped `/`, `..` or NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params<'t, 'p> {
    names: &'t [Box<str>],
    /// One value for each name.
    values: SmallVec<[Cow<'p, str>; 4]>,
}

impl<'t, 'p> Params<'t, 'p> {
    /// Returns the names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'t str, &str)> {
        let names = self.names.iter().map(|name| &**name);
        names.zip(self.values.iter().map(|value| &**value))
    }

    /// Returns the value of one capture.
    pub fn get(&self, name: &str) -> Option<&str> {
        (self.iter())
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// Returns the number of captures.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether the route captured nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<'t, 'p> IntoIterator for Params<'t, 'p> {
    type Item = (&'t str, Cow<'p, str>);
    type IntoIter = std::iter::Zip<
        std::iter::Map<std::slice::Iter<'t, Box<str>>, fn(&'t Box<str>) -> &'t str>,
        smallvec::IntoIter<[Cow<'p, str>; 4]>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        let name: fn(&'t Box<str>) -> &'t str = |name| name;
        self.names.iter().map(name).zip(self.values)
    }
}

/// A route of a table, as an index into [`RouteTable::routes`]. Dense, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(u32);

impl RouteId {
    /// Returns the index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A route, as the manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method in upper case, or [`ANY_METHOD`].
    pub method: String,
    /// The path as it is written: `/users/:id`.
    pub pattern: String,
    /// The component that answers.
    pub component: ComponentName,
    /// The action; `None` for a component that answers as a whole, by its exports.
    pub action: Option<ActionName>,
    captures: Box<[Box<str>]>,
}

impl Route {
    /// Returns the target as the manifest has it: `component#action`, or `component`.
    #[must_use]
    pub fn target(&self) -> String {
        let component = self.component.as_str();
        match &self.action {
            Some(action) => format!("{component}#{}", action.as_str()),
            None => component.to_owned(),
        }
    }

    pub(crate) fn new(
        method: &str,
        pattern: &Pattern,
        component: ComponentName,
        action: Option<ActionName>,
    ) -> Self {
        Self {
            method: method.to_owned(),
            pattern: pattern.text.clone(),
            component,
            action,
            captures: pattern.captures().map(Box::from).collect(),
        }
    }
}

/// The method of a route for any method.
pub const ANY_METHOD: &str = "*";
pub(crate) const GET: &str = "GET";
const HEAD: &str = "HEAD";

#[cfg(test)]
mod tests;
