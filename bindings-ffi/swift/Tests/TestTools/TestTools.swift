import Foundation
import Oxmcp
import Synchronization

/// A server with a tool for everything that the tests look at.
public func makeTestServer(pageSize: Int? = nil, maxMessageBytes: Int? = nil) throws -> MCPServer {
    let server = MCPServer(
        name: "test-server",
        version: "1.2.3",
        title: "Test server",
        instructions: "Call its tools.",
        pageSize: pageSize,
        maxMessageBytes: maxMessageBytes)
    try addResults(to: server)
    try addFailures(to: server)
    try addLongCalls(to: server)
    return server
}

public struct Args: Codable, Sendable, Equatable {
    public var a: Int
    public var b: Int

    public init(a: Int, b: Int) {
        self.a = a
        self.b = b
    }
}

public struct Sum: Codable, Sendable, Equatable {
    public var value: Int

    public init(value: Int) { self.value = value }
}

public struct Text: Codable, Sendable {
    public var text: String

    public init(text: String) { self.text = text }
}

public struct Steps: Codable, Sendable {
    public var steps: Int
    public var pauseMilliseconds: Int?

    public init(steps: Int, pauseMilliseconds: Int? = nil) {
        self.steps = steps
        self.pauseMilliseconds = pauseMilliseconds
    }
}

/// How many calls of `wait` a server has seen begin, and how many of them be cancelled.
public struct Waits: Codable, Sendable, Equatable {
    public var begun = 0
    public var cancelled = 0
}

public struct Meeting: Codable, Sendable {
    public var people: Int

    public init(of people: Int) { self.people = people }
}

/// What the calls of one server tell each other.
private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

/// One red pixel.
public let png = Data(
    base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==")
    ?? Data()

private func addResults(to server: MCPServer) throws {
    try server.tool(
        "add", "Add two numbers", schema: .object(["a": .integer("One"), "b": .integer("The other")]),
        annotations: ToolAnnotations(readOnlyHint: true, idempotentHint: true)
    ) { (args: Args) in
        Sum(value: args.a + args.b)
    }
    try server.tool("count", "A number") { 42 }
    try server.tool("list", "Some words") { ["one", "two \"quoted\"\n"] }
    try server.tool("echo", "The same text") { (text: Text) in text.text }
    try server.tool("nothing", "No result") { (_: NoArguments) in }
    try server.tool("blocks", "Blocks of every type") {
        [
            Content.text("Text"),
            .image(data: png, mimeType: "image/png"),
            .audio(data: Data([1, 2, 3]), mimeType: "audio/wav"),
            .resource(ResourceContents(uri: "test://text", mimeType: "text/plain", text: "inside")),
            .resource(ResourceContents(uri: "test://bytes", blob: Data([0, 255]))),
            .resourceLink(ResourceLink(uri: "test://elsewhere", name: "elsewhere")),
        ]
    }
    try server.tool("request", "What the server knows of the call") { (_: NoArguments, context) in
        let request = try context.request
        return [
            "client": request.clientInfo?.name ?? "-",
            "revision": request.protocolVersion,
            "progress": "\(request.wantsProgress)",
        ]
    }
}

private func addFailures(to server: MCPServer) throws {
    struct Broken: Error {}
    try server.tool("fail", "Fails as a tool") { (_: NoArguments) -> String in throw ToolError("it is raining") }
    try server.tool("throw", "Throws something else") { (_: NoArguments) -> String in throw Broken() }
    try server.tool("refuse", "Fails the request") { (_: NoArguments) -> String in
        throw MCPError(code: -32001, message: "not today", data: ["until": "tomorrow"])
    }
    try server.tool("unwritable", "Returns what JSON cannot hold") { Double.infinity }
}

private func addLongCalls(to server: MCPServer) throws {
    try server.tool("steps", "Reports progress") { (arguments: Steps, context) in
        for step in 1...max(1, arguments.steps) {
            try await Task.sleep(for: .milliseconds(arguments.pauseMilliseconds ?? 0))
            context.progress(Double(step), total: Double(arguments.steps), message: "step \(step)")
        }
        return "\(arguments.steps) steps"
    }
    let waits = Shared(Waits())
    try server.tool("wait", "Waits until it is cancelled") { (_: NoArguments) -> String in
        waits.value.withLock { $0.begun += 1 }
        do {
            try await Task.sleep(for: .seconds(600))
        } catch {
            waits.value.withLock { $0.cancelled += 1 }
            throw error
        }
        return "waited"
    }
    try server.tool("waits", "What has become of the calls of wait") { waits.value.withLock { $0 } }
    let arrived = Shared(0)
    try server.tool("meet", "Waits until as many calls of it as people are there at once") { (meeting: Meeting) in
        arrived.value.withLock { $0 += 1 }
        while arrived.value.withLock({ $0 }) < meeting.people { try await Task.sleep(for: .milliseconds(5)) }
    }
}
