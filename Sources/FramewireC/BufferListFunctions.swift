import Buffers
import CFramewire

/// The list behind a handle, which is the storage object itself.
@inline(__always)
func listReference(_ handle: OpaquePointer) -> Unmanaged<BufferListStorage> {
    Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

@inline(__always)
private func listHandle(_ storage: consuming BufferListStorage) -> OpaquePointer {
    OpaquePointer(BufferListStorage.makeHandle(storage).toOpaque())
}

/// Whether the caller may change the list.
@inline(__always)
private func isOnlyOwner(ofList handle: OpaquePointer) -> Bool {
    var reference = listReference(handle)
    return reference.isOnlyHandle()
}

private func failSharedList() -> fw_status {
    fail(
        FW_ERROR_NOT_WRITABLE,
        "the list has other owners, so it cannot be changed; call fw_buffer_list_make_writable first")
}

// MARK: - Life

@_cdecl("fw_buffer_list_new") @implementation
public func fw_buffer_list_new(_ out: UnsafeMutablePointer<OpaquePointer?>!) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = listHandle(BufferListStorage.make())
    return FW_OK
}

@_cdecl("fw_buffer_list_new_sized") @implementation
public func fw_buffer_list_new_sized(
    _ capacity: Int, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    return status { () throws(BufferError) in
        out.pointee = listHandle(try BufferListStorage.make(capacity: capacity))
    }
}

@_cdecl("fw_buffer_list_ref") @implementation
public func fw_buffer_list_ref(_ list: OpaquePointer!) -> OpaquePointer! {
    guard let list else { return nil }
    listReference(list).addHandle()
    return list
}

@_cdecl("fw_buffer_list_unref") @implementation
public func fw_buffer_list_unref(_ list: OpaquePointer!) {
    guard let list else { return }
    listReference(list).dropHandle()
}

@_cdecl("fw_buffer_list_is_writable") @implementation
public func fw_buffer_list_is_writable(_ list: OpaquePointer!) -> Int32 {
    guard let list else { return 0 }
    return isOnlyOwner(ofList: list) ? 1 : 0
}

@_cdecl("fw_buffer_list_make_writable") @implementation
public func fw_buffer_list_make_writable(_ list: UnsafeMutablePointer<OpaquePointer?>!) -> fw_status {
    guard let list else { return failNull("list") }
    guard let handle = list.pointee else { return failNull("*list") }
    if isOnlyOwner(ofList: handle) { return FW_OK }
    return status { () throws(BufferError) in
        let old = listReference(handle)
        list.pointee = try old.borrowed { storage throws(BufferError) in listHandle(try storage.makeCopy()) }
        old.dropHandle()
    }
}

@_cdecl("fw_buffer_list_copy") @implementation
public func fw_buffer_list_copy(
    _ list: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let list else { return failNull("list") }
    return status { () throws(BufferError) in
        out.pointee = try listReference(list).borrowed { storage throws(BufferError) in
            listHandle(try storage.makeCopy())
        }
    }
}

@_cdecl("fw_buffer_list_copy_deep") @implementation
public func fw_buffer_list_copy_deep(
    _ list: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let list else { return failNull("list") }
    return status { () throws(BufferError) in
        out.pointee = try listReference(list).borrowed { storage throws(BufferError) in
            listHandle(try storage.makeDeepCopy())
        }
    }
}

// MARK: - Buffers

@_cdecl("fw_buffer_list_length") @implementation
public func fw_buffer_list_length(_ list: OpaquePointer!) -> Int {
    guard let list else { return 0 }
    return listReference(list).borrowed { $0.count }
}

@_cdecl("fw_buffer_list_size") @implementation
public func fw_buffer_list_size(_ list: OpaquePointer!) -> Int {
    guard let list else { return 0 }
    return listReference(list).borrowed { $0.size }
}

