import Buffers
import CPosix
import CSDL
import PictureFiles

/// A key that means something to the viewer.
package enum ViewerKey: Sendable {
    case overlay, screenshot, fullScreen, pause, nextStream, quit
}

/// What has happened to a window.
package enum WindowEvent: Sendable {
    case key(ViewerKey)
    /// The user has closed it.
    case closed
    /// What is in it, or its size, has gone.
    case needsDrawing
    /// ``PictureWindow/wake()`` was called.
    case woken
}

/// A window that shows one picture, as large as fits, with panels of text over it. One thread, but for ``wake()``.
package final class PictureWindow: @unchecked Sendable {
    // Unchecked: `wake` uses what never changes alone.
    private let sdl: UnsafePointer<fws_functions>
    private let wakeEvent: UInt32
    private let window: OpaquePointer
    private let renderer: OpaquePointer
    /// The largest texture; 0 is any.
    private let maximumSize: Size

    private var isClosed = false
    private var picture: (texture: OpaquePointer, size: Size, format: TextureFormat)?
    private var panels: [(texture: OpaquePointer, size: Size, place: PanelPlace)] = []
    private var pixels = TexturePixels()
    /// The size that was last given to the window, in points; it follows the picture while the user leaves it at that.
    private var givenSize: Size

    /// Where a panel stands.
    package enum PanelPlace: Sendable {
        case topLeft, bottomLeft, middle
    }

    /// Opens a window.
    ///
    /// - Throws: ``WindowError`` when there is no SDL 2 or no display.
    package init(title: String) throws(WindowError) {
        let sdl = try SDL.load()
        self.sdl = sdl
        sdl.pointee.SDL_SetMainReady()
        for (hint, value) in [
            // Ctrl-C belongs to the command.
            (SDL_HINT_NO_SIGNAL_HANDLERS, "1"), (SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1"),
            // A window among others does not ask for the compositor to be switched off.
            (SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0"),
        ] {
            _ = sdl.pointee.SDL_SetHint(hint, value)
        }
        func failure(_ what: String) -> WindowError {
            let reason = SDL.lastError(sdl)
            sdl.pointee.SDL_Quit()
            return WindowError(message: what + " (SDL says: \(reason))")
        }
        let noDisplay =
            "there is no display to open a window on; set DISPLAY or WAYLAND_DISPLAY, or use `framewire receive`"
        guard sdl.pointee.SDL_InitSubSystem(UInt32(SDL_INIT_VIDEO)) == 0 else { throw failure(noDisplay) }
        // Some builds of SDL draw into memory where there is no display, which nobody sees; who wants that says so.
        guard getenv("SDL_VIDEODRIVER") != nil || !PictureWindow.isInMemory(sdl) else {
            sdl.pointee.SDL_Quit()
            throw WindowError(message: noDisplay)
        }
        givenSize = PictureWindow.firstSize
        let flags = SDL_WINDOW_RESIZABLE.rawValue | SDL_WINDOW_ALLOW_HIGHDPI.rawValue
        guard
            let window = sdl.pointee.SDL_CreateWindow(
                title, fws_window_position, fws_window_position, Int32(givenSize.width),
                Int32(givenSize.height), flags)
        else { throw failure("no window can be opened") }
        guard
            let renderer = sdl.pointee.SDL_CreateRenderer(window, -1, SDL_RENDERER_PRESENTVSYNC.rawValue)
                ?? sdl.pointee.SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE.rawValue)
        else { throw failure("nothing can draw into a window here") }
        self.window = window
        self.renderer = renderer
        wakeEvent = sdl.pointee.SDL_RegisterEvents(1)
        var info = SDL_RendererInfo()
        _ = sdl.pointee.SDL_GetRendererInfo(renderer, &info)
        maximumSize = Size(Int(info.max_texture_width), Int(info.max_texture_height))
    }

    deinit {
        close()
    }

    /// Closes the window, on the thread that opened it; nothing may be called after it.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        if let picture { sdl.pointee.SDL_DestroyTexture(picture.texture) }
        for panel in panels { sdl.pointee.SDL_DestroyTexture(panel.texture) }
        sdl.pointee.SDL_DestroyRenderer(renderer)
        sdl.pointee.SDL_DestroyWindow(window)
        sdl.pointee.SDL_Quit()
    }

    private static func isInMemory(_ sdl: UnsafePointer<fws_functions>) -> Bool {
        guard let name = sdl.pointee.SDL_GetCurrentVideoDriver() else { return true }
        return ["offscreen", "dummy"].contains(String(cString: name))
    }

    private static let firstSize = Size(960, 540)

    package var title = "" {
        didSet {
            if title != oldValue { sdl.pointee.SDL_SetWindowTitle(window, PictureWindow.plain(title)) }
        }
    }

    /// X11 takes no other characters than those of the process's locale, which is C for whoever does not set one.
    private static func plain(_ title: String) -> String {
        title.replacing("×", with: "x").replacing("–", with: "-").replacing("…", with: "...")
    }

    /// Pixels of the screen.
    private var outputSize: Size {
        var (width, height): (Int32, Int32) = (0, 0)
        _ = sdl.pointee.SDL_GetRendererOutputSize(renderer, &width, &height)
        return Size(max(1, Int(width)), max(1, Int(height)))
    }

    /// What the system calls the window's size; on some, a point is several pixels.
    private var sizeInPoints: Size {
        var (width, height): (Int32, Int32) = (0, 0)
        sdl.pointee.SDL_GetWindowSize(window, &width, &height)
        return Size(max(1, Int(width)), max(1, Int(height)))
    }

    /// The width of a pixel of text that is easy to read.
    package var textScale: Int {
        let (output, points) = (outputSize.width, sizeInPoints.width)
        let scale = max(1, (2 * output + points / 2) / points)
        // In small windows it would hide the picture.
        return output < 400 * scale ? max(1, scale / 2) : scale
    }

    /// How many characters of a panel fit side by side.
    package var textColumns: Int {
        max(1, (outputSize.width / textScale - 4 * Font.advance) / Font.advance)
    }

    // MARK: - Events

    /// Has ``nextEvent(timeout:)`` return; any thread.
    package func wake() {
        var event = SDL_Event()
        event.type = wakeEvent
        _ = sdl.pointee.SDL_PushEvent(&event)
    }

    /// The next event that means something. Waits at most `timeout` milliseconds; negative has no limit.
    ///
    /// - Returns: Nil when the time is over, or for an event without a meaning.
    package func nextEvent(timeout: Int32) -> WindowEvent? {
        var event = SDL_Event()
        guard sdl.pointee.SDL_WaitEventTimeout(&event, timeout) != 0 else { return nil }
        switch event.type {
        case wakeEvent: return .woken
        case SDL_QUIT.rawValue: return .closed
        case SDL_WINDOWEVENT.rawValue:
            switch UInt32(event.window.event) {
            case SDL_WINDOWEVENT_EXPOSED.rawValue, SDL_WINDOWEVENT_SIZE_CHANGED.rawValue: return .needsDrawing
            default: return nil
            }
        case SDL_KEYDOWN.rawValue where event.key.repeat == 0:
            return PictureWindow.key(event.key.keysym.sym).map(WindowEvent.key)
        default: return nil
        }
    }

    private static func key(_ code: SDL_Keycode) -> ViewerKey? {
        switch UInt32(bitPattern: code) {
        case SDLK_o.rawValue: .overlay
        case SDLK_s.rawValue: .screenshot
        case SDLK_f.rawValue: .fullScreen
        case SDLK_SPACE.rawValue: .pause
        case SDLK_TAB.rawValue: .nextStream
        case SDLK_q.rawValue, SDLK_ESCAPE.rawValue: .quit
        default: nil
        }
    }

    package func toggleFullScreen() {
        let isFull = sdl.pointee.SDL_GetWindowFlags(window) & SDL_WINDOW_FULLSCREEN.rawValue != 0
        _ = sdl.pointee.SDL_SetWindowFullscreen(window, isFull ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP.rawValue)
    }

    // MARK: - Pictures

    /// Takes a picture over to be drawn from now on; a window whose size the user has not touched takes the picture's.
    ///
    /// - Throws: ``WindowError`` when what draws here takes no picture of its size.
    package func show(_ view: PictureView) throws(WindowError) {
        let size = Size(view.info.width, view.info.height)
        guard maximumSize.width == 0 || (size.width <= maximumSize.width && size.height <= maximumSize.height)
        else {
            throw WindowError(
                message: "pictures of \(size.width) × \(size.height) are too large for what draws here, which"
                    + " takes \(maximumSize.width) × \(maximumSize.height); set SDL_RENDER_DRIVER=software")
        }
        if picture?.size != size { follow(size) }
        let failure = pixels.withPixels(of: view) { format, bytes, stride -> String? in
            if picture?.size != size || picture?.format != format {
                if let old = picture { sdl.pointee.SDL_DestroyTexture(old.texture) }
                picture = nil
                guard let texture = makeTexture(size, PictureWindow.code(format), isStreaming: true) else {
                    return SDL.lastError(sdl)
                }
                _ = sdl.pointee.SDL_SetTextureBlendMode(texture, SDL_BLENDMODE_NONE)
                picture = (texture, size, format)
            }
            _ = sdl.pointee.SDL_UpdateTexture(picture!.texture, nil, bytes, Int32(stride))
            return nil
        }
        if let failure { throw WindowError(message: "a picture cannot be drawn (SDL says: \(failure))") }
    }

    private func makeTexture(_ size: Size, _ format: UInt32, isStreaming: Bool) -> OpaquePointer? {
        let access = isStreaming ? SDL_TEXTUREACCESS_STREAMING : SDL_TEXTUREACCESS_STATIC
        return sdl.pointee.SDL_CreateTexture(
            renderer, format, Int32(access.rawValue), Int32(size.width), Int32(size.height))
    }

    /// SDL names the components of a number; in memory the last is first.
    private static func code(_ format: TextureFormat) -> UInt32 {
        switch format {
        case .rgbx: SDL_PIXELFORMAT_BGR888.rawValue
        case .bgrx: SDL_PIXELFORMAT_RGB888.rawValue
        case .rgb: SDL_PIXELFORMAT_RGB24.rawValue
        case .bgr: SDL_PIXELFORMAT_BGR24.rawValue
        }
    }

    /// Makes the window as large as a picture.
    private func follow(_ picture: Size) {
        let points = sizeInPoints
        guard points == givenSize else { return }
        let pixelsPerPoint = Double(outputSize.width) / Double(points.width)
        var bounds = SDL_Rect()
        let display = sdl.pointee.SDL_GetWindowDisplayIndex(window)
        var room = Size(.max / 65536, .max / 65536)
        if sdl.pointee.SDL_GetDisplayUsableBounds(display, &bounds) == 0 {
            room = Size(
                Int(Double(bounds.w) * pixelsPerPoint), Int(Double(bounds.h) * pixelsPerPoint))
        }
        let wanted = Letterbox.windowSize(picture, room: room)
        sdl.pointee.SDL_SetWindowSize(
            window, Int32((Double(wanted.width) / pixelsPerPoint).rounded()),
            Int32((Double(wanted.height) / pixelsPerPoint).rounded()))
        sdl.pointee.SDL_SetWindowPosition(window, fws_window_position, fws_window_position)
        givenSize = sizeInPoints
    }

    /// Replaces the text over the picture.
    package func setPanels(_ new: [(panel: Panel, place: PanelPlace)]) {
        for panel in panels { sdl.pointee.SDL_DestroyTexture(panel.texture) }
        panels = []
        for (panel, place) in new {
            guard let texture = makeTexture(panel.size, SDL_PIXELFORMAT_ARGB8888.rawValue, isStreaming: false)
            else { continue }
            _ = sdl.pointee.SDL_SetTextureBlendMode(texture, SDL_BLENDMODE_BLEND)
            panel.pixels.withUnsafeBytes { bytes in
                _ = sdl.pointee.SDL_UpdateTexture(
                    texture, nil, bytes.baseAddress, Int32(4 * panel.size.width))
            }
            panels.append((texture, panel.size, place))
        }
    }

    /// Draws all and shows it. Where the system can, this waits for the screen.
    package func draw() {
        let output = outputSize
        _ = sdl.pointee.SDL_SetRenderDrawColor(renderer, 0, 0, 0, 255)
        _ = sdl.pointee.SDL_RenderClear(renderer)
        if let picture {
            let place = Letterbox.place(picture.size, in: output)
            // Magnified by a whole number, pixels stay squares; at any other size they are blended.
            let isWhole = place.width % picture.size.width == 0 && place.height % picture.size.height == 0
            _ = sdl.pointee.SDL_SetTextureScaleMode(
                picture.texture, isWhole ? SDL_ScaleModeNearest : SDL_ScaleModeLinear)
            copy(picture.texture, to: place)
        }
        for panel in panels {
            let gap = 8 * textScale
            let (x, y) =
                switch panel.place {
                case .topLeft: (gap, gap)
                case .bottomLeft: (gap, output.height - panel.size.height - gap)
                case .middle: ((output.width - panel.size.width) / 2, (output.height - panel.size.height) / 2)
                }
            copy(
                panel.texture,
                to: Rectangle(x: x, y: y, width: panel.size.width, height: panel.size.height))
        }
        sdl.pointee.SDL_RenderPresent(renderer)
    }

    private func copy(_ texture: OpaquePointer, to place: Rectangle) {
        var target = SDL_Rect(
            x: Int32(place.x), y: Int32(place.y), w: Int32(place.width), h: Int32(place.height))
        _ = sdl.pointee.SDL_RenderCopy(renderer, texture, nil, &target)
    }
}
