import CPosix

/// A registered type of metas. It lives as long as the program.
///
/// Threads: any.
public final class MetaType: @unchecked Sendable {
    // Unchecked: nothing changes once the type is registered, and `next` is guarded by the lock of the
    // registry.

    /// The most bytes that ``size`` can be.
    public static let maximumSize = 65536
    /// The most bytes that ``name`` can have.
    public static let maximumNameSize = 255

    /// What is to be done with the data of metas of a type. The functions run on the thread that changes,
    /// copies or frees the buffer.
    package struct Functions {
        package typealias Data = UnsafeMutableRawBufferPointer
        /// Sets up data that is all zeros.
        package var initialize: ((Data, UnsafeRawPointer?, BufferStorage) throws(BufferError) -> Void)?
        /// Lets go of what the data holds.
        package var free: ((Data, BufferStorage?) -> Void)?
        /// Adds to the first buffer what the meta of the second comes to there.
        package var transform:
            ((BufferStorage, MetaPointer, BufferStorage, MetaCopy) throws(BufferError) -> Void)?
        /// Writes the data if there is room, and returns how many bytes it has in any case.
        package var serialize: ((UnsafeRawPointer, Data) throws(BufferError) -> Int)?
        /// Sets up data that is all zeros from bytes that may come from anywhere.
        package var deserialize: ((Data, UnsafeRawBufferPointer, BufferStorage) throws(BufferError) -> Void)?

        package init() {}
    }

