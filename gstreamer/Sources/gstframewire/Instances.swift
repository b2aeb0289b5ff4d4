import CGStreamer

/// Where an instance of a GObject type keeps the pointer to its Swift half: one word behind the C structure of its
/// parent, whose size is asked of the libgstreamer that runs.
struct Slot: Sendable {
    let offset: Int
    let instanceSize: guint16
    let classSize: guint16

    init(parent: GType) {
        var query = GTypeQuery()
        g_type_query(parent, &query)
        let word = MemoryLayout<UnsafeRawPointer>.size
        offset = (Int(query.instance_size) + word - 1) / word * word
        instanceSize = guint16(offset + word)
        classSize = guint16(query.class_size)
    }

    /// Gives the instance an owner's share of `object`.
    func put(_ object: AnyObject, in instance: UnsafeMutableRawPointer) {
        instance.storeBytes(
            of: Unmanaged.passRetained(object).toOpaque(), toByteOffset: offset,
            as: UnsafeMutableRawPointer.self)
    }

    func get<T: AnyObject>(_ instance: UnsafeRawPointer) -> T {
        let pointer = instance.load(fromByteOffset: offset, as: UnsafeMutableRawPointer.self)
        return Unmanaged<T>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Takes the share back; nothing happens where there is none.
    func clear(_ instance: UnsafeMutableRawPointer) {
        guard let pointer = instance.load(fromByteOffset: offset, as: UnsafeMutableRawPointer?.self) else {
            return
        }
        instance.storeBytes(of: nil, toByteOffset: offset, as: UnsafeMutableRawPointer?.self)
        Unmanaged<AnyObject>.fromOpaque(pointer).release()
    }
}

/// The Swift half of an element. GStreamer's class structure calls its methods.
protocol ElementObject: AnyObject, Sendable {
    associatedtype Settings: Sendable
    static var slot: Slot { get }
    static var properties: [Property<Self>] { get }
    /// What the properties say.
    var settings: Guarded<Settings> { get }
    /// A property has changed.
    func settingsChanged()
}

extension ElementObject {
    static func of(_ instance: UnsafeRawPointer?) -> Self { slot.get(instance!) }

    func settingsChanged() {}

    /// Adds the properties to the class, whose `set_property` and `get_property` are to call
    /// ``setProperty(_:_:_:)`` and ``getProperty(_:_:_:)``.
    static func installProperties(_ objectClass: UnsafeMutablePointer<GObjectClass>) {
        for (index, property) in properties.enumerated() {
            g_object_class_install_property(objectClass, guint(index + 1), property.makeSpec())
        }
    }

    static func setProperty(
        _ object: UnsafeMutablePointer<GObject>?, _ number: guint, _ value: UnsafePointer<GValue>?
    ) {
        guard let object, let value, properties.indices.contains(Int(number) - 1) else { return }
        let element = of(object)
        properties[Int(number) - 1].set?(element, value)
        element.settingsChanged()
    }

    static func getProperty(
        _ object: UnsafeMutablePointer<GObject>?, _ number: guint, _ value: UnsafeMutablePointer<GValue>?
    ) {
        guard let object, let value, properties.indices.contains(Int(number) - 1) else { return }
        properties[Int(number) - 1].get(of(object), value)
    }
}

typealias ClassInit = @convention(c) (gpointer?, gpointer?) -> Void
typealias InstanceInit = @convention(c) (UnsafeMutablePointer<GTypeInstance>?, gpointer?) -> Void

func registerType(
    _ name: StaticString, parent: GType, slot: Slot, classInit: ClassInit, instanceInit: InstanceInit
) -> GType {
    var info = GTypeInfo()
    info.class_size = slot.classSize
    info.class_init = classInit
    info.instance_size = slot.instanceSize
    info.instance_init = instanceInit
    return g_type_register_static(parent, name.cString, &info, GTypeFlags(rawValue: 0))
}

/// Long name, class, description: what `gst-inspect-1.0` shows.
func setMetadata(
    _ elementClass: UnsafeMutablePointer<GstElementClass>, name: StaticString, kind: StaticString,
    description: StaticString
) {
    gst_element_class_set_static_metadata(
        elementClass, name.cString, kind.cString, description.cString,
        ("Framewire" as StaticString).cString)
}

func addPadTemplate(
    _ elementClass: UnsafeMutablePointer<GstElementClass>, _ name: StaticString, _ direction: GstPadDirection,
    _ caps: String
) {
    // The class takes over the template; the caps stay ours.
    let caps = gst_caps_from_string(caps)
    gst_element_class_add_pad_template(
        elementClass, gst_pad_template_new(name.cString, direction, GST_PAD_ALWAYS, caps))
    gst_caps_unref(caps)
}

extension StaticString {
    /// Lives as long as the plugin: what class structures keep.
    var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

extension UnsafeMutablePointer {
    /// What `GST_ELEMENT(x)` and its like are in C, without their check.
    func cast<T>(to type: T.Type = T.self) -> UnsafeMutablePointer<T> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: T.self)
    }
}

extension Bool {
    var gboolean: CGStreamer.gboolean { self ? 1 : 0 }
}
