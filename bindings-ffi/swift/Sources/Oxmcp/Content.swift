import Foundation

/// One block of what a tool answers.
///
/// ```swift
/// let blocks: [Content] = [
///     .text("The map you asked for:"),
///     .image(data: png, mimeType: "image/png"),
/// ]
/// if case .text(let block) = blocks[0] {
///     #expect(block.text == "The map you asked for:")
/// }
/// ```
public enum Content: Sendable, Hashable {
    case text(TextContent)
    case image(ImageContent)
    case audio(AudioContent)
    case resource(EmbeddedResource)
    case resourceLink(ResourceLink)
    /// A block of a type that this version does not know, as it came.
    case unknown(JSONValue)
}

extension Content {
    /// A block of text.
    public static func text(_ text: String) -> Content {
        .text(TextContent(text))
    }

    /// A picture.
    public static func image(data: Data, mimeType: String) -> Content {
        .image(ImageContent(data: data, mimeType: mimeType))
    }

    /// A sound.
    public static func audio(data: Data, mimeType: String) -> Content {
        .audio(AudioContent(data: data, mimeType: mimeType))
    }

    /// A resource, within the answer.
    public static func resource(_ contents: ResourceContents) -> Content {
        .resource(EmbeddedResource(contents))
    }
}

extension Content: Codable {
    private enum CodingKeys: String, CodingKey { case type }

    public init(from decoder: any Decoder) throws {
        let type = try decoder.container(keyedBy: CodingKeys.self).decode(String.self, forKey: .type)
        self =
            switch type {
            case "text": .text(try TextContent(from: decoder))
            case "image": .image(try ImageContent(from: decoder))
            case "audio": .audio(try AudioContent(from: decoder))
            case "resource": .resource(try EmbeddedResource(from: decoder))
            case "resource_link": .resourceLink(try ResourceLink(from: decoder))
            default: .unknown(try JSONValue(from: decoder))
            }
    }

    public func encode(to encoder: any Encoder) throws {
        let (type, block): (String, any Encodable) =
            switch self {
            case .text(let block): ("text", block)
            case .image(let block): ("image", block)
            case .audio(let block): ("audio", block)
            case .resource(let block): ("resource", block)
            case .resourceLink(let block): ("resource_link", block)
            case .unknown(let value): ("", value)
            }
        if !type.isEmpty {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(type, forKey: .type)
        }
        try block.encode(to: encoder)
    }
}

/// Text.
public struct TextContent: Sendable, Hashable, Codable {
    public var text: String
    public var annotations: Annotations?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(_ text: String, annotations: Annotations? = nil, meta: [String: JSONValue]? = nil) {
        self.text = text
        self.annotations = annotations
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case text, annotations
        case meta = "_meta"
    }
}

/// A picture.
public struct ImageContent: Sendable, Hashable, Codable {
    /// The file; base64 on the wire.
    public var data: Data
    public var mimeType: String
    public var annotations: Annotations?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(data: Data, mimeType: String, annotations: Annotations? = nil, meta: [String: JSONValue]? = nil) {
        self.data = data
        self.mimeType = mimeType
        self.annotations = annotations
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case data, mimeType, annotations
        case meta = "_meta"
    }
}

/// A sound.
public struct AudioContent: Sendable, Hashable, Codable {
    /// The file; base64 on the wire.
    public var data: Data
    public var mimeType: String
    public var annotations: Annotations?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(data: Data, mimeType: String, annotations: Annotations? = nil, meta: [String: JSONValue]? = nil) {
        self.data = data
        self.mimeType = mimeType
        self.annotations = annotations
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case data, mimeType, annotations
        case meta = "_meta"
    }
}

/// A resource within an answer.
public struct EmbeddedResource: Sendable, Hashable, Codable {
    public var resource: ResourceContents
    public var annotations: Annotations?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(_ resource: ResourceContents, annotations: Annotations? = nil, meta: [String: JSONValue]? = nil) {
        self.resource = resource
        self.annotations = annotations
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case resource, annotations
        case meta = "_meta"
    }
}

/// What a resource holds: text or bytes.
public struct ResourceContents: Sendable, Hashable, Codable {
    public var uri: String
    public var mimeType: String?
    /// The contents of a resource of text.
    public var text: String?
    /// The contents of any other resource; base64 on the wire.
    public var blob: Data?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(uri: String, mimeType: String? = nil, text: String, meta: [String: JSONValue]? = nil) {
        self.uri = uri
        self.mimeType = mimeType
        self.text = text
        self.meta = meta
    }

    public init(uri: String, mimeType: String? = nil, blob: Data, meta: [String: JSONValue]? = nil) {
        self.uri = uri
        self.mimeType = mimeType
        self.blob = blob
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case uri, mimeType, text, blob
        case meta = "_meta"
    }
}

/// Where a resource is that the server offers.
public struct ResourceLink: Sendable, Hashable, Codable {
    public var uri: String
    public var name: String
    /// Its name for people.
    public var title: String?
    public var description: String?
    public var mimeType: String?
    /// In bytes.
    public var size: Int?
    public var icons: [Icon]?
    public var annotations: Annotations?
    /// What does not belong to MCP (`_meta`).
    public var meta: [String: JSONValue]?

    public init(
        uri: String,
        name: String,
        title: String? = nil,
        description: String? = nil,
        mimeType: String? = nil,
        size: Int? = nil,
        icons: [Icon]? = nil,
        annotations: Annotations? = nil,
        meta: [String: JSONValue]? = nil
    ) {
        self.uri = uri
        self.name = name
        self.title = title
        self.description = description
        self.mimeType = mimeType
        self.size = size
        self.icons = icons
        self.annotations = annotations
        self.meta = meta
    }

    private enum CodingKeys: String, CodingKey {
        case uri, name, title, description, mimeType, size, icons, annotations
        case meta = "_meta"
    }
}

/// Hints on who a block is for and how much it matters.
public struct Annotations: Sendable, Hashable, Codable {
    /// `user`, `assistant` or both.
    public var audience: [String]?
    /// From 0, it could be left out, to 1, it must be there.
    public var priority: Double?
    /// When it last changed, as ISO 8601.
    public var lastModified: String?

    public init(audience: [String]? = nil, priority: Double? = nil, lastModified: String? = nil) {
        self.audience = audience
        self.priority = priority
        self.lastModified = lastModified
    }
}
