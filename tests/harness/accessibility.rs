//! What axe-core finds wrong with a page.

use std::path::Path;

use serde_json::{Value, json};

use super::browser::Session;

/// What axe finds, one line for each fault; none, said aloud, where axe is not installed. With `CI=true` that fails the
/// test.
///
/// # Panics
/// When axe cannot run.
pub async fn faults(session: &Session) -> Vec<String> {
    let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/node_modules/axe-core/axe.min.js");
    let Ok(axe) = std::fs::read_to_string(&axe) else {
        let required = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!required, "CI=true needs {}: `npm ci` in ui/", axe.display());
        println!("SKIPPED: {} is missing", axe.display());
        return Vec::new();
    };
    // A page that was looked at before has it.
    if session.run("return Boolean(window.axe)", vec![]).await != json!(true) {
        session.run(&axe, vec![]).await;
    }
    let script = "const done = arguments[arguments.length - 1];
        window.axe.run({ resultTypes: ['violations'] }).then((found) => done(found.violations.map((fault) =>
            `${fault.id}: ${fault.nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' ')}`)),
            (error) => done([String(error)]))";
    let found = session.client.execute_async(script, vec![]).await;
    let found = found.unwrap_or_else(|error| json!([error.to_string()]));
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
