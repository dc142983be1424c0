import Foundation
import Oxmcp

/// A server with what the conformance suite asks of one: `server --port N`.
@main
struct Server {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard let flag = arguments.firstIndex(of: "--port"),
            let port = arguments.dropFirst(flag + 1).first.flatMap({ Int($0) })
        else {
            FileHandle.standardError.write(Data("usage: server --port N\n".utf8))
            exit(2)
        }
        let server = MCPServer(name: "oxmcp-swift-conformance", version: "0.1.0")
        try addContentTools(to: server)
        try addBehaviourTools(to: server)
        let http = try await server.listenHTTP(port: port)
        print("listening on \(http.url)")
        try await http.waitUntilClosed()
    }
}

/// One red pixel.
let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="

/// A sound without samples.
let wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

func addContentTools(to server: MCPServer) throws {
    let image = Content.image(data: Data(base64Encoded: png) ?? Data(), mimeType: "image/png")

    try server.tool("test_simple_text", "Answers a text") { "This is a simple text response for testing." }
    try server.tool("test_image_content", "Answers a picture") { image }
    try server.tool("test_audio_content", "Answers a sound") {
        Content.audio(data: Data(base64Encoded: wav) ?? Data(), mimeType: "audio/wav")
    }
    try server.tool("test_embedded_resource", "Answers a resource") {
        Content.resource(
            ResourceContents(
                uri: "test://embedded-resource", mimeType: "text/plain", text: "This is an embedded resource content."))
    }
    try server.tool("test_multiple_content_types", "Answers a text, a picture and a resource") {
        [
            .text("Multiple content types test:"),
            image,
            .resource(
                ResourceContents(
                    uri: "test://mixed-content-resource", mimeType: "application/json",
                    text: #"{"test":"data","value":123}"#)),
        ] as [Content]
    }
}

func addBehaviourTools(to server: MCPServer) throws {
    try server.tool("test_error_handling", "Fails") { () -> String in
        throw ToolError("This tool intentionally returns an error for testing")
    }
    try server.tool("test_tool_with_progress", "Reports progress") { (_: NoArguments, context) in
        for done in [0.0, 50, 100] {
            context.progress(done, total: 100, message: "Completed step \(Int(done)) of 100")
            if done < 100 { try await Task.sleep(for: .milliseconds(50)) }
        }
        return "Progress was reported."
    }
    try server.tool(
        "json_schema_2020_12_tool", "Has an input schema that uses much of JSON Schema 2020-12",
        schema: [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": [
                "address": [
                    "$anchor": "addressDef",
                    "type": "object",
                    "properties": ["street": ["type": "string"], "city": ["type": "string"]],
                ]
            ],
            "properties": [
                "name": ["type": "string"],
                "address": ["$ref": "#/$defs/address"],
                "contactMethod": ["type": "string", "enum": ["phone", "email"]],
                "phone": ["type": "string"],
                "email": ["type": "string"],
            ],
            "allOf": [["anyOf": [["required": ["phone"]], ["required": ["email"]]]]],
            "if": ["properties": ["contactMethod": ["const": "phone"]], "required": ["contactMethod"]],
            "then": ["required": ["phone"]],
            "else": ["required": ["email"]],
            "additionalProperties": false,
        ]
    ) { (arguments: JSONValue) in
        "It was called with \(arguments)."
    }
}
