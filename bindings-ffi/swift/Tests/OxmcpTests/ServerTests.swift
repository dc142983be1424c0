import Foundation
import Oxmcp
import TestTools
import Testing

@Suite(.timeLimit(.minutes(10))) struct ServerTests {
    @Test func oneServerServesSeveralTransports() async throws {
        let server = try makeTestServer()
        let first = try await server.listenHTTP()
        let second = try await server.listenHTTP(path: "/other")
        #expect(first.url == "http://127.0.0.1:\(first.port)/mcp")
        #expect(second.url == "http://127.0.0.1:\(second.port)/other")
        let clients = [
            try await MCPClient.connect(url: first.url),
            try await MCPClient.connect(url: second.url),
            try await MCPClient.connect(to: server),
        ]
        for client in clients {
            #expect(try await client.callTool("count", as: Int.self) == 42)
            await client.close()
        }
        await server.close()
    }

    @Test func toolsAreReplacedAndRemoved() async throws {
        let server = MCPServer(name: "changing", version: "1")
        try server.tool("say") { "one" }
        try await withClient(of: server) { client in
            #expect(try await client.callTool("say").text == "one")
            try server.tool("say") { "two" }
            #expect(try await client.callTool("say").text == "two")
            #expect(try await client.listTools().count == 1)
            #expect(try server.removeTool("say"))
            #expect(try !server.removeTool("say"))
            let error = await caught(MCPError.self) { try await client.callTool("say") }
            #expect(error?.kind == .rpc)
        }
    }

    @Test func aDefinitionThatIsNoneIsMisuse() async throws {
        let server = MCPServer(name: "strict", version: "1")
        let schema = await caught(MCPError.self) { try server.tool("x", schema: ["type": "string"]) { (_: NoArguments) in } }
        #expect(schema?.kind == .misuse)
        let array = await caught(MCPError.self) { try server.tool("x") { (_: [Int]) in "never" } }
        #expect(array?.kind == .misuse)
    }

    @Test func resultsAreHeldAgainstTheirSchema() async throws {
        let server = MCPServer(name: "promising", version: "1")
        let promised = JSONSchema.object(["value": .integer(minimum: 0)])
        try server.tool("kept", outputSchema: promised) { Sum(value: 1) }
        try server.tool("broken", outputSchema: promised) { Sum(value: -1) }
        try await withClient(of: server) { client in
            let tools = try await client.listTools()
            #expect(tools.map(\.outputSchema) == [promised, promised])
            #expect(try await client.callTool("kept", as: Sum.self) == Sum(value: 1))
            let error = await caught(MCPError.self) { try await client.callTool("broken") }
            #expect(error?.code == -32603)
        }
    }

    @Test func closingEndsListeningAndFreesThePort() async throws {
        let server = try makeTestServer()
        let http = try await server.listenHTTP()
        let waiting = Task { try await http.waitUntilClosed() }
        let client = try await MCPClient.connect(url: http.url)
        let call = Task { try await client.callTool("wait") }
        try await eventually { try await waits(client).begun == 1 }
        await server.close()
        await server.close()
        try await waiting.value
        let error = await caught(MCPError.self) { try await call.value }
        #expect(error != nil)
        await client.close()
    }

    @Test func aPortIsFreeAgainWhenItsServerIsClosed() async throws {
        // Another process may be given a port that is free; not ten times.
        for _ in 0..<10 {
            let server = try makeTestServer()
            let port = try await server.listenHTTP().port
            await server.close()
            let again = try makeTestServer()
            let second = try? await again.listenHTTP(port: port)
            await again.close()
            if second?.port == port { return }
        }
        Issue.record("no port was free again")
    }

    @Test func aWaitForTheEndCanBeCancelled() async throws {
        let server = try makeTestServer()
        let http = try await server.listenHTTP()
        let waiting = Task { try await http.waitUntilClosed() }
        waiting.cancel()
        _ = await caught(CancellationError.self) { try await waiting.value }
        let client = try await MCPClient.connect(url: http.url)
        #expect(try await client.callTool("count", as: Int.self) == 42)
        await client.close()
        await server.close()
        // Already closed.
        try await http.waitUntilClosed()
    }

    @Test func aPortInUseIsToldAtOnce() async throws {
        let server = try makeTestServer()
        let http = try await server.listenHTTP()
        let error = await caught(MCPError.self) { try await server.listenHTTP(port: http.port) }
        #expect(error?.kind == .connect || error?.kind == .misuse)
        #expect(error?.message.contains("\(http.port)") == true)
        await server.close()
    }

    @Test func otherHostsMustBeAllowed() async throws {
        let server = try makeTestServer()
        let error = await caught(MCPError.self) { try await server.listenHTTP(host: "0.0.0.0") }
        #expect(error?.kind == .misuse)
        await server.close()
    }

    @Test func aListeningServerIsKept() async throws {
        func listen() async throws -> String { try await makeTestServer().listenHTTP().url }
        let url = try await listen()
        let client = try await MCPClient.connect(url: url)
        #expect(try await client.callTool("count", as: Int.self) == 42)
        await client.close()
    }

    @Test func aForgottenServerIsReleased() async throws {
        final class Witness: Sendable {}
        weak var witness: Witness?
        do {
            let held = Witness()
            witness = held
            let server = MCPServer(name: "short", version: "1")
            try server.tool("hold") { "\(held)" }
            try await withClient(of: server) { client in _ = try await client.callTool("hold") }
        }
        try await eventually { witness == nil }
    }

    @Test func theHTTPServerOfAnotherProcessStopsWhenItIsKilled() async throws {
        // Another process may be given the port before this one takes it; not ten times.
        for _ in 0..<10 {
            if try await aKilledServerIsMissed() { return }
        }
        Issue.record("the port of no killed server was free")
    }

    /// False when its port was taken by somebody else.
    private func aKilledServerIsMissed() async throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: testServer)
        process.arguments = ["http"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let url = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let client = try await MCPClient.connect(url: url)
        #expect(try await client.callTool("add", Args(a: 1, b: 1), as: Sum.self) == Sum(value: 2))
        process.terminate()
        process.waitUntilExit()
        let port = try #require(URL(string: url)?.port)
        let isHeld = try await withDeadPort(port) { _ in
            let error = await caught(MCPError.self) { try await client.callTool("count") }
            #expect(error?.kind == .connect || error?.kind == .closed)
        }
        await client.close()
        return isHeld
    }
}
