import Foundation
import OxmcpFFI
import Synchronization

/// What a server is to the dispatcher: the core's server, and the handlers of its tools.
final class ServerCore: Sendable {
    typealias Handler = @Sendable (_ arguments: Data, _ context: ToolContext) async throws -> ToolAnswer

    let core: FfiServer
    /// Tells the servers of a process apart, in the targets of their tools.
    let key: UInt64
    private let state = Mutex(State())

    private struct State {
        var lastTool: UInt64 = 0
        var handlers: [UInt64: Handler] = [:]
        var targets: [String: UInt64] = [:]
        /// Operations that end when the server is closed.
        var untilClosed: [UInt64] = []
        /// Keeps a server that listens, until it is closed.
        var listening: MCPServer?
    }

    /// A target is the server's key and the number of a tool.
    private static let toolBits: UInt64 = 32

    init(configuration: [String: JSONValue]) throws {
        let text = String(decoding: try JSON.encode(configuration), as: UTF8.self)
        core = try MCPError.from { try FfiServer(config: text, queue: Dispatcher.shared.queue) }
        key = Dispatcher.shared.freshID()
        Dispatcher.shared.add(self, key: key)
    }

    static func key(ofTarget target: UInt64) -> UInt64 { target >> toolBits }
}

// MARK: Tools

extension ServerCore {
    func add(_ tool: Tool, _ handler: @escaping Handler) throws {
        let definition = String(decoding: try JSON.encode(tool), as: UTF8.self)
        let target = state.withLock { state in
            state.lastTool += 1
            let target = key << Self.toolBits | state.lastTool
            // There before the first call can come.
            state.handlers[target] = handler
            return target
        }
        do {
            try core.addTool(definition: definition, target: target)
        } catch {
            state.withLock { state in _ = state.handlers.removeValue(forKey: target) }
            throw MCPError(error)
        }
        state.withLock { state in
            if let replaced = state.targets.updateValue(target, forKey: tool.name) { state.handlers[replaced] = nil }
        }
    }

    func remove(_ name: String) -> Bool {
        let removed = core.removeTool(name: name)
        state.withLock { state in
            if let target = state.targets.removeValue(forKey: name) { state.handlers[target] = nil }
        }
        return removed
    }

    /// Runs the handler of a call, and answers it.
    func answer(call: UInt64, target: UInt64, arguments: Data) async {
        // A tool may be removed while its call is on the way.
        guard let handler = state.withLock({ $0.handlers[target] }) else {
            _ = core.respondError(call: call, code: -32602, message: "the tool was removed", data: nil)
            return
        }
        do {
            try await handler(arguments, ToolContext(core: core, call: call)).send(to: core, call: call)
        } catch {
            ToolAnswer(of: error).send(to: core, call: call)
        }
    }
}

// MARK: Serving

extension ServerCore {
    func serveStdio() async throws {
        let dispatcher = Dispatcher.shared
        let id = try dispatcher.begin(core.serveStdio)
        _ = try await dispatcher.outcome(of: id) { try? self.core.closeServer(id: dispatcher.freshID()) }
    }

    /// Listens, and keeps `server` until it is closed.
    func listenHTTP(configuration: [String: JSONValue], keeping server: MCPServer) async throws -> Data {
        let text = String(decoding: try JSON.encode(configuration), as: UTF8.self)
        let dispatcher = Dispatcher.shared
        let id = try dispatcher.begin { try core.listenHttp(config: text, id: $0) }
        let address = try await dispatcher.outcome(of: id) { try? self.core.closeServer(id: dispatcher.freshID()) }
        state.withLock { $0.listening = server }
        return address
    }

    func waitUntilClosed() async throws {
        let dispatcher = Dispatcher.shared
        let id = dispatcher.begin()
        let isListening = state.withLock { state in
            if state.listening != nil { state.untilClosed.append(id) }
            return state.listening != nil
        }
        if !isListening { return dispatcher.forget(id) }
        _ = try await dispatcher.outcome(of: id) {
            dispatcher.settle(id, .failed(Data(#"{"kind": "Cancelled", "message": "the wait was cancelled"}"#.utf8)))
        }
    }

    func close() async {
        let dispatcher = Dispatcher.shared
        if let id = try? dispatcher.begin(core.closeServer) { _ = try? await dispatcher.outcome(of: id) {} }
        let (waiting, listening) = state.withLock { state in
            defer {
                state.untilClosed = []
                state.listening = nil
                // Handlers may hold the server.
                state.handlers = [:]
                state.targets = [:]
            }
            return (state.untilClosed, state.listening)
        }
        waiting.forEach { dispatcher.settle($0, .completed(Data("{}".utf8))) }
        // Released with no lock held.
        _ = listening
    }
}
