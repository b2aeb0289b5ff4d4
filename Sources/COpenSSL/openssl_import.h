/*
 * OpenSSL 3 by its headers alone: nothing links it. Its functions are looked up in libssl.so.3 when TLS is first used, so that
 * programs that use none need no OpenSSL.
 *
 * A table has a pointer for each function, under the function's own name and of its own type.
 */
#ifndef FRAMEWIRE_COPENSSL_H
#define FRAMEWIRE_COPENSSL_H

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#define FWT_FIELD(function) __typeof__(&function) _Nonnull function;
#define FWT_NAME(function) #function "\0"

/* What a connection needs. */
#define FWT_CONNECTION_FUNCTIONS(F) \
    F(OPENSSL_init_ssl) \
    F(ERR_clear_error) \
    F(ERR_peek_error) \
    F(ERR_reason_error_string) \
    F(BIO_get_new_index) \
    F(BIO_meth_new) \
    F(BIO_meth_set_write) \
    F(BIO_meth_set_read) \
    F(BIO_meth_set_ctrl) \
    F(BIO_new) \
    F(BIO_set_data) \
    F(BIO_get_data) \
    F(BIO_set_flags) \
    F(BIO_clear_flags) \
    F(TLS_method) \
    F(SSL_CTX_new) \
    F(SSL_CTX_free) \
    F(SSL_CTX_ctrl) \
    F(SSL_CTX_set_num_tickets) \
    F(SSL_CTX_set_default_read_buffer_len) \
    F(SSL_CTX_set_default_passwd_cb) \
    F(SSL_CTX_use_certificate_chain_file) \
    F(SSL_CTX_use_PrivateKey_file) \
    F(SSL_CTX_load_verify_file) \
    F(SSL_CTX_set_default_verify_paths) \
    F(SSL_CTX_set_verify) \
    F(SSL_CTX_set_cert_verify_callback) \
    F(SSL_new) \
    F(SSL_free) \
    F(SSL_ctrl) \
    F(SSL_set_bio) \
    F(SSL_set_ex_data) \
    F(SSL_get_ex_data) \
    F(SSL_get_ex_data_X509_STORE_CTX_idx) \
    F(SSL_set1_host) \
    F(SSL_get0_param) \
    F(SSL_set_accept_state) \
    F(SSL_set_connect_state) \
    F(SSL_do_handshake) \
    F(SSL_get_verify_result) \
    F(SSL_get_error) \
    F(SSL_read_ex) \
    F(SSL_peek_ex) \
    F(SSL_write_ex) \
    F(SSL_shutdown) \
    F(X509_STORE_CTX_get_ex_data) \
    F(X509_STORE_CTX_get0_cert) \
    F(X509_STORE_CTX_set_error) \
    F(X509_verify_cert) \
    F(X509_verify_cert_error_string) \
    F(X509_VERIFY_PARAM_set1_ip_asc) \
    F(X509_digest) \
    F(EVP_sha256)

typedef struct fwt_connection_functions {
    FWT_CONNECTION_FUNCTIONS(FWT_FIELD)
} fwt_connection_functions;

/* What making keys and certificates needs. */
#define FWT_CERTIFICATE_FUNCTIONS(F) \
    F(ERR_clear_error) \
    F(ERR_peek_error) \
    F(ERR_reason_error_string) \
    F(BIO_s_mem) \
    F(BIO_new) \
    F(BIO_free) \
    F(BIO_ctrl) \
    F(EVP_PKEY_Q_keygen) \
    F(EVP_PKEY_free) \
    F(EVP_sha256) \
    F(RAND_bytes) \
    F(ASN1_INTEGER_set_uint64) \
    F(X509_new) \
    F(X509_free) \
    F(X509_set_version) \
    F(X509_get_serialNumber) \
    F(X509_getm_notBefore) \
    F(X509_getm_notAfter) \
    F(X509_gmtime_adj) \
    F(X509_time_adj_ex) \
    F(X509_set_pubkey) \
    F(X509_get_subject_name) \
    F(X509_set_issuer_name) \
    F(X509_NAME_add_entry_by_txt) \
    F(X509V3_set_ctx) \
    F(X509V3_EXT_conf_nid) \
    F(X509_EXTENSION_free) \
    F(X509_add_ext) \
    F(X509_sign) \
    F(X509_digest) \
    F(PEM_write_bio_X509) \
    F(PEM_write_bio_PrivateKey)

typedef struct fwt_certificate_functions {
    FWT_CERTIFICATE_FUNCTIONS(FWT_FIELD)
} fwt_certificate_functions;

/*
 * Fills a table. libssl.so.3 stays loaded.
 *
 * Returns NULL, or why it did not succeed: the loader's words, or the name of a function that is missing.
 */
static inline const char *fwt_load(void *table, const char *names) {
    void *library = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return dlerror();
    }
    char *field = (char *)table;
    while (*names != 0) {
        /* Those of libcrypto are found too: libssl needs it. */
        void *function = dlsym(library, names);
        if (function == NULL) {
            return names;
        }
        memcpy(field, &function, sizeof function);
        field += sizeof function;
        names += strlen(names) + 1;
    }
    return NULL;
}

static inline const char *fwt_load_connection_functions(fwt_connection_functions *table) {
    return fwt_load(table, FWT_CONNECTION_FUNCTIONS(FWT_NAME));
}

static inline const char *fwt_load_certificate_functions(fwt_certificate_functions *table) {
    return fwt_load(table, FWT_CERTIFICATE_FUNCTIONS(FWT_NAME));
}

/* A new key on the curve P-256. EVP_PKEY_Q_keygen is variadic, which Swift cannot call. */
static inline EVP_PKEY *fwt_new_key(const fwt_certificate_functions *table) {
    return table->EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

/* BIO_get_mem_data, which is a macro: the bytes that have been written to a memory BIO. */
static inline long fwt_memory_bytes(const fwt_certificate_functions *table, BIO *memory, char **bytes) {
    return table->BIO_ctrl(memory, BIO_CTRL_INFO, 0, bytes);
}

#endif
