/// The tools of a server, in its order; each page is fetched when it is reached. Made by ``MCPClient/tools()``.
public struct ToolSequence: AsyncSequence, Sendable {
    public typealias Element = Tool

    let client: MCPClient

    public func makeAsyncIterator() -> Iterator {
        Iterator(client: client)
    }

    public struct Iterator: AsyncIteratorProtocol {
        private let client: MCPClient
        private var page: ArraySlice<Tool> = []
        private var cursor: String?
        private var isLast = false

        fileprivate init(client: MCPClient) {
            self.client = client
        }

        public mutating func next() async throws -> Tool? {
            while page.isEmpty, !isLast {
                let next = try await client.toolsPage(after: cursor)
                page = next.tools[...]
                cursor = next.nextCursor
                isLast = cursor == nil
            }
            return page.popFirst()
        }
    }
}

/// A page of `tools/list`, or all of it.
struct ToolsPage: Decodable, Sendable {
    let tools: [Tool]
    let nextCursor: String?
}
