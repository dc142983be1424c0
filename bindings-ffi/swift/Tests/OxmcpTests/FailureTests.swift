import Foundation
import Oxmcp
import TestTools
import Testing

/// What goes wrong, and how it is told.
@Suite(.timeLimit(.minutes(10))) struct FailureTests {
    @Test(arguments: Route.allCases) func toolFailuresAreResults(route: Route) async throws {
        try await withClient(over: route) { client in
            let failed = try await client.callTool("fail")
            #expect(failed.isError)
            #expect(failed.content == [.text("it is raining")])
            let error = await caught(ToolError.self) { try await client.callTool("fail", as: String.self) }
            #expect(error?.message == "it is raining")
            let thrown = try await client.callTool("throw")
            #expect(thrown.isError)
            #expect(thrown.text.contains("Broken"))
            let unwritable = try await client.callTool("unwritable")
            #expect(unwritable.isError)
            #expect(unwritable.text.contains("JSON"))
            try await client.ping()
        }
    }

    @Test(arguments: Route.allCases, ["2025-11-25", "2026-07-28"])
    func requestsFailWithThePeersError(route: Route, revision: String) async throws {
        try await withClient(over: route, options: ClientOptions(protocolVersion: revision)) { client in
            let error = await caught(MCPError.self) { try await client.callTool("refuse") }
            #expect(error?.kind == .rpc)
            #expect(error?.code == -32001)
            #expect(error?.data == ["until": "tomorrow"])
            #expect(error?.message.contains("not today") == true)
        }
    }

    @Test(arguments: Route.allCases) func unknownToolsAreRefused(route: Route) async throws {
        try await withClient(over: route) { client in
            let error = await caught(MCPError.self) { try await client.callTool("no such tool") }
            #expect(error?.kind == .rpc)
            #expect(error?.code == -32602)
        }
    }

    @Test(arguments: Route.allCases) func argumentsThatBreakTheSchemaNeverReachTheHandler(route: Route) async throws {
        try await withClient(over: route) { client in
            do {
                let result = try await client.callTool("add", arguments: ["a": "one", "b": 2])
                #expect(result.isError)
                #expect(result.structuredContent == nil)
            } catch let error as MCPError {
                #expect(error.kind == .rpc)
                #expect(error.code == -32602)
            }
        }
    }

    @Test func argumentsThatCannotBeReadAreToolErrors() async throws {
        let server = MCPServer(name: "loose", version: "1")
        try server.tool("add", schema: ["type": "object"]) { (args: Args) in args.a + args.b }
        try await withClient(of: server) { client in
            let result = try await client.callTool("add", arguments: ["a": 1])
            #expect(result.isError)
            #expect(result.text.contains("\"b\""))
        }
    }

    @Test(arguments: Route.allCases, ["2025-11-25", "2026-07-28"])
    func silenceTimesOut(route: Route, revision: String) async throws {
        try await withClient(over: route, options: ClientOptions(protocolVersion: revision)) { client in
            let error = await caught(MCPError.self) { try await client.callTool("wait", timeout: .milliseconds(200)) }
            #expect(error?.kind == .timeout)
            try await client.ping()
        }
    }

    @Test func progressKeepsACallAliveUntilItsLastMoment() async throws {
        try await withClient { client in
            try await growing(from: .milliseconds(200)) { timeout in
                // Three times as long as the timeout in all.
                let pause = Int(timeout / .milliseconds(5))
                do {
                    let steps = Steps(steps: 15, pauseMilliseconds: pause)
                    let result = try await client.callTool("steps", steps, timeout: timeout) { _ in }
                    #expect(result.text == "15 steps")
                    return true
                } catch let error as MCPError where error.kind == .timeout {
                    return false
                }
            }
            let endless = Steps(steps: .max, pauseMilliseconds: 10)
            let error = await caught(MCPError.self) {
                try await client.callTool("steps", endless, timeout: patience, maxTimeout: .milliseconds(300)) { _ in }
            }
            #expect(error?.kind == .timeout)
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1)]) func timeoutsMustBeLongerThanNothing(timeout: Duration) async throws {
        try await withClient { client in
            let error = await caught(MCPError.self) { try await client.callTool("count", timeout: timeout) }
            #expect(error?.kind == .misuse)
        }
    }

    @Test func theLongestTimeoutIsFine() async throws {
        try await withClient(options: ClientOptions(timeout: .seconds(Int64.max))) { client in
            let count = try await client.callTool("count", as: Int.self, timeout: .seconds(Int64.max))
            #expect(count == 42)
        }
    }

    @Test(arguments: Route.allCases, ["2025-11-25", "2026-07-28"])
    func cancellingATaskCancelsOnTheWire(route: Route, revision: String) async throws {
        try await withClient(over: route, options: ClientOptions(protocolVersion: revision)) { client in
            for watched in [false, true] {
                let before = try await waits(client)
                let task = Task {
                    if watched { try await client.callTool("wait") { _ in } } else { try await client.callTool("wait") }
                }
                try await eventually { try await waits(client).begun > before.begun }
                task.cancel()
                _ = await caught(CancellationError.self) { try await task.value }
                try await eventually { try await waits(client).cancelled > before.cancelled }
            }
        }
    }

    @Test func aCancelledTaskDoesNotCall() async throws {
        try await withClient { client in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.callTool("count")
            }
            _ = await caught(CancellationError.self) { try await task.value }
        }
    }

    @Test func cancellingWhileConnectingEndsIt() async throws {
        let marker = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        let task = Task {
            try await shell("echo $$. >'\(marker)'; exec sleep 600", options: ClientOptions(connectTimeout: patience * 2))
        }
        var written = ""
        try await eventually {
            written = (try? String(contentsOfFile: marker, encoding: .utf8)) ?? ""
            return written.contains(".")
        }
        task.cancel()
        _ = await caught(CancellationError.self) { try await task.value }
        // The child is gone too.
        let pid = try #require(Int32(written.prefix { $0 != "." }))
        try await eventually { kill(pid, 0) == -1 }
        try? FileManager.default.removeItem(atPath: marker)
    }

    @Test func closingFailsWhatIsOutstanding() async throws {
        try await withClient { client in
            let task = Task { try await client.callTool("wait") }
            try await eventually { try await waits(client).begun == 1 }
            await client.close()
            let error = await caught(MCPError.self) { try await task.value }
            #expect(error?.kind == .closed)
        }
    }
}

