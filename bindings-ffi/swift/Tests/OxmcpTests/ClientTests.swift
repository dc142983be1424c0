import Foundation
import Oxmcp
import TestTools
import Testing

/// What a client does, over every transport and in every revision.
@Suite(.timeLimit(.minutes(10))) struct ClientTests {
    @Test(arguments: Route.allCases, [nil] + revisions)
    func everyTransportSpeaksEveryRevision(route: Route, revision: String?) async throws {
        try await withClient(over: route, options: ClientOptions(protocolVersion: revision)) { client in
            // Where a process takes seconds to start, the client tries the handshake, which it understands too.
            let negotiated: Set = route == .stdio ? ["2026-07-28", "2025-11-25"] : ["2026-07-28"]
            #expect((revision.map { [$0] } ?? negotiated).contains(client.protocolVersion))
            #expect(client.serverInfo.name == "test-server")
            #expect(client.serverInfo.version == "1.2.3")
            #expect(client.instructions == "Call its tools.")
            #expect(client.capabilities["tools"] != nil)
            try await client.ping()
            #expect(try await client.callTool("add", Args(a: 2, b: 3), as: Sum.self) == Sum(value: 5))
            let text = "äöü 😀 \u{0} \"\\ \n"
            #expect(try await client.callTool("echo", arguments: ["text": .string(text)]).text == text)
        }
    }

    @Test func aPinnedRevisionBindsNoLaterConnection() async throws {
        let server = try makeTestServer()
        let url = try await server.listenHTTP().url
        for revision in ["2025-11-25", nil] {
            let client = try await MCPClient.connect(url: url, options: ClientOptions(protocolVersion: revision))
            #expect(client.protocolVersion == revision ?? "2026-07-28")
            await client.close()
        }
        await server.close()
    }

    @Test(arguments: Route.allCases) func toolsAreListed(route: Route) async throws {
        try await withClient(over: route) { client in
            let tools = try await client.listTools()
            #expect(tools.count == (route == .stdio ? 16 : 15))
            let add = try #require(tools.first { $0.name == "add" })
            #expect(add.description == "Add two numbers")
            #expect(add.annotations == ToolAnnotations(readOnlyHint: true, idempotentHint: true))
            #expect(add.inputSchema == .object(["a": .integer("One"), "b": .integer("The other")]))
        }
    }

    @Test func toolsArriveByPages() async throws {
        let server = try makeTestServer(pageSize: 3)
        try await withClient(of: server) { client in
            var names: [String] = []
            for try await tool in client.tools() { names.append(tool.name) }
            #expect(names.count == 15)
            let all = try await client.listTools()
            #expect(names == all.map(\.name))
        }
    }

    @Test(arguments: Route.allCases) func blocksOfEveryTypeArrive(route: Route) async throws {
        try await withClient(over: route) { client in
            let result = try await client.callTool("blocks")
            #expect(
                result.content == [
                    .text("Text"),
                    .image(data: png, mimeType: "image/png"),
                    .audio(data: Data([1, 2, 3]), mimeType: "audio/wav"),
                    .resource(ResourceContents(uri: "test://text", mimeType: "text/plain", text: "inside")),
                    .resource(ResourceContents(uri: "test://bytes", blob: Data([0, 255]))),
                    .resourceLink(ResourceLink(uri: "test://elsewhere", name: "elsewhere")),
                ])
            #expect(!result.isError)
        }
    }

    @Test func valuesBecomeStructuredContent() async throws {
        try await withClient { client in
            let sum = try await client.callTool("add", arguments: ["a": 1, "b": 2])
            #expect(sum.content == [.text(#"{"value":3}"#)])
            #expect(sum.structuredContent == ["value": 3])
            let count = try await client.callTool("count")
            #expect(count.content == [.text("42")])
            #expect(count.structuredContent == ["result": 42])
            let list = try await client.callTool("list", as: [String].self)
            #expect(list == ["one", "two \"quoted\"\n"])
            let nothing = try await client.callTool("nothing")
            #expect(nothing.content.isEmpty && nothing.structuredContent == nil && !nothing.isError)
        }
    }

    @Test func typedArgumentsMustBeAnObject() async throws {
        try await withClient { client in
            let error = await caught(MCPError.self) { try await client.callTool("add", [1, 2]) }
            #expect(error?.kind == .misuse)
        }
    }

    @Test(arguments: Route.allCases, ["2025-11-25", "2026-07-28"])
    func theServerKnowsWhoCalls(route: Route, revision: String) async throws {
        let options = ClientOptions(
            clientInfo: Implementation(name: "swift-test", version: "3"), protocolVersion: revision)
        try await withClient(over: route, options: options) { client in
            let request = try await client.callTool("request", as: [String: String].self) { _ in }
            #expect(request == ["client": "swift-test", "revision": revision, "progress": "true"])
        }
    }

    @Test(arguments: Route.allCases, ["2025-11-25", "2026-07-28"])
    func progressArrivesInOrderBeforeTheResult(route: Route, revision: String) async throws {
        try await withClient(over: route, options: ClientOptions(protocolVersion: revision)) { client in
            var updates: [ProgressUpdate] = []
            let result = try await client.callTool("steps", Steps(steps: 5)) { updates.append($0) }
            #expect(result.text == "5 steps")
            #expect(updates == (1...5).map { ProgressUpdate(progress: Double($0), total: 5, message: "step \($0)") })
        }
    }

    @Test func callsRunAtTheSameTime() async throws {
        for route in Route.allCases {
            try await withClient(over: route) { client in
                let sums = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<500 {
                        group.addTask {
                            if number % 10 == 0 {
                                // One after the other, they would wait for ever.
                                _ = try await client.callTool("meet", Meeting(of: 50))
                            }
                            return try await client.callTool("add", Args(a: number, b: 1), as: Sum.self).value
                        }
                    }
                    return try await group.reduce(into: [Int]()) { $0.append($1) }
                }
                #expect(sums.sorted() == Array(1...500))
            }
        }
    }

    @Test func closingTwiceIsFine() async throws {
        try await withClient { client in
            await client.close()
            await client.close()
            let error = await caught(MCPError.self) { try await client.listTools() }
            #expect(error?.kind == .closed || error?.kind == .misuse)
        }
    }

    @Test func aForgottenClientEndsItsServer() async throws {
        let marker = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        do {
            let client = try await MCPClient.connect(
                command: "/bin/sh", arguments: ["-c", "'\(testServer)' stdio; echo over >'\(marker)'"])
            try await client.ping()
        }
        try await eventually { FileManager.default.fileExists(atPath: marker) }
        try? FileManager.default.removeItem(atPath: marker)
    }
}
