use super::*;

fn table(routes: &[&str]) -> RouteTable {
    let mut table = RouteTable::default();
    for route in routes {
        add(&mut table, route).unwrap();
    }
    table
}

fn add(table: &mut RouteTable, route: &str) -> Result<RouteId, RouteId> {
    let (method, path) = route.split_once(' ').unwrap();
    let pattern = Pattern::parse(path).unwrap();
    let route = Route::new(method, &pattern, "c".parse().unwrap(), None);
    table.insert(route, pattern)
}

/// The pattern that answers, and what it captured, as `pattern name=value`.
fn found(table: &RouteTable, method: &str, path: &str) -> String {
    match table.lookup(method, path) {
        Lookup::Found(found) => {
            let mut text = table.routes()[found.route.index()].pattern.clone();
            for (name, value) in found.params {
                text.push_str(&format!(" {name}={value}"));
            }
            text
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn literal_beats_param_beats_rest() {
    let table = table(&["GET /a/*", "GET /a/:x", "GET /a/b", "GET /a/"]);
    assert_eq!(found(&table, "GET", "/a/b"), "/a/b");
    assert_eq!(found(&table, "GET", "/a/c"), "/a/:x x=c");
    assert_eq!(found(&table, "GET", "/a/b/c"), "/a/* *=b/c");
    assert_eq!(found(&table, "GET", "/a/b/"), "/a/* *=b/");
    assert_eq!(found(&table, "GET", "/a/"), "/a/");
    assert_eq!(found(&table, "GET", "/a"), "NotFound");
}

#[test]
fn a_route_that_fails_later_gives_way() {
    let table = table(&["GET /a/b/d", "GET /a/:x/c", "GET /:y/:z/:w/*", "GET /a/*"]);
    assert_eq!(found(&table, "GET", "/a/b/d"), "/a/b/d");
    assert_eq!(found(&table, "GET", "/a/b/c"), "/a/:x/c x=b");
    assert_eq!(found(&table, "GET", "/a/b/e"), "/a/* *=b/e");
    assert_eq!(
        found(&table, "GET", "/q/b/e/"),
        "/:y/:z/:w/* y=q z=b w=e *="
    );
    assert_eq!(found(&table, "GET", "/q/b"), "NotFound");
}

#[test]
fn a_rest_may_be_empty_and_a_param_may_not() {
    let table = table(&["GET /files/*", "GET /users/:id", "GET /users/:id/"]);
    assert_eq!(found(&table, "GET", "/files/"), "/files/* *=");
    assert_eq!(found(&table, "GET", "/files//a"), "/files/* *=/a");
    assert_eq!(found(&table, "GET", "/files"), "NotFound");
    assert_eq!(found(&table, "GET", "/users/"), "NotFound");
    assert_eq!(found(&table, "GET", "/users//"), "NotFound");
    assert_eq!(found(&table, "GET", "/users/1/"), "/users/:id/ id=1");
}

#[test]
fn names_belong_to_the_route() {
    let table = table(&["GET /u/:a", "GET /u/:b/x", "POST /u/:c"]);
    assert_eq!(found(&table, "GET", "/u/1"), "/u/:a a=1");
    assert_eq!(found(&table, "GET", "/u/1/x"), "/u/:b/x b=1");
    assert_eq!(found(&table, "POST", "/u/1"), "/u/:c c=1");
}

#[test]
fn other_methods_are_named() {
    let table = table(&[
        "GET /a/:x",
        "POST /a/b",
        "PUT /a/*",
        "OPTIONS /o",
        "HEAD /h",
    ]);
    let allow = |path| match table.lookup("DELETE", path) {
        Lookup::MethodNotAllowed { allow } => allow,
        other => panic!("{other:?}"),
    };
    assert_eq!(allow("/a/b"), "GET, HEAD, POST, PUT");
    assert_eq!(allow("/a/c"), "GET, HEAD, PUT");
    assert_eq!(allow("/a/b/c"), "PUT");
    assert_eq!(allow("/o"), "OPTIONS");
    assert_eq!(allow("/h"), "HEAD");
    assert_eq!(found(&table, "DELETE", "/b"), "NotFound");
    assert_eq!(found(&table, "get", "/b"), "NotFound");
}

#[test]
fn head_is_get_unless_routed() {
    let table = table(&["GET /a", "GET /b", "HEAD /:x", "POST /p"]);
    assert_eq!(found(&table, "HEAD", "/a"), "/:x x=a");
    let table = self::table(&["GET /a", "HEAD /b", "POST /p"]);
    assert_eq!(found(&table, "HEAD", "/a"), "/a");
    assert_eq!(
        found(&table, "HEAD", "/p"),
        "MethodNotAllowed { allow: \"POST\" }"
    );
}

#[test]
fn escapes_are_compared_by_what_they_mean() {
    let table = table(&["GET /caf%c3%a9", "GET /~u/:id", "GET /a%2fb", "GET /{x"]);
    assert_eq!(found(&table, "GET", "/caf%C3%a9"), "/caf%c3%a9");
    assert_eq!(found(&table, "GET", "/%7Eu/%41"), "/~u/:id id=A");
    assert_eq!(found(&table, "GET", "/%7eu/x%2Fy"), "/~u/:id id=x/y");
    assert_eq!(found(&table, "GET", "/~u/%252F"), "/~u/:id id=%2F");
    assert_eq!(found(&table, "GET", "/a%2Fb"), "/a%2fb");
    assert_eq!(found(&table, "GET", "/a/b"), "NotFound");
    assert_eq!(found(&table, "GET", "/{x"), "/{x");
    assert_eq!(found(&table, "GET", "/%7bx"), "/{x");
    assert_eq!(found(&table, "GET", "/~u/é{"), "/~u/:id id=é{");
}

#[test]
fn bad_escapes_are_a_bad_path() {
    let table = table(&["GET /u/:id", "GET /lit"]);
    for path in ["/u/%", "/u/%4", "/u/%zz", "/nowhere/%", "/u/%FF", "/u/%C3"] {
        assert_eq!(table.lookup("GET", path), Lookup::BadPath, "{path}");
    }
    // Not captured, and no route has it as a literal either.
    assert_eq!(table.lookup("GET", "/%FF"), Lookup::NotFound);
}

#[test]
fn what_is_no_path_is_not_found() {
    let table = table(&["GET /*", "OPTIONS /*"]);
    for target in ["*", "", "a", "example.org:80", "http:/"] {
        assert_eq!(table.lookup("OPTIONS", target), Lookup::NotFound);
    }
    assert_eq!(found(&table, "GET", "/../."), "/* *=../.");
    assert_eq!(found(&RouteTable::default(), "GET", "/"), "NotFound");
}

#[test]
fn the_same_route_twice_names_the_first() {
    let mut table = table(&["GET /a/:x", "GET /b/*", "POST /a/:x"]);
    assert_eq!(add(&mut table, "GET /a/:y"), Err(RouteId(0)));
    assert_eq!(add(&mut table, "GET /%62/*"), Err(RouteId(1)));
    assert_eq!(add(&mut table, "GET /a/:y/"), Ok(RouteId(3)));
}

mod model {
    //! The table against a list of routes, tried one by one, without normal forms or a trie.

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// A character that stands for itself, or an escape that cannot be written otherwise.
    #[derive(Clone, Debug, PartialEq)]
    enum Octet {
        Itself(u8),
        Escaped(u8),
    }

    fn octets(segment: &str) -> Vec<Octet> {
        let mut octets = Vec::new();
        let mut rest = segment.as_bytes();
        while let [first, tail @ ..] = rest {
            let (octet, was_escape) = match (first, tail) {
                (b'%', [a, b, tail @ ..]) => {
                    rest = tail;
                    let hex = String::from_utf8(vec![*a, *b]).unwrap();
                    (u8::from_str_radix(&hex, 16).unwrap(), true)
                }
                _ => {
                    rest = tail;
                    (*first, false)
                }
            };
            let unreserved = octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
            let forbidden = !octet.is_ascii_graphic() || b"\"<>[]\\^`{|}".contains(&octet);
            octets.push(match (was_escape && !unreserved) || forbidden {
                true => Octet::Escaped(octet),
                false => Octet::Itself(octet),
            });
        }
        octets
    }

    fn decoded(segment: &str) -> Option<String> {
        let bytes = (octets(segment).into_iter())
            .map(|octet| match octet {
                Octet::Itself(b) | Octet::Escaped(b) => b,
            })
            .collect();
        String::from_utf8(bytes).ok()
    }

    /// Returns the rank of each segment's match (less is better), and the captures; `None` if it does not match.
    fn rank(pattern: &str, path: &str) -> Option<(Vec<u8>, Vec<String>)> {
        let mut ranks = Vec::new();
        let mut captures = Vec::new();
        let mut path = path.strip_prefix('/')?.split('/');
        for segment in pattern[1..].split('/') {
            if segment == "*" {
                let first = path.next()?.to_owned();
                let rest = path.fold(first, |rest, next| rest + "/" + next);
                ranks.push(2);
                captures.push(rest);
                return Some((ranks, captures));
            }
            let given = path.next()?;
            if segment.starts_with(':') {
                if given.is_empty() {
                    return None;
                }
                ranks.push(1);
                captures.push(given.to_owned());
            } else if octets(segment) == octets(given) {
                ranks.push(0);
            } else {
                return None;
            }
        }
        path.next().is_none().then_some((ranks, captures))
    }

    fn best(routes: &[&str], method: &str, path: &str) -> Option<(String, Vec<String>)> {
        (routes.iter())
            .filter_map(|route| {
                let (_, pattern) = route
                    .split_once(' ')
                    .filter(|(other, _)| *other == method)?;
                let (ranks, captures) = rank(pattern, path)?;
                Some((ranks, pattern.to_owned(), captures))
            })
            .min_by(|(a, ..), (b, ..)| a.cmp(b))
            .map(|(_, pattern, captures)| (pattern, captures))
    }

    fn expected(routes: &[&str], method: &str, path: &str) -> String {
        let head_as_get = || (method == "HEAD").then(|| best(routes, "GET", path))?;
        if let Some((pattern, captures)) = best(routes, method, path).or_else(head_as_get) {
            let names = (pattern.split('/')).filter(|s| s.starts_with(':') || *s == "*");
            let mut text = pattern.clone();
            for (name, raw) in names.zip(captures) {
                let Some(value) = decoded(&raw) else {
                    return "BadPath".to_owned();
                };
                text.push_str(&format!(" {}={value}", name.trim_start_matches(':')));
            }
            return text;
        }
        let allowed: Vec<_> = ["GET", "HEAD", "POST"]
            .into_iter()
            .filter(|method| {
                let is = |method| best(routes, method, path).is_some();
                is(method) || (*method == "HEAD" && is("GET"))
            })
            .collect();
        match allowed.is_empty() {
            true => "NotFound".to_owned(),
            false => format!("MethodNotAllowed {{ allow: {:?} }}", allowed.join(", ")),
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        let segment = select(vec![
            "a", "b", "", "A", "%61", "é", "%2f", "%2F", "@", "%40", "{", ":x",
        ]);
        let segments = prop::collection::vec(segment, 0..4);
        let last = select(vec!["", "a", "b", ":y", "*", "%C3%A9"]);
        (segments, last).prop_map(|(segments, last)| {
            let mut pattern = String::new();
            for (at, segment) in segments.into_iter().enumerate() {
                // A name may be there only once.
                let number = if segment == ":x" {
                    at.to_string()
                } else {
                    String::new()
                };
                pattern.push_str(&format!("/{segment}{number}"));
            }
            pattern + "/" + last
        })
    }

    fn path() -> impl Strategy<Value = String> {
        let segment = select(vec![
            "a", "b", "", "A", "%61", "%41", "é", "%c3%A9", "%2f", "%40", "@", "%7B", "{", "%FF",
            "c d", ".", "x%2Fy", "%2525",
        ]);
        prop::collection::vec(segment, 0..6)
            .prop_map(|segments| "/".to_owned() + &segments.join("/"))
    }

    fn method() -> impl Strategy<Value = &'static str> {
        select(vec!["GET", "GET", "HEAD", "POST"])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_table_agrees_with_the_model(
            candidates in prop::collection::vec((method(), pattern()), 1..12),
            requests in prop::collection::vec((method(), path()), 1..12),
        ) {
            let mut table = RouteTable::default();
            let candidates: Vec<_> =
                candidates.iter().map(|(method, path)| format!("{method} {path}")).collect();
            let routes: Vec<_> = (candidates.iter())
                .filter(|route| add(&mut table, route).is_ok())
                .map(String::as_str)
                .collect();
            for (method, path) in requests {
                prop_assert_eq!(
                    found(&table, method, &path),
                    expected(&routes, method, &path),
                    "{} {} in {:?}", method, path, routes
                );
            }
        }

        #[test]
        fn no_request_harms(method in ".{0,8}", path in "(/|%|[0-9a-f]|.){0,40}") {
            let table = table(&["GET /*", "GET /:a/:b", "POST /a/%41/*"]);
            table.lookup(&method, &path);
        }
    }
}
