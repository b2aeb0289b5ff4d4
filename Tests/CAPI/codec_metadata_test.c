/* Metadata of frames and metas of buffers, through an encoder and a decoder without a connection. */
#include "support.h"

enum { WIDTH = 50, HEIGHT = 40, SIZE = WIDTH * HEIGHT * 4, FIRST = 1001 };

static unsigned char pixels[SIZE];

static void count_up(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

static fw_encoder *new_encoder(fw_profile profile) {
    fw_encoder_options options = FW_ENCODER_OPTIONS_INIT;
    fw_encoder *encoder;
    options.profile = profile;
    options.checksum = 1;
    CHECK_OK(fw_encoder_new(&options, &encoder));
    return encoder;
}

static fw_decoder *new_decoder(void) {
    fw_decoder *decoder;
    CHECK_OK(fw_decoder_new(NULL, &decoder));
    return decoder;
}

/* The frame that a message holds, which is the picture that `info` and `pixels` are. */
static fw_frame *decode(fw_decoder *decoder, fw_buffer *message, const fw_frame_info *info) {
    size_t size = fw_buffer_size(message), used = 0;
    unsigned char *bytes = (unsigned char *)malloc(size);
    fw_frame *frame;
    CHECK(bytes != NULL && fw_buffer_extract(message, 0, bytes, size) == size);
    CHECK_OK(fw_decoder_feed(decoder, bytes, size, &used));
    CHECK(used == size);
    free(bytes);
    CHECK_OK(fw_decoder_next(decoder, &frame));
    CHECK(frame_checksum(frame) == picture_checksum(info, pixels, SIZE));
    return frame;
}

static void set_values(fw_frame *frame, float number) {
    float matrix[16] = {0};
    matrix[0] = matrix[15] = number;
    CHECK_OK(fw_frame_set_text(frame, "scene", "Brücke"));
    CHECK_OK(fw_frame_set_matrix(frame, "view", matrix));
    CHECK_OK(fw_frame_set_bytes(frame, "number", &number, sizeof number));
}

static void expect_values(fw_frame *frame, float number) {
    const char *text = NULL;
    const void *bytes = NULL;
    float matrix[16];
    size_t size = 0;
    CHECK(fw_frame_metadata_count(frame) == 3);
    CHECK_OK(fw_frame_get_text(frame, "scene", &text));
    CHECK(strcmp(text, "Brücke") == 0);
    CHECK_OK(fw_frame_get_matrix(frame, "view", matrix));
    CHECK(matrix[0] == number && matrix[1] == 0 && matrix[15] == number);
    CHECK_OK(fw_frame_get_bytes(frame, "number", &bytes, &size));
    CHECK(size == sizeof number && memcmp(bytes, &number, size) == 0);
}

static void values_of_frames_come_back(fw_profile profile) {
    fw_encoder *encoder = new_encoder(profile);
    fw_decoder *decoder = new_decoder();
    fw_frame_info info = picture(WIDTH, HEIGHT), got = FW_FRAME_INFO_INIT;
    fw_frame *frame, *decoded;
    fw_buffer *message;
    int i;
    for (i = 0; i < 6; i++) {
        info.pts_ns = i;
        if (i % 2 == 0) CHECK_OK(fw_encoder_acquire(encoder, &info, &frame));
        if (i % 2 == 0) memcpy(fw_frame_data(frame), pixels, SIZE);
        if (i % 2 != 0) CHECK_OK(fw_encoder_wrap(encoder, &info, pixels, SIZE, NULL, NULL, &frame));
        CHECK(fw_frame_size(frame) == SIZE && fw_frame_metadata_count(frame) == 0);
        if (i != 3) set_values(frame, (float)i);
        CHECK_OK(fw_encoder_encode_frame(encoder, frame, &message));
        decoded = decode(decoder, message, &info);
        if (i != 3) expect_values(decoded, (float)i);
        if (i == 3) CHECK(fw_frame_metadata_count(decoded) == 0);
        CHECK_OK(fw_frame_get_info(decoded, &got));
        CHECK(got.pts_ns == i && got.sequence == (uint64_t)i);
        fw_frame_unref(decoded);
        fw_buffer_unref(message);
        fw_frame_unref(frame);
    }
    fw_encoder_free(encoder);
    fw_decoder_free(decoder);
}

/* A frame stays the caller's: it is encoded again, with other values, and by another encoder. */
static void a_frame_can_be_encoded_again(void) {
    fw_encoder *encoders[2] = {new_encoder(FW_PROFILE_TILE), new_encoder(FW_PROFILE_LZ4)};
    fw_decoder *decoders[2] = {new_decoder(), new_decoder()};
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_frame *frame, *decoded;
    fw_buffer *message;
    int i;
    CHECK_OK(fw_encoder_acquire(encoders[0], &info, &frame));
    memcpy(fw_frame_data(frame), pixels, SIZE);
    for (i = 0; i < 4; i++) {
        set_values(frame, (float)i);
        CHECK_OK(fw_encoder_encode_frame(encoders[i % 2], frame, &message));
        decoded = decode(decoders[i % 2], message, &info);
        expect_values(decoded, (float)i);
        fw_frame_unref(decoded);
        fw_buffer_unref(message);
    }
    for (i = 0; i < 2; i++) fw_encoder_free(encoders[i]);
    for (i = 0; i < 2; i++) fw_decoder_free(decoders[i]);
    /* It outlives those that lent it. */
    memset(fw_frame_data(frame), 0, SIZE);
    fw_frame_unref(frame);
}

/* From a sender to a receiver, over bytes that the program carries, and to another receiver. */
static void frames_of_connections_are_passed_on(fw_profile profile) {
    fw_encoder *encoder = new_encoder(profile);
    fw_decoder *decoder = new_decoder();
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame, *decoded;
    fw_buffer *message;
    int i;
    open_pair(NULL, NULL, &sender, &receiver);
    for (i = 0; i < 3; i++) {
        CHECK_OK(fw_sender_acquire(sender, &info, &frame));
        memcpy(fw_frame_data(frame), pixels, SIZE);
        set_values(frame, (float)i);
        CHECK_OK(fw_encoder_encode_frame(encoder, frame, &message));
        decoded = decode(decoder, message, &info);
        expect_values(decoded, (float)i);
        fw_frame_unref(decoded);
        fw_buffer_unref(message);
        CHECK_OK(fw_sender_submit(sender, frame));
        CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
        CHECK_OK(fw_encoder_encode_frame(encoder, frame, &message));
        fw_frame_unref(frame);
        decoded = decode(decoder, message, &info);
        expect_values(decoded, (float)i);
        fw_frame_unref(decoded);
        fw_buffer_unref(message);
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    fw_encoder_free(encoder);
    fw_decoder_free(decoder);
}

/* A buffer over `pixels` in two memories that meet in mid-pixel, with metas. */
static fw_buffer *buffer_with_metas(int *released) {
    fw_buffer *buffer;
    fw_memory *memory;
    fw_meta *meta;
    CHECK_OK(fw_buffer_new(&buffer));
    CHECK_OK(fw_memory_new_wrapped(pixels, FIRST, 0, FIRST, FW_MEMORY_FLAG_READ_ONLY, count_up, released, &memory));
    CHECK_OK(fw_buffer_append_memory(buffer, memory));
    CHECK_OK(fw_memory_new_wrapped(pixels + FIRST, SIZE - FIRST, 0, SIZE - FIRST, FW_MEMORY_FLAG_READ_ONLY, count_up, released,
                                   &memory));
    CHECK_OK(fw_buffer_append_memory(buffer, memory));
    CHECK_OK(fw_buffer_add_custom_meta(buffer, "scene", &meta));
    CHECK_OK(fw_custom_meta_set(meta, "name", "bridge", 6));
    CHECK_OK(fw_buffer_add_reference_timestamp_meta(buffer, "timestamp/x-unix", 1000, FW_TIME_NONE, NULL));
    return buffer;
}

static void metas_of_a_buffer_come_back(fw_profile profile, fw_row_order order) {
    fw_encoder *encoder = new_encoder(profile);
    fw_decoder *decoder = new_decoder();
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_reference_timestamp time;
    fw_buffer *buffer, *message;
    fw_frame *frame;
    size_t size = 0;
    int released = 0, i;
    info.row_order = order;
    buffer = buffer_with_metas(&released);
    for (i = 0; i < 3; i++) {
        fw_buffer *got;
        const void *value;
        CHECK_OK(fw_encoder_encode_buffer(encoder, &info, buffer, &message));
        frame = decode(decoder, message, &info);
        got = fw_frame_buffer(frame);
        CHECK(fw_frame_metadata_count(frame) == 2 && fw_buffer_meta_count(got, NULL) == 3);
        value = fw_custom_meta_get(fw_buffer_get_custom_meta(got, "scene"), "name", &size);
        CHECK(size == 6 && memcmp(value, "bridge", 6) == 0);
        CHECK_OK(fw_reference_timestamp_meta_get(fw_buffer_get_reference_timestamp_meta(got, "timestamp/x-unix"), &time));
        CHECK(time.timestamp_ns == 1000);
        fw_frame_unref(frame);
        /* The last message is kept. */
        if (i < 2) fw_buffer_unref(message);
    }
    fw_encoder_free(encoder);
    fw_decoder_free(decoder);
    /* In profile raw the message refers to the pixels, and so to the buffer, whose metas can still be read. */
    fw_buffer_unref(buffer);
    CHECK(released == (profile == FW_PROFILE_RAW ? 0 : 2));
    fw_buffer_unref(message);
    CHECK(released == 2);
}

/* The pixels of a frame are there as long as a message refers to them. */
static void a_message_owns_the_frame_it_refers_to(fw_profile profile) {
    fw_encoder *encoder = new_encoder(profile);
    fw_decoder *decoder = new_decoder();
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_frame *frame, *other;
    fw_buffer *messages[2], *part;
    int released = 0;
    CHECK_OK(fw_encoder_wrap(encoder, &info, pixels, SIZE, count_up, &released, &frame));
    CHECK_OK(fw_encoder_encode_frame(encoder, frame, &messages[0]));
    fw_frame_unref(frame);
    CHECK(released == (profile == FW_PROFILE_RAW ? 0 : 1));
    CHECK_OK(fw_encoder_acquire(encoder, &info, &frame));
    memcpy(fw_frame_data(frame), pixels, SIZE);
    CHECK_OK(fw_encoder_encode_frame(encoder, frame, &messages[1]));
    fw_frame_unref(frame);
    /* A new frame gets other memory than the one that a message refers to. */
    CHECK_OK(fw_encoder_acquire(encoder, &info, &other));
    memset(fw_frame_data(other), 0xEE, SIZE);
    fw_encoder_free(encoder);
    frame = decode(decoder, messages[0], &info);
    fw_frame_unref(frame);
    frame = decode(decoder, messages[1], &info);
    fw_frame_unref(frame);
    fw_frame_unref(other);
    CHECK_OK(fw_buffer_copy_region(messages[0], FW_BUFFER_COPY_ALL, fw_buffer_size(messages[0]) - 100, 50, &part));
    fw_buffer_unref(messages[0]);
    fw_buffer_unref(messages[1]);
    CHECK(released == (profile == FW_PROFILE_RAW ? 0 : 1));
    fw_buffer_unref(part);
    CHECK(released == 1);
    fw_decoder_free(decoder);
}

/* After each refusal the encoder is as it was, and so is what it was given. */
static void refusals_change_nothing(void) {
    static char large[70000];
    fw_encoder *encoder = new_encoder(FW_PROFILE_TILE);
    fw_decoder *decoder = new_decoder();
    fw_frame_info info = picture(WIDTH, HEIGHT), taller = picture(WIDTH, HEIGHT + 1), got = FW_FRAME_INFO_INIT;
    fw_frame *frame = (fw_frame *)large;
    fw_buffer *buffer, *unreachable, *message = (fw_buffer *)large;
    fw_meta *meta;
    int released = 0;
    buffer = buffer_with_metas(&released);
    CHECK_ERROR(fw_encoder_encode_buffer(NULL, &info, buffer, &message), FW_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    CHECK(message == NULL);
    CHECK_ERROR(fw_encoder_encode_buffer(encoder, NULL, buffer, &message), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_encoder_encode_buffer(encoder, &info, NULL, &message), FW_ERROR_INVALID_ARGUMENT, "buffer is NULL");
    CHECK_ERROR(fw_encoder_encode_buffer(encoder, &info, buffer, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_encoder_encode_buffer(encoder, &taller, buffer, &message), FW_ERROR_OUT_OF_RANGE, "8000 bytes");
    CHECK_OK(fw_buffer_new_wrapped(NULL, SIZE, 0, SIZE, FW_MEMORY_FLAG_NOT_MAPPABLE, NULL, NULL, &unreachable));
    CHECK_ERROR(fw_encoder_encode_buffer(encoder, &info, unreachable, &message), FW_ERROR_UNSUPPORTED, "not mappable");
    CHECK(fw_buffer_is_writable(unreachable));
    fw_buffer_unref(unreachable);
    CHECK_OK(fw_buffer_add_custom_meta(buffer, "large", &meta));
    CHECK_OK(fw_custom_meta_set(meta, "bytes", large, sizeof large));
    CHECK_ERROR(fw_encoder_encode_buffer(encoder, &info, buffer, &message), FW_ERROR_TOO_LARGE, "at most 65536 bytes");
    CHECK(message == NULL && fw_buffer_is_writable(buffer));
    CHECK_OK(fw_buffer_remove_meta(buffer, meta));

    CHECK_ERROR(fw_encoder_acquire(NULL, &info, &frame), FW_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    CHECK(frame == NULL);
    CHECK_ERROR(fw_encoder_acquire(encoder, NULL, &frame), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_encoder_acquire(encoder, &info, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    taller.width = 0;
    CHECK_ERROR(fw_encoder_acquire(encoder, &taller, &frame), FW_ERROR_INVALID_ARGUMENT, "0");
    CHECK_ERROR(fw_encoder_wrap(NULL, &info, pixels, SIZE, NULL, NULL, &frame), FW_ERROR_INVALID_ARGUMENT,
                "encoder is NULL");
    CHECK_ERROR(fw_encoder_wrap(encoder, NULL, pixels, SIZE, NULL, NULL, &frame), FW_ERROR_INVALID_ARGUMENT,
                "info is NULL");
    CHECK_ERROR(fw_encoder_wrap(encoder, &info, NULL, SIZE, NULL, NULL, &frame), FW_ERROR_INVALID_ARGUMENT,
                "pixels is NULL");
    CHECK_ERROR(fw_encoder_wrap(encoder, &info, pixels, SIZE - 1, count_up, &released, &frame), FW_ERROR_OUT_OF_RANGE,
                "7999 bytes");
    CHECK_ERROR(fw_encoder_wrap(encoder, &info, pixels, SIZE_MAX, count_up, &released, &frame), FW_ERROR_INVALID_ARGUMENT,
                "more than any object");
    CHECK_ERROR(fw_encoder_wrap(encoder, &info, pixels, SIZE, NULL, NULL, NULL), FW_ERROR_INVALID_ARGUMENT,
                "out is NULL");
    CHECK(frame == NULL && released == 0);
    CHECK_OK(fw_encoder_acquire(encoder, &info, &frame));
    CHECK_ERROR(fw_encoder_encode_frame(NULL, frame, &message), FW_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    CHECK_ERROR(fw_encoder_encode_frame(encoder, NULL, &message), FW_ERROR_INVALID_ARGUMENT, "frame is NULL");
    CHECK_ERROR(fw_encoder_encode_frame(encoder, frame, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    fw_frame_unref(frame);

    CHECK_OK(fw_encoder_encode_buffer(encoder, &info, buffer, &message));
    fw_buffer_unref(buffer);
    CHECK(released == 2);
    frame = decode(decoder, message, &info);
    CHECK_OK(fw_frame_get_info(frame, &got));
    CHECK(got.sequence == 0);
    fw_frame_unref(frame);
    fw_buffer_unref(message);
    fw_encoder_free(encoder);
    fw_decoder_free(decoder);
}

int main(void) {
    static const fw_profile profiles[] = {FW_PROFILE_RAW, FW_PROFILE_LZ4, FW_PROFILE_TILE};
    size_t i;
    begin_test();
    paint(pixels, SIZE, 1);
    for (i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        values_of_frames_come_back(profiles[i]);
        frames_of_connections_are_passed_on(profiles[i]);
        metas_of_a_buffer_come_back(profiles[i], FW_ROW_ORDER_TOP_DOWN);
        metas_of_a_buffer_come_back(profiles[i], FW_ROW_ORDER_BOTTOM_UP);
        a_message_owns_the_frame_it_refers_to(profiles[i]);
    }
    a_frame_can_be_encoded_again();
    refusals_change_nothing();
    printf("codec_metadata_test: ok\n");
    return 0;
}
