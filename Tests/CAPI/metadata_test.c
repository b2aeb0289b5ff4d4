/* Values that go with a frame's pixels, over a connection and in a recording; metas of buffers; wrapped frames. */
#include "support.h"

enum { WIDTH = 40, HEIGHT = 30, SIZE = WIDTH * HEIGHT * 4, LIMIT = 65536, ENTRY = 8 };

static unsigned char pixels[SIZE];

static fw_frame *acquire(fw_sender *sender) {
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_frame *frame = NULL;
    CHECK_OK(fw_sender_acquire(sender, &info, &frame));
    memcpy(fw_frame_data(frame), pixels, SIZE);
    return frame;
}

static fw_frame *next(fw_receiver *receiver) {
    fw_frame *frame = NULL;
    CHECK_OK(fw_receiver_next(receiver, PATIENCE, &frame));
    CHECK(fw_frame_size(frame) == SIZE && memcmp(fw_frame_data(frame), pixels, SIZE) == 0);
    return frame;
}

static void fill_matrix(float *matrix, int seed) {
    int i;
    for (i = 0; i < 16; i++) matrix[i] = (float)(seed * 16 + i) / 8;
}

static void set_values(fw_frame *frame, int seed) {
    char text[32];
    float matrix[16];
    snprintf(text, sizeof text, "Brücke %d", seed);
    fill_matrix(matrix, seed);
    CHECK_OK(fw_frame_set_text(frame, "scene", text));
    CHECK_OK(fw_frame_set_matrix(frame, "view", matrix));
    CHECK_OK(fw_frame_set_bytes(frame, "scene", &seed, sizeof seed));
    CHECK_OK(fw_frame_set_bytes(frame, "empty", NULL, 0));
    CHECK_OK(fw_frame_set_text(frame, "nothing", ""));
}

static void expect_values(fw_frame *frame, int seed) {
    static const char *names[] = {"scene", "view", "scene", "empty", "nothing"};
    static const fw_metadata_kind kinds[] = {FW_METADATA_TEXT, FW_METADATA_MATRIX, FW_METADATA_BYTES, FW_METADATA_BYTES,
                                             FW_METADATA_TEXT};
    static const size_t sizes[] = {0, 64, sizeof seed, 0, 0};
    char wanted[32];
    const char *text = NULL;
    float matrix[16], got[16];
    const void *bytes = NULL;
    size_t size = 99, i;
    snprintf(wanted, sizeof wanted, "Brücke %d", seed);
    fill_matrix(matrix, seed);
    CHECK_OK(fw_frame_get_text(frame, "scene", &text));
    CHECK(strcmp(text, wanted) == 0);
    CHECK_OK(fw_frame_get_text(frame, "nothing", &text));
    CHECK(*text == '\0');
    CHECK_OK(fw_frame_get_matrix(frame, "view", got));
    CHECK(memcmp(matrix, got, sizeof got) == 0);
    CHECK_OK(fw_frame_get_bytes(frame, "scene", &bytes, &size));
    CHECK(size == sizeof seed && memcmp(bytes, &seed, sizeof seed) == 0 && (uintptr_t)bytes % 8 == 0);
    CHECK_OK(fw_frame_get_bytes(frame, "empty", &bytes, &size));
    CHECK(size == 0 && bytes != NULL);
    CHECK(fw_frame_metadata_count(frame) == 5);
    for (i = 0; i < 5; i++) {
        fw_metadata_entry entry = FW_METADATA_ENTRY_INIT;
        CHECK_OK(fw_frame_metadata_at(frame, i, &entry));
        CHECK(entry.kind == kinds[i] && strcmp(entry.name, names[i]) == 0);
        CHECK(entry.size == (i == 0 ? strlen(wanted) : sizes[i]));
        CHECK((uintptr_t)entry.content % 8 == 0 && ((const char *)entry.content)[entry.size] == '\0');
    }
}

