import Foundation
import Oxmcp

/// Calls a tool of any server: `client TOOL ARGUMENTS TARGET...`, where the target is a URL or a command.
@main
struct Client {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count >= 3 else { fail("usage: client TOOL ARGUMENTS URL|COMMAND...", code: 2) }
        do {
            let client = try await connect(words[2], Array(words[3...]))
            let result = try await call(client, tool: words[0], arguments: words[1])
            await client.close()
            if result.isError { fail("error: \(result.text)") }
            print(result.text)
        } catch {
            fail("error: \(error)")
        }
    }

    static func connect(_ target: String, _ rest: [String]) async throws -> MCPClient {
        if target.hasPrefix("http://") || target.hasPrefix("https://") {
            return try await MCPClient.connect(url: target)
        }
        return try await MCPClient.connect(command: target, arguments: rest)
    }

    static func call(_ client: MCPClient, tool: String, arguments: String) async throws -> ToolResult {
        let server = client.serverInfo
        print("server: \(server.name) \(server.version), revision \(client.protocolVersion)")
        print("tools: \(try await client.listTools().map(\.name).joined(separator: ", "))")
        let arguments = try JSONDecoder().decode([String: JSONValue].self, from: Data(arguments.utf8))
        return try await client.callTool(tool, arguments: arguments) { update in
            let total = update.total.map(plain) ?? "?"
            print("progress: \(plain(update.progress))/\(total) \(update.message ?? "")")
        }
    }

    /// The number, without a fraction where it is whole.
    static func plain(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? String(number)
    }

    static func fail(_ message: String, code: Int32 = 1) -> Never {
        FileHandle.standardError.write(Data((message + "\n").utf8))
        exit(code)
    }
}
