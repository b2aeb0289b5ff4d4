// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "swift-sample",
    // Outside this repository: .package(url: "<where you got Framewire>", from: "0.1.0")
    dependencies: [.package(name: "Framewire", path: "../..")],
    targets: [
        .executableTarget(
            name: "swift-sample",
            dependencies: [.product(name: "Framewire", package: "Framewire")])
    ]
)