static void values_arrive(fw_profile profile) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    int i;
    options.profile = profile;
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    for (i = 0; i < 12; i++) {
        frame = acquire(sender);
        CHECK(fw_frame_metadata_count(frame) == 0);
        if (i % 3 != 2) set_values(frame, i);
        if (i % 3 != 2) expect_values(frame, i);
        CHECK_OK(fw_sender_submit(sender, frame));
        frame = next(receiver);
        if (i % 3 == 2) CHECK(fw_frame_metadata_count(frame) == 0);
        if (i % 3 != 2) expect_values(frame, i);
        fw_frame_unref(frame);
    }
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void values_are_in_a_recording(void) {
    const char *folder = make_folder();
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    int i, round;
    CHECK_OK(fw_sender_open(path_url("file", folder, "r.fw"), NULL, &sender));
    for (i = 0; i < 5; i++) {
        frame = acquire(sender);
        set_values(frame, i);
        CHECK_OK(fw_sender_submit(sender, frame));
        CHECK_OK(fw_sender_flush(sender, PATIENCE));
    }
    fw_sender_close(sender);
    for (round = 0; round < 2; round++) {
        CHECK_OK(fw_receiver_open(path_url("file", folder, "r.fw"), NULL, &receiver));
        for (i = 0; i < 5; i++) {
            frame = next(receiver);
            expect_values(frame, i);
            fw_frame_unref(frame);
        }
        fw_receiver_close(receiver);
    }
    remove_file(folder, "r.fw");
    rmdir(folder);
}

