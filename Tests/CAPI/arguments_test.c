/* Bad arguments give a status and a sentence that names the argument, never a crash. */
#include "support.h"

static fw_sender *sender;
static fw_receiver *receiver;

static fw_status size_of(fw_frame_info info) {
    size_t size = 77;
    fw_status status = fw_frame_info_size(&info, &size);
    CHECK(status == FW_OK || size == 77);
    return status;
}

static void descriptions_are_checked(void) {
    fw_frame_info good = picture(10, 10), bad;
    size_t size;
    uint64_t checksum;
    unsigned char pixels[400] = {0};
    CHECK_OK(fw_frame_info_size(&good, &size));
    CHECK(size == 400);
    CHECK_ERROR(fw_frame_info_size(NULL, &size), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_frame_info_size(&good, NULL), FW_ERROR_INVALID_ARGUMENT, "size is NULL");
    bad = good;
    bad.struct_size = 0;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "struct_size is 0; start the struct from FW_FRAME_INFO_INIT");
    bad.struct_size = 19;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "struct_size is 19");
    bad = good;
    bad.width = 0;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "width is 0");
    bad.width = 65536;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "width is 65536 pixels; it must be 1 to 65535");
    bad.width = UINT32_MAX;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "width is 4294967295");
    bad = good;
    bad.height = 0;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "height is 0");
    bad.height = UINT32_MAX;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "height is 4294967295");
    bad = good;
    bad.format = (fw_pixel_format)0;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "format is 0");
    bad.format = (fw_pixel_format)21;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "format is 21");
    bad.format = (fw_pixel_format)0x7FFFFFFF;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "format is 2147483647");
    bad = good;
    bad.row_order = (fw_row_order)2;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "row_order is 2");
    bad = good;
    bad.stride = 39;
    CHECK_ERROR(size_of(bad), FW_ERROR_INVALID_ARGUMENT, "stride is 39 bytes");
    bad.stride = 40;
    CHECK_OK(size_of(bad));
    bad.stride = UINT32_MAX;
    CHECK_OK(size_of(bad));
    bad.height = 65535;
    bad.width = 65535;
    bad.format = FW_PIXEL_FORMAT_RGBA32F;
    CHECK_OK(size_of(bad));

    CHECK_ERROR(fw_frame_info_checksum(NULL, pixels, 400, &checksum), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_frame_info_checksum(&good, NULL, 400, &checksum), FW_ERROR_INVALID_ARGUMENT, "pixels is NULL");
    CHECK_ERROR(fw_frame_info_checksum(&good, pixels, 400, NULL), FW_ERROR_INVALID_ARGUMENT, "checksum is NULL");
    CHECK_ERROR(fw_frame_info_checksum(&good, pixels, 399, &checksum), FW_ERROR_OUT_OF_RANGE,
                "size is 399 bytes, a frame like this has 400");
    CHECK_ERROR(fw_frame_info_checksum(&good, pixels, 0, &checksum), FW_ERROR_OUT_OF_RANGE, "size is 0 bytes");
    bad = good;
    bad.width = 0;
    CHECK_ERROR(fw_frame_info_checksum(&bad, pixels, 400, &checksum), FW_ERROR_INVALID_ARGUMENT, "width");
}

