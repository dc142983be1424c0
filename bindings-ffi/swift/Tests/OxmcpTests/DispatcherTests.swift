import Testing

@testable import Oxmcp

@Suite(.timeLimit(.minutes(10))) struct DispatcherTests {
    @Test func aFaultOfTheLibraryEndsEveryOperation() async {
        let dispatcher = Dispatcher()
        let fault = MCPError(kind: .internal, message: "it broke")
        let (awaited, watched) = (dispatcher.begin(), dispatcher.beginWatched())
        dispatcher.fail(fault)
        await expect(fault, of: awaited, in: dispatcher)
        await expect(fault, of: watched, in: dispatcher)
        // What begins later ends as well.
        await expect(fault, of: dispatcher.begin(), in: dispatcher)
        await expect(fault, of: dispatcher.beginWatched(), in: dispatcher)
        dispatcher.queue.shutDown()
    }

    private func expect(_ fault: MCPError, of id: UInt64, in dispatcher: Dispatcher) async {
        let error = await caught(MCPError.self) { try await dispatcher.outcome(of: id) {} }
        #expect(error == fault)
    }

    private func expect(
        _ fault: MCPError, of watched: (id: UInt64, events: AsyncStream<OperationEvent>), in dispatcher: Dispatcher
    ) async {
        let error = await caught(MCPError.self) {
            try await dispatcher.outcome(of: watched.id, events: watched.events, abandon: {}) { _ in }
        }
        #expect(error == fault)
    }
}