static void a_value_replaces_the_one_before(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    const char *text;
    fw_metadata_entry entry = FW_METADATA_ENTRY_INIT;
    int i;
    open_pair(NULL, NULL, &sender, &receiver);
    frame = acquire(sender);
    CHECK_OK(fw_frame_set_text(frame, "a", "one"));
    CHECK_OK(fw_frame_set_text(frame, "b", "two"));
    /* From the frame's own memory, which moves meanwhile. */
    for (i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof key, "copy %d", i);
        CHECK_OK(fw_frame_get_text(frame, "a", &text));
        CHECK_OK(fw_frame_set_text(frame, key, text));
        CHECK_OK(fw_frame_get_text(frame, "b", &text));
        CHECK_OK(fw_frame_set_text(frame, "b", text));
    }
    CHECK_OK(fw_frame_get_text(frame, "b", &text));
    CHECK_OK(fw_frame_set_text(frame, "a", text));
    CHECK(fw_frame_metadata_count(frame) == 202);
    CHECK_OK(fw_sender_submit(sender, frame));
    frame = next(receiver);
    CHECK(fw_frame_metadata_count(frame) == 202);
    CHECK_OK(fw_frame_get_text(frame, "a", &text));
    CHECK(strcmp(text, "two") == 0);
    CHECK_OK(fw_frame_get_text(frame, "copy 199", &text));
    CHECK(strcmp(text, "one") == 0);
    CHECK_OK(fw_frame_metadata_at(frame, 201, &entry));
    CHECK(strcmp(entry.name, "a") == 0);
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void limits_hold_and_a_refused_value_changes_nothing(void) {
    static char large[LIMIT];
    char name[300];
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    const void *bytes;
    size_t size;
    int i;
    open_pair(NULL, NULL, &sender, &receiver);
    frame = acquire(sender);
    memset(large, 'x', sizeof large);
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    CHECK_OK(fw_frame_set_text(frame, name, "long"));
    CHECK_OK(fw_frame_set_bytes(frame, "all", large, LIMIT - (ENTRY + 255 + 4) - (ENTRY + 3)));
    CHECK_ERROR(fw_frame_set_text(frame, "k", ""), FW_ERROR_TOO_LARGE, "65536");
    CHECK_ERROR(fw_frame_set_bytes(frame, "all", large, LIMIT - (ENTRY + 255 + 4) - (ENTRY + 3) + 1), FW_ERROR_TOO_LARGE,
                "65536");
    CHECK_ERROR(fw_frame_set_bytes(frame, "all", large, SIZE_MAX), FW_ERROR_TOO_LARGE, "65536");
    CHECK_OK(fw_frame_get_bytes(frame, "all", &bytes, &size));
    CHECK(size == LIMIT - (ENTRY + 255 + 4) - (ENTRY + 3) && memcmp(bytes, large, size) == 0);
    CHECK_OK(fw_sender_submit(sender, frame));
    frame = next(receiver);
    CHECK(fw_frame_metadata_count(frame) == 2);
    CHECK_OK(fw_frame_get_bytes(frame, "all", &bytes, &size));
    CHECK(size == LIMIT - (ENTRY + 255 + 4) - (ENTRY + 3) && memcmp(bytes, large, size) == 0);
    fw_frame_unref(frame);

    frame = acquire(sender);
    for (i = 0; i < 1024; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK_OK(fw_frame_set_text(frame, name, "v"));
    }
    CHECK_ERROR(fw_frame_set_text(frame, "one more", "v"), FW_ERROR_TOO_LARGE, "1024 values");
    CHECK_OK(fw_frame_set_text(frame, "77", "again"));
    CHECK_OK(fw_sender_submit(sender, frame));
    frame = next(receiver);
    CHECK(fw_frame_metadata_count(frame) == 1024);
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

static void wrong_arguments_are_refused(void) {
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame, *held;
    const char *text = "left";
    const void *bytes = pixels;
    size_t size = 5;
    char name[257];
    float matrix[16];
    fw_metadata_entry entry = FW_METADATA_ENTRY_INIT;
    fill_matrix(matrix, 1);
    open_pair(NULL, NULL, &sender, &receiver);
    frame = acquire(sender);
    CHECK_ERROR(fw_frame_set_text(NULL, "k", "v"), FW_ERROR_INVALID_ARGUMENT, "frame is NULL");
    CHECK_ERROR(fw_frame_set_text(frame, NULL, "v"), FW_ERROR_INVALID_ARGUMENT, "name is NULL");
    CHECK_ERROR(fw_frame_set_text(frame, "k", NULL), FW_ERROR_INVALID_ARGUMENT, "value is NULL");
    CHECK_ERROR(fw_frame_set_matrix(frame, "m", NULL), FW_ERROR_INVALID_ARGUMENT, "matrix is NULL");
    CHECK_ERROR(fw_frame_set_bytes(frame, "b", NULL, 1), FW_ERROR_INVALID_ARGUMENT, "bytes is NULL");
    CHECK_ERROR(fw_frame_set_text(frame, "", "v"), FW_ERROR_INVALID_ARGUMENT, "0 bytes");
    memset(name, 'n', 256);
    name[256] = '\0';
    CHECK_ERROR(fw_frame_set_text(frame, name, "v"), FW_ERROR_INVALID_ARGUMENT, "256 bytes");
    CHECK_ERROR(fw_frame_set_text(frame, "\xff", "v"), FW_ERROR_INVALID_ARGUMENT, "UTF-8");
    CHECK_ERROR(fw_frame_set_text(frame, "k", "\xc0\x80"), FW_ERROR_INVALID_ARGUMENT, "UTF-8");
    CHECK(fw_frame_metadata_count(frame) == 0 && fw_frame_metadata_count(NULL) == 0);
    CHECK_ERROR(fw_frame_get_text(frame, "k", &text), FW_ERROR_OUT_OF_RANGE, "no metadata");
    CHECK(text == NULL);
    CHECK_ERROR(fw_frame_get_bytes(frame, "k", &bytes, &size), FW_ERROR_OUT_OF_RANGE, "no metadata");
    CHECK(bytes == NULL && size == 0);
    CHECK_ERROR(fw_frame_get_matrix(frame, "k", matrix), FW_ERROR_OUT_OF_RANGE, "no metadata");
    CHECK_ERROR(fw_frame_get_text(frame, "k", NULL), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_frame_get_bytes(frame, "k", &bytes, NULL), FW_ERROR_INVALID_ARGUMENT, "size is NULL");
    CHECK_ERROR(fw_frame_get_bytes(frame, "k", NULL, &size), FW_ERROR_INVALID_ARGUMENT, "out is NULL");
    CHECK_ERROR(fw_frame_get_matrix(frame, "k", NULL), FW_ERROR_INVALID_ARGUMENT, "matrix is NULL");
    CHECK_ERROR(fw_frame_get_text(NULL, "k", &text), FW_ERROR_INVALID_ARGUMENT, "frame is NULL");
    CHECK_ERROR(fw_frame_get_text(frame, NULL, &text), FW_ERROR_INVALID_ARGUMENT, "name is NULL");
    CHECK_ERROR(fw_frame_metadata_at(frame, 0, &entry), FW_ERROR_OUT_OF_RANGE, "no metadata at index 0");
    CHECK_ERROR(fw_frame_metadata_at(frame, SIZE_MAX, &entry), FW_ERROR_OUT_OF_RANGE, "18446744073709551615");
    CHECK_ERROR(fw_frame_metadata_at(frame, 0, NULL), FW_ERROR_INVALID_ARGUMENT, "entry is NULL");
    entry.struct_size = 0;
    CHECK_ERROR(fw_frame_metadata_at(frame, 0, &entry), FW_ERROR_INVALID_ARGUMENT, "FW_METADATA_ENTRY_INIT");
    CHECK_OK(fw_frame_set_text(frame, "k", "v"));
    held = fw_frame_ref(frame);
    CHECK_OK(fw_sender_submit(sender, frame));
    CHECK_ERROR(fw_frame_set_text(held, "k", "late"), FW_ERROR_NOT_WRITABLE, "submitted already");
    fw_frame_unref(held);
    frame = next(receiver);
    CHECK_ERROR(fw_frame_set_bytes(frame, "k", "v", 1), FW_ERROR_NOT_WRITABLE, "received");
    CHECK_OK(fw_frame_get_text(frame, "k", &text));
    CHECK(strcmp(text, "v") == 0);
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
}

/* ----------------------------------------------------------------------------------------------- wrapped frames */

static void count_release(void *user) { __atomic_add_fetch((int *)user, 1, __ATOMIC_SEQ_CST); }

static int releases(int *count) { return __atomic_load_n(count, __ATOMIC_SEQ_CST); }

static void wrapped_frames_carry_values_and_are_released_once(fw_profile profile) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_sender *sender, *other;
    fw_receiver *receiver, *far;
    fw_frame *frame = NULL, *held[128];
    int released = 0, i;
    options.profile = profile;
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    open_pair(&options, NULL, &other, &far);
    for (i = 0; i < 10; i++) {
        CHECK_OK(fw_sender_wrap(sender, &info, pixels, SIZE, count_release, &released, &frame));
        CHECK(fw_frame_data(frame) == pixels && fw_frame_size(frame) == SIZE && fw_frame_buffer(frame) == NULL);
        set_values(frame, i);
        CHECK_OK(fw_sender_submit(sender, frame));
        /* An acquired frame between them, whose pooled memory a wrapped one must not show. */
        CHECK_OK(fw_sender_submit(sender, acquire(sender)));
        frame = next(receiver);
        expect_values(frame, i);
        fw_frame_unref(frame);
        fw_frame_unref(next(receiver));
    }
    AWAIT(releases(&released) == 10);
    CHECK(sender_stats(sender).pixel_bytes_copied == 0);

    /* Given back, or refused by another sender: released all the same. */
    CHECK_OK(fw_sender_wrap(sender, &info, pixels, SIZE, count_release, &released, &frame));
    fw_frame_unref(frame);
    CHECK(releases(&released) == 11);
    CHECK_OK(fw_sender_wrap(sender, &info, pixels, SIZE, count_release, &released, &frame));
    CHECK_ERROR(fw_sender_submit(other, frame), FW_ERROR_INVALID_ARGUMENT, "not acquired from this sender");
    CHECK(releases(&released) == 12);
    CHECK_OK(fw_sender_wrap(sender, &info, pixels, SIZE, NULL, NULL, &frame));
    CHECK_OK(fw_sender_submit(sender, frame));
    fw_frame_unref(next(receiver));

    /* A call that fails releases nothing. */
    frame = (fw_frame *)&released;
    CHECK_ERROR(fw_sender_wrap(sender, &info, pixels, SIZE - 1, count_release, &released, &frame), FW_ERROR_OUT_OF_RANGE,
                "4799 bytes");
    CHECK(frame == NULL);
    CHECK_ERROR(fw_sender_wrap(NULL, &info, pixels, SIZE, count_release, &released, &frame), FW_ERROR_INVALID_ARGUMENT,
                "sender is NULL");
    CHECK_ERROR(fw_sender_wrap(sender, NULL, pixels, SIZE, count_release, &released, &frame), FW_ERROR_INVALID_ARGUMENT,
                "info is NULL");
    CHECK_ERROR(fw_sender_wrap(sender, &info, NULL, SIZE, count_release, &released, &frame), FW_ERROR_INVALID_ARGUMENT,
                "pixels is NULL");
    CHECK_ERROR(fw_sender_wrap(sender, &info, pixels, SIZE, count_release, &released, NULL), FW_ERROR_INVALID_ARGUMENT,
                "out is NULL");
    AWAIT(fw_sender_flush(sender, 0) == FW_OK);
    for (i = 0; i < 128; i++) {
        if (fw_sender_wrap(other, &info, pixels, SIZE, count_release, &released, &held[i]) != FW_OK) break;
    }
    CHECK(i == 128);
    CHECK_ERROR(fw_sender_wrap(other, &info, pixels, SIZE, count_release, &released, &frame), FW_ERROR_WOULD_BLOCK, "128");
    CHECK(releases(&released) == 12);
    while (i > 0) fw_frame_unref(held[--i]);
    CHECK(releases(&released) == 12 + 128);
    fw_sender_close(sender);
    fw_sender_close(other);
    fw_receiver_close(receiver);
    fw_receiver_close(far);
}

