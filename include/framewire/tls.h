/*
 * Framewire: TLS 1.3 for tls:// URLs, by OpenSSL 3. Nothing links it: libssl.so.3 (package libssl3) is loaded when the first tls:// URL is
 * opened; where it is missing, opening fails with FW_ERROR_UNSUPPORTED.
 *
 *   fw_tls_options tls = FW_TLS_OPTIONS_INIT;
 *   tls.certificate_file = "sender.pem";
 *   tls.key_file = "sender.key";
 *   tls.pins = "sha256:4f0c...";                       // the receiver's fingerprint
 *   fw_sender_options options = FW_SENDER_OPTIONS_INIT;
 *   options.tls = &tls;
 *   fw_sender_open("tls://media-server:3000", &options, &sender);
 *
 * `framewire keygen DIR` makes such a pair of identities and prints their fingerprints.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FRAMEWIRE_TLS_H
#define FRAMEWIRE_TLS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who this side is and whom it trusts. Strings end with a zero byte; NULL leaves them out. Files are in PEM format and read when the
 * sender or receiver is opened; neither the struct nor its strings are needed after that.
 *
 * A side that listens needs a certificate; one that connects needs it where the other asks for it. The other side's certificate is
 * accepted if its fingerprint is one of `pins` (nothing else about it counts then, neither name nor dates) or, without pins, if an
 * authority of `authority_file` (else one that the system trusts) has signed it, it is in force and, for the side that connects, it is
 * for the host of the URL. A side that listens asks for a certificate only with pins, an authority file or
 * require_client_certificate.
 *
 * Errors of opening: INVALID_ARGUMENT (no certificate on a side that listens, a key that does not match, a pin that is none, TLS options
 * with a URL that is not tls://), IO and PERMISSION (a file cannot be read), UNSUPPORTED (no OpenSSL 3); and for a side that connects
 * CONNECTION (the peer speaks no TLS 1.3), PERMISSION (a certificate is not accepted), TIMEOUT. A server judges a client's certificate
 * when the client's handshake is already over, so the client learns of it from a later call. What a side that listens refuses costs a
 * warning in its log, and it goes on.
 */
typedef struct fw_tls_options {
    uint32_t struct_size;                /* sizeof(fw_tls_options) */
    uint32_t require_client_certificate; /* 1: for a side that listens; needs pins or authority_file */
    const char *certificate_file;        /* this side's certificate, followed by those that lead to its authority */
    const char *key_file;                /* its key, not encrypted; NULL: it is in certificate_file */
    const char *authority_file;          /* certificates of authorities, in place of the system's */
    const char *pins;                    /* SHA-256 fingerprints, "sha256:" and 64 hexadecimal digits; commas or spaces between several */
} fw_tls_options;

#define FW_TLS_OPTIONS_INIT \
    { (uint32_t)sizeof(fw_tls_options), 0, 0, 0, 0, 0 }

#ifdef __cplusplus
}
#endif

#endif /* FRAMEWIRE_TLS_H */
