import Buffers
import CFramewire
import Framewire

private func encoder(_ handle: OpaquePointer) -> FrameMessageEncoder {
    Unmanaged<FrameMessageEncoder>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

private func decoder(_ handle: OpaquePointer) -> FrameMessageDecoder {
    Unmanaged<FrameMessageDecoder>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The caller's options, or `nil` after noting why they are refused.
private func encoderOptions(_ given: UnsafePointer<fw_encoder_options>?) -> Sender.Options? {
    var options = Sender.Options()
    guard let given else { return options }
    let defaults = fw_encoder_options(
        struct_size: 0, profile: FW_PROFILE_AUTO, acceleration: 0, threads: 0, checksum: 0, reserved: 0)
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: 8, on: defaults) else {
        _ = fail(
            FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_encoder_options", size, "FW_ENCODER_OPTIONS_INIT"))
        return nil
    }
    guard let profile = profile(full.profile) else { return nil }
    options.profile = profile
    if full.acceleration != 0 { options.acceleration = full.acceleration }
    options.threads = Int(full.threads)
    options.checksum = full.checksum != 0
    return options
}

@_cdecl("fw_encoder_new") @implementation
public func fw_encoder_new(
    _ options: UnsafePointer<fw_encoder_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let options = encoderOptions(options) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        try options.validate()
    } catch {
        return fail(error)
    }
    out.pointee = OpaquePointer(Unmanaged.passRetained(FrameMessageEncoder(options)).toOpaque())
    return FW_OK
}

/// Puts what an encoder makes where the caller wants it.
///
/// - Parameter make: nil after noting which argument is refused.
@inline(never)
private func give(
    _ handle: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?,
    _ make: (FrameMessageEncoder) throws(FramewireError) -> OpaquePointer?
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("encoder") }
    do throws(FramewireError) {
        out.pointee = try make(encoder(handle))
        return out.pointee == nil ? FW_ERROR_INVALID_ARGUMENT : FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_encoder_encode") @implementation
public func fw_encoder_encode(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ pixels: UnsafeRawPointer!, _ size: Int,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    give(handle, out) { (encoder) throws(FramewireError) in
        guard let pixels = givenPixels(pixels, size), let info = frameInfo(info) else { return nil }
        return bufferHandle(try encoder.encode(info, pixels).storage)
    }
}

@_cdecl("fw_encoder_encode_buffer") @implementation
public func fw_encoder_encode_buffer(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ buffer: OpaquePointer!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    give(handle, out) { (encoder) throws(FramewireError) in
        guard let buffer else {
            _ = failNull("buffer")
            return nil
        }
        guard let info = frameInfo(info) else { return nil }
        let pixels = Buffer(storage: bufferReference(buffer).takeUnretainedValue())
        return bufferHandle(try encoder.encode(info, buffer: pixels).storage)
    }
}

@_cdecl("fw_encoder_acquire") @implementation
public func fw_encoder_acquire(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!,
    _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    give(handle, out) { (encoder) throws(FramewireError) in
        guard let info = frameInfo(info) else { return nil }
        return frameHandle(try encoder.acquireSlot(info))
    }
}

@_cdecl("fw_encoder_wrap") @implementation
public func fw_encoder_wrap(
    _ handle: OpaquePointer!, _ info: UnsafePointer<fw_frame_info>!, _ pixels: UnsafeRawPointer!, _ size: Int,
    _ release: fw_release_fn!, _ user: UnsafeMutableRawPointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    give(handle, out) { (encoder) throws(FramewireError) in
        guard let pixels = givenPixels(pixels, size), let info = frameInfo(info) else { return nil }
        return frameHandle(try encoder.wrap(info, pixels, release: release, user: user))
    }
}

@_cdecl("fw_encoder_encode_frame") @implementation
public func fw_encoder_encode_frame(
    _ handle: OpaquePointer!, _ frame: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    give(handle, out) { (encoder) throws(FramewireError) in
        guard let frame else {
            _ = failNull("frame")
            return nil
        }
        return bufferHandle(try encoder.encodeFrame(frameSlot(frame)).storage)
    }
}

@_cdecl("fw_encoder_free") @implementation
public func fw_encoder_free(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<FrameMessageEncoder>.fromOpaque(UnsafeRawPointer(handle)).release()
}

@_cdecl("fw_decoder_new") @implementation
public func fw_decoder_new(
    _ options: UnsafePointer<fw_receiver_options>!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let options = receiverOptions(options) else { return FW_ERROR_INVALID_ARGUMENT }
    do {
        try options.validate()
    } catch {
        return fail(error)
    }
    out.pointee = OpaquePointer(Unmanaged.passRetained(FrameMessageDecoder(options)).toOpaque())
    return FW_OK
}

@_cdecl("fw_decoder_feed") @implementation
public func fw_decoder_feed(
    _ handle: OpaquePointer!, _ bytes: UnsafeRawPointer!, _ size: Int, _ used: UnsafeMutablePointer<Int>!
) -> fw_status {
    guard let used else { return failNull("used") }
    used.pointee = 0
    guard let handle else { return failNull("decoder") }
    guard bytes != nil || size == 0 else { return failNull("bytes") }
    guard let count = byteCount(size) else { return failSize(size) }
    do {
        used.pointee = try decoder(handle).feed(UnsafeRawBufferPointer(start: bytes, count: count))
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_decoder_next") @implementation
public func fw_decoder_next(
    _ handle: OpaquePointer!, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> fw_status {
    guard let out else { return failNull("out") }
    out.pointee = nil
    guard let handle else { return failNull("decoder") }
    do {
        out.pointee = frameHandle(try decoder(handle).next())
        return FW_OK
    } catch {
        return fail(error)
    }
}

@_cdecl("fw_decoder_free") @implementation
public func fw_decoder_free(_ handle: OpaquePointer!) {
    guard let handle else { return }
    Unmanaged<FrameMessageDecoder>.fromOpaque(UnsafeRawPointer(handle)).release()
}
