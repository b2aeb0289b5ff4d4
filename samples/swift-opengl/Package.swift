// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "swift-opengl",
    // Outside this repository: .package(url: "<where you got Framewire>", from: "0.1.0")
    dependencies: [.package(name: "Framewire", path: "../..")],
    targets: [
        .systemLibrary(name: "CEGL", pkgConfig: "egl gl", providers: [.apt(["libegl-dev", "libgl-dev"])]),
        .executableTarget(
            name: "swift-opengl",
            dependencies: ["CEGL", .product(name: "Framewire", package: "Framewire")],
            linkerSettings: [.linkedLibrary("EGL"), .linkedLibrary("GL")]),
    ]
)
