import Buffers
import CFramewire
import Framewire

/// Bytes of `fw_tls_options` up to and with `require_client_certificate`.
private let minimumOptionsSize = 8

/// The caller's options of TLS, or `nil` after noting why they are refused.
func tlsOptions(_ given: UnsafePointer<fw_tls_options>?) -> TLSOptions? {
    var options = TLSOptions()
    guard let given else { return options }
    let size = given.pointee.struct_size
    guard let full = overlay(given, size: size, minimum: minimumOptionsSize, on: fw_tls_options()) else {
        _ = fail(FW_ERROR_INVALID_ARGUMENT, sizeMessage("fw_tls_options", size, "FW_TLS_OPTIONS_INIT"))
        return nil
    }
    options.certificateFile = text(full.certificate_file)
    options.keyFile = text(full.key_file)
    options.authorityFile = text(full.authority_file)
    options.pinList = text(full.pins) ?? ""
    options.requiresClientCertificate = full.require_client_certificate != 0
    return options
}

@inline(never)
private func text(_ string: UnsafePointer<CChar>?) -> String? {
    guard let string else { return nil }
    return String(text: string)
}
