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

/// How long the tests wait for what must come: until then a slow machine is taken for slow, after it for wrong.
let patience = Duration.seconds(60)

/// Waits until `condition` holds.
func eventually(
    sourceLocation: SourceLocation = #_sourceLocation,
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + patience
    while try await !condition() {
        try #require(ContinuousClock.now < end, "it never came to be", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Tries with longer and longer times what a busy machine may be too slow for, until `inTime` says that it was not.
func growing(from first: Duration, isolation: isolated (any Actor)? = #isolation, inTime: (Duration) async throws -> Bool)
    async throws
{
    var time = first
    while try await !inTime(time) {
        time *= 2
        try #require(time < patience)
    }
}

/// Runs `body` while this process has a port of 127.0.0.1, at which it does not listen and nobody else can. It is
/// `port`, or any for 0. False when that port is not to be had.
func withDeadPort(
    _ port: Int = 0,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (Int) async throws -> Void
) async throws -> Bool {
    #if canImport(Darwin)
        let held = socket(AF_INET, SOCK_STREAM, 0)
    #else
        let held = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    defer { close(held) }
    // What is left of connections to the port that were closed does not count.
    var on: Int32 = 1
    setsockopt(held, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout.size(ofValue: on)))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout.size(ofValue: address))
    let isHeld = withUnsafeMutablePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(held, address, size) == 0 && getsockname(held, address, &size) == 0
        }
    }
    if isHeld { try await body(Int(in_port_t(bigEndian: address.sin_port))) }
    return isHeld
}

/// What `waits` of the test server says.
func waits(_ client: MCPClient) async throws -> Waits {
    try await client.callTool("waits", as: Waits.self)
}

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
