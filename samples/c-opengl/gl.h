/* The OpenGL functions that the sample calls, as `gl.DrawElements(...)`. Loaded at run time: nothing links against OpenGL. */
#ifndef GL_H
#define GL_H

#include <GL/glcorearb.h>

#define GL_FUNCTIONS(X)                                    \
    X(PFNGLACTIVETEXTUREPROC, ActiveTexture)               \
    X(PFNGLATTACHSHADERPROC, AttachShader)                 \
    X(PFNGLBINDBUFFERPROC, BindBuffer)                     \
    X(PFNGLBINDFRAMEBUFFERPROC, BindFramebuffer)           \
    X(PFNGLBINDRENDERBUFFERPROC, BindRenderbuffer)         \
    X(PFNGLBINDTEXTUREPROC, BindTexture)                   \
    X(PFNGLBINDVERTEXARRAYPROC, BindVertexArray)           \
    X(PFNGLBLITFRAMEBUFFERPROC, BlitFramebuffer)           \
    X(PFNGLBUFFERDATAPROC, BufferData)                     \
    X(PFNGLCHECKFRAMEBUFFERSTATUSPROC, CheckFramebufferStatus) \
    X(PFNGLCLEARPROC, Clear)                               \
    X(PFNGLCOMPILESHADERPROC, CompileShader)               \
    X(PFNGLCREATEPROGRAMPROC, CreateProgram)               \
    X(PFNGLCREATESHADERPROC, CreateShader)                 \
    X(PFNGLCULLFACEPROC, CullFace)                         \
    X(PFNGLDEPTHFUNCPROC, DepthFunc)                       \
    X(PFNGLDRAWARRAYSPROC, DrawArrays)                     \
    X(PFNGLDRAWBUFFERSPROC, DrawBuffers)                   \
    X(PFNGLDRAWELEMENTSPROC, DrawElements)                 \
    X(PFNGLENABLEPROC, Enable)                             \
    X(PFNGLENABLEVERTEXATTRIBARRAYPROC, EnableVertexAttribArray) \
    X(PFNGLFINISHPROC, Finish)                             \
    X(PFNGLFRAMEBUFFERRENDERBUFFERPROC, FramebufferRenderbuffer) \
    X(PFNGLFRAMEBUFFERTEXTURE2DPROC, FramebufferTexture2D) \
    X(PFNGLGENBUFFERSPROC, GenBuffers)                     \
    X(PFNGLGENERATEMIPMAPPROC, GenerateMipmap)             \
    X(PFNGLGENFRAMEBUFFERSPROC, GenFramebuffers)           \
    X(PFNGLGENRENDERBUFFERSPROC, GenRenderbuffers)         \
    X(PFNGLGENTEXTURESPROC, GenTextures)                   \
    X(PFNGLGENVERTEXARRAYSPROC, GenVertexArrays)           \
    X(PFNGLGETERRORPROC, GetError)                         \
    X(PFNGLGETINTEGERVPROC, GetIntegerv)                   \
    X(PFNGLGETPROGRAMINFOLOGPROC, GetProgramInfoLog)       \
    X(PFNGLGETPROGRAMIVPROC, GetProgramiv)                 \
    X(PFNGLGETSHADERINFOLOGPROC, GetShaderInfoLog)         \
    X(PFNGLGETSHADERIVPROC, GetShaderiv)                   \
    X(PFNGLGETSTRINGPROC, GetString)                       \
    X(PFNGLGETUNIFORMLOCATIONPROC, GetUniformLocation)     \
    X(PFNGLLINKPROGRAMPROC, LinkProgram)                   \
    X(PFNGLPIXELSTOREIPROC, PixelStorei)                   \
    X(PFNGLPOLYGONOFFSETPROC, PolygonOffset)               \
    X(PFNGLREADBUFFERPROC, ReadBuffer)                     \
    X(PFNGLREADPIXELSPROC, ReadPixels)                     \
    X(PFNGLRENDERBUFFERSTORAGEMULTISAMPLEPROC, RenderbufferStorageMultisample) \
    X(PFNGLSHADERSOURCEPROC, ShaderSource)                 \
    X(PFNGLTEXIMAGE2DPROC, TexImage2D)                     \
    X(PFNGLTEXIMAGE3DPROC, TexImage3D)                     \
    X(PFNGLTEXPARAMETERIPROC, TexParameteri)               \
    X(PFNGLTEXSUBIMAGE3DPROC, TexSubImage3D)               \
    X(PFNGLUNIFORM1FPROC, Uniform1f)                       \
    X(PFNGLUNIFORM1IPROC, Uniform1i)                       \
    X(PFNGLUNIFORM3FVPROC, Uniform3fv)                     \
    X(PFNGLUNIFORM4FPROC, Uniform4f)                       \
    X(PFNGLUNIFORMMATRIX3FVPROC, UniformMatrix3fv)         \
    X(PFNGLUNIFORMMATRIX4FVPROC, UniformMatrix4fv)         \
    X(PFNGLUSEPROGRAMPROC, UseProgram)                     \
    X(PFNGLVERTEXATTRIBPOINTERPROC, VertexAttribPointer)   \
    X(PFNGLVIEWPORTPROC, Viewport)

struct gl_functions {
#define GL_FIELD(type, name) type name;
    GL_FUNCTIONS(GL_FIELD)
#undef GL_FIELD
};

extern struct gl_functions gl;

#endif
