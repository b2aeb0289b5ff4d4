/* Lists of buffers through the C interface: one behaviour each, then bad arguments and several threads. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <string.h>

static int released;

static void count_release(void *user) {
    CHECK(user == &released);
    released++;
}

static fw_buffer *new_buffer(unsigned char byte) {
    fw_buffer *buffer = NULL;
    CHECK(fw_buffer_new_allocate(1, NULL, &buffer) == FW_OK);
    CHECK(fw_buffer_fill(buffer, 0, &byte, 1, NULL) == FW_OK);
    return buffer;
}

/* A buffer whose end `released` counts. */
static fw_buffer *counted_buffer(void) {
    static unsigned char bytes[4];
    fw_buffer *buffer = NULL;
    CHECK(fw_buffer_new_wrapped(bytes, sizeof bytes, 0, sizeof bytes, 0, count_release, &released, &buffer) == FW_OK);
    return buffer;
}

/* A list of `count` buffers of one byte, 0, 1, 2 … */
static fw_buffer_list *new_list(unsigned char count) {
    fw_buffer_list *list = NULL;
    CHECK(fw_buffer_list_new(&list) == FW_OK);
    for (unsigned char i = 0; i < count; i++) CHECK(fw_buffer_list_add(list, new_buffer(i)) == FW_OK);
    return list;
}

static int byte_at(const fw_buffer_list *list, size_t index) {
    unsigned char byte = 0;
    CHECK(fw_buffer_extract(fw_buffer_list_get(list, index), 0, &byte, 1) == 1);
    return byte;
}

/* Whether the list has buffers of these digits. */
static int has(const fw_buffer_list *list, const char *digits) {
    if (fw_buffer_list_length(list) != strlen(digits)) return 0;
    for (size_t i = 0; digits[i] != '\0'; i++) {
        if (byte_at(list, i) != digits[i] - '0') return 0;
    }
    return 1;
}

static void insertion_keeps_the_order(void) {
    fw_buffer_list *list = new_list(2);
    CHECK(fw_buffer_list_insert(list, 0, new_buffer(5)) == FW_OK);
    CHECK(fw_buffer_list_insert(list, 2, new_buffer(6)) == FW_OK);
    CHECK(fw_buffer_list_insert(list, -1, new_buffer(7)) == FW_OK);
    CHECK(fw_buffer_list_insert(list, 5, new_buffer(8)) == FW_OK);
    CHECK(has(list, "506178"));
    CHECK(fw_buffer_list_size(list) == 6);
    fw_buffer_list_unref(list);
}

static void a_list_takes_the_references(void) {
    fw_buffer_list *list = NULL;
    CHECK(fw_buffer_list_new_sized(100, &list) == FW_OK);
    released = 0;
    for (int i = 0; i < 200; i++) CHECK(fw_buffer_list_add(list, counted_buffer()) == FW_OK);
    CHECK(fw_buffer_list_length(list) == 200);
    CHECK(fw_buffer_list_size(list) == 800);
    CHECK(fw_buffer_list_remove(list, 10, 90) == FW_OK);
    CHECK(released == 90);
    fw_buffer_list_unref(list);
    CHECK(released == 200);
}

static void a_refused_buffer_stays_the_callers(void) {
    fw_buffer_list *list = new_list(1);
    fw_buffer *buffer = counted_buffer();
    released = 0;
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_insert(list, 2, buffer));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_insert(list, -2, buffer));
    CHECK(fw_buffer_list_ref(list) == list);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_list_add(list, buffer));
    fw_buffer_list_unref(list);
    CHECK(released == 0);
    CHECK(fw_buffer_is_writable(buffer));
    fw_buffer_unref(buffer);
    CHECK(released == 1);
    CHECK(has(list, "0"));
    fw_buffer_list_unref(list);
}

static void ranges_are_removed(void) {
    fw_buffer_list *list = new_list(9);
    CHECK(fw_buffer_list_remove(list, 0, 1) == FW_OK);
    CHECK(has(list, "12345678"));
    CHECK(fw_buffer_list_remove(list, 2, 3) == FW_OK);
    CHECK(has(list, "12678"));
    CHECK(fw_buffer_list_remove(list, 5, 0) == FW_OK);
    CHECK(fw_buffer_list_remove(list, 5, -1) == FW_OK);
    CHECK(fw_buffer_list_remove(list, 3, -1) == FW_OK);
    CHECK(has(list, "126"));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_remove(list, 0, 4));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_remove(list, 4, 0));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_remove(list, SIZE_MAX, 1));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_remove(list, 1, PTRDIFF_MAX));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_remove(list, 1, -2));
    CHECK(has(list, "126"));
    fw_buffer_list_unref(list);
}

