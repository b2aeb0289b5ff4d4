/* Metas through the C interface: every function of meta.h, with good and with bad arguments. */
#include "check.h"

#include <string.h>

typedef struct counted {
    int value;
} counted;

static int living;
static const fw_meta_type *counted_type;
static fw_status init_result, transform_result;

static fw_status init_counted(void *data, const void *params, fw_buffer *buffer, void *user) {
    CHECK(user == &living && buffer != NULL);
    CHECK(((counted *)data)->value == 0);
    if (init_result != FW_OK) return init_result;
    if (params) ((counted *)data)->value = *(const int *)params;
    living++;
    return FW_OK;
}

static void free_counted(void *data, fw_buffer *buffer, void *user) {
    (void)data;
    CHECK(user == &living && buffer != NULL);
    living--;
}

static fw_status transform_counted(fw_buffer *destination, const fw_meta *meta, const fw_buffer *source,
                                   const fw_meta_copy *copy, void *user) {
    CHECK(user == &living && source != NULL && copy->struct_size == sizeof *copy);
    if (transform_result != FW_OK) return transform_result;
    int value = ((const counted *)fw_meta_data(meta))->value + (copy->region ? 100 : 0);
    return fw_buffer_add_meta(destination, counted_type, &value, NULL);
}

static fw_status serialize_counted(const void *data, void *bytes, size_t capacity, size_t *size, void *user) {
    CHECK(user == &living);
    *size = 4;
    if (capacity >= 4) memcpy(bytes, data, 4);
    return FW_OK;
}

static fw_status deserialize_counted(void *data, const void *bytes, size_t size, fw_buffer *buffer, void *user) {
    CHECK(user == &living && buffer != NULL);
    if (size != 4) return FW_ERROR_CORRUPT;
    memcpy(data, bytes, 4);
    living++;
    return FW_OK;
}

static int value_of(const fw_meta *meta) {
    return ((const counted *)fw_meta_data(meta))->value;
}

static void test_types(void) {
    fw_meta_type_info info = FW_META_TYPE_INFO_INIT;
    const fw_meta_type *type = NULL;
    info.name = "tests/counted";
    info.size = sizeof(counted);
    info.init = init_counted;
    info.free = free_counted;
    info.transform = transform_counted;
    info.serialize = serialize_counted;
    info.deserialize = deserialize_counted;
    info.user = &living;
    CHECK(fw_meta_type_register(&info, &counted_type) == FW_OK);
    CHECK(fw_meta_type_find("tests/counted") == counted_type);
    CHECK(strcmp(fw_meta_type_name(counted_type), "tests/counted") == 0);
    CHECK(fw_meta_type_size(counted_type) == sizeof(counted) && fw_meta_type_tags(counted_type) == 0);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, &type));
    CHECK(type == NULL);
    info.name = "\xff";
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, &type));
    info.name = "";
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, &type));
    info.name = NULL;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, &type));
    info.name = "tests/other";
    info.tags = 4;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, &type));
    info.tags = 0;
    info.size = SIZE_MAX;
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_meta_type_register(&info, &type));
    info.struct_size = 8;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, &type));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(NULL, &type));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_type_register(&info, NULL));
    CHECK(fw_meta_type_find(NULL) == NULL && fw_meta_type_find("tests/none") == NULL && fw_meta_type_find("") == NULL);
    CHECK(fw_meta_type_name(NULL) == NULL && fw_meta_type_size(NULL) == 0 && fw_meta_type_tags(NULL) == 0);
    CHECK(fw_meta_type_find("framewire/parent-buffer") == fw_parent_buffer_meta_type());
    CHECK(fw_meta_type_tags(fw_parent_buffer_meta_type()) == FW_META_TAG_MEMORY_REFERENCE);
    CHECK(fw_meta_type_tags(fw_video_frame_meta_type()) == FW_META_TAG_MEMORY);
}

static int remove_even(fw_buffer *buffer, fw_meta **meta, void *user) {
    (void)buffer;
    ++*(int *)user;
    if (value_of(*meta) % 2 == 0) *meta = NULL;
    return 1;
}

