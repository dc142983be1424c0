// swift-tools-version: 6.0
import PackageDescription

// `generate.sh` makes what is in Generated/: the library and the surface that UniFFI writes for it.
let library = Context.packageDirectory + "/Generated/lib"

let package = Package(
    name: "oxmcp",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "Oxmcp", targets: ["Oxmcp"])
    ],
    targets: [
        .target(name: "Oxmcp", dependencies: ["OxmcpFFI"]),
        .target(
            name: "OxmcpFFI",
            dependencies: ["COxmcpFFI"],
            path: "Generated/OxmcpFFI",
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: [
                .linkedLibrary("oxmcp_ffi"),
                .unsafeFlags(["-L\(library)", "-Xlinker", "-rpath", "-Xlinker", library]),
            ]
        ),
        .systemLibrary(name: "COxmcpFFI", path: "Generated/COxmcpFFI"),
        // The server of the tests, in the test process and in a child.
        .target(name: "TestTools", dependencies: ["Oxmcp"], path: "Tests/TestTools"),
        .executableTarget(name: "test-server", dependencies: ["Oxmcp", "TestTools"], path: "Tests/TestServer"),
        .testTarget(name: "OxmcpTests", dependencies: ["Oxmcp", "TestTools", "test-server"]),
    ]
)
