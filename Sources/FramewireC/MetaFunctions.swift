import Buffers
import CFramewire
import CPosix

/// The meta behind a handle, which is its node.
@inline(__always)
func metaNode(_ handle: OpaquePointer) -> MetaPointer {
    MetaPointer(handle)
}

private func handle(_ node: MetaPointer?) -> OpaquePointer? {
    node.map { OpaquePointer($0) }
}

/// The type behind a handle, which lives for ever.
@inline(__always)
func metaType(_ handle: OpaquePointer) -> MetaType {
    Unmanaged<MetaType>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

func metaTypeHandle(_ type: MetaType) -> OpaquePointer {
    OpaquePointer(Unmanaged.passUnretained(type).toOpaque())
}

/// Borrows a buffer to a callback.
private func borrowedHandle(_ storage: BufferStorage?) -> OpaquePointer? {
    storage.map { OpaquePointer(Unmanaged.passUnretained($0).toOpaque()) }
}

/// What a callback returned as an error.
private func check(_ status: fw_status) throws(BufferError) {
    if status != FW_OK { throw .callback(code: status.rawValue) }
}

/// The bytes of a C string; empty for NULL.
func text(_ string: UnsafePointer<CChar>?) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: string, count: string.map { Int(strlen($0)) } ?? 0)
}

// MARK: - Types

/// The functions of a caller's type.
private func metaFunctions(_ info: fw_meta_type_info) -> MetaType.Functions {
    let user = info.user
    var functions = MetaType.Functions()
    if let initialize = info.`init` {
        functions.initialize = { (data, parameters, buffer) throws(BufferError) in
            try check(initialize(data.baseAddress, parameters, borrowedHandle(buffer), user))
        }
    }
    if let free = info.free {
        functions.free = { (data, buffer) in free(data.baseAddress, borrowedHandle(buffer), user) }
    }
    if let transform = info.transform {
        functions.transform = { (target, node, source, copy) throws(BufferError) in
            var what = fw_meta_copy(
                struct_size: UInt32(MemoryLayout<fw_meta_copy>.size), flags: copy.flags.rawValue,
                region: copy.isRegion ? 1 : 0, offset: copy.offset, size: copy.size)
            try check(
                transform(borrowedHandle(target), OpaquePointer(node), borrowedHandle(source), &what, user))
        }
    }
    if let serialize = info.serialize {
        functions.serialize = { (data, target) throws(BufferError) in
            var size = 0
            try check(serialize(data, target.baseAddress, target.count, &size, user))
            return size
        }
    }
    if let deserialize = info.deserialize {
        functions.deserialize = { (data, bytes, buffer) throws(BufferError) in
            try check(
                deserialize(data.baseAddress, bytes.baseAddress, bytes.count, borrowedHandle(buffer), user))
        }
    }
    return functions
}

@_cdecl("fw_meta_type_register") @implementation
public func fw_meta_type_register(
    _ info: UnsafePointer<fw_meta_type_info>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let info else { return failNull("info") }
    let size = info.pointee.struct_size
    guard let full = overlay(info, size: size, minimum: 24, on: fw_meta_type_info()) else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_meta_type_info", size, "FW_META_TYPE_INFO_INIT"))
    }
    guard let name = full.name else { return failNull("info.name") }
    return status { () throws(BufferError) in
        let type = try MetaType.register(
            name: text(name), size: full.size, tags: MetaTags(rawValue: full.tags),
            functions: metaFunctions(full))
        out.pointee = metaTypeHandle(type)
    }
}

@_cdecl("fw_meta_type_find") @implementation
public func fw_meta_type_find(_ name: UnsafePointer<CChar>!) -> OpaquePointer! {
    guard let name else { return nil }
    return MetaType.find(text(name)).map { metaTypeHandle($0) }
}

@_cdecl("fw_meta_type_name") @implementation
public func fw_meta_type_name(_ type: OpaquePointer!) -> UnsafePointer<CChar>! {
    type.map { metaType($0).cName }
}