static void test_instances(void) {
    fw_buffer *buffer = NULL, *other = NULL;
    fw_meta *meta = NULL, *first = NULL;
    CHECK(fw_buffer_new(&buffer) == FW_OK);
    for (int i = 0; i < 40; i++) CHECK(fw_buffer_add_meta(buffer, counted_type, &i, &meta) == FW_OK);
    CHECK(living == 40 && fw_buffer_meta_count(buffer, NULL) == 40 && fw_buffer_meta_count(buffer, counted_type) == 40);
    first = fw_buffer_get_meta(buffer, counted_type);
    CHECK(value_of(first) == 0 && (uintptr_t)fw_meta_data(first) % 16 == 0);
    CHECK(fw_meta_get_type(first) == counted_type && fw_meta_sequence(first) < fw_meta_sequence(meta));
    void *state = NULL;
    int count = 0;
    while ((meta = fw_buffer_iterate_meta(buffer, &state)) != NULL) {
        CHECK(value_of(meta) == count);
        if (count++ % 4 == 3) CHECK(fw_buffer_remove_meta(buffer, meta) == FW_OK);
    }
    CHECK(count == 40 && living == 30);
    count = 0;
    CHECK(fw_buffer_foreach_meta(buffer, remove_even, &count) == FW_OK);
    CHECK(count == 30 && living == 10);
    state = NULL;
    CHECK(value_of(fw_buffer_iterate_meta_filtered(buffer, &state, counted_type)) == 1);
    CHECK(value_of(fw_buffer_iterate_meta_filtered(buffer, &state, counted_type)) == 5);
    state = NULL;
    CHECK(fw_buffer_iterate_meta_filtered(buffer, &state, fw_custom_meta_type()) == NULL);

    meta = fw_buffer_get_meta(buffer, counted_type);
    CHECK(fw_meta_set_flags(meta, FW_META_FLAG_LOCKED | FW_META_FLAG_READ_ONLY) == FW_OK);
    CHECK(fw_meta_get_flags(meta) == (FW_META_FLAG_LOCKED | FW_META_FLAG_READ_ONLY));
    CHECK(fw_meta_data_writable(meta) == NULL);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_remove_meta(buffer, meta));
    CHECK(fw_meta_set_flags(meta, 0) == FW_OK && fw_meta_data_writable(meta) == fw_meta_data(meta));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_set_flags(meta, 8));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_set_flags(NULL, 0));

    init_result = FW_ERROR_TIMEOUT;
    CHECK_FAILS(FW_ERROR_TIMEOUT, fw_buffer_add_meta(buffer, counted_type, NULL, &meta));
    CHECK(meta == NULL && living == 10 && fw_buffer_meta_count(buffer, NULL) == 10);
    init_result = FW_OK;

    /* A copy whose transform fails changes nothing. */
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL, 0, SIZE_MAX, &other) == FW_OK && living == 20);
    transform_result = FW_ERROR_UNSUPPORTED;
    CHECK_FAILS(FW_ERROR_UNSUPPORTED, fw_buffer_copy_into(other, buffer, FW_BUFFER_COPY_ALL, 0, SIZE_MAX));
    CHECK(living == 20 && fw_buffer_meta_count(other, NULL) == 10);
    fw_buffer_unref(other);
    CHECK_FAILS(FW_ERROR_UNSUPPORTED, fw_buffer_copy(buffer, &other));
    CHECK(other == NULL && living == 10);
    transform_result = FW_OK;

    fw_buffer_ref(buffer);
    meta = fw_buffer_get_meta(buffer, counted_type);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_remove_meta(buffer, meta));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_add_meta(buffer, counted_type, NULL, NULL));
    fw_buffer_unref(buffer);
    CHECK(fw_buffer_new(&other) == FW_OK);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_remove_meta(other, meta));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_meta(NULL, counted_type, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_meta(other, NULL, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_meta(other, fw_parent_buffer_meta_type(), NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_remove_meta(other, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_foreach_meta(NULL, remove_even, &count));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_foreach_meta(other, NULL, &count));
    CHECK(fw_buffer_get_meta(NULL, counted_type) == NULL && fw_buffer_get_meta(other, NULL) == NULL);
    CHECK(fw_buffer_iterate_meta(NULL, &state) == NULL && fw_buffer_iterate_meta(other, NULL) == NULL);
    CHECK(fw_buffer_meta_count(NULL, NULL) == 0 && fw_meta_sequence(NULL) == 0 && fw_meta_get_flags(NULL) == 0);
    CHECK(fw_meta_get_type(NULL) == NULL && fw_meta_data(NULL) == NULL && fw_meta_data_writable(NULL) == NULL);
    fw_buffer_unref(other);
    fw_buffer_unref(buffer);
    CHECK(living == 0);
}

static void test_serialized(void) {
    fw_buffer *buffer = NULL, *other = NULL;
    fw_meta *meta = NULL;
    unsigned char bytes[64];
    size_t size = 0, used = 0;
    int value = 7;
    CHECK(fw_buffer_new(&buffer) == FW_OK && fw_buffer_new(&other) == FW_OK);
    CHECK(fw_buffer_add_meta(buffer, counted_type, &value, &meta) == FW_OK);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_meta_serialize(meta, NULL, 0, &size));
    CHECK(size == 6 + 13 + 4);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_meta_serialize(meta, bytes, size - 1, &size));
    CHECK(fw_meta_serialize(meta, bytes, size, &size) == FW_OK);
    CHECK(fw_meta_deserialize(other, bytes, sizeof bytes, &used, &meta) == FW_OK);
    CHECK(used == size && value_of(meta) == 7 && living == 2);
    for (size_t i = 0; i < size; i++) CHECK_FAILS(FW_ERROR_CORRUPT, fw_meta_deserialize(other, bytes, i, NULL, NULL));
    bytes[5] = 255;
    CHECK_FAILS(FW_ERROR_CORRUPT, fw_meta_deserialize(other, bytes, size, NULL, NULL));
    bytes[5] = 12;
    CHECK_FAILS(FW_ERROR_UNSUPPORTED, fw_meta_deserialize(other, bytes, size, NULL, NULL));
    memset(bytes, 255, 4);
    CHECK_FAILS(FW_ERROR_CORRUPT, fw_meta_deserialize(other, bytes, sizeof bytes, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_deserialize(other, NULL, 0, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_deserialize(NULL, bytes, 9, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_serialize(NULL, bytes, 9, &size));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_meta_serialize(meta, bytes, 9, NULL));
    CHECK(fw_buffer_meta_count(other, NULL) == 1);
    CHECK(fw_buffer_add_parent_buffer_meta(buffer, other, &meta) == FW_OK);
    CHECK_FAILS(FW_ERROR_UNSUPPORTED, fw_meta_serialize(meta, bytes, sizeof bytes, &size));
    fw_buffer_unref(other);
    CHECK(living == 2 && fw_parent_buffer_meta_get(meta) == other);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_parent_buffer_meta(buffer, buffer, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_parent_buffer_meta(buffer, NULL, NULL));
    CHECK(fw_parent_buffer_meta_get(NULL) == NULL);
    fw_buffer_unref(buffer);
    CHECK(living == 0);
}

static void test_ready_made(void) {
    fw_buffer *buffer = NULL;
    fw_meta *meta = NULL;
    fw_reference_timestamp time;
    size_t size = 0;
    CHECK(fw_buffer_new_allocate(64, NULL, &buffer) == FW_OK);
    CHECK(fw_buffer_add_reference_timestamp_meta(buffer, "timestamp/x-unix", 5, FW_TIME_NONE, &meta) == FW_OK);
    CHECK(fw_buffer_get_reference_timestamp_meta(buffer, "timestamp/x-unix") == meta);
    CHECK(fw_buffer_get_reference_timestamp_meta(buffer, NULL) == meta);
    CHECK(fw_buffer_get_reference_timestamp_meta(buffer, "timestamp") == NULL);
    CHECK(fw_reference_timestamp_meta_get(meta, &time) == FW_OK);
    CHECK(strcmp(time.reference, "timestamp/x-unix") == 0 && time.timestamp_ns == 5 && time.duration_ns == FW_TIME_NONE);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_reference_timestamp_meta(buffer, "", 0, 0, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_reference_timestamp_meta_get(NULL, &time));
    CHECK(fw_meta_get_type(meta) == fw_reference_timestamp_meta_type());

    fw_video_frame frame = FW_VIDEO_FRAME_INIT, found = FW_VIDEO_FRAME_INIT;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_video_frame_meta(buffer, &frame, NULL));
    frame.width = 4;
    frame.height = 4;
    CHECK(fw_buffer_add_video_frame_meta(buffer, &frame, &meta) == FW_OK);
    CHECK(fw_video_frame_meta_get(meta, &found) == FW_OK);
    CHECK(found.width == 4 && found.height == 4 && found.plane_count == 1 && found.plane_stride[0] == 16);
    frame.plane_count = 2;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_video_frame_meta(buffer, &frame, NULL));
    frame.plane_count = 1;
    frame.plane_stride[0] = 15;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_add_video_frame_meta(buffer, &frame, NULL));
    frame.plane_stride[0] = SIZE_MAX / 3;
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_add_video_frame_meta(buffer, &frame, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_video_frame_meta_get(fw_buffer_get_custom_meta(buffer, NULL), &found));

    CHECK(fw_buffer_add_custom_meta(buffer, "tests", &meta) == FW_OK);
    CHECK(fw_buffer_get_custom_meta(buffer, "tests") == meta && fw_buffer_get_custom_meta(buffer, "test") == NULL);
    CHECK(strcmp(fw_custom_meta_name(meta), "tests") == 0 && fw_custom_meta_name(NULL) == NULL);
    CHECK(fw_custom_meta_set(meta, "one", "abc", 3) == FW_OK && fw_custom_meta_set(meta, "two", NULL, 0) == FW_OK);
    /* A value that lies in the meta itself. */
    CHECK(fw_custom_meta_set(meta, "one", (const char *)fw_custom_meta_get(meta, "one", &size) + 1, 2) == FW_OK);
    CHECK(memcmp(fw_custom_meta_get(meta, "one", &size), "bc", 2) == 0 && size == 2);
    CHECK(fw_custom_meta_get(meta, "two", &size) != NULL && size == 0);
    CHECK(fw_custom_meta_get(meta, "three", &size) == NULL && fw_custom_meta_get(NULL, "one", &size) == NULL);
    CHECK(fw_custom_meta_count(meta) == 2 && fw_custom_meta_count(NULL) == 0);
    CHECK(strcmp(fw_custom_meta_key(meta, 1), "two") == 0 && fw_custom_meta_key(meta, 2) == NULL);
    CHECK(fw_custom_meta_remove(meta, "one") == FW_OK);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_custom_meta_remove(meta, "one"));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_custom_meta_set(meta, "", "x", 1));
    CHECK_FAILS(FW_ERROR_TOO_LARGE, fw_custom_meta_set(meta, "x", "x", SIZE_MAX));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_custom_meta_set(meta, "x", NULL, 1));
    CHECK(fw_meta_set_flags(meta, FW_META_FLAG_READ_ONLY) == FW_OK);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_custom_meta_set(meta, "x", "x", 1));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_custom_meta_remove(meta, "two"));
    fw_buffer_unref(buffer);
}

