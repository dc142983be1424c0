import Foundation

extension JSONSchema {
    /// The schema of a `Decodable` type, as far as its decoding shows it: names, types, and which members are optional.
    ///
    /// ```swift
    /// enum Unit: String, Codable, CaseIterable { case celsius, fahrenheit }
    /// struct Forecast: Codable { var city: String, days: Int?, unit: Unit }
    ///
    /// let schema = try JSONSchema(for: Forecast.self)
    /// #expect(schema.json["required"] == ["city", "unit"])
    /// #expect(schema.json["properties"]?["unit"]?["enum"] == ["celsius", "fahrenheit"])
    /// ```
    ///
    /// It finds out by decoding the type from made-up values: zeros and empty strings. So it works for structs and
    /// classes whose decoding the compiler writes, of numbers, strings, booleans, dates, data, URLs, UUIDs, arrays,
    /// dictionaries with string keys, optionals, enums with raw values that are `CaseIterable`, and each other.
    ///
    /// - Throws: ``MCPError`` of kind `misuse` for a type that does not take such values. Give the tool a schema then.
    public init<T: Decodable>(for type: T.Type) throws {
        do {
            json = .object(try SchemaProbe().probe(type).schema)
        } catch {
            throw MCPError(
                kind: .misuse,
                message: "no JSON Schema can be worked out for \(type), so give one: \(JSON.explanation(of: error))")
        }
    }
}

/// Decodes types from made-up values, and notes what they ask for.
final class SchemaProbe {
    typealias Schema = [String: JSONValue]

    /// The types that are being probed, outermost first.
    private var open: [ObjectIdentifier] = []

    /// The schema of a type, and a value of it.
    func probe<T: Decodable>(_ type: T.Type) throws -> (schema: Schema, value: T) {
        if let known = Self.known[ObjectIdentifier(type)], let value = known.value as? T {
            return (known.schema, value)
        }
        if let type = type as? any Composite.Type {
            let (schema, value) = try type.probed(by: self)
            if let value = value as? T { return (schema, value) }
        }
        if let (schema, value) = Self.cases(of: type) { return (schema, value) }

        open.append(ObjectIdentifier(type))
        defer { open.removeLast() }
        let note = Note()
        let value = try T(from: ProbeDecoder(probe: self, note: note, codingPath: []))
        return (note.schema, value)
    }

    /// The schema of what may be left out, so that a type may hold itself; anything is allowed there then.
    func probeElement<T: Decodable>(_ type: T.Type) throws -> Schema {
        open.contains(ObjectIdentifier(type)) ? [:] : try probe(type).schema
    }

    private static let known: [ObjectIdentifier: (schema: Schema, value: any Sendable)] = {
        func entry<T: Sendable>(_ value: T, _ schema: Schema) -> (ObjectIdentifier, (Schema, any Sendable)) {
            (ObjectIdentifier(T.self), (schema, value))
        }
        let whole: Schema = ["type": "integer"]
        let natural: Schema = ["type": "integer", "minimum": 0]
        let number: Schema = ["type": "number"]
        return Dictionary(uniqueKeysWithValues: [
            entry(false, ["type": "boolean"]),
            entry("", ["type": "string"]),
            entry(0 as Int, whole), entry(0 as Int8, whole), entry(0 as Int16, whole), entry(0 as Int32, whole),
            entry(0 as Int64, whole),
            entry(0 as UInt, natural), entry(0 as UInt8, natural), entry(0 as UInt16, natural),
            entry(0 as UInt32, natural), entry(0 as UInt64, natural),
            entry(0 as Double, number), entry(0 as Float, number), entry(0 as Decimal, number),
            entry(Date(timeIntervalSince1970: 0), ["type": "string", "format": "date-time"]),
            entry(Data(), ["type": "string", "contentEncoding": "base64"]),
            entry(URL(fileURLWithPath: "/"), ["type": "string", "format": "uri"]),
            entry(UUID(), ["type": "string", "format": "uuid"]),
            entry(JSONValue.null, [:]),
        ])
    }()

    /// The cases of an enum with raw values, and the first of them.
    private static func cases<T>(of type: T.Type) -> (Schema, T)? {
        func all<Cases: CaseIterable>(of type: Cases.Type) -> [Any] { Array(type.allCases) }
        guard let iterable = type as? any CaseIterable.Type else { return nil }
        let cases = all(of: iterable)
        guard let first = cases.first as? T else { return nil }
        let values = cases.compactMap { ($0 as? any RawRepresentable)?.rawValue }
        if let names = values as? [String] {
            return (["type": "string", "enum": .array(names.map(JSONValue.string))], first)
        }
        if let numbers = values as? [Int] {
            return (["type": "integer", "enum": .array(numbers.map(JSONValue.int))], first)
        }
        return nil
    }
}

/// What a type asked its decoder for.
private final class Note {
    private var single: SchemaProbe.Schema?
    private var members: [(name: String, schema: () -> SchemaProbe.Schema)] = []
    private var optional: Set<String> = []
    private var elements: (() -> SchemaProbe.Schema)?