@_cdecl("fw_meta_type_size") @implementation
public func fw_meta_type_size(_ type: OpaquePointer!) -> Int {
    type.map { metaType($0).size } ?? 0
}

@_cdecl("fw_meta_type_tags") @implementation
public func fw_meta_type_tags(_ type: OpaquePointer!) -> UInt32 {
    type.map { metaType($0).tags.rawValue } ?? 0
}

// MARK: - Instances

/// Adds a meta to a buffer that the caller may change.
@inline(__always)
func addMeta(
    _ buffer: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?,
    _ body: (BufferStorage) throws(BufferError) -> MetaPointer
) -> fw_status {
    out?.pointee = nil
    return change(buffer) { storage throws(BufferError) in
        let node = try body(storage)
        out?.pointee = OpaquePointer(node)
    }
}

@_cdecl("fw_buffer_add_meta") @implementation
public func fw_buffer_add_meta(
    _ buffer: OpaquePointer!, _ type: OpaquePointer!, _ params: UnsafeRawPointer!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    out?.pointee = nil
    guard let type else { return failNull("type") }
    return addMeta(buffer, out) { storage throws(BufferError) in
        let type = metaType(type)
        guard !type.isReadyMade else {
            throw .invalidArgument("metas of a ready-made type are added by a function of their own")
        }
        return try storage.addMeta(type, parameters: params)
    }
}

@_cdecl("fw_buffer_get_meta") @implementation
public func fw_buffer_get_meta(_ buffer: OpaquePointer!, _ type: OpaquePointer!) -> OpaquePointer! {
    guard let buffer, let type else { return nil }
    return handle(bufferReference(buffer).borrowed { $0.firstMeta(of: metaType(type)) })
}

/// The next meta of a round, of a type or of all. The state is the sequence number of the last one and not
/// its address, as it may have been removed since; numbers begin at 1 and rise along the list.
private func nextMeta(
    _ buffer: OpaquePointer?, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ type: OpaquePointer?
) -> OpaquePointer? {
    guard let buffer, let state else { return nil }
    let last = UInt64(UInt(bitPattern: state.pointee))
    let found = bufferReference(buffer).borrowed { storage -> MetaPointer? in
        var next = storage.firstMeta
        while let node = next, node.pointee.sequence <= last { next = node.pointee.next }
        guard let type else { return next }
        return BufferStorage.find(metaType(type), from: next)
    }
    if let found { state.pointee = UnsafeMutableRawPointer(bitPattern: UInt(found.pointee.sequence)) }
    return handle(found)
}

@_cdecl("fw_buffer_iterate_meta") @implementation
public func fw_buffer_iterate_meta(
    _ buffer: OpaquePointer!, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>!
) -> OpaquePointer! {
    nextMeta(buffer, state, nil)
}

@_cdecl("fw_buffer_iterate_meta_filtered") @implementation
public func fw_buffer_iterate_meta_filtered(
    _ buffer: OpaquePointer!, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>!, _ type: OpaquePointer!
) -> OpaquePointer! {
    guard let type else { return nil }
    return nextMeta(buffer, state, type)
}

@_cdecl("fw_buffer_meta_count") @implementation
public func fw_buffer_meta_count(_ buffer: OpaquePointer!, _ type: OpaquePointer!) -> Int {
    guard let buffer else { return 0 }
    return bufferReference(buffer).borrowed { $0.metaCount(of: type.map { metaType($0) }) }
}

@_cdecl("fw_buffer_remove_meta") @implementation
public func fw_buffer_remove_meta(_ buffer: OpaquePointer!, _ meta: OpaquePointer!) -> fw_status {
    guard let meta else { return failNull("meta") }
    return change(buffer) { storage throws(BufferError) in
        let node = metaNode(meta)
        guard storage.contains(node) else {
            throw .invalidArgument("the meta is not in this buffer")
        }
        try storage.removeMeta(node)
    }
}

