import Foundation
import Testing

@testable import Oxmcp

@Suite struct ContentTests {
    @Test func blocksAreWrittenAsTheSpecHasThem() throws {
        let blocks: [(Content, JSONValue)] = [
            (.text("hi"), ["type": "text", "text": "hi"]),
            (.image(data: Data([1]), mimeType: "image/png"), ["type": "image", "data": "AQ==", "mimeType": "image/png"]),
            (.audio(data: Data([1]), mimeType: "audio/wav"), ["type": "audio", "data": "AQ==", "mimeType": "audio/wav"]),
            (
                .resource(ResourceContents(uri: "a:b", text: "t")),
                ["type": "resource", "resource": ["uri": "a:b", "text": "t"]]
            ),
            (
                .resourceLink(ResourceLink(uri: "a:b", name: "n", size: 3)),
                ["type": "resource_link", "uri": "a:b", "name": "n", "size": 3]
            ),
            (
                .text(TextContent("hi", annotations: Annotations(audience: ["user"], priority: 0.5), meta: ["k": [1]])),
                [
                    "type": "text", "text": "hi", "annotations": ["audience": ["user"], "priority": 0.5],
                    "_meta": ["k": [1]],
                ]
            ),
        ]
        for (block, json) in blocks {
            #expect(try JSONValue(encoding: block) == json)
            #expect(try json.decode(as: Content.self) == block)
        }
    }

    @Test func unknownBlocksSurvive() throws {
        let json: JSONValue = ["type": "hologram", "angle": 3]
        let block = try json.decode(as: Content.self)
        #expect(block == .unknown(json))
        #expect(try JSONValue(encoding: block) == json)
    }

    @Test func resultsAreWrittenWithoutWhatTheyLack() throws {
        #expect(try JSONValue(encoding: ToolResult.text("x")) == ["content": [["type": "text", "text": "x"]]])
        #expect(try JSONValue(encoding: ToolResult()) == ["content": []])
        let failed = ToolResult(content: [], structuredContent: 1, isError: true, meta: ["m": 1])
        #expect(
            try JSONValue(encoding: failed)
                == ["content": [], "structuredContent": 1, "isError": true, "_meta": ["m": 1]])
    }

    @Test func textJoinsTheTextBlocks() {
        let result = ToolResult(content: [.text("a"), .image(data: Data(), mimeType: "x/y"), .text("b")])
        #expect(result.text == "a\nb")
    }

    @Test func typedValuesAreReadFromEveryForm() throws {
        func read<T: Decodable>(_ json: String, _ type: T.Type) throws -> T {
            try ToolResult.value(type, from: Data(json.utf8), of: "t")
        }
        #expect(try read(#"{"content":[],"structuredContent":{"a":1}}"#, [String: Int].self) == ["a": 1])
        #expect(try read(#"{"content":[],"structuredContent":{"result":3}}"#, Int.self) == 3)
        #expect(try read(#"{"content":[],"structuredContent":[1,2]}"#, [Int].self) == [1, 2])
        #expect(try read(#"{"content":[{"type":"text","text":"[1,2]"}]}"#, [Int].self) == [1, 2])
        #expect(try read(#"{"content":[{"type":"text","text":"plain"}]}"#, String.self) == "plain")
    }

    @Test func typedValuesThatAreNotThereAreErrors() async throws {
        func read(_ json: String) throws -> Int { try ToolResult.value(Int.self, from: Data(json.utf8), of: "t") }
        let wrong = await caught(MCPError.self) { try read(#"{"structuredContent":{"x":1}}"#) }
        #expect(wrong?.kind == .protocol)
        #expect(throws: MCPError.self) { try read(#"{"content":[{"type":"text","text":"no number"}]}"#) }
        let failed = await caught(ToolError.self) {
            try read(#"{"content":[{"type":"text","text":"why"}],"structuredContent":{"result":1},"isError":true}"#)
        }
        #expect(failed?.message == "why")
        // Even where the structured content would fit.
        #expect(throws: ToolError.self) { try read(#"{"content":[],"structuredContent":1,"isError":true}"#) }
    }
}