@_cdecl("fw_buffer_list_insert") @implementation
public func fw_buffer_list_insert(
    _ list: OpaquePointer!, _ index: Int, _ buffer: OpaquePointer!
) -> fw_status {
    guard let list else { return failNull("list") }
    guard let buffer else { return failNull("buffer") }
    guard isOnlyOwner(ofList: list) else { return failSharedList() }
    return status { () throws(BufferError) in
        try listReference(list).borrowed { storage throws(BufferError) in
            try storage.insert(taking: bufferReference(buffer), at: index == -1 ? storage.count : index)
        }
    }
}

@_cdecl("fw_buffer_list_add") @implementation
public func fw_buffer_list_add(_ list: OpaquePointer!, _ buffer: OpaquePointer!) -> fw_status {
    fw_buffer_list_insert(list, -1, buffer)
}

@_cdecl("fw_buffer_list_get") @implementation
public func fw_buffer_list_get(_ list: OpaquePointer!, _ index: Int) -> OpaquePointer! {
    guard let list else { return nil }
    return listReference(list).borrowed { storage in
        guard index >= 0, index < storage.count else { return nil }
        return OpaquePointer(storage.reference(at: index).toOpaque())
    }
}

@_cdecl("fw_buffer_list_get_writable") @implementation
public func fw_buffer_list_get_writable(
    _ list: OpaquePointer!, _ index: Int, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let list else { return failNull("list") }
    guard isOnlyOwner(ofList: list) else { return failSharedList() }
    return status { () throws(BufferError) in
        out.pointee = try listReference(list).borrowed { storage throws(BufferError) in
            OpaquePointer(try storage.writable(at: index).toOpaque())
        }
    }
}

@_cdecl("fw_buffer_list_remove") @implementation
public func fw_buffer_list_remove(_ list: OpaquePointer!, _ index: Int, _ count: Int) -> fw_status {
    guard let list else { return failNull("list") }
    guard isOnlyOwner(ofList: list) else { return failSharedList() }
    return status { () throws(BufferError) in
        try listReference(list).borrowed { storage throws(BufferError) in
            try storage.remove(at: index, count: count)
        }
    }
}

@_cdecl("fw_buffer_list_foreach") @implementation
public func fw_buffer_list_foreach(
    _ list: OpaquePointer!, _ callback: fw_buffer_list_foreach_fn!, _ user: UnsafeMutableRawPointer!
) -> fw_status {
    guard let list else { return failNull("list") }
    guard let callback else { return failNull("callback") }
    let isWritable = isOnlyOwner(ofList: list)
    let reference = listReference(list)
    // With an owner more for the time of the round, the list refuses every other change of it.
    reference.addHandle()
    defer { reference.dropHandle() }
    return reference.borrowed { storage in
        isWritable ? update(storage, callback, user) : visit(storage, callback, user)
    }
}

/// Goes round a list that only the caller owns.
private func update(
    _ storage: BufferListStorage, _ callback: fw_buffer_list_foreach_fn, _ user: UnsafeMutableRawPointer?
) -> fw_status {
    var index = 0
    while index < storage.count {
        var handle: OpaquePointer? = OpaquePointer(storage.take(at: index).toOpaque())
        let goesOn = callback(&handle, index, user) != 0
        if let handle {
            storage.put(bufferReference(handle), at: index)
            index += 1
        } else {
            storage.close(index)
        }
        if !goesOn { break }
    }
    return FW_OK
}

/// Goes round a list that has other owners. The callback gets references of its own.
private func visit(
    _ storage: BufferListStorage, _ callback: fw_buffer_list_foreach_fn, _ user: UnsafeMutableRawPointer?
) -> fw_status {
    for index in 0..<storage.count {
        storage.reference(at: index).addHandle()
        let old = OpaquePointer(storage.reference(at: index).toOpaque())
        var handle: OpaquePointer? = old
        let goesOn = callback(&handle, index, user) != 0
        if let handle { bufferReference(handle).dropHandle() }
        guard handle == old else { return failSharedList() }
        if !goesOn { break }
    }
    return FW_OK
}
