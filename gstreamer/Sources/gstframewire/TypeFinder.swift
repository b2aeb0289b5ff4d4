import CGStreamer

/// Bytes 0–10 of most streams: an empty LZ4 frame (docs/wire-format.md, "Stream").
private let opening: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0]

/// Whether a message begins at `offset`: a skippable LZ4 frame whose content begins with `FWIR` and the version.
private func isMessage(_ finder: UnsafeMutablePointer<GstTypeFind>, at offset: gint64) -> Bool {
    guard let bytes = gst_type_find_peek(finder, offset, 13) else { return false }
    let magic: [UInt8] = [0x5F, 0x2A, 0x4D, 0x18]
    let header: [UInt8] = [0x46, 0x57, 0x49, 0x52, 1]
    for index in magic.indices where bytes[index] != magic[index] { return false }
    for index in header.indices where bytes[8 + index] != header[index] { return false }
    return true
}

private func find(_ finder: UnsafeMutablePointer<GstTypeFind>) {
    var start: gint64 = 0
    if let bytes = gst_type_find_peek(finder, 0, guint(opening.count)),
        opening.indices.allSatisfy({ bytes[$0] == opening[$0] })
    {
        start = gint64(opening.count)
    }
    if isMessage(finder, at: start) {
        gst_type_find_suggest_empty_simple(finder, guint(GST_TYPE_FIND_MAXIMUM.rawValue), streamCaps)
    }
}

/// Lets `decodebin` and `playbin` know recordings.
func registerTypeFinder(_ plugin: OpaquePointer) -> Bool {
    let caps = gst_caps_from_string(streamCaps)
    defer { gst_caps_unref(caps) }
    return gst_type_find_register(
        plugin, streamCaps, guint(GST_RANK_PRIMARY.rawValue), { finder, _ in find(finder!) }, "fwr,fw", caps,
        nil, nil)
        != 0
}
