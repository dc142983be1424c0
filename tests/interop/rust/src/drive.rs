use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};

/// What a client of the matrix saw of a feature, or what went wrong.
pub type Outcome = Result<Value, Box<dyn Error>>;

/// How long a feature may take. A peer that never answers is a failure of that feature alone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has a client of the matrix exercise each of `features` (their names, with commas between) and prints a line of JSON for it: what
/// it saw, or what went wrong. The first line tells the `revision` that both sides agreed on.
pub async fn drive(revision: &str, features: &str, mut exercise: impl AsyncFnMut(&str) -> Outcome) {
    println!("{}", json!({"feature": "revision", "saw": revision}));
    for feature in features.split(',') {
        let done = tokio::time::timeout(PATIENCE, exercise(feature)).await;
        let line = match done.unwrap_or_else(|_| Err("nothing came".into())) {
            Ok(saw) => json!({"feature": feature, "saw": saw}),
            Err(error) => json!({"feature": feature, "error": error.to_string()}),
        };
        println!("{line}");
    }
}
