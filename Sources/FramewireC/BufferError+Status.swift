import Buffers
import CFramewire

extension BufferError {
    /// The code that C has for the error.
    var status: fw_status {
        switch kind {
        case .invalidArgument, .invalidFrame: FW_ERROR_INVALID_ARGUMENT
        case .outOfRange: FW_ERROR_OUT_OF_RANGE
        case .notWritable: FW_ERROR_NOT_WRITABLE
        case .unsupported: FW_ERROR_UNSUPPORTED
        case .corrupt: FW_ERROR_CORRUPT
        case .tooLarge: FW_ERROR_TOO_LARGE
        case .callback: fw_status(rawValue: Int32(truncatingIfNeeded: code))
        case .noMemory: FW_ERROR_NO_MEMORY
        case .wouldBlock: FW_ERROR_WOULD_BLOCK
        case .timeout: FW_ERROR_TIMEOUT
        case .flushing: FW_ERROR_FLUSHING
        }
    }
}

/// `status` of an error of the buffers, with its sentence kept for `fw_last_error`.
@inline(never)
func fail(_ error: BufferError) -> fw_status {
    fail(error.status, text: error.message)
}

/// Runs a function's last step; `FW_OK`, or what its error comes to.
@inline(__always)
func status(_ body: () throws(BufferError) -> Void) -> fw_status {
    do throws(BufferError) {
        try body()
        return FW_OK
    } catch {
        return fail(error)
    }
}
