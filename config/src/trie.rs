//! The trie that finds the route of a path: one per method, a level per segment.
//!
//! It is our own, since matchit (0.9) rejects a `:param` beside a `*`, and an empty rest.

use smallvec::SmallVec;

use crate::pattern::Segment;
use crate::percent;
use crate::routes::RouteId;

/// The raw text of the captures, in the order of the path.
pub(crate) type Captures<'p> = SmallVec<[&'p str; 4]>;

/// A position in the segments of the patterns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// The children by normalized segment, sorted.
    literals: Vec<(Box<str>, Node)>,
    param: Option<Box<Node>>,
    /// The route whose `*` begins here.
    rest: Option<RouteId>,
    /// The route that ends here.
    end: Option<RouteId>,
}

impl Node {
    /// Adds a route. The error is the route that is there already.
    pub(crate) fn insert(&mut self, pattern: &[Segment], id: RouteId) -> Result<(), RouteId> {
        let place = match pattern {
            [] => &mut self.end,
            [Segment::Rest, ..] => &mut self.rest,
            [Segment::Param(_), tail @ ..] => {
                return self.param.get_or_insert_default().insert(tail, id);
            }
            [Segment::Literal(text), tail @ ..] => {
                let at = match self.find_literal(text) {
                    Ok(at) => at,
                    Err(at) => {
                        self.literals.insert(at, (text.clone(), Self::default()));
                        at
                    }
                };
                return self.literals[at].1.insert(tail, id);
            }
        };
        match place {
            Some(first) => Err(*first),
            None => {
                *place = Some(id);
                Ok(())
            }
        }
    }

    /// Returns the route for a path, which is given without its first `/`.
    ///
    /// At each segment a literal is tried before the parameter, and that before `*`; a choice that
    /// fails is undone. A node is visited at most once, since only one path leads to it.
    pub(crate) fn find<'p>(
        &self,
        path: &'p str,
        is_plain: bool,
        captures: &mut Captures<'p>,
    ) -> Option<RouteId> {
        let (segment, tail) = match path.split_once('/') {
            Some((segment, tail)) => (segment, Some(tail)),
            None => (path, None),
        };
        let literal = match is_plain {
            true => self.find_literal(segment),
            false => self.find_literal(&percent::normalise(segment)),
        };
        if let Some((_, node)) = literal.ok().and_then(|at| self.literals.get(at))
            && let Some(id) = node.find_after(tail, is_plain, captures)
        {
            return Some(id);
        }
        if let Some(node) = self.param.as_ref().filter(|_| !segment.is_empty()) {
            captures.push(segment);
            if let Some(id) = node.find_after(tail, is_plain, captures) {
                return Some(id);
            }
            captures.pop();
        }
        if self.rest.is_some() {
            captures.push(path);
        }
        self.rest
    }

    /// Continues at the end of a segment: `tail` is what follows its `/`, if it has one.
    fn find_after<'p>(
        &self,
        tail: Option<&'p str>,
        is_plain: bool,
        captures: &mut Captures<'p>,
    ) -> Option<RouteId> {
        match tail {
            Some(tail) => self.find(tail, is_plain, captures),
            None => self.end,
        }
    }

    fn find_literal(&self, segment: &str) -> Result<usize, usize> {
        (self.literals).binary_search_by(|(literal, _)| (**literal).cmp(segment))
    }
}
