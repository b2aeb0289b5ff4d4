/// A rectangle of pixels.
package struct Rectangle: Equatable, Sendable {
    package var x: Int
    package var y: Int
    package var width: Int
    package var height: Int

    package init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

/// A width and a height in pixels, 1 or more.
package struct Size: Equatable, Sendable {
    package var width: Int
    package var height: Int

    package init(_ width: Int, _ height: Int) {
        self.width = width
        self.height = height
    }
}

/// Where a picture goes in a window of another shape, and how large a window for a picture is.
package enum Letterbox {
    /// The largest rectangle of the picture's shape, in the middle of the window.
    package static func place(_ picture: Size, in window: Size) -> Rectangle {
        let isNarrower = window.width * picture.height <= window.height * picture.width
        let size =
            isNarrower
            ? Size(window.width, rounded(window.width * picture.height, by: picture.width))
            : Size(rounded(window.height * picture.width, by: picture.height), window.height)
        return Rectangle(
            x: (window.width - size.width) / 2, y: (window.height - size.height) / 2, width: size.width,
            height: size.height)
    }

    /// The size of a new window: the picture's own, with each pixel one of the screen's, or as much smaller as it takes to fit into
    /// `room`. A tiny picture is magnified by a whole number, and a line gets a window that can be taken hold of.
    package static func windowSize(_ picture: Size, room: Size) -> Size {
        let size = fittedSize(picture, room)
        return Size(max(size.width, shortestSide), max(size.height, shortestSide))
    }

    private static func fittedSize(_ picture: Size, _ room: Size) -> Size {
        guard picture.width <= room.width, picture.height <= room.height else {
            let fitted = place(picture, in: room)
            return Size(fitted.width, fitted.height)
        }
        let wanted = max(1, smallestWindow / max(picture.width, picture.height))
        let factor = max(1, min(wanted, room.width / picture.width, room.height / picture.height))
        return Size(picture.width * factor, picture.height * factor)
    }

    /// The longer side of a window below which pictures are magnified.
    private static let smallestWindow = 320
    private static let shortestSide = 64

    private static func rounded(_ product: Int, by divisor: Int) -> Int {
        max(1, (product + divisor / 2) / divisor)
    }
}
