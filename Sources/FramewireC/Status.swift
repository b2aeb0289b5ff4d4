import Buffers
import CFramewire

/// The bytes of a literal, which are terminated by zero and live as long as the program.
private func text(_ literal: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}

@_cdecl("fw_status_string") @implementation
public func fw_status_string(_ status: fw_status) -> UnsafePointer<CChar>! {
    switch status {
    case FW_OK: text("FW_OK")
    case FW_ERROR_INVALID_ARGUMENT: text("FW_ERROR_INVALID_ARGUMENT")
    case FW_ERROR_NO_MEMORY: text("FW_ERROR_NO_MEMORY")
    case FW_ERROR_WOULD_BLOCK: text("FW_ERROR_WOULD_BLOCK")
    case FW_ERROR_TIMEOUT: text("FW_ERROR_TIMEOUT")
    case FW_ERROR_CLOSED: text("FW_ERROR_CLOSED")
    case FW_ERROR_FLUSHING: text("FW_ERROR_FLUSHING")
    case FW_ERROR_NOT_WRITABLE: text("FW_ERROR_NOT_WRITABLE")
    case FW_ERROR_OUT_OF_RANGE: text("FW_ERROR_OUT_OF_RANGE")
    case FW_ERROR_PROTOCOL: text("FW_ERROR_PROTOCOL")
    case FW_ERROR_CORRUPT: text("FW_ERROR_CORRUPT")
    case FW_ERROR_TOO_LARGE: text("FW_ERROR_TOO_LARGE")
    case FW_ERROR_UNSUPPORTED: text("FW_ERROR_UNSUPPORTED")
    case FW_ERROR_CONNECTION: text("FW_ERROR_CONNECTION")
    case FW_ERROR_ADDRESS: text("FW_ERROR_ADDRESS")
    case FW_ERROR_PERMISSION: text("FW_ERROR_PERMISSION")
    case FW_ERROR_IO: text("FW_ERROR_IO")
    case FW_ERROR_GL: text("FW_ERROR_GL")
    default: text("unknown status")
    }
}

@_cdecl("fw_pixel_format_name") @implementation
public func fw_pixel_format_name(_ format: fw_pixel_format) -> UnsafePointer<CChar>! {
    guard let code = UInt16(exactly: format.rawValue), let known = PixelFormat(rawValue: code) else {
        return nil
    }
    return text(known.name)
}

@_cdecl("fw_version") @implementation
public func fw_version() -> UInt32 {
    UInt32(FW_VERSION)
}

@_cdecl("fw_version_string") @implementation
public func fw_version_string() -> UnsafePointer<CChar>! {
    text("0.1.0")
}