static int transformed;

static fw_status see_the_finished_copy(fw_buffer *destination, const fw_meta *meta, const fw_buffer *source,
                                       const fw_meta_copy *copy, void *user) {
    (void)meta;
    (void)copy;
    (void)user;
    CHECK(fw_buffer_size(destination) == fw_buffer_size(source) && fw_buffer_pts(destination) == 5);
    CHECK(fw_buffer_get_flags(destination) & FW_BUFFER_FLAG_GAP);
    transformed++;
    return FW_OK;
}

static void metas_are_transformed_after_memories_times_and_flags(void) {
    fw_meta_type_info info = FW_META_TYPE_INFO_INIT;
    const fw_meta_type *type = NULL;
    fw_buffer *buffer = NULL, *copy = NULL;
    info.name = "tests/last";
    info.size = 4;
    info.transform = see_the_finished_copy;
    CHECK(fw_meta_type_register(&info, &type) == FW_OK);
    CHECK(fw_buffer_new_allocate(9, NULL, &buffer) == FW_OK && fw_buffer_set_pts(buffer, 5) == FW_OK);
    CHECK(fw_buffer_set_flags(buffer, FW_BUFFER_FLAG_GAP) == FW_OK);
    CHECK(fw_buffer_add_meta(buffer, type, NULL, NULL) == FW_OK);
    CHECK(fw_buffer_copy(buffer, &copy) == FW_OK && transformed == 1);
    fw_buffer_unref(copy);
    CHECK(fw_buffer_copy_deep(buffer, &copy) == FW_OK && transformed == 2);
    fw_buffer_unref(copy);
    CHECK(fw_buffer_copy_region(buffer, FW_BUFFER_COPY_ALL | FW_BUFFER_COPY_MERGE, 0, 9, &copy) == FW_OK);
    CHECK(transformed == 3);
    fw_buffer_unref(copy);
    fw_buffer_unref(buffer);
}

/* Adds a meta for each of the first three, and has the one that it was given removed. */
static int add_and_remove(fw_buffer *buffer, fw_meta **meta, void *user) {
    int *visits = (int *)user, value = 100 + *visits;
    if (*visits < 3) CHECK(fw_buffer_add_meta(buffer, counted_type, &value, NULL) == FW_OK);
    *meta = NULL;
    ++*visits;
    return 1;
}

static void metas_that_a_round_adds_are_visited_too(void) {
    fw_buffer *buffer = NULL;
    int visits = 0, value = 1;
    CHECK(fw_buffer_new(&buffer) == FW_OK && fw_buffer_add_meta(buffer, counted_type, &value, NULL) == FW_OK);
    CHECK(fw_buffer_foreach_meta(buffer, add_and_remove, &visits) == FW_OK);
    CHECK(visits == 4 && fw_buffer_meta_count(buffer, NULL) == 0 && living == 0);
    fw_buffer_unref(buffer);
}

int main(void) {
    test_types();
    test_instances();
    test_serialized();
    test_ready_made();
    metas_are_transformed_after_memories_times_and_flags();
    metas_that_a_round_adds_are_visited_too();
    puts("meta_test: ok");
    return 0;
}
