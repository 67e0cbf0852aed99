//! What a release promises to the stacks that run the previous one. `tests/releases/` holds what is needed of each release;
//! docs/upgrading.md says how a release is added.

use std::fs;

use local::upgrade_problems;

use crate::support::root;

/// The released versions, the oldest first.
fn releases() -> Vec<String> {
    let names = fs::read_dir(root().join("tests/releases")).unwrap();
    let mut names: Vec<String> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_by_key(|name| name.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>());
    names
}

#[test]
fn every_template_deploys_over_that_of_the_previous_release() {
    let mut templates: Vec<(String, String)> = releases()
        .into_iter()
        .map(|release| {
            let path = root().join("tests/releases").join(&release).join("template.yaml");
            (format!("tests/releases/{release}/template.yaml"), fs::read_to_string(path).unwrap())
        })
        .collect();
    templates.push(("template.yaml".to_owned(), fs::read_to_string(root().join("template.yaml")).unwrap()));

    for [(last, before), (next, after)] in templates.array_windows() {
        let problems = upgrade_problems(before, after).unwrap();
        assert!(
            problems.is_empty(),
            "{next} cannot be deployed over {last} (docs/upgrading.md):\n{}",
            problems.join("\n")
        );
    }
}
