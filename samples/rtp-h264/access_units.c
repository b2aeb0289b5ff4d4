#include "access_units.h"

#include <stdio.h>
#include <stdlib.h>

/* Where the next start code begins, from `from` on; `size` when there is none. */
static size_t find_start_code(const unsigned char *bytes, size_t size, size_t from) {
    for (size_t i = from; i + 3 <= size; i++) {
        if (bytes[i + 2] > 1) i += 2;
        else if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i > from && bytes[i - 1] == 0 ? i - 1 : i;
    }
    return size;
}

size_t access_unit_size(const unsigned char *bytes, size_t size) {
    int has_slice = 0;
    size_t place = find_start_code(bytes, size, 0);
    while (place < size) {
        size_t header = place;
        int type, is_slice;
        while (header < size && bytes[header] == 0) header++;
        if (++header >= size) return size;
        type = bytes[header] & 31;
        is_slice = type >= 1 && type <= 5;
        /* A slice whose first macroblock is number 0 begins a picture, as what can only stand before slices does. */
        if (has_slice && is_slice && header + 1 < size && (bytes[header + 1] & 0x80) != 0) return place;
        if (has_slice && ((type >= 6 && type <= 9) || (type >= 14 && type <= 18))) return place;
        if (is_slice) has_slice = 1;
        place = find_start_code(bytes, size, header);
    }
    return size;
}

unsigned char *read_stream(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = NULL;
    size_t capacity = 1 << 20;
    *size = 0;
    while (file != NULL) {
        unsigned char *larger = realloc(bytes, capacity);
        if (larger == NULL) break;
        bytes = larger;
        *size += fread(bytes + *size, 1, capacity - *size, file);
        if (*size < capacity && !ferror(file)) {
            fclose(file);
            return bytes;
        }
        if (ferror(file)) break;
        capacity *= 2;
    }
    fprintf(stderr, "%s cannot be read\n", path);
    if (file != NULL) fclose(file);
    free(bytes);
    return NULL;
}
