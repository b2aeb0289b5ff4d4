#include "textures.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "gl.h"
#include "linear.h"

enum { SIDE = 512 };

/* A number from 0 to 1 for a point of a lattice: the same point gives the same number. */
static float lattice(uint32_t x, uint32_t y, uint32_t seed) {
    uint32_t h = x * 374761393u + y * 668265263u + seed * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return (float)((h ^ (h >> 16)) & 0xFFFFFF) / 16777215.0f;
}

/* Smooth noise that repeats after `period` cells, so that textures join at their edges. */
static float noise(float x, float y, uint32_t period, uint32_t seed) {
    float fx = floorf(x), fy = floorf(y), tx = x - fx, ty = y - fy;
    uint32_t x0 = (uint32_t)(int32_t)fx % period, y0 = (uint32_t)(int32_t)fy % period;
    uint32_t x1 = (x0 + 1) % period, y1 = (y0 + 1) % period;
    tx = tx * tx * (3 - 2 * tx);
    ty = ty * ty * (3 - 2 * ty);
    float top = lattice(x0, y0, seed) * (1 - tx) + lattice(x1, y0, seed) * tx;
    float bottom = lattice(x0, y1, seed) * (1 - tx) + lattice(x1, y1, seed) * tx;
    return top * (1 - ty) + bottom * ty;
}

/* Octaves of noise over the unit square, the first with `cells` cells. */
static float turbulence(float u, float v, uint32_t cells, int octaves, uint32_t seed) {
    float sum = 0, weight = 0.5f;
    for (int i = 0; i < octaves; i++, cells *= 2, weight /= 2)
        sum += weight * noise(u * (float)cells, v * (float)cells, cells, seed + (uint32_t)i);
    return sum;
}

static float smooth(float from, float to, float x) {
    float t = fminf(fmaxf((x - from) / (to - from), 0), 1);
    return t * t * (3 - 2 * t);
}

static vec3 mix(vec3 a, vec3 b, float t) { return v3_add(v3_scale(a, 1 - t), v3_scale(b, t)); }

/* 0 in the joints of a wall or floor and 1 on its stones; x and y are in stones. */
static float joints(float x, float y, float width_x, float width_y) {
    float dx = fminf(x - floorf(x), 1 - (x - floorf(x))), dy = fminf(y - floorf(y), 1 - (y - floorf(y)));
    return smooth(width_x * 0.5f, width_x, dx) * smooth(width_y * 0.5f, width_y, dy);
}

static vec3 tiles(float u, float v) {
    float x = u * 2, y = v * 2;
    int column = (int)x, row = (int)y;
    bool dark = (column + row) % 2 != 0;
    float grain = turbulence(u, v, 8, 5, dark ? 11 : 23), fine = noise(u * 256, v * 256, 256, 5);
    float vein = 1 - smooth(0, 0.06f, fabsf(turbulence(u, v, 4, 5, 41) - 0.48f));
    vec3 stone = dark ? mix(v3(0.20f, 0.24f, 0.30f), v3(0.34f, 0.38f, 0.44f), grain)
                      : mix(v3(0.66f, 0.61f, 0.54f), v3(0.90f, 0.86f, 0.79f), grain);
    stone = mix(stone, dark ? v3(0.55f, 0.58f, 0.62f) : v3(0.55f, 0.48f, 0.42f), vein * 0.35f);
    stone = v3_scale(stone, 0.94f + 0.12f * fine);
    return mix(v3(0.25f, 0.23f, 0.21f), stone, joints(x, y, 0.022f, 0.022f));
}

static vec3 marble(float u, float v) {
    float t = turbulence(u, v, 4, 6, 77);
    float vein = powf(1 - fabsf(sinf((u * 2 + v + t * 3.5f) * PI)), 3);
    vec3 base = mix(v3(0.93f, 0.90f, 0.85f), v3(0.80f, 0.77f, 0.74f), turbulence(u, v, 8, 4, 3));
    return mix(base, v3(0.48f, 0.45f, 0.46f), vein * 0.7f);
}

