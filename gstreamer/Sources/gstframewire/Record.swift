import CGStreamer

/// Builds a `GstStructure`; its variadic functions are not imported.
struct Record {
    /// Owned by whoever takes it.
    let structure: UnsafeMutablePointer<GstStructure>?

    init(_ name: StaticString) {
        structure = gst_structure_new_empty(name.cString)
    }

    func set(_ name: StaticString, _ number: UInt64) {
        set(name, UInt(5 + 6) << 2) { g_value_set_uint64($0, guint64(number)) }
    }

    /// Left out where nothing has been measured.
    func set(_ name: StaticString, _ number: Int64?) {
        if let number { set(name, UInt64(max(0, number))) }
    }

    func set(_ name: StaticString, _ flag: Bool) {
        set(name, UInt(5) << 2) { g_value_set_boolean($0, flag.gboolean) }
    }

    func set(_ name: StaticString, _ text: String) {
        set(name, UInt(16) << 2) { g_value_set_string($0, text) }
    }

    /// - Parameter type: what G_TYPE_UINT64 and its like come to, the number of the type times four.
    private func set(
        _ name: StaticString, _ type: UInt, _ assign: (UnsafeMutablePointer<GValue>) -> Void
    ) {
        var value = GValue()
        g_value_init(&value, GType(type))
        assign(&value)
        gst_structure_take_value(structure, name.cString, &value)
    }
}
