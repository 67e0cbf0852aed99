//! What people and tools deploy with.

use regex::Regex;

use crate::support::root;

/// A deployer is allowed to do what each type of resource takes.
#[test]
fn the_role_of_a_deployer_knows_every_service_of_the_template() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let (template, role) = (read("template.yaml"), read(".github/deploy-role.yaml"));
    for kind in Regex::new("Type: AWS::([A-Za-z0-9]+)::").unwrap().captures_iter(&template) {
        let service = if &kind[1] == "Serverless" { "lambda" } else { &kind[1].to_lowercase() };
        assert!(
            Regex::new(&format!(r"\b{service}:[A-Z*]")).unwrap().is_match(&role),
            ".github/deploy-role.yaml allows nothing of {service}"
        );
    }
}
