//! What fuzzing has found worth keeping, tried again: the targets and their corpus are in `fuzz/`.

use base64::{Engine, engine::general_purpose::STANDARD};

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
        let corpus = std::fs::read_to_string(root().join(format!("fuzz/corpus/{name}.base64"))).unwrap();
        assert!(!corpus.is_empty(), "{name}");
        for input in corpus.lines() {
            target(&STANDARD.decode(input).unwrap());
        }
    }
}
