import Foundation
import OxmcpFFI

/// A client of one MCP server: at a URL, in a child process or in this process. The protocol revision is negotiated;
/// nothing here depends on it.
///
/// ```swift
/// let client = try await MCPClient.connect(url: url)
/// print("\(client.serverInfo.name) speaks \(client.protocolVersion)")
/// let sum = try await client.callTool("add", Args(a: 1, b: 2), as: Sum.self)
/// #expect(sum == Sum(value: 3))
/// await client.close()
/// ```
///
/// Use it from any number of tasks at once. Every operation settles: with its result, an ``MCPError``, or
/// `CancellationError` when its task is cancelled, which cancels the operation on the wire too.
///
/// The connection ends at ``close()``, or when the client is released.
public final class MCPClient: Sendable {
    /// What the server says it is.
    public let serverInfo: Implementation
    /// The revision that was negotiated.
    public let protocolVersion: String
    /// What the server can do, as it declared it.
    public let capabilities: [String: JSONValue]
    /// How the server wants to be used, for the model.
    public let instructions: String?

    private let core: FfiClient
    /// A server in memory lives as long as its client.
    private let server: MCPServer?

    private init(core: FfiClient, session: Session, server: MCPServer?) {
        self.core = core
        self.server = server
        serverInfo = session.serverInfo
        protocolVersion = session.protocolVersion
        capabilities = session.capabilities
        instructions = session.instructions
    }

    private struct Session: Decodable {
        let protocolVersion: String
        let serverInfo: Implementation
        let capabilities: [String: JSONValue]
        let instructions: String?
    }
}

// MARK: Connecting

extension MCPClient {
    /// Connects to a server at an `http:` or `https:` URL.
    ///
    /// - Parameter headers: sent with every request, `Authorization` for example.
    /// - Throws: ``MCPError``.
    public static func connect(
        url: String,
        headers: [String: String] = [:],
        options: ClientOptions = ClientOptions()
    ) async throws -> MCPClient {
        var configuration = try options.configuration()
        configuration["url"] = .string(url)
        if !headers.isEmpty { configuration["headers"] = .object(headers.mapValues(JSONValue.string)) }
        return try await open(configuration)
    }

    /// Connects to a server at an `http:` or `https:` URL.
    public static func connect(
        url: URL,
        headers: [String: String] = [:],
        options: ClientOptions = ClientOptions()
    ) async throws -> MCPClient {
        try await connect(url: url.absoluteString, headers: headers, options: options)
    }

    /// Starts a server as a child process and connects to its standard streams.
    ///
    /// ```swift
    /// let client = try await MCPClient.connect(command: program, arguments: ["stdio"])
    /// ```
    ///
    /// - Parameters:
    ///   - environment: added to this process's.
    ///   - workingDirectory: where it runs; nil is where this process does.
    ///   - showsErrors: whether what it writes to its error stream goes to this process's, or nowhere.
    /// - Throws: ``MCPError``.
    public static func connect(
        command: String,
        arguments: [String] = [],
        environment: [String: String] = [:],
        workingDirectory: String? = nil,
        showsErrors: Bool = true,
        options: ClientOptions = ClientOptions()
    ) async throws -> MCPClient {
        var configuration = try options.configuration()
        configuration["command"] = .string(command)
        configuration["args"] = .array(arguments.map(JSONValue.string))
        if !environment.isEmpty { configuration["env"] = .object(environment.mapValues(JSONValue.string)) }
        if let workingDirectory { configuration["cwd"] = .string(workingDirectory) }
        if !showsErrors { configuration["stderr"] = "null" }
        return try await open(configuration)
    }

    /// Connects to a server of this process, in memory: for tests, and for hosts with servers of their own.
    public static func connect(
        to server: MCPServer,
        options: ClientOptions = ClientOptions()
    ) async throws -> MCPClient {
        try await open(options.configuration(), server: server)
    }

