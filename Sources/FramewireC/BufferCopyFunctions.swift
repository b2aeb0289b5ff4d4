import Buffers
import CFramewire

@_cdecl("fw_buffer_copy") @implementation
public func fw_buffer_copy(
    _ buffer: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let buffer else { return failNull("buffer") }
    return status { () throws(BufferError) in
        out.pointee = try bufferReference(buffer).borrowed { storage throws(BufferError) in
            bufferHandle(try storage.makeCopy())
        }
    }
}

@_cdecl("fw_buffer_copy_deep") @implementation
public func fw_buffer_copy_deep(
    _ buffer: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    fw_buffer_copy_region(
        buffer, BufferCopyFlags.all.rawValue | BufferCopyFlags.deep.rawValue, 0, -1, out)
}

@_cdecl("fw_buffer_copy_region") @implementation
public func fw_buffer_copy_region(
    _ buffer: OpaquePointer!, _ flags: UInt32, _ offset: Int, _ size: Int,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let buffer else { return failNull("buffer") }
    return status { () throws(BufferError) in
        out.pointee = try bufferReference(buffer).borrowed { storage throws(BufferError) in
            bufferHandle(
                try storage.copyRegion(BufferCopyFlags(rawValue: flags), offset: offset, size: size))
        }
    }
}

@_cdecl("fw_buffer_copy_into") @implementation
public func fw_buffer_copy_into(
    _ destination: OpaquePointer!, _ source: OpaquePointer!, _ flags: UInt32, _ offset: Int, _ size: Int
) -> fw_status {
    guard let source else { return failNull("source") }
    guard destination != source else {
        return fail(FW_ERROR_INVALID_ARGUMENT, "destination and source are the same buffer")
    }
    return change(destination) { target throws(BufferError) in
        try bufferReference(source).borrowed { storage throws(BufferError) in
            try target.copyIn(storage, BufferCopyFlags(rawValue: flags), offset: offset, size: size)
        }
    }
}

@_cdecl("fw_buffer_append") @implementation
public func fw_buffer_append(
    _ buffer: UnsafeMutablePointer<OpaquePointer?>!, _ other: OpaquePointer!
) -> fw_status {
    fw_buffer_append_region(buffer, other, 0, -1)
}

@_cdecl("fw_buffer_append_region") @implementation
public func fw_buffer_append_region(
    _ buffer: UnsafeMutablePointer<OpaquePointer?>!, _ other: OpaquePointer!, _ offset: Int, _ size: Int
) -> fw_status {
    guard let buffer else { return failNull("buffer") }
    guard let handle = buffer.pointee else { return failNull("*buffer") }
    guard let other else { return failNull("other") }
    return status { () throws(BufferError) in
        let source = bufferReference(other)
        if isOnlyOwner(handle) {
            guard handle != other else {
                throw .invalidArgument(
                    "a buffer is appended to itself, but only one reference of it is there to take")
            }
            try bufferReference(handle).borrowed { target throws(BufferError) in
                try append(other, to: target, offset, size)
            }
        } else {
            let old = bufferReference(handle)
            let copy = try old.borrowed { storage throws(BufferError) in
                let copy = try storage.makeCopy()
                try append(other, to: copy, offset, size)
                return bufferHandle(copy)
            }
            buffer.pointee = copy
            old.dropHandle()
        }
        source.dropHandle()
    }
}

/// Appends by moving the memories where nobody else can miss them: those of all of a buffer whose only reference
/// the caller gives. A pool counts on its buffers keeping theirs.
private func append(
    _ other: OpaquePointer, to target: BufferStorage, _ offset: Int, _ size: Int
) throws(BufferError) {
    let isMoved = offset == 0 && size == -1 && isOnlyOwner(other)
    try bufferReference(other).borrowed { source throws(BufferError) in
        if isMoved, !source.isPooled {
            try target.appendMoving(source)
        } else {
            try target.append(source, offset: offset, size: size)
        }
    }
}