static void a_member_of_a_shared_list_is_not_writable(void) {
    fw_buffer_list *list = new_list(1);
    fw_buffer *buffer = fw_buffer_list_get(list, 0);
    unsigned char byte = 9;
    CHECK(fw_buffer_is_writable(buffer));
    CHECK(fw_buffer_fill(buffer, 0, &byte, 1, NULL) == FW_OK);
    fw_buffer_list_ref(list);
    CHECK(!fw_buffer_list_is_writable(list));
    CHECK(!fw_buffer_is_writable(buffer));
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_fill(buffer, 0, "x", 1, NULL));
    fw_buffer_list_unref(list);
    CHECK(fw_buffer_list_is_writable(list));
    CHECK(fw_buffer_is_writable(buffer));
    CHECK(has(list, "9"));
    fw_buffer_list_unref(list);
}

static void a_member_with_another_owner_is_not_writable(void) {
    fw_buffer_list *list = new_list(1);
    fw_buffer *buffer = fw_buffer_ref(fw_buffer_list_get(list, 0));
    CHECK(!fw_buffer_is_writable(buffer));
    /* Out of its list it is writable, whoever owns the list. */
    CHECK(fw_buffer_list_remove(list, 0, 1) == FW_OK);
    fw_buffer_list_ref(list);
    CHECK(fw_buffer_is_writable(buffer));
    fw_buffer_list_unref(list);
    fw_buffer_list_unref(list);
    fw_buffer_unref(buffer);
}

static void a_member_of_two_lists_follows_the_one_that_is_left(void) {
    fw_buffer_list *first = new_list(1), *second = NULL;
    fw_buffer *buffer = fw_buffer_list_get(first, 0);
    CHECK(fw_buffer_list_copy(first, &second) == FW_OK);
    CHECK(fw_buffer_list_is_writable(first) && fw_buffer_list_is_writable(second));
    CHECK(fw_buffer_list_get(second, 0) == buffer);
    CHECK(!fw_buffer_is_writable(buffer));
    fw_buffer_list_unref(first);
    CHECK(fw_buffer_is_writable(buffer));
    fw_buffer_list_ref(second);
    CHECK(!fw_buffer_is_writable(buffer));
    fw_buffer_list_unref(second);
    fw_buffer_list_unref(second);
}

static void get_writable_copies_what_has_other_owners(void) {
    fw_buffer_list *list = new_list(2);
    fw_buffer *own = NULL, *other = fw_buffer_ref(fw_buffer_list_get(list, 1));
    unsigned char byte = 7;
    CHECK(fw_buffer_list_get_writable(list, 0, &own) == FW_OK);
    CHECK(own == fw_buffer_list_get(list, 0));
    CHECK(fw_buffer_list_get_writable(list, 1, &own) == FW_OK);
    CHECK(own == fw_buffer_list_get(list, 1) && own != other);
    CHECK(fw_buffer_is_writable(own) && fw_buffer_is_writable(other));
    CHECK(fw_buffer_fill(own, 0, &byte, 1, NULL) == FW_OK);
    CHECK(has(list, "07"));
    CHECK(fw_buffer_extract(other, 0, &byte, 1) == 1 && byte == 1);
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_get_writable(list, 2, &own));
    CHECK(own == NULL);
    fw_buffer_list_ref(list);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_list_get_writable(list, 0, &own));
    fw_buffer_list_unref(list);
    fw_buffer_unref(other);
    fw_buffer_list_unref(list);
}

