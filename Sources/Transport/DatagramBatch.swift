import Buffers
import CPosix

/// The messages of one call of `sendmmsg`, made of buffers: each memory is an `iovec`.
///
/// Packets of one size that follow each other, and a smaller one behind them, can be one message, which the system divides
/// again (`UDP_SEGMENT`). One is filled again and again, and allocates nothing then.
final class DatagramBatch {
    /// Bounds of what the system divides: `UDP_MAX_SEGMENTS`, and the bytes of one datagram over IPv4.
    private static let maxSegments = 64
    private static let maxDatagram = 65507
    private static let controlSize = MemoryLayout<cmsghdr>.size + 8

    /// What a message carries.
    private struct Content {
        var packets = 0
        var bytes = 0
        /// Of each packet but the last.
        var segment = 0
        /// Whether another packet of the same size may follow.
        var isOpen = false
        var firstVector = 0
        var vectors = 0
    }

    let messages: UnsafeMutablePointer<fwp_mmsghdr>
    private let controls: UnsafeMutableRawPointer
    private let contents: UnsafeMutablePointer<Content>
    private var vectors: UnsafeMutablePointer<iovec>
    private var vectorCapacity = 256
    private var vectorCount = 0
    /// How many messages there are.
    private(set) var count = 0

    init() {
        messages = .allocate(capacity: System.maxMessages)
        controls = .allocate(byteCount: System.maxMessages * Self.controlSize, alignment: 16)
        // Its unused bytes go to the system too.
        controls.initializeMemory(as: UInt8.self, repeating: 0, count: System.maxMessages * Self.controlSize)
        contents = .allocate(capacity: System.maxMessages)
        vectors = .allocate(capacity: vectorCapacity)
    }

    deinit {
        messages.deallocate()
        controls.deallocate()
        contents.deallocate()
        vectors.deallocate()
    }

    func packets(in message: Int) -> Int { contents[message].packets }
    func bytes(in message: Int) -> Int { contents[message].bytes }
    func isSegmented(_ message: Int) -> Bool { contents[message].packets > 1 }

    /// Fills the batch with as many buffers of `list` from place `start` as there is room for.
    func fill(
        from list: BufferListStorage, at start: Int, segmentsPackets: Bool
    ) throws(TransportError) {
        count = 0
        vectorCount = 0
        for place in start..<list.count {
            let firstVector = vectorCount
            let size = try addVectors(of: list.reference(at: place), place)
            let added = vectorCount - firstVector
            if segmentsPackets, joins(size: size, vectors: added) { continue }
            if count == System.maxMessages { break }
            contents[count] = Content(
                packets: 1, bytes: size, segment: size, isOpen: true, firstVector: firstVector, vectors: added
            )
            count += 1
        }
        for index in 0..<count { writeMessage(index) }
    }

    /// Adds a packet, whose vectors are the last, to the last message if it is of its size.
    private func joins(size: Int, vectors added: Int) -> Bool {
        guard count > 0 else { return false }
        let last = contents + (count - 1)
        guard last.pointee.isOpen, size <= last.pointee.segment, last.pointee.packets < Self.maxSegments,
            size <= Self.maxDatagram - last.pointee.bytes, added <= System.maxVectors - last.pointee.vectors
        else { return false }
        last.pointee.packets += 1
        last.pointee.bytes += size
        last.pointee.vectors += added
        last.pointee.isOpen = size == last.pointee.segment
        return true
    }

    /// Adds the memories of a buffer.
    ///
    /// - Returns: the bytes of all.
    private func addVectors(
        of buffer: Unmanaged<BufferStorage>, _ place: Int
    ) throws(TransportError) -> Int {
        let memories = buffer._withUnsafeGuaranteedRef { $0.count }
        if vectorCapacity - vectorCount < memories { grow(by: memories) }
        var size = 0
        let first = vectorCount
        for index in 0..<memories {
            let memory = buffer._withUnsafeGuaranteedRef { $0.reference(at: index) }
            let (bytes, isMappable) = memory._withUnsafeGuaranteedRef {
                ($0.visibleBytes, !$0.flags.contains(.notMappable))
            }
            guard isMappable else {
                throw TransportError(
                    .unsupported,
                    "a memory of buffer \(place) of the list cannot be mapped, so it cannot be sent")
            }
            if bytes.count == 0 { continue }
            vectors[vectorCount] = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            vectorCount += 1
            size &+= bytes.count
        }
        guard size > 0 else {
            throw TransportError(.invalidArgument, "buffer \(place) of the list has no bytes to send")
        }
        guard size <= Self.maxDatagram, vectorCount - first <= System.maxVectors else {
            throw TransportError(
                .connection, code: EMSGSIZE,
                "buffer \(place) of the list has \(size) bytes in \(memories) memories; a datagram can have "
                    + "\(Self.maxDatagram) in \(System.maxVectors)")
        }
        return size
    }

    private func grow(by needed: Int) {
        let capacity = max(vectorCapacity * 2, vectorCount + needed)
        let larger = UnsafeMutablePointer<iovec>.allocate(capacity: capacity)
        larger.update(from: vectors, count: vectorCount)
        vectors.deallocate()
        vectors = larger
        vectorCapacity = capacity
    }

    private func writeMessage(_ index: Int) {
        let content = contents[index]
        var header = msghdr()
        header.msg_iov = vectors + content.firstVector
        header.msg_iovlen = content.vectors
        if content.packets > 1 {
            let control = controls + index * Self.controlSize
            var start = cmsghdr()
            start.cmsg_len = MemoryLayout<cmsghdr>.size + MemoryLayout<UInt16>.size
            start.cmsg_level = Int32(IPPROTO_UDP)
            start.cmsg_type = UDP_SEGMENT
            control.storeBytes(of: start, as: cmsghdr.self)
            control.storeBytes(
                of: UInt16(content.segment), toByteOffset: MemoryLayout<cmsghdr>.size, as: UInt16.self)
            header.msg_control = control
            header.msg_controllen = Self.controlSize
        }
        messages[index] = fwp_mmsghdr(msg_hdr: header, msg_len: 0)
    }
}
