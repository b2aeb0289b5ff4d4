import Buffers
import CFramewire
import CPosix

/// Keeps `message` as the calling thread's last error and returns `status`, so that a failing function ends
/// with one line.
///
/// A text that does not fit is cut at a whole character.
@inline(never)
func fail(_ status: fw_status, _ message: Sentence) -> fw_status {
    fail(status, text: message.text)
}

/// As ``fail(_:_:)``, with a text that exists already.
@inline(never)
func fail(_ status: fw_status, text message: String) -> fw_status {
    let text = fwp_last_error_text()!
    let capacity = Int(FWP_LAST_ERROR_SIZE) - 1
    // A call that is refused again and again, such as one that must not wait, allocates nothing.
    var count = message.copyBytes(to: UnsafeMutableRawBufferPointer(start: text, count: capacity))
    if count == capacity {
        while count > 0, UInt8(bitPattern: text[count - 1]) & 0xC0 == 0x80 { count -= 1 }
        if count > 0, UInt8(bitPattern: text[count - 1]) >= 0xC0 { count -= 1 }
    }
    text[count] = 0
    return status
}

@_cdecl("fw_last_error") @implementation
public func fw_last_error() -> UnsafePointer<CChar>! {
    UnsafePointer(fwp_last_error_text())
}