static void make_writable_copies_a_shared_list(void) {
    fw_buffer_list *list = new_list(2), *copy = fw_buffer_list_ref(list);
    CHECK(fw_buffer_list_make_writable(&copy) == FW_OK);
    CHECK(copy != list && fw_buffer_list_is_writable(list) && fw_buffer_list_is_writable(copy));
    CHECK(fw_buffer_list_get(copy, 0) == fw_buffer_list_get(list, 0));
    CHECK(fw_buffer_list_remove(copy, 0, 1) == FW_OK);
    CHECK(has(list, "01") && has(copy, "1"));
    fw_buffer_list *same = copy;
    CHECK(fw_buffer_list_make_writable(&same) == FW_OK && same == copy);
    fw_buffer_list_unref(copy);
    fw_buffer_list_unref(list);
}

static void a_deep_copy_has_its_own_bytes(void) {
    fw_buffer_list *list = new_list(3), *copy = NULL;
    unsigned char byte = 9;
    CHECK(fw_buffer_list_copy_deep(list, &copy) == FW_OK);
    for (size_t i = 0; i < 3; i++) {
        CHECK(fw_buffer_list_get(copy, i) != fw_buffer_list_get(list, i));
        CHECK(fw_buffer_peek_memory(fw_buffer_list_get(copy, i), 0) !=
              fw_buffer_peek_memory(fw_buffer_list_get(list, i), 0));
    }
    CHECK(fw_buffer_fill(fw_buffer_list_get(copy, 1), 0, &byte, 1, NULL) == FW_OK);
    CHECK(has(list, "012") && has(copy, "092"));
    fw_buffer_list_unref(copy);
    fw_buffer_list_unref(list);
}

/* What a round does at each place: one character for each call. */
struct plan {
    const char *steps;
    size_t calls, removed;
    fw_buffer_list *list;
    fw_buffer *kept;
};

static int follow(fw_buffer **buffer, size_t index, void *user) {
    struct plan *plan = (struct plan *)user;
    unsigned char byte = 0;
    CHECK(fw_buffer_extract(*buffer, 0, &byte, 1) == 1);
    CHECK(index == plan->calls - plan->removed);
    switch (plan->steps[plan->calls++]) {
    case 'r': /* remove */
        fw_buffer_unref(*buffer);
        *buffer = NULL;
        plan->removed++;
        return 1;
    case 'n': /* replace by a new one */
        fw_buffer_unref(*buffer);
        *buffer = new_buffer(9);
        return 1;
    case 'w': /* make writable and change */
        CHECK(fw_buffer_make_writable(buffer) == FW_OK);
        byte = (unsigned char)(byte + 5);
        CHECK(fw_buffer_fill(*buffer, 0, &byte, 1, NULL) == FW_OK);
        return 1;
    case 'k': /* keep a reference of one's own */
        plan->kept = fw_buffer_ref(*buffer);
        return 1;
    case 'x': /* change the list behind its back */
        CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_list_remove(plan->list, 0, -1));
        CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_list_insert(plan->list, 0, *buffer));
        return 1;
    case 'e': /* end */
        return 0;
    default: /* look */
        return 1;
    }
}

static size_t go_round(fw_buffer_list *list, const char *steps, fw_status wanted) {
    struct plan plan = {steps, 0, 0, list, NULL};
    CHECK(fw_buffer_list_foreach(list, follow, &plan) == wanted);
    fw_buffer_unref(plan.kept);
    return plan.calls;
}

static void a_round_visits_each_buffer(void) {
    fw_buffer_list *list = new_list(3);
    CHECK(go_round(list, "---", FW_OK) == 3);
    CHECK(go_round(list, "-e", FW_OK) == 2);
    CHECK(has(list, "012"));
    fw_buffer_list_ref(list);
    CHECK(go_round(list, "---", FW_OK) == 3);
    fw_buffer_list_unref(list);
    fw_buffer_list_unref(list);
    list = new_list(0);
    CHECK(go_round(list, "", FW_OK) == 0);
    fw_buffer_list_unref(list);
}

static void a_round_replaces_and_removes(void) {
    fw_buffer_list *list = new_list(5);
    CHECK(go_round(list, "-rrn-", FW_OK) == 5);
    CHECK(has(list, "094"));
    CHECK(go_round(list, "rrr", FW_OK) == 3);
    CHECK(has(list, ""));
    fw_buffer_list_unref(list);
}