/* ------------------------------------------------------------------------------------------------ metas of buffers */

static int living;
static int status_to_give;
static const fw_meta_type *counted_type, *silent_type, *tied_type;

static fw_status init_counted(void *data, const void *params, fw_buffer *buffer, void *user) {
    (void)buffer, (void)user;
    memcpy(data, params, sizeof(int));
    __atomic_add_fetch(&living, 1, __ATOMIC_SEQ_CST);
    return FW_OK;
}

static void free_counted(void *data, fw_buffer *buffer, void *user) {
    (void)data, (void)buffer, (void)user;
    __atomic_sub_fetch(&living, 1, __ATOMIC_SEQ_CST);
}

static fw_status write_counted(const void *data, void *bytes, size_t capacity, size_t *size, void *user) {
    (void)user;
    if (status_to_give != FW_OK) return (fw_status)status_to_give;
    *size = sizeof(int);
    if (capacity >= sizeof(int)) memcpy(bytes, data, sizeof(int));
    return FW_OK;
}

static fw_status read_counted(void *data, const void *bytes, size_t size, fw_buffer *buffer, void *user) {
    (void)user;
    CHECK(buffer != NULL && size == sizeof(int));
    memcpy(data, bytes, size);
    /* A type may refuse what has come. */
    if (*(int *)data == 13) return FW_ERROR_CORRUPT;
    __atomic_add_fetch(&living, 1, __ATOMIC_SEQ_CST);
    return FW_OK;
}