@_cdecl("fw_buffer_foreach_meta") @implementation
public func fw_buffer_foreach_meta(
    _ buffer: OpaquePointer!, _ callback: fw_meta_foreach_fn!, _ user: UnsafeMutableRawPointer!
) -> fw_status {
    guard let buffer else { return failNull("buffer") }
    guard let callback else { return failNull("callback") }
    var state: UnsafeMutableRawPointer?
    while let found = nextMeta(buffer, &state, nil) {
        var kept: OpaquePointer? = found
        let goesOn = callback(buffer, &kept, user)
        if kept == nil {
            let removed = fw_buffer_remove_meta(buffer, found)
            if removed != FW_OK { return removed }
        }
        if goesOn == 0 { break }
    }
    return FW_OK
}

@_cdecl("fw_meta_get_type") @implementation
public func fw_meta_get_type(_ meta: OpaquePointer!) -> OpaquePointer! {
    meta.map { OpaquePointer(metaNode($0).pointee.type.toOpaque()) }
}

@_cdecl("fw_meta_data") @implementation
public func fw_meta_data(_ meta: OpaquePointer!) -> UnsafeRawPointer! {
    guard let meta, metaNode(meta).bytes.count > 0 else { return nil }
    return UnsafeRawPointer(metaNode(meta).data)
}

@_cdecl("fw_meta_data_writable") @implementation
public func fw_meta_data_writable(_ meta: OpaquePointer!) -> UnsafeMutableRawPointer! {
    guard let meta else { return nil }
    let node = metaNode(meta)
    let type = node.pointee.type.takeUnretainedValue()
    guard type.size > 0, !type.isReadyMade, !node.pointee.flags.contains(.readOnly) else { return nil }
    return node.data
}

@_cdecl("fw_meta_get_flags") @implementation
public func fw_meta_get_flags(_ meta: OpaquePointer!) -> UInt32 {
    meta.map { metaNode($0).pointee.flags.rawValue } ?? 0
}

@_cdecl("fw_meta_set_flags") @implementation
public func fw_meta_set_flags(_ meta: OpaquePointer!, _ flags: UInt32) -> fw_status {
    guard let meta else { return failNull("meta") }
    guard flags <= 7 else {
        return fail(FW_ERROR_INVALID_ARGUMENT, "flags have bits that mean nothing")
    }
    metaNode(meta).pointee.flags = MetaFlags(rawValue: flags)
    return FW_OK
}

@_cdecl("fw_meta_sequence") @implementation
public func fw_meta_sequence(_ meta: OpaquePointer!) -> UInt64 {
    meta.map { metaNode($0).pointee.sequence } ?? 0
}

// MARK: - As bytes

@_cdecl("fw_meta_serialize") @implementation
public func fw_meta_serialize(
    _ meta: OpaquePointer!, _ bytes: UnsafeMutableRawPointer!, _ capacity: Int,
    _ size: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let meta else { return failNull("meta") }
    guard let size else { return failNull("size") }
    guard bytes != nil || capacity == 0 else { return failNull("bytes") }
    size.pointee = 0
    return status { () throws(BufferError) in
        let count = bytes == nil ? 0 : capacity < 0 ? Int.max : capacity
        let needed = try metaNode(meta).serialize(
            into: UnsafeMutableRawBufferPointer(start: bytes, count: count))
        size.pointee = needed
        guard needed <= count else {
            throw .outOfRange("the meta has \(needed) bytes, capacity is \(count)")
        }
    }
}

@_cdecl("fw_meta_deserialize") @implementation
public func fw_meta_deserialize(
    _ buffer: OpaquePointer!, _ bytes: UnsafeRawPointer!, _ size: Int,
    _ consumed: UnsafeMutablePointer<Int>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    consumed?.pointee = 0
    out?.pointee = nil
    guard let bytes else { return failNull("bytes") }
    return addMeta(buffer, out) { storage throws(BufferError) in
        let (node, used) = try storage.addMeta(
            serialized: UnsafeRawBufferPointer(start: bytes, count: size < 0 ? Int.max : size))
        consumed?.pointee = used
        return node
    }
}
