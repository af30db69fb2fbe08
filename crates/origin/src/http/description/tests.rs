use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::Value;

use super::document;
use crate::http::place::Place;
use crate::http::problem::CODES;
use crate::http::routes;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let items = document["paths"].as_object().unwrap().iter();
    let all = items.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    all.collect()
}

/// As somebody would ask it, whatever it names.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn what_is_described_is_what_is_routed() {
    let document = document();
    let described: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let place = Place::new().await;
    for path in described.iter().map(|(_, path)| path).collect::<BTreeSet<_>>() {
        for method in METHODS {
            // A token that is known, so that the guard lets every method through to the router.
            let headers = [crate::http::place::OPERATOR];
            let status = place.ask(method, &filled(path), &headers, "").await.status();
            let listed = |method: &str| described.contains(&(method.to_owned(), path.clone()));
            // A WebSocket is asked for with GET alone, which its handler says and not its route.
            if method == "HEAD" && (path.ends_with("/chat") || path == "/api/v1/ingest") {
                continue;
            }
            let routed = listed(method) || (method == "HEAD" && listed("GET"));
            assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, routed, "{method} {path}: {status}");
        }
    }
    for (path, _) in routes::pages() {
        assert!(!path.starts_with("/api/"), "{path} is routed and not described");
    }
}

#[test]
fn every_operation_says_what_it_is_with_an_example() {
    let document = document();
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(
            names.insert(operation["operationId"].as_str().unwrap().to_owned()),
            "{place}: its name is taken"
        );
        for said in ["summary", "tags", "security"] {
            assert!(!operation[said].is_null(), "{place}: {said}");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{place}: no answer");
        let shows = responses
            .iter()
            .any(|(status, response)| status.starts_with('2') && !response["content"].is_null());
        let says = shows || !operation["parameters"].is_null() || !operation["requestBody"].is_null();
        assert!(!says || operation.to_string().contains("\"example"), "{place}: no example");
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{place}: {status}");
            let refused = status.starts_with(['4', '5']) && method != "HEAD";
            let content = &response["content"]["application/problem+json"];
            assert_eq!(!content.is_null(), refused, "{place}: {status}");
        }
        let body = &operation["requestBody"]["content"]["application/json"];
        assert!(body.is_null() || !body["example"].is_null(), "{place}: no example of the body");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].is_null(), "{place}: {parameter}");
        }
    }
}

#[test]
fn every_reference_leads_to_a_schema_and_every_schema_is_of_one_type() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    let examples: Value = serde_json::from_str(include_str!("examples.json")).unwrap();
    for name in examples.as_object().unwrap().keys() {
        assert!(schemas.contains_key(name), "examples.json: there is no schema {name}");
    }
}

#[test]
fn codes_that_descriptions_name_are_codes_that_are_given() {
    let text = document().to_string();
    for code in CODES {
        assert!(text.contains(&format!("\"{code}\"")), "no operation is described to give {code}");
    }
}
