use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// Values by their names that are text on the wire: the variables of a URI template, the arguments of a prompt.
pub type Texts = BTreeMap<String, String>;

/// Reads texts as a struct whose fields are strings, numbers, `bool`s, `char`s, enums without data, or `Option`s and newtypes of these. What
/// no field is named for is left out, unless the struct denies it.
pub(super) fn read_texts<T: DeserializeOwned>(texts: &Texts) -> Result<T, TextsError> {
    T::deserialize(TextsDeserializer(texts)).map_err(TextsError)
}

/// Texts that are not what a type asks for.
#[derive(Debug)]
pub(super) struct TextsError(Error);

impl fmt::Display for TextsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct TextsDeserializer<'a>(&'a Texts);

impl<'de> Deserializer<'de> for TextsDeserializer<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Members { rest: self.0.iter(), value: None })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Members<'a> {
    rest: std::collections::btree_map::Iter<'a, String, String>,
    value: Option<(&'a str, &'a str)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, text)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, text));
        let name: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, text) = self.value.take().ok_or_else(|| Error::custom("a value without a name"))?;
        seed.deserialize(Text(text)).map_err(|error| Error::custom(format_args!("`{name}`: {error}")))
    }
}

/// One text, read as whatever is asked for.
struct Text<'a>(&'a str);

macro_rules! parsed {
    ($($deserialize:ident $visit:ident $type:ty, $what:literal;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Error::custom(concat!("not ", $what))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    parsed! {
        deserialize_bool visit_bool bool, "`true` or `false`";
        deserialize_i8 visit_i8 i8, "a whole number from -128 to 127";
        deserialize_i16 visit_i16 i16, "a whole number of 16 bits";
        deserialize_i32 visit_i32 i32, "a whole number of 32 bits";
        deserialize_i64 visit_i64 i64, "a whole number of 64 bits";
        deserialize_i128 visit_i128 i128, "a whole number of 128 bits";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 on, of 16 bits";
        deserialize_u32 visit_u32 u32, "a whole number from 0 on, of 32 bits";
        deserialize_u64 visit_u64 u64, "a whole number from 0 on, of 64 bits";
        deserialize_u128 visit_u128 u128, "a whole number from 0 on, of 128 bits";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
        deserialize_char visit_char char, "one character";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let text: StrDeserializer<'_, Error> = self.0.into_deserializer();
        visitor.visit_enum(text)
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Unit {
        Metric,
        Imperial,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(u64);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Forecast {
        city: String,
        days: u8,
        id: Id,
        unit: Option<Unit>,
        #[serde(default)]
        verbose: bool,
    }

    fn texts<const N: usize>(members: [(&str, &str); N]) -> Texts {
        members.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
    }

    #[test]
    fn texts_become_what_the_fields_are() {
        let all = texts([
            ("city", "Oslo"),
            ("days", "3"),
            ("id", "7"),
            ("unit", "metric"),
            ("verbose", "true"),
            ("more", "x"),
        ]);
        let read: Forecast = read_texts(&all).unwrap();
        let unit = Some(Unit::Metric);
        assert_eq!(read, Forecast { city: "Oslo".into(), days: 3, id: Id(7), unit, verbose: true });
        let few: Forecast = read_texts(&texts([("city", ""), ("days", "0"), ("id", "0")])).unwrap();
        assert_eq!((few.unit, few.verbose), (None, false));
        read_texts::<()>(&all).unwrap();
        assert_eq!(read_texts::<Texts>(&all).unwrap(), all);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (name, text) in
            [("days", "300"), ("days", "three"), ("id", "-1"), ("unit", "Metric"), ("verbose", "yes")]
        {
            let mut members = texts([("city", "Oslo"), ("days", "3"), ("id", "7")]);
            members.insert(name.to_owned(), text.to_owned());
            let error = read_texts::<Forecast>(&members).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{name}`: ")), "{error}");
        }
        let error = read_texts::<Forecast>(&texts([("city", "Oslo"), ("days", "1")])).unwrap_err();
        assert_eq!(error.to_string(), "missing field `id`");
    }
}
