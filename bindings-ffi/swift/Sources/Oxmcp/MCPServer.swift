import Foundation
import OxmcpFFI

/// A server of tools, over stdio, HTTP or in memory, on several of them at once if you like.
///
/// ```swift
/// let server = MCPServer(name: "demo", version: "1.0")
/// try server.tool("add", "Add two numbers") { (args: Args) in args.a + args.b }
/// let http = try await server.listenHTTP(port: 0)
/// print("listening on \(http.url)")
/// await server.close()
/// ```
///
/// Handlers run at the same time, each call in a task of its own. A handler that holds its server keeps it alive until
/// ``close()``: capture it `weak`.
public final class MCPServer: Sendable {
    /// Set but for a configuration that the core refuses; then everything throws what it said.
    private let made: Result<ServerCore, MCPError>

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - title: its name for people.
    ///   - instructions: how to use it, for the model.
    ///   - pageSize: how many tools a page of `tools/list` has; 100 when nil.
    ///   - maxMessageBytes: the largest message that is taken from a client; 16 MiB when nil.
    public init(
        name: String,
        version: String,
        title: String? = nil,
        description: String? = nil,
        websiteUrl: String? = nil,
        icons: [Icon]? = nil,
        instructions: String? = nil,
        pageSize: Int? = nil,
        maxMessageBytes: Int? = nil
    ) {
        let configuration: [String: JSONValue?] = [
            "name": .string(name),
            "version": .string(version),
            "title": title.map(JSONValue.string),
            "description": description.map(JSONValue.string),
            "websiteUrl": websiteUrl.map(JSONValue.string),
            "icons": icons.flatMap { try? JSONValue(encoding: $0) },
            "instructions": instructions.map(JSONValue.string),
            "pageSize": pageSize.map(JSONValue.int),
            "maxMessageBytes": maxMessageBytes.map(JSONValue.int),
        ]
        made = Result { try ServerCore(configuration: configuration.compactMapValues { $0 }) }.mapError(MCPError.init)
    }

    deinit {
        if case .success(let server) = made { Dispatcher.shared.removeServer(key: server.key) }
    }

    /// The core's server, to connect a client to.
    func core() throws -> FfiServer { try made.get().core }

    func add(_ tool: Tool, _ handler: @escaping ServerCore.Handler) throws {
        try made.get().add(tool, handler)
    }

    func remove(_ tool: String) throws -> Bool {
        try made.get().remove(tool)
    }
}

// MARK: Serving

extension MCPServer {
    /// Serves this process's stdin and stdout, and returns when the peer has closed them or the server is closed.
    ///
    /// While it serves, what the process itself prints to stdout goes to stderr. Cancelling the task closes the server.
    ///
    /// - Throws: ``MCPError``.
    public func serveStdio() async throws {
        try await made.get().serveStdio()
    }

    /// Serves Streamable HTTP from now until the server is closed, and returns where. The server is kept until then.
    ///
    /// ```swift
    /// let http = try await server.listenHTTP(port: 0)
    /// print("listening on \(http.url)")
    /// try await http.waitUntilClosed()
    /// ```
    ///
    /// - Parameters:
    ///   - host: a loopback address, unless `allowedHosts` is given.
    ///   - port: 0 takes any that is free.
    ///   - allowedHosts: accepted in the `Host` header, beside the loopback names.
    ///   - allowedOrigins: accepted in the `Origin` header, beside the loopback names.
    /// - Throws: ``MCPError``.
    public func listenHTTP(
        host: String = "127.0.0.1",
        port: Int = 0,
        path: String = "/mcp",
        allowedHosts: [String] = [],
        allowedOrigins: [String] = []
    ) async throws -> HTTPListener {
        var configuration: [String: JSONValue] = ["host": .string(host), "port": .int(port), "path": .string(path)]
        if !allowedHosts.isEmpty { configuration["allowedHosts"] = .array(allowedHosts.map(JSONValue.string)) }
        if !allowedOrigins.isEmpty { configuration["allowedOrigins"] = .array(allowedOrigins.map(JSONValue.string)) }
        let server = try made.get()
        let address = try await server.listenHTTP(configuration: configuration, keeping: self)
        return HTTPListener(try JSON.decodeAnswer(HTTPListener.Address.self, from: address, of: "listening"), server)
    }

    /// Stops serving on every transport and cancels the calls in flight. Returns when everything is released, its port
    /// for example. Closing again is fine.
    public func close() async {
        if case .success(let server) = made { await server.close() }
    }
}

/// Where a server listens.
public struct HTTPListener: Sendable {
    /// What clients connect to.
    public let url: String
    public let host: String
    public let port: Int

    private let server: ServerCore

    /// Returns when the server is closed.
    ///
    /// - Throws: `CancellationError` when the task is cancelled; the server goes on.
    public func waitUntilClosed() async throws {
        try await server.waitUntilClosed()
    }

    struct Address: Decodable {
        let url: String
        let host: String
        let port: Int
    }

    init(_ address: Address, _ server: ServerCore) {
        url = address.url
        host = address.host
        port = address.port
        self.server = server
    }
}
