/// How a client connects and waits. What is nil is the core's default.
public struct ClientOptions: Sendable {
    /// What the server is told of this program.
    public var clientInfo: Implementation?
    /// One revision to speak, for example `2025-11-25`, instead of negotiating.
    public var protocolVersion: String?
    /// The longest silence: an operation fails when neither its answer nor progress has come for this long. One minute
    /// by default.
    public var timeout: Duration?
    /// The longest an operation may take in all. One hour by default.
    public var maxTimeout: Duration?
    /// The longest that connecting may take. Half a minute by default.
    public var connectTimeout: Duration?
    /// The largest message that is taken from the server, in bytes. 16 MiB by default.
    public var maxMessageBytes: Int?

    public init(
        clientInfo: Implementation? = nil,
        protocolVersion: String? = nil,
        timeout: Duration? = nil,
        maxTimeout: Duration? = nil,
        connectTimeout: Duration? = nil,
        maxMessageBytes: Int? = nil
    ) {
        self.clientInfo = clientInfo
        self.protocolVersion = protocolVersion
        self.timeout = timeout
        self.maxTimeout = maxTimeout
        self.connectTimeout = connectTimeout
        self.maxMessageBytes = maxMessageBytes
    }

    /// The options as the core reads them.
    func configuration() throws -> [String: JSONValue] {
        let options: [String: JSONValue?] = [
            "clientInfo": try clientInfo.map(JSONValue.init(encoding:)),
            "protocolVersion": protocolVersion.map(JSONValue.string),
            "timeoutMs": try timeout?.milliseconds("timeout"),
            "maxTimeoutMs": try maxTimeout?.milliseconds("maxTimeout"),
            "connectTimeoutMs": try connectTimeout?.milliseconds("connectTimeout"),
            "maxMessageBytes": maxMessageBytes.map(JSONValue.int),
        ]
        return options.compactMapValues { $0 }
    }
}

extension Duration {
    /// Whole milliseconds, at least one.
    func milliseconds(_ name: String) throws -> Int64 {
        guard self > .zero else {
            throw MCPError(kind: .misuse, message: "\(name) is \(self), but must be longer than nothing")
        }
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? .max : max(1, whole + attoseconds / 1_000_000_000_000_000)
    }

    fileprivate func milliseconds(_ name: String) throws -> JSONValue {
        .int(Int(try milliseconds(name)))
    }
}
