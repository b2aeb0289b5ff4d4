import CGStreamer

private func initialize(_ plugin: OpaquePointer?) -> gboolean {
    takeOverLog()
    let primary = guint(GST_RANK_PRIMARY.rawValue)
    let none = guint(GST_RANK_NONE.rawValue)
    guard let plugin,
        gst_element_register(plugin, "lz4enc", none, Lz4Enc.type) != 0,
        gst_element_register(plugin, "lz4dec", primary, Lz4Dec.type) != 0,
        gst_element_register(plugin, "framewiresink", none, FramewireSink.type) != 0,
        gst_element_register(plugin, "framewiresrc", none, FramewireSrc.type) != 0,
        registerTypeFinder(plugin)
    else { return 0 }
    return 1
}

/// What GStreamer reads before anything else of the plugin; it keeps the address.
private struct Description: @unchecked Sendable {
    // Unchecked: nothing changes it.
    let pointer: UnsafeMutablePointer<GstPluginDesc>

    init() {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: GstPluginDesc())
        pointer.pointee.major_version = GST_VERSION_MAJOR
        pointer.pointee.minor_version = GST_VERSION_MINOR
        pointer.pointee.name = ("framewire" as StaticString).cString
        pointer.pointee.description =
            ("Lossless frames, compressed with LZ4, in streams and over networks" as StaticString).cString
        pointer.pointee.plugin_init = { initialize($0) }
        pointer.pointee.version = ("0.1.0" as StaticString).cString
        pointer.pointee.license = ("MIT/X11" as StaticString).cString
        pointer.pointee.source = ("framewire" as StaticString).cString
        pointer.pointee.package = ("Framewire" as StaticString).cString
        pointer.pointee.origin = ("Unknown package origin" as StaticString).cString
    }
}

private let description = Description()

/// Called by GStreamer when it has loaded libgstframewire.so.
@_cdecl("gst_plugin_framewire_get_desc")
public func getPluginDescription() -> UnsafePointer<GstPluginDesc> {
    UnsafePointer(description.pointer)
}

/// For programs that link the plugin statically.
@_cdecl("gst_plugin_framewire_register")
public func registerPlugin() {
    let given = description.pointer.pointee
    gst_plugin_register_static(
        given.major_version, given.minor_version, given.name, given.description, given.plugin_init,
        given.version, given.license, given.source, given.package, given.origin)
}
