import Buffers
import CFramewire
import CPosix

/// The memory behind a handle, which is the object itself.
@inline(__always)
func memoryReference(_ handle: OpaquePointer) -> Unmanaged<Memory> {
    Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

/// A handle that owns a reference to `memory`.
@inline(__always)
func memoryHandle(_ memory: consuming Memory) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(memory).toOpaque())
}

/// The parameters of a caller; the defaults for `nil`.
///
/// - Parameter available: bytes of the caller's memory that the struct can have at most, if it lies in
///   another one.
func allocationParameters(
    _ params: UnsafePointer<fw_allocation_params>?, available: Int = Int.max
) throws(BufferError) -> AllocationParameters {
    guard let params else { return AllocationParameters() }
    let defaults = fw_allocation_params(struct_size: 0, flags: 0, alignment: 64, prefix: 0, padding: 0)
    let given = params.pointee.struct_size
    let size = UInt32(clamping: min(Int(given), available))
    guard let full = overlay(params, size: size, minimum: 8, on: defaults) else {
        throw .invalidArgument(sizeMessage("fw_allocation_params", given, "FW_ALLOCATION_PARAMS_INIT"))
    }
    return AllocationParameters(
        flags: MemoryFlags(rawValue: full.flags), alignment: full.alignment, prefix: full.prefix,
        padding: full.padding)
}

@_cdecl("fw_memory_new") @implementation
public func fw_memory_new(
    _ size: Int, _ params: UnsafePointer<fw_allocation_params>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    return status { () throws(BufferError) in
        out.pointee = memoryHandle(try Memory(size: size, parameters: try allocationParameters(params)))
    }
}

@_cdecl("fw_memory_new_wrapped") @implementation
public func fw_memory_new_wrapped(
    _ data: UnsafeMutableRawPointer!, _ max_size: Int, _ offset: Int, _ size: Int, _ flags: UInt32,
    _ release: fw_release_fn!, _ user: UnsafeMutableRawPointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    return status { () throws(BufferError) in
        out.pointee = memoryHandle(
            try Memory(
                wrapping: data, maxSize: max_size, offset: offset, size: size,
                flags: MemoryFlags(rawValue: flags),
                release: release, user: user))
    }
}

@_cdecl("fw_memory_share") @implementation
public func fw_memory_share(
    _ memory: OpaquePointer!, _ offset: Int, _ size: Int, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let memory else { return failNull("memory") }
    return status { () throws(BufferError) in
        out.pointee = try memoryReference(memory).borrowed { memory throws(BufferError) in
            memoryHandle(try memory.share(offset: offset, size: size))
        }
    }
}

@_cdecl("fw_memory_copy") @implementation
public func fw_memory_copy(
    _ memory: OpaquePointer!, _ offset: Int, _ size: Int, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let memory else { return failNull("memory") }
    return status { () throws(BufferError) in
        out.pointee = try memoryReference(memory).borrowed { memory throws(BufferError) in
            memoryHandle(try memory.copy(offset: offset, size: size))
        }
    }
}

@_cdecl("fw_memory_ref") @implementation
public func fw_memory_ref(_ memory: OpaquePointer!) -> OpaquePointer! {
    guard let memory else { return nil }
    _ = memoryReference(memory).retain()
    return memory
}

@_cdecl("fw_memory_unref") @implementation
public func fw_memory_unref(_ memory: OpaquePointer!) {
    guard let memory else { return }
    memoryReference(memory).release()
}

@_cdecl("fw_memory_size") @implementation
public func fw_memory_size(
    _ memory: OpaquePointer!, _ offset: UnsafeMutablePointer<Int>!, _ max_size: UnsafeMutablePointer<Int>!
) -> Int {
    guard let memory else {
        offset?.pointee = 0
        max_size?.pointee = 0
        return 0
    }
    return memoryReference(memory).borrowed { memory in
        offset?.pointee = memory.offset
        max_size?.pointee = memory.maxSize
        return memory.size
    }
}

@_cdecl("fw_memory_get_flags") @implementation
public func fw_memory_get_flags(_ memory: OpaquePointer!) -> UInt32 {
    guard let memory else { return 0 }
    return memoryReference(memory).borrowed { $0.flags.rawValue }
}

@_cdecl("fw_memory_is_writable") @implementation
public func fw_memory_is_writable(_ memory: OpaquePointer!) -> Int32 {
    guard let memory else { return 0 }
    return memoryReference(memory).borrowed { $0.isWritable } ? 1 : 0
}

@_cdecl("fw_memory_is_span") @implementation
public func fw_memory_is_span(
    _ first: OpaquePointer!, _ second: OpaquePointer!, _ offset: UnsafeMutablePointer<Int>!
) -> Int32 {
    guard let first, let second else { return 0 }
    let start = memoryReference(first).borrowed { first in
        memoryReference(second).borrowed { Memory.isSpan(first, $0) }
    }
    guard let start else { return 0 }
    offset?.pointee = start
    return 1
}

@_cdecl("fw_memory_resize") @implementation
public func fw_memory_resize(_ memory: OpaquePointer!, _ offset: Int, _ size: Int) -> fw_status {
    guard let memory else { return failNull("memory") }
    return status { () throws(BufferError) in
        try memoryReference(memory).borrowed { memory throws(BufferError) in
            try memory.resize(offset: offset, size: size)
        }
    }
}

@_cdecl("fw_memory_map") @implementation
public func fw_memory_map(
    _ memory: OpaquePointer!, _ map_flags: UInt32, _ data: UnsafeMutablePointer<UnsafeMutableRawPointer?>!,
    _ size: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let data else { return failNull("data") }
    data.pointee = nil
    size?.pointee = 0
    guard let memory else { return failNull("memory") }
    return status { () throws(BufferError) in
        let bytes = try memoryReference(memory).borrowed { memory throws(BufferError) in
            try memory.map(MapFlags(rawValue: map_flags))
        }
        data.pointee = bytes.baseAddress
        size?.pointee = bytes.count
    }
}

@_cdecl("fw_memory_unmap") @implementation
public func fw_memory_unmap(_ memory: OpaquePointer!, _ map_flags: UInt32) -> fw_status {
    guard let memory else { return failNull("memory") }
    return status { () throws(BufferError) in
        try memoryReference(memory).borrowed { memory throws(BufferError) in
            try memory.unmap(MapFlags(rawValue: map_flags))
        }
    }
}

@_cdecl("fw_set_allocator") @implementation
public func fw_set_allocator(
    _ alloc: fw_alloc_fn!, _ free: fw_free_fn!, _ user: UnsafeMutableRawPointer!
) -> fw_status {
    guard let alloc else {
        guard free == nil else { return failNull("alloc") }
        Allocator.reset()
        return FW_OK
    }
    guard let free else { return failNull("free") }
    Allocator.set(alloc, free, user: user)
    return FW_OK
}
