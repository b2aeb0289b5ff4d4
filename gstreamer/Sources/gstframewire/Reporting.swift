import CGStreamer
import Framewire

/// Messages for GST_DEBUG; the text is made only if somebody wants it.
struct DebugCategory: @unchecked Sendable {
    // Unchecked: GStreamer's categories may be used on any thread.
    private let category: UnsafeMutablePointer<GstDebugCategory>?

    init(_ name: StaticString, _ description: StaticString) {
        category = _gst_debug_category_new(name.cString, 0, description.cString)
    }

    func callAsFunction<T>(
        _ level: GstDebugLevel, _ object: UnsafeMutablePointer<T>?, _ text: @autoclosure () -> String,
        function: StaticString = #function, line: Int32 = #line
    ) {
        guard level.rawValue <= gst_debug_category_get_threshold(category).rawValue else { return }
        gst_debug_log_literal(
            category, level, ("gstframewire" as StaticString).cString, function.cString, line,
            object?.cast(to: GObject.self), text())
    }
}

let debug = DebugCategory("framewire", "Lossless frames over a network")

/// What the library itself has to say goes where GStreamer's messages go.
func takeOverLog() {
    Log.setHandler(
        { level, text in
            let mapped: GstDebugLevel =
                switch level {
                case .error: GST_LEVEL_ERROR
                case .warning: GST_LEVEL_WARNING
                case .info: GST_LEVEL_INFO
                case .debug: GST_LEVEL_DEBUG
                }
            debug(mapped, nil as UnsafeMutablePointer<GObject>?, text)
        }, maximum: .debug)
}

/// Which of GStreamer's errors a failure is.
struct ErrorKind: Sendable {
    let domain: GQuark
    let code: Int32

    static func stream(_ code: GstStreamError) -> ErrorKind {
        ErrorKind(domain: gst_stream_error_quark(), code: Int32(bitPattern: code.rawValue))
    }

    static func resource(_ code: GstResourceError) -> ErrorKind {
        ErrorKind(domain: gst_resource_error_quark(), code: Int32(bitPattern: code.rawValue))
    }

    /// - Parameter other: what a failure of the connection or file itself counts as.
    init(_ error: FramewireError, connection other: GstResourceError) {
        switch error.code {
        case .protocolViolation, .corrupt, .tooLarge: self = .stream(GST_STREAM_ERROR_DECODE)
        case .unsupported: self = .stream(GST_STREAM_ERROR_FORMAT)
        case .noMemory: self = .resource(GST_RESOURCE_ERROR_NO_SPACE_LEFT)
        case .invalidArgument: self = .resource(GST_RESOURCE_ERROR_SETTINGS)
        case .permission: self = .resource(GST_RESOURCE_ERROR_NOT_AUTHORIZED)
        default: self = .resource(other)
        }
    }

    private init(domain: GQuark, code: Int32) {
        self.domain = domain
        self.code = code
    }
}

/// Posts an error or a warning: what GST_ELEMENT_ERROR and GST_ELEMENT_WARNING do.
func post(
    _ type: GstMessageType, _ element: UnsafeMutablePointer<GstElement>, _ kind: ErrorKind,
    _ sentence: String,
    function: StaticString = #function, line: Int32 = #line
) {
    gst_element_message_full(
        element, type, kind.domain, kind.code, g_strdup(sentence), nil,
        ("gstframewire" as StaticString).cString, function.cString, line)
}

/// Tells the application what becomes of a connection: an element message `framewire-connection`, and a warning where
/// a stream broke and another may follow.
///
/// - Parameter failure: what a lost connection counts as.
func report(
    _ event: ConnectionEvent, _ element: UnsafeMutablePointer<GstElement>, warnOfLoss: Bool,
    _ failure: GstResourceError
) {
    let record = Record("framewire-connection")
    let state: String =
        switch event.state {
        case .connecting: "connecting"
        case .connected: "connected"
        case .lost: "lost"
        case .closed: "closed"
        }
    record.set("state", state)
    record.set("peer", event.peer)
    record.set("peer-id", event.peerID)
    if let reason = event.reason { record.set("reason", reason.message) }
    gst_element_post_message(
        element, gst_message_new_element(element.cast(to: GstObject.self), record.structure))
    if warnOfLoss, event.state == .lost, let reason = event.reason, reason.code != .closed {
        post(GST_MESSAGE_WARNING, element, ErrorKind(reason, connection: failure), reason.message)
    }
}
