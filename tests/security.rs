//! The items of OWASP's ASVS 5.0 and API Security Top 10 (2023) that can be tried over HTTP, one test each, named after
//! them. docs/security.md has the whole list.

mod answers;
mod authorisation;
mod bad_input;
mod brute_force;
mod enumeration;
mod fields;
mod lockout;
mod logs;
mod loopback;
mod replay;
mod small_inputs;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use local::{Route, Template};

use crate::{catalogue::files, support::root};

/// Every method and path of the template.
fn routes() -> Vec<Route> {
    let functions = Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap().functions;
    functions.into_iter().flat_map(|function| function.routes).collect()
}

#[test]
fn every_test_that_the_list_names_is_there() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let (security, limits) = (read("docs/security.md"), read("docs/limits.md"));
    // In the table of limits, the tests are the last column.
    let rows = security.lines().filter_map(|line| line.split('|').nth(2));
    let rows = rows.chain(limits.lines().filter_map(|line| line.split('|').nth(6)));
    let named: BTreeSet<&str> = rows.flat_map(|tests| tests.split('`').skip(1).step_by(2)).collect();
    let sources: String = files(&root().join("tests"), "rs")
        .iter()
        .map(|file| std::fs::read_to_string(root().join(format!("tests/{file}.rs"))).unwrap())
        .collect();
    let missing: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}()"))).collect();
    assert!(named.len() > 50 && missing.is_empty(), "{missing:?}");
}
