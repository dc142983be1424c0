// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "conformance",
    platforms: [.macOS(.v15)],
    dependencies: [
        // A link to bindings-ffi/swift: the name of the folder is the name of the package.
        .package(path: "oxmcp")
    ],
    targets: [
        .executableTarget(
            name: "conformance-server",
            dependencies: [.product(name: "Oxmcp", package: "oxmcp")],
            path: ".",
            exclude: ["oxmcp", "Client.swift"],
            sources: ["Server.swift"]
        ),
        .executableTarget(
            name: "conformance-client",
            dependencies: [.product(name: "Oxmcp", package: "oxmcp")],
            path: ".",
            exclude: ["oxmcp", "Server.swift"],
            sources: ["Client.swift"]
        ),
    ]
)