static void names_are_known(void) {
    int value;
    CHECK(strcmp(fw_status_string(FW_OK), "FW_OK") == 0);
    CHECK(strcmp(fw_status_string(FW_ERROR_TIMEOUT), "FW_ERROR_TIMEOUT") == 0);
    CHECK(strcmp(fw_status_string(FW_ERROR_GL), "FW_ERROR_GL") == 0);
    for (value = -17; value <= 0; value++) {
        CHECK(strncmp(fw_status_string((fw_status)value), value < 0 ? "FW_ERROR_" : "FW_OK", value < 0 ? 9 : 6) == 0);
    }
    CHECK(fw_status_string((fw_status)-1000) != NULL && fw_status_string((fw_status)1) != NULL);
    CHECK(strcmp(fw_pixel_format_name(FW_PIXEL_FORMAT_RGBA8), "rgba8") == 0);
    CHECK(strcmp(fw_pixel_format_name(FW_PIXEL_FORMAT_I420), "i420") == 0);
    for (value = 1; value <= 20; value++) CHECK(fw_pixel_format_name((fw_pixel_format)value) != NULL);
    CHECK(fw_pixel_format_name((fw_pixel_format)0) == NULL && fw_pixel_format_name((fw_pixel_format)21) == NULL);
    CHECK(fw_pixel_format_name((fw_pixel_format)0x7FFFFFFF) == NULL);
    CHECK(fw_version() == FW_VERSION && strcmp(fw_version_string(), "0.1.0") == 0);
}

