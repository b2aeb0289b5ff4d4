#include "scene.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gl.h"
#include "linear.h"
#include "shapes.h"
#include "shaders.h"
#include "textures.h"

enum { SHADOW_SIDE = 1536, SAMPLES = 4, MAX_BODIES = 96, COLUMNS = 12 };

typedef struct body {
    shape shape;
    texture texture;
    mat4 model;      /* rotation, scale and place */
    float normal[9]; /* turns normals: the rotation over the scale */
    vec3 tint;
    vec3 texture_scale; /* repeats of the texture along x, y and z of the body */
    float metal;  /* 0: stone or paint, 1: metal */
    float polish; /* 0: dull, 1: a mirror */
    float glow;   /* 1: shines by itself and throws no shadow */
} body;

static struct scene {
    int width, height;
    GLuint drawn, resolved, shadow; /* framebuffers: with samples, without, and the depths that the sun sees */
    GLuint vertex_array;
    GLuint body_program, shadow_program, sky_program;
    GLuint shadow_texture;
    uint32_t first[SHAPE_COUNT + 1];
    body bodies[MAX_BODIES];
    int body_count;
} scene;

static const vec3 sun_direction = { 0.52f, 0.60f, 0.61f };

static GLuint compile(GLenum type, bool es, const char *source) {
    const char *version = es ? "#version 300 es\nprecision highp float;\nprecision highp sampler2DShadow;\n"
                               "precision highp sampler2DArray;\n"
                             : "#version 330 core\n";
    const char *parts[3] = { version, shader_common, source };
    GLuint shader = gl.CreateShader(type);
    GLint ok = 0;
    gl.ShaderSource(shader, 3, parts, NULL);
    gl.CompileShader(shader);
    gl.GetShaderiv(shader, GL_COMPILE_STATUS, &ok);
    if (!ok) {
        char log[1024] = "";
        gl.GetShaderInfoLog(shader, sizeof log, NULL, log);
        fprintf(stderr, "A shader does not compile:\n%s\n", log);
        return 0;
    }
    return shader;
}

static GLuint link_program(bool es, const char *vertex_source, const char *fragment_source) {
    GLuint v = compile(GL_VERTEX_SHADER, es, vertex_source), f = compile(GL_FRAGMENT_SHADER, es, fragment_source);
    if (!v || !f) return 0;
    GLuint program = gl.CreateProgram();
    GLint ok = 0;
    gl.AttachShader(program, v);
    gl.AttachShader(program, f);
    gl.LinkProgram(program);
    gl.GetProgramiv(program, GL_LINK_STATUS, &ok);
    if (!ok) {
        char log[1024] = "";
        gl.GetProgramInfoLog(program, sizeof log, NULL, log);
        fprintf(stderr, "The shaders do not link:\n%s\n", log);
        return 0;
    }
    return program;
}

static GLuint make_framebuffer(int width, int height, int samples, bool depth) {
    GLuint framebuffer, buffers[2];
    gl.GenFramebuffers(1, &framebuffer);
    gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.GenRenderbuffers(2, buffers);
    gl.BindRenderbuffer(GL_RENDERBUFFER, buffers[0]);
    gl.RenderbufferStorageMultisample(GL_RENDERBUFFER, samples, GL_RGBA8, width, height);
    gl.FramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, buffers[0]);
    if (depth) {
        gl.BindRenderbuffer(GL_RENDERBUFFER, buffers[1]);
        gl.RenderbufferStorageMultisample(GL_RENDERBUFFER, samples, GL_DEPTH_COMPONENT24, width, height);
        gl.FramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, buffers[1]);
    }
    return gl.CheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE ? framebuffer : 0;
}

