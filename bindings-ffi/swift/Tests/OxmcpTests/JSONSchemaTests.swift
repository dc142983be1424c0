import Foundation
import Testing

@testable import Oxmcp

@Suite struct JSONSchemaTests {
    @Test func objectsRequireWhatIsNotOptional() {
        let schema = JSONSchema.object(
            ["b": .string("B", minLength: 1), "a": .integer(minimum: 0).optional, "c": .boolean(default: true)],
            description: "All", additionalProperties: false)
        #expect(
            schema.json == [
                "type": "object", "description": "All", "additionalProperties": false,
                "required": ["b", "c"],
                "properties": [
                    "a": ["type": "integer", "minimum": 0],
                    "b": ["type": "string", "description": "B", "minLength": 1],
                    "c": ["type": "boolean", "default": true],
                ],
            ])
    }

    @Test func nothingIsSaidThatWasNotGiven() {
        #expect(JSONSchema.object().json == ["type": "object", "properties": [:]])
        #expect(JSONSchema.string().json == ["type": "string"])
        #expect(JSONSchema.number(maximum: 1.5).json == ["type": "number", "maximum": 1.5])
        #expect(JSONSchema.array(of: .enum(["x"])).json == ["type": "array", "items": ["type": "string", "enum": ["x"]]])
        #expect(JSONSchema.anyOf([.string(), .integer()]).json == ["anyOf": [["type": "string"], ["type": "integer"]]])
    }

    @Test func anyJSONIsASchema() throws {
        let schema: JSONSchema = ["$ref": "#/$defs/x", "$defs": ["x": true]]
        #expect(try JSONValue(encoding: schema) == ["$ref": "#/$defs/x", "$defs": ["x": true]])
        #expect(try schema.json.decode(as: JSONSchema.self) == schema)
    }
}

@Suite struct SchemaProbeTests {
    enum Color: String, Codable, CaseIterable { case red, green }
    enum Level: Int, Codable, CaseIterable { case low = 1, high = 2 }
    enum Open: String, Codable { case one }

    struct Everything: Codable {
        var flag: Bool
        var text: String
        var whole: Int
        var natural: UInt8
        var real: Double
        var at: Date
        var bytes: Data
        var link: URL
        var id: UUID
        var words: [String]
        var unique: Set<Int>
        var table: [String: Bool]
        var color: Color
        var level: Level
        var inner: Inner
        var inners: [Inner]
        var any: JSONValue
        var maybe: String?
        var maybeInner: Inner?
    }

    struct Inner: Codable {
        var x: Int
        var y: Float?
    }

    /// A list that holds itself.
    final class Node: Codable {
        var value: Int
        var next: Node?
        var children: [Node]
    }

    struct Handmade: Decodable {
        var name: String
        var limit: Int

        enum CodingKeys: String, CodingKey { case name = "full_name", limit }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            limit = try container.decodeIfPresent(Int.self, forKey: .limit) ?? 10
        }
    }

    @Test func everyTypeHasItsSchema() throws {
        let schema = try JSONSchema(for: Everything.self).json
        let inner: JSONValue = [
            "type": "object", "required": ["x"], "properties": ["x": ["type": "integer"], "y": ["type": "number"]],
        ]
        #expect(schema["type"] == "object")
        #expect(
            schema["required"] == [
                "flag", "text", "whole", "natural", "real", "at", "bytes", "link", "id", "words", "unique", "table",
                "color", "level", "inner", "inners", "any",
            ])
        #expect(
            schema["properties"] == [
                "flag": ["type": "boolean"], "text": ["type": "string"], "whole": ["type": "integer"],
                "natural": ["type": "integer", "minimum": 0], "real": ["type": "number"],
                "at": ["type": "string", "format": "date-time"],
                "bytes": ["type": "string", "contentEncoding": "base64"],
                "link": ["type": "string", "format": "uri"], "id": ["type": "string", "format": "uuid"],
                "words": ["type": "array", "items": ["type": "string"]],
                "unique": ["type": "array", "items": ["type": "integer"], "uniqueItems": true],
                "table": ["type": "object", "additionalProperties": ["type": "boolean"]],
                "color": ["type": "string", "enum": ["red", "green"]], "level": ["type": "integer", "enum": [1, 2]],
                "inner": inner, "inners": ["type": "array", "items": inner], "any": [:],
                "maybe": ["type": "string"], "maybeInner": inner,
            ])
    }

    @Test func aTypeMayHoldItself() throws {
        let schema = try JSONSchema(for: Node.self).json
        #expect(schema["required"] == ["value", "children"])
        #expect(schema["properties"]?["next"] == [:])
        #expect(schema["properties"]?["children"] == ["type": "array", "items": [:]])
    }

    @Test func codingKeysAndDefaultsAreSeen() throws {
        let schema = try JSONSchema(for: Handmade.self).json
        #expect(schema["required"] == ["full_name"])
        #expect(schema["properties"]?["limit"] == ["type": "integer"])
    }

    @Test func noArgumentsAreAnEmptyObject() throws {
        #expect(try JSONSchema(for: NoArguments.self).json == ["type": "object", "properties": [:]])
        #expect(try JSONSchema(for: [String: Int].self).json["additionalProperties"] == ["type": "integer"])
    }

    @Test func whatCannotBeWorkedOutSaysSo() async throws {
        struct Holder: Codable { var open: Open }
        let error = await caught(MCPError.self) { try JSONSchema(for: Holder.self) }
        #expect(error?.kind == .misuse)
        #expect(error?.message.contains("Holder") == true)
    }
}
