import Buffers
import Framewire
import PictureFiles

/// Writes pictures as they were sent.
final class ScreenshotWriter {
    private let final: PictureOutput?
    private let encoder = PNGEncoder()
    private var number = 1

    /// - Parameter final: The name of the picture that ``finish(_:)`` writes, if there is to be one.
    init(final: String?) throws(PictureError) {
        self.final = try final.map { name throws(PictureError) in
            try PictureOutput(name, format: nil, isSinglePicture: true)
        }
    }

    /// Writes `framewire-NNNN.png`, with the first number that is free in the current folder, and says so.
    ///
    /// Formats whose values a PNG file cannot hold are written as they are shown.
    func write(_ frame: Frame) throws(PictureError) -> String {
        while InputFile.exists(name) { number += 1 }
        let isWhole = try frame.withUnsafeBytes { bytes throws(PictureError) in
            let view = try PictureView(frame.info, bytes)
            if PNGEncoder.canHold(frame.info.format) {
                try save(view)
                return true
            }
            try ScreenColor.picture(view).withView { view throws(PictureError) in try save(view) }
            return false
        }
        return "wrote \(name)"
            + (isWhole ? "" : ", as shown: a PNG file cannot hold \(frame.info.format.name) pixels")
    }

    /// Writes the last picture.
    func finish(_ frame: Frame) throws(PictureError) {
        guard let final else { return }
        try frame.withUnsafeBytes { bytes throws(PictureError) in
            try final.write(try PictureView(frame.info, bytes))
        }
        try final.finish()
    }

    private var name: String {
        let digits = String(number)
        return "framewire-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".png"
    }

    private func save(_ view: PictureView) throws(PictureError) {
        try encoder.encode(view) { bytes throws(PictureError) in try OutputFile.replace(name, bytes) }
    }
}
