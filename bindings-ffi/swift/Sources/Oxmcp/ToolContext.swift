import Foundation
import OxmcpFFI

/// The call that a tool's handler answers.
///
/// The handler runs in a task of its own, which is cancelled when the peer no longer waits: when it cancelled,
/// disconnected or the server was closed. So `Task.isCancelled`, `Task.sleep` and the like do what they do everywhere.
///
/// ```swift
/// try server.tool("import", "Import files", schema: .object(["files": .array(of: .string())])) {
///     (arguments: [String: [String]], context) in
///     let files = arguments["files"] ?? []
///     for (done, file) in files.enumerated() {
///         try Task.checkCancellation()
///         context.progress(Double(done + 1), total: Double(files.count), message: file)
///     }
///     return "imported for \(try context.request.clientInfo?.name ?? "somebody")"
/// }
/// ```
public struct ToolContext: Sendable {
    let core: FfiServer
    let call: UInt64

    /// What is known of the request.
    ///
    /// - Throws: ``MCPError`` of kind `cancelled` when the peer no longer waits.
    public var request: ToolRequest {
        get throws {
            guard let json = core.callContext(call: call) else {
                throw MCPError(kind: .cancelled, message: "the peer no longer waits, so nothing is known of its call")
            }
            return try JSON.decodeAnswer(ToolRequest.self, from: json, of: "tools/call")
        }
    }

    /// Tells the peer how far the call has come. Does nothing when it did not ask.
    ///
    /// - Parameters:
    ///   - progress: must grow from one report to the next.
    ///   - total: what `progress` will be at the end, if known.
    ///   - message: what is being done, for people.
    /// - Returns: whether it was sent: false when the peer did not ask, or no longer waits.
    @discardableResult
    public func progress(_ progress: Double, total: Double? = nil, message: String? = nil) -> Bool {
        core.progress(call: call, progress: progress, total: total ?? .nan, message: message ?? "")
    }
}

/// What a server knows of a call.
public struct ToolRequest: Sendable, Hashable, Decodable {
    /// The id that the peer gave the request: a string or a number.
    public let id: JSONValue
    /// The revision that the peer speaks in this call.
    public let protocolVersion: String
    /// Who the peer says it is.
    public let clientInfo: Implementation?
    /// Whether the peer asked for progress.
    public let wantsProgress: Bool
    /// What the request carries beside its arguments (`_meta`).
    public let meta: [String: JSONValue]?

    private enum CodingKeys: String, CodingKey {
        case id = "requestId"
        case protocolVersion, clientInfo
        case wantsProgress = "progress"
        case meta = "_meta"
    }
}
