import Foundation
import Testing

@testable import Oxmcp

@Suite struct JSONValueTests {
    @Test func literalsBecomeTheirTypes() {
        let value: JSONValue = ["n": nil, "t": true, "i": 1, "d": 1.5, "s": "x\(2)", "a": [1, "b"]]
        #expect(value.objectValue?.count == 6)
        #expect(value["n"]?.isNull == true)
        #expect(value["t"]?.boolValue == true)
        #expect(value["i"]?.intValue == 1)
        #expect(value["d"]?.doubleValue == 1.5)
        #expect(value["s"]?.stringValue == "x2")
        #expect(value["a"]?[1]?.stringValue == "b")
    }

    @Test func whatIsNotThereIsNil() {
        let value: JSONValue = ["a": [1]]
        #expect(value["b"] == nil)
        #expect(value["a"]?[1] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["a"]?["x"] == nil)
        #expect(value[0] == nil)
        #expect(value["a"]?.stringValue == nil)
    }

    @Test(arguments: [
        "null", "true", "0", "-7", "1.5", "\"\"", "\"\\u0001\\\"\\\\é\"", "[]", "{}", "[1,[2,{\"a\":null}]]",
        "9223372036854775807", "-9223372036854775808",
    ])
    func textSurvivesARoundTrip(text: String) throws {
        let value = try JSON.decode(JSONValue.self, from: Data(text.utf8))
        let again = try JSON.decode(JSONValue.self, from: Data(value.description.utf8))
        #expect(value == again)
    }

    @Test func numbersKeepTheirKind() throws {
        #expect(try JSON.decode(JSONValue.self, from: Data("7".utf8)) == .int(7))
        #expect(try JSON.decode(JSONValue.self, from: Data("7.5".utf8)) == .double(7.5))
        #expect(try JSON.decode(JSONValue.self, from: Data("1e300".utf8)) == .double(1e300))
        #expect(try JSON.decode(JSONValue.self, from: Data("true".utf8)) == .bool(true))
        #expect(JSONValue.int(3).doubleValue == 3)
        #expect(JSONValue.double(3).intValue == 3)
        #expect(JSONValue.double(3.5).intValue == nil)
    }

    @Test func membersAreWrittenInOrder() {
        let value: JSONValue = ["b": 1, "a": "x/y", "c": [true]]
        #expect(value.description == #"{"a":"x/y","b":1,"c":[true]}"#)
    }

    @Test func typesConvertBothWays() throws {
        struct Event: Codable, Equatable {
            var at: Date
            var bytes: Data
        }
        let event = Event(at: Date(timeIntervalSince1970: 0), bytes: Data([1, 2]))
        let value = try JSONValue(encoding: event)
        #expect(value == ["at": "1970-01-01T00:00:00Z", "bytes": "AQI="])
        #expect(try value.decode(as: Event.self) == event)
        #expect(throws: DecodingError.self) { try JSONValue.string("x").decode(as: Event.self) }
    }

    @Test func whatJSONCannotHoldIsMisuse() async throws {
        let error = await caught(MCPError.self) { try JSONValue(encoding: ["x": Double.nan]) }
        #expect(error?.kind == .misuse)
    }

    @Test func quotingEscapesWhatItMust() throws {
        let text = "\"\\\n\t\u{0}\u{1f}é😀/"
        let quoted = Data(JSON.quote(text.utf8))
        #expect(try JSON.decode(String.self, from: quoted) == text)
    }
}
