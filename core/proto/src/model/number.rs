use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// Reads an integer that is not negative. Languages whose only numbers are floats write `3.0` for 3.
pub(super) fn integral<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    /// Past it a float no longer tells one integer from the next.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    if let Some(integer) = number.as_u64() {
        return Ok(Some(integer));
    }
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && (0.0..=LARGEST).contains(&float) => Ok(Some(float as u64)),
        _ => Err(D::Error::custom(format_args!("expected an integer that is not negative, not {number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_may_be_written_as_a_float_and_is_nothing_else() {
        let read = |json: &str| integral(&mut serde_json::Deserializer::from_str(json)).ok();
        assert_eq!(
            (read("3"), read("3.0"), read("3e2"), read("null")),
            (Some(Some(3)), Some(Some(3)), Some(Some(300)), Some(None))
        );
        assert_eq!(read("18446744073709551615"), Some(Some(u64::MAX)));
        assert_eq!(
            (read("3.5"), read("-1"), read("1e300"), read("\"3\""), read("true")),
            (None, None, None, None, None)
        );
    }
}
