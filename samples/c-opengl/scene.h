/* A place with columns, tiles and things that turn, drawn into framebuffer objects of its own. */
#ifndef SCENE_H
#define SCENE_H

#include <stdbool.h>

/* Makes everything the scene needs for pictures of this size. False, after a message, if OpenGL cannot do it. */
bool scene_create(int width, int height, bool es);

/*
 * Draws the picture for `time` seconds. Afterwards the framebuffer that glReadPixels reads from is the one that
 * holds the picture.
 */
void scene_draw(float time);

/* Copies the picture to framebuffer 0, the window. */
void scene_copy_to_window(void);

#endif
