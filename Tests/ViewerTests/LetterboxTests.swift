import TestSupport
import Testing

@testable import Viewer

@Test func aWindowOfThePicturesSizeIsFilled() {
    #expect(
        Letterbox.place(Size(640, 360), in: Size(640, 360)) == Rectangle(x: 0, y: 0, width: 640, height: 360))
}

@Test func aWiderWindowHasBarsOnTheSides() {
    #expect(
        Letterbox.place(Size(640, 360), in: Size(1000, 360))
            == Rectangle(x: 180, y: 0, width: 640, height: 360))
}

@Test func aTallerWindowHasBarsAboveAndBelow() {
    #expect(
        Letterbox.place(Size(640, 360), in: Size(320, 400))
            == Rectangle(x: 0, y: 110, width: 320, height: 180))
}

@Test func aPictureKeepsItsShapeInAnyWindow() {
    var random = SeededGenerator()
    for _ in 0..<2000 {
        let picture = Size(random.scaled(1...65535), random.scaled(1...65535))
        let window = Size(random.scaled(1...8192), random.scaled(1...8192))
        let place = Letterbox.place(picture, in: window)
        #expect(place.x >= 0 && place.y >= 0 && place.width >= 1 && place.height >= 1)
        #expect(place.x + place.width <= window.width && place.y + place.height <= window.height)
        #expect(place.width == window.width || place.height == window.height)
        #expect(abs(window.width - place.width - 2 * place.x) <= 1)
        #expect(abs(window.height - place.height - 2 * place.y) <= 1)
        // The side that is not the window's is right to half a pixel, but for pictures that are a line.
        let height = Double(window.width * picture.height) / Double(picture.width)
        let width = Double(window.height * picture.width) / Double(picture.height)
        #expect(
            (place.width == window.width && abs(max(1, height) - Double(place.height)) <= 0.5)
                || (place.height == window.height && abs(max(1, width) - Double(place.width)) <= 0.5))
    }
}

@Test func aNewWindowHasThePicturesPixels() {
    #expect(Letterbox.windowSize(Size(640, 360), room: Size(1920, 1080)) == Size(640, 360))
}

@Test func aLargePictureIsFittedIntoTheRoom() {
    #expect(Letterbox.windowSize(Size(3840, 2160), room: Size(1280, 1000)) == Size(1280, 720))
}

@Test func aTinyPictureIsMagnifiedByAWholeNumber() {
    #expect(Letterbox.windowSize(Size(20, 10), room: Size(1920, 1080)) == Size(320, 160))
    #expect(Letterbox.windowSize(Size(80, 1000), room: Size(1920, 1080)) == Size(80, 1000))
    #expect(Letterbox.windowSize(Size(20, 10), room: Size(150, 1080)) == Size(140, 70))
}

@Test func aLineHasAWindowToTakeHoldOf() {
    #expect(Letterbox.windowSize(Size(1000, 1), room: Size(1920, 1080)) == Size(1000, 64))
    #expect(Letterbox.windowSize(Size(1, 9000), room: Size(1920, 1080)) == Size(64, 1080))
}
