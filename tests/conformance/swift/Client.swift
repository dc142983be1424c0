import Foundation
import Oxmcp

/// A client that does what the conformance suite's scenarios ask for: `client URL`, the scenario in the environment.
@main
struct Client {
    static func main() async throws {
        guard let url = CommandLine.arguments.dropFirst().first else { fail("usage: client URL") }
        let environment = ProcessInfo.processInfo.environment
        let scenario = environment["MCP_CONFORMANCE_SCENARIO"] ?? "tools_call"
        let client = try await MCPClient.connect(
            url: url,
            options: ClientOptions(clientInfo: Implementation(name: "oxmcp-swift-conformance", version: "0.1.0")))
        switch scenario {
        case "initialize", "request-metadata", "json-schema-ref-no-deref":
            _ = try await client.listTools()
        case "tools_call":
            try await callEveryTool(of: client)
        default:
            fail("the scenario \(scenario) is not known here")
        }
        await client.close()
    }

    /// Calls each tool with its number arguments set.
    static func callEveryTool(of client: MCPClient) async throws {
        for tool in try await client.listTools() {
            var arguments: [String: JSONValue] = [:]
            for (number, name) in (tool.inputSchema.json["properties"]?.objectValue ?? [:]).keys.sorted().enumerated() {
                arguments[name] = .int(number + 2)
            }
            let result = try await client.callTool(tool.name, arguments: arguments)
            print("\(tool.name): \(result.text)")
            if result.isError { fail("\(tool.name) failed") }
        }
    }

    static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data((message + "\n").utf8))
        exit(1)
    }
}
