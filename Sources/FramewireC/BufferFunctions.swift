import Buffers
import CFramewire
import CPosix

/// The buffer behind a handle, which is the storage object itself.
@inline(__always)
func bufferReference(_ handle: OpaquePointer) -> Unmanaged<BufferStorage> {
    Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

/// A new storage as a handle, of which the caller is the only owner.
@inline(__always)
func bufferHandle(_ storage: consuming BufferStorage) -> OpaquePointer {
    OpaquePointer(BufferStorage.makeHandle(storage).toOpaque())
}

/// Whether the caller may change the buffer.
@inline(__always)
func isOnlyOwner(_ handle: OpaquePointer) -> Bool {
    var reference = bufferReference(handle)
    return reference.isOnlyHandle()
}

@inline(never)
func failShared() -> fw_status {
    fail(
        FW_ERROR_NOT_WRITABLE,
        "the buffer has other owners, so it cannot be changed; call fw_buffer_make_writable first")
}

/// Runs `body` on a buffer that the caller may change.
@inline(__always)
func change(
    _ buffer: OpaquePointer?, _ body: (BufferStorage) throws(BufferError) -> Void
) -> fw_status {
    guard let buffer else { return failNull("buffer") }
    guard isOnlyOwner(buffer) else { return failShared() }
    return status { () throws(BufferError) in try bufferReference(buffer).borrowed(body) }
}

// MARK: - Life

@_cdecl("fw_buffer_new") @implementation
public func fw_buffer_new(_ out: UnsafeMutablePointer<OpaquePointer?>!) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = bufferHandle(BufferStorage.make())
    return FW_OK
}

@_cdecl("fw_buffer_new_allocate") @implementation
public func fw_buffer_new_allocate(
    _ size: Int, _ params: UnsafePointer<fw_allocation_params>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    return status { () throws(BufferError) in
        let memory = try Memory(size: size, parameters: try allocationParameters(params))
        out.pointee = bufferHandle(BufferStorage.make(taking: Unmanaged.passRetained(memory)))
    }
}

@_cdecl("fw_buffer_new_wrapped") @implementation
public func fw_buffer_new_wrapped(
    _ data: UnsafeMutableRawPointer!, _ max_size: Int, _ offset: Int, _ size: Int, _ flags: UInt32,
    _ release: fw_release_fn!, _ user: UnsafeMutableRawPointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    return status { () throws(BufferError) in
        let memory = try Memory(
            wrapping: data, maxSize: max_size, offset: offset, size: size,
            flags: MemoryFlags(rawValue: flags),
            release: release, user: user)
        out.pointee = bufferHandle(BufferStorage.make(taking: Unmanaged.passRetained(memory)))
    }
}

@_cdecl("fw_buffer_ref") @implementation
public func fw_buffer_ref(_ buffer: OpaquePointer!) -> OpaquePointer! {
    guard let buffer else { return nil }
    bufferReference(buffer).addHandle()
    return buffer
}

@_cdecl("fw_buffer_unref") @implementation
public func fw_buffer_unref(_ buffer: OpaquePointer!) {
    guard let buffer else { return }
    bufferReference(buffer).dropHandle()
}

@_cdecl("fw_buffer_is_writable") @implementation
public func fw_buffer_is_writable(_ buffer: OpaquePointer!) -> Int32 {
    guard let buffer else { return 0 }
    return isOnlyOwner(buffer) ? 1 : 0
}

@_cdecl("fw_buffer_make_writable") @implementation
public func fw_buffer_make_writable(_ buffer: UnsafeMutablePointer<OpaquePointer?>!) -> fw_status {
    guard let buffer else { return failNull("buffer") }
    guard let handle = buffer.pointee else { return failNull("*buffer") }
    if isOnlyOwner(handle) { return FW_OK }
    return status { () throws(BufferError) in
        let old = bufferReference(handle)
        buffer.pointee = try old.borrowed { storage throws(BufferError) in
            bufferHandle(try storage.makeCopy())
        }
        old.dropHandle()
    }
}

// MARK: - Memories

@_cdecl("fw_buffer_memory_count") @implementation
public func fw_buffer_memory_count(_ buffer: OpaquePointer!) -> Int {
    guard let buffer else { return 0 }
    return bufferReference(buffer).borrowed { $0.count }
}

@_cdecl("fw_buffer_size") @implementation
public func fw_buffer_size(_ buffer: OpaquePointer!) -> Int {
    guard let buffer else { return 0 }
    return bufferReference(buffer).borrowed { $0.size }
}

@_cdecl("fw_buffer_insert_memory") @implementation
public func fw_buffer_insert_memory(
    _ buffer: OpaquePointer!, _ index: Int, _ memory: OpaquePointer!
) -> fw_status {
    guard let memory else { return failNull("memory") }
    return change(buffer) { storage throws(BufferError) in
        try storage.insert(taking: memoryReference(memory), at: index == -1 ? storage.count : index)
    }
}

@_cdecl("fw_buffer_append_memory") @implementation
public func fw_buffer_append_memory(_ buffer: OpaquePointer!, _ memory: OpaquePointer!) -> fw_status {
    fw_buffer_insert_memory(buffer, -1, memory)
}

@_cdecl("fw_buffer_prepend_memory") @implementation
public func fw_buffer_prepend_memory(_ buffer: OpaquePointer!, _ memory: OpaquePointer!) -> fw_status {
    fw_buffer_insert_memory(buffer, 0, memory)
}

@_cdecl("fw_buffer_peek_memory") @implementation
public func fw_buffer_peek_memory(_ buffer: OpaquePointer!, _ index: Int) -> OpaquePointer! {
    guard let buffer else { return nil }
    return bufferReference(buffer).borrowed { storage in
        guard index >= 0, index < storage.count else { return nil }
        return OpaquePointer(storage.reference(at: index).toOpaque())
    }
}

