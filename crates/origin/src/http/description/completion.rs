//! What is the same for every operation of a kind: who may ask, what the layers before the handlers refuse, examples,
//! and the names of the operations.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::gate::is_guarded;
use super::super::problem::CODES;
use super::super::routes::{KEYED, OPEN};

/// An operation on its way.
struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    described: &'a mut Map<String, Value>,
}

/// Completes a description that was made of the handlers' own.
pub(super) fn complete(document: &mut Value) {
    document["components"]["securitySchemes"] = json!({
        "session": { "type": "apiKey", "in": "cookie", "name": "rostrum_session",
            "description": "A browser's session; over TLS the cookie is called `__Host-rostrum_session`." },
        "token": { "type": "http", "scheme": "bearer", "description": "An API token, of `/api/v1/account/tokens`." },
        "stream_key": { "type": "http", "scheme": "bearer", "description": "A room's stream key." },
    });
    for (path, item) in entries(&mut document["paths"]) {
        for (method, described) in entries(item) {
            let method = method.to_uppercase();
            if let Value::Object(described) = described {
                let mut operation = Operation { method: &method, path, described };
                operation.name();
                operation.secure();
                operation.refuse();
                operation.show();
            }
        }
    }
    without_links(document);
}

fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

impl Operation<'_> {
    /// `GET /api/v1/rooms/{room}/polls` is called `getRoomsRoomPolls`.
    fn name(&mut self) {
        let path = self.path.trim_start_matches("/api/v1");
        let words = path.split(|character: char| !character.is_ascii_alphanumeric());
        let mut name = self.method.to_lowercase();
        for word in words.filter(|word| !word.is_empty()) {
            let (first, rest) = word.split_at(1);
            name.push_str(&first.to_uppercase());
            name.push_str(rest);
        }
        self.described.insert("operationId".to_owned(), name.into());
    }

    fn is(&self, list: &[(&str, &str)]) -> bool {
        let method = if self.method == "HEAD" { "GET" } else { self.method };
        list.contains(&(method, self.path))
    }

    fn secure(&mut self) {
        let security = if (self.method, self.path) == ("GET", "/api/v1/ingest") {
            json!([{ "stream_key": [] }, { "session": [] }])
        } else if self.is(&KEYED) {
            json!([{ "stream_key": [] }])
        } else if !self.is(&OPEN) {
            json!([{ "session": [] }, { "token": [] }])
        } else if self.knows_its_caller() {
            json!([{}, { "session": [] }, { "token": [] }])
        } else {
            json!([])
        };
        self.described.insert("security".to_owned(), security);
    }

    /// Whether who asks makes a difference, though anybody may.
    fn knows_its_caller(&self) -> bool {
        is_guarded(self.path)
            || matches!(
                (self.method, self.path),
                ("GET", "/api/v1/rooms")
                    | ("GET" | "DELETE", "/api/v1/session")
                    | ("POST", "/api/v1/accounts")
            )
    }

    fn refuse(&mut self) {
        let closed = !self.is(&OPEN) && !self.is(&KEYED);
        let parameters = self.described.get("parameters").map_or(Value::Null, Value::clone);
        let has = |place: &str| parameters.as_array().into_iter().flatten().any(|one| one["in"] == place);
        let json = self
            .described
            .get("requestBody")
            .is_some_and(|body| !body["content"]["application/json"].is_null());
        let changes = !matches!(self.method, "GET" | "HEAD" | "OPTIONS");
        let scoped =
            closed || (self.knows_its_caller() && (self.method, self.path) != ("DELETE", "/api/v1/session"));
        let below_api = self.path.starts_with("/api/v1");
        let kept = !matches!(self.path, "/api/v1/openapi.json" | "/api/v1/addresses" | "/healthz");
        let layers = [
            (has("path") || has("query"), 400, "A part of the address cannot be read."),
            (json, 400, "The body is no JSON."),
            (closed, 401, "Nobody is known to ask."),
            (self.is(&KEYED), 401, "The room's stream key is needed."),
            (scoped, 403, "`scope_missing`: the token is not for this."),
            (is_guarded(self.path), 403, "`entry_needed`: the room is private."),
            (below_api && changes, 403, "A page of another site asks."),
            (has("path"), 404, "What the address names is not there."),
            (json, 413, "The body is larger than 16 KiB, or 256 KiB of a room's settings."),
            (json, 415, "The body is of another type than `application/json`."),
            (json, 422, "The body is JSON, but not what is expected; the detail says where."),
            (kept, 500, "The store failed; the log says more."),
        ];
        for (applies, status, words) in layers {
            if applies {
                self.add(status, words);
            }
        }
        let head = self.method == "HEAD";
        for (status, response) in entries(&mut self.described["responses"]) {
            let status: u16 = status.parse().unwrap_or_default();
            if status >= 400 && !head && response.get("content").is_none() {
                let words = response["description"].as_str().unwrap_or_default().to_owned();
                response["content"] = json!({ "application/problem+json": problem(status, &words) });
            }
        }
    }

    /// Adds a reason to those that a status has.
    fn add(&mut self, status: u16, words: &str) {
        let response = &mut self.described["responses"][status.to_string()];
        let before = response["description"].as_str().unwrap_or_default();
        let all = if before.is_empty() { words.to_owned() } else { format!("{before} {words}") };
        response["description"] = all.into();
    }

    /// Puts the examples of the schemas to the bodies that are of them.
    fn show(&mut self) {
        let bodies = self.described.get_mut("requestBody").into_iter().collect::<Vec<_>>();
        for body in bodies {
            exemplify(body);
        }
        for (_, response) in entries(&mut self.described["responses"]) {
            exemplify(response);
        }
    }
}

fn exemplify(body: &mut Value) {
    let Some(content) = body.get_mut("content") else { return };
    for (_, media) in entries(content) {
        let name = media["schema"]["$ref"].as_str().and_then(|schema| schema.rsplit('/').next());
        if let Some(example) = name.and_then(|name| EXAMPLES.get(name)) {
            media["example"] = example.clone();
        }
    }
}

/// A problem document with the codes that its description names.
fn problem(status: u16, words: &str) -> Value {
    let codes: BTreeSet<&str> = words.split('`').filter(|word| CODES.contains(word)).collect();
    let Some(code) = codes.first() else {
        return json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    };
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let detail = words.replace('`', "");
    json!({
        "schema": { "allOf": [
            { "$ref": "#/components/schemas/Problem" },
            { "type": "object", "properties": { "code": { "type": "string", "enum": codes } } },
        ] },
        "example": { "type": "about:blank", "title": title, "status": status, "detail": detail, "code": code },
    })
}

/// Descriptions come from comments, where a link to a type is one to its documentation.
fn without_links(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" || name == "summary" => {
                        *text = text.replace("[`", "`").replace("`]", "`");
                    }
                    member => without_links(member),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(without_links),
        _ => {}
    }
}

/// What a body looks like, by the name of its schema.
static EXAMPLES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("examples.json")).expect("examples.json is an object")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_codes() {
        let problem = problem(409, "`name_taken`: there is such a room. `nothing`: no code.");
        assert_eq!(problem["schema"]["allOf"][1]["properties"]["code"]["enum"], json!(["name_taken"]));
        assert_eq!(problem["example"]["title"], "Conflict");
    }
}