static void handles_may_be_null(void) {
    fw_frame_info info = picture(4, 4);
    fw_sender_stats sending = FW_SENDER_STATS_INIT;
    fw_receiver_stats receiving = FW_RECEIVER_STATS_INIT;
    fw_frame_timing timing = FW_FRAME_TIMING_INIT;
    fw_frame *frame = (fw_frame *)&info, *lent;
    CHECK_ERROR(fw_sender_acquire(NULL, &info, &frame), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK(frame == NULL);
    CHECK_ERROR(fw_sender_acquire(sender, NULL, &frame), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_sender_acquire(sender, &info, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_sender_submit(sender, NULL), FW_ERROR_INVALID_ARGUMENT, "frame is NULL");
    CHECK_OK(fw_sender_acquire(sender, &info, &lent));
    /* This takes the frame, as every submit does. */
    CHECK_ERROR(fw_sender_submit(NULL, lent), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_push(NULL, &info, &info, 64), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_push(sender, NULL, &info, 64), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_sender_push(sender, &info, NULL, 64), FW_ERROR_INVALID_ARGUMENT, "pixels is NULL");
    CHECK_ERROR(fw_sender_push(sender, &info, &info, 63), FW_ERROR_OUT_OF_RANGE, "63 bytes");
    CHECK_ERROR(fw_sender_push(sender, &info, &info, SIZE_MAX), FW_ERROR_INVALID_ARGUMENT, "size is 18446744073709551615");
    CHECK_ERROR(fw_sender_push_wrapped(sender, NULL, &info, 64, NULL, NULL), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_sender_push_wrapped(sender, &info, &info, SIZE_MAX, NULL, NULL), FW_ERROR_INVALID_ARGUMENT,
                "size is 18446744073709551615");
    CHECK_ERROR(fw_sender_flush(NULL, 0), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK(fw_sender_is_connected(NULL) == 0 && fw_sender_port(NULL) == 0);
    CHECK_ERROR(fw_sender_get_stats(NULL, &sending), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_ERROR(fw_sender_get_stats(sender, NULL), FW_ERROR_INVALID_ARGUMENT, "stats is NULL");
    fw_sender_close(NULL);

    frame = (fw_frame *)&info;
    CHECK_ERROR(fw_receiver_next(NULL, 0, &frame), FW_ERROR_INVALID_ARGUMENT, "receiver is NULL");
    CHECK(frame == NULL);
    CHECK_ERROR(fw_receiver_next(receiver, 0, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK(fw_receiver_fd(NULL) == -1 && fw_receiver_port(NULL) == 0);
    CHECK_ERROR(fw_receiver_get_stats(NULL, &receiving), FW_ERROR_INVALID_ARGUMENT, "receiver is NULL");
    CHECK_ERROR(fw_receiver_get_stats(receiver, NULL), FW_ERROR_INVALID_ARGUMENT, "stats is NULL");
    fw_receiver_close(NULL);

    CHECK(fw_frame_data(NULL) == NULL && fw_frame_size(NULL) == 0 && fw_frame_stride(NULL) == 0);
    CHECK(fw_frame_ref(NULL) == NULL && fw_frame_buffer(NULL) == NULL);
    fw_frame_unref(NULL);
    CHECK_ERROR(fw_frame_get_info(NULL, &info), FW_ERROR_INVALID_ARGUMENT, "frame is NULL");
    CHECK_ERROR(fw_frame_get_timing(NULL, &timing), FW_ERROR_INVALID_ARGUMENT, "frame is NULL");
    CHECK_OK(fw_sender_acquire(sender, &info, &lent));
    CHECK_ERROR(fw_frame_get_info(lent, NULL), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_frame_get_timing(lent, NULL), FW_ERROR_INVALID_ARGUMENT, "timing is NULL");
    timing.struct_size = 7;
    CHECK_ERROR(fw_frame_get_timing(lent, &timing), FW_ERROR_INVALID_ARGUMENT, "FW_FRAME_TIMING_INIT");
    info.struct_size = 0;
    CHECK_ERROR(fw_frame_get_info(lent, &info), FW_ERROR_INVALID_ARGUMENT, "FW_FRAME_INFO_INIT");
    sending.struct_size = 0;
    CHECK_ERROR(fw_sender_get_stats(sender, &sending), FW_ERROR_INVALID_ARGUMENT, "FW_SENDER_STATS_INIT");
    receiving.struct_size = 4;
    CHECK_ERROR(fw_receiver_get_stats(receiver, &receiving), FW_ERROR_INVALID_ARGUMENT, "FW_RECEIVER_STATS_INIT");
    fw_frame_unref(lent);
    CHECK(sender_stats(sender).frames_pushed == 0);
}

static void try_sender(fw_sender_options options, const char *words) {
    fw_sender *out = (fw_sender *)&options;
    CHECK_ERROR(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &out), FW_ERROR_INVALID_ARGUMENT, words);
    CHECK(out == NULL);
}

static void sender_options_are_checked(void) {
    const fw_sender_options good = FW_SENDER_OPTIONS_INIT;
    fw_sender_options bad;
    fw_sender *out;
    CHECK_ERROR(fw_sender_open(NULL, &good, &out), FW_ERROR_INVALID_ARGUMENT, "url is NULL");
    CHECK_ERROR(fw_sender_open("tcp://127.0.0.1:1", &good, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
#define TRY(field, value, words) bad = good, bad.field = value, try_sender(bad, words)
    TRY(struct_size, 0, "struct_size is 0; start the struct from FW_SENDER_OPTIONS_INIT");
    TRY(struct_size, 7, "struct_size is 7");
    TRY(profile, (fw_profile)5, "profile is 5");
    TRY(profile, (fw_profile)256, "profile is 256");
    TRY(acceleration, -1, "acceleration is -1");
    TRY(acceleration, 65538, "acceleration is 65538");
    TRY(overflow, (fw_overflow)3, "overflow is 3");
    TRY(queue_depth, 65, "queue depth is 65");
    TRY(queue_depth, UINT32_MAX, "4294967295");
    TRY(threads, 65, "threads is 65");
    TRY(reconnect, (fw_reconnect)4, "reconnect is 4");
    TRY(connect_timeout_ns, -1, "-1 ns");
    TRY(close_timeout_ns, -1, "-1 ns");
#undef TRY
}

static void try_receiver(fw_receiver_options options, const char *words) {
    fw_receiver *out = (fw_receiver *)&options;
    CHECK_ERROR(fw_receiver_open("tcp://127.0.0.1:0", &options, &out), FW_ERROR_INVALID_ARGUMENT, words);
    CHECK(out == NULL);
}

static void receiver_options_are_checked(void) {
    const fw_receiver_options good = FW_RECEIVER_OPTIONS_INIT;
    fw_receiver_options bad;
    fw_receiver *out;
    CHECK_ERROR(fw_receiver_open(NULL, &good, &out), FW_ERROR_INVALID_ARGUMENT, "url is NULL");
    CHECK_ERROR(fw_receiver_open("tcp://127.0.0.1:0", &good, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
#define TRY(field, value, words) bad = good, bad.field = value, try_receiver(bad, words)
    TRY(struct_size, 0, "struct_size is 0; start the struct from FW_RECEIVER_OPTIONS_INIT");
    TRY(overflow, (fw_overflow)77, "overflow is 77");
    TRY(queue_depth, 65, "65");
    TRY(threads, 65, "threads is 65");
    TRY(reconnect, (fw_reconnect)4, "reconnect is 4");
    TRY(max_frame_bytes, UINT64_MAX, "9223372036854775807");
    TRY(max_metadata_bytes, UINT32_MAX, "4294967295");
    TRY(connect_timeout_ns, -5, "-5 ns");
#undef TRY
}

static void frames_are_submitted_once_and_where_they_belong(void) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *other;
    fw_frame *frame;
    fw_frame_info info = picture(4, 4);
    options.close_timeout_ns = MILLISECOND;
    CHECK_OK(fw_sender_open("tcp://127.0.0.1:0?listen=1", &options, &other));
    CHECK_OK(fw_sender_acquire(other, &info, &frame));
    CHECK_ERROR(fw_sender_submit(sender, frame), FW_ERROR_INVALID_ARGUMENT, "not acquired from this sender");
    CHECK(sender_stats(sender).frames_pushed == 0 && sender_stats(other).frames_pushed == 0);
    fw_sender_close(other);

    CHECK_OK(fw_sender_acquire(sender, &info, &frame));
    memset(fw_frame_data(frame), 3, fw_frame_size(frame));
    fw_frame_ref(frame);
    fw_frame_ref(frame);
    CHECK_OK(fw_sender_submit(sender, frame));
    CHECK_ERROR(fw_sender_submit(sender, frame), FW_ERROR_INVALID_ARGUMENT, "submitted before");
    fw_frame_unref(frame);
    CHECK_OK(fw_sender_flush(sender, PATIENCE));
    CHECK(sender_stats(sender).frames_pushed == 1);
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK_ERROR(fw_sender_submit(sender, frame), FW_ERROR_INVALID_ARGUMENT, "not acquired from this sender");
    CHECK(sender_stats(sender).frames_pushed == 1);
}

static void more_memory_than_there_is_is_refused(void) {
    fw_frame *frame = (fw_frame *)&frame;
    fw_frame_info info = picture(65535, 65535);
    fw_status status;
    unsigned char pixel = 0;
    info.format = FW_PIXEL_FORMAT_RGBA32F;
    info.stride = UINT32_MAX;
    /* 2^48 bytes are more than a process can address. */
    status = fw_sender_acquire(sender, &info, &frame);
    CHECK(status == FW_ERROR_NO_MEMORY && frame == NULL);
    CHECK(strstr(fw_last_error(), "no memory for 281") != NULL);
    CHECK_ERROR(fw_sender_push(sender, &info, &pixel, 1), FW_ERROR_OUT_OF_RANGE, "1 bytes of pixels");
    /* The sender goes on. */
    info = picture(4, 4);
    CHECK_OK(fw_sender_acquire(sender, &info, &frame));
    fw_frame_unref(frame);
}

static void a_success_keeps_the_last_error(void) {
    size_t size;
    fw_frame_info info = picture(1, 1);
    CHECK_ERROR(fw_sender_flush(NULL, 0), FW_ERROR_INVALID_ARGUMENT, "sender is NULL");
    CHECK_OK(fw_frame_info_size(&info, &size));
    CHECK(strstr(fw_last_error(), "sender is NULL") != NULL);
}

int main(void) {
    begin_test();
    CHECK(strcmp(fw_last_error(), "") == 0);
    open_pair(NULL, NULL, &sender, &receiver);
    descriptions_are_checked();
    names_are_known();
    handles_may_be_null();
    sender_options_are_checked();
    receiver_options_are_checked();
    frames_are_submitted_once_and_where_they_belong();
    more_memory_than_there_is_is_refused();
    a_success_keeps_the_last_error();
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    printf("arguments_test: ok\n");
    return 0;
}