// MARK: - Bytes

/// Writes an open map to a caller's struct.
@inline(__always)
private func store(
    _ map: BufferMap, _ flags: UInt32, to info: UnsafeMutablePointer<fw_map_info>
) {
    info.pointee.data = map.bytes.baseAddress
    info.pointee.size = map.bytes.count
    info.pointee.flags = flags
    info.pointee.internal.0 = map.memory?.toOpaque()
    info.pointee.internal.1 = UnsafeMutableRawPointer(bitPattern: UInt(map.kind.rawValue))
}

@_cdecl("fw_buffer_map") @implementation
public func fw_buffer_map(
    _ buffer: OpaquePointer!, _ map_flags: UInt32, _ info: UnsafeMutablePointer<fw_map_info>!
) -> fw_status {
    guard let info else { return failNull("info") }
    info.pointee = fw_map_info()
    guard let buffer else { return failNull("buffer") }
    let flags = MapFlags(rawValue: map_flags)
    return status { () throws(BufferError) in
        try flags.check()
        let mayChange = isOnlyOwner(buffer)
        let map = try bufferReference(buffer).borrowed { storage throws(BufferError) in
            try storage.map(flags, mayChange: mayChange)
        }
        store(map, map_flags, to: info)
    }
}

@_cdecl("fw_buffer_map_range") @implementation
public func fw_buffer_map_range(
    _ buffer: OpaquePointer!, _ index: Int, _ count: Int, _ map_flags: UInt32,
    _ info: UnsafeMutablePointer<fw_map_info>!
) -> fw_status {
    guard let info else { return failNull("info") }
    info.pointee = fw_map_info()
    guard let buffer else { return failNull("buffer") }
    let flags = MapFlags(rawValue: map_flags)
    return status { () throws(BufferError) in
        try flags.check()
        let mayChange = isOnlyOwner(buffer)
        let map = try bufferReference(buffer).borrowed { storage throws(BufferError) in
            try storage.map(storage.range(index, count), flags, mayChange: mayChange)
        }
        store(map, map_flags, to: info)
    }
}

@_cdecl("fw_buffer_unmap") @implementation
public func fw_buffer_unmap(_ buffer: OpaquePointer!, _ info: UnsafeMutablePointer<fw_map_info>!) -> fw_status
{
    guard buffer != nil else { return failNull("buffer") }
    guard let info else { return failNull("info") }
    let flags = MapFlags(rawValue: info.pointee.flags)
    guard
        let kind = UInt8(exactly: UInt(bitPattern: info.pointee.internal.1)).flatMap(
            BufferMap.Kind.init(rawValue:)),
        flags.rawValue >= 1, flags.rawValue <= 3
    else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, "info is no open map: fw_buffer_map fills it, and it is unmapped once")
    }
    let map = BufferMap(
        bytes: UnsafeMutableRawBufferPointer(start: nil, count: 0), flags: flags, kind: kind,
        memory: info.pointee.internal.0.map { Unmanaged.fromOpaque($0) })
    info.pointee = fw_map_info()
    guard map.end() else {
        return fail(FW_ERROR_INVALID_ARGUMENT, "the map of info has ended already")
    }
    return FW_OK
}

@_cdecl("fw_buffer_extract") @implementation
public func fw_buffer_extract(
    _ buffer: OpaquePointer!, _ offset: Int, _ destination: UnsafeMutableRawPointer!, _ size: Int
) -> Int {
    guard let buffer, let destination else { return 0 }
    // A size beyond what an object can have means as much as there is.
    let target = UnsafeMutableRawBufferPointer(start: destination, count: size < 0 ? Int.max : size)
    return bufferReference(buffer).borrowed { $0.extract(offset: offset, into: target) }
}

@_cdecl("fw_buffer_fill") @implementation
public func fw_buffer_fill(
    _ buffer: OpaquePointer!, _ offset: Int, _ source: UnsafeRawPointer!, _ size: Int,
    _ count: UnsafeMutablePointer<Int>!
) -> fw_status {
    count?.pointee = 0
    guard let buffer else { return failNull("buffer") }
    guard source != nil || size == 0 else { return failNull("source") }
    guard isOnlyOwner(buffer) else { return failShared() }
    let bytes = UnsafeRawBufferPointer(start: source, count: source == nil ? 0 : size < 0 ? Int.max : size)
    return status { () throws(BufferError) in
        let filled = try bufferReference(buffer).borrowed { storage throws(BufferError) in
            try storage.fill(offset: offset, from: bytes)
        }
        count?.pointee = filled
    }
}

@_cdecl("fw_buffer_set_bytes") @implementation
public func fw_buffer_set_bytes(
    _ buffer: OpaquePointer!, _ offset: Int, _ value: UInt8, _ size: Int, _ count: UnsafeMutablePointer<Int>!
) -> fw_status {
    count?.pointee = 0
    return change(buffer) { storage throws(BufferError) in
        let set = try storage.setBytes(offset: offset, to: value, size: size < 0 ? Int.max : size)
        count?.pointee = set
    }
}

@_cdecl("fw_buffer_compare") @implementation
public func fw_buffer_compare(
    _ buffer: OpaquePointer!, _ offset: Int, _ bytes: UnsafeRawPointer!, _ size: Int,
    _ order: UnsafeMutablePointer<Int32>!
) -> Int {
    order?.pointee = 0
    guard let buffer, let bytes, let order else { return 0 }
    let other = UnsafeRawBufferPointer(start: bytes, count: size < 0 ? Int.max : size)
    let result = bufferReference(buffer).borrowed { $0.compare(offset: offset, with: other) }
    order.pointee = result.order
    return result.count
}