static void a_round_changes_in_place(void) {
    fw_buffer_list *list = new_list(2);
    fw_buffer *first = fw_buffer_list_get(list, 0), *second = fw_buffer_ref(fw_buffer_list_get(list, 1));
    CHECK(go_round(list, "ww", FW_OK) == 2);
    CHECK(has(list, "56"));
    CHECK(fw_buffer_list_get(list, 0) == first);
    CHECK(fw_buffer_list_get(list, 1) != second);
    unsigned char byte = 0;
    CHECK(fw_buffer_extract(second, 0, &byte, 1) == 1 && byte == 1);
    fw_buffer_unref(second);
    CHECK(fw_buffer_is_writable(first));
    fw_buffer_list_unref(list);
}

static void a_buffer_kept_by_a_round_outlives_the_list(void) {
    fw_buffer_list *list = new_list(0);
    released = 0;
    CHECK(fw_buffer_list_add(list, counted_buffer()) == FW_OK);
    struct plan plan = {"k", 0, 0, list, NULL};
    CHECK(fw_buffer_list_foreach(list, follow, &plan) == FW_OK);
    fw_buffer_list_unref(list);
    CHECK(released == 0);
    CHECK(fw_buffer_is_writable(plan.kept));
    fw_buffer_unref(plan.kept);
    CHECK(released == 1);
}

static void a_shared_list_is_not_changed_by_a_round(void) {
    fw_buffer_list *list = new_list(3);
    fw_buffer_list_ref(list);
    CHECK(go_round(list, "-r-", FW_ERROR_NOT_WRITABLE) == 2);
    CHECK(go_round(list, "n--", FW_ERROR_NOT_WRITABLE) == 1);
    CHECK(go_round(list, "--w", FW_ERROR_NOT_WRITABLE) == 3);
    CHECK(has(list, "012"));
    fw_buffer_list_unref(list);
    CHECK(fw_buffer_is_writable(fw_buffer_list_get(list, 2)));
    fw_buffer_list_unref(list);
}

static void a_round_cannot_change_the_list_behind_its_back(void) {
    fw_buffer_list *list = new_list(2);
    CHECK(go_round(list, "x-", FW_OK) == 2);
    CHECK(has(list, "01"));
    CHECK(fw_buffer_list_is_writable(list));
    fw_buffer_list_unref(list);
}

/* A release function that comes to the list whose buffer it belongs to sees it without that buffer. */
struct visit {
    fw_buffer_list *list;
    size_t length;
};

static void visit_list(void *user) {
    struct visit *visit = (struct visit *)user;
    visit->length = fw_buffer_list_length(visit->list);
    CHECK(fw_buffer_list_get(visit->list, visit->length) == NULL);
    CHECK_FAILS(FW_ERROR_NOT_WRITABLE, fw_buffer_list_remove(visit->list, 0, -1));
}

static void a_release_function_may_look_at_the_list(void) {
    struct visit visit = {new_list(3), 0};
    fw_buffer *buffer = NULL;
    CHECK(fw_buffer_new_wrapped(&visit, 1, 0, 1, 0, visit_list, &visit, &buffer) == FW_OK);
    CHECK(fw_buffer_list_insert(visit.list, 1, buffer) == FW_OK);
    CHECK(fw_buffer_list_remove(visit.list, 1, 1) == FW_OK);
    CHECK(visit.length == 3);
    CHECK(has(visit.list, "012"));
    fw_buffer_list_unref(visit.list);
}

static int drop_the_list(fw_buffer **buffer, size_t index, void *user) {
    fw_buffer_list **list = (fw_buffer_list **)user;
    (void)buffer;
    if (index == 0) fw_buffer_list_unref(*list);
    return 1;
}

static void a_round_outlives_the_last_reference_of_the_list(void) {
    fw_buffer_list *list = NULL;
    fw_buffer *buffer = NULL;
    int i;
    CHECK(fw_buffer_list_new(&list) == FW_OK);
    for (i = 0; i < 3; i++) {
        CHECK(fw_buffer_new_allocate(8, NULL, &buffer) == FW_OK && fw_buffer_list_add(list, buffer) == FW_OK);
    }
    CHECK(fw_buffer_list_foreach(list, drop_the_list, &list) == FW_OK);
}

