import Foundation

/// What a tool answered.
public struct ToolResult: Sendable, Hashable, Codable {
    /// What the model should see.
    public var content: [Content]
    /// The same for programs, in the form of ``Tool/outputSchema``.
    public var structuredContent: JSONValue?
    /// Whether the tool failed; ``content`` says why.
    public var isError: Bool
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(
        content: [Content] = [],
        structuredContent: JSONValue? = nil,
        isError: Bool = false,
        meta: [String: JSONValue]? = nil
    ) {
        self.content = content
        self.structuredContent = structuredContent
        self.isError = isError
        self.meta = meta
    }

    /// One text block.
    public static func text(_ text: String) -> ToolResult {
        ToolResult(content: [.text(text)])
    }

    /// One text block that says why the tool failed.
    public static func error(_ text: String) -> ToolResult {
        ToolResult(content: [.text(text)], isError: true)
    }

    /// The text blocks of ``content``, one a line.
    public var text: String {
        content.compactMap { if case .text(let block) = $0 { block.text } else { nil } }.joined(separator: "\n")
    }

    private enum CodingKeys: String, CodingKey {
        case content, structuredContent, isError
        case meta = "_meta"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        content = try container.decodeIfPresent([Content].self, forKey: .content) ?? []
        structuredContent = try container.decodeIfPresent(JSONValue.self, forKey: .structuredContent)
        isError = try container.decodeIfPresent(Bool.self, forKey: .isError) ?? false
        meta = try container.decodeIfPresent([String: JSONValue].self, forKey: .meta)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(content, forKey: .content)
        try container.encodeIfPresent(structuredContent, forKey: .structuredContent)
        if isError { try container.encode(true, forKey: .isError) }
        try container.encodeIfPresent(meta, forKey: .meta)
    }
}

extension ToolResult {
    /// Reads a `T` from a result in JSON: from its structured content, there from the member `result` where `T` is not
    /// an object, and without structured content from its text.
    ///
    /// Throws ``ToolError`` when the tool failed, ``MCPError`` of kind `protocol` when there is no `T` in the result.
    static func value<T: Decodable>(_ type: T.Type, from json: Data, of tool: String) throws -> T {
        if let value = try? JSON.decode(Structured<T>.self, from: json), value.isError != true {
            return value.structuredContent
        }
        let result = try JSON.decodeAnswer(ToolResult.self, from: json, of: "tools/call")
        if result.isError { throw ToolError(result: result) }
        do {
            if let structured = result.structuredContent {
                if let members = structured.objectValue, members.count == 1, let wrapped = members["result"] {
                    return try wrapped.decode(as: type)
                }
                return try structured.decode(as: type)
            }
            if let text = result.text as? T { return text }
            return try JSON.decode(type, from: Data(result.text.utf8))
        } catch {
            throw MCPError(
                kind: .protocol,
                message: "The result of the tool \(tool) is not a \(type): \(JSON.explanation(of: error))")
        }
    }

    /// The way most typed results go: one pass, no tree.
    private struct Structured<T: Decodable>: Decodable {
        let structuredContent: T
        let isError: Bool?
    }
}
