import Foundation

/// A tool ran and failed, in a way that the model should see.
///
/// Throw it in a handler to say so; the call is then answered with a result that has `isError`. Any other error that a
/// handler throws, but an ``MCPError`` of kind `rpc`, does the same with its description.
///
/// ```swift
/// try server.tool("divide", "Divide", schema: .object(["by": .integer()])) { (arguments: [String: Int]) in
///     guard let by = arguments["by"], by != 0 else { throw ToolError("cannot divide by zero") }
///     return 100 / by
/// }
/// ```
///
/// On the client's side only the typed `callTool` throws it, for there is no value to return then; the plain
/// one returns such a result.
public struct ToolError: Error, Sendable, Hashable {
    /// What the tool answered; ``ToolResult/isError`` is true.
    public let result: ToolResult

    /// A failure told in one text block.
    public init(_ message: String) {
        self.init(result: .error(message))
    }

    /// A failure told in any blocks.
    public init(result: ToolResult) {
        var result = result
        result.isError = true
        self.result = result
    }

    /// The text of the result.
    public var message: String { result.text.isEmpty ? "the tool failed without saying why" : result.text }
}

extension ToolError: CustomStringConvertible, LocalizedError {
    public var description: String { message }
    public var errorDescription: String? { message }
}
