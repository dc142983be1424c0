//! What holds for every type of the model: a value that is read and written again is the same value, with the members that
//! the type names and with those that nobody knows.

mod samples;

use std::fmt::Debug;

use oxmcp_proto::model::{CallToolParams, Extra, GetPromptParams, ReadResourceParams};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Holds a type to the law. `full` is a value with every member that the type names, and `extra` finds where the type keeps the
/// others; it gives `None` for another variant of an enum than the one that `full` is.
fn survives_a_round_trip<T>(full: &Value, extra: fn(&T) -> Option<&Extra>)
where
    T: DeserializeOwned + Serialize + PartialEq + Debug,
{
    let full = full.as_object().expect("a sample is an object");
    let read: T =
        serde_json::from_value(Value::Object(full.clone())).expect("the sample is a value of the type");
    assert_eq!(extra(&read), Some(&Extra::new()), "the type does not name every member of the sample");

    let is_optional = |name: &String| {
        let mut rest = full.clone();
        rest.remove(name);
        serde_json::from_value::<T>(Value::Object(rest)).is_ok_and(|read| extra(&read).is_some())
    };
    let optional: Vec<String> = full.keys().filter(|name| is_optional(name)).cloned().collect();
    let left_out = vec(any::<bool>(), optional.len());

    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let law = |(left_out, unknown): (Vec<bool>, Extra)| {
        let mut value = full.clone();
        for (name, _) in optional.iter().zip(left_out).filter(|(_, is_left_out)| *is_left_out) {
            // Some members are written though they may be absent when read, such as the type of a form.
            let mut rest = value.clone();
            rest.remove(name);
            if !is_filled_in::<T>(&rest, name) {
                value = rest;
            }
        }
        let unknown: Extra = unknown.into_iter().filter(|(name, _)| !full.contains_key(name)).collect();
        value.extend(unknown.clone());
        let value = Value::Object(value);

        let read: T = serde_json::from_value(value.clone()).map_err(fail)?;
        prop_assert_eq!(extra(&read), Some(&unknown));
        prop_assert_eq!(&serde_json::to_value(&read).map_err(fail)?, &value);
        let text = serde_json::to_string(&read).map_err(fail)?;
        prop_assert_eq!(serde_json::from_str::<T>(&text).map_err(fail)?, read);
        Ok(())
    };
    if let Err(error) = runner.run(&(left_out, unknown_members()), law) {
        panic!("{}: {error}", std::any::type_name::<T>());
    }
}

/// Whether a member that is absent is written all the same.
fn is_filled_in<T: DeserializeOwned + Serialize>(value: &Extra, name: &str) -> bool {
    let read: T = serde_json::from_value(Value::Object(value.clone())).expect("the member is optional");
    serde_json::to_value(&read).expect("it can be written").get(name).is_some()
}

fn fail(error: serde_json::Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// Members that no type names, with anything in them. Some look like names that types have.
fn unknown_members() -> impl Strategy<Value = Extra> {
    let names =
        prop_oneof!["[a-zA-Z_$/.-]{0,12}", "\\PC{0,6}", Just("Name".to_owned()), Just("extra".to_owned())];
    btree_map(names, anything(), 0..5).prop_map(|members| members.into_iter().collect())
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Eighths: every decimal reader reads them back exactly.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z]{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Parameters that a server reads as slices of the request keep no unknown members, but every known one.
#[test]
fn parameters_that_borrow_survive_a_round_trip() {
    let retry = json!({"inputResponses": {"a": {"action": "decline"}}, "requestState": "s\n"});
    let with_retry = |mut params: Value| {
        params.as_object_mut().unwrap().extend(retry.as_object().unwrap().clone());
        params
    };

    let call = with_retry(json!({"name": "t\"", "arguments": {"a": [1, {}]}, "task": {"ttl": 1}}));
    let text = call.to_string();
    let read: CallToolParams<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), call);

    let get = with_retry(json!({"name": "p", "arguments": {"a": "b"}}));
    let text = get.to_string();
    let read: GetPromptParams<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), get);

    let read_params = with_retry(json!({"uri": "a:b"}));
    let text = read_params.to_string();
    let read: ReadResourceParams<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), read_params);
}
