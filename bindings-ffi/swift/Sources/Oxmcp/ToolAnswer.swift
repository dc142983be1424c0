import Foundation
import OxmcpFFI

/// How a call of a tool is answered.
enum ToolAnswer: Sendable {
    /// A `CallToolResult` in JSON.
    case result(Data)
    case text(String)
    case toolError(String)
    case error(MCPError)

    /// What a handler returned: text, blocks and results as they are, anything else as structured content.
    init(_ value: some Encodable) throws {
        switch value {
        case let text as String: self = .text(text)
        case let result as ToolResult: self = .result(try JSON.encode(result))
        case let block as Content: self = .result(try JSON.encode(ToolResult(content: [block])))
        case let blocks as [Content]: self = .result(try JSON.encode(ToolResult(content: blocks)))
        default: self = .result(Self.structured(try JSON.encode(value)))
        }
    }

    /// What a handler threw.
    init(of error: any Error) {
        switch error {
        case let error as MCPError where error.kind == .rpc:
            self = .error(error)
        case let error as ToolError:
            self = (try? JSON.encode(error.result)).map(ToolAnswer.result) ?? .toolError(error.message)
        case is CancellationError:
            self = .toolError("the tool was cancelled")
        case let error as any LocalizedError:
            self = .toolError(error.errorDescription ?? "\(error)")
        default:
            self = .toolError("\(error)")
        }
    }

    /// A result with `value` as text for the model and as structured content for programs. The latter is an object:
    /// another value goes into one, under the name `result`.
    private static func structured(_ value: Data) -> Data {
        var json = Data("{\"content\":[{\"type\":\"text\",\"text\":".utf8)
        json += JSON.quote(value)
        json += Data("}],\"structuredContent\":".utf8)
        if value.first == UInt8(ascii: "{") {
            json += value
        } else {
            json += Data("{\"result\":".utf8)
            json += value
            json.append(UInt8(ascii: "}"))
        }
        json.append(UInt8(ascii: "}"))
        return json
    }

    /// Sends the answer. Nothing happens when nobody waits for it any more.
    func send(to server: FfiServer, call: UInt64) {
        switch self {
        case .result(let json):
            _ = server.respondResult(call: call, result: json)
        case .text(let text):
            _ = server.respondText(call: call, text: text)
        case .toolError(let text):
            _ = server.respondToolError(call: call, text: text)
        case .error(let error):
            let data = error.data.flatMap { try? JSON.encode($0) }
            _ = server.respondError(call: call, code: Int64(error.code ?? -32603), message: error.message, data: data)
        }
    }
}