static void register_types(void) {
    fw_meta_type_info info = FW_META_TYPE_INFO_INIT;
    info.size = sizeof(int);
    info.init = init_counted;
    info.free = free_counted;
    info.name = "tests/silent";
    CHECK_OK(fw_meta_type_register(&info, &silent_type));
    info.serialize = write_counted;
    info.deserialize = read_counted;
    info.name = "tests/tied";
    info.tags = FW_META_TAG_MEMORY;
    CHECK_OK(fw_meta_type_register(&info, &tied_type));
    info.name = "tests/counted";
    info.tags = 0;
    CHECK_OK(fw_meta_type_register(&info, &counted_type));
}

static fw_buffer *pixel_buffer(void) {
    fw_buffer *buffer = NULL;
    CHECK_OK(fw_buffer_new_wrapped(pixels, SIZE, 0, SIZE, 0, NULL, NULL, &buffer));
    return buffer;
}

static void metas_of_a_pushed_buffer_arrive(fw_profile profile) {
    fw_sender_options options = FW_SENDER_OPTIONS_INIT;
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_video_frame video = FW_VIDEO_FRAME_INIT;
    fw_reference_timestamp time;
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_buffer *buffer, *kept = NULL;
    fw_meta *meta;
    const void *value;
    size_t size;
    int i;
    options.profile = profile;
    options.overflow = FW_OVERFLOW_BLOCK;
    open_pair(&options, NULL, &sender, &receiver);
    for (i = 0; i < 8; i++) {
        buffer = pixel_buffer();
        video.width = 7;
        video.height = 7;
        CHECK_OK(fw_buffer_add_video_frame_meta(buffer, &video, NULL));
        CHECK_OK(fw_buffer_add_meta(buffer, silent_type, &i, NULL));
        CHECK_OK(fw_buffer_add_meta(buffer, tied_type, &i, NULL));
        if (i != 5) {
            CHECK_OK(fw_buffer_add_meta(buffer, counted_type, &i, NULL));
            CHECK_OK(fw_buffer_add_reference_timestamp_meta(buffer, "timestamp/x-unix", 1000 + i, FW_TIME_NONE, NULL));
            CHECK_OK(fw_buffer_add_custom_meta(buffer, "scene", &meta));
            CHECK_OK(fw_custom_meta_set(meta, "name", "bridge", 6));
            CHECK_OK(fw_custom_meta_set(meta, "number", &i, sizeof i));
        }
        CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
        fw_buffer_unref(buffer);
        frame = next(receiver);
        buffer = fw_frame_buffer(frame);
        CHECK(fw_buffer_meta_count(buffer, fw_video_frame_meta_type()) == 1);
        CHECK_OK(fw_video_frame_meta_get(fw_buffer_get_meta(buffer, fw_video_frame_meta_type()), &video));
        CHECK(video.width == WIDTH);
        CHECK(fw_buffer_get_meta(buffer, silent_type) == NULL && fw_buffer_get_meta(buffer, tied_type) == NULL);
        CHECK(!fw_buffer_is_writable(buffer));
        if (i == 5) {
            CHECK(fw_buffer_meta_count(buffer, NULL) == 1 && fw_frame_metadata_count(frame) == 0);
        } else {
            fw_metadata_entry entry = FW_METADATA_ENTRY_INIT;
            CHECK(fw_buffer_meta_count(buffer, NULL) == 4 && fw_frame_metadata_count(frame) == 3);
            CHECK(*(const int *)fw_meta_data(fw_buffer_get_meta(buffer, counted_type)) == i);
            meta = fw_buffer_get_reference_timestamp_meta(buffer, "timestamp/x-unix");
            CHECK_OK(fw_reference_timestamp_meta_get(meta, &time));
            CHECK(time.timestamp_ns == 1000 + i && time.duration_ns == FW_TIME_NONE);
            meta = fw_buffer_get_custom_meta(buffer, "scene");
            value = fw_custom_meta_get(meta, "name", &size);
            CHECK(size == 6 && memcmp(value, "bridge", 6) == 0);
            value = fw_custom_meta_get(meta, "number", &size);
            CHECK(size == sizeof i && memcmp(value, &i, size) == 0);
            CHECK_OK(fw_frame_metadata_at(frame, 0, &entry));
            CHECK(entry.kind == FW_METADATA_BUFFER_META && strcmp(entry.name, "tests/counted") == 0);
            CHECK(entry.size == sizeof i && memcmp(entry.content, &i, entry.size) == 0);
        }
        /* One buffer outlives its frame, and keeps its metas. */
        if (i == 3) kept = fw_buffer_ref(buffer);
        fw_frame_unref(frame);
    }
    CHECK(*(const int *)fw_meta_data(fw_buffer_get_meta(kept, counted_type)) == 3);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    CHECK(*(const int *)fw_meta_data(fw_buffer_get_meta(kept, counted_type)) == 3);
    CHECK(__atomic_load_n(&living, __ATOMIC_SEQ_CST) == 1);
    fw_buffer_unref(kept);
    CHECK(__atomic_load_n(&living, __ATOMIC_SEQ_CST) == 0);
}

