import Buffers
import CFramewire

@inline(__always)
private func poolReference(_ handle: OpaquePointer) -> Unmanaged<BufferPool> {
    Unmanaged.fromOpaque(UnsafeRawPointer(handle))
}

/// The configuration of a caller.
private func poolConfiguration(
    _ config: UnsafePointer<fw_buffer_pool_config>
) throws(BufferError) -> BufferPool.Configuration {
    let defaultAllocation = fw_allocation_params(
        struct_size: UInt32(MemoryLayout<fw_allocation_params>.size), flags: 0, alignment: 64, prefix: 0,
        padding: 0)
    let defaults = fw_buffer_pool_config(
        struct_size: 0, reserved: 0, size: 0, min_buffers: 0, max_buffers: 0, allocation: defaultAllocation)
    let given = config.pointee.struct_size
    guard var full = overlay(config, size: given, minimum: 16, on: defaults) else {
        throw .invalidArgument(sizeMessage("fw_buffer_pool_config", given, "FW_BUFFER_POOL_CONFIG_INIT"))
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
    return BufferPool.Configuration(
        size: full.size, minimumBuffers: full.min_buffers, maximumBuffers: full.max_buffers,
        allocation: allocation)
}

@_cdecl("fw_buffer_pool_new") @implementation
public func fw_buffer_pool_new(_ out: UnsafeMutablePointer<OpaquePointer?>!) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = OpaquePointer(Unmanaged.passRetained(BufferPool()).toOpaque())
    return FW_OK
}

@_cdecl("fw_buffer_pool_set_config") @implementation
public func fw_buffer_pool_set_config(
    _ pool: OpaquePointer!, _ config: UnsafePointer<fw_buffer_pool_config>!
) -> fw_status {
    guard let pool else { return failNull("pool") }
    guard let config else { return failNull("config") }
    return status { () throws(BufferError) in
        let configuration = try poolConfiguration(config)
        try poolReference(pool).borrowed { pool throws(BufferError) in try pool.configure(configuration) }
    }
}

@_cdecl("fw_buffer_pool_get_config") @implementation
public func fw_buffer_pool_get_config(
    _ pool: OpaquePointer!, _ config: UnsafeMutablePointer<fw_buffer_pool_config>!
) -> fw_status {
    guard let pool else { return failNull("pool") }
    guard let config else { return failNull("config") }
    let size = config.pointee.struct_size
    guard size >= 16 else {
        return fail(
            FW_ERROR_INVALID_ARGUMENT,
            sizeMessage("fw_buffer_pool_config", size, "FW_BUFFER_POOL_CONFIG_INIT"))
    }
    let found = poolReference(pool).borrowed { $0.configuration }
    let allocation = fw_allocation_params(
        struct_size: UInt32(MemoryLayout<fw_allocation_params>.size), flags: found.allocation.flags.rawValue,
        alignment: found.allocation.alignment, prefix: found.allocation.prefix,
        padding: found.allocation.padding)
    let result = fw_buffer_pool_config(
        struct_size: 0, reserved: 0, size: found.size, min_buffers: found.minimumBuffers,
        max_buffers: found.maximumBuffers, allocation: allocation)
    store(result, to: config, size: size)
    return FW_OK
}

@_cdecl("fw_buffer_pool_set_active") @implementation
public func fw_buffer_pool_set_active(_ pool: OpaquePointer!, _ active: Int32) -> fw_status {
    guard let pool else { return failNull("pool") }
    return status { () throws(BufferError) in
        try poolReference(pool).borrowed { pool throws(BufferError) in try pool.setActive(active != 0) }
    }
}

@_cdecl("fw_buffer_pool_is_active") @implementation
public func fw_buffer_pool_is_active(_ pool: OpaquePointer!) -> Int32 {
    guard let pool else { return 0 }
    return poolReference(pool).borrowed { $0.isActive } ? 1 : 0
}

@_cdecl("fw_buffer_pool_set_flushing") @implementation
public func fw_buffer_pool_set_flushing(_ pool: OpaquePointer!, _ flushing: Int32) -> fw_status {
    guard let pool else { return failNull("pool") }
    poolReference(pool).borrowed { $0.setFlushing(flushing != 0) }
    return FW_OK
}

/// How long a caller wants to wait, in nanoseconds.
private func timeout(_ params: UnsafePointer<fw_acquire_params>) throws(BufferError) -> Int64 {
    let size = params.pointee.struct_size
    guard
        let full = overlay(
            params, size: size, minimum: 8, on: fw_acquire_params(struct_size: 0, flags: 0, timeout_ns: -1))
    else {
        throw .invalidArgument(sizeMessage("fw_acquire_params", size, "FW_ACQUIRE_PARAMS_INIT"))
    }
    let known = UInt32(FW_ACQUIRE_FLAG_DONT_WAIT.rawValue)
    guard full.flags & ~known == 0 else {
        throw .invalidArgument(
            "fw_acquire_params.flags has unknown bits; FW_ACQUIRE_FLAG_DONT_WAIT is all there is")
    }
    return full.flags == 0 ? full.timeout_ns : 0
}

@_cdecl("fw_buffer_pool_acquire") @implementation
public func fw_buffer_pool_acquire(
    _ pool: OpaquePointer!, _ params: UnsafePointer<fw_acquire_params>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let pool else { return failNull("pool") }
    return status { () throws(BufferError) in
        let timeout = params == nil ? -1 : try timeout(params)
        out.pointee = try poolReference(pool).borrowed { pool throws(BufferError) in
            OpaquePointer(try pool.acquireHandle(timeout: timeout).toOpaque())
        }
    }
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
