/* The shaders of the scene, for GLSL 3.30 and for GLSL ES 3.00. Colours are linear until `finish`. */
#ifndef SHADERS_H
#define SHADERS_H

static const char shader_common[] =
    "const vec3 to_sun = vec3(0.52, 0.60, 0.61);\n"
    "const vec3 sun_colour = vec3(3.1, 2.35, 1.55);\n"
    /* The light that comes from a direction: ground, haze, sky, and the glow around the sun. */
    "vec3 surroundings(vec3 d) {\n"
    "    vec3 haze = vec3(0.88, 0.63, 0.45);\n"
    "    vec3 sky = mix(haze, vec3(0.05, 0.15, 0.40), pow(clamp(d.y * 2.0, 0.0, 1.0), 0.65));\n"
    "    vec3 c = mix(sky, vec3(0.20, 0.17, 0.15), smoothstep(0.0, -0.18, d.y));\n"
    "    float s = max(dot(d, to_sun), 0.0), s4 = s * s * s * s;\n"
    "    return c + sun_colour * (0.10 * s4 * s4 + 1.2 * pow(s, 400.0));\n"
    "}\n"
    "vec3 finish(vec3 c) {\n"
    "    c *= 0.62;\n"
    "    c = c * (2.51 * c + 0.03) / (c * (2.43 * c + 0.59) + 0.14);\n"
    "    return sqrt(clamp(c, 0.0, 1.0));\n"
    "}\n";

static const char body_vertex_shader[] =
    "layout(location = 0) in vec3 position;\n"
    "layout(location = 1) in vec3 normal;\n"
    "layout(location = 2) in vec2 uv;\n"
    "uniform mat4 camera, sun, model;\n"
    "uniform mat3 normal_matrix;\n"
    "uniform vec3 texture_scale;\n"
    "out vec3 at, facing, in_sun;\n"
    "out vec2 place;\n"
    "void main() {\n"
    "    vec4 world = model * vec4(position, 1.0);\n"
    "    at = world.xyz;\n"
    "    facing = normal_matrix * normal;\n"
    "    vec3 s = texture_scale, side = abs(normal);\n"
    "    place = uv * (side.x > 0.9 ? s.zy : side.y > 0.9 ? s.xz : s.xy);\n"
    "    in_sun = (sun * world).xyz * 0.5 + 0.5;\n"
    "    gl_Position = camera * world;\n"
    "}\n";

static const char body_fragment_shader[] =
    "in vec3 at, facing, in_sun;\n"
    "in vec2 place;\n"
    "uniform vec3 eye, tint, lamps[2], lamp_colours[2];\n"
    "uniform vec4 material;\n"
    "uniform float surface;\n"
    "uniform sampler2DArray surfaces;\n"
    "uniform sampler2DShadow shadow_map;\n"
    "out vec4 colour;\n"
    "float sunlit() {\n"
    "    if (any(greaterThan(abs(in_sun - 0.5), vec3(0.499)))) return 1.0;\n"
    "    float o = 0.45 / 1536.0;\n"
    "    return 0.25 * (texture(shadow_map, in_sun + vec3(-o, -o * 3.0, 0.0)) + texture(shadow_map, in_sun + vec3(o * 3.0, -o, 0.0)) +\n"
    "                   texture(shadow_map, in_sun + vec3(-o * 3.0, o, 0.0)) + texture(shadow_map, in_sun + vec3(o, o * 3.0, 0.0)));\n"
    "}\n"
    "void main() {\n"
    "    vec3 to_eye = eye - at;\n"
    "    float far = length(to_eye);\n"
    "    vec3 v = to_eye / far, n = normalize(facing);\n"
    "    if (material.z > 0.5) { colour = vec4(finish(tint * (1.2 + 2.0 * max(dot(n, v), 0.0))), 1.0); return; }\n"
    "    vec3 t = texture(surfaces, vec3(place, surface)).rgb;\n"
    "    vec3 albedo = t * t * tint;\n"
    "    float metal = material.x, polish = material.y, shine = exp2(3.0 + 7.0 * polish);\n"
    "    vec3 base = mix(vec3(0.04), albedo, metal), diffuse = albedo * (1.0 - metal);\n"
    "    float lit = max(dot(n, to_sun), 0.0);\n"
    "    if (lit > 0.0) lit *= sunlit();\n"
    "    vec3 h = normalize(v + to_sun);\n"
    "    float grazing = 1.0 - max(dot(n, v), 0.0), g2 = grazing * grazing;\n"
    "    vec3 mirror = base + (1.0 - base) * (g2 * g2 * grazing * polish);\n"
    "    vec3 sum = diffuse * mix(vec3(0.17, 0.13, 0.11), vec3(0.34, 0.42, 0.58), n.y * 0.5 + 0.5);\n"
    "    sum += sun_colour * lit * (diffuse + mirror * pow(max(dot(n, h), 0.0), shine) * (0.3 + shine * 0.02));\n"
    "    for (int i = 0; i < 2; i++) {\n"
    "        vec3 l = lamps[i] - at;\n"
    "        float square = dot(l, l);\n"
    "        l *= inversesqrt(square);\n"
    "        float here = max(dot(n, l), 0.0) * 3.4 / (0.25 + square);\n"
    "        sum += lamp_colours[i] * here * (diffuse + mirror * pow(max(dot(n, normalize(v + l)), 0.0), shine) * 2.0);\n"
    "    }\n"
    "    vec3 r = reflect(-v, n);\n"
    "    sum += mirror * surroundings(r) * polish * mix(0.55, 1.0, smoothstep(0.0, 0.6, at.y));\n"
    "    float clear = exp2(-far * far * 0.0011);\n"
    "    colour = vec4(finish(mix(surroundings(normalize(vec3(-v.x, max(-v.y, 0.0), -v.z))), sum, clear)), 1.0);\n"
    "}\n";

static const char shadow_vertex_shader[] =
    "layout(location = 0) in vec3 position;\n"
    "uniform mat4 sun, model;\n"
    "void main() { gl_Position = sun * (model * vec4(position, 1.0)); }\n";

static const char shadow_fragment_shader[] = "void main() {}\n";

static const char sky_vertex_shader[] =
    "uniform vec3 forward, right, up;\n"
    "out vec3 direction;\n"
    "void main() {\n"
    "    vec2 p = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);\n"
    "    direction = forward + right * p.x + up * p.y;\n"
    "    gl_Position = vec4(p, 1.0, 1.0);\n"
    "}\n";

static const char sky_fragment_shader[] =
    "in vec3 direction;\n"
    "out vec4 colour;\n"
    "void main() { colour = vec4(finish(surroundings(normalize(direction))), 1.0); }\n";

#endif
