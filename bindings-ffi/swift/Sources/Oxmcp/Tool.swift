/// A tool as a server lists it.
public struct Tool: Sendable, Hashable, Codable {
    public var name: String
    /// Its name for people.
    public var title: String?
    /// What it does, for the model.
    public var description: String?
    /// What its arguments look like.
    public var inputSchema: JSONSchema
    /// What ``ToolResult/structuredContent`` looks like, when the tool promises a form.
    public var outputSchema: JSONSchema?
    public var annotations: ToolAnnotations?
    public var icons: [Icon]?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(
        name: String,
        title: String? = nil,
        description: String? = nil,
        inputSchema: JSONSchema,
        outputSchema: JSONSchema? = nil,
        annotations: ToolAnnotations? = nil,
        icons: [Icon]? = nil,
        meta: [String: JSONValue]? = nil
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.annotations = annotations
        self.icons = icons
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case name, title, description, inputSchema, outputSchema, annotations, icons
        case meta = "_meta"
    }
}

/// Hints on what a tool does to the world. They are claims of the server: do not rely on those of a server that you do
/// not trust.
public struct ToolAnnotations: Sendable, Hashable, Codable {
    /// The tool's name for people.
    public var title: String?
    /// It changes nothing.
    public var readOnlyHint: Bool?
    /// It may destroy something, rather than only add.
    public var destructiveHint: Bool?
    /// Calling it twice with the same arguments does no more than calling it once.
    public var idempotentHint: Bool?
    /// It reaches things outside its own domain, the web for example.
    public var openWorldHint: Bool?

    public init(
        title: String? = nil,
        readOnlyHint: Bool? = nil,
        destructiveHint: Bool? = nil,
        idempotentHint: Bool? = nil,
        openWorldHint: Bool? = nil
    ) {
        self.title = title
        self.readOnlyHint = readOnlyHint
        self.destructiveHint = destructiveHint
        self.idempotentHint = idempotentHint
        self.openWorldHint = openWorldHint
    }
}
