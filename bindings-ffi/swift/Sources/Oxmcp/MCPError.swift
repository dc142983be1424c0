import Foundation
import OxmcpFFI

/// What went wrong with MCP. The kinds are the same in every oxmcp language.
///
/// ```swift
/// do {
///     _ = try await client.callTool("forecast", arguments: ["city": "Oslo"], timeout: .milliseconds(100))
/// } catch let error as MCPError where error.kind == .timeout {
///     print("no forecast in time")
/// } catch let error as MCPError {
///     print("\(error.kind): \(error.message)")
/// }
/// ```
///
/// A task that is cancelled while it waits sees `CancellationError`, as everywhere in Swift. A tool that ran and failed
/// is no error of MCP; see ``ToolError``.
public struct MCPError: Error, Sendable, Hashable {
    /// What kind of thing went wrong.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The caller erred: a malformed configuration or argument, or something that was closed.
        case misuse = "Misuse"
        /// No connection came to be: the command could not be started, the address could not be reached, TLS failed.
        case connect = "Connect"
        /// The connection ended before the answer: the peer exited, closed or broke it, or this side closed it.
        case closed = "Closed"
        /// No answer within the time allowed.
        case timeout = "Timeout"
        /// This side cancelled the operation by other means than cancelling the task that waits for it.
        case cancelled = "Cancelled"
        /// The peer answered with a JSON-RPC error; ``MCPError/code`` and ``MCPError/data`` are the peer's.
        case rpc = "Rpc"
        /// The peer broke MCP, JSON-RPC or HTTP, or its result is not what was asked to be read from it.
        case `protocol` = "Protocol"
        /// A message is larger than the limit.
        case tooLarge = "TooLarge"
        /// The two sides have no protocol revision in common.
        case unsupportedVersion = "UnsupportedVersion"
        /// The peer did not declare the capability that the operation needs.
        case unsupported = "Unsupported"
        /// The server wants authorization that was not given (HTTP 401 or 403).
        case unauthorized = "Unauthorized"
        /// A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later.
        case overloaded = "Overloaded"
        /// A fault of this library.
        case `internal` = "Internal"
    }

    public let kind: Kind
    /// What happened, which side erred and what to do; for people.
    public let message: String
    /// The JSON-RPC error code, for kind `rpc`; -32602 is "invalid parameters" for example.
    public let code: Int?
    /// What the peer added to the error, for kind `rpc`.
    public let data: JSONValue?

    /// A JSON-RPC error: throw it in a tool's handler to fail the request with it.
    ///
    /// ```swift
    /// try server.tool("read", "Read a note", schema: .object(["name": .string()])) { (arguments: [String: String]) in
    ///     guard let note = notes[arguments["name"] ?? ""] else {
    ///         throw MCPError(code: -32602, message: "there is no such note")
    ///     }
    ///     return note
    /// }
    /// ```
    public init(code: Int, message: String, data: JSONValue? = nil) {
        self.init(kind: .rpc, message: message, code: code, data: data)
    }

    init(kind: Kind, message: String, code: Int? = nil, data: JSONValue? = nil) {
        self.kind = kind
        self.message = message
        self.code = code
        self.data = data
    }
}

extension MCPError: CustomStringConvertible, LocalizedError {
    public var description: String {
        code.map { "\(kind.rawValue) \($0): \(message)" } ?? "\(kind.rawValue): \(message)"
    }

    public var errorDescription: String? { message }
}

extension MCPError {
    /// Reads the form in which errors come out of the core.
    init(json: Data) {
        struct Form: Decodable {
            let kind: String
            let message: String
            let code: Int?
            let data: JSONValue?
        }
        do {
            let form = try JSON.decode(Form.self, from: json)
            self.init(kind: Kind(rawValue: form.kind) ?? .internal, message: form.message, code: form.code, data: form.data)
        } catch {
            let text = String(decoding: json, as: UTF8.self)
            self.init(kind: .internal, message: "the core reported an error in a form unknown here: \(text)")
        }
    }

    /// An error that a call into the core threw.
    init(_ error: any Error) {
        switch error {
        case FfiError.Failed(let json): self.init(json: json)
        case let error as MCPError: self = error
        default: self.init(kind: .internal, message: "\(error)")
        }
    }

    /// Runs `body`, which calls into the core, and throws its failure as an `MCPError`.
    static func from<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch { throw MCPError(error) }
    }
}
