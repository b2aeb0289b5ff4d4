import Buffers
import CFramewire

// MARK: - Sizes

@_cdecl("fw_buffer_sizes") @implementation
public func fw_buffer_sizes(
    _ buffer: OpaquePointer!, _ offset: UnsafeMutablePointer<Int>!, _ max_size: UnsafeMutablePointer<Int>!
) -> Int {
    offset?.pointee = 0
    max_size?.pointee = 0
    guard let buffer else { return 0 }
    let sizes = bufferReference(buffer).borrowed { $0.sizes(of: 0..<$0.count) }
    offset?.pointee = sizes.offset
    max_size?.pointee = sizes.maxSize
    return sizes.size
}

@_cdecl("fw_buffer_sizes_range") @implementation
public func fw_buffer_sizes_range(
    _ buffer: OpaquePointer!, _ index: Int, _ count: Int, _ size: UnsafeMutablePointer<Int>!,
    _ offset: UnsafeMutablePointer<Int>!, _ max_size: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let buffer else { return failNull("buffer") }
    guard let size else { return failNull("size") }
    return status { () throws(BufferError) in
        try bufferReference(buffer).borrowed { storage throws(BufferError) in
            let sizes = storage.sizes(of: try storage.range(index, count))
            size.pointee = sizes.size
            offset?.pointee = sizes.offset
            max_size?.pointee = sizes.maxSize
        }
    }
}

@_cdecl("fw_buffer_find_memory") @implementation
public func fw_buffer_find_memory(
    _ buffer: OpaquePointer!, _ offset: Int, _ size: Int, _ index: UnsafeMutablePointer<Int>!,
    _ count: UnsafeMutablePointer<Int>!, _ skip: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let buffer else { return failNull("buffer") }
    guard let index, let count, let skip else { return failNull("index, count or skip") }
    return status { () throws(BufferError) in
        try bufferReference(buffer).borrowed { storage throws(BufferError) in
            let found = try storage.findMemory(offset: offset, size: size)
            index.pointee = found.range.lowerBound
            count.pointee = found.range.count
            skip.pointee = found.skip
        }
    }
}

// MARK: - Memories

@_cdecl("fw_buffer_get_memory") @implementation
public func fw_buffer_get_memory(
    _ buffer: OpaquePointer!, _ index: Int, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    fw_buffer_get_memory_range(buffer, index, 1, out)
}

@_cdecl("fw_buffer_get_memory_range") @implementation
public func fw_buffer_get_memory_range(
    _ buffer: OpaquePointer!, _ index: Int, _ count: Int, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let buffer else { return failNull("buffer") }
    return status { () throws(BufferError) in
        try bufferReference(buffer).borrowed { storage throws(BufferError) in
            out.pointee = memoryHandle(try storage.memory(of: storage.range(index, count)))
        }
    }
}

@_cdecl("fw_buffer_get_all_memory") @implementation
public func fw_buffer_get_all_memory(
    _ buffer: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    fw_buffer_get_memory_range(buffer, 0, -1, out)
}

@_cdecl("fw_buffer_replace_memory") @implementation
public func fw_buffer_replace_memory(
    _ buffer: OpaquePointer!, _ index: Int, _ memory: OpaquePointer!
) -> fw_status {
    fw_buffer_replace_memory_range(buffer, index, 1, memory)
}

@_cdecl("fw_buffer_replace_memory_range") @implementation
public func fw_buffer_replace_memory_range(
    _ buffer: OpaquePointer!, _ index: Int, _ count: Int, _ memory: OpaquePointer!
) -> fw_status {
    guard let memory else { return failNull("memory") }
    return change(buffer) { storage throws(BufferError) in
        try storage.replace(at: index, count: count, taking: memoryReference(memory))
    }
}

@_cdecl("fw_buffer_replace_all_memory") @implementation
public func fw_buffer_replace_all_memory(_ buffer: OpaquePointer!, _ memory: OpaquePointer!) -> fw_status {
    fw_buffer_replace_memory_range(buffer, 0, -1, memory)
}

@_cdecl("fw_buffer_remove_memory") @implementation
public func fw_buffer_remove_memory(_ buffer: OpaquePointer!, _ index: Int) -> fw_status {
    fw_buffer_remove_memory_range(buffer, index, 1)
}

@_cdecl("fw_buffer_remove_memory_range") @implementation
public func fw_buffer_remove_memory_range(_ buffer: OpaquePointer!, _ index: Int, _ count: Int) -> fw_status {
    change(buffer) { storage throws(BufferError) in try storage.remove(at: index, count: count) }
}

@_cdecl("fw_buffer_remove_all_memory") @implementation
public func fw_buffer_remove_all_memory(_ buffer: OpaquePointer!) -> fw_status {
    fw_buffer_remove_memory_range(buffer, 0, -1)
}

@_cdecl("fw_buffer_is_memory_range_writable") @implementation
public func fw_buffer_is_memory_range_writable(_ buffer: OpaquePointer!, _ index: Int, _ count: Int) -> Int32
{
    guard let buffer else { return 0 }
    return bufferReference(buffer).borrowed { storage in
        let present = storage.count
        guard index >= 0, index <= present, count >= -1, count <= present - index else { return 0 }
        return storage.isWritable(index..<(count < 0 ? present : index + count)) ? 1 : 0
    }
}

@_cdecl("fw_buffer_is_all_memory_writable") @implementation
public func fw_buffer_is_all_memory_writable(_ buffer: OpaquePointer!) -> Int32 {
    fw_buffer_is_memory_range_writable(buffer, 0, -1)
}

// MARK: - Trimming

@_cdecl("fw_buffer_resize") @implementation
public func fw_buffer_resize(_ buffer: OpaquePointer!, _ offset: Int, _ size: Int) -> fw_status {
    fw_buffer_resize_range(buffer, 0, -1, offset, size)
}

@_cdecl("fw_buffer_resize_range") @implementation
public func fw_buffer_resize_range(
    _ buffer: OpaquePointer!, _ index: Int, _ count: Int, _ offset: Int, _ size: Int
) -> fw_status {
    change(buffer) { storage throws(BufferError) in
        try storage.resize(storage.range(index, count), offset: offset, size: size)
    }
}

@_cdecl("fw_buffer_set_size") @implementation
public func fw_buffer_set_size(_ buffer: OpaquePointer!, _ size: Int) -> fw_status {
    fw_buffer_resize_range(buffer, 0, -1, 0, size)
}