static GLuint make_shadow_framebuffer(void) {
    const GLenum none = GL_NONE;
    GLuint framebuffer;
    gl.GenTextures(1, &scene.shadow_texture);
    gl.BindTexture(GL_TEXTURE_2D, scene.shadow_texture);
    gl.TexImage2D(GL_TEXTURE_2D, 0, GL_DEPTH_COMPONENT24, SHADOW_SIDE, SHADOW_SIDE, 0, GL_DEPTH_COMPONENT,
                  GL_UNSIGNED_INT, NULL);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_COMPARE_MODE, GL_COMPARE_REF_TO_TEXTURE);
    gl.GenFramebuffers(1, &framebuffer);
    gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_TEXTURE_2D, scene.shadow_texture, 0);
    gl.DrawBuffers(1, &none);
    gl.ReadBuffer(GL_NONE);
    return gl.CheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE ? framebuffer : 0;
}

static bool upload_shapes(void) {
    shapes all;
    GLuint buffers[2];
    if (!shapes_create(&all)) return false;
    for (int s = 0; s <= SHAPE_COUNT; s++) scene.first[s] = all.first[s];
    gl.GenVertexArrays(1, &scene.vertex_array);
    gl.BindVertexArray(scene.vertex_array);
    gl.GenBuffers(2, buffers);
    gl.BindBuffer(GL_ARRAY_BUFFER, buffers[0]);
    gl.BufferData(GL_ARRAY_BUFFER, (GLsizeiptr)(all.vertex_count * sizeof(vertex)), all.vertices, GL_STATIC_DRAW);
    gl.BindBuffer(GL_ELEMENT_ARRAY_BUFFER, buffers[1]);
    gl.BufferData(GL_ELEMENT_ARRAY_BUFFER, (GLsizeiptr)(all.index_count * sizeof(uint32_t)), all.indices, GL_STATIC_DRAW);
    const GLint sizes[3] = { 3, 3, 2 };
    const size_t offsets[3] = { offsetof(vertex, position), offsetof(vertex, normal), offsetof(vertex, uv) };
    for (GLuint i = 0; i < 3; i++) {
        gl.EnableVertexAttribArray(i);
        gl.VertexAttribPointer(i, sizes[i], GL_FLOAT, GL_FALSE, sizeof(vertex), (const void *)offsets[i]);
    }
    shapes_free(&all);
    return true;
}

bool scene_create(int width, int height, bool es) {
    scene.width = width;
    scene.height = height;
    scene.shadow = make_shadow_framebuffer();
    /* Smooth edges are free on a graphics card, and double the work where the processor draws. */
    const char *renderer = (const char *)gl.GetString(GL_RENDERER);
    GLint samples = 0;
    if (!renderer || (!strstr(renderer, "llvmpipe") && !strstr(renderer, "softpipe")))
        gl.GetIntegerv(GL_MAX_SAMPLES, &samples);
    scene.drawn = make_framebuffer(width, height, samples < SAMPLES ? samples : SAMPLES, true);
    scene.resolved = make_framebuffer(width, height, 0, false);
    if (!scene.shadow || !scene.drawn || !scene.resolved) {
        fprintf(stderr, "OpenGL cannot draw pictures of %d x %d pixels; try a smaller --size.\n", width, height);
        return false;
    }
    scene.body_program = link_program(es, body_vertex_shader, body_fragment_shader);
    scene.shadow_program = link_program(es, shadow_vertex_shader, shadow_fragment_shader);
    scene.sky_program = link_program(es, sky_vertex_shader, sky_fragment_shader);
    if (!scene.body_program || !scene.shadow_program || !scene.sky_program) return false;

    gl.ActiveTexture(GL_TEXTURE0);
    if (!textures_create() || !upload_shapes()) {
        fprintf(stderr, "Out of memory.\n");
        return false;
    }
    gl.ActiveTexture(GL_TEXTURE1);
    gl.BindTexture(GL_TEXTURE_2D, scene.shadow_texture);
    gl.UseProgram(scene.body_program);
    gl.Uniform1i(gl.GetUniformLocation(scene.body_program, "surfaces"), 0);
    gl.Uniform1i(gl.GetUniformLocation(scene.body_program, "shadow_map"), 1);
    gl.Enable(GL_DEPTH_TEST);
    gl.Enable(GL_CULL_FACE);
    GLenum error = gl.GetError();
    if (error != GL_NO_ERROR) fprintf(stderr, "OpenGL error 0x%x while the scene was made.\n", error);
    return error == GL_NO_ERROR;
}

