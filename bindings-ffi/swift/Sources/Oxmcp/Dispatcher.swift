import Foundation
import OxmcpFFI
import Synchronization

/// The one place where everything that the core says arrives, and the thread that waits for it.
///
/// The core settles each operation exactly once. An operation is begun here, handed to the core under its id, and then
/// awaited; what the core says in between is kept. The thread lives as long as the process.
final class Dispatcher: Sendable {
    static let shared = Dispatcher()

    /// What clients and servers of the core are opened with.
    let queue = FfiQueue()

    private let state = Mutex(State())

    fileprivate struct State {
        var lastID: UInt64 = 0
        var operations: [UInt64: Operation] = [:]
        var servers: [UInt64: ServerCore] = [:]
        /// Tool calls that run, by the core's id of the call.
        var calls: [UInt64: Task<Void, Never>] = [:]
        /// Why nothing arrives any more, which only a fault of the library does.
        var fault: MCPError?
    }

    /// Where an operation is between its beginning and its end.
    fileprivate enum Operation {
        /// Nobody awaits it yet.
        case begun
        /// It ended before anybody awaited it.
        case settled(Outcome)
        case awaited(CheckedContinuation<Outcome, Never>)
        /// Its progress is wanted too.
        case watched(AsyncStream<OperationEvent>.Continuation)
    }

    /// What is done for an event when the lock is released.
    fileprivate enum Delivery {
        case resume(CheckedContinuation<Outcome, Never>, Outcome)
        case report(AsyncStream<OperationEvent>.Continuation, OperationEvent)
        case cancel(Task<Void, Never>)
    }

    init() {
        let thread = Thread { [self] in
            do {
                while !queue.isShutDown() {
                    deliver(try queue.waitDrain(max: 256, timeoutMs: -1))
                }
            } catch {
                fail(MCPError(error))
            }
        }
        thread.name = "oxmcp"
        thread.start()
    }
}

/// How an operation ended: the JSON of its result or of its error.
enum Outcome: Sendable {
    case completed(Data)
    case failed(Data)
    /// It will never be known how: the library broke.
    case faulted(MCPError)
}

/// What is heard of an operation: any number of reports, then the end.
enum OperationEvent: Sendable {
    case progress(Data)
    case settled(Outcome)
}

// MARK: Operations

extension Dispatcher {
    /// How many progress reports wait for a slow reader; then the oldest are dropped.
    private static let progressBuffer = 1024

    /// An id that no other operation or server has.
    func freshID() -> UInt64 {
        state.withLock { $0.freshID() }
    }

    /// Begins an operation. Await its ``outcome(of:isolation:abandon:)``, or ``forget(_:)`` it when it never starts.
    func begin() -> UInt64 {
        state.withLock { state in
            let id = state.freshID()
            state.operations[id] = state.fault.map { .settled(.faulted($0)) } ?? .begun
            return id
        }
    }

    /// Begins an operation and hands it to the core with `start`.
    func begin(_ start: (_ id: UInt64) throws -> Void) throws -> UInt64 {
        let id = begin()
        do {
            try start(id)
        } catch {
            forget(id)
            throw MCPError(error)
        }
        return id
    }

    /// Begins an operation whose progress is wanted. The stream ends with its end.
    func beginWatched() -> (id: UInt64, events: AsyncStream<OperationEvent>) {
        // The end comes last, so it is never among the oldest.
        let (events, continuation) = AsyncStream.makeStream(
            of: OperationEvent.self, bufferingPolicy: .bufferingNewest(Self.progressBuffer))
        let (id, fault) = state.withLock { state in
            let id = state.freshID()
            state.operations[id] = .watched(continuation)
            return (id, state.fault)
        }
        if let fault { settle(id, .faulted(fault)) }
        return (id, events)
    }

    /// Forgets an operation that did not start.
    func forget(_ id: UInt64) {
        state.withLock { state in _ = state.operations.removeValue(forKey: id) }
    }

    /// Ends an operation that is not the core's.
    func settle(_ id: UInt64, _ outcome: Outcome) {
        let delivery = state.withLock { $0.settle(id, outcome) }
        if let delivery { perform(delivery) }
    }

