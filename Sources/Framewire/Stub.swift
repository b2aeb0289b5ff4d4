@_exported import Buffers
public enum Profile: Sendable { case auto, raw, lz4 }
public enum OverflowPolicy: Sendable { case dropOldest, dropNewest, block }
public enum ReconnectPolicy: Sendable { case standard, never, afterLoss, always }
public struct Limits: Sendable { public init() {} ; public var maxWidth = 16384, maxHeight = 16384, maxFrameBytes = 256 << 20, maxMetadataBytes = 65536 }
public struct FramewireError: Error, Sendable {
    public enum Code: Int32, Sendable { case invalidArgument = -1, noMemory = -2, wouldBlock = -3, timeout = -4, closed = -5, protocolViolation = -9, corrupt = -10, address = -14, io = -16 }
    public let code: Code
    public let message: String
}
public struct SenderStats: Sendable {
    public var framesPushed: UInt64 = 0, framesSent: UInt64 = 0, framesDropped: UInt64 = 0, bytesRaw: UInt64 = 0, bytesWire: UInt64 = 0, framesAcknowledged: UInt64 = 0, connections: UInt64 = 0
    public var encodeP50: Int64?, encodeP99: Int64?, latencyP50: Int64?, latencyP99: Int64?
}
public struct ReceiverStats: Sendable {
    public var framesReceived: UInt64 = 0, framesDelivered: UInt64 = 0, framesDropped: UInt64 = 0, framesMissed: UInt64 = 0, bytesRaw: UInt64 = 0, bytesWire: UInt64 = 0, connections: UInt64 = 0, errors: UInt64 = 0, checksumsVerified: UInt64 = 0
    public var decodeP50: Int64?, decodeP99: Int64?, latencyP50: Int64?, latencyP99: Int64?
}
public struct FrameTiming: Sendable { public var senderQueue: Int64?, senderEncode: Int64?, receive: Int64?, decode: Int64?, latency: Int64?, wireBytes: UInt64 = 0 }
public struct Frame {
    public var info: FrameInfo
    public var layout: FrameLayout
    public var timing: FrameTiming
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R { fatalError() }
    public func withUnsafeMutableBytes<R, E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> R) throws(E) -> R { fatalError() }
    public func checksum() -> UInt64 { 0 }
}
public final class Sender {
    public struct Options: Sendable {
        public init() {}
        public var profile: Profile = .auto, acceleration = 1, overflow: OverflowPolicy = .dropOldest, queueDepth = 2, threads = 0, reconnect: ReconnectPolicy = .standard, checksum: Bool? = nil
        public var connectTimeout: Int64 = 5, blockTimeout: Int64 = -1, closeTimeout: Int64 = 5
    }
    public init(to url: String, options: Options = Options()) throws(FramewireError) { throw FramewireError(code: .io, message: "stub") }
    public func acquire(_ info: FrameInfo) throws(FramewireError) -> Frame { fatalError() }
    public func submit(_ frame: Frame) throws(FramewireError) {}
    public func push(_ info: FrameInfo, pixels: UnsafeRawBufferPointer) throws(FramewireError) {}
    public func flush(timeout: Int64 = -1) throws(FramewireError) {}
    public var stats: SenderStats { SenderStats() }
    public var isConnected: Bool { false }
    public var port: UInt16 { 0 }
    public func close() {}
}
public final class Receiver {
    public struct Options: Sendable {
        public init() {}
        public var once = false, overflow: OverflowPolicy = .block, queueDepth = 2, threads = 0, reconnect: ReconnectPolicy = .standard, limits = Limits(), verifyChecksums = true, connectTimeout: Int64 = 5
    }
    public init(from url: String, options: Options = Options()) throws(FramewireError) { throw FramewireError(code: .io, message: "stub") }
    public func next(timeout: Int64 = -1) throws(FramewireError) -> Frame { fatalError() }
    public var stats: ReceiverStats { ReceiverStats() }
    public var descriptor: Int32 { -1 }
    public var port: UInt16 { 0 }
    public func close() {}
}
public final class MessageReader {
    public struct Message {
        public enum Kind: Sendable { case opening, frame, hello, acknowledgement, keyFrameRequest, bye, foreign }
        public var kind: Kind
        public var offset: UInt64
        public var headerSize: Int
        public var payloadSize: Int
        public var info: FrameInfo?
        public var profile: UInt8
        public var stripCount: Int
        public var rawSize: Int
        public var checksum: UInt64?
        public var bytes: UnsafeRawBufferPointer
    }
    public init(from url: String, limits: Limits = Limits()) throws(FramewireError) { throw FramewireError(code: .io, message: "stub") }
    public func next(timeout: Int64 = -1) throws(FramewireError) -> Message? { nil }
    public var descriptor: Int32 { -1 }
    public var port: UInt16 { 0 }
    public func close() {}
}