    private static func open(_ configuration: [String: JSONValue], server: MCPServer? = nil) async throws -> MCPClient {
        let text = String(decoding: try JSON.encode(configuration), as: UTF8.self)
        let dispatcher = Dispatcher.shared
        let id = dispatcher.begin()
        let core: FfiClient
        do {
            core =
                if let server {
                    try FfiClient.openInMemory(server: server.core(), config: text, id: id, queue: dispatcher.queue)
                } else {
                    try FfiClient.open(config: text, id: id, queue: dispatcher.queue)
                }
        } catch {
            dispatcher.forget(id)
            throw MCPError(error)
        }
        let session = try await dispatcher.outcome(of: id) { _ = core.cancel(id: id) }
        return MCPClient(
            core: core,
            session: try JSON.decodeAnswer(Session.self, from: session, of: "the handshake"),
            server: server)
    }
}

// MARK: Tools

extension MCPClient {
    /// Every tool of the server, in its order.
    ///
    /// - Throws: ``MCPError``; `CancellationError` when the task is cancelled.
    public func listTools() async throws -> [Tool] {
        try await listTools(.listTools, cursor: nil).tools
    }

    /// The tools of the server, in its order; each page is fetched when it is reached.
    ///
    /// ```swift
    /// for try await tool in client.tools() where tool.annotations?.readOnlyHint == true {
    ///     print(tool.name)
    /// }
    /// ```
    public func tools() -> ToolSequence {
        ToolSequence(client: self)
    }

    /// One page of tools, from the beginning when there is no cursor.
    func toolsPage(after cursor: String?) async throws -> ToolsPage {
        try await listTools(.listToolsPage, cursor: cursor)
    }

    private func listTools(_ operation: FfiOperation, cursor: String?) async throws -> ToolsPage {
        let params: [String: String] = cursor.map { ["cursor": $0] } ?? [:]
        let json = try await perform(operation, params: JSON.encode(params), Waiting(), onProgress: nil)
        return try JSON.decodeAnswer(ToolsPage.self, from: json, of: "tools/list")
    }

    /// Calls a tool. A tool that failed is a result too: look at ``ToolResult/isError``.
    ///
    /// ```swift
    /// let result = try await client.callTool("forecast", arguments: ["city": "Oslo"], timeout: .seconds(30)) { update in
    ///     print("\(update.progress) of \(update.total ?? 1)")
    /// }
    /// #expect(result.text == "snow")
    /// ```
    ///
    /// - Parameters:
    ///   - timeout: the longest silence: neither the answer nor progress has come for this long.
    ///   - maxTimeout: the longest it may take in all.
    ///   - onProgress: called for each progress report, in order, before this returns. Reports are left out when they
    ///     come faster than it takes them.
    /// - Throws: ``MCPError``; `CancellationError` when the task is cancelled, which cancels the call on the wire.
    public func callTool(
        _ name: String,
        arguments: [String: JSONValue] = [:],
        timeout: Duration? = nil,
        maxTimeout: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        onProgress: ((ProgressUpdate) async -> Void)? = nil
    ) async throws -> ToolResult {
        try await callTool(
            name, arguments, timeout: timeout, maxTimeout: maxTimeout, isolation: isolation, onProgress: onProgress)
    }

    /// Calls a tool with arguments of a type of yours. They must encode as a JSON object.
    ///
    /// Otherwise like ``callTool(_:arguments:timeout:maxTimeout:isolation:onProgress:)``.
    public func callTool(
        _ name: String,
        _ arguments: some Encodable,
        timeout: Duration? = nil,
        maxTimeout: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        onProgress: ((ProgressUpdate) async -> Void)? = nil
    ) async throws -> ToolResult {
        let json = try await call(name, arguments, Waiting(timeout, maxTimeout), onProgress: onProgress)
        return try JSON.decodeAnswer(ToolResult.self, from: json, of: "tools/call")
    }

    /// Calls a tool and reads a value of type `type` from its result: from the structured content, there from the
    /// member `result` where the type is not an object, and without structured content from the text.
    ///
    /// ```swift
    /// let sum = try await client.callTool("add", Args(a: 1, b: 2), as: Sum.self)
    /// ```
    ///
    /// - Throws: ``ToolError`` when the tool failed; ``MCPError``, of kind `protocol` when the result is something else;
    ///   `CancellationError` when the task is cancelled, which cancels the call on the wire.
    public func callTool<Value: Decodable>(
        _ name: String,
        _ arguments: some Encodable,
        as type: Value.Type,
        timeout: Duration? = nil,
        maxTimeout: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        onProgress: ((ProgressUpdate) async -> Void)? = nil
    ) async throws -> Value {
        let json = try await call(name, arguments, Waiting(timeout, maxTimeout), onProgress: onProgress)
        return try ToolResult.value(type, from: json, of: name)
    }

