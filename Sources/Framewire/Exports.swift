// What a program that imports Framewire sees of the modules below.
@_exported import struct Buffers.AllocationParameters
@_exported import struct Buffers.Buffer
@_exported import struct Buffers.BufferError
@_exported import class Buffers.BufferPool
@_exported import struct Buffers.ColorDescription
@_exported import struct Buffers.FrameFlags
@_exported import struct Buffers.FrameInfo
@_exported import struct Buffers.FrameLayout
@_exported import class Buffers.Memory
@_exported import struct Buffers.MemoryFlags
@_exported import enum Buffers.PixelFormat
@_exported import enum Buffers.RowOrder
@_exported import enum Codec.Profile
@_exported import struct Wire.Limits
