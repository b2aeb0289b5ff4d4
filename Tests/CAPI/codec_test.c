/* Encoder and decoder without a connection: any chopping of the bytes gives the same frames, damage gives the cause. */
#include "support.h"

static unsigned char *stream;
static size_t stream_size;
enum { FRAMES = 4 };

static fw_frame_info frame_of(int number) {
    fw_frame_info info = picture(50 + (uint32_t)number * 13, 40);
    info.format = number % 2 == 0 ? FW_PIXEL_FORMAT_RGB8 : FW_PIXEL_FORMAT_NV12;
    info.row_order = number % 2 == 0 ? FW_ROW_ORDER_BOTTOM_UP : FW_ROW_ORDER_TOP_DOWN;
    info.pts_ns = number;
    return info;
}

static void append(fw_buffer *message) {
    size_t size = fw_buffer_size(message);
    stream = (unsigned char *)realloc(stream, stream_size + size);
    CHECK(stream != NULL);
    CHECK(fw_buffer_extract(message, 0, stream + stream_size, size) == size);
    stream_size += size;
}

static void encode_stream(fw_profile profile) {
    fw_encoder_options options = FW_ENCODER_OPTIONS_INIT;
    fw_encoder *encoder;
    int i;
    stream_size = 0;
    options.profile = profile;
    options.checksum = 1;
    CHECK_OK(fw_encoder_new(&options, &encoder));
    for (i = 0; i < FRAMES; i++) {
        fw_frame_info info = frame_of(i);
        size_t size = picture_size(&info);
        unsigned char *pixels = (unsigned char *)malloc(size);
        fw_buffer *message;
        CHECK(pixels != NULL);
        paint(pixels, size, (uint64_t)i);
        CHECK_OK(fw_encoder_encode(encoder, &info, pixels, size, &message));
        append(message);
        fw_buffer_unref(message);
        free(pixels);
    }
    fw_encoder_free(encoder);
}

/* Feeds `size` bytes in pieces of `step` and CHECKs each frame that comes; gives their number. */
static int decode(fw_decoder *decoder, size_t size, size_t step) {
    size_t at = 0;
    int frames = 0;
    while (at < size) {
        size_t used = SIZE_MAX, count = size - at < step ? size - at : step;
        fw_frame *frame = NULL;
        fw_status status;
        CHECK_OK(fw_decoder_feed(decoder, stream + at, count, &used));
        CHECK(used <= count);
        at += used;
        status = fw_decoder_next(decoder, &frame);
        if (status == FW_OK) {
            fw_frame_info info = frame_of(frames), got = FW_FRAME_INFO_INIT;
            CHECK_OK(fw_frame_get_info(frame, &got));
            CHECK(got.pts_ns == frames && got.width == info.width && got.sequence == (uint64_t)frames);
            CHECK(frame_checksum(frame) == painted_checksum(&info, (uint64_t)frames));
            fw_frame_unref(frame);
            frames++;
        } else {
            CHECK(status == FW_ERROR_WOULD_BLOCK && frame == NULL && used == count);
        }
    }
    return frames;
}

static void any_chopping_gives_the_same_frames(void) {
    static const size_t steps[] = {1, 2, 7, 64, 1000, 4096, SIZE_MAX};
    size_t i;
    for (i = quick() ? 3 : 0; i < sizeof steps / sizeof *steps; i++) {
        fw_decoder *decoder;
        CHECK_OK(fw_decoder_new(NULL, &decoder));
        CHECK(decode(decoder, stream_size, steps[i]) == FRAMES);
        fw_decoder_free(decoder);
    }
}

static void a_recording_is_what_an_encoder_makes(void) {
    const char *folder = make_folder();
    char path[160];
    FILE *file;
    fw_receiver *receiver;
    int i;
    snprintf(path, sizeof path, "%s/stream", folder);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(stream, 1, stream_size, file) == stream_size && fclose(file) == 0);
    CHECK_OK(fw_receiver_open(path_url("file", folder, "stream"), NULL, &receiver));
    for (i = 0; i < FRAMES; i++) {
        fw_frame_info info = frame_of(i);
        expect_painted(receiver, &info, (uint64_t)i);
    }
    CHECK(receiver_stats(receiver).checksums_verified == FRAMES);
    fw_receiver_close(receiver);
    remove_file(folder, "stream");
    CHECK(rmdir(folder) == 0);
}