static void bad_arguments_are_errors(void) {
    fw_buffer_list *list = new_list(1), *out = list;
    fw_buffer *buffer = new_buffer(1);
    fw_buffer_list *none = NULL;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_new(NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_new_sized(1, NULL));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_new_sized(SIZE_MAX, &out));
    CHECK(out == NULL);
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_list_new_sized(SIZE_MAX / 2, &out));
    CHECK_FAILS(FW_ERROR_NO_MEMORY, fw_buffer_list_new_sized(SIZE_MAX / 16, &out));
    CHECK(fw_buffer_list_ref(NULL) == NULL);
    fw_buffer_list_unref(NULL);
    CHECK(fw_buffer_list_is_writable(NULL) == 0);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_make_writable(NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_make_writable(&none));
    CHECK(fw_buffer_list_length(NULL) == 0);
    CHECK(fw_buffer_list_size(NULL) == 0);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_insert(NULL, 0, buffer));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_insert(list, 0, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_add(NULL, buffer));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_add(list, NULL));
    CHECK(fw_buffer_list_get(NULL, 0) == NULL);
    CHECK(fw_buffer_list_get(list, 1) == NULL);
    CHECK(fw_buffer_list_get(list, SIZE_MAX) == NULL);
    fw_buffer *got = buffer;
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_get_writable(NULL, 0, &got));
    CHECK(got == NULL);
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_get_writable(list, 0, NULL));
    CHECK_FAILS(FW_ERROR_OUT_OF_RANGE, fw_buffer_list_get_writable(list, SIZE_MAX, &got));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_remove(NULL, 0, 1));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_foreach(NULL, follow, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_foreach(list, NULL, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_copy(NULL, &out));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_copy(list, NULL));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_copy_deep(NULL, &out));
    CHECK_FAILS(FW_ERROR_INVALID_ARGUMENT, fw_buffer_list_copy_deep(list, NULL));
    CHECK(has(list, "0"));
    fw_buffer_list_unref(list);
    fw_buffer_unref(buffer);
}

/* Each thread has a reference to the same list, and changes it for itself. */
static void *change_own_copy(void *argument) {
    fw_buffer_list *shared = (fw_buffer_list *)argument;
    for (int round = 0; round < 500; round++) {
        fw_buffer_list *own = fw_buffer_list_ref(shared);
        fw_buffer *buffer = NULL;
        unsigned char byte = (unsigned char)(round % 10);
        CHECK(fw_buffer_list_make_writable(&own) == FW_OK);
        CHECK(fw_buffer_list_get_writable(own, 1, &buffer) == FW_OK);
        CHECK(fw_buffer_fill(buffer, 0, &byte, 1, NULL) == FW_OK);
        CHECK(fw_buffer_list_add(own, new_buffer(3)) == FW_OK);
        CHECK(fw_buffer_list_remove(own, 0, 1) == FW_OK);
        CHECK(byte_at(own, 0) == byte && fw_buffer_list_length(own) == 3);
        fw_buffer_list_unref(own);
    }
    fw_buffer_list_unref(shared);
    return NULL;
}

static void lists_are_shared_between_threads(void) {
    fw_buffer_list *list = new_list(3);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, change_own_copy, fw_buffer_list_ref(list)) == 0);
    }
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(has(list, "012"));
    CHECK(fw_buffer_list_is_writable(list));
    for (size_t i = 0; i < 3; i++) CHECK(fw_buffer_is_writable(fw_buffer_list_get(list, i)));
    fw_buffer_list_unref(list);
}

int main(void) {
    insertion_keeps_the_order();
    a_list_takes_the_references();
    a_refused_buffer_stays_the_callers();
    ranges_are_removed();
    a_member_of_a_shared_list_is_not_writable();
    a_member_with_another_owner_is_not_writable();
    a_member_of_two_lists_follows_the_one_that_is_left();
    get_writable_copies_what_has_other_owners();
    make_writable_copies_a_shared_list();
    a_deep_copy_has_its_own_bytes();
    a_round_visits_each_buffer();
    a_round_replaces_and_removes();
    a_round_changes_in_place();
    a_buffer_kept_by_a_round_outlives_the_list();
    a_shared_list_is_not_changed_by_a_round();
    a_round_cannot_change_the_list_behind_its_back();
    a_release_function_may_look_at_the_list();
    a_round_outlives_the_last_reference_of_the_list();
    bad_arguments_are_errors();
    lists_are_shared_between_threads();
    printf("buffer_list_test: ok\n");
    return 0;
}
