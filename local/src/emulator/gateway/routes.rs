//! Which function a path leads to, by API Gateway's rules.

use std::{collections::BTreeMap, sync::Arc};

use crate::emulator::{lambda::Pool, template::Route};

/// Every resource (a path pattern) with the functions behind its methods.
#[derive(Debug)]
pub(super) struct Routes<F = Arc<Pool>> {
    resources: Vec<Resource<F>>,
}

#[derive(Debug)]
struct Resource<F> {
    path: String,
    segments: Vec<Segment>,
    methods: BTreeMap<String, F>,
}

/// In the order in which they win: a literal beats a parameter, and that beats the rest of the path.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter(String),
    Rest(String),
}

/// What a request leads to.
#[derive(Debug, PartialEq)]
pub(super) struct Match<'a, F> {
    /// The resource's pattern, such as `/api/users/{id}`.
    pub(super) resource: &'a str,
    /// The values of its parameters, as they stand in the path.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) function: &'a F,
}

impl<F> Routes<F> {
    pub(super) fn new(routes: impl IntoIterator<Item = (Route, F)>) -> Self {
        let mut resources: Vec<Resource<F>> = Vec::new();
        for (route, function) in routes {
            let known = resources.iter().position(|resource| resource.path == route.path);
            let index = known.unwrap_or_else(|| {
                let segments = parts(&route.path).map(segment).collect();
                resources.push(Resource { path: route.path.clone(), segments, methods: BTreeMap::new() });
                resources.len() - 1
            });
            resources[index].methods.insert(route.method, function);
        }
        resources.sort_by(|left, right| left.segments.cmp(&right.segments));
        Self { resources }
    }

    /// The best resource for the path, if it has the method.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<'_, F>> {
        let (resource, parameters) = self
            .resources
            .iter()
            .find_map(|resource| Some((resource, matched(&resource.segments, path)?)))?;
        let function = resource.methods.get(method).or_else(|| resource.methods.get("ANY"))?;
        Some(Match { resource: &resource.path, parameters, function })
    }
}

/// The parameters' values, if the path fits; both spellings of the trailing slash do.
fn matched(segments: &[Segment], path: &str) -> Option<BTreeMap<String, String>> {
    let given: Vec<&str> = parts(path).collect();
    let mut parameters = BTreeMap::new();
    for (index, segment) in segments.iter().enumerate() {
        let part = *given.get(index)?;
        match segment {
            Segment::Literal(text) => (part == text).then_some(())?,
            Segment::Parameter(name) => {
                (!part.is_empty()).then_some(())?;
                parameters.insert(name.clone(), part.to_owned());
            }
            Segment::Rest(name) => {
                parameters.insert(name.clone(), given[index..].join("/"));
                return Some(parameters);
            }
        }
    }
    (given.len() == segments.len()).then_some(parameters)
}

/// The segments of a path. Slashes at its beginning count as one.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_start_matches('/');
    let is_root = path.is_empty();
    path.strip_suffix('/').unwrap_or(path).split('/').filter(move |_| !is_root)
}

fn segment(part: &str) -> Segment {
    match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        None => Segment::Literal(part.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Rest(name.to_owned()),
            None => Segment::Parameter(name.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<&'static str> {
        let routes = [
            ("GET", "/"),
            ("GET", "/api/users/{id}"),
            ("ANY", "/api/users/me"),
            ("POST", "/api/users/{id}/unlock"),
            ("GET", "/files/{path+}"),
            ("GET", "/.well-known/jwks.json"),
        ];
        Routes::new(
            routes.map(|(method, path)| (Route { method: method.to_owned(), path: path.to_owned() }, path)),
        )
    }

    fn found(method: &str, path: &str) -> Option<(&'static str, String)> {
        let routes = routes();
        let found = routes.find(method, path)?;
        let parameters: Vec<String> =
            found.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some((*found.function, parameters.join(" ")))
    }

    #[test]
    fn a_path_is_found_with_and_without_its_trailing_slash() {
        for path in ["/api/users/7", "/api/users/7/"] {
            assert_eq!(found("GET", path), Some(("/api/users/{id}", "id=7".to_owned())));
        }
        for path in ["/", "//"] {
            assert_eq!(found("GET", path).unwrap().0, "/");
        }
        assert_eq!(found("GET", "//api/users/7"), found("GET", "/api/users/7"));
        assert_eq!(found("GET", "/.well-known/jwks.json").unwrap().0, "/.well-known/jwks.json");
    }

    #[test]
    fn a_literal_beats_a_parameter() {
        assert_eq!(found("PATCH", "/api/users/me").unwrap().0, "/api/users/me");
    }

    #[test]
    fn a_parameter_is_not_decoded_and_keeps_to_its_segment() {
        assert_eq!(found("POST", "/api/users/a%2Fb%20c/unlock").unwrap().1, "id=a%2Fb%20c");
        assert_eq!(found("GET", "/files/a//b%20c.txt").unwrap().1, "path=a//b%20c.txt");
    }

    #[test]
    fn what_is_not_declared_is_not_found() {
        for (method, path) in [
            ("HEAD", "/api/users/7"),
            ("OPTIONS", "/api/users/7"),
            ("DELETE", "/api/users/7"),
            ("GET", "/api/users/7//"),
            ("GET", "/api/users"),
            ("GET", "/api//users/7"),
            ("GET", "/API/users/7"),
        ] {
            assert_eq!(found(method, path), None, "{method} {path}");
        }
    }
}
