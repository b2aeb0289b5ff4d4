import CGStreamer

/// One property of an element: its description, and how it is read and written. Its default is what a new settings
/// value has.
struct Property<Owner: ElementObject>: @unchecked Sendable {
    // Unchecked: key paths of constants and functions without state.
    let makeSpec: () -> UnsafeMutablePointer<GParamSpec>?
    let get: (Owner, UnsafeMutablePointer<GValue>) -> Void
    let set: ((Owner, UnsafePointer<GValue>) -> Void)?

    typealias Path<Value> = WritableKeyPath<Owner.Settings, Value>

    /// When a change counts.
    enum Mutability {
        /// When the element leaves READY the next time.
        case ready
        /// At once.
        case playing

        fileprivate var flags: GParamFlags {
            // What GST_PARAM_MUTABLE_READY and GST_PARAM_MUTABLE_PLAYING come to.
            let mutable: Int32 =
                switch self {
                case .ready: 1 << 10
                case .playing: 1 << 12
                }
            return GParamFlags(rawValue: 3 | mutable)
        }
    }

    /// "key-frame-interval" is shown as "Key frame interval".
    private static func nick(_ name: String) -> String {
        name.prefix(1).uppercased() + String(name.dropFirst().map { $0 == "-" ? " " : $0 })
    }

    static func bool(
        _ name: String, _ blurb: String, _ initial: Owner.Settings, _ path: Path<Bool>
    ) -> Property {
        Property(
            makeSpec: {
                g_param_spec_boolean(
                    name, nick(name), blurb, initial[keyPath: path].gboolean, Mutability.ready.flags)
            },
            get: { g_value_set_boolean($1, $0.settings.value[keyPath: path].gboolean) },
            set: { owner, value in
                let value = g_value_get_boolean(value) != 0
                owner.settings.assign(path, value)
            })
    }

    static func uint<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ blurb: String, _ range: ClosedRange<guint>, _ initial: Owner.Settings,
        _ path: Path<Number>
    ) -> Property {
        Property(
            makeSpec: {
                g_param_spec_uint(
                    name, nick(name), blurb, range.lowerBound, range.upperBound,
                    guint(initial[keyPath: path]),
                    Mutability.ready.flags)
            },
            get: { g_value_set_uint($1, guint(truncatingIfNeeded: $0.settings.value[keyPath: path])) },
            set: { owner, value in owner.settings.assign(path, Number(g_value_get_uint(value))) })
    }

    static func int<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ blurb: String, _ range: ClosedRange<gint64>, _ initial: Owner.Settings,
        _ path: Path<Number>
    ) -> Property {
        Property(
            makeSpec: {
                g_param_spec_int64(
                    name, nick(name), blurb, range.lowerBound, range.upperBound,
                    gint64(initial[keyPath: path]),
                    Mutability.ready.flags)
            },
            get: { g_value_set_int64($1, gint64(truncatingIfNeeded: $0.settings.value[keyPath: path])) },
            set: { owner, value in owner.settings.assign(path, Number(g_value_get_int64(value))) })
    }

    static func uint64(
        _ name: String, _ blurb: String, _ range: ClosedRange<guint64>, _ initial: Owner.Settings,
        _ path: Path<UInt64>, _ mutability: Mutability = .ready
    ) -> Property {
        Property(
            makeSpec: {
                g_param_spec_uint64(
                    name, nick(name), blurb, range.lowerBound, range.upperBound,
                    guint64(initial[keyPath: path]), mutability.flags)
            },
            get: { g_value_set_uint64($1, guint64($0.settings.value[keyPath: path])) },
            set: { owner, value in owner.settings.assign(path, UInt64(g_value_get_uint64(value))) })
    }

    /// - Parameter path: thousandths.
    static func fraction(
        _ name: String, _ blurb: String, _ path: Path<UInt32>
    ) -> Property {
        Property(
            makeSpec: {
                gst_param_spec_fraction(
                    name, nick(name), blurb, 0, 1, 1_000_000, 1, 0, 1, Mutability.playing.flags)
            },
            get: { owner, value in
                gst_value_set_fraction(value, gint(owner.settings.value[keyPath: path]), 1000)
            },
            set: { owner, value in
                let numerator = Int64(gst_value_get_fraction_numerator(value))
                let denominator = max(1, Int64(gst_value_get_fraction_denominator(value)))
                owner.settings.assign(path, UInt32(min(numerator * 1000 / denominator, 1_000_000_000)))
            })
    }

    static func string(
        _ name: String, _ blurb: String, _ initial: Owner.Settings, _ path: Path<String?>
    ) -> Property {
        Property(
            makeSpec: {
                g_param_spec_string(name, nick(name), blurb, initial[keyPath: path], Mutability.ready.flags)
            },
            get: { g_value_set_string($1, $0.settings.value[keyPath: path]) },
            set: { owner, value in
                owner.settings.assign(path, g_value_get_string(value).map { String(cString: $0) })
            })
    }

    static func enumeration<Value: RawRepresentable & Sendable>(
        _ name: String, _ blurb: String, _ type: GType, _ initial: Owner.Settings, _ path: Path<Value>
    ) -> Property where Value.RawValue: FixedWidthInteger {
        Property(
            makeSpec: {
                g_param_spec_enum(
                    name, nick(name), blurb, type, gint(initial[keyPath: path].rawValue),
                    Mutability.ready.flags)
            },
            get: { g_value_set_enum($1, gint($0.settings.value[keyPath: path].rawValue)) },
            set: { owner, value in
                guard let raw = Value.RawValue(exactly: g_value_get_enum(value)),
                    let new = Value(rawValue: raw)
                else { return }
                owner.settings.assign(path, new)
            })
    }

    /// A property that cannot be set.
    static func readOnlyUInt(_ name: String, _ blurb: String, _ read: @escaping (Owner) -> guint) -> Property
    {
        Property(
            makeSpec: {
                g_param_spec_uint(
                    name, nick(name), blurb, 0, .max, 0, GParamFlags(rawValue: G_PARAM_READABLE.rawValue))
            },
            get: { g_value_set_uint($1, read($0)) }, set: nil)
    }

    /// A `GstStructure` with counters.
    static func stats(_ blurb: String, _ read: @escaping (Owner) -> Record) -> Property {
        Property(
            makeSpec: {
                g_param_spec_boxed(
                    "stats", "Statistics", blurb, gst_structure_get_type(),
                    GParamFlags(rawValue: G_PARAM_READABLE.rawValue))
            },
            get: { owner, value in g_value_take_boxed(value, read(owner).structure) }, set: nil)
    }
}

extension Guarded {
    func assign<Member: Sendable>(_ path: WritableKeyPath<Value, Member>, _ member: Member) {
        // Key paths of the properties are constants.
        nonisolated(unsafe) let path = path
        change { $0[keyPath: path] = member }
    }
}

/// Registers a type of named values. Names are the words that users write.
func registerEnumeration(_ name: StaticString, _ values: [(Int, StaticString, StaticString)]) -> GType {
    // GObject keeps the table for ever.
    let table = UnsafeMutablePointer<GEnumValue>.allocate(capacity: values.count + 1)
    for (index, (value, description, nick)) in values.enumerated() {
        (table + index).initialize(
            to: GEnumValue(value: gint(value), value_name: description.cString, value_nick: nick.cString))
    }
    (table + values.count).initialize(to: GEnumValue())
    return g_enum_register_static(name.cString, table)
}