/* Adds a body at `place`, scaled, then turned; the caller may change its material afterwards. */
static body *add(shape shape, texture texture, vec3 place, vec3 scale, mat4 rotation) {
    body *b = &scene.bodies[scene.body_count < MAX_BODIES ? scene.body_count++ : MAX_BODIES - 1];
    const float factors[3] = { scale.x, scale.y, scale.z };
    b->shape = shape;
    b->texture = texture;
    b->model = rotation;
    for (int c = 0; c < 3; c++)
        for (int r = 0; r < 3; r++) {
            b->model.m[c * 4 + r] = rotation.m[c * 4 + r] * factors[c];
            b->normal[c * 3 + r] = rotation.m[c * 4 + r] / factors[c];
        }
    b->model.m[12] = place.x;
    b->model.m[13] = place.y;
    b->model.m[14] = place.z;
    b->tint = v3(1, 1, 1);
    b->texture_scale = v3(1, 1, 1);
    b->metal = 0;
    b->polish = 0.25f;
    b->glow = 0;
    return b;
}

/* A block of masonry: the size of what is on it does not depend on the size of the block. */
static body *add_block(texture texture, vec3 place, vec3 half, mat4 rotation) {
    body *b = add(SHAPE_CUBE, texture, place, half, rotation);
    b->texture_scale = v3_scale(half, texture == TEXTURE_BRICK ? 1.0f : 0.6f);
    return b;
}

static vec3 lamp_place(int which, float time) {
    float angle = time * (which ? -0.9f : 0.7f) + (which ? 2.0f : 0.0f), radius = which ? 5.6f : 3.0f;
    return v3(radius * cosf(angle), 1.5f + 0.7f * sinf(time * 1.3f + (float)which * 2), radius * sinf(angle));
}

static const vec3 lamp_colours[2] = { { 0.25f, 0.75f, 1.0f }, { 1.0f, 0.42f, 0.12f } };

static void add_column(int index, float time) {
    const mat4 none = mat4_identity();
    float angle = (float)index * 2 * PI / COLUMNS, x = 10.5f * cosf(angle), z = 10.5f * sinf(angle);
    mat4 facing = mat4_rotation(v3(0, 1, 0), -angle);
    add_block(TEXTURE_MARBLE, v3(x, 0.2f, z), v3(0.85f, 0.2f, 0.85f), facing)->polish = 0.35f;
    add(SHAPE_CYLINDER, TEXTURE_MARBLE, v3(x, 2.1f, z), v3(0.52f, 1.7f, 0.52f), none)->polish = 0.45f;
    add_block(TEXTURE_MARBLE, v3(x, 3.95f, z), v3(0.78f, 0.16f, 0.78f), facing)->polish = 0.35f;
    body *ball = add(SHAPE_SPHERE, TEXTURE_METAL, v3(x, 4.68f, z), v3(0.58f, 0.58f, 0.58f),
                     mat4_rotation(v3(0, 1, 0), time * 0.8f));
    ball->metal = 1;
    ball->polish = 0.95f;
    ball->tint = index % 2 ? v3(0.96f, 0.62f, 0.44f) : v3(0.86f, 0.89f, 0.93f);
}

