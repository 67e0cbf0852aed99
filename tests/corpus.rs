//! What fuzzing has found worth keeping, tried again: the targets and their corpus are in `fuzz/`.

use crate::{fuzz, support::root};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 5] = [
    ("event", fuzz::event),
    ("body", fuzz::body),
    ("token", fuzz::token),
    ("cursor", fuzz::cursor),
    ("phone", fuzz::phone),
];

#[test]
fn no_input_that_fuzzing_has_kept_breaks_anything() {
    for (name, target) in TARGETS {
        let folder = root().join("fuzz/corpus").join(name);
        let inputs: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{name}");
        for input in inputs {
            target(&std::fs::read(input).unwrap());
        }
    }
}
