/* The bodies of the scene: position, normal, texture coordinates. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdbool.h>
#include <stdint.h>

typedef enum shape { SHAPE_FLOOR, SHAPE_CUBE, SHAPE_SPHERE, SHAPE_CYLINDER, SHAPE_TORUS, SHAPE_KNOT, SHAPE_COUNT } shape;

typedef struct vertex {
    float position[3], normal[3], uv[2];
} vertex;

/* Triangles of all shapes in one array; those of shape s are indices first[s] to first[s + 1]. */
typedef struct shapes {
    vertex *vertices;
    uint32_t *indices;
    uint32_t vertex_count, index_count;
    uint32_t first[SHAPE_COUNT + 1];
} shapes;

bool shapes_create(shapes *all);
void shapes_free(shapes *all);

#endif
