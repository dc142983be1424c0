import Foundation
import Oxmcp
import TestTools
import Testing

/// The examples of the documentation, word for word, and a test that there are no others.
@Suite(.timeLimit(.minutes(10))) struct DocumentationTests {
    // The README's and `MCPServer`'s way to start.
    @Test func firstServerAndClient() async throws {
        let server = MCPServer(name: "demo", version: "1.0")
        try server.tool("add", "Add two numbers") { (args: Args) in args.a + args.b }
        let http = try await server.listenHTTP(port: 0)
        print("listening on \(http.url)")
        await server.close()
        try await http.waitUntilClosed()
    }

    @Test func listening() async throws {
        let server = try makeTestServer()
        // It is closed as soon as it has said where it listens.
        func print(_ line: String) { Task { await server.close() } }
        let http = try await server.listenHTTP(port: 0)
        print("listening on \(http.url)")
        try await http.waitUntilClosed()
    }

    @Test func clientOfAURL() async throws {
        let server = try makeTestServer()
        let url = try await server.listenHTTP().url
        let client = try await MCPClient.connect(url: url)
        print("\(client.serverInfo.name) speaks \(client.protocolVersion)")
        let sum = try await client.callTool("add", Args(a: 1, b: 2), as: Sum.self)
        #expect(sum == Sum(value: 3))
        await client.close()
        await server.close()
    }

    @Test func clientOfACommand() async throws {
        let program = testServer
        let client = try await MCPClient.connect(command: program, arguments: ["stdio"])
        try await client.ping()
        await client.close()
    }

    @Test func tools() async throws {
        let server = try makeTestServer()
        let client = try await MCPClient.connect(to: server)
        for tool in try await client.listTools() {
            print("\(tool.name): \(tool.description ?? "")")
        }
        for try await tool in client.tools() where tool.annotations?.readOnlyHint == true {
            print(tool.name)
        }
    }

    @Test func callsWithProgress() async throws {
        let client = try await MCPClient.connect(to: forecasts())
        let result = try await client.callTool("forecast", arguments: ["city": "Oslo"], timeout: .seconds(30)) { update in
            print("\(update.progress) of \(update.total ?? 1)")
        }
        #expect(result.text == "snow")
        try await callsWithCollectedProgress(client)
        try await failures(client)
        let forecast = Task { try await client.callTool("forecast", arguments: ["city": "Oslo"]) }
        forecast.cancel()
        _ = await caught(CancellationError.self) { try await forecast.value }
    }

    private func callsWithCollectedProgress(_ client: MCPClient) async throws {
        var seen: [Double] = []
        let result = try await client.callTool("forecast", arguments: ["city": "Oslo"], timeout: .seconds(30)) { update in
            seen.append(update.progress)
        }
        #expect(result.text == "snow")
        #expect(seen == [1, 2])
        let lines = result.content.map { block in
            switch block {
            case .text(let text): text.text
            case .image(let image): "a picture of \(image.data.count) bytes"
            case .audio(let audio): "a sound of \(audio.data.count) bytes"
            case .resourceLink(let link): "see \(link.uri)"
            case .resource(let embedded): embedded.resource.text ?? embedded.resource.uri
            case .unknown(let json): "something of a newer revision: \(json)"
            }
        }
        #expect(lines == ["snow"])
    }

    private func failures(_ client: MCPClient) async throws {
        do {
            _ = try await client.callTool("forecast", arguments: ["city": "Oslo"], timeout: .milliseconds(100))
        } catch let error as MCPError where error.kind == .timeout {
            print("no forecast in time")
        } catch let error as MCPError {
            print("\(error.kind): \(error.message)")
        }
    }

    /// A server with a forecast that takes a while.
    private func forecasts() throws -> MCPServer {
        let server = MCPServer(name: "weather", version: "1.0")
        try server.tool("forecast", schema: .object(["city": .string()])) { (_: [String: String], context) in
            for step in [1.0, 2.0] {
                context.progress(step, total: 2)
                try await Task.sleep(for: .milliseconds(100))
            }
            return "snow"
        }
        return server
    }

    @Test func handlers() async throws {
        let server = MCPServer(name: "notes", version: "1.0")
        let notes = ["one": "the first"]
        try server.tool("motto", "What to live by") { "Carpe diem" }
        try server.tool("read", "Read a note", schema: .object(["name": .string()])) { (arguments: [String: String]) in
            guard let note = notes[arguments["name"] ?? ""] else {
                throw MCPError(code: -32602, message: "there is no such note")
            }
            return note
        }
        try server.tool("divide", "Divide", schema: .object(["by": .integer()])) { (arguments: [String: Int]) in
            guard let by = arguments["by"], by != 0 else { throw ToolError("cannot divide by zero") }
            return 100 / by
        }
        try server.tool("import", "Import files", schema: .object(["files": .array(of: .string())])) {
            (arguments: [String: [String]], context) in
            let files = arguments["files"] ?? []
            for (done, file) in files.enumerated() {
                try Task.checkCancellation()
                context.progress(Double(done + 1), total: Double(files.count), message: file)
            }
            return "imported for \(try context.request.clientInfo?.name ?? "somebody")"
        }

        let me = ClientOptions(clientInfo: Implementation(name: "me", version: "1"))
        try await withClient(of: server, options: me) { client in
            #expect(try await client.callTool("motto").text == "Carpe diem")
            #expect(try await client.callTool("read", arguments: ["name": "one"]).text == "the first")
            let refused = await caught(MCPError.self) { try await client.callTool("read", arguments: ["name": "two"]) }
            #expect(refused?.code == -32602)
            #expect(try await client.callTool("divide", arguments: ["by": 4], as: Int.self) == 25)
            let failed = await caught(ToolError.self) { try await client.callTool("divide", ["by": 0], as: Int.self) }
            #expect(failed?.message == "cannot divide by zero")
            var files: [String?] = []
            let imported = try await client.callTool("import", arguments: ["files": ["a", "b"]]) { files.append($0.message) }
            #expect(imported.text == "imported for me")
            #expect(files == ["a", "b"])
        }
    }

    @Test func values() throws {
        let order: JSONValue = ["item": "tea", "count": 2, "tags": ["green", nil]]
        #expect(order["count"]?.intValue == 2)
        #expect(order["tags"]?[0]?.stringValue == "green")

        struct Point: Codable, Equatable { var x, y: Int }
        let point = try JSONValue.object(["x": 1, "y": 2]).decode(as: Point.self)
        #expect(point == Point(x: 1, y: 2))

        let blocks: [Content] = [
            .text("The map you asked for:"),
            .image(data: png, mimeType: "image/png"),
        ]
        if case .text(let block) = blocks[0] {
            #expect(block.text == "The map you asked for:")
        }
    }

    @Test func builtSchemas() {
        let schema: JSONSchema = .object([
            "city": .string("Where"),
            "days": .integer("How far ahead", minimum: 1, maximum: 10).optional,
            "unit": .enum(["celsius", "fahrenheit"]).optional,
        ])
        #expect(schema.json["required"] == ["city"])
    }

    @Test func schemasOfTypes() throws {
        enum Unit: String, Codable, CaseIterable { case celsius, fahrenheit }
        struct Forecast: Codable { var city: String, days: Int?, unit: Unit }

        let schema = try JSONSchema(for: Forecast.self)
        #expect(schema.json["required"] == ["city", "unit"])
        #expect(schema.json["properties"]?["unit"]?["enum"] == ["celsius", "fahrenheit"])
    }
}

