/// A JSON Schema, built from the forms that a tool's arguments mostly have, or from any JSON.
///
/// ```swift
/// let schema: JSONSchema = .object([
///     "city": .string("Where"),
///     "days": .integer("How far ahead", minimum: 1, maximum: 10).optional,
///     "unit": .enum(["celsius", "fahrenheit"]).optional,
/// ])
/// #expect(schema.json["required"] == ["city"])
/// ```
///
/// What there is no builder for is written as JSON: `["type": "string", "format": "email"]` is a schema too.
public struct JSONSchema: Sendable, Hashable {
    /// The schema itself.
    public var json: JSONValue

    /// Whether ``object(_:description:additionalProperties:)`` leaves it out of `required`.
    private var isOptional = false

    /// A schema written as JSON.
    public init(_ json: JSONValue) {
        self.json = json
    }

    /// The same schema, for a member that an object may lack.
    public var optional: JSONSchema {
        var copy = self
        copy.isOptional = true
        return copy
    }

    public static func == (one: JSONSchema, other: JSONSchema) -> Bool { one.json == other.json }

    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}

extension JSONSchema {
    /// An object with these members. All are required but those marked ``optional``.
    ///
    /// - Parameter additionalProperties: whether it may have other members; nil does not say, which allows them.
    public static func object(
        _ properties: KeyValuePairs<String, JSONSchema> = [:],
        description: String? = nil,
        additionalProperties: Bool? = nil
    ) -> JSONSchema {
        let required = properties.filter { !$0.value.isOptional }.map { JSONValue.string($0.key) }
        return typed("object", description, [
            "properties": .object(Dictionary(properties.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 })),
            "required": required.isEmpty ? nil : .array(required),
            "additionalProperties": additionalProperties.map(JSONValue.bool),
        ])
    }

    /// A string.
    ///
    /// - Parameters:
    ///   - pattern: a regular expression that a part of it must match.
    ///   - format: `date-time`, `email`, `uri` and the like.
    public static func string(
        _ description: String? = nil,
        minLength: Int? = nil,
        maxLength: Int? = nil,
        pattern: String? = nil,
        format: String? = nil,
        default: String? = nil
    ) -> JSONSchema {
        typed("string", description, [
            "minLength": minLength.map(JSONValue.int),
            "maxLength": maxLength.map(JSONValue.int),
            "pattern": pattern.map(JSONValue.string),
            "format": format.map(JSONValue.string),
            "default": `default`.map(JSONValue.string),
        ])
    }

    /// A whole number.
    public static func integer(
        _ description: String? = nil,
        minimum: Int? = nil,
        maximum: Int? = nil,
        default: Int? = nil
    ) -> JSONSchema {
        typed("integer", description, [
            "minimum": minimum.map(JSONValue.int),
            "maximum": maximum.map(JSONValue.int),
            "default": `default`.map(JSONValue.int),
        ])
    }

    /// Any number.
    public static func number(
        _ description: String? = nil,
        minimum: Double? = nil,
        maximum: Double? = nil,
        default: Double? = nil
    ) -> JSONSchema {
        typed("number", description, [
            "minimum": minimum.map(JSONValue.double),
            "maximum": maximum.map(JSONValue.double),
            "default": `default`.map(JSONValue.double),
        ])
    }

    /// `true` or `false`.
    public static func boolean(_ description: String? = nil, default: Bool? = nil) -> JSONSchema {
        typed("boolean", description, ["default": `default`.map(JSONValue.bool)])
    }

    /// An array of `items`.
    public static func array(
        of items: JSONSchema,
        _ description: String? = nil,
        minItems: Int? = nil,
        maxItems: Int? = nil
    ) -> JSONSchema {
        typed("array", description, [
            "items": items.json,
            "minItems": minItems.map(JSONValue.int),
            "maxItems": maxItems.map(JSONValue.int),
        ])
    }

    /// One of these strings.
    public static func `enum`(_ values: [String], _ description: String? = nil) -> JSONSchema {
        typed("string", description, ["enum": .array(values.map(JSONValue.string))])
    }

    /// What one of these schemas describes.
    public static func anyOf(_ schemas: [JSONSchema], _ description: String? = nil) -> JSONSchema {
        built(["anyOf": .array(schemas.map(\.json)), "description": description.map(JSONValue.string)])
    }

    private static func typed(
        _ type: String,
        _ description: String?,
        _ keywords: [String: JSONValue?]
    ) -> JSONSchema {
        built(keywords.merging(["type": .string(type), "description": description.map(JSONValue.string)]) { $1 })
    }

    private static func built(_ keywords: [String: JSONValue?]) -> JSONSchema {
        JSONSchema(.object(keywords.compactMapValues { $0 }))
    }
}

extension JSONSchema: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(.object(Dictionary(elements, uniquingKeysWith: { $1 })))
    }
}

extension JSONSchema: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(try JSONValue(from: decoder))
    }

    public func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }
}
