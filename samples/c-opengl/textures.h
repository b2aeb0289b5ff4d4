/* The surfaces of the scene, computed: no files to look for. */
#ifndef TEXTURES_H
#define TEXTURES_H

#include <stdbool.h>

typedef enum texture { TEXTURE_TILES, TEXTURE_MARBLE, TEXTURE_BRICK, TEXTURE_METAL, TEXTURE_WOOD, TEXTURE_STRIPES, TEXTURE_COUNT } texture;

/* Makes the array texture that has one layer for each of them, with mipmaps, and binds it to the active unit. */
bool textures_create(void);

#endif