/* An error of a type's own leaves the sender as it was; a type that refuses what has come costs its meta alone. */
static void metas_that_cannot_go_are_told_about(void) {
    static char large[70000];
    fw_frame_info info = picture(WIDTH, HEIGHT);
    fw_sender *sender;
    fw_receiver *receiver;
    fw_frame *frame;
    fw_buffer *buffer;
    fw_meta *meta;
    int number = 1;
    open_pair(NULL, NULL, &sender, &receiver);
    buffer = pixel_buffer();
    CHECK_OK(fw_buffer_add_meta(buffer, counted_type, &number, NULL));
    status_to_give = FW_ERROR_IO;
    CHECK(fw_sender_push_buffer(sender, &info, buffer) == FW_ERROR_IO);
    status_to_give = FW_OK;
    CHECK(fw_buffer_is_writable(buffer));
    CHECK_OK(fw_buffer_add_custom_meta(buffer, "large", &meta));
    CHECK_OK(fw_custom_meta_set(meta, "bytes", large, sizeof large));
    CHECK_ERROR(fw_sender_push_buffer(sender, &info, buffer), FW_ERROR_TOO_LARGE, "at most 65536 bytes");
    CHECK(fw_buffer_is_writable(buffer) && sender_stats(sender).frames_pushed == 0);
    CHECK_OK(fw_buffer_remove_meta(buffer, meta));
    CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
    fw_buffer_unref(buffer);
    frame = next(receiver);
    CHECK(fw_buffer_meta_count(fw_frame_buffer(frame), counted_type) == 1);
    fw_frame_unref(frame);
    buffer = pixel_buffer();
    number = 13;
    CHECK_OK(fw_buffer_add_meta(buffer, counted_type, &number, NULL));
    number = 14;
    CHECK_OK(fw_buffer_add_meta(buffer, counted_type, &number, NULL));
    CHECK_OK(fw_sender_push_buffer(sender, &info, buffer));
    fw_buffer_unref(buffer);
    frame = next(receiver);
    CHECK(fw_buffer_meta_count(fw_frame_buffer(frame), counted_type) == 1 && fw_frame_metadata_count(frame) == 2);
    CHECK(*(const int *)fw_meta_data(fw_buffer_get_meta(fw_frame_buffer(frame), counted_type)) == 14);
    fw_frame_unref(frame);
    fw_sender_close(sender);
    fw_receiver_close(receiver);
    CHECK(__atomic_load_n(&living, __ATOMIC_SEQ_CST) == 0);
}

int main(void) {
    begin_test();
    paint(pixels, SIZE, 1);
    register_types();
    values_arrive(FW_PROFILE_RAW);
    values_arrive(FW_PROFILE_LZ4);
    values_arrive(FW_PROFILE_TILE);
    values_are_in_a_recording();
    a_value_replaces_the_one_before();
    limits_hold_and_a_refused_value_changes_nothing();
    wrong_arguments_are_refused();
    wrapped_frames_carry_values_and_are_released_once(FW_PROFILE_RAW);
    wrapped_frames_carry_values_and_are_released_once(FW_PROFILE_LZ4);
    wrapped_frames_carry_values_and_are_released_once(FW_PROFILE_TILE);
    metas_of_a_pushed_buffer_arrive(FW_PROFILE_RAW);
    metas_of_a_pushed_buffer_arrive(FW_PROFILE_LZ4);
    metas_of_a_pushed_buffer_arrive(FW_PROFILE_TILE);
    metas_that_cannot_go_are_told_about();
    printf("metadata_test: ok\n");
    return 0;
}