/// Every Swift example of the documentation is a part of the tests above.
@Suite struct DocumentationIsTested {
    private static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func everyExampleIsATest() throws {
        let tests = try trimmedLines(of: URL(fileURLWithPath: #filePath))
        let sources = try FileManager.default
            .contentsOfDirectory(at: Self.package.appendingPathComponent("Sources/Oxmcp"), includingPropertiesForKeys: nil)
        let guide = Self.package.appendingPathComponent("../../docs/swift.md")
        var count = 0
        for file in sources + [guide] {
            for example in try examples(in: file) {
                count += 1
                let isTested = tests.indices.contains { tests[$0...].starts(with: example) }
                #expect(isTested, "\(file.lastPathComponent): \(example.joined(separator: "\n"))")
            }
        }
        #expect(count > 25)
    }

    private func trimmedLines(of file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8)
            .components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// What stands between fences that say `swift`, in documentation comments or Markdown.
    private func examples(in file: URL) throws -> [[String]] {
        var examples: [[String]] = []
        var example: [String]?
        for line in try trimmedLines(of: file) {
            let isComment = line.hasPrefix("///")
            if file.pathExtension == "swift", !isComment { continue }
            let text = (isComment ? String(line.dropFirst(3)) : line).trimmingCharacters(in: .whitespaces)
            switch (text, example) {
            case ("```swift", nil): example = []
            case ("```", let lines?):
                examples.append(lines)
                example = nil
            case (_, .some): example?.append(text)
            default: break
            }
        }
        return examples
    }
}