    /// Calls a tool with arguments as they come and reads a value of type `type` from its result, like
    /// ``callTool(_:_:as:timeout:maxTimeout:isolation:onProgress:)``.
    public func callTool<Value: Decodable>(
        _ name: String,
        arguments: [String: JSONValue] = [:],
        as type: Value.Type,
        timeout: Duration? = nil,
        maxTimeout: Duration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        onProgress: ((ProgressUpdate) async -> Void)? = nil
    ) async throws -> Value {
        try await callTool(
            name, arguments, as: type, timeout: timeout, maxTimeout: maxTimeout, isolation: isolation,
            onProgress: onProgress)
    }

    private func call(
        _ name: String,
        _ arguments: some Encodable,
        _ waiting: Waiting,
        isolation: isolated (any Actor)? = #isolation,
        onProgress: ((ProgressUpdate) async -> Void)?
    ) async throws -> Data {
        let json = try JSON.encode(arguments)
        guard json.first == UInt8(ascii: "{") else {
            throw MCPError(
                kind: .misuse,
                message: "The arguments of a tool must be a JSON object, and a \(Swift.type(of: arguments)) is not")
        }
        var params = Data("{\"name\":".utf8)
        params += JSON.quote(name.utf8)
        params += Data(",\"arguments\":".utf8)
        params += json
        params.append(UInt8(ascii: "}"))
        return try await perform(.callTool, params: params, waiting, onProgress: onProgress)
    }
}

// MARK: The connection

extension MCPClient {
    /// Returns when the server has shown that it answers.
    ///
    /// - Throws: ``MCPError``; `CancellationError` when the task is cancelled.
    public func ping(timeout: Duration? = nil) async throws {
        _ = try await perform(.ping, params: Data("{}".utf8), Waiting(timeout), onProgress: nil)
    }

    /// Ends the connection: outstanding operations fail with ``MCPError/Kind/closed``, a child process is asked to exit,
    /// then made to. Returns when everything is released. Closing again is fine.
    public func close() async {
        guard let id = try? Dispatcher.shared.begin(core.closeConnection) else { return }
        // Also a cancelled task waits: it is short, and what follows may need the port or the process gone.
        _ = try? await Dispatcher.shared.outcome(of: id) {}
    }

    private func perform(
        _ operation: FfiOperation,
        params: Data,
        _ waiting: Waiting,
        isolation: isolated (any Actor)? = #isolation,
        onProgress: ((ProgressUpdate) async -> Void)?
    ) async throws -> Data {
        try Task.checkCancellation()
        let dispatcher = Dispatcher.shared
        guard let onProgress else {
            let id = dispatcher.begin()
            try submit(operation, params, waiting, progress: false, id)
            return try await dispatcher.outcome(of: id) { [core] in _ = core.cancel(id: id) }
        }
        let (id, events) = dispatcher.beginWatched()
        try submit(operation, params, waiting, progress: true, id)
        return try await dispatcher.outcome(
            of: id, events: events, abandon: { [core] in _ = core.cancel(id: id) }, onProgress: onProgress)
    }

    private func submit(
        _ operation: FfiOperation,
        _ params: Data,
        _ waiting: Waiting,
        progress: Bool,
        _ id: UInt64
    ) throws {
        do {
            try core.submit(
                operation: operation.rawValue,
                params: params,
                timeoutMs: waiting.timeout?.milliseconds("timeout") ?? -1,
                maxTimeoutMs: waiting.maxTimeout?.milliseconds("maxTimeout") ?? -1,
                progress: progress,
                id: id)
        } catch {
            Dispatcher.shared.forget(id)
            throw MCPError(error)
        }
    }

    /// How long an operation may take; nil leaves it to the client's options.
    private struct Waiting {
        let timeout: Duration?
        let maxTimeout: Duration?

        init(_ timeout: Duration? = nil, _ maxTimeout: Duration? = nil) {
            self.timeout = timeout
            self.maxTimeout = maxTimeout
        }
    }
}
