/* TLS through the shipped library: a pair that knows each other by fingerprint, and what is refused. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/framewire-tls-XXXXXX";
static char certificate[64], key[64], pin[160];

/* A self-signed certificate, made by the openssl command; 0 where there is none. */
static int make_identity(void) {
    char command[512];
    FILE *output;
    char *equals;
    if (mkdtemp(folder) == NULL) {
        return 0;
    }
    snprintf(certificate, sizeof certificate, "%s/x.pem", folder);
    snprintf(key, sizeof key, "%s/x.key", folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -days 2 -out %s -keyout %s "
             "2>/dev/null && openssl x509 -in %s -noout -fingerprint -sha256",
             certificate, key, certificate);
    output = popen(command, "r");
    strcpy(pin, "sha256:");
    if (output == NULL || fgets(command, sizeof command, output) == NULL || pclose(output) != 0 ||
        (equals = strchr(command, '=')) == NULL) {
        return 0;
    }
    equals[strcspn(equals, "\n")] = 0;
    strncat(pin, equals + 1, sizeof pin - 8);
    return 1;
}

static void frames_travel_over_tls(void) {
    fw_tls_options tls = FW_TLS_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_sender_options sending = FW_SENDER_OPTIONS_INIT;
    fw_receiver *receiver;
    fw_sender *sender;
    fw_frame_info info = picture(33, 21);
    unsigned char pixels[33 * 21 * 4];
    char url[64];
    int i;
    for (i = 0; i < (int)sizeof pixels; i++) {
        pixels[i] = (unsigned char)(i * 7 % 251);
    }
    tls.certificate_file = certificate;
    tls.key_file = key;
    tls.pins = pin;
    tls.require_client_certificate = 1;
    receiving.tls = &tls;
    sending.tls = &tls;
    CHECK_OK(fw_receiver_open("tls://127.0.0.1:0", &receiving, &receiver));
    snprintf(url, sizeof url, "tls://127.0.0.1:%u", (unsigned)fw_receiver_port(receiver));
    CHECK_OK(fw_sender_open(url, &sending, &sender));
    for (i = 0; i < 5; i++) {
        fw_frame *frame;
        CHECK_OK(fw_sender_push(sender, &info, pixels, sizeof pixels));
        CHECK_OK(fw_receiver_next(receiver, 20000000000, &frame));
        CHECK(memcmp(fw_frame_data(frame), pixels, sizeof pixels) == 0);
        fw_frame_unref(frame);
    }
    fw_sender_close(sender);
    /* Another fingerprint: the sentence has the one that was seen. */
    tls.pins = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    CHECK_ERROR(fw_sender_open(url, &sending, &sender), FW_ERROR_PERMISSION, "which is not among the pins");
    fw_receiver_close(receiver);
}

static void options_are_checked(void) {
    fw_tls_options tls = FW_TLS_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver *receiver;
    CHECK_ERROR(fw_receiver_open("tls://127.0.0.1:0", NULL, &receiver), FW_ERROR_INVALID_ARGUMENT, "needs a certificate");
    receiving.tls = &tls;
    tls.struct_size = 4;
    CHECK_ERROR(fw_receiver_open("tls://127.0.0.1:0", &receiving, &receiver), FW_ERROR_INVALID_ARGUMENT, "FW_TLS_OPTIONS_INIT");
    tls.struct_size = sizeof tls;
    tls.certificate_file = "/nonexistent";
    CHECK_ERROR(fw_receiver_open("tls://127.0.0.1:0", &receiving, &receiver), FW_ERROR_IO, "/nonexistent");
    tls.certificate_file = certificate;
    tls.key_file = key;
    tls.pins = "nonsense";
    CHECK_ERROR(fw_receiver_open("tls://127.0.0.1:0", &receiving, &receiver), FW_ERROR_INVALID_ARGUMENT, "fingerprints");
    tls.pins = NULL;
    tls.require_client_certificate = 1;
    CHECK_ERROR(fw_receiver_open("tls://127.0.0.1:0", &receiving, &receiver), FW_ERROR_INVALID_ARGUMENT, "client certificate");
    CHECK_ERROR(fw_receiver_open("tcp://127.0.0.1:0", &receiving, &receiver), FW_ERROR_INVALID_ARGUMENT, "tls://");
}

int main(void) {
    begin_test();
    if (!make_identity()) {
        fprintf(stderr, "skipped: the openssl command is not there\n");
        return 0;
    }
    frames_travel_over_tls();
    options_are_checked();
    unlink(certificate);
    unlink(key);
    rmdir(folder);
    printf("tls_test: ok\n");
    return 0;
}
