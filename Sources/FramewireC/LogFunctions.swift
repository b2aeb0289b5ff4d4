import Buffers
import CFramewire
import Framewire

/// The caller's pointer, which only the caller's own callback looks at.
private struct UserPointer: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer?
}

@_cdecl("fw_set_log") @implementation
public func fw_set_log(_ callback: fw_log_fn!, _ maximum: fw_log_level, _ user: UnsafeMutableRawPointer!) {
    guard let callback else { return Log.setHandler(nil) }
    let user = UserPointer(pointer: user)
    let level =
        LogLevel(rawValue: Int32(clamping: maximum.rawValue)) ?? (maximum.rawValue > 4 ? .debug : .error)
    Log.setHandler(
        { level, message in
            callback(fw_log_level(rawValue: UInt32(level.rawValue)), message.cText, user.pointer)
        }, maximum: level)
}
