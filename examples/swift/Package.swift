// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        // A link to bindings-ffi/swift: the name of the folder is the name of the package.
        .package(path: "oxmcp")
    ],
    targets: [
        .executableTarget(
            name: "text-facts-server",
            dependencies: [.product(name: "Oxmcp", package: "oxmcp")],
            path: ".",
            exclude: ["oxmcp", "Client.swift", "server", "client"],
            sources: ["Server.swift"]
        ),
        .executableTarget(
            name: "call-tool-client",
            dependencies: [.product(name: "Oxmcp", package: "oxmcp")],
            path: ".",
            exclude: ["oxmcp", "Server.swift", "server", "client"],
            sources: ["Client.swift"]
        ),
    ]
)
