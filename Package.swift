// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "Framewire",
    products: [
        // What a Swift program imports.
        .library(name: "Framewire", targets: ["Framewire"]),
        // libframewire.so, the C interface. The Makefile builds it as Embedded Swift.
        .library(name: "framewire", type: .dynamic, targets: ["FramewireC"]),
        // libframewire-capture.so, which `framewire capture` preloads.
        .library(name: "framewire-capture", type: .dynamic, targets: ["Capture"]),
        // Installed as `framewire`; product names are unique, and the library has that one.
        .executable(name: "framewire-cli", targets: ["framewire-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        .systemLibrary(name: "CFramewire", path: "include"),
        .systemLibrary(name: "CPosix"),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        // Used from its header alone. Without `pkgConfig` nothing links libxxhash.
        .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
        // Used from its headers alone: the functions are looked up when TLS is first used.
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        // Types and constants of OpenGL; its functions are looked up by the renderer's loader.
        .systemLibrary(name: "COpenGL"),
        // Shuffles of vectors; a header and nothing to link.
        .systemLibrary(name: "CVectors"),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        // Used from its headers alone: the functions are looked up when a window is opened.
        .systemLibrary(name: "CSDL", providers: [.apt(["libsdl2-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        // liblz4's own frame functions, to hold ours against.
        .systemLibrary(name: "CLZ4Frame", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

        .target(name: "Buffers", dependencies: ["CPosix"]),
        .target(name: "Codec", dependencies: ["Buffers", "CLZ4", "CXXHash", "CVectors", "CPosix"]),
        .target(name: "Wire", dependencies: ["Buffers", "CXXHash", "CPosix"]),
        .target(name: "Transport", dependencies: ["Buffers", "CPosix", "COpenSSL"]),
        .target(name: "RTP", dependencies: ["Buffers", "Transport", "CPosix"]),
        .target(
            name: "Framewire",
            dependencies: ["Buffers", "Codec", "Wire", "Transport", "RTP", "COpenGL", "CPosix"]),
        .target(
            name: "FramewireC",
            dependencies: [
                "Framewire", "Buffers", "Codec", "Wire", "Transport", "RTP", "CFramewire", "CPosix",
            ]),
        // What the library that is preloaded cannot say in Swift.
        .target(name: "CCapture"),
        .target(name: "Capture", dependencies: ["Framewire", "Buffers", "Codec", "CCapture", "CPosix"]),
        // Keys and certificates for the command and the tests.
        .target(name: "Identities", dependencies: ["COpenSSL", "CPosix"]),
        .target(name: "PictureFiles", dependencies: ["Buffers", "CPNG", "CPosix", "CZstd"]),
        // The window of `framewire view`.
        .target(name: "Viewer", dependencies: ["Buffers", "PictureFiles", "CSDL", "CPosix"]),
        .executableTarget(
            name: "framewire-cli",
            dependencies: [
                "Framewire", "PictureFiles", "Viewer", "Identities", "Buffers", "Codec", "CLZ4Frame",
                "CPosix",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        .testTarget(name: "BuffersTests", dependencies: ["Buffers", "TestSupport"]),
        .testTarget(
            name: "CodecTests", dependencies: ["Codec", "TestSupport", "Fuzzing", "CLZ4Frame"],
            resources: [.copy("Vectors"), .copy("Corpus")]),
        .testTarget(
            name: "WireTests", dependencies: ["Wire", "TestSupport"], resources: [.copy("Vectors")]),
        .testTarget(name: "TransportTests", dependencies: ["Transport", "Identities", "TestSupport"]),
        .testTarget(
            name: "RTPTests",
            dependencies: ["RTP", "Transport", "Buffers", "TestSupport", "Fuzzing", "CPosix"],
            resources: [.copy("Corpus")]),
        .testTarget(
            name: "FramewireTests", dependencies: ["Framewire", "Identities", "TestSupport", "Fuzzing"],
            resources: [.copy("Corpus")]),
        .testTarget(
            name: "ReadbackTests", dependencies: ["Framewire", "Buffers", "CEGL"],
            linkerSettings: [.linkedLibrary("EGL"), .linkedLibrary("GL")]),
        // For OpenGL contexts without a display; the library itself links neither.
        .systemLibrary(
            name: "CEGL", path: "Tests/CEGL", pkgConfig: "egl",
            providers: [.apt(["libegl-dev", "libgl-dev"])]),
        .testTarget(name: "PictureFilesTests", dependencies: ["PictureFiles", "CZstd", "TestSupport"]),
        .testTarget(name: "ViewerTests", dependencies: ["Viewer", "PictureFiles", "TestSupport"]),
        // Pictures, random numbers and folders for the tests.
        .target(name: "TestSupport", dependencies: ["Buffers", "CPosix"], path: "Tests/TestSupport"),
        // What scripts/fuzz.sh feeds to the decoders, so that the tests can replay it.
        .target(
            name: "Fuzzing",
            dependencies: ["Framewire", "Wire", "Codec", "RTP", "Buffers", "CXXHash", "CPosix"],
            path: "Tests/Fuzz",
            exclude: ["Entry"]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
}