static vec3 brick(float u, float v) {
    float x = u * 4, y = v * 8;
    if ((int)y % 2) x += 0.5f;
    uint32_t column = (uint32_t)x % 4, row = (uint32_t)y;
    float tone = lattice(column, row, 9), grain = turbulence(u, v, 32, 4, 15);
    vec3 clay = mix(v3(0.52f, 0.21f, 0.15f), v3(0.78f, 0.40f, 0.27f), 0.6f * tone + 0.4f * grain);
    clay = v3_scale(clay, 0.75f + 0.5f * grain);
    vec3 mortar = v3_scale(v3(0.74f, 0.71f, 0.66f), 0.8f + 0.3f * grain);
    return mix(mortar, clay, joints(x, y, 0.045f, 0.09f));
}

static vec3 metal(float u, float v) {
    float streak = noise(u * 4, v * 128, 128, 31), wide = turbulence(u, v, 4, 3, 8);
    float tone = 0.86f + 0.10f * streak + 0.08f * (wide - 0.5f);
    return v3(tone, tone, tone);
}

static vec3 wood(float u, float v) {
    float plank = floorf(v * 5), offset = lattice((uint32_t)plank, 3, 55);
    float ring = turbulence(u, v, 2, 3, 60 + (uint32_t)plank) * 6 + v * 20;
    float grain = 0.5f + 0.5f * sinf((ring + offset * 9) * 2 * PI), fine = noise(u * 16, v * 256, 256, 90);
    vec3 board = mix(v3(0.50f, 0.32f, 0.17f), v3(0.74f, 0.53f, 0.31f), 0.55f * grain + 0.45f * fine);
    board = v3_scale(board, (0.82f + 0.3f * offset) * smooth(0, 0.05f, fminf(v * 5 - plank, plank + 1 - v * 5)));
    float edge = fminf(fminf(u, 1 - u), fminf(v, 1 - v));
    vec3 frame = v3_scale(mix(v3(0.36f, 0.22f, 0.12f), v3(0.52f, 0.34f, 0.19f), noise(u * 64, v * 64, 64, 70)),
                          smooth(0, 0.012f, edge));
    return mix(frame, board, smooth(0.095f, 0.105f, edge));
}

static vec3 stripes(float u, float v) {
    float wave = u + 0.5f * v, place = wave * 4 - floorf(wave * 4);
    float red = smooth(0, 0.02f, place) - smooth(0.5f, 0.52f, place);
    return v3_scale(mix(v3(0.93f, 0.92f, 0.88f), v3(0.78f, 0.13f, 0.16f), red), 0.95f + 0.1f * noise(u * 64, v * 64, 64, 2));
}

static vec3 texel(texture which, float u, float v) {
    switch (which) {
    case TEXTURE_TILES: return tiles(u, v);
    case TEXTURE_MARBLE: return marble(u, v);
    case TEXTURE_BRICK: return brick(u, v);
    case TEXTURE_METAL: return metal(u, v);
    case TEXTURE_WOOD: return wood(u, v);
    default: return stripes(u, v);
    }
}

bool textures_create(void) {
    uint8_t *pixels = malloc((size_t)SIDE * SIDE * 4);
    GLuint name;
    if (!pixels) return false;
    gl.GenTextures(1, &name);
    gl.BindTexture(GL_TEXTURE_2D_ARRAY, name);
    gl.TexImage3D(GL_TEXTURE_2D_ARRAY, 0, GL_RGBA8, SIDE, SIDE, TEXTURE_COUNT, 0, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
    for (int layer = 0; layer < TEXTURE_COUNT; layer++) {
        uint8_t *p = pixels;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++, p += 4) {
                vec3 c = texel((texture)layer, ((float)x + 0.5f) / SIDE, ((float)y + 0.5f) / SIDE);
                p[0] = (uint8_t)(fminf(fmaxf(c.x, 0), 1) * 255);
                p[1] = (uint8_t)(fminf(fmaxf(c.y, 0), 1) * 255);
                p[2] = (uint8_t)(fminf(fmaxf(c.z, 0), 1) * 255);
                p[3] = 255;
            }
        gl.TexSubImage3D(GL_TEXTURE_2D_ARRAY, 0, 0, 0, layer, SIDE, SIDE, 1, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    }
    free(pixels);
    gl.GenerateMipmap(GL_TEXTURE_2D_ARRAY);
    gl.TexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
    gl.TexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    return true;
}