static void place_bodies(float time) {
    const mat4 none = mat4_identity();
    scene.body_count = 0;
    body *floor = add(SHAPE_FLOOR, TEXTURE_TILES, v3(0, 0, 0), v3(1, 1, 1), none);
    floor->polish = 0.5f;

    /* In the middle, on two steps of brick, the golden knot. */
    add_block(TEXTURE_BRICK, v3(0, 0.25f, 0), v3(2.0f, 0.25f, 2.0f), none)->polish = 0.1f;
    add_block(TEXTURE_MARBLE, v3(0, 0.54f, 0), v3(2.08f, 0.05f, 2.08f), none)->polish = 0.4f;
    add_block(TEXTURE_BRICK, v3(0, 0.79f, 0), v3(1.3f, 0.2f, 1.3f), none)->polish = 0.1f;
    add_block(TEXTURE_MARBLE, v3(0, 1.05f, 0), v3(1.38f, 0.06f, 1.38f), none)->polish = 0.4f;
    mat4 spin = mat4_multiply(mat4_rotation(v3(0, 1, 0), time * 0.6f), mat4_rotation(v3(1, 0, 0), 1.2f + 0.3f * sinf(time * 0.5f)));
    body *knot = add(SHAPE_KNOT, TEXTURE_METAL, v3(0, 2.95f, 0), v3(0.95f, 0.95f, 0.95f), spin);
    knot->tint = v3(1.0f, 0.76f, 0.33f);
    knot->metal = 1;
    knot->polish = 0.8f;

    for (int i = 0; i < COLUMNS; i++) add_column(i, time);

    /* Crates and rings float around it in turns. */
    for (int i = 0; i < 8; i++) {
        float angle = (float)i * PI / 4 - time * 0.22f, t = time + (float)i * 1.7f;
        vec3 place = v3(4.3f * cosf(angle), 1.45f + 0.4f * sinf(t * 1.4f), 4.3f * sinf(angle));
        vec3 axis = v3_normalize(v3(sinf((float)i * 2.1f), 1.2f, cosf((float)i * 1.3f)));
        if (i % 2) {
            body *ring = add(SHAPE_TORUS, TEXTURE_STRIPES, place, v3(0.66f, 0.66f, 0.66f),
                             mat4_rotation(v3_normalize(v3(1, 0.4f, axis.z)), t * 1.1f));
            ring->polish = 0.6f;
        } else {
            add(SHAPE_CUBE, TEXTURE_WOOD, place, v3(0.55f, 0.55f, 0.55f), mat4_rotation(axis, t * 0.8f))->polish = 0.15f;
        }
    }
    for (int i = 0; i < 2; i++) {
        body *lamp = add(SHAPE_SPHERE, TEXTURE_METAL, lamp_place(i, time), v3(0.13f, 0.13f, 0.13f), none);
        lamp->tint = lamp_colours[i];
        lamp->glow = 1;
    }
}

static void set_matrix(GLuint program, const char *name, const mat4 *matrix) {
    gl.UniformMatrix4fv(gl.GetUniformLocation(program, name), 1, GL_FALSE, matrix->m);
}

static void draw_shape(shape s) {
    gl.DrawElements(GL_TRIANGLES, (GLsizei)(scene.first[s + 1] - scene.first[s]), GL_UNSIGNED_INT,
                    (const void *)(scene.first[s] * sizeof(uint32_t)));
}

static void draw_shadows(const mat4 *sun) {
    gl.BindFramebuffer(GL_FRAMEBUFFER, scene.shadow);
    gl.Viewport(0, 0, SHADOW_SIDE, SHADOW_SIDE);
    gl.Clear(GL_DEPTH_BUFFER_BIT);
    gl.UseProgram(scene.shadow_program);
    set_matrix(scene.shadow_program, "sun", sun);
    GLint model = gl.GetUniformLocation(scene.shadow_program, "model");
    gl.Enable(GL_POLYGON_OFFSET_FILL);
    gl.PolygonOffset(2.5f, 6.0f);
    for (int i = 1; i < scene.body_count; i++) {
        const body *b = &scene.bodies[i];
        if (b->glow > 0) continue;
        gl.UniformMatrix4fv(model, 1, GL_FALSE, b->model.m);
        draw_shape(b->shape);
    }
    gl.PolygonOffset(0, 0);
}

