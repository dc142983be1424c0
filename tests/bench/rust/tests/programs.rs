//! The bench programs do what a driver expects of them; how fast is not looked at here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use serde_json::{Value, json};

const SERVER: &str = env!("CARGO_BIN_EXE_bench-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_bench-client");

#[test]
fn every_step_is_run_and_reported() {
    for (protocol, revision) in [("modern", "2026-07-28"), ("legacy", "2025-11-25")] {
        let specification = json!({"transport": "stdio", "command": [SERVER, "stdio"], "protocol": protocol, "steps": [
            {"op": "seq", "n": 5, "warmup": 1},
            {"op": "conc", "n": 20, "inflight": 4},
            {"op": "blob", "n": 2, "warmup": 1, "size": 100_000},
        ]});
        let run = Command::new(CLIENT).arg(specification.to_string()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8(run.stdout).unwrap();
        let report: Value =
            serde_json::from_str(said.lines().rfind(|line| line.starts_with('{')).unwrap()).unwrap();
        assert_eq!(report["negotiated"], revision);
        let steps = report["steps"].as_array().unwrap();
        let names: Vec<&Value> = steps.iter().map(|step| &step["op"]).collect();
        assert_eq!(names, ["seq", "conc", "blob"]);
        assert_eq!(steps[0]["lat_us"].as_array().unwrap().len(), 5);
    }
}