    /// Waits until the core has settled the operation, and returns its result.
    ///
    /// When the task is cancelled, or was before, `abandon` is called; it must see to it that the operation settles.
    func outcome(
        of id: UInt64,
        isolation: isolated (any Actor)? = #isolation,
        abandon: @Sendable () -> Void
    ) async throws -> Data {
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { $0.await(id, continuation) }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            abandon()
        }
        return try outcome.result()
    }

    /// Waits like ``outcome(of:isolation:abandon:)``, and hands each report to `onProgress` before it returns.
    func outcome(
        of id: UInt64,
        events: AsyncStream<OperationEvent>,
        isolation: isolated (any Actor)? = #isolation,
        abandon: @Sendable () -> Void,
        onProgress: (ProgressUpdate) async -> Void
    ) async throws -> Data {
        try await withTaskCancellationHandler {
            for await event in events {
                switch event {
                case .progress(let json):
                    await onProgress(try JSON.decodeAnswer(ProgressUpdate.self, from: json, of: "tools/call"))
                case .settled(let outcome):
                    return try outcome.result()
                }
            }
            // A cancelled task sees the end of the stream at once.
            throw CancellationError()
        } onCancel: {
            abandon()
        }
    }
}

extension Outcome {
    /// The result, or the error thrown. An operation that ended because its task was cancelled throws
    /// `CancellationError`.
    fileprivate func result() throws -> Data {
        switch self {
        case .completed(let json):
            return json
        case .failed(let json):
            let error = MCPError(json: json)
            if Task.isCancelled, error.kind == .cancelled || error.kind == .closed { throw CancellationError() }
            throw error
        case .faulted(let error):
            throw error
        }
    }
}

// MARK: Servers

extension Dispatcher {
    /// From now on, calls whose target has the key `key` are the server's.
    func add(_ server: ServerCore, key: UInt64) {
        state.withLock { $0.servers[key] = server }
    }

    func removeServer(key: UInt64) {
        state.withLock { state in _ = state.servers.removeValue(forKey: key) }
    }
}

// MARK: Delivery

extension Dispatcher {
    private func deliver(_ events: [FfiEvent]) {
        let deliveries = state.withLock { state in
            events.compactMap { event -> Delivery? in
                switch event.kind {
                case .completed:
                    return state.settle(event.id, .completed(event.json))
                case .failed:
                    return state.settle(event.id, .failed(event.json))
                case .progress:
                    guard case .watched(let continuation) = state.operations[event.id] else { return nil }
                    return .report(continuation, .progress(event.json))
                case .toolCall:
                    start(event, &state)
                    return nil
                case .callCancelled:
                    return state.calls[event.id].map(Delivery.cancel)
                }
            }
        }
        deliveries.forEach(perform)
    }

    /// Ends every operation, and every later one, for nothing more is heard of them.
    func fail(_ error: MCPError) {
        let deliveries = state.withLock { state in
            state.fault = error
            return Array(state.operations.keys).compactMap { state.settle($0, .faulted(error)) }
        }
        deliveries.forEach(perform)
    }

    /// Starts a tool's handler, in a task of its own that removes itself; under the lock, so not before it is there.
    private func start(_ event: FfiEvent, _ state: inout State) {
        guard let server = state.servers[ServerCore.key(ofTarget: event.target)] else { return }
        state.calls[event.id] = Task {
            await server.answer(call: event.id, target: event.target, arguments: event.json)
            self.state.withLock { state in _ = state.calls.removeValue(forKey: event.id) }
        }
    }

    private func perform(_ delivery: Delivery) {
        switch delivery {
        case .resume(let continuation, let outcome):
            continuation.resume(returning: outcome)
        case .report(let continuation, let event):
            continuation.yield(event)
            if case .settled = event { continuation.finish() }
        case .cancel(let task):
            task.cancel()
        }
    }
}

extension Dispatcher.State {
    fileprivate mutating func freshID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// The outcome when the operation has ended; else the continuation waits for it.
    fileprivate mutating func await(_ id: UInt64, _ continuation: CheckedContinuation<Outcome, Never>) -> Outcome? {
        if case .settled(let outcome) = operations[id] {
            operations[id] = nil
            return outcome
        }
        operations[id] = .awaited(continuation)
        return nil
    }

    /// Notes the end of an operation; what nobody waits for is dropped.
    fileprivate mutating func settle(_ id: UInt64, _ outcome: Outcome) -> Dispatcher.Delivery? {
        switch operations.removeValue(forKey: id) {
        case .begun:
            operations[id] = .settled(outcome)
            return nil
        case .awaited(let continuation):
            return .resume(continuation, outcome)
        case .watched(let continuation):
            return .report(continuation, .settled(outcome))
        case .settled, nil:
            return nil
        }
    }
}
