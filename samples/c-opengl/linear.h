/* Vectors and column-major matrices, as many as the scene needs. */
#ifndef LINEAR_H
#define LINEAR_H

#include <math.h>

#define PI 3.14159265f

typedef struct vec3 {
    float x, y, z;
} vec3;

typedef struct mat4 {
    float m[16]; /* m[column * 4 + row] */
} mat4;

static inline vec3 v3(float x, float y, float z) {
    vec3 v = { x, y, z };
    return v;
}

static inline vec3 v3_add(vec3 a, vec3 b) { return v3(a.x + b.x, a.y + b.y, a.z + b.z); }
static inline vec3 v3_sub(vec3 a, vec3 b) { return v3(a.x - b.x, a.y - b.y, a.z - b.z); }
static inline vec3 v3_scale(vec3 a, float s) { return v3(a.x * s, a.y * s, a.z * s); }
static inline float v3_dot(vec3 a, vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

static inline vec3 v3_cross(vec3 a, vec3 b) {
    return v3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

static inline vec3 v3_normalize(vec3 a) { return v3_scale(a, 1.0f / sqrtf(v3_dot(a, a))); }

static inline mat4 mat4_identity(void) {
    mat4 r = { { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 } };
    return r;
}

static inline mat4 mat4_multiply(mat4 a, mat4 b) {
    mat4 r;
    for (int c = 0; c < 4; c++)
        for (int row = 0; row < 4; row++) {
            float sum = 0;
            for (int k = 0; k < 4; k++) sum += a.m[k * 4 + row] * b.m[c * 4 + k];
            r.m[c * 4 + row] = sum;
        }
    return r;
}

/* A turn by `angle` around the unit vector `axis`. */
static inline mat4 mat4_rotation(vec3 axis, float angle) {
    float c = cosf(angle), s = sinf(angle), t = 1 - c;
    vec3 a = axis;
    mat4 r = { { t * a.x * a.x + c, t * a.x * a.y + s * a.z, t * a.x * a.z - s * a.y, 0,
                 t * a.x * a.y - s * a.z, t * a.y * a.y + c, t * a.y * a.z + s * a.x, 0,
                 t * a.x * a.z + s * a.y, t * a.y * a.z - s * a.x, t * a.z * a.z + c, 0, 0, 0, 0, 1 } };
    return r;
}

static inline mat4 mat4_perspective(float vertical_angle, float aspect, float near, float far) {
    float f = 1.0f / tanf(vertical_angle / 2);
    mat4 r = { { f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / (near - far), -1, 0, 0,
                 2 * far * near / (near - far), 0 } };
    return r;
}

/* A cube of 2 * `half` around the origin of eye space. */
static inline mat4 mat4_orthographic(float half, float near, float far) {
    mat4 r = { { 1 / half, 0, 0, 0, 0, 1 / half, 0, 0, 0, 0, 2 / (near - far), 0, 0, 0, (far + near) / (near - far), 1 } };
    return r;
}

static inline mat4 mat4_look_at(vec3 eye, vec3 target) {
    vec3 f = v3_normalize(v3_sub(target, eye));
    vec3 s = v3_normalize(v3_cross(f, v3(0, 1, 0)));
    vec3 u = v3_cross(s, f);
    mat4 r = { { s.x, u.x, -f.x, 0, s.y, u.y, -f.y, 0, s.z, u.z, -f.z, 0, -v3_dot(s, eye), -v3_dot(u, eye),
                 v3_dot(f, eye), 1 } };
    return r;
}

#endif
