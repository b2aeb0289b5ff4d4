import Buffers
import CFramewire

@inline(__always)
private func poolReference(_ handle: OpaquePointer) -> Unmanaged<BufferPool> {
    Unmanaged.fromOpaque(UnsafeRawPointer(handle))
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
