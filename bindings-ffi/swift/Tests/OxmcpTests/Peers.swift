import Foundation
import Oxmcp
import TestTools
import Testing

/// How a test's client reaches the test server.
enum Route: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory, stdio, http

    var testDescription: String { rawValue }
}

/// The first revisions of both eras, and all between.
let revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]

/// The program of the test server, beside the tests' own.
let testServer = URL(fileURLWithPath: CommandLine.arguments[0])
    .deletingLastPathComponent().appendingPathComponent("test-server").path

/// Runs `body` with a client of a new test server, and closes both.
func withClient<Value: Sendable>(
    over route: Route = .memory,
    options: ClientOptions = ClientOptions(),
    _ body: (MCPClient) async throws -> Value
) async throws -> Value {
    switch route {
    case .memory:
        let server = try makeTestServer()
        return try await using(.connect(to: server, options: options), server, body)
    case .stdio:
        return try await using(.connect(command: testServer, arguments: ["stdio"], options: options), nil, body)
    case .http:
        let server = try makeTestServer()
        let http = try await server.listenHTTP()
        return try await using(.connect(url: http.url, options: options), server, body)
    }
}

/// Runs `body` with a client of `server` in memory, and closes both.
func withClient<Value: Sendable>(
    of server: MCPServer,
    options: ClientOptions = ClientOptions(),
    _ body: (MCPClient) async throws -> Value
) async throws -> Value {
    try await using(.connect(to: server, options: options), server, body)
}

private func using<Value: Sendable>(
    _ client: MCPClient,
    _ server: MCPServer?,
    _ body: (MCPClient) async throws -> Value
) async throws -> Value {
    let result: Result<Value, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.close()
    await server?.close()
    return try result.get()
}

/// A peer that says what `script` makes the shell write.
func shell(_ script: String, options: ClientOptions = ClientOptions()) async throws -> MCPClient {
    try await .connect(command: "/bin/sh", arguments: ["-c", script], showsErrors: false, options: options)
}
