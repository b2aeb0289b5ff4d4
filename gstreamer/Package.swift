// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the library never sees GStreamer's headers. `make gstreamer` in the folder above builds it.
let package = Package(
    name: "framewire-gstreamer",
    products: [
        // GStreamer derives the name of the plugin's entry point from the name of the file, libgstframewire.so.
        .library(name: "gstframewire", type: .dynamic, targets: ["gstframewire"])
    ],
    dependencies: [.package(name: "Framewire", path: "..")],
    targets: [
        .systemLibrary(
            name: "CGStreamer", pkgConfig: "gstreamer-video-1.0",
            providers: [.apt(["libgstreamer-plugins-base1.0-dev"])]),
        .target(
            name: "gstframewire",
            dependencies: ["CGStreamer", .product(name: "Framewire", package: "Framewire")]
        ),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
}
