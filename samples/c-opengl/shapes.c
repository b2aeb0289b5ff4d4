#include "shapes.h"

#include <stdlib.h>

#include "linear.h"

enum { MAX_VERTICES = 16384, MAX_INDICES = 65536 };

static void add_vertex(shapes *all, vec3 p, vec3 n, float u, float v) {
    vertex made = { { p.x, p.y, p.z }, { n.x, n.y, n.z }, { u, v } };
    all->vertices[all->vertex_count++] = made;
}

/* Two triangles for each cell of a grid of vertices, (columns + 1) * (rows + 1) of them from `base`. */
static void add_grid_indices(shapes *all, uint32_t base, uint32_t columns, uint32_t rows) {
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < columns; c++) {
            uint32_t a = base + r * (columns + 1) + c, b = a + columns + 1;
            uint32_t cell[6] = { a, b, a + 1, a + 1, b, b + 1 };
            for (int i = 0; i < 6; i++) all->indices[all->index_count++] = cell[i];
        }
}

/* A flat rectangle around `centre`, spanned by `right` and `up` (half sizes), seen from the side their cross product is on. */
static void add_rectangle(shapes *all, vec3 centre, vec3 right, vec3 up, float u, float v) {
    uint32_t base = all->vertex_count;
    vec3 normal = v3_normalize(v3_cross(right, up));
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < 2; column++) {
            vec3 p = v3_add(v3_add(centre, v3_scale(right, column ? 1.0f : -1.0f)), v3_scale(up, row ? -1.0f : 1.0f));
            add_vertex(all, p, normal, column ? u : 0, row ? v : 0);
        }
    add_grid_indices(all, base, 1, 1);
}

static void add_cube(shapes *all) {
    const vec3 x = { 1, 0, 0 }, y = { 0, 1, 0 }, z = { 0, 0, 1 };
    add_rectangle(all, x, v3_scale(z, -1), y, 1, 1);
    add_rectangle(all, v3_scale(x, -1), z, y, 1, 1);
    add_rectangle(all, y, x, v3_scale(z, -1), 1, 1);
    add_rectangle(all, v3_scale(y, -1), x, z, 1, 1);
    add_rectangle(all, z, x, y, 1, 1);
    add_rectangle(all, v3_scale(z, -1), v3_scale(x, -1), y, 1, 1);
}

static void add_sphere(shapes *all, uint32_t columns, uint32_t rows) {
    uint32_t base = all->vertex_count;
    for (uint32_t r = 0; r <= rows; r++)
        for (uint32_t c = 0; c <= columns; c++) {
            float u = (float)c / (float)columns, v = (float)r / (float)rows;
            vec3 n = { sinf(v * PI) * cosf(u * 2 * PI), cosf(v * PI), -sinf(v * PI) * sinf(u * 2 * PI) };
            add_vertex(all, n, n, u * 2, v);
        }
    add_grid_indices(all, base, columns, rows);
}

/* Radius 1, from y = -1 to 1, without ends. */
static void add_cylinder(shapes *all, uint32_t columns) {
    uint32_t base = all->vertex_count;
    for (uint32_t r = 0; r < 2; r++)
        for (uint32_t c = 0; c <= columns; c++) {
            float u = (float)c / (float)columns;
            vec3 n = { cosf(u * 2 * PI), 0, -sinf(u * 2 * PI) };
            add_vertex(all, v3(n.x, r ? -1.0f : 1.0f, n.z), n, u * 2, r ? 2.0f : 0.0f);
        }
    add_grid_indices(all, base, columns, 1);
}

/* The torus knot that winds p times around and q times through; p = 1, q = 0 is a ring. */
static vec3 knot_point(float t, float p, float q) {
    float radius = q > 0 ? 0.5f * (2 + sinf(q * t)) : 1.0f;
    return v3(radius * cosf(p * t), q > 0 ? 0.5f * cosf(q * t) : 0, radius * sinf(p * t));
}

/* A tube along the knot. */
static void add_tube(shapes *all, float p, float q, float thickness, uint32_t columns, uint32_t rows, float u_repeat) {
    uint32_t base = all->vertex_count;
    for (uint32_t r = 0; r <= rows; r++)
        for (uint32_t c = 0; c <= columns; c++) {
            float u = (float)c / (float)columns, v = (float)r / (float)rows, t = u * 2 * PI;
            vec3 centre = knot_point(t, p, q);
            vec3 along = v3_normalize(v3_sub(knot_point(t + 0.01f, p, q), knot_point(t - 0.01f, p, q)));
            vec3 side = v3_normalize(v3_cross(along, v3_normalize(v3_add(centre, v3(0, 0.001f, 0)))));
            vec3 out = v3_cross(side, along);
            vec3 n = v3_add(v3_scale(out, cosf(v * 2 * PI)), v3_scale(side, sinf(v * 2 * PI)));
            add_vertex(all, v3_add(centre, v3_scale(n, thickness)), n, u * u_repeat, v);
        }
    add_grid_indices(all, base, columns, rows);
}

bool shapes_create(shapes *all) {
    all->vertex_count = all->index_count = 0;
    all->vertices = malloc(MAX_VERTICES * sizeof *all->vertices);
    all->indices = malloc(MAX_INDICES * sizeof *all->indices);
    if (!all->vertices || !all->indices) {
        shapes_free(all);
        return false;
    }
    for (int s = 0; s < SHAPE_COUNT; s++) {
        all->first[s] = all->index_count;
        switch ((shape)s) {
        case SHAPE_FLOOR: add_rectangle(all, v3(0, 0, 0), v3(90, 0, 0), v3(0, 0, -90), 45, 45); break;
        case SHAPE_CUBE: add_cube(all); break;
        case SHAPE_SPHERE: add_sphere(all, 40, 20); break;
        case SHAPE_CYLINDER: add_cylinder(all, 32); break;
        case SHAPE_TORUS: add_tube(all, 1, 0, 0.36f, 48, 20, 6); break;
        case SHAPE_KNOT: add_tube(all, 2, 3, 0.28f, 220, 18, 18); break;
        case SHAPE_COUNT: break;
        }
    }
    all->first[SHAPE_COUNT] = all->index_count;
    return true;
}

void shapes_free(shapes *all) {
    free(all->vertices);
    free(all->indices);
    all->vertices = NULL;
    all->indices = NULL;
}
