import Foundation

// What a handler takes and gives, in three arities, each with a result or without.

extension MCPServer {
    /// Adds a tool, or replaces the one of that name.
    ///
    /// ```swift
    /// try server.tool("add", "Add two numbers") { (args: Args) in args.a + args.b }
    /// ```
    ///
    /// What the handler returns becomes the result:
    ///
    /// * a `String` one text block, `Void` none;
    /// * a ``Content``, an array of them or a ``ToolResult`` as it is;
    /// * any other `Encodable` value structured content, and the same as JSON text. What is not a JSON object goes into
    ///   one: `{"result": 3}`.
    ///
    /// What it throws becomes a result with `isError` that the model sees, see ``ToolError``; throw
    /// ``MCPError/init(code:message:data:)`` to fail the request instead.
    ///
    /// - Parameters:
    ///   - description: what it does, for the model.
    ///   - title: its name for people.
    ///   - schema: what its arguments look like. Arguments that break it never reach the handler. When nil it is worked
    ///     out from the type of the arguments, see ``JSONSchema/init(for:)``.
    ///   - outputSchema: what the structured content looks like, when the tool promises a form.
    /// - Throws: ``MCPError`` of kind `misuse` when this makes no tool.
    public func tool<Arguments: Decodable & Sendable>(
        _ name: String,
        _ description: String? = nil,
        title: String? = nil,
        schema: JSONSchema? = nil,
        outputSchema: JSONSchema? = nil,
        annotations: ToolAnnotations? = nil,
        handler: @escaping @Sendable (Arguments, ToolContext) async throws -> some Encodable
    ) throws {
        let tool = Tool(
            name: name,
            title: title,
            description: description,
            inputSchema: try schema ?? JSONSchema(for: Arguments.self),
            outputSchema: outputSchema,
            annotations: annotations)
        try self.tool(tool, handler: handler)
    }

    /// Adds a tool whose handler needs nothing but the arguments.
    public func tool<Arguments: Decodable & Sendable>(
        _ name: String,
        _ description: String? = nil,
        title: String? = nil,
        schema: JSONSchema? = nil,
        outputSchema: JSONSchema? = nil,
        annotations: ToolAnnotations? = nil,
        handler: @escaping @Sendable (Arguments) async throws -> some Encodable
    ) throws {
        try tool(
            name, description, title: title, schema: schema, outputSchema: outputSchema, annotations: annotations
        ) { (arguments: Arguments, _) in
            try await handler(arguments)
        }
    }

    /// Adds a tool without arguments.
    ///
    /// ```swift
    /// try server.tool("motto", "What to live by") { "Carpe diem" }
    /// ```
    public func tool(
        _ name: String,
        _ description: String? = nil,
        title: String? = nil,
        outputSchema: JSONSchema? = nil,
        annotations: ToolAnnotations? = nil,
        handler: @escaping @Sendable () async throws -> some Encodable
    ) throws {
        try tool(name, description, title: title, outputSchema: outputSchema, annotations: annotations) {
            (_: NoArguments, _) in
            try await handler()
        }
    }

    /// Adds a tool with all that can be said of one.
    public func tool<Arguments: Decodable & Sendable>(
        _ tool: Tool,
        handler: @escaping @Sendable (Arguments, ToolContext) async throws -> some Encodable
    ) throws {
        try add(tool) { [name = tool.name] json, context in
            try ToolAnswer(await handler(Self.read(Arguments.self, from: json, of: name), context))
        }
    }

    /// Removes a tool; false when there is none of that name.
    @discardableResult
    public func removeTool(_ name: String) throws -> Bool {
        try remove(name)
    }

    private static func read<Arguments: Decodable>(
        _ type: Arguments.Type,
        from json: Data,
        of tool: String
    ) throws -> Arguments {
        do {
            return try JSON.decode(type, from: json)
        } catch {
            throw ToolError("The arguments of the tool \(tool) are not as it needs them: \(JSON.explanation(of: error))")
        }
    }
}

// MARK: Handlers without a result

extension MCPServer {
    /// Adds a tool that answers nothing but that it is done.
    public func tool<Arguments: Decodable & Sendable>(
        _ name: String,
        _ description: String? = nil,
        title: String? = nil,
        schema: JSONSchema? = nil,
        annotations: ToolAnnotations? = nil,
        handler: @escaping @Sendable (Arguments, ToolContext) async throws -> Void
    ) throws {
        try tool(name, description, title: title, schema: schema, annotations: annotations) {
            (arguments: Arguments, context) in
            try await handler(arguments, context)
            return ToolResult()
        }
    }

    /// Adds a tool that answers nothing but that it is done, whose handler needs nothing but the arguments.
    public func tool<Arguments: Decodable & Sendable>(
        _ name: String,
        _ description: String? = nil,
        title: String? = nil,
        schema: JSONSchema? = nil,
        annotations: ToolAnnotations? = nil,
        handler: @escaping @Sendable (Arguments) async throws -> Void
    ) throws {
        try tool(name, description, title: title, schema: schema, annotations: annotations) {
            (arguments: Arguments, _) in
            try await handler(arguments)
            return ToolResult()
        }
    }

    /// Adds a tool without arguments that answers nothing but that it is done.
    public func tool(
        _ name: String,
        _ description: String? = nil,
        title: String? = nil,
        annotations: ToolAnnotations? = nil,
        handler: @escaping @Sendable () async throws -> Void
    ) throws {
        try tool(name, description, title: title, annotations: annotations) { (_: NoArguments, _) in
            try await handler()
            return ToolResult()
        }
    }
}

/// The arguments of a tool that takes none.
public struct NoArguments: Codable, Sendable, Hashable {
    public init() {}
}
