use rustc_hash::FxHashMap;
use serde_json::Value;
use url::Url;

/// The parts that a schema may have when every reference is replaced by what it refers to. Checking a value against more takes longer than a
/// caller should wait; thirty small definitions, each of which refers twice to the next, have a thousand million.
const MAX_PARTS: u64 = 4_000_000;

/// Levels of references and subschemas within each other.
const MAX_DEPTH: usize = 1024;

/// Refuses a schema that a value cannot be checked against in reasonable time. Where a schema refers to itself, the validator remembers what
/// it has found, so that such a reference weighs nothing.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut scale = Scale { places: FxHashMap::default(), weights: FxHashMap::default() };
    let base = base().ok_or("cannot be read")?;
    scale.collect(schema, schema, &base, 0)?;
    let weight = scale.weigh(schema, &base, 0)?;
    if weight > MAX_PARTS {
        return Err(format!("refers to itself in so many ways that it has more than {MAX_PARTS} parts"));
    }
    Ok(())
}

/// What the names in a schema without an `$id` are relative to.
fn base() -> Option<Url> {
    Url::parse("json-schema:///").ok()
}

struct Scale<'a> {
    /// The schemas that have a name: an `$id`, or an anchor.
    places: FxHashMap<String, &'a Value>,
    /// The weight of what was weighed, by where it lies; `None` while it is being weighed.
    weights: FxHashMap<*const Value, Option<u64>>,
}

impl<'a> Scale<'a> {
    /// Files the names in a schema. `resource` is the one that an `$id` names, or the whole.
    fn collect(
        &mut self,
        part: &'a Value,
        resource: &'a Value,
        base: &Url,
        depth: usize,
    ) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if depth == 0 {
            self.places.insert(base.to_string(), resource);
        }
        match part {
            Value::Object(members) => {
                let named = id(part, base);
                let (resource, base) = match &named {
                    Some(named) => (part, named),
                    None => (resource, base),
                };
                if named.is_some() {
                    self.places.insert(without_fragment(base).to_string(), part);
                }
                for key in ["$anchor", "$dynamicAnchor"] {
                    if let Some(anchor) = members.get(key).and_then(Value::as_str) {
                        self.places.insert(format!("{}#{anchor}", without_fragment(base)), part);
                    }
                }
                members.values().try_for_each(|member| self.collect(member, resource, base, depth + 1))
            }
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.collect(item, resource, base, depth + 1))
            }
            _ => Ok(()),
        }
    }

    fn weigh(&mut self, part: &'a Value, base: &Url, depth: usize) -> Result<u64, String> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if !part.is_object() && !part.is_array() {
            return Ok(0);
        }
        match self.weights.get(&std::ptr::from_ref(part)) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Ok(0),
            None => {}
        }
        self.weights.insert(part, None);
        let mut weight: u64 = 1;
        if let Value::Array(items) = part {
            for item in items {
                weight = weight.saturating_add(self.weigh(item, base, depth + 1)?);
            }
        }
        if let Value::Object(members) = part {
            let named = id(part, base);
            let base = named.as_ref().unwrap_or(base);
            for (key, member) in members {
                let added = match (key.as_str(), member) {
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                        match self.follow(reference, base)? {
                            Some((target, base)) => self.weigh(target, &base, depth + 1)?,
                            None => 1,
                        }
                    }
                    ("const" | "enum" | "default" | "examples", _) => 0,
                    _ => self.weigh(member, base, depth + 1)?,
                };
                weight = weight.saturating_add(added);
            }
        }
        self.weights.insert(part, Some(weight));
        Ok(weight)
    }

    /// What a reference refers to, and what names are relative to there. `None` for the schemas of JSON Schema itself.
    fn follow(&self, reference: &str, base: &Url) -> Result<Option<(&'a Value, Url)>, String> {
        let nowhere = || format!("refers to {reference:?}, which is no part of it");
        let url = base.join(reference).map_err(|_| nowhere())?;
        if url.host_str() == Some("json-schema.org") {
            return Ok(None);
        }
        let resource = without_fragment(&url);
        if let Some(target) = self.places.get(url.as_str()) {
            return Ok(Some((target, resource)));
        }
        let mut target = *self.places.get(resource.as_str()).ok_or_else(nowhere)?;
        let mut base = resource;
        let pointer = percent_decoded(url.fragment().unwrap_or_default()).ok_or_else(nowhere)?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(nowhere());
        }
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            target = match target {
                Value::Object(members) => members.get(&step),
                Value::Array(items) => step.parse().ok().and_then(|at: usize| items.get(at)),
                _ => None,
            }
            .ok_or_else(nowhere)?;
            // The target's own `$id` is looked at when it is weighed.
            if let Some(named) = id(target, &base) {
                base = named;
            }
        }
        Ok(Some((target, base)))
    }
}

/// What `$id` makes the names within a schema relative to.
fn id(part: &Value, base: &Url) -> Option<Url> {
    let id = part.get("$id")?.as_str()?;
    base.join(id).ok()
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

fn too_deep() -> String {
    format!("is nested deeper than {MAX_DEPTH} levels")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Definitions, each of which refers twice to the next, as `link` says.
    fn chain(length: usize, link: impl Fn(usize) -> Value) -> Value {
        let mut definitions: serde_json::Map<_, _> = (0..length)
            .map(|at| {
                (
                    format!("d{at}"),
                    json!({"allOf": [link(at + 1), link(at + 1)], "$anchor": format!("a{at}")}),
                )
            })
            .collect();
        definitions.insert(format!("d{length}"), json!({"type": "object", "$anchor": format!("a{length}")}));
        json!({"type": "object", "$defs": definitions, "properties": {"a": link(0)}})
    }

    #[test]
    fn references_that_multiply_are_refused_however_they_are_written() {
        for link in [
            |at| json!({"$ref": format!("#/$defs/d{at}")}),
            |at| json!({"$ref": format!("#/%24defs/%64{at}")}),
            |at| json!({"$ref": format!("#a{at}")}),
            |at| json!({"$dynamicRef": format!("#a{at}")}),
            |at| json!({"properties": {"a": {"oneOf": [{"$ref": format!("#/$defs/d{at}")}]}}}),
        ] {
            check(&chain(15, link)).unwrap();
            let refused = check(&chain(40, link)).unwrap_err();
            assert!(refused.contains("parts"), "{refused}");
        }
    }

    #[test]
    fn a_schema_may_refer_to_itself_and_to_what_has_a_name() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}),
            json!({"$id": "https://example.com/a", "$defs": {"b": {"$id": "b", "$defs": {"c": {}}, "$ref": "#/$defs/c"}},
                "allOf": [{"$ref": "b"}, {"$ref": "https://example.com/b#/$defs/c"}, {"$ref": "a#/$defs/b/$defs/c"}]}),
            json!({"properties": {"a/b": {}, "$ref": {"type": "string"}}, "allOf": [{"$ref": "#/properties/a~1b"}]}),
            json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
            json!({"enum": [{"$ref": "not a reference"}]}),
        ] {
            assert_eq!(check(&schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn a_reference_that_leads_out_is_refused() {
        for reference in
            ["http://127.0.0.1:9/x", "file:///etc/passwd", "#/$defs/none", "other", "#none", "#/%zz"]
        {
            assert!(check(&json!({"$ref": reference})).unwrap_err().contains("no part of it"), "{reference}");
        }
    }
}
