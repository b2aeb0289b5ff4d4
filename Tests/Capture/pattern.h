/*
 * The pictures that Tests/Capture/windows.c draws and sink.c expects: a grid of plain cells. The lower left one says which picture it
 * is, the colours of the others follow from that.
 */
#ifndef CAPTURE_PATTERN_H
#define CAPTURE_PATTERN_H

#include <stdint.h>

#define PATTERN_CELLS 8

/* Where cell `index` of a row or column of `size` pixels begins. */
static inline int pattern_edge(int index, int size) { return index * size / PATTERN_CELLS; }

/* Red, green and blue of a cell; the lowest row is 0. */
static inline void pattern_color(unsigned window, unsigned frame, int column, int row, uint8_t color[3]) {
    uint32_t value = window | frame << 8;
    if (column != 0 || row != 0) {
        value = (value * 64 + (uint32_t)(row * PATTERN_CELLS + column)) * 2654435761u;
        value ^= value >> 15;
        value *= 2246822519u;
        value ^= value >> 13;
    }
    color[0] = (uint8_t)value;
    color[1] = (uint8_t)(value >> 8);
    color[2] = (uint8_t)(value >> 16);
}

#endif