/* Every byte of the first message is changed in turn: there is an error or the right picture, never another one. */
static void damage_is_found(void) {
    size_t step = quick() ? 97 : 1, at, end = 11 + 8 + 148 + 2000;
    for (at = 0; at < end && at < stream_size; at += step) {
        fw_decoder *decoder;
        fw_frame *frame = NULL;
        fw_status status;
        size_t used = 0;
        CHECK_OK(fw_decoder_new(NULL, &decoder));
        stream[at] ^= 0x41;
        status = fw_decoder_feed(decoder, stream, stream_size, &used);
        stream[at] ^= 0x41;
        if (status == FW_OK) {
            fw_frame_info info = frame_of(0);
            CHECK_OK(fw_decoder_next(decoder, &frame));
            CHECK(frame_checksum(frame) == painted_checksum(&info, 0));
            fw_frame_unref(frame);
        } else {
            CHECK(status == FW_ERROR_PROTOCOL || status == FW_ERROR_CORRUPT || status == FW_ERROR_TOO_LARGE ||
                  status == FW_ERROR_UNSUPPORTED);
            CHECK(strstr(fw_last_error(), "byte ") != NULL);
            CHECK(fw_decoder_feed(decoder, stream, stream_size, &used) == status);
        }
        fw_decoder_free(decoder);
    }
}

static void limits_are_applied(void) {
    fw_receiver_options options = FW_RECEIVER_OPTIONS_INIT;
    fw_decoder *decoder;
    size_t used;
    options.max_frame_bytes = 100;
    CHECK_OK(fw_decoder_new(&options, &decoder));
    CHECK_ERROR(fw_decoder_feed(decoder, stream, stream_size, &used), FW_ERROR_TOO_LARGE, "100");
    fw_decoder_free(decoder);
}

static void arguments_are_checked(void) {
    fw_encoder_options options = FW_ENCODER_OPTIONS_INIT;
    fw_receiver_options receiving = FW_RECEIVER_OPTIONS_INIT;
    fw_encoder *encoder = (fw_encoder *)&options;
    fw_decoder *decoder = (fw_decoder *)&options;
    fw_buffer *message = (fw_buffer *)&options;
    fw_frame *frame = (fw_frame *)&options;
    fw_frame_info info = picture(2, 2);
    unsigned char pixels[16] = {0};
    size_t used = 0;
    CHECK_ERROR(fw_encoder_new(NULL, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    options.profile = (fw_profile)9;
    CHECK_ERROR(fw_encoder_new(&options, &encoder), FW_ERROR_INVALID_ARGUMENT, "profile is 9");
    CHECK(encoder == NULL);
    options.profile = FW_PROFILE_AUTO;
    options.struct_size = 0;
    CHECK_ERROR(fw_encoder_new(&options, &encoder), FW_ERROR_INVALID_ARGUMENT, "FW_ENCODER_OPTIONS_INIT");
    CHECK_OK(fw_encoder_new(NULL, &encoder));
    CHECK_ERROR(fw_encoder_encode(NULL, &info, pixels, 16, &message), FW_ERROR_INVALID_ARGUMENT, "encoder is NULL");
    CHECK(message == NULL);
    CHECK_ERROR(fw_encoder_encode(encoder, NULL, pixels, 16, &message), FW_ERROR_INVALID_ARGUMENT, "info is NULL");
    CHECK_ERROR(fw_encoder_encode(encoder, &info, NULL, 16, &message), FW_ERROR_INVALID_ARGUMENT, "pixels is NULL");
    CHECK_ERROR(fw_encoder_encode(encoder, &info, pixels, 16, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_encoder_encode(encoder, &info, pixels, 15, &message), FW_ERROR_OUT_OF_RANGE, "15 bytes");
    fw_encoder_free(encoder);
    fw_encoder_free(NULL);

    CHECK_ERROR(fw_decoder_new(NULL, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    receiving.struct_size = 1;
    CHECK_ERROR(fw_decoder_new(&receiving, &decoder), FW_ERROR_INVALID_ARGUMENT, "FW_RECEIVER_OPTIONS_INIT");
    CHECK(decoder == NULL);
    CHECK_OK(fw_decoder_new(NULL, &decoder));
    CHECK_ERROR(fw_decoder_feed(NULL, pixels, 16, &used), FW_ERROR_INVALID_ARGUMENT, "decoder is NULL");
    CHECK_ERROR(fw_decoder_feed(decoder, NULL, 16, &used), FW_ERROR_INVALID_ARGUMENT, "bytes is NULL");
    CHECK_ERROR(fw_decoder_feed(decoder, pixels, 16, NULL), FW_ERROR_INVALID_ARGUMENT, "used is NULL");
    CHECK_ERROR(fw_decoder_next(NULL, &frame), FW_ERROR_INVALID_ARGUMENT, "decoder is NULL");
    CHECK(frame == NULL);
    CHECK_ERROR(fw_decoder_next(decoder, NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_decoder_next(decoder, &frame), FW_ERROR_WOULD_BLOCK, "feed more bytes");
    fw_decoder_free(decoder);
    fw_decoder_free(NULL);
}

int main(void) {
    begin_test();
    arguments_are_checked();
    encode_stream(FW_PROFILE_RAW);
    any_chopping_gives_the_same_frames();
    a_recording_is_what_an_encoder_makes();
    encode_stream(FW_PROFILE_LZ4);
    any_chopping_gives_the_same_frames();
    a_recording_is_what_an_encoder_makes();
    damage_is_found();
    limits_are_applied();
    free(stream);
    printf("codec_test: ok\n");
    return 0;
}
