/// What a client or a server says of itself.
public struct Implementation: Sendable, Hashable, Codable {
    /// Its name for programs.
    public var name: String
    public var version: String
    /// Its name for people.
    public var title: String?
    public var description: String?
    public var websiteUrl: String?
    public var icons: [Icon]?

    public init(
        name: String,
        version: String,
        title: String? = nil,
        description: String? = nil,
        websiteUrl: String? = nil,
        icons: [Icon]? = nil
    ) {
        self.name = name
        self.version = version
        self.title = title
        self.description = description
        self.websiteUrl = websiteUrl
        self.icons = icons
    }
}

/// A picture for user interfaces.
public struct Icon: Sendable, Hashable, Codable {
    /// An `https:` or `data:` URL.
    public var src: String
    public var mimeType: String?
    /// The sizes it is for: `48x48`, or `any` for one that scales.
    public var sizes: [String]?
    /// `light` or `dark`: the background it is for.
    public var theme: String?

    public init(src: String, mimeType: String? = nil, sizes: [String]? = nil, theme: String? = nil) {
        self.src = src
        self.mimeType = mimeType
        self.sizes = sizes
        self.theme = theme
    }
}
