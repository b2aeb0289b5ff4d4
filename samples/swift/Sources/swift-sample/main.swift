// Sends a procedural picture, or receives frames and says what came.
//
//   swift run swift-sample receive tcp://:3000
//   swift run swift-sample send tcp://127.0.0.1:3000 300
//
// SPDX-License-Identifier: MIT

import Framewire
import Glibc

/// Draws a disc that wanders over a gradient, straight into memory of the sender, 60 times a second.
func send(to url: String, frames: Int) async throws {
    let sender = try Sender(to: url)
    defer { sender.close() }
    var info = FrameInfo(width: 640, height: 360)
    for index in 0..<frames {
        info.pts = Int64(index) * 1_000_000_000 / 60
        let frame = try sender.acquire(info)
        let stride = frame.layout[plane: 0].stride
        frame.withUnsafeMutableBytes { pixels in
            for y in 0..<info.height {
                for x in 0..<info.width {
                    let dx = x - (index * 3) % info.width
                    let dy = y - info.height / 2
                    let isInside = dx * dx + dy * dy < 60 * 60
                    let at = y * stride + x * 4
                    pixels[at] = isInside ? 255 : UInt8(x * 200 / info.width)
                    pixels[at + 1] = isInside ? 160 : UInt8(y * 200 / info.height)
                    pixels[at + 2] = isInside ? 40 : 120
                    pixels[at + 3] = 255
                }
            }
        }
        try sender.submit(frame)
        try await Task.sleep(for: .nanoseconds(1_000_000_000 / 60))
    }
}

/// Prints a line for each second of frames until the sender has gone.
func receive(from url: String) async throws {
    var options = Receiver.Options()
    options.once = true
    let receiver = try Receiver(from: url, options: options)
    defer { receiver.close() }
    var count = 0
    for try await frame in receiver.frames {
        if count % 60 == 0 {
            let checksum = String(try frame.checksum(), radix: 16)
            let size = "\(frame.info.width) x \(frame.info.height)"
            print("frame \(frame.info.sequence): \(size), checksum \(checksum)")
        }
        count += 1
    }
    print("\(count) frames")
}

let arguments = CommandLine.arguments
do {
    switch arguments.dropFirst().first {
    case "send" where arguments.count >= 3:
        try await send(to: arguments[2], frames: arguments.count > 3 ? Int(arguments[3]) ?? 300 : 300)
    case "receive" where arguments.count == 3:
        try await receive(from: arguments[2])
    default:
        print("usage: swift-sample send URL [FRAMES] | swift-sample receive URL")
    }
} catch let error as FramewireError {
    print("swift-sample: \(error.message)")
    exit(1)
}