/// Peers that are not there, or not what they should be.
@Suite(.timeLimit(.minutes(10))) struct BadPeerTests {
    @Test func aCommandThatIsNotThere() async throws {
        let error = await caught(MCPError.self) { try await MCPClient.connect(command: "/no/such/program") }
        #expect(error?.kind == .connect)
        #expect(error?.message.contains("/no/such/program") == true)
    }

    @Test func aPortWhereNobodyListens() async throws {
        let isHeld = try await withDeadPort { port in
            let error = await caught(MCPError.self) { try await MCPClient.connect(url: "http://127.0.0.1:\(port)/mcp") }
            #expect(error?.kind == .connect)
        }
        #expect(isHeld)
    }

    @Test(arguments: ["not a URL", "ftp://127.0.0.1/", ""]) func aURLThatIsNone(url: String) async throws {
        let error = await caught(MCPError.self) { try await MCPClient.connect(url: url) }
        #expect(error?.kind == .misuse)
    }

    @Test func aRevisionThatIsNone() async throws {
        let error = await caught(MCPError.self) {
            try await withClient(options: ClientOptions(protocolVersion: "1999-01-01")) { _ in }
        }
        #expect(error?.kind == .misuse || error?.kind == .unsupportedVersion)
    }

    @Test func aServerThatExits() async throws {
        let error = await caught(MCPError.self) { try await shell("exit 3") }
        #expect(error?.kind == .closed || error?.kind == .connect)
    }

    @Test func aServerThatSaysNothing() async throws {
        let error = await caught(MCPError.self) {
            try await shell("sleep 600", options: ClientOptions(connectTimeout: .milliseconds(500)))
        }
        #expect(error?.kind == .timeout)
    }

    @Test func aServerThatTalksNonsense() async throws {
        let error = await caught(MCPError.self) {
            try await shell(
                "while read line; do echo nonsense; done",
                options: ClientOptions(connectTimeout: .seconds(2)))
        }
        #expect(error != nil)
    }

    @Test func aServerThatDiesInTheMiddleOfACall() async throws {
        try await withClient(over: .stdio) { client in
            let waiting = Task { try await client.callTool("wait") }
            let error = await caught(MCPError.self) { try await client.callTool("exit") }
            #expect(error?.kind == .closed)
            #expect(await caught(MCPError.self) { try await waiting.value }?.kind == .closed)
        }
    }

    @Test func aMessageOverTheLimit() async throws {
        try await withClient(over: .stdio, options: ClientOptions(maxMessageBytes: 10_000)) { client in
            let text = String(repeating: "x", count: 20_000)
            let error = await caught(MCPError.self) { try await client.callTool("echo", Text(text: text)) }
            #expect(error?.kind == .tooLarge)
        }
    }
}
