import Buffers
import CFramewire

@inline(__always)
private func poolReference(_ handle: OpaquePointer) -> Unmanaged<BufferPool> {
    Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

/// The options of a caller.
private func poolOptions(
    _ options: UnsafePointer<fw_buffer_pool_options>
) throws(BufferError) -> BufferPool.Options {
    let defaultAllocation = fw_allocation_params(
        struct_size: UInt32(MemoryLayout<fw_allocation_params>.size), flags: 0, alignment: 64, prefix: 0,
        padding: 0)
    let defaults = fw_buffer_pool_options(
        struct_size: 0, reserved: 0, size: 0, min_buffers: 0, max_buffers: 0, allocation: defaultAllocation)
    let given = options.pointee.struct_size
    guard var full = overlay(options, size: given, minimum: 16, on: defaults) else {
        throw .invalidArgument(sizeMessage("fw_buffer_pool_options", given, "FW_BUFFER_POOL_OPTIONS_INIT"))
    }
    guard full.min_buffers >= 0, full.max_buffers >= 0 else {
        throw .outOfRange("min_buffers or max_buffers is more than any pool can hold")
    }
    // It lies behind struct_size, reserved and three sizes, and says itself how much of it is there, as far
    // as the outer struct reaches at all.
    let available = Int(given) - 32
    let allocation =
        available < 8
        ? AllocationParameters() : try allocationParameters(&full.allocation, available: available)
    return BufferPool.Options(
        size: full.size, minimumBuffers: full.min_buffers, maximumBuffers: full.max_buffers,
        allocation: allocation)
}

@_cdecl("fw_buffer_pool_new") @implementation
public func fw_buffer_pool_new(
    _ options: UnsafePointer<fw_buffer_pool_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let options else { return failNull("options") }
    return status { () throws(BufferError) in
        let pool = try BufferPool(try poolOptions(options))
        out.pointee = OpaquePointer(Unmanaged.passRetained(pool).toOpaque())
    }
}

@_cdecl("fw_buffer_pool_acquire") @implementation
public func fw_buffer_pool_acquire(
    _ pool: OpaquePointer!, _ timeout_ns: Int64, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let pool else { return failNull("pool") }
    return status { () throws(BufferError) in
        out.pointee = try poolReference(pool).borrowed { pool throws(BufferError) in
            bufferHandle(try pool.acquireStorage(timeout: timeout_ns))
        }
    }
}

@_cdecl("fw_buffer_pool_set_flushing") @implementation
public func fw_buffer_pool_set_flushing(_ pool: OpaquePointer!, _ flushing: Int32) -> fw_status {
    guard let pool else { return failNull("pool") }
    poolReference(pool).borrowed { $0.setFlushing(flushing != 0) }
    return FW_OK
}

@_cdecl("fw_buffer_pool_get_stats") @implementation
public func fw_buffer_pool_get_stats(
    _ pool: OpaquePointer!, _ stats: UnsafeMutablePointer<fw_buffer_pool_stats>!
) -> fw_status {
    guard let pool else { return failNull("pool") }
    guard let stats else { return failNull("stats") }
    let size = stats.pointee.struct_size
    guard size >= 16 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_buffer_pool_stats", size, "FW_BUFFER_POOL_STATS_INIT"))
    }
    let found = poolReference(pool).borrowed { $0.stats }
    let result = fw_buffer_pool_stats(
        struct_size: 0, reserved: 0, acquired: found.acquired, recycled: found.recycled,
        discarded: found.discarded,
        outstanding: found.outstanding, high_water: found.highWater)
    store(result, to: stats, size: size)
    return FW_OK
}

@_cdecl("fw_buffer_pool_free") @implementation
public func fw_buffer_pool_free(_ pool: OpaquePointer!) {
    guard let pool else { return }
    let reference = poolReference(pool)
    // Ends what waits in other threads, which the last reference alone would not reach.
    reference.borrowed { $0.close() }
    reference.release()
}
