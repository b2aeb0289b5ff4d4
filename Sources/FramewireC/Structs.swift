import Buffers
import CFramewire
import Framewire

/// The structs that callers fill begin with `struct_size`: what an older or newer caller's struct does not
/// have keeps its default.

/// Copies the fields that `given` has over those of `defaults`.
///
/// - Parameters:
///   - size: the caller's `struct_size`.
///   - minimum: bytes up to the end of the fields that every caller has.
/// - Returns: `nil` when `size` is below `minimum`.
func overlay<T>(_ given: UnsafePointer<T>, size: UInt32, minimum: Int, on defaults: T) -> T? {
    guard Int(size) >= minimum else { return nil }
    var result = defaults
    withUnsafeMutableBytes(of: &result) { bytes in
        bytes.copyMemory(
            from: UnsafeRawBufferPointer(start: given, count: min(Int(size), MemoryLayout<T>.size)))
    }
    return result
}

/// Writes to `out` as much of `value` as the caller's struct has room for, and leaves its `struct_size`
/// alone.
func store<T>(_ value: T, to out: UnsafeMutablePointer<T>, size: UInt32) {
    withUnsafeBytes(of: value) { bytes in
        let count = min(Int(size), bytes.count)
        guard count > 4 else { return }
        (UnsafeMutableRawPointer(out) + 4).copyMemory(from: bytes.baseAddress! + 4, byteCount: count - 4)
    }
}

/// The sentence for a struct whose size was not set.
@inline(never)
func sizeMessage(_ name: StaticString, _ size: UInt32, _ macro: StaticString) -> Sentence {
    "\(name).struct_size is \(size); start the struct from \(macro)"
}

/// `status` of an error of the library, with its sentence kept for `fw_last_error`.
@inline(never)
func fail(_ error: FramewireError) -> fw_status {
    fail(fw_status(rawValue: error.code.rawValue), text: error.message)
}

/// The status for an argument that is NULL.
@inline(never)
func failNull(_ name: StaticString) -> fw_status {
    fail(FW_ERROR_INVALID_ARGUMENT, "\(name) is NULL")
}

/// A time of the library as C has it: −1 for what has not been measured.
func nanoseconds(_ duration: Int64?) -> Int64 { duration ?? -1 }
