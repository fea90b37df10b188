//! The route table of a listener, looked up for every request.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::name::{ActionName, ComponentName};
use crate::pattern::Pattern;
use crate::percent;
use crate::trie::{Captures, Node};

/// The routes of a listener: a component and action for each method and path.
///
/// Routes of the request's own method come first, those of any method (`*`) after them. At each
/// segment a literal beats `:param`, which beats `*`; a route that fails later on gives way
/// to the next best. Paths are compared as RFC 3986 section 6.2.2 wants: `%7E` is `~`, `%2f` is
/// `%2F` but never `/`. Dot segments and trailing slashes are left as they are.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// By name, sorted. A few, so a search from the front is the fastest.
    methods: Vec<(Box<str>, Node)>,
}

impl RouteTable {
    /// The routes in the order of the file; a [`RouteId`] is an index into them.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The table of one route: with this method, every path leads to `component`.
    pub(crate) fn whole(method: &str, component: ComponentName) -> Self {
        let mut table = Self::default();
        let pattern = Pattern::any();
        // The first route is like no other.
        let _ = table.insert(Route::new(method, &pattern, component, None), pattern);
        table
    }

    /// Finds the route for a request.
    ///
    /// `path` is the path of the target, undecoded and without the query. A `HEAD` that has no
    /// route of its own is routed as `GET`. Allocates only for escapes in what is captured, for a
    /// route with more than four captures, or if the path holds characters that need normalising.
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

    /// Adds a route; the error is the route that matches the very same requests.
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
    /// A route answers it.
    Found(Match<'t, 'p>),
    /// 405: the path has routes, for other methods.
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: String,
    },
    /// 404.
    NotFound,
    /// 400: a malformed escape, or a capture that is not UTF-8 once decoded.
    BadPath,
}

/// The route that answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'t, 'p> {
    /// The route.
    pub route: RouteId,
    /// The captures of its pattern.
    pub params: Params<'t, 'p>,
}

/// The captures of a route, percent-decoded, in the order of the path. The capture of `*` is named `*`.
///
/// A value is the client's: it may hold `/`, `..` or a NUL that were escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params<'t, 'p> {
    names: &'t [Box<str>],
    /// As many as the names.
    values: SmallVec<[Cow<'p, str>; 4]>,
}

impl<'t, 'p> Params<'t, 'p> {
    /// The names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'t str, &str)> {
        let names = self.names.iter().map(|name| &**name);
        names.zip(self.values.iter().map(|value| &**value))
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        (self.iter())
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// How many.
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
    /// The index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A route, as the manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// In upper case, or [`ANY_METHOD`].
    pub method: String,
    /// The path as it is written: `/users/:id`.
    pub pattern: String,
    /// Who answers.
    pub component: ComponentName,
    /// With which action; `None` for a component that answers as a whole, in the way that its
    /// exports say.
    pub action: Option<ActionName>,
    captures: Box<[Box<str>]>,
}

impl Route {
    /// Who answers, as the manifest has it: `component#action`, or `component`.
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

/// The method of a route that takes any.
pub const ANY_METHOD: &str = "*";
pub(crate) const GET: &str = "GET";
const HEAD: &str = "HEAD";

#[cfg(test)]
mod tests;
