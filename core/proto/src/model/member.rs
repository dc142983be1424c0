//! How members are read where a derived reader would be too strict or would lose something.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

/// An integer that is not negative. Languages whose only numbers are floats write `3.0` for 3.
pub(super) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    /// Past it a float no longer tells one integer from the next.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let number = Number::deserialize(deserializer)?;
    if let Some(integer) = number.as_u64() {
        return Ok(integer);
    }
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && (0.0..=LARGEST).contains(&float) => Ok(float as u64),
        _ => Err(D::Error::custom(format_args!("expected an integer that is not negative, not {number}"))),
    }
}

/// The same for a member that may be absent.
pub(super) fn integral<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Integer(#[serde(deserialize_with = "integer")] u64);
    Ok(Option::<Integer>::deserialize(deserializer)?.map(|Integer(integer)| integer))
}

/// A duration in milliseconds that is a hint: a negative one means 0 (2026-07-28, caching, `ttlMs`), and one past what fits means
/// the most that does.
pub(super) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    // A float becomes the nearest integer in range.
    Ok(Option::<f64>::deserialize(deserializer)?.map(|milliseconds| milliseconds as u64))
}

/// A switch that is off when it is absent; some write `null` for that.
pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(deserializer)?.unwrap_or_default())
}

/// A member for which `null` is a value like any other, and not the same as being absent.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A capability. Any value but `null` and `false` declares it; one that is not understood says nothing more than that, so that a
/// peer's slip in a detail does not keep the two sides from talking.
pub(super) fn declared<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    Ok(match Value::deserialize(deserializer)? {
        Value::Null | Value::Bool(false) => None,
        details => Some(T::deserialize(details).unwrap_or_default()),
    })
}

/// One thing, or an array of them. One is written as itself: revisions before 2025-11-25 know nothing else.
pub(super) mod one_or_many {
    use super::*;

    pub(in super::super) fn serialize<T: Serialize, S: Serializer>(
        things: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match things {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }

    pub(in super::super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let read = match Value::deserialize(deserializer)? {
            Value::Array(many) => many.into_iter().map(T::deserialize).collect(),
            one => T::deserialize(one).map(|one| vec![one]),
        };
        read.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_may_be_written_as_a_float_and_is_nothing_else() {
        let read = |json: &str| integral(&mut serde_json::Deserializer::from_str(json)).ok();
        for (json, integer) in [("3", 3), ("3.0", 3), ("3e2", 300), ("18446744073709551615", u64::MAX)] {
            assert_eq!(read(json), Some(Some(integer)), "{json}");
        }
        assert_eq!(read("null"), Some(None));
        for json in ["3.5", "-1", "1e300", "\"3\"", "true"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_negative_time_to_live_is_none_at_all() {
        let read = |json: &str| milliseconds(&mut serde_json::Deserializer::from_str(json)).ok();
        for (json, most) in [("-5", 0), ("0", 0), ("60000", 60_000), ("1e3", 1000), ("1e300", u64::MAX)] {
            assert_eq!(read(json), Some(Some(most)), "{json}");
        }
        assert_eq!((read("null"), read("\"1\"")), (Some(None), None));
    }
}
