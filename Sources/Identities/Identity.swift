import COpenSSL
import CPosix

/// Why no key or certificate could be made, as one sentence.
package struct IdentityError: Error {
    package let message: String
}

/// A key on the curve P-256 and a certificate for it, made by OpenSSL.
package final class Identity {
    /// What a certificate says.
    package struct Description {
        /// Whose it is (`CN`).
        package var name: String
        /// The names and addresses of the machines that it is for.
        package var hosts: [String] = []
        /// From when to when it holds, in seconds from now.
        package var validFrom = -86400
        package var validFor = 3650 * 86400
        /// Whether it may sign others.
        package var isAuthority = false

        package init(name: String) {
            self.name = name
        }
    }

    /// The certificate, and the key, in PEM format.
    package let certificate: [UInt8]
    package let key: [UInt8]
    /// SHA-256 of the certificate, as the options of TLS take it.
    package let fingerprint: String

    private let api: fwt_certificate_functions
    private let keyHandle: OpaquePointer
    private let certificateHandle: OpaquePointer

    /// Makes a key and a certificate that `issuer` signs, or that is self-signed.
    package init(_ description: Description, issuer: Identity? = nil) throws(IdentityError) {
        let table = UnsafeMutablePointer<fwt_certificate_functions>.allocate(capacity: 1)
        defer { table.deallocate() }
        if let problem = fwt_load_certificate_functions(table) {
            throw IdentityError(
                message: "making keys needs OpenSSL 3, which cannot be used (\(String(cString: problem)));"
                    + " install the package libssl3")
        }
        var api = table.pointee
        self.api = api
        api.ERR_clear_error()
        guard let key = fwt_new_key(&api) else { throw Identity.failure(api) }
        guard let certificate = api.X509_new() else {
            api.EVP_PKEY_free(key)
            throw Identity.failure(api)
        }
        keyHandle = key
        certificateHandle = certificate
        do throws(IdentityError) {
            try Identity.fill(api, certificate, key, description, issuer)
            self.certificate = try Identity.text(api) { api.PEM_write_bio_X509($0, certificate) }
            self.key = try Identity.text(api) { api.PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
            fingerprint = try Identity.fingerprint(api, certificate)
        } catch {
            api.X509_free(certificate)
            api.EVP_PKEY_free(key)
            throw error
        }
    }

    deinit {
        api.X509_free(certificateHandle)
        api.EVP_PKEY_free(keyHandle)
    }

    private static func failure(_ api: fwt_certificate_functions) -> IdentityError {
        let text = api.ERR_reason_error_string(api.ERR_peek_error()).map { String(cString: $0) }
        return IdentityError(message: "OpenSSL cannot make the certificate: \(text ?? "no reason given")")
    }

    private static func fill(
        _ api: fwt_certificate_functions, _ certificate: OpaquePointer, _ key: OpaquePointer,
        _ description: Description, _ issuer: Identity?
    ) throws(IdentityError) {
        var serial: UInt64 = 0
        let isDone =
            api.X509_set_version(certificate, Int(X509_VERSION_3)) == 1
            && withUnsafeMutableBytes(of: &serial) {
                api.RAND_bytes($0.baseAddress!.assumingMemoryBound(to: UInt8.self), 8) == 1
            }
            // A serial number is positive.
            && api.ASN1_INTEGER_set_uint64(api.X509_get_serialNumber(certificate), serial >> 1 | 1) == 1
            && api.X509_time_adj_ex(api.X509_getm_notBefore(certificate), 0, description.validFrom, nil)
                != nil
            && api.X509_time_adj_ex(
                api.X509_getm_notAfter(certificate), Int32(description.validFor / 86400),
                description.validFor % 86400, nil)
                != nil
            && api.X509_set_pubkey(certificate, key) == 1
        guard isDone, let name = api.X509_get_subject_name(certificate) else { throw failure(api) }
        let text = Array(description.name.utf8)
        guard
            api.X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1,
            api.X509_set_issuer_name(
                certificate, issuer.map { api.X509_get_subject_name($0.certificateHandle) } ?? name) == 1
        else { throw failure(api) }

        var context = v3_ext_ctx()
        api.X509V3_set_ctx(&context, issuer?.certificateHandle ?? certificate, certificate, nil, nil, 0)
        var extensions = [
            (NID_basic_constraints, description.isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE"),
            (
                NID_key_usage,
                description.isAuthority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"
            ),
            (NID_subject_key_identifier, "hash"),
        ]
        if !description.isAuthority { extensions.append((NID_ext_key_usage, "serverAuth,clientAuth")) }
        if !description.hosts.isEmpty {
            var names: [String] = []
            for host in description.hosts { names.append(try alternativeName(host)) }
            extensions.append((NID_subject_alt_name, names.joined(separator: ",")))
        }
        for (kind, value) in extensions {
            guard let made = api.X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw failure(api) }
            defer { api.X509_EXTENSION_free(made) }
            guard api.X509_add_ext(certificate, made, -1) == 1 else { throw failure(api) }
        }
        guard api.X509_sign(certificate, issuer?.keyHandle ?? key, api.EVP_sha256()) > 0 else {
            throw failure(api)
        }
    }

    /// `host` as an entry of the certificate.
    private static func alternativeName(_ host: String) throws(IdentityError) -> String {
        var address = in6_addr()
        if inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1 {
            return "IP:\(host)"
        }
        // Anything else would mean something to the parser of the entry.
        let isName =
            !host.utf8.isEmpty
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                    UInt8(ascii: "_"), UInt8(ascii: "*"):
                    true
                default: false
                }
            }
        guard isName else {
            throw IdentityError(message: "\"\(host)\" is neither the name nor the address of a host")
        }
        return "DNS:\(host)"
    }

    /// What `write` writes to a memory of OpenSSL's.
    private static func text(
        _ api: fwt_certificate_functions, _ write: (OpaquePointer) -> Int32
    ) throws(IdentityError) -> [UInt8] {
        guard let memory = api.BIO_new(api.BIO_s_mem()) else { throw failure(api) }
        defer { _ = api.BIO_free(memory) }
        var api = api
        guard write(memory) == 1 else { throw failure(api) }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = fwt_memory_bytes(&api, memory, &bytes)
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    private static func fingerprint(
        _ api: fwt_certificate_functions, _ certificate: OpaquePointer
    ) throws(IdentityError) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var size: UInt32 = 0
        guard api.X509_digest(certificate, api.EVP_sha256(), &digest, &size) == 1 else { throw failure(api) }
        let digits = Array("0123456789abcdef".utf8)
        let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "sha256:" + String(decoding: text, as: UTF8.self)
    }
}