    var schema: SchemaProbe.Schema {
        if let single { return single }
        if let elements { return ["type": "array", "items": .object(elements())] }
        // A type that asks for nothing is an object without members.
        let required = members.map(\.name).filter { !optional.contains($0) }
        var schema: SchemaProbe.Schema = ["type": "object"]
        let properties = members.map { ($0.name, JSONValue.object($0.schema())) }
        schema["properties"] = .object(Dictionary(properties, uniquingKeysWith: { first, _ in first }))
        if !required.isEmpty { schema["required"] = .array(required.map(JSONValue.string)) }
        return schema
    }

    func isSingle(_ schema: SchemaProbe.Schema) { single = schema }
    func isArray(of schema: @escaping () -> SchemaProbe.Schema) { elements = elements ?? schema }
    func hasOptional(_ name: String) { optional.insert(name) }

    func has(_ name: String, _ schema: @escaping () -> SchemaProbe.Schema) {
        if !members.contains(where: { $0.name == name }) { members.append((name, schema)) }
    }
}

// MARK: Types made of others

/// A type whose schema is made of those of its parts.
private protocol Composite {
    static func probed(by probe: SchemaProbe) throws -> (SchemaProbe.Schema, Any)
}

extension Optional: Composite where Wrapped: Decodable {
    fileprivate static func probed(by probe: SchemaProbe) throws -> (SchemaProbe.Schema, Any) {
        (try probe.probeElement(Wrapped.self), Self.none as Any)
    }
}

extension Array: Composite where Element: Decodable {
    fileprivate static func probed(by probe: SchemaProbe) throws -> (SchemaProbe.Schema, Any) {
        (["type": "array", "items": .object(try probe.probeElement(Element.self))], Self())
    }
}

extension Set: Composite where Element: Decodable {
    fileprivate static func probed(by probe: SchemaProbe) throws -> (SchemaProbe.Schema, Any) {
        let items = JSONValue.object(try probe.probeElement(Element.self))
        return (["type": "array", "items": items, "uniqueItems": true], Self())
    }
}

extension Dictionary: Composite where Key == String, Value: Decodable {
    fileprivate static func probed(by probe: SchemaProbe) throws -> (SchemaProbe.Schema, Any) {
        (["type": "object", "additionalProperties": .object(try probe.probeElement(Value.self))], Self())
    }
}

// MARK: The decoder

private struct ProbeDecoder: Decoder {
    let probe: SchemaProbe
    let note: Note
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Members(probe: probe, note: note, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer {
        Elements(probe: probe, note: note, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        Single(probe: probe, note: note, codingPath: codingPath)
    }
}

private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let probe: SchemaProbe
    let note: Note
    let codingPath: [any CodingKey]
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { true }

    /// Asked of members that may be left out, and of no other.
    func decodeNil(forKey key: Key) -> Bool {
        note.hasOptional(key.stringValue)
        return false
    }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let (schema, value) = try probe.probe(type)
        note.has(key.stringValue) { schema }
        return value
    }

    /// A member that may be left out, and so is: a type may hold itself there.
    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        let schema = try probe.probeElement(type)
        note.has(key.stringValue) { schema }
        note.hasOptional(key.stringValue)
        return nil
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedDecodingContainer<Nested> {
        ProbeDecoder(probe: probe, note: inner(key), codingPath: codingPath + [key]).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer {
        ProbeDecoder(probe: probe, note: inner(key), codingPath: codingPath + [key]).unkeyedContainer()
    }

    func superDecoder() -> any Decoder {
        ProbeDecoder(probe: probe, note: inner("super"), codingPath: codingPath)
    }

    func superDecoder(forKey key: Key) -> any Decoder {
        ProbeDecoder(probe: probe, note: inner(key), codingPath: codingPath + [key])
    }

    private func inner(_ key: Key) -> Note { inner(key.stringValue) }

    private func inner(_ name: String) -> Note {
        let inner = Note()
        note.has(name) { inner.schema }
        return inner
    }
}

private struct Elements: UnkeyedDecodingContainer {
    let probe: SchemaProbe
    let note: Note
    let codingPath: [any CodingKey]
    var count: Int? { nil }
    var currentIndex = 0
    var isAtEnd: Bool { currentIndex > 0 }

    mutating func decodeNil() -> Bool { false }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (schema, value) = try probe.probe(type)
        note.isArray { schema }
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedDecodingContainer<Nested> {
        ProbeDecoder(probe: probe, note: inner(), codingPath: codingPath).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer {
        ProbeDecoder(probe: probe, note: inner(), codingPath: codingPath).unkeyedContainer()
    }

    mutating func superDecoder() -> any Decoder {
        ProbeDecoder(probe: probe, note: inner(), codingPath: codingPath)
    }

    private mutating func inner() -> Note {
        let inner = Note()
        note.isArray { inner.schema }
        currentIndex += 1
        return inner
    }
}

private struct Single: SingleValueDecodingContainer {
    let probe: SchemaProbe
    let note: Note
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { false }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (schema, value) = try probe.probe(type)
        note.isSingle(schema)
        return value
    }
}