    /// The name, which ends with a zero and is never freed.
    package let cName: UnsafePointer<CChar>
    let nameSize: Int
    /// The name without the zero.
    package var nameBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: cName, count: nameSize) }
    /// Whether metas of the type can become bytes.
    package var isSerializable: Bool { functions.serialize != nil }
    /// Bytes of the data of each meta.
    public let size: Int
    public let tags: MetaTags
    /// Whether the library made the type, so that metas of it are added by a function of its own.
    package let isReadyMade: Bool
    package let functions: Functions
    fileprivate var next: MetaType?

    /// The name, which is unique in the program.
    public var name: String { String(text: cName) }

    fileprivate init(
        name: UnsafePointer<CChar>, nameSize: Int, size: Int, tags: MetaTags, isReadyMade: Bool,
        functions: Functions
    ) {
        cName = name
        self.nameSize = nameSize
        self.size = size
        self.tags = tags
        self.isReadyMade = isReadyMade
        self.functions = functions
    }

    @inline(__always)
    func release(_ data: UnsafeMutableRawPointer, _ buffer: BufferStorage?) {
        guard let free = functions.free else { return }
        free(UnsafeMutableRawBufferPointer(start: data, count: size), buffer)
    }

    // MARK: Registry

    /// Registers a type.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` when the name is empty, too long, no UTF-8 or taken, or
    ///   for unknown tags; ``BufferError/Kind/outOfRange`` for the size; ``BufferError/Kind/noMemory``.
    package static func register(
        name: UnsafeRawBufferPointer, size: Int, tags: MetaTags, functions: Functions
    ) throws(BufferError) -> MetaType {
        try checkName(name, "the name of a type")
        guard tags.rawValue <= 3 else {
            throw .invalidArgument("tags \(tags.rawValue) have bits that mean nothing")
        }
        guard size >= 0, size <= maximumSize else {
            throw .outOfRange(
                "a meta of \(size) bytes is too large; at most \(maximumSize) can be")
        }
        registerReadyMade()
        guard let type = registry.insert(name, size, tags, isReadyMade: false, functions) else {
            throw .invalidArgument("a type of meta with this name is registered already")
        }
        return type
    }

    /// Registers a type whose metas are plain bytes: they go into copies as they are.
    ///
    /// - Throws: ``BufferError/Kind/invalidArgument`` when the name is empty, too long or taken, or for
    ///   unknown tags; ``BufferError/Kind/outOfRange`` for the size.
    public static func register(
        _ name: String, size: Int, tags: MetaTags = []
    ) throws(BufferError) -> MetaType {
        var functions = Functions()
        functions.transform = { (target, node, _, _) throws(BufferError) in
            let copy = try target.appendMeta(node.pointee.type._withUnsafeGuaranteedRef { $0 })
            copy.bytes.copyMemory(from: UnsafeRawBufferPointer(node.bytes))
        }
        functions.serialize = { (data, target) throws(BufferError) in
            if target.count >= size, size > 0 { memcpy(target.baseAddress!, data, size) }
            return size
        }
        functions.deserialize = { (data, bytes, _) throws(BufferError) in
            guard bytes.count == size else {
                throw .corrupt(
                    "the meta has \(bytes.count) bytes, those of its type have \(size)")
            }
            data.copyMemory(from: bytes)
        }
        var name = name
        let result = name.withUTF8 { bytes -> Result<MetaType, BufferError> in
            do throws(BufferError) {
                return .success(
                    try register(
                        name: UnsafeRawBufferPointer(bytes), size: size, tags: tags, functions: functions))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The type of this name; nil when there is none.
    public static func find(_ name: String) -> MetaType? {
        var name = name
        return name.withUTF8 { find(UnsafeRawBufferPointer($0)) }
    }

    package static func find(_ name: UnsafeRawBufferPointer) -> MetaType? {
        registerReadyMade()
        return registry.find(name)
    }

    /// Looked at once, the ready-made types are registered.
    private static func registerReadyMade() {
        _ = parentBuffer
        _ = referenceTimestamp
        _ = videoFrame
        _ = custom
    }

    /// Registers a type of the library's own.
    static func readyMade(
        _ name: StaticString, size: Int, tags: MetaTags, _ functions: Functions
    ) -> MetaType {
        name.withUTF8Buffer {
            registry.insert(UnsafeRawBufferPointer($0), size, tags, isReadyMade: true, functions)!
        }
    }

    /// Checks a name or key that comes from outside: 1 to 255 bytes of UTF-8 without a zero.
    package static func checkName(_ bytes: UnsafeRawBufferPointer, _ what: StaticString) throws(BufferError) {
        guard bytes.count >= 1, bytes.count <= maximumNameSize else {
            throw .invalidArgument(
                "\(what) has \(bytes.count) bytes; it must have 1 to \(maximumNameSize)")
        }
        guard isText(bytes) else {
            throw .invalidArgument("\(what) is no UTF-8")
        }
    }

    /// Whether the bytes are UTF-8 without a zero.
    package static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let rest: Int
            var lowest: UInt8 = 0x80
            var highest: UInt8 = 0xBF
            switch first {
            case 0x01...0x7F: rest = 0
            case 0xC2...0xDF: rest = 1
            case 0xE0...0xEF:
                rest = 2
                if first == 0xE0 { lowest = 0xA0 }
                if first == 0xED { highest = 0x9F }
            case 0xF0...0xF4:
                rest = 3
                if first == 0xF0 { lowest = 0x90 }
                if first == 0xF4 { highest = 0x8F }
            default: return false
            }
            guard rest < bytes.count - index else { return false }
            for step in 0..<rest {
                let byte = bytes[index + 1 + step]
                guard byte >= lowest, byte <= highest else { return false }
                (lowest, highest) = (0x80, 0xBF)
            }
            index += 1 + rest
        }
        return true
    }
}

private let registry = MetaRegistry()

/// All types of the program, linked by their `next`.
private final class MetaRegistry: @unchecked Sendable {
    // Unchecked: guarded by the lock.
    private let lock = Lock()
    private var first: MetaType?

    /// `nil` when the name is taken.
    func insert(
        _ name: UnsafeRawBufferPointer, _ size: Int, _ tags: MetaTags, isReadyMade: Bool,
        _ functions: MetaType.Functions
    ) -> MetaType? {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: name.count + 1, alignment: 1)
        copy.copyMemory(from: name)
        copy[name.count] = 0
        let type = MetaType(
            name: UnsafePointer(copy.baseAddress!.assumingMemoryBound(to: CChar.self)), nameSize: name.count,
            size: size, tags: tags, isReadyMade: isReadyMade, functions: functions)
        let isNew = lock.withLock {
            if look(name) != nil { return false }
            type.next = first
            first = type
            return true
        }
        if !isNew { copy.deallocate() }
        return isNew ? type : nil
    }

    func find(_ name: UnsafeRawBufferPointer) -> MetaType? {
        lock.withLock { look(name) }
    }

    private func look(_ name: UnsafeRawBufferPointer) -> MetaType? {
        var next = first
        while let type = next {
            if type.nameSize == name.count, memcmp(type.cName, name.baseAddress!, name.count) == 0 {
                return type
            }
            next = type.next
        }
        return nil
    }
}