static void draw_bodies(const mat4 *camera, const mat4 *sun, vec3 eye, float time) {
    GLuint p = scene.body_program;
    vec3 lamps[2] = { lamp_place(0, time), lamp_place(1, time) };
    gl.UseProgram(p);
    set_matrix(p, "camera", camera);
    set_matrix(p, "sun", sun);
    gl.Uniform3fv(gl.GetUniformLocation(p, "eye"), 1, &eye.x);
    gl.Uniform3fv(gl.GetUniformLocation(p, "lamps"), 2, &lamps[0].x);
    gl.Uniform3fv(gl.GetUniformLocation(p, "lamp_colours"), 2, &lamp_colours[0].x);
    GLint model = gl.GetUniformLocation(p, "model"), normal = gl.GetUniformLocation(p, "normal_matrix");
    GLint tint = gl.GetUniformLocation(p, "tint"), material = gl.GetUniformLocation(p, "material");
    GLint surface = gl.GetUniformLocation(p, "surface"), scale = gl.GetUniformLocation(p, "texture_scale");
    /* The floor is under nearly every pixel, so it comes last: what hides it has then been drawn. */
    for (int n = 1; n <= scene.body_count; n++) {
        const body *b = &scene.bodies[n % scene.body_count];
        gl.UniformMatrix4fv(model, 1, GL_FALSE, b->model.m);
        gl.UniformMatrix3fv(normal, 1, GL_FALSE, b->normal);
        gl.Uniform3fv(tint, 1, &b->tint.x);
        gl.Uniform4f(material, b->metal, b->polish, b->glow, 0);
        gl.Uniform1f(surface, (float)b->texture);
        gl.Uniform3fv(scale, 1, &b->texture_scale.x);
        draw_shape(b->shape);
    }
}

/* One triangle over the whole picture, at the far end of the depth range. */
static void draw_sky(vec3 eye, vec3 target, float vertical_angle) {
    GLuint p = scene.sky_program;
    vec3 forward = v3_normalize(v3_sub(target, eye));
    vec3 right = v3_normalize(v3_cross(forward, v3(0, 1, 0)));
    vec3 up = v3_cross(right, forward);
    float tangent = tanf(vertical_angle / 2), aspect = (float)scene.width / (float)scene.height;
    right = v3_scale(right, tangent * aspect);
    up = v3_scale(up, tangent);
    gl.UseProgram(p);
    gl.Uniform3fv(gl.GetUniformLocation(p, "forward"), 1, &forward.x);
    gl.Uniform3fv(gl.GetUniformLocation(p, "right"), 1, &right.x);
    gl.Uniform3fv(gl.GetUniformLocation(p, "up"), 1, &up.x);
    gl.DepthFunc(GL_LEQUAL);
    gl.DrawArrays(GL_TRIANGLES, 0, 3);
    gl.DepthFunc(GL_LESS);
}

void scene_draw(float time) {
    float angle = 0.9f + time * 0.16f, distance = 8.6f + 0.6f * sinf(time * 0.31f), view = 1.0f;
    vec3 eye = v3(distance * cosf(angle), 3.3f + 0.9f * sinf(time * 0.43f), distance * sinf(angle));
    vec3 target = v3(0, 2.1f, 0);
    mat4 camera = mat4_multiply(mat4_perspective(view, (float)scene.width / (float)scene.height, 0.2f, 140.0f),
                                mat4_look_at(eye, target));
    mat4 sun = mat4_multiply(mat4_orthographic(13.5f, 1, 50), mat4_look_at(v3_scale(sun_direction, 25), v3(0, 1, 0)));

    place_bodies(time);
    draw_shadows(&sun);
    gl.BindFramebuffer(GL_FRAMEBUFFER, scene.drawn);
    gl.Viewport(0, 0, scene.width, scene.height);
    gl.Clear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
    draw_bodies(&camera, &sun, eye, time);
    draw_sky(eye, target, view);

    gl.BindFramebuffer(GL_READ_FRAMEBUFFER, scene.drawn);
    gl.BindFramebuffer(GL_DRAW_FRAMEBUFFER, scene.resolved);
    gl.BlitFramebuffer(0, 0, scene.width, scene.height, 0, 0, scene.width, scene.height, GL_COLOR_BUFFER_BIT, GL_NEAREST);
    gl.BindFramebuffer(GL_READ_FRAMEBUFFER, scene.resolved);
}

void scene_copy_to_window(void) {
    gl.BindFramebuffer(GL_DRAW_FRAMEBUFFER, 0);
    gl.BlitFramebuffer(0, 0, scene.width, scene.height, 0, 0, scene.width, scene.height, GL_COLOR_BUFFER_BIT, GL_NEAREST);
}
