//! The files that are made from the contract: what is published, and the sample events.

use std::{fs, path::Path};

use contract::{collection, document, endpoints, events, patches};
use serde_json::Value;
use shared::{
    compatibility::{Compatibility, Ids, ListFormat},
    document::{SHORTEST_PASSWORD, URL, merge, settings},
};

#[test]
fn the_files_that_are_made_from_the_contract_are_up_to_date() {
    let document =
        |lists| document(URL, SHORTEST_PASSWORD, &Compatibility { lists, ..Compatibility::none() });
    let collection = |lists| collection(&document(lists));
    let mut files = vec![
        ("functions/openapi/document.json".to_owned(), document(ListFormat::Cursor)),
        ("functions/openapi/patches.json".to_owned(), patches(URL, SHORTEST_PASSWORD)),
        ("functions/postman-collection/collection.json".to_owned(), collection(ListFormat::Cursor)),
        ("functions/postman-collection/collection-page.json".to_owned(), collection(ListFormat::Page)),
        ("functions/postman-collection/collection-array.json".to_owned(), collection(ListFormat::Array)),
        ("functions/api/endpoints.json".to_owned(), endpoints(URL)),
    ];
    files.extend(events().into_iter().map(|(function, event)| (format!("events/{function}.json"), event)));

    let mut out_of_date = Vec::new();
    for (file, made) in files {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&file);
        let text = format!("{made:#}\n");
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        out_of_date.push(file);
    }
    assert!(
        out_of_date.is_empty(),
        "These files were out of date and have been rewritten; run the tests again: {out_of_date:?}"
    );
}

/// The names to which a value refers and that the document does not have.
fn dangling(document: &Value, value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let reference =
                fields.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
            let missing = reference.filter(|name| document.pointer(name).is_none());
            let within = fields.values().flat_map(|value| dangling(document, value));
            missing.map(str::to_owned).into_iter().chain(within).collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| dangling(document, value)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_name_that_an_operation_refers_to_is_declared() {
    for answers in every_way_to_answer() {
        let document = document(URL, SHORTEST_PASSWORD, &answers);
        assert_eq!(dangling(&document, &document), [] as [String; 0], "{answers:?}");
    }
}

/// Each combination of the settings that a client notices.
fn every_way_to_answer() -> impl Iterator<Item = Compatibility> {
    let flags = [false, true];
    let lists = [ListFormat::Cursor, ListFormat::Page, ListFormat::Array];
    lists.into_iter().flat_map(move |lists| {
        flags.into_iter().flat_map(move |oldest_first| {
            flags.into_iter().flat_map(move |rotates_refresh_tokens| {
                [Ids::Uuid, Ids::Integer].into_iter().map(move |ids| Compatibility {
                    lists,
                    oldest_first,
                    rotates_refresh_tokens,
                    ids,
                    ..Compatibility::none()
                })
            })
        })
    })
}

#[test]
fn patches_make_the_document_of_every_combination_of_settings() {
    let patches = patches(URL, SHORTEST_PASSWORD);
    for answers in every_way_to_answer() {
        let mut made = document(URL, SHORTEST_PASSWORD, &Compatibility::none());
        for setting in settings(&answers) {
            merge(&mut made, &patches[setting]);
        }
        assert_eq!(made, document(URL, SHORTEST_PASSWORD, &answers), "{answers:?}");
    }
}
